// Package scheduler is kube-scheduler v1.35: which node? Its one idea: one pod
// at a time is decided upon, from the cluster as the scheduler has seen it plus
// what it has itself assumed, and the decision costs virtual time; bindings
// travel meanwhile. What plugins answer for a class of pods is remembered until
// the node changes, which makes decisions fast and changes none. It refuses to
// know the truth: it sees nodes and pods through its watches and asks for
// bindings like everybody else.
package scheduler

import (
	"cmp"
	"strconv"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// Config is how the scheduler runs. Zero fields take the defaults.
type Config struct {
	// Literal makes every tick of a periodic flush an event, which must not
	// change anything.
	Literal bool
	// Storage is the classes of storage and what is known of CSI drivers; nil if a
	// run has no storage at all. Its claims and volumes are objects of the run.
	Storage *model.Storage
	// Profile is its plugins; default DefaultProfile.
	Profile *Profile
	// Ties is who wins among nodes of the same score.
	Ties Ties
	// PercentageOfNodesToScore is how much of the cluster has to be feasible
	// for a search to stop; default 0: 50 % less 1 % per 125 nodes, at least
	// 5 %.
	PercentageOfNodesToScore int64
	// Usage is what nodes are measured to use; nil if nobody measures.
	Usage Usage
	// PodInitialBackoff is the first backoff, default 1 s; PodMaxBackoff the
	// longest, default 10 s.
	PodInitialBackoff, PodMaxBackoff time.Duration
	// CycleTime is what a scheduling cycle takes in any case, default 0.7 ms,
	// and CycleTimePerNode what each examined node adds, default 6 us: fitted
	// to the 270 pods a second that kube-scheduler v1.35 does at 5,000 nodes
	// (test/integration/scheduler_perf, SchedulingBasic).
	CycleTime, CycleTimePerNode time.Duration
	// Replica tells it from others of its kind, in the names of its luck; the first
	// may do without.
	Replica string
	// Witness hears of the decisions it asks for; default nobody.
	Witness Witness
}

// As is who the scheduler is.
var As = store.Identity{User: model.UserScheduler, Credential: store.Certificate, Component: "kube-scheduler"}

// Defaults of Config.
const (
	DefaultCycleTime        = 700 * time.Microsecond
	DefaultCycleTimePerNode = 6 * time.Microsecond
)

// Name is the scheduler that pods get if they ask for none; this is it.
const Name = "default-scheduler"

// QPS and Burst are the limits of the scheduler's API client: whatever its
// speed, it binds no more (pkg/scheduler/apis/config/v1/defaults.go).
const (
	QPS   = 50
	Burst = 100
)

func (c Config) withDefaults() Config {
	fill := func(d *time.Duration, standard time.Duration) {
		if *d == 0 {
			*d = standard
		}
	}
	if c.Profile == nil {
		c.Profile = DefaultProfile()
	}
	fill(&c.PodInitialBackoff, defaultPodInitialBackoff)
	fill(&c.PodMaxBackoff, defaultPodMaxBackoff)
	fill(&c.CycleTime, DefaultCycleTime)
	fill(&c.CycleTimePerNode, DefaultCycleTimePerNode)
	return c
}

// Wake-up reasons.
const (
	whyCycle              sim.Why = iota // the scheduling cycle is over
	whyFlushBackoff                      // a whole second
	whyFlushUnschedulable                // every 30 s
	whyPermit                            // a pod has waited for permission long enough
	whyVolumes                           // a pod looks whether its volumes are bound
)

// Scheduler is one replica: the process, whenever it runs.
type Scheduler struct {
	Config
	kernel *sim.Kernel
	self   sim.ActorID // of the process that runs, or ran last
	client *store.Client
	nodes  *store.Watch
	pods   *store.Watch
	// What pods that say nothing are spread by.
	services    *store.Watch
	replicaSets *store.Watch
	budgets     *store.Watch // what preemption must spare
	// workloads is nil unless the profile schedules gangs.
	workloads *store.Watch
	// claims, disks and attachments are nil in a run without storage.
	claims, disks, attachments *store.Watch
	watches                    []*store.Watch // all of these

	lives   uint64 // how many processes there were
	running bool
	ended   bool // it has run before
	*life
}

// life is what a process knows, and forgets when it ends.
type life struct {
	namespaces    store.Table[string]      // of Services, by ID
	workloadNames store.Table[workloadKey] // by ID

	synced bool // the first lists are in; before, nothing is scheduled

	rows   store.Table[podRow]
	cache  *cache
	queue  *queue
	search *search

	busy     bool // a cycle is under way, or a failed one waits for its write
	popped   uint32
	decision decision

	requests map[uint32]request // to victims of preemptions, by number
	asked    uint32             // so many were made

	backoffTicks       sim.Ticker
	unschedulableTicks sim.Ticker
	backoffPosted      sim.Time // the tick that is posted; Never if none is
	flushPosted        sim.Time
	permitPosted       sim.Time // the end of a wait that is posted; 0 if none is

	unbound []uint32 // pods whose binding waits for their volumes
}

// New is the scheduler at a site of the control plane, not running yet.
func New(k *sim.Kernel, s *store.Store, site network.Site, c Config) *Scheduler {
	x := &Scheduler{Config: c.withDefaults(), kernel: k}
	x.client = s.NewClient(store.ClientConfig{
		Name: "system:kube-scheduler" + c.Replica, Site: site, Local: true, QPS: QPS, Burst: Burst,
		As: As,
	})
	x.nodes, x.pods = x.client.Watch(model.KindNode), x.client.Watch(model.KindPod)
	x.services, x.replicaSets = x.client.Watch(model.KindService), x.client.Watch(model.KindReplicaSet)
	x.budgets = x.client.Watch(model.KindPodDisruptionBudget)
	x.watches = []*store.Watch{x.nodes, x.pods, x.services, x.replicaSets, x.budgets}
	if x.Profile.enables("GangScheduling") {
		x.workloads = x.client.Watch(model.KindWorkload)
		x.watches = append(x.watches, x.workloads)
	}
	if x.Storage != nil {
		x.claims, x.disks = x.client.Watch(model.KindPersistentVolumeClaim), x.client.Watch(model.KindPersistentVolume)
		x.attachments = x.client.Watch(model.KindVolumeAttachment)
		x.watches = append(x.watches, x.claims, x.disks, x.attachments)
	}
	x.begin()
	return x
}

// begin makes a new process, which knows nothing.
func (s *Scheduler) begin() {
	s.lives++
	s.self = s.kernel.Register(Name, &process{s, s.lives})
	s.client.Actor = s.self
	s.life = &life{cache: newCache(), requests: map[uint32]request{}, backoffPosted: sim.Never, flushPosted: sim.Never}
	s.cache.luck, s.cache.usage = s.kernel.Luck(), s.Usage
	if s.Storage != nil {
		s.cache.volumes.live = true
		s.cache.volumes.add(s.Storage)
	}
	f := newFramework(s.Profile, s.cache, s.client)
	f.holder = s
	classes := newClasses(f)
	s.queue = newQueue(classes, &s.rows, s.Config)
	ties := s.kernel.Luck().Stream(s.named("scheduler ties"))
	s.search = &search{
		framework: f, cache: s.cache, classes: classes, ties: s.Ties, luck: &ties,
		percentage: cmp.Or(s.Profile.PercentageOfNodesToScore, s.PercentageOfNodesToScore),
	}
	f.preempting = s.preempting
	offset := s.kernel.Luck().Stream(s.named("preemption offset"))
	s.search.offset = func(n int) int { return int(offset.Below(uint64(n))) }
	luck := s.kernel.Luck().Lane("scheduler").Draw(sim.HashName(s.named("flush")), 0)
	phase := luck.Duration(0, flushUnschedulableEvery)
	s.backoffTicks = sim.Ticker{Period: backoffWindow}
	s.unschedulableTicks = sim.Ticker{Phase: s.kernel.Now().Add(phase), Period: flushUnschedulableEvery}
}

// named names a process's luck after its replica and how many ran before it.
func (s *Scheduler) named(what string) string {
	what += s.Replica
	if s.lives > 1 {
		what += "/" + strconv.FormatUint(s.lives, 10)
	}
	return what
}

// process is the scheduler as the kernel wakes it: what was meant for one that
// has ended reaches nobody.
type process struct {
	*Scheduler
	nth uint64
}

// Wake implements sim.Actor.
func (p *process) Wake(now sim.Time, why sim.Why, about uint64) {
	switch {
	case p.nth == p.lives && p.running:
		p.Scheduler.wake(now, why, about)
	case why == store.WhyReply:
		p.client.Reply(about)
	}
}

// Start runs a process: it lists everything and then watches. It remembers
// nothing of one that ran before: pods begin in the active queue, without backoff
// and attempts, and of nominations only those in their status count.
func (s *Scheduler) Start() {
	if s.running {
		return
	}
	if s.ended {
		s.begin()
	}
	s.running = true
	for _, w := range s.watches {
		w.Start()
	}
	s.arm(s.kernel.Now())
}

// Stop ends the process. What it has asked for is done or not; the answers reach
// nobody.
func (s *Scheduler) Stop() {
	if !s.running {
		return
	}
	s.running, s.ended = false, true
	for _, w := range s.watches {
		w.Stop()
	}
	s.client.Restart()
}

func (s *Scheduler) wake(now sim.Time, why sim.Why, about uint64) {
	switch why {
	case store.WhyWatch:
		s.read(now, about)
	case store.WhyReply:
		if r, ok := s.client.Reply(about); ok {
			s.replied(now, r)
		}
	case whyCycle:
		s.finish(now)
	case whyFlushBackoff:
		s.backoffPosted = sim.Never
		s.queue.flushBackoff(now)
	case whyFlushUnschedulable:
		s.flushPosted = sim.Never
		s.queue.flushUnschedulable(now)
	case whyPermit:
		s.overdue(now)
	case whyVolumes:
		s.checkVolumes(now)
	}
	s.next(now)
	s.arm(now)
}

// DescribeWake implements sim.Describer.
func (s *Scheduler) DescribeWake(why sim.Why, about uint64) string {
	switch why {
	case whyCycle:
		return "end of the scheduling cycle of pod " + strconv.FormatUint(about, 10)
	case whyFlushBackoff:
		return "flush of pods whose backoff is over"
	case whyFlushUnschedulable:
		return "flush of pods that were unschedulable for long"
	case whyPermit:
		return "end of pods' wait for permission"
	case whyVolumes:
		return "look at the volumes of pod " + strconv.FormatUint(about, 10)
	}
	return "news from the API server"
}

// arm posts the next tick of each flush: the first that finds something, or in
// literal mode the first.
func (s *Scheduler) arm(now sim.Time) {
	s.post(now, s.backoffTicks, s.queue.backoffDue(), &s.backoffPosted, whyFlushBackoff)
	s.post(now, s.unschedulableTicks, s.queue.unschedulableDue(), &s.flushPosted, whyFlushUnschedulable)
}

func (s *Scheduler) post(now sim.Time, ticks sim.Ticker, due sim.Time, posted *sim.Time, why sim.Why) {
	at := ticks.AtOrAfter(max(due, now+1))
	if s.Literal {
		at = ticks.After(now)
	}
	if at < *posted {
		*posted = at
		s.kernel.Post(at, s.self, why, 0)
	}
}
