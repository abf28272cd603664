// Package fault says what breaks. Its one idea: a fault acts on the truth (a
// machine, a link, a disk, a credential) and never on a component, which must find
// out by itself. One file per fault; the registry lists them. It refuses to
// repair anything but what it broke.
package fault

import (
	"fmt"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Spec is one fault of a scenario's timeline.
type Spec struct {
	ID    string // unique in the scenario: as given, or "node-down-1"
	Fault string // the registered name
	At    sim.Time
	For   time.Duration // 0 lasts to the end of the run, or for a moment if Kind.Moment

	Target Target

	// Partitions, delays and losses only: which way is cut; and the other side, of which
	// an empty one is the control plane, or everybody if it is about pods.
	Peer      Target
	PeerNodes bool // of faults about pods: Peer selects nodes, with all that is on them
	Direction Direction

	// Whose credential expires, or which component it is about. Of those with a
	// certificate only the kubelet has a Target.
	Component string

	// Faults of etcd, of API servers and of replicas only: machines of the control
	// plane, of which none is all API servers and the replica that leads; and for a
	// partition those they are cut off from, all others if there are none.
	Members      []string
	FromMembers  []string
	Fsync        sim.Dist // etcd-slow-disk only
	Backup       sim.Time // etcd-restore only: when the backup was taken
	BumpRevision bool     // etcd-restore only: the restored revision is higher than any before
	Graceful     bool     // etcd-member-down, leader-loss, node-down and node-reboot only: the process is stopped, and not killed, or the machine shut down
	Ahead        bool     // clock-jump only: the clocks are set ahead, not back

	// Watch-lag and clock-jump only: by how much; and of which kinds, all if there
	// are none.
	By    time.Duration
	Kinds []model.Kind

	// Client-flood only: who asks for what. FloodPPM, if it is not 0, is how many
	// clients there are, in millionths of the nodes; Objects 0 in a list is as many
	// as there are.
	Flood    store.Flood
	FloodPPM int64

	// Faults of the cloud only.
	Group  string        // a node group, "" is all of them
	Zone   string        // "" is all of them
	Boot   sim.Dist      // slow-boot only: from the request to the start of the kubelet
	Notice time.Duration // spot-reclaim only
	// Errors is of the calls, pulls, queries, messages, requests or probes, in millionths:
	// of cloud-api-throttled, registry-rate-limited, dns-error, network-loss, pod-error,
	// pod-io and probe-failure.
	Errors int64

	// Webhook-down and webhook-slow only.
	Webhooks []string  // by the names their configurations give them
	Latency  sim.Dist  // webhook-slow, apiserver-slow, dns-slow, network-delay, pod-io, pod-slow and probe-slow: what is added
	Names    []string  // faults of DNS only: of which Services, all if there are none
	Answer   DNSAnswer // dns-error only

	// Network-delay and network-loss only: how many of a million messages fare like the one
	// before.
	Correlation int64

	Registry string // registry-down, registry-rate-limited and registry-slow only: the host in images' names; "" is all of them
	Image    string // image-missing only
	Silent   bool   // registry-down only: it does not refuse, it does not answer
	RatePPM  int64  // registry-slow, disk-slow, slow-start and network-bandwidth only: the share of the speed that is left, in millionths
	CPUMilli int64  // cpu-stress and container-stress only: what is wanted
	LoadPPM  int64  // cpu-stress only: or a share of the node's, in millionths
	Force    bool   // pod-kill only: the objects are gone at once
	Grace    int32  // pod-kill only: seconds instead of those of their specs; 0 is those
	FillPPM  int64  // disk-fill, container-stress, memory-stress, pid-exhaustion and conntrack-full only: the share that is used then, in millionths
	// Over is how long it takes until then, if that is not faster than a process can, and
	// OOMScoreAdj that of the process; memory-stress only.
	Over        time.Duration
	OOMScoreAdj int64
	// InodesPPM is the share of inodes that is used then; disk-fill only.
	InodesPPM int64

	Push  Push  // config-push only
	Creep Creep // agent-creep only

	Probes [model.ProbeKinds]bool // probe-failure and probe-slow only: which of them

	// Node-flapping only: for how long of every period nodes are lost, and whether it
	// is their runtime that is, and not their connection.
	Period, Down time.Duration
	OfRuntime    bool

	// Containers is container-crash, container-stress, probe-failure and probe-slow only; none is
	// every container of the pod, but for init containers and sidecars if they crash or are stressed.
	Containers []string

	// Container-crash only: how it ends (default 1), how long after each start (soon if
	// it is the zero value), and how often at most (0 is without end).
	ExitCode int32
	After    sim.Dist
	Times    int32

	// Container-stress only: memory that is used at once, and more of it every second; and
	// what is written at once. Its FillPPM is of the limit of ephemeral storage.
	MemoryBytes, Growth, DiskBytes int64

	Object bool // volume-lost only: the PersistentVolumes are deleted, too

	BytesPerSecond int64 // pod-network-bandwidth only: each way

	Errno string // disk-error and pod-io only: what calls are answered with, "EIO"

	Stagger time.Duration // cni-routes-lost and swizzle-clog only: how long it takes until all are cut off and, of the latter, until all are back
}

// TargetKind is what the Target of a fault of a kind selects; KindNone if it has
// none.
func (s *Spec) TargetKind(k *Kind) model.Kind {
	if s.Component != "" && s.Component != kubelet {
		return model.KindNone
	}
	return k.Targets
}

// NeedsHosts tells whether it is about what runs on machines, so that nothing of it is
// true of hollow nodes.
func (s *Spec) NeedsHosts(k *Kind) bool { return k.Hosts || s.OfRuntime }

// percent is a share for people: "30%", "0.5%".
func percent(ppm int64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%04d", ppm/10_000, ppm%10_000), "0"), ".") + "%"
}

// Direction is which way a partition cuts.
type Direction uint8

// The directions, seen from Target.
const (
	Both Direction = iota
	To             // what Target sends to Peer is lost
	From           // what Peer sends to Target is lost
)

// Target selects nodes, or pods for faults that act on pods. Everything that
// is set must hold; then Count or Percent choose among what is left, by the
// fault's own luck. A Target that selects nothing at the time is a note in
// the history, not an error.
type Target struct {
	Names      []string
	Namespace  string // pods only
	Match      *model.Selector
	Zone       string
	OnNodes    []string        // pods only: on nodes with these names
	OnNode     *model.Selector // pods only: on nodes with these labels
	Count      int             // 0: no limit by count
	PercentPPM int64           // 0: no limit by share; rounded up
	UpTo       bool            // any number up to that limit, with equal chances
	Outside    bool            // peers only: nothing of the cluster, but whoever sends to it from outside
	Control    bool            // peers of pods only: the machines of the control plane, with all that is on them
	hosts      bool            // none on hollow nodes
}

// IsZero tells whether nothing is said.
func (t *Target) IsZero() bool {
	anywhere := t.Zone == "" && len(t.OnNodes) == 0 && t.OnNode == nil && !t.Outside && !t.Control
	return anywhere && len(t.Names) == 0 && t.Namespace == "" && t.Match == nil && t.Count == 0 && t.PercentPPM == 0
}
