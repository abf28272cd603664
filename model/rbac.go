package model

// ServiceAccount is an account for a program. Its token is good while the
// account exists.
type ServiceAccount struct {
	Meta
	NoToken bool // automountServiceAccountToken false: pods that do not say otherwise get none
}

// Copy implements Object.
func (a *ServiceAccount) Copy() Object { c := *a; return &c }

// DefaultAccount is one that every namespace has: it is made again when it is deleted
// (pkg/controller/serviceaccount/serviceaccounts_controller.go).
const DefaultAccount = "default"

// PolicyRule allows every verb it names on every resource it names; nothing
// forbids (k8s.io/api/rbac/v1/types.go). "*" is all of them; "*/scale" is the
// scale of everything.
type PolicyRule struct {
	Verbs         []string
	APIGroups     []string // "" is the core group
	Resources     []string // "pods", "pods/status"
	ResourceNames []string // empty is any
}

// Role is a Role, whose rules count in its namespace, or a ClusterRole.
type Role struct {
	Meta
	Rules []PolicyRule
}

// Copy implements Object.
func (r *Role) Copy() Object { c := *r; return &c }

// Subject is who a binding gives a role to: a User, a Group, or the
// ServiceAccount of a namespace.
type Subject struct {
	Kind      string
	Namespace string // of a ServiceAccount
	Name      string
}

// RoleBinding is a RoleBinding, which counts in its namespace, or a
// ClusterRoleBinding, which counts everywhere.
type RoleBinding struct {
	Meta
	Role     string
	RoleKind Kind // KindRole, or KindClusterRole
	Subjects []Subject
}

// Copy implements Object.
func (b *RoleBinding) Copy() Object { c := *b; return &c }

// Names and groups that the control plane hands out itself
// (k8s.io/apiserver/pkg/authentication/user/user.go).
const (
	UserScheduler         = "system:kube-scheduler"
	UserControllerManager = "system:kube-controller-manager"
	UserNodePrefix        = "system:node:"
	UserAccountPrefix     = "system:serviceaccount:"
	GroupNodes            = "system:nodes"
	GroupMasters          = "system:masters"
	GroupAuthenticated    = "system:authenticated"
	GroupAccounts         = "system:serviceaccounts"
	NamespaceSystem       = "kube-system"
)

// AccountUser is the name under which a service account is known
// (k8s.io/apiserver/pkg/authentication/serviceaccount/util.go MakeUsername).
func AccountUser(namespace, name string) string {
	return UserAccountPrefix + namespace + ":" + name
}
