package model

// Placement is what a pod asks about other pods and about the node's ports; a
// nil *Placement asks for nothing.
type Placement struct {
	HostPorts []HostPort

	// Inter-pod affinity: the terms that must hold, those that must not, and
	// those that are preferred, avoided ones with a negative weight.
	Affinity     []PodTerm
	AntiAffinity []PodTerm
	Preferred    []PodTerm

	Spread []SpreadConstraint

	Claims []ClaimUse
	Disks  []Disk
}

// HostPort is a port of the node that a pod takes for itself.
type HostPort struct {
	IP       string // "0.0.0.0" is every address
	Protocol string // TCP, UDP or SCTP
	Port     int32
}

// Conflicts tells whether two pods with these ports cannot share a node
// (pkg/scheduler/framework/types.go HostPortInfo.CheckConflict).
func (p HostPort) Conflicts(o HostPort) bool {
	const all = "0.0.0.0"
	return p.Port == o.Port && p.Protocol == o.Protocol && (p.IP == o.IP || p.IP == all || o.IP == all)
}

// PodTerm is pods, and the domain in which a pod wants to be with them or
// apart from them: nodes that share the value of the label TopologyKey.
type PodTerm struct {
	TopologyKey string
	Selector    *Selector
	// Namespaces and the namespaces that NamespaceSelector matches are where
	// the pods are; the pod's own if neither is given.
	Namespaces        []string
	NamespaceSelector *Selector
	// Pods must have the same, or other, values of these labels as the pod.
	MatchLabelKeys    []string
	MismatchLabelKeys []string
	Weight            int64 // of a preferred term: -100 to 100
}

// SpreadConstraint keeps the pods that Selector matches spread evenly over the
// domains of TopologyKey (k8s.io/api/core/v1/types.go
// TopologySpreadConstraint).
type SpreadConstraint struct {
	TopologyKey    string
	MaxSkew        int32
	Hard           bool // whenUnsatisfiable DoNotSchedule
	Selector       *Selector
	MatchLabelKeys []string
	MinDomains     int32 // default 1
	IgnoreAffinity bool  // nodeAffinityPolicy Ignore
	HonorTaints    bool  // nodeTaintsPolicy Honor
}

// PodLevel is what a pod requests as a whole, instead of the sum of its
// containers, and what these can have together (spec.resources).
type PodLevel struct {
	CPUMilli, MemoryBytes int64
	HasCPU, HasMemory     bool
	HugePages             []Extended // by name
	Limits                Resources  // of CPU and memory; 0 is none
	// CPUSaid and MemorySaid: the pod, one of its containers or its overhead
	// says something of it, so that no container of a placed pod is taken to
	// need the default.
	CPUSaid, MemorySaid bool
}
