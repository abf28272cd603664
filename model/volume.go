package model

// Claim is a PersistentVolumeClaim as a scheduler sees it.
type Claim struct {
	Namespace, Name string
	Volume          string // the PersistentVolume it is to be bound to, "" if none yet
	Bound           bool   // it is, for good
	Class           string // storageClassName
	Bytes           int64  // requested
	Sized           bool   // a size is requested
	Modes           AccessModes
	Block           bool      // volumeMode Block
	Attributes      string    // volumeAttributesClassName
	Selector        *Selector // of volumes; nil asks nothing
	SelectedNode    string    // where its volume is being made
	Pod             string    // the pod that it was made for, if it is of a generic ephemeral volume
	Lost            bool      // its volume is gone
	Deleting        bool
}

// ClaimUse is a claim that a pod uses, in the pod's namespace.
type ClaimUse struct {
	Name      string
	Ephemeral bool // it is made for this pod
}

// AccessModes is how a volume may be used at once, or how a claim wants to use
// it, a bit each.
type AccessModes uint8

// The access modes (k8s.io/api/core/v1/types.go PersistentVolumeAccessMode).
const (
	ReadWriteOnce AccessModes = 1 << iota
	ReadOnlyMany
	ReadWriteMany
	ReadWriteOncePod
)

// Volume is a PersistentVolume.
type Volume struct {
	Name       string
	Labels     Labels
	Affinity   []NodeTerm // of nodes that can reach it, any one must match; nil asks nothing
	Class      string     // storageClassName
	Bytes      int64      // capacity
	Modes      AccessModes
	Block      bool
	Attributes string
	Claim      string // NAMESPACE/NAME of the claim it is kept for or bound to, "" for anybody's
	Available  bool   // status.phase
	Deleting   bool
	// Driver and Handle say which it is to its CSI driver, "" if it has none.
	Driver, Handle string
}

// StorageClass is how volumes of a class come about.
type StorageClass struct {
	Name        string
	Wait        bool // volumeBindingMode WaitForFirstConsumer
	Provisioner string
	Topologies  []NodeTerm // allowedTopologies, any one must match; nil asks nothing
}

// NoProvisioner is the provisioner of classes whose volumes people make.
const NoProvisioner = "kubernetes.io/no-provisioner"

// VolumeLimit is how many volumes of a driver a node takes at most (CSINode).
type VolumeLimit struct {
	Node, Driver string
	Count        int32
}

// VolumeAttachment is a volume that is attached to a node, whoever uses it.
type VolumeAttachment struct{ Node, Volume string }

// StorageCapacity is how large a volume of a class can be made for the nodes
// that Nodes selects; nil selects none.
type StorageCapacity struct {
	Class string
	Bytes int64
	Nodes *Selector
}

// Disk is a device that a pod names itself, without a claim.
type Disk struct {
	Kind     string   // the field of the volume: gcePersistentDisk, awsElasticBlockStore, iscsi or rbd
	Name     string   // which one it is
	Monitors []string // of rbd: the same disk only if they have one in common
	ReadOnly bool
}

// Conflicts tells whether pods with these disks cannot share a node: only
// reading, they can (pkg/scheduler/framework/plugins/volumerestrictions
// isVolumeConflict).
func (d Disk) Conflicts(o Disk) bool {
	if d.Kind != o.Kind || d.Name != o.Name || d.ReadOnly && o.ReadOnly {
		return false
	}
	if d.Kind != "rbd" {
		return true
	}
	for _, m := range d.Monitors {
		for _, n := range o.Monitors {
			if m == n {
				return true
			}
		}
	}
	return false
}

// Storage is what a cluster has of it, besides the pods that use it.
type Storage struct {
	Claims      []*Claim
	Volumes     []*Volume
	Classes     []*StorageClass
	Limits      []VolumeLimit
	Attachments []VolumeAttachment
	Capacities  []StorageCapacity
	Drivers     []string // CSI drivers that publish their capacity
}

// Add adds what another has.
func (s *Storage) Add(o *Storage) {
	s.Claims, s.Volumes, s.Classes = append(s.Claims, o.Claims...), append(s.Volumes, o.Volumes...), append(s.Classes, o.Classes...)
	s.Limits, s.Attachments = append(s.Limits, o.Limits...), append(s.Attachments, o.Attachments...)
	s.Capacities, s.Drivers = append(s.Capacities, o.Capacities...), append(s.Drivers, o.Drivers...)
}
