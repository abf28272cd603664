package store

import (
	"orrery/model"
	"orrery/model/network"
	"orrery/sim"
)

// Wake-up reasons of the wire and of API servers.
const (
	whyDepart sim.Why = iota // a request's token is there
	// WhyArrive wakes an API server: about is a request's slot.
	WhyArrive
)

// wire is every request between clients and API servers, in one slab.
type wire struct {
	store     *Store
	actor     sim.ActorID
	reflector sim.ActorID
	requests  []Request
	unused    []uint32
	servers   []server
	unserved  []network.Site // of servers that cannot reach their etcd
	strict    []network.Site // of servers whose admission lets no renewal of a lease through
}

type server struct {
	site  network.Site
	actor sim.ActorID
}

func newWire(s *Store) *wire {
	w := &wire{store: s}
	w.actor = s.kernel.Register("client-library", w)
	w.reflector = s.kernel.Register("reflector", &reflector{s})
	return w
}

// AddServer makes an API server known: its site, and the actor that is woken
// with WhyArrive. Clients made later connect to one of the servers.
func (s *Store) AddServer(site network.Site, actor sim.ActorID) {
	s.wire.servers = append(s.wire.servers, server{site, actor})
}

// serverFor is the site of the API server a client at a site uses: one on its
// own machine, else one in its zone, else all servers in turn by site.
func (w *wire) serverFor(net *network.Network, at network.Site) network.Site {
	if len(w.servers) == 0 {
		panic("store: a client was made before the first API server")
	}
	var near []network.Site
	for _, s := range w.servers {
		if s.site == at {
			return at
		}
		if net.Zone(s.site) == net.Zone(at) {
			near = append(near, s.site)
		}
	}
	if len(near) > 0 {
		return near[int(at)%len(near)]
	}
	return w.servers[int(at)%len(w.servers)].site
}

func (w *wire) alloc(r Request) uint32 {
	if n := len(w.unused); n > 0 {
		slot := w.unused[n-1]
		w.unused = w.unused[:n-1]
		w.requests[slot] = r
		return slot
	}
	w.requests = append(w.requests, r)
	return uint32(len(w.requests) - 1)
}

func (w *wire) free(slot uint32) {
	w.requests[slot] = Request{}
	w.unused = append(w.unused, slot)
}

// Wake implements sim.Actor.
func (w *wire) Wake(now sim.Time, _ sim.Why, about uint64) { w.depart(now, uint32(about)) }

func (w *wire) depart(now sim.Time, slot uint32) {
	r := &w.requests[slot]
	c := r.Client
	if r.epoch != c.epoch { // its process ended before it had a token
		w.free(slot)
		return
	}
	r.sentAt = now
	d, ok := w.store.net.Delay(c.Site, c.Server, c.Hash, 2*r.Number)
	if !ok || c.severed > 0 {
		w.lost(r, slot)
		return
	}
	for _, s := range w.servers {
		if s.site == c.Server {
			w.store.kernel.Post(now.Add(d), s.actor, WhyArrive, uint64(slot))
			return
		}
	}
}

func (w *wire) lost(r *Request, slot uint32) {
	r.refusal, r.message, r.result = TimedOut, "", nil
	at := max(r.sentAt.Add(r.Client.Timeout), w.store.kernel.Now())
	w.store.kernel.Post(at, r.Client.Actor, WhyReply, uint64(slot))
}

// Request is what arrived in a slot. Only API servers call it.
func (s *Store) Request(slot uint64) *Request { return &s.wire.requests[slot] }

// Explain says why a request is going to be refused. Only API servers call it.
func (r *Request) Explain(message string) { r.message = message }

// Decide keeps the outcome of a request until Reply. Only API servers call it.
func (r *Request) Decide(refusal Refusal, result model.Object) { r.refusal, r.result = refusal, result }

// Reply is Answer with what was decided.
func (s *Store) Reply(slot uint64) {
	r := &s.wire.requests[slot]
	s.Answer(slot, r.refusal, r.result)
}

// Answer sends a request's outcome back to its client. Only API servers call
// it; the request is theirs no longer.
func (s *Store) Answer(slot uint64, refusal Refusal, result model.Object) {
	w := s.wire
	r := &w.requests[slot]
	if r.quiet && refusal == Accepted {
		w.free(uint32(slot))
		return
	}
	c := r.Client
	r.refusal, r.result = refusal, result
	d, ok := s.net.Delay(c.Server, c.Site, c.Hash, 2*r.Number+1)
	if !ok || c.severed > 0 {
		w.lost(r, uint32(slot))
		return
	}
	s.kernel.Post(s.kernel.Now().Add(d), c.Actor, WhyReply, slot)
}
