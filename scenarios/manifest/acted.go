package manifest

import "strings"

// mark says whether the model acts on a field.
type mark uint8

const (
	nothing mark = iota // it does not: a note says so
	partly              // on something below it
	wholly              // on it and all below, or there is nothing to act on
)

// fields is the marks of a kind's fields, by their path without indexes.
type fields map[string]mark

func (f fields) mark(path string) mark { return f[path] }

// acting is the fields at the paths, marked.
func acting(lists ...[]string) fields {
	f := fields{}
	for _, list := range lists {
		for _, path := range list {
			for i, c := range path {
				if c == '.' {
					f[path[:i]] = max(f[path[:i]], partly)
				}
			}
			f[path] = wholly
		}
	}
	return f
}

// under is the paths below another.
func under(prefix string, paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = prefix + "." + p
	}
	return out
}

func words(s string) []string { return strings.Fields(s) }

// bookkeeping is what says which object this is, and what only the API server
// writes; whoever applies it anyway means nothing by it.
var bookkeeping = words(`apiVersion kind metadata.name metadata.namespace metadata.labels
	metadata.uid metadata.resourceVersion metadata.generation metadata.creationTimestamp metadata.selfLink
	metadata.managedFields`)

// What a probe asks for does not matter, only how, which is known by its handler, and whether there
// is such a port.
var probe = words(`initialDelaySeconds periodSeconds timeoutSeconds successThreshold failureThreshold
	terminationGracePeriodSeconds httpGet tcpSocket exec grpc`)

var hook = words(`exec httpGet sleep`)

var container = join(
	words(`name image ports imagePullPolicy resources.requests resources.limits restartPolicy restartPolicyRules resizePolicy securityContext
	env.name env.valueFrom.configMapKeyRef env.valueFrom.secretKeyRef envFrom`),
	under("readinessProbe", probe), under("livenessProbe", probe), under("startupProbe", probe),
	under("lifecycle.preStop", hook), under("lifecycle.postStart", hook), words(`lifecycle.stopSignal`),
)

var podSpec = join(
	words(`restartPolicy terminationGracePeriodSeconds activeDeadlineSeconds nodeName nodeSelector
	affinity topologySpreadConstraints readinessGates resources.requests resources.limits tolerations
	priority priorityClassName preemptionPolicy schedulerName runtimeClassName overhead hostNetwork hostPID hostIPC securityContext workloadRef
	serviceAccountName serviceAccount automountServiceAccountToken dnsConfig.options volumes.projected.sources.serviceAccountToken
	volumes.projected.sources.configMap volumes.projected.sources.secret volumes.configMap volumes.secret
	volumes.name volumes.emptyDir.medium volumes.emptyDir.sizeLimit volumes.persistentVolumeClaim volumes.ephemeral
	volumes.gcePersistentDisk volumes.awsElasticBlockStore volumes.iscsi volumes.rbd`),
	under("containers", container), under("initContainers", container),
)

// What changes nothing about where a pod runs, when, or whether it serves, in
// Kubernetes itself, is not worth a note.
var inert = words(`containers.terminationMessagePath containers.terminationMessagePolicy
	initContainers.terminationMessagePath initContainers.terminationMessagePolicy dnsPolicy enableServiceLinks`)

var workload = words(`spec.replicas spec.selector spec.minReadySeconds spec.template.metadata.labels spec.template.metadata.finalizers
	spec.template.metadata.creationTimestamp spec.template.metadata.name status`)

var job = join(words(`parallelism completions completionMode backoffLimit backoffLimitPerIndex maxFailedIndexes
	activeDeadlineSeconds ttlSecondsAfterFinished suspend podReplacementPolicy podFailurePolicy
	template.metadata.labels template.metadata.finalizers template.metadata.creationTimestamp template.metadata.name`),
	under("template.spec", podSpec), under("template.spec", inert))

var (
	actedReplicaSet = acting(bookkeeping, workload, under("spec.template.spec", podSpec), under("spec.template.spec", inert),
		words(`metadata.ownerReferences`))

	actedDeployment = acting(bookkeeping, workload, under("spec.template.spec", podSpec), under("spec.template.spec", inert),
		words(`spec.strategy spec.progressDeadlineSeconds spec.revisionHistoryLimit spec.paused`))

	actedStatefulSet = acting(bookkeeping, workload, under("spec.template.spec", podSpec), under("spec.template.spec", inert),
		words(`spec.serviceName spec.podManagementPolicy spec.updateStrategy spec.ordinals spec.revisionHistoryLimit
		spec.volumeClaimTemplates spec.persistentVolumeClaimRetentionPolicy`))

	actedDaemonSet = acting(bookkeeping, workload, under("spec.template.spec", podSpec), under("spec.template.spec", inert),
		words(`spec.updateStrategy spec.revisionHistoryLimit`))

	actedJob = acting(bookkeeping, under("spec", job), words(`metadata.ownerReferences status`))

	actedCronJob = acting(bookkeeping, under("spec.jobTemplate.spec", job), words(`spec.schedule spec.timeZone spec.concurrencyPolicy
		spec.suspend spec.startingDeadlineSeconds spec.successfulJobsHistoryLimit spec.failedJobsHistoryLimit
		spec.jobTemplate.metadata.labels status`))

	actedPod = acting(bookkeeping, under("spec", podSpec), under("spec", inert),
		words(`spec.schedulingGates status metadata.ownerReferences metadata.deletionTimestamp
		metadata.deletionGracePeriodSeconds metadata.generateName metadata.finalizers`))

	// Ports have no numbers here: whoever is an endpoint of one serves all of them.
	actedService = acting(bookkeeping, words(`spec.selector spec.type spec.clusterIP spec.clusterIPs spec.ports
		spec.publishNotReadyAddresses spec.internalTrafficPolicy spec.externalTrafficPolicy
		spec.trafficDistribution spec.sessionAffinity spec.sessionAffinityConfig status`))

	actedNode = acting(bookkeeping, words(`spec.unschedulable spec.taints spec.podCIDR spec.podCIDRs spec.providerID
		status.capacity status.allocatable status.images status.conditions
		status.addresses status.nodeInfo status.daemonEndpoints status.config status.runtimeHandlers status.features
		status.volumesInUse status.volumesAttached status.phase`))

	actedStorage = acting(bookkeeping, words(`spec status provisioner parameters reclaimPolicy mountOptions
		allowVolumeExpansion volumeBindingMode allowedTopologies metadata.deletionTimestamp metadata.annotations metadata.ownerReferences`))

	actedCapacity = acting(bookkeeping, words(`storageClassName capacity maximumVolumeSize nodeTopology metadata.generateName metadata.ownerReferences`))

	actedOwner = acting(bookkeeping, words(`spec status metadata.annotations metadata.ownerReferences`))

	actedNamespace = acting(bookkeeping, words(`spec status`))

	actedPriorityClass = acting(bookkeeping, words(`value globalDefault description preemptionPolicy`))

	actedRuntimeClass = acting(bookkeeping, words(`handler overhead scheduling`))

	actedLimitRange = acting(bookkeeping, words(`spec.limits`))

	actedConfigMap = acting(bookkeeping, words(`data binaryData immutable`))

	actedSecret = acting(bookkeeping, words(`data stringData type immutable`))

	actedQuota = acting(bookkeeping, words(`spec.hard status`))

	actedBudget = acting(bookkeeping, words(`spec.selector spec.minAvailable spec.maxUnavailable
		spec.unhealthyPodEvictionPolicy status`))
	actedAutoscaler = acting(bookkeeping, words(`spec.scaleTargetRef spec.minReplicas spec.maxReplicas spec.metrics
		spec.behavior spec.targetCPUUtilizationPercentage status`))
	actedAccount  = acting(bookkeeping, words(`secrets imagePullSecrets automountServiceAccountToken metadata.annotations`))
	actedRole     = acting(bookkeeping, words(`rules.verbs rules.apiGroups rules.resources rules.resourceNames`))
	actedBinding  = acting(bookkeeping, words(`roleRef subjects`))
	actedWorkload = acting(bookkeeping, words(`spec`))

	// The one annotation that counts is looked at; nobody asks for what is no resource.
	actedFlowSchema    = acting(bookkeeping, words(`metadata.annotations spec status`))
	actedPriorityLevel = acting(bookkeeping, words(`metadata.annotations spec status`))

	// What is called in which words (path, port, reviews, certificates, matchPolicy)
	// changes nothing here: every kind has one version.
	actedWebhooks = acting(bookkeeping, words(`webhooks.name webhooks.clientConfig webhooks.rules webhooks.failurePolicy
		webhooks.matchPolicy webhooks.namespaceSelector webhooks.objectSelector webhooks.sideEffects
		webhooks.timeoutSeconds webhooks.admissionReviewVersions webhooks.reinvocationPolicy`))
)

func join(lists ...[]string) []string {
	var out []string
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}
