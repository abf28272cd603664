package workload

import "orrery/model"

// nearness is how many endpoints of a route are at each site and in each zone, while a
// bundle of senders is looked at.
type nearness struct {
	at    []int64 // by site
	zones []inZone
	lost  int64 // on nodes that do not exist
}

// near is how many of some endpoints are on nodes, how many in a sender's zone, and how
// many pairs of one of its pods and an endpoint there are on one machine.
type near struct {
	of                  []model.Endpoint
	inside, zone, pairs int64
}

type inZone struct {
	name string
	n    int64
}

// near finds out how much of a flow stays, at once but for many endpoints, and tells whether
// that is worth a note even if all else about the flow waits.
func (t *Flows) near(f *flow, waits bool) bool {
	waits = waits && t.settling != minutely
	switch few := len(t.backends[f.backend].pods) <= manyEndpoints; {
	case waits && (f.stale || !few):
		return false
	case f.stale: // it goes round and round, and its bundles are not those of its senders
		t.supposed(f)
		return false
	case few || t.settling == minutely || t.Exact || f.told.InsideMilliRPS == 0:
		t.locate(f)
	default:
		t.supposed(f)
	}
	was, now := &f.told, &f.now
	return farther(now.NodeMilliRPS, now.InsideMilliRPS, was.NodeMilliRPS, was.InsideMilliRPS) ||
		farther(now.ZoneMilliRPS, now.InsideMilliRPS, was.ZoneMilliRPS, was.InsideMilliRPS)
}

// farther tells whether two parts differ by more than a thousandth of all, and a thousandth
// of a request a second.
func farther(part, all, was, wasAll int64) bool {
	if all == 0 || wasAll == 0 {
		return all != wasAll && max(all, wasAll) > 1
	}
	off := product(part, million, all) - product(was, million, wasAll)
	return max(off, -off) > million/fine.part+product(2, million, min(all, wasAll))
}

// manyEndpoints is behind how many pods of a Service it is told only once a minute how
// much of a flow stays.
const manyEndpoints = 100

// supposed takes as much of a flow to stay as did when it was computed last.
func (t *Flows) supposed(f *flow) {
	was, now := &f.told, &f.now
	now.InsideMilliRPS = product(was.InsideMilliRPS, now.OfferedMilliRPS, max(was.OfferedMilliRPS, 1))
	now.ZoneMilliRPS = product(was.ZoneMilliRPS, now.OfferedMilliRPS, max(was.OfferedMilliRPS, 1))
	now.NodeMilliRPS = product(was.NodeMilliRPS, now.OfferedMilliRPS, max(was.OfferedMilliRPS, 1))
}

// locate computes how much of a flow stays on the node it comes from, and in its zone.
// Requests from outside of all nodes come from no zone, unless a load balancer sends them
// through a node.
func (t *Flows) locate(f *flow) {
	f.moved = false
	f.lost.InsideMilliRPS, f.lost.ZoneMilliRPS, f.lost.NodeMilliRPS = 0, 0, 0
	if f.node != "" || f.sentByPods() || f.of >= 0 || f.balanced {
		t.remain(f)
	}
	f.now.InsideMilliRPS, f.now.ZoneMilliRPS, f.now.NodeMilliRPS = f.lost.InsideMilliRPS, f.lost.ZoneMilliRPS, f.lost.NodeMilliRPS
}

// remain computes it of what is sent from nodes.
func (t *Flows) remain(f *flow) {
	senders := f.senders
	if f.sticks {
		senders = f.through
	}
	for j := range f.bundles {
		b := &f.bundles[j]
		route := &t.backends[f.backend].routes[b.live].route
		n := int64(len(route.Endpoints))
		if n == 0 {
			continue
		}
		counted := false
		for k := b.last; k >= 0; k = senders[k].next {
			s := &senders[k]
			if !sameEndpoints(s.near.of, route.Endpoints) {
				if !counted {
					t.locality.count(t, route.Endpoints)
					counted = true
				}
				s.near = near{route.Endpoints, n - t.locality.lost, t.locality.zone(t.net.Zone(s.site)), t.locality.beside(t, s)}
			}
			f.lost.InsideMilliRPS += product(s.sent, s.near.inside, n)
			f.lost.ZoneMilliRPS += product(s.sent, s.near.zone, n)
			f.lost.NodeMilliRPS += product(s.sent, s.near.pairs, n*s.pods())
		}
		if counted {
			t.locality.forget(t, route.Endpoints)
		}
	}
}

func (c *nearness) count(t *Flows, endpoints []model.Endpoint) {
	for len(c.at) < t.net.Sites() {
		c.at = append(c.at, 0)
	}
	for k := range endpoints {
		p := t.endpoint(&endpoints[k])
		if !p.known {
			c.lost++
			continue
		}
		c.at[t.net.Host(p.site)]++
		c.add(t.net.Zone(p.site))
	}
}

// beside is how many pairs of a pod that sends and an endpoint are on one machine.
func (c *nearness) beside(t *Flows, s *sender) (pairs int64) {
	for _, site := range s.machines {
		pairs += c.at[t.net.Host(site)]
	}
	return pairs
}

func (c *nearness) add(zone string) {
	for i := range c.zones {
		if c.zones[i].name == zone {
			c.zones[i].n++
			return
		}
	}
	c.zones = append(c.zones, inZone{zone, 1})
}

func (c *nearness) zone(name string) int64 {
	for i := range c.zones {
		if c.zones[i].name == name {
			return c.zones[i].n
		}
	}
	return 0
}

func (c *nearness) forget(t *Flows, endpoints []model.Endpoint) {
	for k := range endpoints {
		c.at[t.net.Host(t.pods.Row(endpoints[k].Pod.ID).site)] = 0
	}
	c.zones, c.lost = c.zones[:0], 0
}
