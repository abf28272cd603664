package store

import (
	"orrery/model"
	"orrery/model/network"
	"orrery/sim"
)

// Wake-up reasons of the wire.
const (
	whyDepart  sim.Why = iota // a request's token is there
	whyChecked                // the balancer has checked a server, about, often enough
	whyNoticed                // clients find out that their connections are silent
	whyGivenUp                // a kubelet's client, about, does because its lease is not renewed
)

// WhyArrive wakes an API server: about is a request's slot. Its own reasons are
// larger.
const WhyArrive sim.Why = 1

// wire is every request between clients and API servers, in one slab.
type wire struct {
	store     *Store
	actor     sim.ActorID
	reflector sim.ActorID
	requests  []Request
	unused    []uint32
	servers   []server
	troubled  int            // what keeps servers from serving
	strict    []network.Site // of servers whose admission lets no renewal of a lease through
}

func newWire(s *Store) *wire {
	w := &wire{store: s}
	w.actor = s.kernel.Register("client-library", w)
	w.reflector = s.kernel.Register("reflector", &reflector{s})
	return w
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
func (w *wire) Wake(now sim.Time, why sim.Why, about uint64) {
	switch why {
	case whyChecked:
		w.checked(now, &w.servers[about])
	case whyNoticed:
		w.redialLost(now)
		w.store.settleWatches(now)
	case whyGivenUp:
		w.givenUp(now, w.store.clients[about])
	default:
		w.depart(now, uint32(about))
	}
}

// depart sends a request, if there is a connection: on one whose way back is cut TCP sends
// nothing new, as nothing is acknowledged, and no new one comes to be.
func (w *wire) depart(now sim.Time, slot uint32) {
	r := &w.requests[slot]
	c := r.Client
	if r.epoch != c.epoch { // its process ended before it had a token
		w.free(slot)
		return
	}
	r.sentAt, r.server = now, c.Server
	d, ok := w.store.net.Delay(c.Site, c.Server, c.Hash, 2*r.Number)
	if !ok || c.severed > 0 || !w.connected(c.Site, c.Server) {
		w.lost(r, slot)
		return
	}
	s := w.server(c.Server)
	if s.closed {
		r.refusal, r.result = Disconnected, nil
		w.store.kernel.Post(now.Add(2*d), c.Actor, WhyReply, uint64(slot))
		return
	}
	w.store.kernel.Post(now.Add(d), s.actor, WhyArrive, uint64(slot))
}

func (w *wire) lost(r *Request, slot uint32) {
	r.refusal, r.message, r.result = TimedOut, "", nil
	at := max(r.sentAt.Add(r.Client.Timeout), w.store.kernel.Now())
	w.store.kernel.Post(at, r.Client.Actor, WhyReply, uint64(slot))
}

// Request is what arrived in a slot. Only API servers call it.
func (s *Store) Request(slot uint64) *Request { return &s.wire.requests[slot] }

// Arrive takes a request in: it is at its server until Answer. Only API servers
// call it.
func (s *Store) Arrive(slot uint64) *Request {
	r := &s.wire.requests[slot]
	r.arrived = true
	return r
}

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
	c := r.Client
	r.refusal, r.result, r.arrived = refusal, result, false
	d, ok := s.net.Delay(r.server, c.Site, c.Hash, 2*r.Number+1)
	if !ok || c.severed > 0 {
		w.lost(r, uint32(slot))
		return
	}
	s.kernel.Post(s.kernel.Now().Add(d), c.Actor, WhyReply, slot)
}
