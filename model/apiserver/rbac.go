package apiserver

import (
	"slices"
	"strings"

	"orrery/model"
	"orrery/model/store"
)

// resource is a kind as rules name it.
type resource struct{ group, plural string }

// core stands for the group that rules write as "".
const core = "core"

var resources = [model.Kinds]resource{
	model.KindNode:                {core, "nodes"},
	model.KindPod:                 {core, "pods"},
	model.KindDeployment:          {"apps", "deployments"},
	model.KindReplicaSet:          {"apps", "replicasets"},
	model.KindService:             {core, "services"},
	model.KindEndpointSlice:       {"discovery.k8s.io", "endpointslices"},
	model.KindPriorityClass:       {"scheduling.k8s.io", "priorityclasses"},
	model.KindPodDisruptionBudget: {"policy", "poddisruptionbudgets"},
	model.KindWorkload:            {"scheduling.k8s.io", "workloads"},
	model.KindStatefulSet:         {"apps", "statefulsets"},
	model.KindControllerRevision:  {"apps", "controllerrevisions"},
	model.KindDaemonSet:           {"apps", "daemonsets"},
	model.KindJob:                 {"batch", "jobs"},
	model.KindCronJob:             {"batch", "cronjobs"},
	model.KindLimitRange:          {core, "limitranges"},
	model.KindResourceQuota:       {core, "resourcequotas"},
	model.KindServiceAccount:      {core, "serviceaccounts"},
	model.KindRole:                {rbacGroup, "roles"},
	model.KindClusterRole:         {rbacGroup, "clusterroles"},
	model.KindRoleBinding:         {rbacGroup, "rolebindings"},
	model.KindClusterRoleBinding:  {rbacGroup, "clusterrolebindings"},
	model.KindLease:               {"coordination.k8s.io", "leases"},
	model.KindNamespace:           {core, "namespaces"},
	model.KindConfigMap:           {core, "configmaps"},
	model.KindSecret:              {core, "secrets"},

	model.KindValidatingWebhookConfiguration: {admissionGroup, "validatingwebhookconfigurations"},
	model.KindMutatingWebhookConfiguration:   {admissionGroup, "mutatingwebhookconfigurations"},

	model.KindHorizontalPodAutoscaler: {"autoscaling", "horizontalpodautoscalers"},
	model.KindPersistentVolumeClaim:   {core, "persistentvolumeclaims"},
	model.KindPersistentVolume:        {core, "persistentvolumes"},
	model.KindVolumeAttachment:        {"storage.k8s.io", "volumeattachments"},

	model.KindFlowSchema:                 {flowGroup, "flowschemas"},
	model.KindPriorityLevelConfiguration: {flowGroup, "prioritylevelconfigurations"},
}

const (
	rbacGroup      = "rbac.authorization.k8s.io"
	admissionGroup = "admissionregistration.k8s.io"
	flowGroup      = "flowcontrol.apiserver.k8s.io"
)

// bits is a set of rights on parts of objects of one kind.
type bits uint64

func bitOf(right store.Right, part store.Part) bits {
	return 1 << (uint(part)*uint(store.Rights) + uint(right))
}

const allBits = bits(1)<<(uint(store.Parts)*uint(store.Rights)) - 1

// rights is everything somebody may do, by kind.
type rights struct {
	everywhere [model.Kinds]bits
	somewhere  [model.Kinds]bits // in some namespace, or to some object
	narrow     []narrow
}

// narrow is rights in one namespace, or to some objects only.
type narrow struct {
	namespace string   // "" is all of them
	names     []string // empty is all
	of        [model.Kinds]bits
}

// in tells whether one of the narrower rights is enough; name is "" if no one
// object is meant.
func (x *rights) in(kind model.Kind, bit bits, namespace, name string) bool {
	for i := range x.narrow {
		n := &x.narrow[i]
		if n.of[kind]&bit != 0 && (n.namespace == "" || n.namespace == namespace) &&
			(len(n.names) == 0 || name != "" && slices.Contains(n.names, name)) {
			return true
		}
	}
	return false
}

// lookUp adds up what roles give to somebody: all of a ClusterRoleBinding's
// rules count everywhere, all of a RoleBinding's in its namespace, and nothing
// forbids (plugin/pkg/auth/authorizer/rbac/rbac.go VisitRulesFor).
func (g *gate) lookUp(as *store.Identity) *rights {
	x := &rights{}
	if slices.Contains(as.Groups, model.GroupMasters) {
		// k8s.io/apiserver/pkg/authorization/authorizerfactory: always allowed.
		for kind := range x.everywhere {
			x.everywhere[kind] = allBits
		}
		return x
	}
	for i := range bootstrap {
		if b := &bootstrap[i]; slices.ContainsFunc(b.subjects, func(s model.Subject) bool { return isSubject(s, as, "") }) {
			x.add(b.rules, "")
		}
	}
	snapshot := g.store.Snapshot()
	for _, kind := range [...]model.Kind{model.KindClusterRoleBinding, model.KindRoleBinding} {
		snapshot.Each(kind, func(o model.Object) bool {
			b := o.(*model.RoleBinding)
			if slices.ContainsFunc(b.Subjects, func(s model.Subject) bool { return isSubject(s, as, b.Namespace) }) {
				x.add(g.rules(b), b.Namespace)
			}
			return true
		})
	}
	return x
}

// rules is what a binding gives; nothing if there is no such role.
func (g *gate) rules(b *model.RoleBinding) []model.PolicyRule {
	namespace := b.Namespace
	if b.RoleKind == model.KindClusterRole {
		namespace = ""
	}
	if r, ok := g.store.Lookup(b.RoleKind, namespace, b.Role).(*model.Role); ok {
		return r.Rules
	}
	if b.RoleKind == model.KindClusterRole {
		for i := range bootstrap {
			if bootstrap[i].role == b.Role {
				return bootstrap[i].rules
			}
		}
	}
	return nil
}

// isSubject tells whether a binding means somebody
// (plugin/pkg/auth/authorizer/rbac/rbac.go appliesToUser).
func isSubject(s model.Subject, as *store.Identity, namespace string) bool {
	switch s.Kind {
	case "User":
		return s.Name == as.User
	case "Group":
		return s.Name == model.GroupAuthenticated || slices.Contains(as.Groups, s.Name) || isAccountGroup(s.Name, as.User)
	case "ServiceAccount":
		if s.Namespace != "" {
			namespace = s.Namespace
		}
		return namespace != "" && as.User == model.AccountUser(namespace, s.Name)
	}
	return false
}

// isAccountGroup tells whether a group is one of those that every service
// account is in (k8s.io/apiserver/pkg/authentication/serviceaccount/util.go
// MakeGroupNames).
func isAccountGroup(group, user string) bool {
	account, ok := strings.CutPrefix(user, model.UserAccountPrefix)
	if !ok {
		return false
	}
	namespace, _, _ := strings.Cut(account, ":")
	return group == model.GroupAccounts || group == model.GroupAccounts+":"+namespace
}

// add adds rules that count in a namespace, or everywhere.
func (x *rights) add(rules []model.PolicyRule, namespace string) {
	for i := range rules {
		r := &rules[i]
		n := narrow{namespace: namespace, names: r.ResourceNames}
		for kind := model.KindNode; kind < model.Kinds; kind++ {
			n.of[kind] = bitsOf(r, kind)
			x.somewhere[kind] |= n.of[kind]
			if namespace == "" && len(r.ResourceNames) == 0 {
				x.everywhere[kind] |= n.of[kind]
			}
		}
		if namespace != "" || len(r.ResourceNames) > 0 {
			x.narrow = append(x.narrow, n)
		}
	}
}

// bitsOf is what a rule allows with a kind
// (pkg/apis/rbac/v1/evaluation_helpers.go).
func bitsOf(r *model.PolicyRule, kind model.Kind) (out bits) {
	group, plural := resources[kind].group, resources[kind].plural
	if group == core {
		group = ""
	}
	if !slices.Contains(r.APIGroups, "*") && !slices.Contains(r.APIGroups, group) {
		return 0
	}
	for part := store.Whole; part < store.Parts; part++ {
		if !namesResource(r.Resources, plural, part.String()) {
			continue
		}
		for right := store.RightGet; right < store.Rights; right++ {
			if slices.Contains(r.Verbs, "*") || slices.Contains(r.Verbs, right.String()) {
				out |= bitOf(right, part)
			}
		}
	}
	return out
}

func namesResource(said []string, plural, part string) bool {
	for _, s := range said {
		name, sub, _ := strings.Cut(s, "/")
		if s == "*" || sub == part && (name == plural || name == "*" && sub != "") {
			return true
		}
	}
	return false
}
