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
	kernel    *sim.Kernel
	self      sim.ActorID
	registry  *Registry
	pace      *Pace
	behaviors Behaviors
	serving   Watcher
	used      func(pod uint32)
	told      func(*model.Pod) bool // see Config; may be nil
	account   *account              // nil if what it uses is not told
	meta      *model.Meta           // of its node
	kubelet   Observer
	api       API
	note      func(by sim.ActorID, n model.Note)
	on        bool
	down      bool // the container runtime
	noCNI     bool // the network plugin fails
	offAt     sim.Time
	node      uint32
	addresses uint32     // ever given to pods
	ids       []uint32   // of the pods, 0 where a slot is free
	pods      []*Sandbox // beside ids
	images    []image    // that are in the cache, the oldest first
	layers    []layer    // on the disk, of images that are described
	wanted    int64      // milli-CPU that all containers want together
	crowded   bool       // that is more than there is
	trusted   int        // pods that are
	granted   int64      // milli-CPU that those may want besides, unseen
	keen      bool       // no pod is trusted
	roomy     bool       // another load comes, and it was not: what requests have CPU for stays as it is
	disk      int64      // bytes; 0 is without end
	diskRates []int64    // of faults that slow it, in millionths
	filled    int64      // of them, by others than containers and images
	inodes    int64      // files that the disk can have; 0 is without end
	pids      int64      // processes that the machine can have; 0 is without end
	// inodesTaken and pidsTaken are those of others than containers, and podPIDsLimit
	// how many processes a pod may have; 0 is no limit.
	inodesTaken, pidsTaken, podPIDsLimit int64
	keptPIDs                             int64 // of pids, what pods together cannot have
	staticCPUs                           bool
	pinned                               int64 // CPUs that pods have for themselves

	calls      calls
	asked      []call   // that are not over, in the order in which they were made
	pulls      []pull   // in the order in which they were asked for
	offline    bool     // nothing of what is asked of the registry arrives
	link       int64    // the share of its connection that is left for downloads, in millionths
	parallel   int      // how many of them are under way at most
	pullRate   PullRate // of the kubelet
	pullsPaid  sim.Time // until when its pulls have used that up
	pulled     uint64   // counts pulls: names their luck
	dooms      []doom
	stresses   []stress
	diskErrors []string // that writing is answered with, of faults in the order in which they began
	rotation   rotation // of logs
	logs       bool     // some container has ever logged anything
	unwritten  string   // what the last pull that failed for it was told
	// probeFaults are in the order in which they began.
	probeFaults []probeFault
	risks       map[uint32][][model.ProbeKinds]Risk // by pod and container, if anybody ever said any
	untracked   uint32                              // of a million new connections, those that the kernel drops
	panicAfter  time.Duration
	crowdedAt   sim.Time // since when it is crowded
	hanging     []uint32 // pods whose processes hang, once for each reason
	stuck       []uint32 // pods whose volumes cannot be unmounted, once for each reason
	cores       int64    // milli-CPU; 0 is without end
	memory      int64    // bytes; 0 is without end
	swap        int64    // bytes of that
	limitedSwap bool     // containers may have it
	spaceAt     sim.Time // when pulls have filled the disk, as things are
	fullAt      sim.Time // when the memory is full, as things are
	outside     int64    // bytes of memory that others than containers and hogs use
	hogs        []hog
	hogged      int64    // numbers them
	hogsAt      sim.Time // when what they use becomes another line
	burnt       int64    // milli-CPU that others than containers and daemons want
	burns       int64    // what they get of burnt
	unpackWants int64    // milli-CPU that the runtime wants to unpack images
	unpackPace  int64    // at which it does, in millionths
	running     int64    // containers
	daemons     daemons
	rooms       rooms
	// What the kubelet reserves is not for pods: their cgroup, kubepods, has the rest
	// for its limit of memory and for its weight.
	reservedCPU, reservedMemory int64
	costs                       *costs

	top, burstable, best, inPod []group // scratch of shareOut
	meter                       meter
}

// Config is what a Machine depends on.
type Config struct {
	Behaviors Behaviors
	Registry  *Registry
	Serving   Watcher          // may be nil
	Pace      *Pace            // nil if nothing ever makes start-ups slower
	Used      func(pod uint32) // told when a pod begins to use something else; may be nil
	Kubelet   Observer
	API       API                                // whom processes ask that need an API server; nil answers at once
	Note      func(by sim.ActorID, n model.Note) // takes what the history is to know of containers; may be nil
	// ParallelPulls is how many images are pulled at a time; default 1.
	ParallelPulls int
	PullRate      PullRate
	PodPIDsLimit  int64 // processes that a pod may have (podPidsLimit); 0 is no limit
	LimitedSwap   bool  // containers may have swap (memorySwap.swapBehavior)
	Logs          Logs  // how they are rotated
	StaticCPUs    bool  // containers may have CPUs for themselves (cpuManagerPolicy static)
	KeptBytes     int64 // of memory, by the kubelet's hard eviction threshold
	// PanicAfter is how long the kernel stands that more CPU is wanted than there is; 0
	// is for ever.
	PanicAfter time.Duration
	// Keen has the machine told of every change of what arrives at its pods: what it uses
	// in all is known then.
	Keen bool
	// Told tells of which pods the history is to have what they use (model.Usage, in notes
	// that Note takes); nil is none. TellWhole is that of the machine as a whole.
	Told      func(*model.Pod) bool
	TellWhole bool
}

// NewMachine is a machine with power, without pods, with the images of the
// node in its cache.
func NewMachine(k *sim.Kernel, node *model.Node, c Config) *Machine {
	var said model.Stock
	if node.Stock != nil {
		said = *node.Stock
	}
	m := &Machine{
		kernel: k, node: node.ID, on: true,
		kubelet: c.Kubelet, api: c.API, serving: c.Serving, used: c.Used, told: c.Told, note: c.Note,
		behaviors: c.Behaviors, pace: c.Pace, keen: c.Keen, panicAfter: c.PanicAfter,

		cores:  node.Capacity.CPUMilli,
		memory: node.Capacity.MemoryBytes,
		disk:   node.Capacity.EphemeralBytes,
		fullAt: sim.Never,

		swap:         said.SwapBytes,
		limitedSwap:  c.LimitedSwap,
		keptPIDs:     said.KeptPIDs,
		podPIDsLimit: c.PodPIDsLimit,
		staticCPUs:   c.StaticCPUs,
		rotation:     newRotation(c.Logs),

		registry:   c.Registry,
		costs:      c.Registry.costs,
		link:       full,
		unpackPace: full,
		parallel:   max(c.ParallelPulls, 1),
		pullRate:   c.PullRate.orDefault(),

		daemons: newDaemons(k.Now()),
	}
	m.reservedCPU, m.reservedMemory = node.Reserved(c.KeptBytes)
	m.pids = cmp.Or(said.PIDs, MostPIDs(m.memory))
	m.inodes = cmp.Or(said.Inodes, m.disk/bytesPerInode)
	m.quieten()
	m.self = k.Register("machine/"+node.Name, m)
	if c.TellWhole {
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
