package model

// Namespace is a namespace that somebody made. While it is being deleted it is
// Terminating: nothing new is let in, and the namespace controller deletes what
// is in it. Namespaces that nobody describes exist without an object.
type Namespace struct {
	Meta
	Finalized bool // the namespace controller is done with it: it has no finalizer left
}

// Copy implements Object.
func (n *Namespace) Copy() Object { c := *n; return &c }

// LabelNamespaceName is the label every namespace has with its name
// (pkg/apis/core/v1/defaults.go SetDefaults_Namespace).
const LabelNamespaceName = "kubernetes.io/metadata.name"

// BeingTerminated ends the message about what is created in a namespace that is
// being deleted.
const BeingTerminated = "because it is being terminated"

// NamespaceLeases is where the leases of nodes are.
const NamespaceLeases = "kube-node-lease"

// LabelEnforce is the label with the Pod Security Standard that a namespace
// enforces, one of SecurityLevels (k8s.io/pod-security-admission/api/constants.go).
const LabelEnforce = "pod-security.kubernetes.io/enforce"

// SecurityLevels is the Pod Security Standards, from the one that allows
// everything.
var SecurityLevels = []string{"privileged", "baseline", "restricted"}
