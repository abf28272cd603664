package controller

import (
	"slices"

	"orrery/model"
	"orrery/model/store"
)

// registration is one controller of the process. To add one, write a file and
// add a line here.
type registration struct {
	name    string
	user    string // the account its requests and notes come from
	workers int    // how many objects it handles at a time
	qps     int64
	make    func(*loop) controller
}

// registry is the controllers in the order in which they are woken. Workers
// are the defaults of pkg/controller/*/config/v1alpha1/defaults.go; QPS 20 and
// burst 30 those of k8s.io/controller-manager/config/v1alpha1/defaults.go; a
// controller's Events come out of the same bucket, as its recorder has the same
// client (StartRecordingToSink in each of them). The
// garbage collector's QPS is doubled because each deletion costs it two calls, that
// of the namespace controller is 20 times as much, and its burst 100 times
// (cmd/kube-controller-manager/app/core.go).
var registry = []registration{
	{"deployment", "deployment-controller", 5, 20, newDeployments},
	{"replicaset", "replicaset-controller", 5, 20, newReplicaSets},
	{"statefulset", "statefulset-controller", 5, 20, newStatefulSets},
	{"daemonset", "daemon-set-controller", 2, 20, newDaemonSets},
	{"job", "job-controller", 5, 20, newJobs},
	{"cronjob", "cronjob-controller", 5, 20, newCronJobs},
	{"ttl-after-finished", "ttl-after-finished-controller", 5, 20, newTTLAfterFinished},
	{"endpointslice", "endpointslice-controller", 5, 20, newEndpointSlices},
	{"node-lifecycle", "node-controller", 8, 20, newNodeLifecycle},
	{"taint-eviction", "taint-eviction-controller", 8, 20, newTaintEviction},
	{"pod-gc", "pod-garbage-collector", 1, 20, newPodGC},
	{"disruption", "disruption-controller", 1, 20, newDisruption},
	{"resource-quota", "resourcequota-controller", 5, 20, newResourceQuotas},
	{"horizontal-pod-autoscaler", "horizontal-pod-autoscaler", 5, 20, newAutoscalers},
	{"namespace", "namespace-controller", 10, 400, newNamespaces},
	{"garbage-collector", "generic-garbage-collector", 20, 40, newGarbageCollector},
}

// ofStorage is those that run where there is storage only. The provisioner and the
// attacher, one of each for all drivers, are no parts of the real process but in a
// Deployment of each driver: here they share the process and its fate
// (kubernetes-csi/external-provisioner cmd/csi-provisioner/csi-provisioner.go:
// worker-threads 100, kube-api-qps 5; external-attacher cmd/csi-attacher/main.go:
// worker-threads 10, kube-api-qps 5). The attach/detach controller begins as many
// operations as there are: 100 stands for that.
var ofStorage = []registration{
	{"persistentvolume-binder", "persistent-volume-binder", 2, 20, newVolumeBinder},
	{"ephemeral-volume", "ephemeral-volume-controller", 5, 20, newEphemeralVolumes},
	{"csi-provisioner", "csi-provisioner", 100, 5, newProvisioner},
	{"attach-detach", "attachdetach-controller", 100, 20, newAttachDetach},
	{"csi-attacher", "csi-attacher", 10, 5, newAttacher},
	{"pvc-protection", "pvc-protection-controller", 1, 20, newClaimProtection},
	{"pv-protection", "pv-protection-controller", 1, 20, newVolumeProtection},
}

// all is both.
func all() []registration { return slices.Concat(registry, ofStorage) }

// QPS and Burst are the limits of the process's own client, and of those of most
// controllers.
const (
	QPS   = 20
	Burst = 30
)

// Names is the names of all controllers, in the order of the registry.
func Names() []string {
	var names []string
	for _, r := range all() {
		names = append(names, r.name)
	}
	return names
}

// component is the process that the controllers are in.
const component = "kube-controller-manager"

// As is who the process is; its controllers have accounts of their own.
var As = store.Identity{User: model.UserControllerManager, Credential: store.Certificate, Component: component}

// Accounts is the service accounts of all controllers, each once.
func Accounts() []string {
	var accounts []string
	for _, r := range all() {
		if a := r.account(); !slices.Contains(accounts, a) {
			accounts = append(accounts, a)
		}
	}
	return accounts
}

// account is the service account of the controller. The taint eviction
// controller has none of its own (cmd/kube-controller-manager/app/core.go:
// "taint-manager uses existing cluster role from node-controller").
func (r *registration) account() string {
	if r.user == "taint-eviction-controller" {
		return "node-controller"
	}
	return r.user
}

// burst is how many requests it may make at once.
func (r *registration) burst() int64 {
	if r.name == "namespace" {
		return 100 * Burst
	}
	return Burst
}

func (r *registration) client(p *Process) *store.Client {
	return p.store.NewClient(store.ClientConfig{
		Name: "system:serviceaccount:kube-system:" + r.user + p.replica, Site: p.site, Local: true, QPS: r.qps, Burst: r.burst(), Events: true,
		As: store.Account(model.NamespaceSystem, r.account(), component),
	})
}
