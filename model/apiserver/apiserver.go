// Package apiserver is the only door to the store. Its one idea: a request
// passes a fixed row of stages (who are you, may you, is it what we want
// stored), is agreed on in etcd, and is applied to what is true at that moment,
// not to what its sender saw. It refuses to act on its own: it never starts a
// request.
package apiserver

import (
	"math"
	"strconv"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// handling is the processor time of a write: authentication, decoding,
// admission, encoding. A small write costs 1 to 3 ms besides etcd's commit.
var handling = sim.Lognormal(1500*time.Microsecond, 6*time.Millisecond)

// between is the processor time between two commits of one request: the next
// object is read, changed and encoded. It is an estimate.
var between = sim.Uniform(200*time.Microsecond, 800*time.Microsecond)

// stage is one step of the request path. It may change the request or refuse
// it; Accepted passes it on.
type stage func(*store.Request) store.Refusal

// path is the request path, in the order of DefaultBuildHandlerChain
// (k8s.io/apiserver/pkg/server/config.go) and of a write's own handler
// (k8s.io/apiserver/pkg/endpoints/handlers), after the gate: authentication, a
// seat (see fairness), and authorization.
var path = []stage{admit}

// Reasons to wake of its own, about a request.
const (
	whyAgain      = store.WhyArrive + 1 + iota // it needs another commit
	whyListed                                  // the answer to a LIST is complete
	whyLate                                    // its time is over
	whySeatless                                // it has waited for a seat as long as it may
	whyOver                                    // its time is over before it could be done
	whyTurn                                    // not about a request: a flood makes room in a level
	whyFlood                                   // not about a request: a second of the floods
	whyAdjust                                  // not about a request: levels lend and borrow anew, and somebody waits
	whyConfigured                              // not about a request: other flow schemas and levels count
	whyTimed                                   // not about a request: a minute in which some took long is over
	whyReady                                   // not about a request: the process has started
	whyFilled                                  // not about a request: the watch cache is filled
	whyRestart                                 // not about a request: the kubelet starts the process again
)

// Config is how API servers are set up.
type Config struct {
	MemoryBytes int64 // above that its process is killed; 0 is no limit

	// ListsFromEtcd has LISTs without a resourceVersion read etcd, as before v1.31
	// (the gate ConsistentListFromCache).
	ListsFromEtcd bool
	// EncodesWhole has answers encoded as a whole, as before v1.33 (the gates
	// StreamingCollectionEncodingToJSON and ToProtobuf).
	EncodesWhole bool
	// Unfair has servers only count requests in flight, as with
	// --enable-priority-and-fairness=false.
	Unfair bool
}

// Server is one API server. All of them share the store.
type Server struct {
	Config
	kernel      *sim.Kernel
	store       *store.Store
	etcd        *Backend
	number      int // among the servers
	member      int // of etcd, on the same machine, or the one that was asked last
	self        sim.ActorID
	work        sim.Lane
	gate        *gate
	fair        *fairness
	dispatching bool
	flooding
	freeAt []sim.Time // by core: when it has finished what arrived so far
	listAt []sim.Time // by core, of lists, which share the processors with the rest
	process
	memory
	timing    timing
	timedLoad model.APILoad // what was told of it last

	dispatcher *dispatcher

	classed   map[classed]*model.PodSpec
	limited   map[limited]*model.PodSpec
	tokenless map[*model.PodSpec]*model.PodSpec
}

// New is a server at the site of an etcd member, known to clients made from
// now on. It works on at most cores requests at the same time; others wait for
// the first free core.
func New(k *sim.Kernel, s *store.Store, e *Backend, net *network.Network, at network.Site, cores int) *Server {
	a := &Server{
		Config: e.Servers, kernel: k, store: s, etcd: e,
		gate: gateOf(s), fair: newFairness(e.Servers.Unfair, e.flows),
		work: k.Luck().Lane("apiserver"), freeAt: make([]sim.Time, cores), listAt: make([]sim.Time, cores),
		classed: map[classed]*model.PodSpec{}, limited: map[limited]*model.PodSpec{}, tokenless: map[*model.PodSpec]*model.PodSpec{},
	}
	a.chances = k.Luck().Lane("apiserver flood")
	a.site, a.name = at, "apiserver/"+net.Name(at)
	a.self = k.Register(a.name, a)
	a.number = e.join(a, at)
	a.member = a.number
	a.dispatcher = newDispatcher(a, net, at)
	s.AddServer(at, a.self, a)
	return a
}

// Wake implements sim.Actor.
func (a *Server) Wake(now sim.Time, why sim.Why, about uint64) {
	if why == store.WhyArrive {
		a.arrive(now, about)
		return
	}
	if run := uint32(about >> 32); run != a.run {
		return // that process has ended, and what it was asked with it
	}
	slot := about & math.MaxUint32
	switch why {
	case whyReady:
		a.started(now)
	case whyFilled:
		a.filled(now)
	case whyRestart:
		a.Start()
	case whyListed:
		a.listed(slot, store.Accepted)
	case whyLate:
		a.listed(slot, store.TimedOut)
	case whyAgain:
		r := a.store.Request(slot)
		luck := a.work.Draw(r.Client.Hash^uint64(r.Step), r.Number)
		a.etcd.propose(a, a.busy(now, between.Draw(&luck)), r, slot)
	default:
		a.seats(now, why, slot)
	}
}

// execute does what a request asks for that has its seat.
func (a *Server) execute(now sim.Time, slot uint64) {
	r := a.store.Request(slot)
	if refusal := a.gate.authorize(r); refusal != store.Accepted {
		a.finish(slot, refusal, nil)
		return
	}
	if refusal := a.admitNamespace(r); refusal != store.Accepted {
		a.finish(slot, refusal, nil)
		return
	}
	for _, pass := range path {
		if refusal := pass(r); refusal != store.Accepted {
			a.finish(slot, refusal, nil)
			return
		}
	}
	a.admitPriority(r)
	if refusal := a.admitAccount(r); refusal != store.Accepted {
		a.finish(slot, refusal, nil)
		return
	}
	if refusal := a.admitLimits(r); refusal != store.Accepted {
		a.finish(slot, refusal, nil)
		return
	}
	if refusal := a.admitSecurity(r); refusal != store.Accepted {
		a.finish(slot, refusal, nil)
		return
	}
	if r.Op == store.OpList {
		a.askList(now, slot, r)
		return
	}
	if a.etcd.webhooks.mayConcern(r) {
		a.dispatcher.begin(slot, r)
		return
	}
	a.proceed(slot)
}

// proceed does the work of a request that is admitted.
func (a *Server) proceed(slot uint64) {
	r := a.store.Request(slot)
	luck := a.work.Draw(r.Client.Hash, r.Number)
	now := a.kernel.Now()
	proposed := a.busy(now, handling.Draw(&luck))
	if late := min(r.Until, a.fair.ticket(slot).arrived.Add(requestTime)); proposed > late {
		a.kernel.Post(max(now, late), a.self, whyOver, a.about(slot))
		return
	}
	if r.Op == store.OpGet || r.Op == store.OpDeleteCollection && a.next(r) == nil {
		a.etcd.read(a, proposed, slot)
		return
	}
	a.etcd.propose(a, proposed, r, slot)
}

// again has a request agreed on once more, for what is left of it.
func (a *Server) again(slot uint64) { a.kernel.Post(a.kernel.Now(), a.self, whyAgain, a.about(slot)) }

// busy keeps the core that is free first busy for d and returns when it is
// done.
func (a *Server) busy(now sim.Time, d time.Duration) sim.Time {
	first := &a.freeAt[0]
	for i := range a.freeAt {
		if a.freeAt[i] < *first {
			first = &a.freeAt[i]
		}
	}
	*first = max(now, *first).Add(d)
	return first.Add(a.crowd(d) + a.stall(d) + a.latency(now))
}

// DescribeWake implements sim.Describer.
func (a *Server) DescribeWake(why sim.Why, about uint64) string {
	what := "arrival"
	switch why {
	case whyReady, whyFilled, whyRestart:
		return "its process starts"
	case whyTurn, whyFlood, whyAdjust, whyConfigured, whyTimed:
		return "seats for who waits"
	case whySeatless:
		what = "end of the wait for a seat"
	case whyAgain:
		what = "next commit"
	case whyListed, whyLate, whyOver:
		what = "answer"
	}
	if why != store.WhyArrive && uint32(about>>32) != a.run {
		return "nothing, as its process has ended"
	}
	r := a.store.Request(about & math.MaxUint32)
	return what + " of request " + strconv.FormatUint(r.Number, 10) + " of " + r.Client.Name + ", to " + r.Op.String()
}
