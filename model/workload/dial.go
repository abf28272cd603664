package workload

import "time"

// Who keeps connections looks a name up only to open one, so what is open goes on while DNS
// is down, and what is closed meanwhile, by its lifetime or with its endpoint, is opened
// again when somebody answers. Until then each request that has no connection asks.
//
// How many connections there are that are not counted nobody knows: for lookups a pod is
// taken to have one. Those that are opened because an endpoint is gone, or a pod comes, cost
// no query: they are a number, and no rate.

// dials is how many of a sender's requests need a name, in thousandths a second.
func (t *Flows) dials(f *flow, s *sender) int64 {
	c := f.Connections
	if c == nil || s.milli == 0 {
		return s.milli
	}
	h, renewed := f.heldAt(s), int64(0)
	if c.Lifetime > 0 {
		renewed = product(s.pods(), 1000*int64(time.Second), int64(c.Lifetime))
	}
	return min(product(s.milli, h.unnamed, max(h.all(), 1))+renewed, s.milli)
}

// listens is what a sender asks that needs no name, in thousandths of a query per second: so
// little that it costs nothing, but whether anybody answers is known when a name is needed.
const listens = 1

// all is how many clients there are.
func (h *held) all() int64 {
	total := h.loose + h.unnamed
	for k := range h.strands {
		total += h.strands[k].n
	}
	return total
}

// unnamed tells whether who opens a connection finds no address, or none that is right.
func (t *Flows) unnamed(f *flow, s *sender) bool {
	if f.Connections == nil || f.lookups < 0 {
		return false
	}
	l := &t.flows[f.lookups]
	if t.DNS.Cache == NoCache || t.expired(l, s) {
		r := t.resolvedOf(l, s)
		return r.good == 0 || r.lies >= million
	}
	return t.keptLies(l, s) >= million
}
