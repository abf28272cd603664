package model

// Namespace is a namespace that somebody made. While it is being deleted it is
// Terminating: nothing new is let in, and the namespace controller deletes what
// is in it. Namespaces that nobody describes exist without an object.
type Namespace struct{ Meta }

// Copy implements Object.
func (n *Namespace) Copy() Object { c := *n; return &c }

// LabelNamespaceName is the label every namespace has with its name
// (pkg/apis/core/v1/defaults.go SetDefaults_Namespace).
const LabelNamespaceName = "kubernetes.io/metadata.name"

// NamespaceLeases is where the leases of nodes are.
const NamespaceLeases = "kube-node-lease"
