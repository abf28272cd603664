package manifest

import (
	"strings"

	kjson "k8s.io/apimachinery/pkg/util/json"

	"orrery/model"
	"orrery/scenarios/strict"
)

// kind is a kind of object we read.
type kind struct {
	typed
	kind       model.Kind // KindNone for what only other objects need
	namespaced bool
	label      bool // its name is a DNS label, not a subdomain
	acted      fields
	read       func(*object)
}

// kinds is everything we read. The fields each acts on are in acted.go. It is
// set in init, because the readers look into it.
var kinds []kind

func init() {
	kinds = []kind{
		{typed{"apps/v1", "Deployment"}, model.KindDeployment, true, false, actedDeployment, readDeployment},
		{typed{"apps/v1", "ReplicaSet"}, model.KindReplicaSet, true, false, actedReplicaSet, readReplicaSet},
		{typed{"apps/v1", "StatefulSet"}, model.KindStatefulSet, true, false, actedStatefulSet, readStatefulSet},
		{typed{"apps/v1", "DaemonSet"}, model.KindDaemonSet, true, false, actedDaemonSet, readDaemonSet},
		{typed{"batch/v1", "Job"}, model.KindJob, true, false, actedJob, readJob},
		{typed{"batch/v1", "CronJob"}, model.KindCronJob, true, false, actedCronJob, readCronJob},
		{typed{"v1", "LimitRange"}, model.KindLimitRange, true, false, actedLimitRange, readLimitRange},
		{typed{"v1", "ResourceQuota"}, model.KindResourceQuota, true, false, actedQuota, readQuota},
		{typed{"v1", "ConfigMap"}, model.KindConfigMap, true, false, actedConfigMap, readConfigMap},
		{typed{"v1", "Secret"}, model.KindSecret, true, false, actedSecret, readSecret},
		{typed{"v1", "ReplicationController"}, model.KindNone, true, false, actedOwner, readReplicationController},
		{typed{"v1", "Pod"}, model.KindPod, true, false, actedPod, readPod},
		{typed{"v1", "Service"}, model.KindService, true, true, actedService, readService},
		{typed{"v1", "Node"}, model.KindNode, false, false, actedNode, readNode},
		{typed{"v1", "Namespace"}, model.KindNamespace, false, true, actedNamespace, readNamespace},
		{typed{"v1", "PersistentVolumeClaim"}, model.KindPersistentVolumeClaim, true, false, actedStorage, readClaim},
		{typed{"v1", "PersistentVolume"}, model.KindPersistentVolume, false, false, actedStorage, readVolume},
		{typed{"storage.k8s.io/v1", "StorageClass"}, model.KindNone, false, false, actedStorage, readStorageClass},
		{typed{"policy/v1", "PodDisruptionBudget"}, model.KindPodDisruptionBudget, true, false, actedBudget, readBudget},
		{typed{"autoscaling/v2", "HorizontalPodAutoscaler"}, model.KindHorizontalPodAutoscaler, true, false, actedAutoscaler, readAutoscaler},
		{typed{"autoscaling/v1", "HorizontalPodAutoscaler"}, model.KindHorizontalPodAutoscaler, true, false, actedAutoscaler, readAutoscalerV1},
		{typed{"storage.k8s.io/v1", "CSINode"}, model.KindNone, false, false, actedStorage, readCSINode},
		{typed{"storage.k8s.io/v1", "CSIDriver"}, model.KindNone, false, false, actedStorage, readCSIDriver},
		{typed{"storage.k8s.io/v1", "CSIStorageCapacity"}, model.KindNone, true, false, actedCapacity, readStorageCapacity},
		{typed{"storage.k8s.io/v1", "VolumeAttachment"}, model.KindNone, false, false, actedStorage, readAttachment},
		{typed{"scheduling.k8s.io/v1", "PriorityClass"}, model.KindPriorityClass, false, false, actedPriorityClass, readPriorityClass},
		{typed{"node.k8s.io/v1", "RuntimeClass"}, model.KindNone, false, false, actedRuntimeClass, readRuntimeClass},
		{typed{"scheduling.k8s.io/v1alpha1", "Workload"}, model.KindWorkload, true, false, actedWorkload, readWorkload},
		{typed{"admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"}, model.KindValidatingWebhookConfiguration, false, false, actedWebhooks, readValidating},
		{typed{"admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"}, model.KindMutatingWebhookConfiguration, false, false, actedWebhooks, readMutating},
		{typed{"flowcontrol.apiserver.k8s.io/v1", "FlowSchema"}, model.KindFlowSchema, false, false, actedFlowSchema, readFlowSchema},
		{typed{"flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration"}, model.KindPriorityLevelConfiguration, false, false, actedPriorityLevel, readPriorityLevel},
		{typed{"v1", "ServiceAccount"}, model.KindServiceAccount, true, false, actedAccount, readServiceAccount},
		{typed{"rbac.authorization.k8s.io/v1", "Role"}, model.KindRole, true, false, actedRole, readRole},
		{typed{"rbac.authorization.k8s.io/v1", "ClusterRole"}, model.KindClusterRole, false, false, actedRole, readClusterRole},
		{typed{"rbac.authorization.k8s.io/v1", "RoleBinding"}, model.KindRoleBinding, true, false, actedBinding, readRoleBinding},
		{typed{"rbac.authorization.k8s.io/v1", "ClusterRoleBinding"}, model.KindClusterRoleBinding, false, false, actedBinding, readClusterRoleBinding},
	}
}

// lookup is the kind of that name, also if it is of another group or version
// that once had it; nil if we read none.
func lookup(t typed) *kind {
	for i := range kinds {
		if k := &kinds[i]; k.typed == t || k.typed.kind == t.kind && formerly[t.version] {
			return k
		}
	}
	return nil
}

// formerly is the versions that kinds we read have been in, or that people
// write by mistake.
var formerly = map[string]bool{
	"v1": true, "apps/v1": true, "apps/v1beta1": true, "apps/v1beta2": true, "extensions/v1beta1": true,
	"batch/v1": true, "batch/v1beta1": true, "node.k8s.io/v1beta1": true, "scheduling.k8s.io/v1beta1": true, "scheduling.k8s.io/v1alpha1": true,
	"admissionregistration.k8s.io/v1beta1": true, "flowcontrol.apiserver.k8s.io/v1beta1": true, "flowcontrol.apiserver.k8s.io/v1beta2": true,
	"flowcontrol.apiserver.k8s.io/v1beta3": true,
}

// object is one object while it is read.
type object struct {
	set  *Set
	v    strict.Value
	kind *kind
	meta model.Meta
}

func (o *object) root() *place { return &place{object: o} }

// identify reads the object's name and namespace, and tells whether it has a
// good one that nothing else in the set has. Names of roles and bindings may have
// colons and more (pkg/apis/rbac/validation/validation.go ValidateRBACName).
func (o *object) identify() bool {
	o.meta.Kind = o.kind.kind
	meta := o.v.Peek("metadata")
	name := meta.Peek("name")
	if !name.Given() || name.IsNull() {
		o.root().fields("metadata", "name").errorf("is missing in this %s", o.kind.typed.kind)
		return false
	}
	switch {
	case o.kind.label:
		o.meta.Name = name.DNSLabel()
	case strings.HasPrefix(o.kind.typed.version, "rbac."):
		o.meta.Name = pathSegment(name)
	default:
		o.meta.Name = name.Name()
	}
	if o.kind.namespaced {
		o.meta.Namespace = "default"
		if ns := meta.Peek("namespace"); ns.Given() && !ns.IsNull() {
			o.meta.Namespace = ns.DNSLabel()
		}
	}
	if o.meta.Name == "" || o.kind.namespaced && o.meta.Namespace == "" {
		o.set.decoder.wrong++
		return false
	}
	path := o.path()
	if first, twice := o.set.seen[path]; twice {
		o.root().fields("metadata", "name").errorf("%s is given twice: first at %s", path, first)
		return false
	}
	o.set.seen[path] = name.Pos()
	return true
}

// path is the object's name for people: "deployment/web".
func (o *object) path() string {
	if o.kind.kind == model.KindNone {
		path := strings.ToLower(o.kind.typed.kind) + "/" + o.meta.Name
		if o.meta.Namespace != "" && o.meta.Namespace != "default" {
			path = o.meta.Namespace + "/" + path
		}
		return path
	}
	return o.meta.Path()
}

// decode checks the object against the API type of into and decodes it. It is
// false if there was a mistake; then into is of no use.
func decode[T any](o *object, into *T) bool {
	before := o.set.decoder.wrong
	walkType(o, typeOf[T]())
	if o.set.decoder.wrong > before {
		return false
	}
	data := o.v.JSON()
	if data == nil {
		o.set.decoder.wrong++
		return false
	}
	if err := kjson.Unmarshal(data, into); err != nil {
		o.root().errorf("%v", err)
		return false
	}
	return true
}

// keep adds what was read to the set, unless there was a mistake since before.
func (o *object) keep(before int, r model.Object) {
	if o.set.decoder.wrong == before {
		o.set.Objects = append(o.set.Objects, r)
		o.set.Places = append(o.set.Places, o.v)
	}
}

// labels checks a map of labels and makes it ours.
func (o *object) labels(p *place, m map[string]string) model.Labels {
	if len(m) == 0 {
		return nil
	}
	if v, missing := p.find(); missing == "" {
		if checked := v.LabelMap(); len(checked) != len(m) {
			o.set.decoder.wrong++ // and said so
		}
	}
	return model.MakeLabels(m)
}

// note tells that something at the place is not acted on.
func (o *object) note(p *place, what string) {
	v, _ := p.find()
	o.set.decoder.notes.add(o.kind.typed.kind+" "+what, Note{Position: v.KeyPos(), Object: o.path(), What: what})
}
