package runtime

import (
	"cmp"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Machine is one worker machine: what is true about its containers, whoever
// manages them.
type Machine struct {
	kernel *sim.Kernel
	self   sim.ActorID
	node   uint32

	// Who is there besides; see Config.
	kubelet   Observer
	api       API
	serving   Watcher
	registry  *Registry
	costs     *costs
	behaviors Behaving
	pace      *Pace
	used      func(pod uint32)
	note      func(by sim.ActorID, n model.Note)

	hasAccount func(*model.Pod) bool // see Config; may be nil
	account    *account              // nil if what it uses is not told
	meta       *model.Meta           // of its node

	on         bool
	offAt      sim.Time
	down       bool          // the container runtime
	noCNI      bool          // the network plugin fails
	panicAfter time.Duration // see Config
	crowdedAt  sim.Time      // since when it is crowded

	pods      []*Sandbox // nil where a slot is free
	addresses uint32     // ever given to pods
	running   int64      // containers
	calls     calls
	asked     []call // that are not over, in the order in which they were made

	// CPU, in milli.
	cores       int64 // 0 is without end
	wanted      int64 // that all containers want together
	crowded     bool  // that is more than there is
	trusted     int   // pods that are
	granted     int64 // that those may want besides, unseen
	keen        bool  // no pod is trusted
	roomy       bool  // another load comes, and it was not: what requests have CPU for stays as it is
	burnt       int64 // that others than containers and daemons want
	burns       int64 // what they get of burnt
	unpackWants int64 // that the runtime wants to unpack images
	unpackPace  int64 // at which it does, in millionths
	daemons     daemons
	staticCPUs  bool
	pinned      int64 // CPUs that pods have for themselves
	meter       meter
	rooms       rooms

	top, burstable, best, inPod []group  // scratch of shareOut
	demands                     []demand // scratch of Capacity

	// Memory, in bytes.
	memory      int64 // 0 is without end
	swap        int64 // of that
	limitedSwap bool  // containers may have it
	outside     int64 // that others than containers and hogs use
	hogs        hogs
	fullAt      sim.Time // when the memory is full, as things are

	// What the kubelet reserves is not for pods: their cgroup, kubepods, has the rest
	// for its limit of memory and for its weight.
	reservedCPU, reservedMemory int64

	pids         stock // processes
	keptPIDs     int64 // of these, what pods together cannot have
	podPIDsLimit int64 // how many a pod may have; 0 is no limit

	disk     disk
	inodes   stock   // files on it
	images   []image // that are in the cache, the oldest first
	layers   []layer // on the disk, of images that are described
	rotation rotation
	logs     bool // some container has ever logged anything

	pulls     []pull // in the order in which they were asked for
	parallel  int    // how many of them are under way at most
	bucket    bucket // of tokens for them
	pulled    uint64 // counts pulls: names their luck
	offline   bool   // nothing of what is asked of the registry arrives
	ahead     []part // scratch of forecast
	link      int64  // the share of its connection that is left for downloads, in millionths
	untracked uint32 // of a million new connections, those that the kernel drops

	// What faults do to pods, in the order in which they began.
	dooms       []doom
	stresses    []stress
	probeFaults []probeFault
	hanging     []uint32                            // pods whose processes hang, once for each reason
	stuck       []uint32                            // pods whose volumes cannot be unmounted, once for each reason
	risks       map[uint32][][model.ProbeKinds]Risk // by pod and container, if anybody ever said any
}

// Config is what a Machine depends on.
type Config struct {
	Behaviors Behaving // nil is none
	Registry  *Registry
	Serving   Watcher          // may be nil
	Pace      *Pace            // nil if nothing ever makes start-ups slower
	Used      func(pod uint32) // told when a pod begins to use something else; may be nil
	Kubelet   Observer
	API       API                                // whom processes ask that need an API server; nil answers at once
	Note      func(by sim.ActorID, n model.Note) // takes what the history is to know of containers; may be nil
	// ParallelPulls is how many images are pulled at a time (maxParallelImagePulls with
	// serializeImagePulls off); default 1.
	ParallelPulls int
	PullRate      PullRate // of the kubelet
	PodPIDsLimit  int64    // processes that a pod may have (podPidsLimit); 0 is no limit
	LimitedSwap   bool     // containers may have swap (memorySwap.swapBehavior)
	Logs          Logs     // how they are rotated
	StaticCPUs    bool     // containers may have CPUs for themselves (cpuManagerPolicy static)
	KeptBytes     int64    // of memory, by the kubelet's hard eviction threshold
	// PanicAfter is how long the kernel stands that more CPU is wanted than there is; 0
	// is for ever. One that does not is dead until its machine is replaced.
	PanicAfter time.Duration
	// Keen has the machine told of every change of what arrives at its pods: what it uses
	// in all is known then.
	Keen bool
	// HasAccount tells of which pods the history is to have what they use (model.Usage, in
	// notes that Note takes); nil is none. WholeAccount is that of the machine as a whole.
	HasAccount   func(*model.Pod) bool
	WholeAccount bool
}

// NewMachine is a machine with power, without pods, with the images of the
// node in its cache.
func NewMachine(k *sim.Kernel, node *model.Node, c Config) *Machine {
	var said model.Stock
	if node.Stock != nil {
		said = *node.Stock
	}
	if c.Behaviors == nil {
		c.Behaviors = Behaviors{}
	}
	m := &Machine{
		kernel: k, node: node.ID, on: true,
		kubelet: c.Kubelet, api: c.API, serving: c.Serving, used: c.Used, hasAccount: c.HasAccount, note: c.Note,
		registry: c.Registry, costs: c.Registry.costs, behaviors: c.Behaviors, pace: c.Pace,

		cores:      node.Capacity.CPUMilli,
		keen:       c.Keen,
		staticCPUs: c.StaticCPUs,
		daemons:    newDaemons(k.Now()),
		unpackPace: full,
		panicAfter: c.PanicAfter,

		memory:      node.Capacity.MemoryBytes,
		swap:        said.SwapBytes,
		limitedSwap: c.LimitedSwap,
		fullAt:      sim.Never,

		pids:         stock{most: cmp.Or(said.PIDs, MostPIDs(node.Capacity.MemoryBytes))},
		keptPIDs:     said.KeptPIDs,
		podPIDsLimit: c.PodPIDsLimit,

		disk:     disk{size: node.Capacity.EphemeralBytes},
		inodes:   stock{most: cmp.Or(said.Inodes, node.Capacity.EphemeralBytes/bytesPerInode)},
		rotation: newRotation(c.Logs),

		parallel: max(c.ParallelPulls, 1),
		bucket:   bucket{PullRate: c.PullRate.orDefault()},
		link:     full,
	}
	m.reservedCPU, m.reservedMemory = node.Reserved(c.KeptBytes)
	m.quieten()
	m.self = k.Register("machine/"+node.Name, m)
	if c.WholeAccount {
		m.account, m.meta = &account{}, &node.Meta
		m.openAccount()
	}
	for _, i := range node.Images {
		number := c.Registry.image(i.Name)
		c.Registry.sizes[number] = i.Bytes
		if i.Alias {
			m.cache(number, 0)
			continue
		}
		m.cache(number, i.Bytes)
	}
	c.Registry.machines = append(c.Registry.machines, m)
	m.need(0)
	return m
}

// Memory is what the machine has, in bytes; 0 is without end.
func (m *Machine) Memory() int64 { return m.memory }
