package store

import (
	"slices"
	"time"

	"orrery/model/network"
	"orrery/sim"
)

// The kubelet renews its lease every 10 s, times 1 to 1.04
// (pkg/kubelet/kubelet.go nodeLeaseRenewIntervalFraction;
// k8s.io/component-helpers/apimachinery/lease/controller.go). Kubernetes draws
// the factor anew each time; here every node draws it once, so that the
// renewals are a closed form.
const (
	RenewEvery     = 10 * time.Second
	renewEveryMost = 10400 * time.Millisecond
)

// heartbeatsFail is how long a kubelet takes to see two renewals in a row fail that
// nobody answers, 10 s each: then it closes all its connections, and the third goes
// over a new one (cmd/kubelet/app/server.go buildKubeletClientConfig,
// heartbeatClientConfig.Timeout, closeAllConns;
// k8s.io/component-helpers/apimachinery/lease/controller.go retryUpdateLease).
const heartbeatsFail = 2 * attempt

// attempt is how long a kubelet waits for the answer to a renewal. One that is later
// counts as none: it is a conflict with the next attempt, and the kubelet closes the
// connection after the second. The next attempt comes with the next tick, over a
// connection that costs nothing; and a slow renewal delays no later one.
const attempt = 10 * time.Second

// leaseLag is the time from a renewal at the kubelet to the moment a watcher
// of leases has it: a write and a watch.
var leaseLag = sim.Lognormal(8*time.Millisecond, 40*time.Millisecond)

type lease struct {
	ticks   sim.Ticker
	client  *Client
	hash    uint64
	running bool             // the kubelet is
	behind  sim.Time         // until then its renewals are older than the newest, as its clock was set back
	denied  bool             // and the API server refuses it: its certificate has expired
	beating bool             // and its renewals get through
	from    sim.Time         // the first renewal of this beat that is not counted yet is the first tick at or after
	there   []network.Handle // impairments of its ways while it beats: to the API server,
	back    []network.Handle // and from there
	before  sim.Time         // when the newest renewal of earlier beats was seen by the time they ended, -1 if none
	flying  sim.Time         // when the renewal that was under way then is seen, -1 if there was none
	seenAt  sim.Time         // in literal mode: when the newest renewal was seen, -1 if none
	next    sim.Time         // in literal mode: the renewal that is posted
}

// Leases is every node's heartbeat. A renewal changes nothing but the moment
// it was last seen, so renewals are not events: SeenAt computes the last one.
// Only when a heartbeat starts or stops is the one who cares woken. The load
// they put on the API server is a rate. Over ways that lose or delay messages each has
// its own luck, which is the same whenever somebody asks for it.
type Leases struct {
	kernel    *sim.Kernel
	wire      *wire
	rows      []lease // by node ID
	luck      sim.Lane
	listeners []sim.ActorID // woken with WhyLease
	self      sim.ActorID
	literal   bool
	deaf      []network.Site   // of servers too busy for renewals
	there     []network.Handle // scratch
	back      []network.Handle
}

func newLeases(k *sim.Kernel, w *wire) *Leases {
	l := &Leases{
		kernel: k, wire: w,
		luck: k.Luck().Lane("lease"),
	}
	l.self = k.Register("leases", l)
	return l
}

// Literal makes every renewal an event, which must not change anything.
func (l *Leases) Literal() { l.literal = true }

// Listen names another actor that is woken with WhyLease, about a node's ID, when
// the node's heartbeat starts or stops getting through.
func (l *Leases) Listen(actor sim.ActorID) { l.listeners = append(l.listeners, actor) }

// Add makes a node's lease known, its kubelet, which renews it over the client's
// connection, not running yet. The kubelet closes others of its clients with that.
func (l *Leases) Add(node uint32, name string, c *Client, others ...*Client) {
	c.node = node
	for _, o := range others {
		o.node = node
	}
	for int(node) >= len(l.rows) {
		l.rows = append(l.rows, lease{before: -1, flying: -1, seenAt: -1, next: -1})
	}
	l.rows[node] = lease{client: c, hash: sim.HashName(name), before: -1, flying: -1, seenAt: -1, next: -1}
}

// Start begins renewals: the first after phase, which is 0 for a new kubelet
// and anything up to a period for one that has long been running.
func (l *Leases) Start(node uint32, phase time.Duration) {
	s := l.luck.Draw(l.rows[node].hash, 0)
	l.StartEvery(node, phase, s.Duration(RenewEvery, renewEveryMost))
}

// StartEvery is Start with a period that the kubelet chose.
func (l *Leases) StartEvery(node uint32, phase, period time.Duration) {
	r := &l.rows[node]
	now := l.kernel.Now()
	r.ticks = sim.Ticker{Phase: now.Add(phase), Period: period}
	r.running = true
	l.update(node, now)
}

// Stop ends renewals: the kubelet is gone.
func (l *Leases) Stop(node uint32) {
	l.rows[node].running = false
	l.update(node, l.kernel.Now())
}

// SetBack sets a node's clock back: until it shows again what it did, renewals are
// older than the last one, which whoever compares them takes for none
// (pkg/controller/nodelifecycle/node_lifecycle_controller.go tryUpdateNodeHealth).
func (l *Leases) SetBack(node uint32, by time.Duration) {
	r := &l.rows[node]
	now := l.kernel.Now()
	r.behind = max(r.behind, now).Add(by)
	l.update(node, now)
	l.kernel.Post(r.behind, l.self, whyAbreast, uint64(node))
}

// Rebase forgets with what renewals of a node are compared: the next one is new.
func (l *Leases) Rebase(node uint32) {
	if r, now := &l.rows[node], l.kernel.Now(); r.behind > now {
		r.behind = now
		l.update(node, now)
	}
}

// givesUp is when a kubelet gives up a connection that has fallen silent, if no
// renewal is answered; false if the client is nobody's who renews a lease.
func (l *Leases) givesUp(c *Client, now sim.Time) (sim.Time, bool) {
	if c.node == 0 || !l.rows[c.node].running {
		return 0, false
	}
	return l.rows[c.node].ticks.AtOrAfter(now).Add(heartbeatsFail), true
}

// movedTo says that a client has given up its connection for a new one. If renewals
// go over it the next is sent at once, and the others in their time after it.
func (l *Leases) movedTo(c *Client, now sim.Time) {
	if r := &l.rows[c.node]; r.client == c && r.running && !r.beating {
		r.ticks.Phase = now
		l.update(c.node, now)
	}
}

// trust says whether the API server accepts renewals of a node's kubelet.
func (l *Leases) trust(name string, ok bool) {
	hash := sim.HashName(name)
	for node := range l.rows {
		if r := &l.rows[node]; r.hash == hash && r.denied == ok {
			r.denied = !ok
			l.update(uint32(node), l.kernel.Now())
		}
	}
}

// Overload says whether the API server at a site is too busy to answer renewals
// in time. Only API servers call it.
func (l *Leases) Overload(server network.Site, busy bool) {
	l.deaf = slices.DeleteFunc(l.deaf, func(o network.Site) bool { return o == server })
	if busy {
		l.deaf = append(l.deaf, server)
	}
	l.linksChanged(l.kernel.Now())
	l.wire.store.disturbed()
}

// SeenAt is when a watcher of leases saw the node's newest renewal that it
// could have seen by now, or -1 if there is none.
func (l *Leases) SeenAt(node uint32, now sim.Time) sim.Time {
	r := &l.rows[node]
	if l.literal {
		return r.seenAt
	}
	return l.newest(r, now)
}

func (l *Leases) newest(r *lease, now sim.Time) sim.Time {
	if r.beating && !r.clean() {
		l.count(r, now)
	} else if r.beating {
		for t, ok := r.ticks.AtOrBefore(now); ok && t >= r.from; t, ok = r.ticks.AtOrBefore(t - 1) {
			if seen, _ := l.seen(r, t); seen <= now {
				return seen
			}
		}
	}
	if r.flying >= 0 && r.flying <= now {
		return r.flying
	}
	return r.before
}

// count looks at the renewals of a beat by now that were not looked at yet, but for one
// that is under way.
func (l *Leases) count(r *lease, now sim.Time) {
	if r.flying >= 0 && r.flying <= now {
		r.before, r.flying = r.flying, -1
	}
	for t, ok := r.ticks.AtOrAfter(r.from), true; t <= now && ok; t = r.ticks.After(t) {
		seen, arrives := l.seen(r, t)
		if ok = !arrives || seen <= now; ok {
			r.from = t + 1
		}
		if ok && arrives {
			r.before = seen
		}
	}
}

// NextAt is when a watcher of leases sees the node's next renewal, if nothing
// stops its heartbeat; Never if it has stopped and none is under way, or none arrives
// for very long.
func (l *Leases) NextAt(node uint32, now sim.Time) sim.Time {
	r := &l.rows[node]
	next := sim.Never
	if r.flying > now {
		next = r.flying
	}
	if !r.beating {
		return next
	}
	t, ok := r.ticks.AtOrBefore(now)
	if !ok || t < r.from {
		t = r.ticks.AtOrAfter(r.from)
	}
	for range renewalsAhead {
		if seen, arrives := l.seen(r, t); arrives && seen > now {
			return min(next, seen)
		}
		t = r.ticks.After(t)
	}
	return next
}

// renewalsAhead is how many renewals are looked at at a time, an hour of them: over ways so
// bad that none of them arrives, none is expected.
const renewalsAhead = 360

// Steady tells whether each of the node's renewals gets through now.
func (l *Leases) Steady(node uint32) bool { return l.rows[node].beating && l.rows[node].clean() }

// Beating tells whether the node's renewals get through now, or some of them may.
func (l *Leases) Beating(node uint32) bool { return l.rows[node].beating }

// seen is when a watcher of leases sees a renewal, and whether it does.
func (l *Leases) seen(r *lease, tick sim.Time) (at sim.Time, ok bool) {
	s := l.luck.Draw(r.hash, 1+uint64(tick))
	at = tick.Add(leaseLag.Draw(&s))
	if r.clean() {
		return at, true
	}
	net, nth := l.wire.store.net, 2*uint64(tick/sim.Time(RenewEvery))
	late, arrives := net.Late(r.there, ^r.hash, nth)
	answer, answered := net.Late(r.back, ^r.hash, nth+1)
	at = at.Add(late)
	return at, arrives && answered && at.Add(answer) < tick.Add(attempt)
}

// clean tells whether nothing is wrong with its ways.
func (r *lease) clean() bool { return len(r.there)+len(r.back) == 0 }

func (l *Leases) linksChanged(now sim.Time) {
	for node := range l.rows {
		if l.rows[node].running {
			l.update(uint32(node), now)
		}
	}
}

func (l *Leases) update(node uint32, now sim.Time) {
	r := &l.rows[node]
	from, to, net := r.client.Site, r.client.Server, l.wire.store.net
	up := r.running && !r.denied && now >= r.behind && l.wire.served(from, to) && !slices.Contains(l.wire.strict, to) && !slices.Contains(l.deaf, to)
	l.there, l.back = l.there[:0], l.back[:0]
	if up {
		l.there, l.back = net.Troubles(l.there, from, to), net.Troubles(l.back, to, from)
	}
	was := r.beating
	if up == was && slices.Equal(r.there, l.there) && slices.Equal(r.back, l.back) {
		return
	}
	if was {
		l.silence(r, now)
	}
	r.from = now
	if was { // one that is sent in this very instant belongs to the beat that ends
		r.from++
	}
	r.beating = up
	r.there, r.back = append(r.there[:0], l.there...), append(r.back[:0], l.back...)
	for _, actor := range l.listeners {
		l.kernel.Post(now, actor, WhyLease, uint64(node))
	}
	if l.literal && up && !was {
		if t := r.ticks.AtOrAfter(now); t != r.next {
			r.next = t
			l.kernel.Post(t, l.self, whyRenew, uint64(node))
		}
	}
}

// silence remembers what a beat that ends now leaves behind: what was seen
// and what is still under way.
func (l *Leases) silence(r *lease, now sim.Time) {
	if r.before = l.newest(r, now); r.flying <= now {
		r.flying = -1
	}
	if t, ok := r.ticks.AtOrBefore(now); ok && t >= r.from {
		if seen, arrives := l.seen(r, t); arrives && seen > now {
			r.flying = seen
		}
	}
}

const (
	whyRenew   sim.Why = iota // literal mode: a kubelet renews
	whySeen                   // literal mode: a watcher saw it
	whyAbreast                // a clock that was set back may show what it did
)

// Wake implements sim.Actor.
func (l *Leases) Wake(now sim.Time, why sim.Why, about uint64) {
	if why == whyAbreast {
		l.update(uint32(about), now)
		return
	}
	if why == whySeen {
		r := &l.rows[about]
		r.seenAt = max(r.seenAt, now)
		return
	}
	r := &l.rows[about]
	if !r.beating || now != r.next {
		return
	}
	r.next = r.ticks.After(now)
	if seen, arrives := l.seen(r, now); arrives {
		l.kernel.Post(seen, l.self, whySeen, about)
	}
	l.kernel.Post(r.next, l.self, whyRenew, about)
}
