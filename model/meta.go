// Package model says what exists in a cluster: pods, nodes, Deployments and
// the rest, as compact values with units in their names. Its one idea: an
// object is immutable once it is stored; who wants to change one copies it,
// changes the copy and sends that to the API server. Specs are shared by all
// objects made from one template, so a stored version costs a few words. The
// package refuses behaviour: nothing here knows time passing.
package model

import (
	"strconv"

	"orrery/sim"
)

// Kind is a Kubernetes kind the model acts on.
type Kind uint8

// The kinds, in the order in which reports list them.
const (
	KindNone Kind = iota
	KindNode
	KindPod
	KindDeployment
	KindReplicaSet
	KindService
	KindEndpointSlice
	KindPriorityClass
	KindPodDisruptionBudget
	KindWorkload
	KindStatefulSet
	KindControllerRevision
	KindDaemonSet
	KindJob
	KindCronJob
	KindLimitRange
	KindResourceQuota
	KindServiceAccount
	KindRole
	KindClusterRole
	KindRoleBinding
	KindClusterRoleBinding
	KindNamespace
	KindValidatingWebhookConfiguration
	KindMutatingWebhookConfiguration
	KindLease
	KindHorizontalPodAutoscaler
	KindPersistentVolumeClaim
	KindPersistentVolume
	KindVolumeAttachment
	KindFlowSchema
	KindPriorityLevelConfiguration
	KindConfigMap
	KindSecret
	// Kinds is the number of kinds, for arrays indexed by Kind.
	Kinds
)

var kindNames = [Kinds]string{"", "Node", "Pod", "Deployment", "ReplicaSet", "Service", "EndpointSlice", "PriorityClass",
	"PodDisruptionBudget", "Workload", "StatefulSet", "ControllerRevision", "DaemonSet", "Job", "CronJob", "LimitRange", "ResourceQuota",
	"ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding",
	"Namespace", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "Lease", "HorizontalPodAutoscaler",
	"PersistentVolumeClaim", "PersistentVolume", "VolumeAttachment", "FlowSchema", "PriorityLevelConfiguration", "ConfigMap", "Secret"}

// String is the kind as Kubernetes writes it.
func (k Kind) String() string { return kindNames[k] }

var kindShort = [Kinds]string{"", "node", "pod", "deployment", "replicaset", "service", "endpointslice", "priorityclass",
	"poddisruptionbudget", "workload", "statefulset", "controllerrevision", "daemonset", "job", "cronjob", "limitrange", "resourcequota",
	"serviceaccount", "role", "clusterrole", "rolebinding", "clusterrolebinding",
	"namespace", "validatingwebhookconfiguration", "mutatingwebhookconfiguration", "lease", "horizontalpodautoscaler",
	"persistentvolumeclaim", "persistentvolume", "volumeattachment", "flowschema", "prioritylevelconfiguration", "configmap", "secret"}

// Short is the kind as kubectl takes it in front of a slash: "deployment".
func (k Kind) Short() string { return kindShort[k] }

// Resource is the kind as messages of the API name it: "deployments.apps".
func (k Kind) Resource() string {
	name := k.Short() + "s"
	switch k {
	case KindDeployment, KindReplicaSet, KindStatefulSet, KindDaemonSet, KindControllerRevision:
		return name + ".apps"
	case KindJob, KindCronJob:
		return name + ".batch"
	case KindPodDisruptionBudget:
		return name + ".policy"
	}
	return name
}

// kindAliases are the spellings kubectl accepts.
var kindAliases = map[string]Kind{
	"node": KindNode, "nodes": KindNode, "no": KindNode,
	"pod": KindPod, "pods": KindPod, "po": KindPod,
	"deployment": KindDeployment, "deployments": KindDeployment, "deploy": KindDeployment,
	"replicaset": KindReplicaSet, "replicasets": KindReplicaSet, "rs": KindReplicaSet,
	"service": KindService, "services": KindService, "svc": KindService,
	"endpointslice": KindEndpointSlice, "endpointslices": KindEndpointSlice,
	"priorityclass": KindPriorityClass, "priorityclasses": KindPriorityClass, "pc": KindPriorityClass,
	"poddisruptionbudget": KindPodDisruptionBudget, "poddisruptionbudgets": KindPodDisruptionBudget, "pdb": KindPodDisruptionBudget,
	"workload": KindWorkload, "workloads": KindWorkload,
	"statefulset": KindStatefulSet, "statefulsets": KindStatefulSet, "sts": KindStatefulSet,
	"daemonset": KindDaemonSet, "daemonsets": KindDaemonSet, "ds": KindDaemonSet,
	"job": KindJob, "jobs": KindJob,
	"cronjob": KindCronJob, "cronjobs": KindCronJob, "cj": KindCronJob,
	"limitrange": KindLimitRange, "limitranges": KindLimitRange, "limits": KindLimitRange,
	"resourcequota": KindResourceQuota, "resourcequotas": KindResourceQuota, "quota": KindResourceQuota,
	"controllerrevision": KindControllerRevision, "controllerrevisions": KindControllerRevision,
	"horizontalpodautoscaler": KindHorizontalPodAutoscaler, "horizontalpodautoscalers": KindHorizontalPodAutoscaler, "hpa": KindHorizontalPodAutoscaler,
	"serviceaccount": KindServiceAccount, "serviceaccounts": KindServiceAccount, "sa": KindServiceAccount,
	"role": KindRole, "roles": KindRole, "clusterrole": KindClusterRole, "clusterroles": KindClusterRole,
	"rolebinding": KindRoleBinding, "rolebindings": KindRoleBinding,
	"persistentvolumeclaim": KindPersistentVolumeClaim, "persistentvolumeclaims": KindPersistentVolumeClaim, "pvc": KindPersistentVolumeClaim,
	"persistentvolume": KindPersistentVolume, "persistentvolumes": KindPersistentVolume, "pv": KindPersistentVolume,
	"volumeattachment": KindVolumeAttachment, "volumeattachments": KindVolumeAttachment,
	"clusterrolebinding": KindClusterRoleBinding, "clusterrolebindings": KindClusterRoleBinding,
	"lease": KindLease, "leases": KindLease,
	"namespace": KindNamespace, "namespaces": KindNamespace, "ns": KindNamespace,
	"validatingwebhookconfiguration": KindValidatingWebhookConfiguration, "validatingwebhookconfigurations": KindValidatingWebhookConfiguration,
	"mutatingwebhookconfiguration": KindMutatingWebhookConfiguration, "mutatingwebhookconfigurations": KindMutatingWebhookConfiguration,
	"flowschema": KindFlowSchema, "flowschemas": KindFlowSchema,
	"prioritylevelconfiguration": KindPriorityLevelConfiguration, "prioritylevelconfigurations": KindPriorityLevelConfiguration,
	"configmap": KindConfigMap, "configmaps": KindConfigMap, "cm": KindConfigMap,
	"secret": KindSecret, "secrets": KindSecret,
}

// ParseKind reads a kind as kubectl would: full, plural or short name, lower
// case. It returns KindNone for a name it does not know.
func ParseKind(s string) Kind { return kindAliases[s] }

// Namespaced tells whether objects of the kind are in a namespace.
func (k Kind) Namespaced() bool {
	switch k {
	case KindNone, KindNode, KindPriorityClass, KindClusterRole, KindClusterRoleBinding, KindNamespace,
		KindValidatingWebhookConfiguration, KindMutatingWebhookConfiguration, KindPersistentVolume, KindVolumeAttachment,
		KindFlowSchema, KindPriorityLevelConfiguration:
		return false
	}
	return true
}

// Ref names an object by its kind and its dense number within the kind. The
// store hands numbers out, from 1, and never reuses one; tables of state are
// indexed by them. The zero Ref names nothing.
type Ref struct {
	Kind Kind
	ID   uint32
}

// Pack is the Ref as what a wake-up is about.
func (r Ref) Pack() uint64 { return uint64(r.Kind)<<32 | uint64(r.ID) }

// IsZero tells whether r names nothing.
func (r Ref) IsZero() bool { return r.ID == 0 }

// Meta is what every object carries. Namespace is empty for nodes.
type Meta struct {
	Kind      Kind
	ID        uint32 // dense within the kind; 0 until the store accepted the object
	Namespace string
	Name      string

	ResourceVersion int64    // revision of the last write; 0 until stored
	Generation      int64    // counts changes of the spec, from 1
	CreatedAt       sim.Time // set by the API server
	DeletionAt      sim.Time // deletionTimestamp (deletion request + grace); 0 while not being deleted
	GraceSeconds    int32    // deletionGracePeriodSeconds; meaningful while DeletionAt is set

	Owner  Ref // the controller owner, zero if none
	Labels Labels
}

// Object is any stored object.
type Object interface {
	// Head is the object's metadata; of a stored object it must not be written.
	Head() *Meta
	// Copy is a shallow copy whose fields may be replaced; what they point to
	// stays shared and immutable. The copy is not stored.
	Copy() Object
}

// Head makes every type that embeds Meta an Object's half.
func (m *Meta) Head() *Meta { return m }

// Ref names the object.
func (m *Meta) Ref() Ref { return Ref{Kind: m.Kind, ID: m.ID} }

// Deleting tells whether the object has been asked to go.
func (m *Meta) Deleting() bool { return m.DeletionAt != 0 }

// Path is the object's name as kubectl writes it: "pod/web-1", and with the
// namespace in front if it is not "default": "shop/pod/web-1".
func (m *Meta) Path() string {
	p := m.Kind.Short() + "/" + m.Name
	if m.Namespace != "" && m.Namespace != "default" {
		p = m.Namespace + "/" + p
	}
	return p
}

// UID is the object's identity beyond its name: a second pod of the same name
// has another one. It is derived from the dense number and so the same in
// every run.
func (m *Meta) UID() string { return m.Kind.Short() + "-" + strconv.FormatUint(uint64(m.ID), 10) }

// NameHash names the object's private luck: a stable hash of kind, namespace
// and name, never of a number handed out in a run.
func (m *Meta) NameHash() uint64 {
	return sim.HashName(m.Kind.Short()) ^ sim.HashName(m.Namespace)*3 ^ sim.HashName(m.Name)
}
