// Package kubelet is a node's agent: what runs here, and until when? Its one
// idea: a kubelet sees its machine only through relists and its orders only
// through watches, so it acts on what was, and what it reports is older
// still. It refuses to know anything the machine or the API did not show it.
//
// Nothing in it ticks while the outcome is known: relists, the work queue,
// probes and status passes are tickers in closed form, and only the tick that
// finds something is an event. All pods that are due at one tick are served by
// one event, in the order of their slots.
package kubelet

import (
	"cmp"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/runtime"
	"orrery/model/store"
	"orrery/sim"
)

// Config is what a kubelet depends on besides its node.
type Config struct {
	// Config is its machine's. Kubelet, StaticCPUs and KeptBytes follow from the rest.
	runtime.Config
	Literal     bool // every tick is an event, which must not change anything
	Eviction    Eviction
	ImageGC     ImageGC
	RestartMost time.Duration // the longest back-off of restarts; default DefaultMostBackoff
	Sysctls     []string      // allowedUnsafeSysctls: kernel parameters, or their beginnings with *
	QPS, Burst  int64         // of its requests to the API server; default DefaultQPS and DefaultBurst
	Static      []Static
	Shutdown    Shutdown
	Topology    Topology
	// Volumes is the volume of a claim, by its namespace and name, and whether it has
	// to be attached; may be nil.
	Volumes func(claim string) (volume string, attached bool)
	// LostDisk tells whether there is nothing behind a volume any more; nil if nothing is
	// ever lost.
	LostDisk func(volume string) bool
}

// Periods (pkg/kubelet/kubelet.go, pkg/kubelet/status/status_manager.go).
const (
	relistEvery       = time.Second // PLEG
	workEvery         = time.Second // main loop: pods whose work queue time has come
	housekeepingEvery = 2 * time.Second
	statusPassEvery   = 10 * time.Second
	nodeStatusEvery   = 10 * time.Second // times 1 to 1.04, drawn once for each node
	nodeStatusMost    = 10400 * time.Millisecond
	pollEvery         = 5 * time.Second // of the runtime's status
)

// Wake-up reasons.
const (
	whyRelist sim.Why = iota
	whyWork
	whyProbe
	whyStatusPass
	whyNodeStatus
	whyHousekeeping
	whyEviction
	whyPoll
	whyImageGC
	whyRetry
	whyContainerGC
	whyStep // about is a pod
	whyTerm // about is a pod
	whyBoot
	whyStart     // about counts starts
	whyRegister  // about is the epoch
	whyStale     // about is the epoch
	whyAwake     // about is the epoch
	whyClosing   // about is the epoch
	whyInspected // about is a pod
	whyToken     // about is a pod
	whyConfig    // about is a pod
)

var whyNames = [...]string{
	whyRelist:       "relist",
	whyWork:         "work queue",
	whyProbe:        "probes",
	whyStatusPass:   "status pass",
	whyNodeStatus:   "node status",
	whyHousekeeping: "housekeeping",
	whyEviction:     "look for pressure",
	whyPoll:         "poll of the container runtime",
	whyImageGC:      "image collection",
	whyRetry:        "retry of resizes",
	whyContainerGC:  "collection of containers",
	whyStep:         "next step of a pod",
	whyTerm:         "SIGTERM for a container of a pod",
	whyBoot:         "boot",
	whyStart:        "start of the kubelet",
	whyRegister:     "registration of the node",
	whyStale:        "the runtime has been silent for too long",
	whyAwake:        "look whether the runtime is back",
	whyClosing:      "shutdown goes on",
	whyInspected:    "a relist has inspected a pod",
	whyToken:        "the token of a pod",
	whyConfig:       "the ConfigMaps and Secrets of a pod",
}

// Kubelet is one node's agent, and its hand on the machine's switches.
type Kubelet struct {
	kernel  *sim.Kernel
	net     *network.Network
	site    network.Site
	self    sim.ActorID
	machine *runtime.Machine
	leases  *store.Leases
	client  *store.Client
	beat    *store.Client // for the node's own status: it has no rate limit
	orders  *store.Watch  // pods bound to this node
	about   *store.Watch  // this node
	first   *model.Node   // as the node was given
	node    *model.Node   // newest version seen
	hash    uint64
	luck    *lanes
	literal bool
	serving runtime.Watcher // may be nil

	running    bool
	synced     bool     // all pods of the first list were seen
	epoch      uint32   // counts starts and stops of the process; older wake-ups are stale
	held       bool     // the process must not run
	booting    bool     // the machine has power and no kubelet yet
	rebooted   bool     // no process has run since the last boot
	bootUntold bool     // nobody was told of the last boot
	isNew      bool     // that was the machine's first
	starts     uint64   // names the luck of starts; older ones are void
	boots      uint64   // names the luck of boots
	startedAt  sim.Time // of the process; -1 is long ago
	networkAt  sim.Time // when pods can have a network
	devicesAt  sim.Time // when they can have devices

	registerWait time.Duration // before the newest try to register; 0 when the node is
	tokensBy     sim.Time      // when all tokens that are taken for granted are there
	alert        bool          // it will hear of the next disturbance

	relist relists

	work, statusPass, nodeStatus, housekeeping, probes, evicting, polling, imageGC, retrying, containerGC pulse

	health health

	shutdown Shutdown
	closing  closing

	imageLevels     ImageGC
	imageGCFailedAt sim.Time // when a look of the image collector last failed; -1 is never
	restartMost     time.Duration

	evictions evictions
	levels    levels

	layout  *layout  // nil if pods have nothing for themselves
	sysctls []string // that pods may set besides the safe ones

	statics   []static
	shownAs   []mirrored // every mirror pod there ever was
	nodeKnown bool       // to the API, as far as this process knows
	seesNode  bool       // in its informer's store: from the start on if that is reached then, else when the pods are listed, too

	volumes  func(claim string) (volume string, attached bool)
	lostDisk func(volume string) bool
	disks    []needed                // that pods need attached, in the order of their names
	configs  map[configKey]*followed // that pods need; nil as long as none did

	slots []slot
	rows  []*row // beside slots
	used  model.Resources

	deferred []uint32 // pods whose resize waits, in the order in which they are tried
	untried  bool     // some of them have not been since this process knows them

	queue     []uint32 // pods whose status is to be written
	unwritten []uint32 // those for which that failed
	writing   bool     // the status writer waits for an answer
	patching  bool     // the node status loop does
	cordoned  bool     // the node was, when that loop last looked
}

// lanes is the luck of kubelets.
type lanes struct{ phases, relist, requeue, boot, start, probe, answer, volumes, logs, devices, tokens sim.Lane }

func newLanes(l sim.Luck) *lanes {
	return &lanes{
		phases: l.Lane("kubelet"), relist: l.Lane("relist"), requeue: l.Lane("requeue"), boot: l.Lane("boot"), start: l.Lane("kubelet start"),
		probe: l.Lane("probe"), answer: l.Lane("answer to a probe"),
		volumes: l.Lane("measurement of volumes"), logs: l.Lane("log rotation"), devices: l.Lane("device plugin"),
		tokens: l.Lane("token volume"),
	}
}

// New is a node's kubelet, not running yet. The node is stored, or its number is
// reserved.
func New(k *sim.Kernel, s *store.Store, net *network.Network, node *model.Node, site network.Site, c Config) *Kubelet {
	x := &Kubelet{
		kernel: k, net: net, site: site, leases: s.Leases(), luck: newLanes(k.Luck()),
		first: node, node: node, hash: node.NameHash(),
		literal: c.Literal, shutdown: c.Shutdown, serving: c.Serving, sysctls: c.Sysctls,
		imageLevels: c.ImageGC.orDefault(), restartMost: cmp.Or(c.RestartMost, DefaultMostBackoff),
		volumes: c.Volumes, lostDisk: c.LostDisk,
	}
	x.self = k.Register("kubelet/"+node.Name, x)
	x.client = s.NewClient(store.ClientConfig{
		Name: "kubelet/" + node.Name, As: store.Node(node.Name), Actor: x.self, Site: site,
		QPS: cmp.Or(c.QPS, DefaultQPS), Burst: cmp.Or(c.Burst, DefaultBurst), Each: requestsEach,
	})
	x.beat = s.NewClient(store.ClientConfig{
		Name: "kubelet/" + node.Name + "/heartbeat", As: store.Node(node.Name), Actor: x.self, Site: site,
		Timeout: nodeStatusEvery,
	})
	x.readStatics(c.Static)
	x.orders = x.client.WatchPodsOn(node.ID)
	x.about = x.client.WatchNode(node.ID)
	x.machine = runtime.NewMachine(k, node, x.ofMachine(c))
	reserved, _ := node.Reserved(0)
	x.layout = newLayout(c.Topology, node, reserved)
	x.setLevels(c.Eviction)
	x.leases.Add(node.ID, node.Name, x.client, x.beat)
	return x
}

// ofMachine is what the machine depends on, which is this kubelet's.
func (k *Kubelet) ofMachine(c Config) runtime.Config {
	m := c.Config
	m.Kubelet = k
	m.Serving, m.Used = k.watcher(), k.ofAPI(c.Used)
	m.StaticCPUs = c.Topology.StaticCPUs
	m.KeptBytes = c.Eviction.Kept(k.first.Capacity).MemoryBytes
	return m
}

// Start is a kubelet that has long been running, at the beginning of a run.
func (k *Kubelet) Start() {
	luck := k.luck.phases.Draw(k.hash, 0)
	k.relist.begin(sim.Time(luck.Duration(0, relistEvery)))
	k.work.Phase = sim.Time(luck.Duration(0, workEvery))
	k.statusPass.Phase = sim.Time(luck.Duration(0, statusPassEvery))
	k.housekeeping.Phase = sim.Time(luck.Duration(0, housekeepingEvery))
	k.nodeStatus.Period = luck.Duration(nodeStatusEvery, nodeStatusMost)
	k.nodeStatus.Phase = sim.Time(luck.Duration(0, k.nodeStatus.Period))
	k.startedAt, k.networkAt, k.devicesAt, k.synced, k.nodeKnown, k.cordoned = -1, -1, -1, true, true, k.node.Unschedulable
	k.begin(luck.Duration(0, store.RenewEvery))
	k.installed(k.kernel.Now())
}

// begin is what starts with the process. Its lease is renewed first after
// firstLease.
func (k *Kubelet) begin(firstLease time.Duration) {
	k.running = true
	k.epoch++
	k.work.Period, k.statusPass.Period = workEvery, statusPassEvery
	k.housekeeping.Period, k.probes.Period, k.evicting.Period = housekeepingEvery, 1, evictEvery
	looks := k.luck.phases.Draw(^k.hash, uint64(k.epoch))
	k.evicting.Phase = k.kernel.Now().Add(looks.Duration(0, evictEvery))
	if !k.synced { // it starts just now
		k.evicting.Phase = k.kernel.Now()
	}
	k.beginHealth(&looks)
	k.evictions = newEvictions()
	k.beginImageGC(&looks)
	k.beginRetries(&looks)
	k.beginContainerGC(&looks)
	for _, p := range k.pulses() {
		p.next = sim.Never
	}
	k.rotateLogs()
	k.machine.FillPullBucket()
	k.leases.Start(k.node.ID, firstLease)
	k.orders.Start()
	k.about.Start()
	k.seesNode = k.synced || k.about.Connected() && !k.about.Drained()
	if k.literal {
		for why, p := range k.pulses() {
			if p != &k.probes {
				k.want(p, sim.Why(why), k.kernel.Now())
			}
		}
	}
	k.aimEvictions(k.kernel.Now())
	k.aimImageGC(k.kernel.Now())
	if !k.synced {
		k.want(&k.housekeeping, whyHousekeeping, k.kernel.Now())
		k.want(&k.nodeStatus, whyNodeStatus, k.kernel.Now())
	}
}

// pulses is everything periodic, by its reason to wake.
func (k *Kubelet) pulses() [whyContainerGC + 1]*pulse {
	return [...]*pulse{&k.relist.pulse, &k.work, &k.probes, &k.statusPass, &k.nodeStatus, &k.housekeeping, &k.evicting, &k.polling, &k.imageGC, &k.retrying, &k.containerGC}
}

// Machine is what the kubelet manages.
func (k *Kubelet) Machine() *runtime.Machine { return k.machine }

// Serving tells whether the pod really serves now.
func (k *Kubelet) Serving(pod model.Ref) bool {
	s := k.machine.Sandbox(k.own(pod.ID))
	return s != nil && k.machine.Serves(s)
}

// Measured is what metrics say of a pod, or of one of its containers if that is named.
func (k *Kubelet) Measured(pod model.Ref, container string) (model.Sample, bool) {
	return k.machine.Measured(k.kernel.Now(), k.own(pod.ID), container)
}

// MeasuredWhole is what they say of the machine: see runtime.Machine.
func (k *Kubelet) MeasuredWhole() (model.Sample, bool) {
	return k.machine.MeasuredWhole(k.kernel.Now())
}

// Doom has a container of a pod exit after each start, until Spare.
func (k *Kubelet) Doom(pod model.Ref, name string, doom model.Doom) {
	k.machine.Doom(k.own(pod.ID), name, doom)
}

// FillDisk has others fill the machine's disk.
func (k *Kubelet) FillDisk(ppm int64) int64 { return k.machine.Fill(ppm) }

// FreeDisk takes that back.
func (k *Kubelet) FreeDisk(bytes int64) { k.machine.Free(bytes) }

// FillInodes has others use up the inodes of the machine's disk.
func (k *Kubelet) FillInodes(ppm int64) int64 { return k.machine.FillInodes(ppm) }

// FreeInodes takes that back.
func (k *Kubelet) FreeInodes(n int64) { k.machine.FreeInodes(n) }

// TakePIDs has others use up the processes that the machine can have.
func (k *Kubelet) TakePIDs(ppm int64) int64 { return k.machine.TakePIDs(ppm) }

// ReturnPIDs takes that back.
func (k *Kubelet) ReturnPIDs(n int64) { k.machine.ReturnPIDs(n) }

// SetLink leaves downloads a share of the machine's connection.
func (k *Kubelet) SetLink(ppm int64) { k.machine.SetLink(ppm) }

// SetOffline has what is asked of the registry be lost, or not any more.
func (k *Kubelet) SetOffline(offline bool) { k.machine.SetOffline(offline) }

// Burn has others than containers want CPU.
func (k *Kubelet) Burn(milli int64) { k.machine.Burn(milli) }

// Cool takes that back.
func (k *Kubelet) Cool(milli int64) { k.machine.Cool(milli) }

// SlowDisk has the machine's disk work at a share of its speed.
func (k *Kubelet) SlowDisk(ppm int64) { k.machine.SlowDisk(ppm) }

// QuickenDisk takes that back.
func (k *Kubelet) QuickenDisk(ppm int64) { k.machine.QuickenDisk(ppm) }

// Creep has the node's agents need more.
func (k *Kubelet) Creep(milli, each, bytes int64) { k.machine.Creep(milli, each, bytes) }

// TakeMemory has others use the machine's memory.
func (k *Kubelet) TakeMemory(ppm int64, over time.Duration, adjust int64) int64 {
	return k.machine.Take(ppm, over, adjust)
}

// ReturnMemory takes that back.
func (k *Kubelet) ReturnMemory(number int64) { k.machine.Return(number) }

// HarmProbes does something to probes of a pod's container, or of all of them.
func (k *Kubelet) HarmProbes(pod model.Ref, name string, harm model.ProbeHarm) {
	k.machine.HarmProbes(k.own(pod.ID), name, harm)
}

// HealProbes takes back one such HarmProbes.
func (k *Kubelet) HealProbes(pod model.Ref, name string, harm model.ProbeHarm) {
	k.machine.HealProbes(k.own(pod.ID), name, harm)
}

// Hang has the processes of a pod answer nobody, until Unhang.
func (k *Kubelet) Hang(pod model.Ref) { k.machine.Hang(k.own(pod.ID)) }

// Stick keeps a pod's volumes mounted when it has ended, until Unstick.
func (k *Kubelet) Stick(pod model.Ref) { k.machine.Stick(k.own(pod.ID)) }

// Unstick takes back one Stick. Who waits for it looks every 300 ms
// (pkg/kubelet/volumemanager/volume_manager.go podAttachAndMountRetryInterval).
func (k *Kubelet) Unstick(pod model.Ref) {
	id := k.own(pod.ID)
	k.machine.Unstick(id)
	if r := k.find(id); k.running && r != nil && r.stuck && !k.machine.Stuck(id) {
		r.stuck = false
		k.wait(r, unmounting, k.kernel.Now().Add(300*time.Millisecond))
	}
}

// Unhang takes back one Hang.
func (k *Kubelet) Unhang(pod model.Ref) { k.machine.Unhang(k.own(pod.ID)) }

// Stress has others use CPU and memory in a container's cgroup, until Unstress.
func (k *Kubelet) Stress(pod model.Ref, name string, s model.Stress) {
	k.machine.Stress(k.own(pod.ID), name, s)
}

// Unstress takes back one Stress.
func (k *Kubelet) Unstress(pod model.Ref, name string, s model.Stress) {
	k.machine.Unstress(k.own(pod.ID), name, s)
}

// HasDisks tells whether volumes that were attached are mounted for a pod.
func (k *Kubelet) HasDisks(pod model.Ref) bool {
	s := k.machine.Sandbox(k.own(pod.ID))
	return s != nil && len(s.Volumes) > 0
}

// BreakDisk has writing to the disk fail with an error, until MendDisk.
func (k *Kubelet) BreakDisk(errno string) { k.machine.BreakDisk(errno) }

// MendDisk takes back one BreakDisk.
func (k *Kubelet) MendDisk(errno string) { k.machine.MendDisk(errno) }

// Spare takes back one Doom.
func (k *Kubelet) Spare(pod model.Ref, name string) { k.machine.Spare(k.own(pod.ID), name) }

// CrashContainer ends a container of a pod at once, or all its app containers
// if none is named. It tells whether anything was running.
func (k *Kubelet) CrashContainer(pod model.Ref, name string, exitCode int32) bool {
	s := k.machine.Sandbox(k.own(pod.ID))
	if s == nil {
		return false
	}
	crashed := false
	for i := range s.Processes {
		init := i < len(s.Pod.Spec.InitContainers)
		if c := containerOf(s.Pod.Spec, i); c.Name == name || name == "" && !init {
			crashed = k.machine.Crash(s, i, exitCode) || crashed
		}
	}
	return crashed
}

// Wake implements sim.Actor.
func (k *Kubelet) Wake(now sim.Time, why sim.Why, about uint64) {
	switch why {
	case store.WhyWatch:
		k.look()
	case store.WhyReply:
		k.answered(about)
	case whyStep:
		k.step(now, about)
	case whyInspected:
		k.inspectionOver(now, about)
	case whyToken:
		k.tokenDue(about)
	case whyConfig:
		k.configDue(now, about)
	case whyTerm:
		k.termsDue(now, about)
	case whyBoot:
		k.boot(about)
	case whyStart:
		k.started(about)
	case whyRegister:
		k.register(about)
	case whyClosing:
		k.closingDue(now, about)
	case whyStale, whyAwake:
		k.healthDue(now, why, about)
	default:
		k.tick(now, about)
	}
}

// tick serves everything that is due at a tick, in a fixed order: a probe's
// tick often falls on one of the relist that started it.
func (k *Kubelet) tick(now sim.Time, epoch uint64) {
	if !k.running || epoch != uint64(k.epoch) {
		return
	}
	for i, p := range k.pulses() {
		if p.next != now {
			continue
		}
		p.next = sim.Never
		k.serve(now, sim.Why(i))
		if k.literal && p != &k.probes {
			k.want(p, sim.Why(i), now+1)
		}
	}
}

func (k *Kubelet) serve(now sim.Time, why sim.Why) {
	switch why {
	case whyRelist:
		k.relisted(now)
	case whyWork:
		k.workDue(now)
	case whyProbe:
		k.probesDue(now)
	case whyStatusPass:
		k.passStatus()
	case whyNodeStatus:
		k.checkNode()
	case whyHousekeeping:
		k.keepHouse()
	case whyEviction:
		k.evictionPass(now)
	case whyPoll:
		k.polled(now)
	case whyImageGC:
		k.collectImages(now)
	case whyRetry:
		k.retryResizes()
	case whyContainerGC:
		k.collectContainers(now)
	}
}

// DescribeWake implements sim.Describer.
func (k *Kubelet) DescribeWake(why sim.Why, about uint64) string {
	if int(why) >= len(whyNames) {
		return "news from the API server"
	}
	if r := k.find(uint32(about)); (why == whyStep || why == whyTerm || why == whyInspected || why == whyToken || why == whyConfig) && r != nil {
		return whyNames[why] + ": " + r.pod.Path()
	}
	return whyNames[why]
}

// pulse is a periodic thing, of which only the next tick that matters is
// posted.
type pulse struct {
	sim.Ticker
	next sim.Time // the tick that is posted, Never if none
}

// want has a pulse tick at its first tick not before due.
func (k *Kubelet) want(p *pulse, why sim.Why, due sim.Time) {
	if at := p.AtOrAfter(max(due, k.kernel.Now())); at < p.next {
		p.next = at
		k.kernel.Post(at, k.self, why, uint64(k.epoch))
	}
}

// look reads what the watches brought.
func (k *Kubelet) look() {
	for _, obj, ok := k.about.Next(); ok; _, obj, ok = k.about.Next() {
		n, ok := obj.(*model.Node)
		if !ok {
			k.nodeKnown, k.seesNode = false, false // nobody registers it again but a new process
			continue
		}
		k.nodeSeen(n)
	}
	if k.health.stalled {
		return
	}
	for ref, obj, ok := k.orders.Next(); ok; ref, obj, ok = k.orders.Next() {
		pod, ok := obj.(*model.Pod)
		switch {
		case ok && pod.Mirror():
			k.mirrorSeen(pod)
		case ok:
			k.podSeen(pod)
		default:
			k.podGone(ref.ID)
			k.retryResizes() // HandlePodRemoves
		}
	}
	if k.untried {
		k.retryResizes()
	}
}
