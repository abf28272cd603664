package runtime

import (
	"iter"
	"slices"

	"orrery/model"
	"orrery/sim"
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
	threads    int16 // that work on a request
	abreast    int32 // requests that may be under way
	Cause      Cause // of the newest instance that finished
	dueCause   Cause
	Running    bool
	pinned     bool // it has CPUs for itself
	surges     bool // its bursts use memory
	waits      bool // for an API server to answer
	asked      bool // requests pass through it
	// EndedBefore is when the one before the newest instance that finished did, 0 if none.
	EndedBefore sim.Time
}

// Sandbox is a pod on a machine: its network namespace and its containers,
// init containers first, in spec order.
type Sandbox struct {
	Pod       *model.Pod // for its name, labels and spec; the status in it means nothing here
	Hash      uint64     // names its luck
	machine   *Machine   // where it is
	Processes []Process
	IP        uint32
	MadeAt    sim.Time       // when its newest sandbox was made
	Attempts  int32          // sandboxes ever made for this pod
	inVain    uint64         // counts calls for it that took too long: part of what names the luck of the next
	Ready     bool           // its network namespace is there
	Volumes   []string       // attached ones that are mounted for it
	Allocated *model.PodSpec // the kubelet's note on the disk of what it has set aside, if that is not what Pod says
	Admitted  bool           // the kubelet's note on the machine's disk: its request counts as allocated
	Over      bool           // the kubelet's word that nothing of it will run again
	removed   bool           // the records of its containers are
	serving   bool
	follower
	room      int64      // milli-CPU that those know who send requests to it: see rooms
	account   *account   // nil if what it uses is not told
	emptyDirs []emptyDir // what is in them
	one       [1]Process
}

// Sandbox is the pod on this machine, nil if it is not there.
func (m *Machine) Sandbox(pod uint32) *Sandbox {
	if pod >= model.FirstStaticID {
		if i := slices.IndexFunc(m.pods, func(s *Sandbox) bool { return s != nil && s.Pod.ID == pod }); i >= 0 {
			return m.pods[i]
		}
		return nil
	}
	if all := m.registry.sandboxes; int(pod) < len(all) {
		if s := all[pod]; s != nil && s.machine == m {
			return s
		}
	}
	return nil
}

// Sandboxes is every pod on the machine, in no meaningful but a fixed order;
// free slots are nil.
func (m *Machine) Sandboxes() []*Sandbox { return m.pods }

// processes is the containers of all pods on the machine, each as its pod and its index there.
func (m *Machine) processes() iter.Seq2[*Sandbox, int] {
	return func(yield func(*Sandbox, int) bool) {
		for _, s := range m.pods {
			if s == nil {
				continue
			}
			for i := range s.Processes {
				if !yield(s, i) {
					return
				}
			}
		}
	}
}

// Add makes room for a pod. Nothing of it runs yet.
func (m *Machine) Add(p *model.Pod, hash uint64) *Sandbox {
	s := &Sandbox{Pod: p, Hash: hash, machine: m}
	if m.hasAccount != nil && m.hasAccount(p) {
		s.account = &account{}
	}
	s.Processes = s.one[:]
	if n := len(p.Spec.InitContainers) + len(p.Spec.Containers); n != 1 {
		s.Processes = make([]Process, n)
	}
	if i := slices.Index(m.pods, nil); i >= 0 {
		m.pods[i] = s
	} else {
		m.pods = append(m.pods, s)
	}
	if m.crowded {
		m.shareOut()
	}
	if p.ID >= model.FirstStaticID {
		return s
	}
	all := &m.registry.sandboxes
	if more := int(p.ID) + 1 - len(*all); more > 0 {
		*all = append(*all, make([]*Sandbox, more)...)
	}
	(*all)[p.ID] = s
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
	if s := m.Sandbox(pod); s != nil {
		m.distrust(s)
		m.closeAccount(s)
		m.disuse(s)
		s.follow(nil)
		m.pods[slices.Index(m.pods, s)] = nil
		if pod < model.FirstStaticID {
			m.registry.sandboxes[pod] = nil
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
