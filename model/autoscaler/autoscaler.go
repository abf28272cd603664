// Package autoscaler is the Cluster Autoscaler: are there enough nodes, and are
// any too many? Its one idea: it tries out on paper, with the scheduler's own
// filters, whether pods that fit nowhere would fit on one more machine, and
// whether the pods of a node would fit on the others. It refuses to guess: what
// does not pass the filters on a template does not make it add a node.
//
// It looks every 10 s, and at once when a pod becomes unschedulable or after a
// look that changed something. A look is an event only if it may find something
// that the last one did not: if what it sees has changed, if pods or machines are
// waited for, or if the time of a node that is not needed is over.
package autoscaler

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/model/cloud"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// Config is how it runs. Names and defaults are those of its flags
// (cluster-autoscaler/config/flags/flags.go, 1.35).
type Config struct {
	Literal              bool   // every tick is an event, which must not change anything
	Expander             string // one of Expanders; default least-waste
	ScanInterval         time.Duration
	NoScaleDown          bool
	UnneededTime         time.Duration // scale-down-unneeded-time
	DelayAfterAdd        time.Duration // scale-down-delay-after-add
	UtilizationThreshold int64         // scale-down-utilization-threshold, in millionths
	MaxNodeProvisionTime time.Duration
}

// Defaults of Config.
const (
	DefaultScanInterval         = 10 * time.Second
	DefaultUnneededTime         = 10 * time.Minute
	DefaultDelayAfterAdd        = 10 * time.Minute
	DefaultUtilizationThreshold = 500_000
	DefaultMaxNodeProvisionTime = 15 * time.Minute
)

// LeastScanInterval is longer than any look takes, which begin a scan interval
// after each other.
const LeastScanInterval = 5 * time.Second

// What is no option here (cluster-autoscaler/config/flags/flags.go,
// clusterstate/clusterstate.go, core/static_autoscaler.go).
const (
	unreadyTime           = 20 * time.Minute // scale-down-unready-time
	delayAfterFailure     = 3 * time.Minute  // scale-down-delay-after-failure
	recheckTime           = 5 * time.Minute  // unremovable-node-recheck-timeout
	maxNodeStartupTime    = 15 * time.Minute
	newPods               = 2 * time.Second // pods that are all newer are waited with for a look
	expendable            = -10             // pods of a lower priority do not count
	maxUnreadyPercent     = 45
	okUnready             = 3
	maxNodesPerScaleUp    = 1000
	maxParallel           = 10 // nodes that are removed at a time
	maxDrains             = 1  // of them, those that have pods
	backoffInitial        = 5 * time.Minute
	backoffMax            = 30 * time.Minute
	backoffReset          = 3 * time.Hour
	deleteDelayAfterTaint = 5 * time.Second
)

// Filters is the scheduler's filters over the cluster as the autoscaler supposes
// it to be. Nodes that it makes up have numbers that no node has.
type Filters interface {
	SetNode(n *model.Node)
	RemoveNode(id uint32)
	Put(node uint32, pod *model.Pod)
	Take(node uint32, pod *model.Pod)
	Renew(node uint32, old, next *model.Pod)
	Refusal(pod *model.Pod, node uint32) string // "" if the node can take it
}

// Name is the component, and its account.
const Name = "cluster-autoscaler"

// As is who the component is.
var As = store.Account(model.NamespaceSystem, Name, Name)

// QPS and Burst are the limits of its clients (kube-client-qps, kube-client-burst).
const (
	QPS   = 5
	Burst = 10
)

// Replica is one replica, of which one leads and works.
type Replica struct {
	Config
	kernel   *sim.Kernel
	provider *cloud.Provider
	client   *store.Client
	watches  watches
	filters  func() Filters // none knows anything
	life     *Autoscaler    // of the process, nil if it does not lead
}

// Autoscaler is the process, and what it knows and forgets when it ends.
type Autoscaler struct {
	*Replica
	self    sim.ActorID
	session *cloud.Session
	cleaned bool // what a process before may have left is undone
	filters Filters
	luck    sim.Lane
	view    view

	// The look: when the last one began, what it waits for, and what is posted.
	ticks   sim.Ticker // phase: the begin of the last look that was run
	lookAt  sim.Time   // Never if none is posted
	looking bool
	ticket  uint64 // of the call that the look waits for
	then    func(now sim.Time, ok bool)
	dirty   bool // something was seen since the last look began
	urgent  bool // a pod has become unschedulable since
	moved   bool // the look has changed something

	considered bool // the last look got so far that it asked which nodes are needed

	groups  []group
	virtual uint32 // the next number of a node that is made up

	scaledUpAt sim.Time // -1 if never
	failedAt   sim.Time // a removal did; -1 if never
	deletions  []*deletion
	owed       []owed
}

// Wake-up reasons.
const (
	whyLook   sim.Why = iota
	whyCloud          // about a call, 0 is news
	whyDelete         // about a node: it was tainted long enough
	whyEvict          // about a pod
	whyGone           // about a node: are its pods gone?
)

// New is a replica at a site for the groups of a provider, not running yet; replica
// tells it from others in the names of its luck, the first may do without.
func New(k *sim.Kernel, s *store.Store, at network.Site, p *cloud.Provider, filters func() Filters, replica string, c Config) *Replica {
	r := &Replica{Config: c.withDefaults(), kernel: k, provider: p, filters: filters}
	r.client = s.NewClient(store.ClientConfig{
		Name: "system:serviceaccount:kube-system:" + Name + replica, Site: at, QPS: QPS, Burst: Burst, Events: true, As: As,
	})
	r.watches = newWatches(r.client)
	return r
}

// Start runs a process, which lists everything and remembers nothing of one before: no
// backoff, no cool-down, and of no node for how long it was not needed. Its first look
// is a scan interval later, or once a pod fits nowhere; one that begins with the
// cluster looks within its first interval.
func (r *Replica) Start() {
	now := r.kernel.Now()
	a := &Autoscaler{
		Replica: r, filters: r.filters(), luck: r.kernel.Luck().Lane("autoscaler"),
		lookAt: sim.Never, scaledUpAt: -1, failedAt: -1, dirty: true,
	}
	r.life = a
	a.self = r.kernel.Register(Name, a)
	r.client.Actor = a.self
	a.session = r.provider.NewSession(Name, a.self, whyCloud)
	a.groups = make([]group, len(a.session.State()))
	for _, w := range r.watches {
		w.Start()
	}
	a.ticks = sim.Ticker{Phase: now, Period: a.ScanInterval}
	if now == 0 {
		luck := a.luck.Draw(a.client.Hash, 0)
		a.ticks.Phase = sim.Time(luck.Duration(0, a.ScanInterval))
		a.post(a.ticks.Phase)
		return
	}
	a.plan(now)
}

// Stop ends the process. What it has asked the API server or the provider for is done
// or not.
func (r *Replica) Stop() {
	r.life.session.Close()
	r.life = nil
	for _, w := range r.watches {
		w.Stop()
	}
	r.client.Restart()
}

func (c Config) withDefaults() Config {
	fill := func(d *time.Duration, standard time.Duration) {
		if *d == 0 {
			*d = standard
		}
	}
	fill(&c.ScanInterval, DefaultScanInterval)
	fill(&c.UnneededTime, DefaultUnneededTime)
	fill(&c.DelayAfterAdd, DefaultDelayAfterAdd)
	fill(&c.MaxNodeProvisionTime, DefaultMaxNodeProvisionTime)
	if c.UtilizationThreshold == 0 {
		c.UtilizationThreshold = DefaultUtilizationThreshold
	}
	if c.Expander == "" {
		c.Expander = LeastWaste
	}
	return c
}

// Wake implements sim.Actor.
func (a *Autoscaler) Wake(now sim.Time, why sim.Why, about uint64) {
	if a != a.life { // its process has ended
		switch {
		case why == store.WhyReply:
			a.client.Reply(about)
		case why == whyCloud && about > 0:
			a.session.Answer(about)
		}
		return
	}
	if why != whyLook {
		a.catchUp(now)
	}
	switch why {
	case store.WhyWatch:
		if !a.see() {
			return // nothing that a look would care about
		}
	case store.WhyReply:
		if r, ok := a.client.Reply(about); ok {
			a.replied(now, r)
		}
	case whyLook:
		if now == a.lookAt && !a.looking {
			a.lookAt = sim.Never
			a.look(now)
		}
		return
	case whyCloud:
		a.called(now, about)
	case whyDelete:
		a.tainted(now, uint32(about))
	case whyEvict:
		a.evict(now, uint32(about))
	case whyGone:
		a.goneYet(now, uint32(about))
	}
	a.plan(now)
}

var whyNames = [...]string{"look at the cluster", "answer or news from the cloud", "a node is tainted", "eviction of a pod", "are the pods of a node gone?"}

// DescribeWake implements sim.Describer.
func (a *Autoscaler) DescribeWake(why sim.Why, _ uint64) string {
	if int(why) < len(whyNames) {
		return whyNames[why]
	}
	return "news from the API server"
}

func (a *Autoscaler) called(now sim.Time, ticket uint64) {
	switch {
	case ticket == 0:
		a.dirty = true
	case a.looking && ticket == a.ticket:
		then := a.then
		a.then = nil
		then(now, a.session.Answer(ticket))
	case !a.repaid(ticket):
		a.removed(now, ticket)
	}
}

// await has the look go on with the answer to a call.
func (a *Autoscaler) await(ticket uint64, then func(now sim.Time, ok bool)) {
	a.ticket, a.then = ticket, then
}

// look begins a look at everything.
func (a *Autoscaler) look(now sim.Time) {
	a.roll(now)
	a.ticks.Phase = now
	a.looking, a.dirty, a.urgent, a.moved, a.considered = true, false, false, false, false
	a.await(a.session.Describe(now), a.described)
}

// catchUp makes a look that was left out happen after all, if its question to the
// provider would still be under way: what is seen now it would take into account.
func (a *Autoscaler) catchUp(now sim.Time) {
	at, ok := a.ticks.AtOrBefore(now)
	if ok && !a.looking && at > a.ticks.Phase && a.lookAt != now && now < a.session.AnsweredAt(at) {
		a.look(at)
	}
}

// described goes on when the provider has told how the groups are. The time of a
// look is that of its begin (core/static_autoscaler.go RunOnce).
func (a *Autoscaler) described(answered sim.Time, ok bool) {
	now := a.ticks.Phase
	if !ok {
		a.dirty = true // nothing was looked at
		a.end(answered)
		return
	}
	a.cleanUp()
	a.settleGroups(now)
	if a.unhealthy(now) {
		a.end(answered)
		return
	}
	pods, fitting := a.toHelp(now)
	if len(pods) > 0 && !a.allNew(now, pods) && a.scaleUp(now, pods) {
		return // it goes on when the provider has answered
	}
	a.scaleDown(now, fitting)
	a.end(answered)
}

// cleanUp takes the marks of nodes off that a process before was removing when it
// ended: those removals are forgotten (core/static_autoscaler.go cleanUpIfRequired).
func (a *Autoscaler) cleanUp() {
	if a.cleaned {
		return
	}
	a.cleaned = true
	for id := range a.view.nodes.Len() {
		n := a.view.nodes.Row(uint32(id)).node
		if n != nil && n.Ready.Status == model.True && model.HasTaint(n.Taints, taintToBeDeleted, model.NoSchedule) {
			a.client.Patch(n.Ref(), mark{false}, unmarking)
		}
	}
}

// allNew tells whether all pods are so new that there may be more in a moment.
func (a *Autoscaler) allNew(now sim.Time, pods []*model.Pod) bool {
	return !slices.ContainsFunc(pods, func(p *model.Pod) bool { return now.Sub(p.CreatedAt) >= newPods })
}

// end ends a look.
func (a *Autoscaler) end(now sim.Time) {
	a.unsuppose()
	a.looking = false
	a.plan(now)
}

// plan posts the next look that may find something.
func (a *Autoscaler) plan(now sim.Time) {
	if a.looking {
		return
	}
	next := a.ticks.AtOrAfter(max(now, a.ticks.Phase+1))
	switch {
	case a.urgent || a.moved:
		a.post(now)
	case a.dirty || a.Literal || a.waiting():
		a.post(next)
	default:
		if at := a.due(); at != sim.Never {
			a.post(a.ticks.AtOrAfter(max(at, next)))
		}
	}
}

func (a *Autoscaler) post(at sim.Time) {
	if at < a.lookAt {
		a.lookAt = at
		a.kernel.Post(at, a.self, whyLook, 0)
	}
}

// waiting tells whether a look may find something although nothing was seen: pods
// that fit nowhere, machines that should come, or nodes that go.
func (a *Autoscaler) waiting() bool {
	return len(a.view.pending) > 0 || len(a.deletions) > 0 || slices.ContainsFunc(a.groups, func(g group) bool { return g.upcoming > 0 || g.unregistered })
}
