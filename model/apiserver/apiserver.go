// Package apiserver is the only door to the store. Its one idea: a request
// passes a fixed row of stages (who are you, may you, is it what we want
// stored), is agreed on in etcd, and is applied to what is true at that moment,
// not to what its sender saw. It refuses to act on its own: it never starts a
// request.
package apiserver

import (
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
// (k8s.io/apiserver/pkg/endpoints/handlers), after the gate: authentication and
// authorization. No request waits for a seat between the two.
var path = []stage{admit}

// Reasons to wake of its own, about a request.
const (
	whyAgain = store.WhyArrive + 1 + iota // it needs another commit
)

// Server is one API server. All of them share the store.
type Server struct {
	kernel *sim.Kernel
	store  *store.Store
	etcd   *Backend
	member int // of etcd, on the same machine
	self   sim.ActorID
	work   sim.Lane
	gate   *gate
	freeAt []sim.Time // by core: when it has finished what arrived so far

	dispatcher *dispatcher

	classed map[classed]*model.PodSpec
	limited map[limited]*model.PodSpec
}

// New is a server at the site of an etcd member, known to clients made from
// now on. It works on at most cores requests at the same time; others wait for
// the first free core.
func New(k *sim.Kernel, s *store.Store, e *Backend, net *network.Network, at network.Site, cores int) *Server {
	a := &Server{kernel: k, store: s, gate: gateOf(s), etcd: e, work: k.Luck().Lane("apiserver"), freeAt: make([]sim.Time, cores), classed: map[classed]*model.PodSpec{}, limited: map[limited]*model.PodSpec{}}
	a.self = k.Register("apiserver/"+net.Name(at), a)
	a.member = e.join(a, at)
	a.dispatcher = newDispatcher(a, net, at)
	s.AddServer(at, a.self)
	return a
}

// Wake implements sim.Actor.
func (a *Server) Wake(now sim.Time, why sim.Why, slot uint64) {
	r := a.store.Request(slot)
	if why == whyAgain {
		luck := a.work.Draw(r.Client.Hash^uint64(r.Step), r.Number)
		a.etcd.propose(a, a.busy(now, between.Draw(&luck)), r, slot)
		return
	}
	if refusal := a.gate.pass(r); refusal != store.Accepted {
		a.store.Answer(slot, refusal, nil)
		return
	}
	for _, pass := range path {
		if refusal := pass(r); refusal != store.Accepted {
			a.store.Answer(slot, refusal, nil)
			return
		}
	}
	a.admitPriority(r)
	if refusal := a.admitLimits(r); refusal != store.Accepted {
		a.store.Answer(slot, refusal, nil)
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
	proposed := a.busy(a.kernel.Now(), handling.Draw(&luck))
	if r.Op == store.OpGet {
		a.etcd.read(a, proposed, slot)
		return
	}
	a.etcd.propose(a, proposed, r, slot)
}

// again has a request agreed on once more, for what is left of it.
func (a *Server) again(slot uint64) { a.kernel.Post(a.kernel.Now(), a.self, whyAgain, slot) }

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
	return *first
}

// DescribeWake implements sim.Describer.
func (a *Server) DescribeWake(why sim.Why, slot uint64) string {
	r := a.store.Request(slot)
	what := "arrival"
	if why == whyAgain {
		what = "next commit"
	}
	return what + " of request " + strconv.FormatUint(r.Number, 10) + " of " + r.Client.Name + ", to " + r.Op.String()
}
