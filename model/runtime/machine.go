package runtime

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Watcher is told, at once and truthfully, when a pod starts or stops to
// serve: all its app containers run and have started up, on a machine with
// power.
type Watcher interface {
	ServingChanged(pod model.Ref, serving bool)
	// CapacityChanged says that a pod has CPU for more or fewer requests now.
	CapacityChanged(pod model.Ref)
}

// Observer is what a Machine tells the kubelet that manages it.
type Observer interface {
	// Changed says that a container or the sandbox of a pod started or ended.
	// A kubelet notices at its next relist.
	Changed(s *Sandbox)
	// MemoryChanged says that the machine's memory is used otherwise now than it
	// was going to be.
	MemoryChanged()
	// DiskChanged says the same of its disk.
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
	// Panicked says that the kernel has stopped: who hears it is to switch it off.
	Panicked()
	// Pulled answers Machine.Pull.
	Pulled(pod uint32, o Outcome)
}

// Outcome is what came of a pull.
type Outcome uint8

// The outcomes.
const (
	PulledNow    Outcome = iota
	PullNeedless         // all its layers were here already
	PullFailed           // the registry refuses connections
	PullTimedOut         // it does not answer
	PullLimited          // it has answered too many: 429
	PullTooFast          // the kubelet's own limit
	PullBroken           // the runtime has ended
)

// Cause is how a process ended, as the container runtime reports it.
type Cause uint8

// The causes.
const (
	Exited    Cause = iota // by itself, or by a signal
	OOMKilled              // by the kernel: it reached its memory limit, or the machine was full
	Lost                   // with its machine: the runtime finds it gone after a reboot
)

// lostCode is the exit code containerd reports for a process whose shim is
// gone (containerd/internal/cri/server/restart.go).
const lostCode = 255

// killedCode is 128 + SIGKILL.
const killedCode = 137

// Process is one container of a pod: its newest instance.
type Process struct {
	StartedAt  sim.Time // of the newest instance
	FinishedAt sim.Time // of the newest instance that finished, 0 if none did
	ServesAt   sim.Time // when the newest instance has started up
	TermAt     sim.Time // when the newest instance got SIGTERM, 0 if it did not
	dueAt      sim.Time // when it will end, Never if nothing will end it
	killAt     sim.Time // when it will get SIGKILL, Never if it will not
	limitAt    sim.Time // when it will reach its memory limit, Never if it will not
	lookAt     sim.Time // when somebody looks whether it ends, if that is later than now
	memory     int64    // bytes the newest instance used from its start
	heap       int64    // bytes it uses more for each request per second
	loaded     int64    // bytes it uses for what arrives now
	growth     int64    // bytes it uses more every second
	disk       int64    // bytes the newest instance wrote when it started
	diskGrowth int64    // bytes it writes every second
	rest       int64    // milli-CPU it uses at rest
	perRPS     int64    // millionths of a core it uses more for each request per second
	limit      int64    // milli-CPU it can use at most
	starting   int64    // milli-CPU it needs to start up as fast as it can, 0 when it has
	pace       int64    // milli-CPU that ServesAt counts on while it starts up
	wants      int64    // milli-CPU it would use if nobody else did
	bursts     []Burst  // of the newest instance
	burstCPU   int64    // milli-CPU that they use now
	burstAt    sim.Time // when that changes
	meter      meter    // of the newest instance
	ExitCode   int32    // of the newest instance that finished
	Instances  int32    // how many were ever started
	dueCode    int32
	Cause      Cause // of the newest instance that finished
	dueCause   Cause
	Running    bool
	surges     bool // its bursts use memory
	waits      bool // for an API server to answer
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
	Ready     bool           // its network namespace is there
	Volumes   []string       // attached ones that are mounted for it
	Allocated *model.PodSpec // the kubelet's note on the disk of what it has set aside, if that is not what Pod says
	Admitted  bool           // the kubelet's note on the machine's disk: its request counts as allocated
	serving   bool
	load      int64 // requests that arrive, in thousandths per second
	working   int64 // of those, for which there are workers
	one       [1]Process
	risks     [][model.ProbeKinds]Risk // beside Processes; nil if nobody ever said any
}

// Machine is one worker machine: what is true about its containers, whoever
// manages them.
type Machine struct {
	kernel    *sim.Kernel
	self      sim.ActorID
	registry  *Registry
	behaviors Behaviors
	serving   Watcher
	used      func(pod uint32)
	kubelet   Observer
	api       API
	on        bool
	down      bool // the container runtime
	offAt     sim.Time
	node      uint32
	addresses uint32     // ever given to pods
	ids       []uint32   // of the pods, 0 where a slot is free
	pods      []*Sandbox // beside ids
	images    []image    // that are in the cache, the oldest first
	layers    []layer    // on the disk, of images that are described
	wanted    int64      // milli-CPU that all containers want together
	crowded   bool       // that is more than there is
	roomy     bool       // another load comes, and it was not: what requests have CPU for stays as it is
	disk      int64      // bytes; 0 is without end
	diskRates []int64    // of faults that slow it, in millionths
	filled    int64      // of them, by others than containers and images
	pulls     []pull     // in the order in which they were asked for
	link      int64      // the share of its connection that is left for downloads, in millionths
	parallel  int        // how many of them are under way at most
	pullsPaid sim.Time   // until when the kubelet's pulls have used up their rate
	pulled    uint64     // counts pulls: names their luck
	dooms     []doom
	// probeFaults are in the order in which they began.
	probeFaults []probeFault
	panicAfter  time.Duration
	crowdedAt   sim.Time // since when it is crowded
	hanging     []uint32 // pods whose processes hang, once for each reason
	stuck       []uint32 // pods whose volumes cannot be unmounted, once for each reason
	cores       int64    // milli-CPU; 0 is without end
	memory      int64    // bytes; 0 is without end
	fullAt      sim.Time // when the memory is full, as things are
	outside     int64    // bytes of memory that others than containers use
	burnt       int64    // milli-CPU that others than containers and daemons want
	running     int64    // containers
	daemons     daemons
	// What the kubelet reserves is not for pods: their cgroup, kubepods, has the rest
	// for its limit of memory and for its weight.
	reservedCPU, reservedMemory int64
	costs                       *costs

	top, burstable, best, inPod []group // scratch of shareOut
	meter                       meter
}

// doom is containers that exit soon after each start.
type doom struct {
	pod       uint32
	container string // "" is all app containers
	code      int32
}

// Config is what a Machine depends on.
type Config struct {
	Behaviors Behaviors
	Registry  *Registry
	Serving   Watcher          // may be nil
	Used      func(pod uint32) // told when a pod begins to use something else; may be nil
	Kubelet   Observer
	API       API // whom processes ask that need an API server; nil answers at once
	// ParallelPulls is how many images are pulled at a time; default 1.
	ParallelPulls int
	// PanicAfter is how long the kernel stands that more CPU is wanted than there is; 0
	// is for ever.
	PanicAfter time.Duration
}

// NewMachine is a machine with power, without pods, with the images of the
// node in its cache.
func NewMachine(k *sim.Kernel, node *model.Node, c Config) *Machine {
	m := &Machine{
		kernel: k, registry: c.Registry, behaviors: c.Behaviors, serving: c.Serving, used: c.Used, kubelet: c.Kubelet, api: c.API,
		on: true, link: full, cores: node.Capacity.CPUMilli, parallel: max(c.ParallelPulls, 1), panicAfter: c.PanicAfter, memory: node.Capacity.MemoryBytes, disk: node.Capacity.EphemeralBytes, fullAt: sim.Never, node: node.ID, costs: c.Registry.costs,
	}
	m.reservedCPU, m.reservedMemory = node.Reserved()
	m.self = k.Register("machine/"+node.Name, m)
	for _, i := range node.Images {
		number := c.Registry.image(i.Name)
		c.Registry.sizes[number] = i.Bytes
		if i.Alias {
			m.cache(number, 0)
			continue
		}
		m.cache(number, unpacked(i.Bytes))
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

// Powered tells whether the machine is on.
func (m *Machine) Powered() bool { return m.on }

// Add makes room for a pod. Nothing of it runs yet.
func (m *Machine) Add(p *model.Pod, hash uint64) *Sandbox {
	s := &Sandbox{Pod: p, Hash: hash}
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
		m.cache(number, unpacked(m.registry.size(number, m.behaviors.For(p, c.Name).ImageBytes)))
		if i < len(p.Spec.InitContainers) && !p.Spec.InitContainers[i].Sidecar {
			s.Processes[i] = Process{StartedAt: since, FinishedAt: since, Instances: 1, dueAt: sim.Never}
			continue
		}
		m.Start(s, i)
		s.Processes[i].StartedAt, s.Processes[i].ServesAt = since, since
		m.countBursts(s, i)
	}
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

// Remove forgets a pod of which nothing runs any more.
func (m *Machine) Remove(pod uint32) {
	for i, id := range m.ids {
		if id == pod {
			m.ids[i], m.pods[i] = 0, nil
		}
	}
}

// The addresses of pods are 10.0.0.0/8, 1,024 for each node; hostNetwork pods
// have the node's, in 172.16.0.0/12.
const (
	podNet     = 10 << 24
	perNode    = 1 << 10
	machineNet = 172<<24 | 16<<16
)

// MakeSandbox gives a pod its network namespace and, unless it uses the
// machine's own, a new address. The caller has waited SandboxTime.
func (m *Machine) MakeSandbox(s *Sandbox) {
	s.Ready, s.MadeAt = true, m.kernel.Now()
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

// Start runs a new instance of a container. The caller has waited StartTime.
func (m *Machine) Start(s *Sandbox, i int) {
	now := m.kernel.Now()
	p := &s.Processes[i]
	c := container(s.Pod.Spec, i)
	b := m.behaviors.For(s.Pod, c.Name)
	luck := m.costs.startup.Draw(s.Hash, uint64(i)<<32|uint64(p.Instances))
	p.StartedAt, p.Running, p.TermAt = now, true, 0
	p.ServesAt = now.Add(b.Startup.Draw(&luck))
	p.dueAt, p.killAt, p.dueCode, p.dueCause = sim.Never, sim.Never, 0, Exited
	init := i < len(s.Pod.Spec.InitContainers)
	if init && !c.Sidecar && b.Run.IsZero() {
		b.Run = DefaultInitRun
	}
	if !b.Run.IsZero() && (b.Exits == 0 || p.Instances < b.Exits) {
		p.dueAt, p.dueCode = now.Add(b.Run.Draw(&luck)), b.ExitCode
	}
	if d := m.doomed(s, i); d >= 0 {
		if at := now.Add(doomTime.Draw(&luck)); at < p.dueAt {
			p.dueAt, p.dueCode, p.dueCause = at, m.dooms[d].code, Exited
		}
	}
	p.Instances++
	if p.waits = b.NeedsAPI && m.api != nil; p.waits {
		m.api.Need(m, Asker{Pod: s.Pod.ID, Container: i, Instance: p.Instances})
	}
	p.memory, p.growth, p.heap, p.loaded = b.MemoryBytes, b.MemoryGrowth, b.MemoryPerRPS, 0
	p.disk, p.diskGrowth = b.DiskBytes, b.DiskGrowth
	load, working := s.load, s.working
	if init {
		load, working = 0, 0
	}
	p.loaded = scale(p.heap, load, 1000)
	m.startBursts(s, i, &b)
	p.limitAt = p.reaches(now, c.Limits.MemoryBytes)
	m.need(1)
	m.startUsing(s, p, &b, c, working)
	if p.starting > 0 {
		m.postStarted(s, p)
	}
	m.postDue(s, i)
	if p.usesMemory() {
		m.weigh()
	}
	if p.writes() {
		m.kubelet.DiskChanged()
	}
	if !init && m.serving != nil {
		m.postServing(s)
	}
	m.kubelet.Changed(s)
}

// Doom has a container of a pod, or all its app containers if none is named,
// exit with a code soon after each start from now on. The pod may be unknown
// here, and the oldest of several dooms decides.
func (m *Machine) Doom(pod uint32, container string, code int32) {
	m.dooms = append(m.dooms, doom{pod, container, code})
}

// Spare takes back the oldest such Doom. What has started under it still
// ends.
func (m *Machine) Spare(pod uint32, container string) {
	same := func(d doom) bool { return d.pod == pod && d.container == container }
	if i := slices.IndexFunc(m.dooms, same); i >= 0 {
		m.dooms = slices.Delete(m.dooms, i, i+1)
	}
}

// doomed is the doom that a container is under, -1 if none.
func (m *Machine) doomed(s *Sandbox, i int) int {
	init := i < len(s.Pod.Spec.InitContainers)
	return slices.IndexFunc(m.dooms, func(d doom) bool {
		return d.pod == s.Pod.ID && (d.container == "" && !init || d.container == container(s.Pod.Spec, i).Name)
	})
}

const (
	whyDue    sim.Why = iota // about is a pod and a container of it
	whyUp                    // about is a pod that may serve now
	whyPull                  // about is the number of a pull
	whyFull                  // the memory may be full
	whyPanic                 // too much CPU may have been wanted for too long
	whyBehind                // the daemons may be further behind
	whyBurst                 // about is a pod and a container of it
)

// postDue has the machine look at a container when it will end, as things are. A look
// that is posted for later is left alone; one that comes too early asks for another.
func (m *Machine) postDue(s *Sandbox, i int) {
	p := &s.Processes[i]
	at := p.endsAt()
	if p.lookAt > m.kernel.Now() && p.lookAt <= at {
		return
	}
	p.lookAt = at
	m.kernel.Post(at, m.self, whyDue, uint64(i)<<32|uint64(s.Pod.ID))
}

// postServing looks again when the last container of a pod has started up, if
// all of them run.
func (m *Machine) postServing(s *Sandbox) {
	var at sim.Time
	for i := len(s.Pod.Spec.InitContainers); i < len(s.Processes); i++ {
		p := &s.Processes[i]
		if !p.Running || p.waits {
			return
		}
		at = max(at, p.ServesAt)
	}
	m.kernel.Post(max(at, m.kernel.Now()), m.self, whyUp, uint64(s.Pod.ID))
}

// Serves tells whether all app containers of the pod run and have started up.
func (m *Machine) Serves(s *Sandbox) bool {
	if !m.on || !s.Ready || m.hangs(s) {
		return false
	}
	now := m.kernel.Now()
	for i := len(s.Pod.Spec.InitContainers); i < len(s.Processes); i++ {
		if p := &s.Processes[i]; !p.Running || p.UpAt() > now {
			return false
		}
	}
	return true
}

// UpAt is when the newest instance has started up, as things are: Never while it
// waits for an API server.
func (p *Process) UpAt() sim.Time {
	if p.waits {
		return sim.Never
	}
	return p.ServesAt
}

// API is where processes ask for what they need before they serve.
type API interface {
	// Need has an API server asked, until it answers or nobody waits any more, which
	// the Machine is told or tells.
	Need(m *Machine, by Asker)
}

// Asker is a process that needs an API server.
type Asker struct {
	Pod       uint32
	Container int
	Instance  int32
}

// asks is the process, nil if it does not wait any more.
func (m *Machine) asks(by Asker) (*Sandbox, *Process) {
	if s := m.Sandbox(by.Pod); s != nil && m.on && by.Container < len(s.Processes) {
		if p := &s.Processes[by.Container]; p.Running && p.waits && p.Instances == by.Instance {
			return s, p
		}
	}
	return nil, nil
}

// Waits tells whether a process still waits for its answer, and of which pod it is.
func (m *Machine) Waits(by Asker) (pod *model.Pod, ok bool) {
	s, _ := m.asks(by)
	if s == nil {
		return nil, false
	}
	return s.Pod, true
}

// Answered lets a process go on that has what it needs.
func (m *Machine) Answered(by Asker) {
	s, p := m.asks(by)
	if s == nil {
		return
	}
	p.waits, p.ServesAt = false, max(p.ServesAt, m.kernel.Now())
	m.kubelet.StartupChanged(s)
	if m.serving != nil && by.Container >= len(s.Pod.Spec.InitContainers) {
		m.postServing(s)
	}
}

func (m *Machine) checkServing(s *Sandbox) {
	if m.serving == nil {
		return
	}
	if now := m.Serves(s); now != s.serving {
		s.serving = now
		m.serving.ServingChanged(s.Pod.Ref(), now)
	}
}

// MinimumKill is the least time between SIGTERM and SIGKILL
// (pkg/kubelet/kuberuntime/kuberuntime_manager.go
// minimumGracePeriodInSeconds).
const MinimumKill = 2 * time.Second

// Stop sends SIGTERM to a container, and SIGKILL after grace, which is at
// least MinimumKill. A container that was sent SIGTERM before only gets the
// earlier of both SIGKILLs.
func (m *Machine) Stop(s *Sandbox, i int, grace time.Duration) {
	p := &s.Processes[i]
	if !p.Running {
		return
	}
	now := m.kernel.Now()
	luck := m.costs.stop.Draw(s.Hash, uint64(i)<<32|uint64(p.Instances))
	kill := now.Add(max(grace, MinimumKill) + killTime.Draw(&luck))
	if p.TermAt == 0 {
		p.TermAt = now
		b := m.behaviors.For(s.Pod, container(s.Pod.Spec, i).Name)
		if at := now.Add(b.Stop.Draw(&luck)); at < p.dueAt && !m.hangs(s) {
			p.dueAt, p.dueCode, p.dueCause = at, 0, Exited
		}
	}
	p.killAt = min(p.killAt, kill)
	m.postDue(s, i)
}

// Crash ends a container at once. It tells whether it was running.
func (m *Machine) Crash(s *Sandbox, i int, code int32) bool {
	p := &s.Processes[i]
	if !p.Running {
		return false
	}
	p.dueCode, p.dueCause = code, Exited
	m.end(s, p)
	return true
}

// endsAt is when a process ends, as things are.
func (p *Process) endsAt() sim.Time { return min(p.dueAt, p.killAt, p.limitAt) }

func (m *Machine) end(s *Sandbox, p *Process) {
	p.Running, p.FinishedAt = false, m.kernel.Now()
	m.need(-1)
	m.idle(s, p)
	p.ExitCode, p.Cause, p.dueAt = p.dueCode, p.dueCause, sim.Never
	if p.usesMemory() {
		m.weigh()
	}
	if p.writes() {
		m.kubelet.DiskChanged()
	}
	m.checkServing(s)
	m.kubelet.Changed(s)
}

// Wake implements sim.Actor.
func (m *Machine) Wake(now sim.Time, why sim.Why, about uint64) {
	if !m.on {
		return
	}
	switch why {
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
	if why == whyBurst {
		m.burstDue(s, int(about>>32), now)
		return
	}
	m.endDue(s, int(about>>32), now)
}

// endDue ends a container whose time has come.
func (m *Machine) endDue(s *Sandbox, i int, now sim.Time) {
	p := &s.Processes[i]
	switch at := p.endsAt(); {
	case !p.Running:
		return
	case now < at:
		m.postDue(s, i)
		return
	case at == p.dueAt:
	case at == p.killAt:
		p.dueCode, p.dueCause = killedCode, Exited
	default:
		p.dueCode, p.dueCause = killedCode, OOMKilled
	}
	m.end(s, p)
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
	case whyBurst:
		return "a burst begins or ends, machine"
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
	m.pulls = m.pulls[:0]
	m.outside = 0
	m.wanted -= m.burnt + m.daemons.wants
	m.burnt, m.running = 0, 0
	m.daemons = newDaemons(m.offAt)
	for _, s := range m.pods {
		if s == nil {
			continue
		}
		s.Ready = false
		for i := range s.Processes {
			if p := &s.Processes[i]; p.Running {
				p.Running, p.FinishedAt, p.dueAt = false, m.offAt, sim.Never
				m.idle(s, p)
				p.ExitCode, p.Cause = lostCode, Lost
			}
		}
		m.checkServing(s)
	}
}

// Boot is the machine back, its image cache and the records of its containers
// intact: the runtime finds those that ran gone, and takes the time for when they
// ended. That is before anybody looks.
func (m *Machine) Boot() {
	m.on = true
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
