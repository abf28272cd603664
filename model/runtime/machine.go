package runtime

import (
	"cmp"
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Observer is what a Machine tells the kubelet that manages it.
type Observer interface {
	// Changed says that a container or the sandbox of a pod started or ended.
	// A kubelet notices at its next relist.
	Changed(s *Sandbox)
	// MemoryChanged says that the machine's memory is used otherwise now than it
	// was going to be.
	MemoryChanged()
	// DiskChanged says the same of its disk, its inodes and its processes.
	DiskChanged()
	// StartupChanged says that a container of a pod will have started up at
	// another time than it was going to.
	StartupChanged(s *Sandbox)
	// ProbesChanged says that the Risk of a probe of the pod may be another one.
	ProbesChanged(s *Sandbox)
	// DaemonsBehind says that the kubelet and the container runtime do what they do
	// later or sooner than until now, because of the CPU they get.
	DaemonsBehind()
	// RuntimeChanged says that the container runtime does not answer any more, or does
	// again; who starts and stops it knows by themselves.
	RuntimeChanged()
	// SystemOOM says that the kernel killed a process because the machine was full, and
	// not a cgroup.
	SystemOOM()
	// Panicked says that the kernel has stopped: who hears it is to switch it off.
	Panicked()
	// CallChanged says that the Answer to what was asked last for a pod is another one than it
	// was going to be, because of the disk.
	CallChanged(s *Sandbox, a Answer)
	// Pulled answers Machine.Pull.
	Pulled(pod uint32, of Pull)
}

// Pull is how a pull went.
type Pull struct {
	Outcome
	BegunAt sim.Time // when it had waited for others
	Bytes   int64    // of the image, compressed
}

// Outcome is what came of a pull.
type Outcome uint8

// The outcomes.
const (
	PulledNow     Outcome = iota
	PullNeedless          // all its layers were here already
	PullFailed            // the registry refuses connections
	PullTimedOut          // it does not answer
	PullLimited           // it has answered too many: 429
	PullTooFast           // the kubelet's own limit
	PullBroken            // the runtime has ended
	PullNoSpace           // the disk is full
	PullUnwritten         // the disk does not take it: Machine.Unwritten
)

// Process is one container of a pod: its newest instance.
type Process struct {
	StartedAt  sim.Time  // of the newest instance
	FinishedAt sim.Time  // of the newest instance that finished, 0 if none did
	ServesAt   sim.Time  // when the newest instance has started up
	TermAt     sim.Time  // when the newest instance got SIGTERM, 0 if it did not
	dueAt      sim.Time  // when it will end, Never if nothing will end it
	killAt     sim.Time  // when it will get SIGKILL, Never if it will not
	limitAt    sim.Time  // when it will reach its memory limit, Never if it will not
	surgeAt    sim.Time  // when it will do so because of a surge
	lookAt     sim.Time  // when somebody looks whether it ends, if that is later than now
	memory     int64     // bytes the newest instance used from its start
	heap       int64     // bytes it uses more for each request per second
	loaded     loaded    // what it uses for what arrives
	growth     int64     // bytes it uses more every second
	swap       int64     // bytes of it that may be swapped
	swapsFrom  int64     // bytes from which on it is
	disk       int64     // bytes the newest instance wrote when it started
	diskGrowth int64     // bytes it writes every second
	dead       int64     // bytes the instance before left, which stays as long as this one runs
	rest       int64     // milli-CPU it uses at rest
	perRPS     int64     // millionths of a core it uses more for each request per second
	limit      int64     // milli-CPU it can use at most
	starting   int64     // milli-CPU it needs to start up as fast as it can, 0 when it has
	pace       int64     // milli-CPU that ServesAt counts on while it starts up
	wants      int64     // milli-CPU it would use if nobody else did
	extra      *extra    // that few containers have; nil for none
	bursts     []Burst   // of the newest instance
	burstCPU   int64     // milli-CPU that they use now
	burstAt    sim.Time  // when that changes
	meter      meter     // of the newest instance
	throttle   *throttle // nil if it has no quota of CPU
	ExitCode   int32     // of the newest instance that finished
	Instances  int32     // how many were ever started
	dueCode    int32
	adjust     int16 // its oom_score_adj, which a resize leaves as it is
	Cause      Cause // of the newest instance that finished
	dueCause   Cause
	Running    bool
	pinned     bool // it has CPUs for itself
	surges     bool // its bursts use memory
	waits      bool // for an API server to answer
	// EndedBefore is when the one before the newest instance that finished did, 0 if none.
	EndedBefore sim.Time
}

// Sandbox is a pod on a machine: its network namespace and its containers,
// init containers first, in spec order.
type Sandbox struct {
	Pod       *model.Pod // for its name, labels and spec; the status in it means nothing here
	Hash      uint64     // names its luck
	Processes []Process
	IP        uint32
	MadeAt    sim.Time       // when its newest sandbox was made
	Attempts  int32          // sandboxes ever made for this pod
	inVain    uint64         // counts calls for it that took too long: names the luck of the next
	Ready     bool           // its network namespace is there
	Volumes   []string       // attached ones that are mounted for it
	Allocated *model.PodSpec // the kubelet's note on the disk of what it has set aside, if that is not what Pod says
	Admitted  bool           // the kubelet's note on the machine's disk: its request counts as allocated
	Over      bool           // the kubelet's word that nothing of it will run again
	removed   bool           // the records of its containers are
	serving   bool
	follower
	account   *account   // nil if what it uses is not told
	emptyDirs []emptyDir // what is in them
	one       [1]Process
}

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
	told      func(*model.Pod) bool
	account   *account    // nil if what it uses is not told
	meta      *model.Meta // of its node
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
	burns       int64    // of it that they get
	unpackWants int64    // milli-CPU that the runtime wants to unpack images
	unpackPace  int64    // at which it does, in millionths
	running     int64    // containers
	daemons     daemons
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
	// Told tells of which pods the history is to have what they use, nil of none, and
	// TellWhole whether it is to have what the machine uses: model.Usage, by Note.
	Told      func(*model.Pod) bool
	TellWhole bool
}

// NewMachine is a machine with power, without pods, with the images of the
// node in its cache.
func NewMachine(k *sim.Kernel, node *model.Node, c Config) *Machine {
	m := &Machine{
		kernel: k, registry: c.Registry, behaviors: c.Behaviors, serving: c.Serving, used: c.Used, told: c.Told, kubelet: c.Kubelet, api: c.API, note: c.Note, pace: c.Pace,
		on: true, link: full, unpackPace: full, cores: node.Capacity.CPUMilli, parallel: max(c.ParallelPulls, 1), pullRate: c.PullRate.orDefault(), panicAfter: c.PanicAfter, keen: c.Keen, memory: node.Capacity.MemoryBytes, disk: node.Capacity.EphemeralBytes, fullAt: sim.Never, node: node.ID, costs: c.Registry.costs,
	}
	m.reservedCPU, m.reservedMemory = node.Reserved(c.KeptBytes)
	m.podPIDsLimit, m.staticCPUs, m.rotation = c.PodPIDsLimit, c.StaticCPUs, newRotation(c.Logs)
	var said model.Stock
	if node.Stock != nil {
		said = *node.Stock
	}
	m.limitedSwap, m.swap = c.LimitedSwap, said.SwapBytes
	m.pids = cmp.Or(said.PIDs, MostPIDs(m.memory))
	m.keptPIDs = said.KeptPIDs
	m.inodes = cmp.Or(said.Inodes, m.disk/bytesPerInode)
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
	m.daemons = newDaemons(k.Now())
	m.need(0)
	return m
}

// Sandbox is the pod on this machine, nil if it is not there.
func (m *Machine) Sandbox(pod uint32) *Sandbox {
	if pod >= model.FirstStaticID {
		if i := slices.Index(m.ids, pod); i >= 0 {
			return m.pods[i]
		}
		return nil
	}
	if all := m.registry.slots; int(pod) < len(all) {
		if i := int(all[pod]); i < len(m.ids) && m.ids[i] == pod {
			return m.pods[i]
		}
	}
	return nil
}

// Sandboxes is every pod on the machine, in no meaningful but a fixed order;
// free slots are nil.
func (m *Machine) Sandboxes() []*Sandbox { return m.pods }

// Memory is what the machine has, in bytes; 0 is without end.
func (m *Machine) Memory() int64 { return m.memory }

// Powered tells whether the machine is on.
func (m *Machine) Powered() bool { return m.on }

// Add makes room for a pod. Nothing of it runs yet.
func (m *Machine) Add(p *model.Pod, hash uint64) *Sandbox {
	s := &Sandbox{Pod: p, Hash: hash}
	if m.told != nil && m.told(p) {
		s.account = &account{}
	}
	s.Processes = s.one[:]
	if n := len(p.Spec.InitContainers) + len(p.Spec.Containers); n != 1 {
		s.Processes = make([]Process, n)
	}
	i := slices.Index(m.ids, 0)
	if i < 0 {
		i = len(m.ids)
		m.ids, m.pods = append(m.ids, 0), append(m.pods, nil)
	}
	m.ids[i], m.pods[i] = p.ID, s
	if m.crowded {
		m.shareOut()
	}
	if p.ID >= model.FirstStaticID {
		return s
	}
	if more := int(p.ID) + 1 - len(m.registry.slots); more > 0 {
		m.registry.slots = append(m.registry.slots, make([]int32, more)...)
	}
	m.registry.slots[p.ID] = int32(i)
	return s
}

// Install is a pod that has long been running here, its images in the cache: its
// init containers have ended and the others serve, all since a time.
func (m *Machine) Install(p *model.Pod, hash uint64, since sim.Time) *Sandbox {
	s := m.Add(p, hash)
	s.Ready, s.MadeAt, s.Attempts, s.serving = true, since, 1, true
	s.IP = machineNet + m.node
	if !p.Spec.HostNetwork {
		s.IP = m.address()
	}
	for i := range s.Processes {
		c := container(p.Spec, i)
		number := m.registry.image(c.Image)
		m.cache(number, m.registry.size(number, m.behaviors.For(p, c.Name).ImageBytes))
		if i < len(p.Spec.InitContainers) && !p.Spec.InitContainers[i].Sidecar {
			s.Processes[i] = Process{StartedAt: since, FinishedAt: since, Instances: 1, dueAt: sim.Never}
			continue
		}
		m.Start(s, i)
		s.Processes[i].StartedAt, s.Processes[i].ServesAt = since, since
		m.countBursts(s, i)
	}
	m.calm(s)
	return s
}

// Alive tells whether any container of the pod runs.
func (s *Sandbox) Alive() bool {
	for i := range s.Processes {
		if s.Processes[i].Running {
			return true
		}
	}
	return false
}

// Retire says that nothing of a pod will run again.
func (m *Machine) Retire(s *Sandbox) {
	s.Over = true
	if m.crowded {
		m.shareOut()
	}
}

// Remove forgets a pod of which nothing runs any more.
func (m *Machine) Remove(pod uint32) {
	for i, id := range m.ids {
		if id == pod {
			m.distrust(m.pods[i])
			m.closeAccount(m.pods[i])
			m.disuse(m.pods[i])
			m.pods[i].follow(nil)
			m.ids[i], m.pods[i] = 0, nil
		}
	}
	delete(m.risks, pod)
}

// The addresses of pods are 10.0.0.0/8, 1,024 for each node; hostNetwork pods
// have the node's, in 172.16.0.0/12.
const (
	podNet     = 10 << 24
	perNode    = 1 << 10
	machineNet = 172<<24 | 16<<16
)

// MakeSandbox gives a pod its network namespace and, unless it uses the
// machine's own, a new address. The caller has waited for SandboxBy.
func (m *Machine) MakeSandbox(s *Sandbox) {
	s.Ready, s.MadeAt, s.Over, s.removed = true, m.kernel.Now(), false, false
	s.Attempts++
	if s.Pod.Spec.HostNetwork {
		s.IP = machineNet + m.node
	} else {
		s.IP = m.address()
	}
	m.kubelet.Changed(s)
}

func (m *Machine) address() uint32 {
	const most = perNode - 2
	for {
		ip := podNet + m.node*perNode + 1 + m.addresses%most
		m.addresses++
		if m.addresses <= most || !m.taken(ip) {
			return ip
		}
	}
}

func (m *Machine) taken(ip uint32) bool {
	for _, s := range m.pods {
		if s != nil && s.Ready && s.IP == ip {
			return true
		}
	}
	return false
}

// StopSandbox takes the network namespace away; its containers have ended.
func (m *Machine) StopSandbox(s *Sandbox) { s.Ready = false }

// container is the ith container of a pod, init containers first.
func container(spec *model.PodSpec, i int) *model.Container {
	if n := len(spec.InitContainers); i >= n {
		return &spec.Containers[i-n]
	}
	return &spec.InitContainers[i]
}

const (
	whyDue       sim.Why = iota // about is a pod and a container of it
	whyUp                       // about is a pod that may serve now
	whyPull                     // about is the number of a pull
	whyFull                     // the memory may be full
	whyPanic                    // too much CPU may have been wanted for too long
	whyForks                    // about is a pod and a container of it
	whyBrim                     // about is a pod and a container of it
	whyBehind                   // the daemons may be further behind
	whyBurst                    // about is a pod and a container of it
	whyUnpack                   // about is a pod
	whySpace                    // the disk may be full
	whyHog                      // what others use becomes another line
	whyThrottled                // about is a pod and a container of it
	whyUsed                     // about is a pod, or wholeMachine
)

// Wake implements sim.Actor.
func (m *Machine) Wake(now sim.Time, why sim.Why, about uint64) {
	if !m.on && why != whyUsed {
		return
	}
	switch why {
	case whyUsed:
		m.usedDue(uint32(about))
		return
	case whyPull:
		m.pullDue(now, uint32(about))
		return
	case whyFull:
		m.full(now)
		return
	case whyBehind:
		m.daemonsDue(now)
		return
	case whyPanic:
		m.panicDue()
		return
	case whyHog:
		m.hogsDue(now)
		return
	case whyUnpack:
		m.unpackDue(now, uint32(about))
		return
	case whySpace:
		m.spaceDue(now)
		return
	}
	s := m.Sandbox(uint32(about))
	if s == nil {
		return
	}
	if why == whyUp {
		m.calm(s)
		m.checkServing(s)
		return
	}
	switch i := int(about >> 32); why {
	case whyBurst:
		m.burstDue(s, i, now)
		return
	case whyBrim:
		m.brimDue(s, i, now)
		return
	case whyForks:
		m.forksDue(s, i, now)
		return
	case whyThrottled:
		m.throttledDue(s, i)
		return
	}
	m.endDue(s, int(about>>32), now)
}

// DescribeWake implements sim.Describer.
func (m *Machine) DescribeWake(why sim.Why, about uint64) string {
	switch why {
	case whyFull:
		return "memory is full"
	case whyBehind:
		return "daemons without CPU"
	case whyPanic:
		return "too little CPU for too long"
	case whyHog:
		return "processes of the system grow otherwise, machine"
	case whyUnpack:
		return "an image is unpacked, machine"
	case whySpace:
		return "disk is full"
	case whyBurst:
		return "a burst begins or ends, machine"
	case whyForks:
		return "a pod has other processes, machine"
	case whyThrottled:
		return "a container may be throttled otherwise, machine"
	case whyBrim:
		return "a volume in memory is full, machine"
	case whyUsed:
		return "something else may be used, machine"
	}
	what := [...]string{"exit of a container of", "start-up of", "image pull, pod"}[why]
	if s := m.Sandbox(uint32(about)); s != nil {
		return what + " " + s.Pod.Path()
	}
	return what + " a pod that is gone"
}

// PowerOff ends everything on the machine at once. Nobody is left to tell but
// those who were using it.
func (m *Machine) PowerOff() {
	m.on, m.offAt, m.fullAt = false, m.kernel.Now(), sim.Never
	m.dropCalls()
	m.outside, m.pidsTaken, m.hogs = 0, 0, m.hogs[:0]
	m.wanted -= m.burnt + m.daemons.wants + m.unpackWants
	m.burnt, m.burns, m.unpackWants, m.unpackPace, m.running = 0, 0, 0, full, 0
	m.reckonWhole()
	m.CancelPulls()
	m.daemons = newDaemons(m.offAt)
	for _, s := range m.pods {
		if s == nil {
			continue
		}
		m.distrust(s)
		s.Ready = false
		if s.serving && m.serving != nil {
			m.serving.Broke(s.Pod.Ref(), 0, true)
		}
		for i := range s.Processes {
			if p := &s.Processes[i]; p.Running {
				p.closeLog(m.offAt)
				p.disk, p.diskGrowth = p.DiskUsed(m.offAt), 0 // whenever it is found to have ended
				p.Running, p.FinishedAt, p.EndedBefore, p.dueAt = false, m.offAt, p.FinishedAt, sim.Never
				m.idle(s, p)
				p.ExitCode, p.Cause = lostCode, Lost
				m.tellThrottling(s, i)
				s.close(i, p)
			}
		}
		s.loseMemory()
		m.checkServing(s)
	}
}

// Boot is the machine back, its image cache and the records of its containers
// intact: the runtime finds those that ran gone, and takes the time for when they
// ended. That is before anybody looks.
func (m *Machine) Boot() {
	m.on = true
	m.openAccount()
	m.need(0)
	for _, s := range m.pods {
		if s == nil {
			continue
		}
		for i := range s.Processes {
			if p := &s.Processes[i]; p.Cause == Lost && p.FinishedAt == m.offAt {
				p.FinishedAt = m.kernel.Now() - 1
			}
		}
	}
}
