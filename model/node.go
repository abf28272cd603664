package model

// The labels that say where a node is (k8s.io/api/core/v1/well_known_labels.go).
const (
	LabelHostname = "kubernetes.io/hostname"
	LabelZone     = "topology.kubernetes.io/zone"
	LabelRegion   = "topology.kubernetes.io/region"
	LabelOS       = "kubernetes.io/os"
)

// LabelControlPlane marks machines of the control plane; their taint has the same
// key (cmd/kubeadm/app/constants/constants.go LabelNodeRoleControlPlane).
const LabelControlPlane = "node-role.kubernetes.io/control-plane"

// LabelTemplateHash tells pods and ReplicaSets of one Deployment's revisions
// apart.
const LabelTemplateHash = "pod-template-hash"

// Image is a container image on a node.
type Image struct {
	Name  string
	Bytes int64
	Alias bool // another name of the image before it in the list
}

// Node is a worker machine as the API shows it.
type Node struct {
	Meta
	Unschedulable bool    // spec.unschedulable, set by cordon
	Taints        []Taint // immutable: replace the slice to change it
	Capacity      Resources
	Allocatable   Resources // see Resources.Allocatable; what a snapshot or trace says is taken as it is
	Ready         Condition
	// What node-pressure eviction says: the node is short of this.
	MemoryPressure, DiskPressure, PIDPressure Condition
	Images                                    []Image // as of registration, where a real kubelet tells of those it pulls (nodestatus/setters.go Images)
	Stock                                     *Stock  // nil is what Linux makes of its memory and its disk
	// VolumesInUse is what its kubelet says that it has or needs mounted, and
	// VolumesAttached what the attach/detach controller says that it may use; sorted,
	// and immutable: replace a slice to change it.
	VolumesInUse, VolumesAttached []string
	GPU                           GPUs
	// Group is the node group of the cloud that its machine belongs to, "" if none;
	// Price is what the machine costs in an hour, in millionths.
	Group string
	Price int64
}

// Stock is how many processes a machine can have, and how many files its disk; 0 is what
// Linux makes of its memory and its disk. And it is how much swap the machine has, and how
// many of the processes its kubelet keeps from pods.
type Stock struct{ PIDs, Inodes, SwapBytes, KeptPIDs int64 }

// NodeLabels is the labels that a kubelet gives its node, and the user's own.
func NodeLabels(name, zone string, own map[string]string) Labels {
	all := map[string]string{
		LabelHostname:        name,
		"kubernetes.io/arch": "amd64",
		LabelOS:              "linux",
	}
	if zone != "" {
		all[LabelZone] = zone
	}
	for k, v := range own { //tidy:commutative every key is written once
		all[k] = v
	}
	return MakeLabels(all)
}

// Copy implements Object.
func (n *Node) Copy() Object { c := *n; return &c }

// Reserved is what the node's kubelet reserves of CPU and memory for the system and
// itself, as far as its capacity and what is allocatable of it say, of which it keeps so
// many bytes for its hard eviction threshold.
func (n *Node) Reserved(kept int64) (cpuMilli, memoryBytes int64) {
	if a := &n.Allocatable; a.CPUMilli > 0 {
		cpuMilli = max(n.Capacity.CPUMilli-a.CPUMilli, 0)
	}
	if a := &n.Allocatable; a.MemoryBytes > 0 {
		memoryBytes = max(n.Capacity.MemoryBytes-a.MemoryBytes-kept, 0)
	}
	return cpuMilli, memoryBytes
}

// ControlPlane tells whether the node is a machine of the control plane.
func (n *Node) ControlPlane() bool {
	_, ok := n.Labels.Get(LabelControlPlane)
	return ok
}

// Zone is the failure domain the node lifecycle controller and the scheduler
// put the node in: region and zone label, as
// k8s.io/component-helpers/node/topology GetZoneKey joins them.
func (n *Node) Zone() string {
	region, zone := n.Labels.Value(LabelRegion), n.Labels.Value(LabelZone)
	if region == "" && zone == "" {
		return ""
	}
	return region + ":\x00:" + zone
}
