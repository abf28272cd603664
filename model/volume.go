package model

import (
	"slices"
	"strconv"

	"orrery/sim"
)

// Claim is a PersistentVolumeClaim.
type Claim struct {
	Meta
	Volume       string // the PersistentVolume it is to be bound to, "" if none yet
	Bound        bool   // it is, for good: the annotation pv.kubernetes.io/bind-completed
	Class        string // storageClassName
	Bytes        int64  // requested
	Sized        bool   // a size is requested
	Modes        AccessModes
	Block        bool      // volumeMode Block
	Attributes   string    // volumeAttributesClassName
	Selector     *Selector // of volumes; nil asks nothing
	SelectedNode string    // where its volume is to be made: the annotation volume.kubernetes.io/selected-node
	Provisioner  string    // who is to make it: the annotation volume.kubernetes.io/storage-provisioner
	Pod          string    // the pod that it was made for, if it is of a generic ephemeral volume
	Protected    bool      // the finalizer kubernetes.io/pvc-protection: it stays while pods use it

	Phase ClaimPhase // status, written by the PersistentVolume controller
}

// Copy implements Object.
func (c *Claim) Copy() Object { x := *c; return &x }

// ClaimPhase is status.phase of a claim.
type ClaimPhase uint8

// The phases (k8s.io/api/core/v1/types.go PersistentVolumeClaimPhase).
const (
	ClaimPending ClaimPhase = iota
	ClaimBound
	ClaimLost // its volume is gone
)

// String is the phase as Kubernetes writes it.
func (p ClaimPhase) String() string { return [...]string{"Pending", "Bound", "Lost"}[p] }

// Suits tells whether a volume is large enough for a claim and of its kind,
// whoever has it (k8s.io/component-helpers/storage/volume/pv_helpers.go
// FindMatchingVolume).
func (c *Claim) Suits(x *Volume) bool {
	return c.Class == x.Class && c.Block == x.Block && c.Attributes == x.Attributes && !x.Deleting() && x.Bytes >= c.Bytes
}

// May tells whether a volume that nobody has may be given to a claim that it
// suits (as above).
func (c *Claim) May(x *Volume) bool {
	return x.Phase == VolumeAvailable && x.Claim == "" && (c.Selector == nil || c.Selector.Matches(x.Labels)) && c.Modes&^x.Modes == 0
}

// Key is how a volume names its claim.
func (c *Claim) Key() string { return c.Namespace + "/" + c.Name }

// ClaimUse is a claim that a pod uses, in the pod's namespace.
type ClaimUse struct {
	Name      string // of the claim; of the pod's volume if it is ephemeral
	Ephemeral bool   // it is made for this pod
	Made      *Claim // how it is made, if it is ephemeral; nil in a State
}

// Of is the name of the claim that a pod uses
// (k8s.io/component-helpers/storage/ephemeral VolumeClaimName).
func (u *ClaimUse) Of(pod *Pod) string {
	if u.Ephemeral {
		return pod.Name + "-" + u.Name
	}
	return u.Name
}

// Uses is the claims that a pod uses.
func (p *Pod) Uses() []ClaimUse {
	if p.Spec.Placement == nil {
		return nil
	}
	return p.Spec.Placement.Claims
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
	Meta
	Affinity   []NodeTerm // of nodes that can reach it, any one must match; nil asks nothing
	Class      string     // storageClassName
	Bytes      int64      // capacity
	Modes      AccessModes
	Block      bool
	Attributes string
	Claim      string // NAMESPACE/NAME of the claim it is kept for or bound to, "" for anybody's
	ClaimID    uint32 // which claim of that name; 0 for whichever comes
	Retain     bool   // persistentVolumeReclaimPolicy Retain; otherwise Delete
	Protected  bool   // the finalizer kubernetes.io/pv-protection: it stays while it is bound
	// Driver and Handle say which it is to its CSI driver, "" if it has none.
	Driver, Handle string

	Phase VolumePhase // status, written by the PersistentVolume controller
}

// Copy implements Object.
func (x *Volume) Copy() Object { c := *x; return &c }

// VolumePhase is status.phase of a volume.
type VolumePhase uint8

// The phases (k8s.io/api/core/v1/types.go PersistentVolumePhase).
const (
	VolumePending VolumePhase = iota
	VolumeAvailable
	VolumeBound
	VolumeReleased // its claim is gone
)

// String is the phase as Kubernetes writes it.
func (p VolumePhase) String() string {
	return [...]string{"Pending", "Available", "Bound", "Released"}[p]
}

// StorageClass is how volumes of a class come about.
type StorageClass struct {
	Name        string
	Wait        bool // volumeBindingMode WaitForFirstConsumer
	Provisioner string
	Retain      bool       // reclaimPolicy Retain; otherwise Delete
	Topologies  []NodeTerm // allowedTopologies, any one must match; nil asks nothing
}

// NoProvisioner is the provisioner of classes whose volumes people make.
const NoProvisioner = "kubernetes.io/no-provisioner"

// VolumeLimit is how many volumes of a driver a node takes at most (CSINode).
type VolumeLimit struct {
	Node, Driver string
	Count        int32
}

// VolumeAttachment is a volume that is to be attached to a node, or is.
type VolumeAttachment struct {
	Meta
	Node, Volume string // their names
	Attacher     string // the driver
	Protected    bool   // the driver's finalizer: it stays until the volume is detached

	Attached bool   // status, written by the driver
	Error    string // as well: why it could not be attached, "" if that was not tried in vain
}

// Copy implements Object.
func (a *VolumeAttachment) Copy() Object { x := *a; return &x }

// NewAttachment is the attachment of a volume to a node that is to be. There is one
// for both at most, as its name is a hash of them
// (pkg/volume/csi/csi_attacher.go getAttachmentName).
func NewAttachment(x *Volume, node string) *VolumeAttachment {
	name := "csi-" + strconv.FormatUint(sim.HashName(x.Name+"/"+x.Driver+"/"+node), 16)
	return &VolumeAttachment{Meta: Meta{Kind: KindVolumeAttachment, Name: name}, Node: node, Volume: x.Name, Attacher: x.Driver}
}

// Exclusive tells whether a volume can be attached to one node only at a time
// (pkg/volume/util/util.go IsMultiAttachAllowed).
func (x *Volume) Exclusive() bool {
	return x.Modes != 0 && x.Modes&(ReadOnlyMany|ReadWriteMany) == 0
}

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

// Storage is what a cluster has of it, besides the pods that use it. In a run
// claims and volumes are objects; the rest is there from the beginning and stays
// as it is.
type Storage struct {
	Claims      []*Claim
	Volumes     []*Volume
	Classes     []*StorageClass
	Limits      []VolumeLimit
	Attachments []*VolumeAttachment
	Capacities  []StorageCapacity
	Drivers     []string // CSI drivers that publish their capacity
	Mounted     []string // CSI drivers whose volumes need not be attached
}

// Attaches tells whether a volume has to be attached to a node before it is mounted
// there: those of CSI drivers, unless a driver says otherwise (attachRequired).
func (s *Storage) Attaches(x *Volume) bool {
	return x.Driver != "" && !slices.Contains(s.Mounted, x.Driver)
}

// Add adds what another has.
func (s *Storage) Add(o *Storage) {
	s.Claims, s.Volumes, s.Classes = append(s.Claims, o.Claims...), append(s.Volumes, o.Volumes...), append(s.Classes, o.Classes...)
	s.Limits, s.Attachments = append(s.Limits, o.Limits...), append(s.Attachments, o.Attachments...)
	s.Capacities, s.Drivers = append(s.Capacities, o.Capacities...), append(s.Drivers, o.Drivers...)
	s.Mounted = append(s.Mounted, o.Mounted...)
}
