package apiserver

import (
	"strings"

	"orrery/model"
)

// bound is a role that every cluster has, and who has it. They are not objects
// here: a real API server makes them when it starts, and repairs them then.
type bound struct {
	role     string
	subjects []model.Subject
	rules    []model.PolicyRule
}

// rule allows verbs on resources of a group, both separated by spaces; the group
// "" is the core group.
func rule(verbs, group, resources string) model.PolicyRule {
	return model.PolicyRule{
		Verbs: strings.Fields(verbs), APIGroups: []string{group}, Resources: strings.Fields(resources),
	}
}

func user(name string) []model.Subject  { return []model.Subject{{Kind: "User", Name: name}} }
func group(name string) []model.Subject { return []model.Subject{{Kind: "Group", Name: name}} }

// account is the controller's role and the account that has it.
func account(name string, rules ...model.PolicyRule) bound {
	return bound{
		role:     "system:controller:" + name,
		subjects: []model.Subject{{Kind: "ServiceAccount", Namespace: model.NamespaceSystem, Name: name}},
		rules:    rules,
	}
}

// addOn is the role of a component that a cluster's owner installs, and its account.
func addOn(name string, rules ...model.PolicyRule) bound {
	b := account(name, rules...)
	b.role = name
	return b
}

const (
	read      = "get list watch"
	listWatch = "list watch"
	change    = "create delete deletecollection patch update"
	all       = "*"
)

// viewed and edited are the resources of the roles view, edit and admin that
// have a kind in any cluster we model.
var viewed = []model.PolicyRule{
	rule(read, "", "pods pods/status pods/log services services/status serviceaccounts persistentvolumeclaims "+
		"endpoints replicationcontrollers resourcequotas limitranges namespaces events"),
	rule(read, "apps", "deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status "+
		"statefulsets statefulsets/scale statefulsets/status daemonsets daemonsets/status controllerrevisions"),
	rule(read, "batch", "jobs jobs/status cronjobs cronjobs/status"),
	rule(read, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
	rule(read, "policy", "poddisruptionbudgets poddisruptionbudgets/status"),
	rule(read, "discovery.k8s.io", "endpointslices"),
}

var edited = []model.PolicyRule{
	rule(change, "", "pods services serviceaccounts persistentvolumeclaims configmaps secrets replicationcontrollers replicationcontrollers/scale events"),
	rule("create", "", "pods/eviction"),
	rule(change, "apps", "deployments deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale daemonsets"),
	rule(change, "batch", "jobs cronjobs"),
	rule(change, "autoscaling", "horizontalpodautoscalers"),
	rule(change, "policy", "poddisruptionbudgets"),
}

var administered = []model.PolicyRule{rule(read+" "+change, rbacGroup, "roles rolebindings")}

// bootstrap is the roles and bindings of
// plugin/pkg/auth/authorizer/rbac/bootstrappolicy (policy.go,
// controller_policy.go) and of kubeadm, as far as the processes that we model
// have them.
var bootstrap = []bound{
	{"cluster-admin", group("kubeadm:cluster-admins"), []model.PolicyRule{rule(all, all, all)}},
	{"view", nil, viewed},
	{"edit", nil, append(viewed[:len(viewed):len(viewed)], edited...)},
	{"admin", nil, append(append(viewed[:len(viewed):len(viewed)], edited...), administered...)},
	{"system:kube-scheduler", user(model.UserScheduler), []model.PolicyRule{
		rule("create patch update", "events.k8s.io", "events"),
		rule(read, "", "nodes namespaces services replicationcontrollers persistentvolumeclaims persistentvolumes"),
		rule("delete "+read, "", "pods"),
		rule("create", "", "bindings pods/binding"),
		rule("patch update", "", "pods/status"),
		rule(read, "apps", "replicasets statefulsets"),
		rule(read, "policy", "poddisruptionbudgets"),
		rule(read, "storage.k8s.io", "csinodes csidrivers csistoragecapacities storageclasses volumeattachments"),
		rule(read, "scheduling.k8s.io", "workloads"),
		rule("create get update", "coordination.k8s.io", "leases"),
	}},
	{"system:volume-scheduler", user(model.UserScheduler), []model.PolicyRule{
		rule(read+" patch update", "", "persistentvolumes persistentvolumeclaims"), rule(read, "storage.k8s.io", "storageclasses"),
	}},
	{"system:kube-controller-manager", user(model.UserControllerManager), []model.PolicyRule{
		rule("create", "", "secrets serviceaccounts serviceaccounts/token"),
		rule("get", "", "namespaces secrets serviceaccounts configmaps"),
		rule("update", "", "secrets serviceaccounts"),
		rule("delete", "", "secrets"),
		rule(listWatch, all, all),
		rule("create get update", "coordination.k8s.io", "leases"),
	}},
	{"system:node-proxier", append(user("system:kube-proxy"), model.Subject{Kind: "ServiceAccount", Namespace: model.NamespaceSystem, Name: "kube-proxy"}), []model.PolicyRule{
		rule(listWatch, "", "services endpoints"),
		rule(read, "", "nodes"),
		rule(listWatch, "discovery.k8s.io", "endpointslices"),
	}},
	// What the manifests of the cloud's components say: those of
	// cloud-controller-manager (k8s.io/cloud-provider, its documented role), of
	// cluster-autoscaler (cluster-autoscaler/cloudprovider/aws/examples) and of
	// aws-node-termination-handler.
	addOn("cloud-controller-manager",
		rule(read+" update patch delete", "", "nodes"), rule("patch update", "", "nodes/status"), rule("create get update", "coordination.k8s.io", "leases")),
	addOn("cluster-autoscaler",
		rule("watch list get update patch", "", "nodes"), rule(read, "", "pods services replicationcontrollers persistentvolumeclaims persistentvolumes namespaces"),
		rule("create", "", "pods/eviction"), rule("update", "", "pods/status"), rule(read, "apps", "replicasets statefulsets daemonsets"),
		rule(listWatch, "policy", "poddisruptionbudgets"), rule(read, "batch", "jobs cronjobs"), rule("create get update", "coordination.k8s.io", "leases")),
	addOn("coredns", // cmd/kubeadm/app/phases/addons/dns/manifests.go, system:coredns
		rule(listWatch, "", "endpoints services pods namespaces"), rule(listWatch, "discovery.k8s.io", "endpointslices")),
	addOn("node-termination-handler",
		rule(read+" patch update", "", "nodes"), rule(read, "", "pods"), rule("create", "", "pods/eviction"), rule(read, "apps", "daemonsets")),
	account("attachdetach-controller",
		rule(listWatch, "", "persistentvolumes persistentvolumeclaims pods"), rule(read, "", "nodes"), rule("patch update", "", "nodes/status"),
		rule(read+" create delete", "storage.k8s.io", "volumeattachments")),
	account("cronjob-controller",
		rule(read+" update", "batch", "cronjobs"), rule(read+" create update delete patch", "batch", "jobs"),
		rule("update", "batch", "cronjobs/status"), rule(listWatch+" delete", "", "pods")),
	account("daemon-set-controller",
		rule(read, "apps", "daemonsets"), rule("update", "apps", "daemonsets/status"), rule(listWatch, "", "nodes"),
		rule(listWatch+" create delete patch", "", "pods"), rule("create", "", "pods/binding"),
		rule(read+" create delete update patch", "apps", "controllerrevisions")),
	account("deployment-controller",
		rule(read+" update", "apps", "deployments"), rule("update", "apps", "deployments/status"),
		rule(read+" create update patch delete", "apps", "replicasets"), rule(read+" update", "", "pods")),
	account("disruption-controller",
		rule(read, "apps", "deployments replicasets statefulsets"), rule(read, "policy", "poddisruptionbudgets"),
		rule("update", "policy", "poddisruptionbudgets/status"), rule("patch update", "", "pods/status"), rule("get", all, "*/scale")),
	account("endpointslice-controller",
		rule(read, "", "services pods nodes"), rule(read+" create update delete", "discovery.k8s.io", "endpointslices")),
	account("ephemeral-volume-controller", rule(read, "", "pods"), rule(read+" create", "", "persistentvolumeclaims")),
	account("generic-garbage-collector", rule(read+" patch update delete", all, all)),
	account("horizontal-pod-autoscaler",
		rule(read, "autoscaling", "horizontalpodautoscalers"), rule("update", "autoscaling", "horizontalpodautoscalers/status"),
		rule("get update", all, "*/scale"), rule(listWatch, "", "pods")),
	account("job-controller",
		rule(read+" update patch", "batch", "jobs"), rule("update", "batch", "jobs/status"), rule(listWatch+" create delete patch", "", "pods")),
	account("namespace-controller", rule(read+" delete", "", "namespaces"),
		rule("update", "", "namespaces/finalize namespaces/status"), rule(read+" delete deletecollection", all, all)),
	account("node-controller",
		rule(read+" update delete patch", "", "nodes"), rule("patch update", "", "nodes/status pods/status"), rule(read+" delete", "", "pods")),
	account("persistent-volume-binder",
		rule(read+" update create delete", "", "persistentvolumes"), rule(read+" update", "", "persistentvolumeclaims"),
		rule("update", "", "persistentvolumes/status persistentvolumeclaims/status"), rule(read+" create delete", "", "pods"),
		rule(read, "storage.k8s.io", "storageclasses"), rule(listWatch, "", "nodes")),
	account("csi-provisioner", // deploy/kubernetes/rbac.yaml of kubernetes-csi/external-provisioner
		rule(read+" create patch delete", "", "persistentvolumes"), rule(read+" update", "", "persistentvolumeclaims")),
	account("csi-attacher", // deploy/kubernetes/rbac.yaml of kubernetes-csi/external-attacher, which patches
		rule(read+" update", "storage.k8s.io", "volumeattachments"), rule("update", "storage.k8s.io", "volumeattachments/status")),
	account("pod-garbage-collector", rule(listWatch+" delete", "", "pods"), rule(read, "", "nodes"), rule("patch", "", "pods/status")),
	account("pvc-protection-controller", rule(read+" update", "", "persistentvolumeclaims"), rule(read, "", "pods")),
	account("pv-protection-controller", rule(read+" update", "", "persistentvolumes")),
	account("replicaset-controller",
		rule(read+" update", "apps", "replicasets"), rule("update", "apps", "replicasets/status"),
		rule(listWatch+" patch create delete", "", "pods")),
	account("resourcequota-controller", rule(listWatch, all, all), rule("update", "", "resourcequotas/status")),
	account("statefulset-controller",
		rule(read, "apps", "statefulsets"), rule("update", "apps", "statefulsets/status"),
		rule(read+" create delete update patch", "", "pods"), rule(read+" create delete update patch", "apps", "controllerrevisions"),
		rule(read+" create update delete", "", "persistentvolumeclaims")),
	account("ttl-after-finished-controller", rule(read+" delete", "batch", "jobs")),
}
