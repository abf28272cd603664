package workload

import (
	"orrery/model"
	"orrery/model/network"
)

// nearness is how many endpoints of one route at a time are on each machine.
type nearness struct {
	at    []int64 // by site
	shows []spot  // what at is of
}

// layout is where a route's endpoints are.
type layout struct {
	spots []spot // nil until it is known
	zones []inZone
	lost  int64 // on nodes that do not exist
}

// spot is how many endpoints are on a machine.
type spot struct {
	host network.Site
	n    int32
}

type inZone struct {
	name string
	n    int64
}

// near is how many of some endpoints are on nodes, how many in a sender's zone, and how
// many pairs of one of its pods and an endpoint there are on one machine.
type near struct {
	of                  []model.Endpoint
	inside, zone, pairs int64
}

// near finds out how much of a flow stays, and tells whether that is worth a note even if
// all else about the flow waits.
func (t *Flows) near(f *flow, waits bool) bool {
	switch {
	case f.stale && waits && t.settling != minutely:
		return false
	case f.stale: // it goes round and round, and its bundles are not those of its senders
		t.supposed(f)
		return false
	}
	t.locate(f)
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

// supposed takes as much of a flow to stay as did when it was computed last.
func (t *Flows) supposed(f *flow) {
	was, now := &f.told, &f.now
	now.InsideMilliRPS = product(was.InsideMilliRPS, now.OfferedMilliRPS, max(was.OfferedMilliRPS, 1))
	now.ZoneMilliRPS = product(was.ZoneMilliRPS, now.OfferedMilliRPS, max(was.OfferedMilliRPS, 1))
	now.NodeMilliRPS = product(was.NodeMilliRPS, now.OfferedMilliRPS, max(was.OfferedMilliRPS, 1))
}

// stayed is how much of what a flow sent stayed when that was added up last.
type stayed struct{ sent, inside, zone, node int64 }

// evenly tells whether all who send a flow send so many times as much as before if it is more in all:
// if they are of one class, and nothing else changed.
func (f *flow) evenly() bool {
	return !f.must && !f.recast && len(f.calling) == 1 && len(f.lots) == 1 && f.lookups < 0 && !f.sticks
}

// locate computes how much of a flow stays on the node it comes from, and in its zone.
// Requests from outside of all nodes come from no zone, unless a load balancer sends them
// through a node.
func (t *Flows) locate(f *flow) {
	f.moved = false
	was, sent := &f.stayed, f.lost.OfferedMilliRPS
	if f.shifted || was.sent == 0 || t.Exact {
		f.shifted = false
		f.lost.InsideMilliRPS, f.lost.ZoneMilliRPS, f.lost.NodeMilliRPS = 0, 0, 0
		if f.node != "" || f.sentByPods() || f.of >= 0 || f.balanced {
			t.remain(f)
		}
		*was = stayed{sent, f.lost.InsideMilliRPS, f.lost.ZoneMilliRPS, f.lost.NodeMilliRPS}
	} else {
		f.lost.InsideMilliRPS, f.lost.ZoneMilliRPS, f.lost.NodeMilliRPS = product(was.inside, sent, was.sent), product(was.zone, sent, was.sent), product(was.node, sent, was.sent)
	}
	f.now.InsideMilliRPS, f.now.ZoneMilliRPS, f.now.NodeMilliRPS = f.lost.InsideMilliRPS, f.lost.ZoneMilliRPS, f.lost.NodeMilliRPS
}

// remain computes it of what is sent from nodes. A bundle has as much as was shared out last, and
// its senders may send a little more or less by now.
func (t *Flows) remain(f *flow) {
	senders := f.senders
	if f.sticks {
		senders = f.through
	}
	for j := range f.bundles {
		b := &f.bundles[j]
		r := &t.backends[f.backend].routes[b.live]
		n := int64(len(r.route.Endpoints))
		if n == 0 {
			continue
		}
		all, inside, zone, node := int64(0), int64(0), int64(0), int64(0)
		for k := b.last; k >= 0; k = senders[k].next {
			s := &senders[k]
			if !sameEndpoints(s.near.of, r.route.Endpoints) {
				t.show(r)
				s.near = near{r.route.Endpoints, n - r.lost, r.zone(t.net.Zone(s.site)), t.beside(s)}
			}
			all += s.sent
			inside += product(s.sent, s.near.inside, n)
			zone += product(s.sent, s.near.zone, n)
			node += product(s.sent, s.near.pairs, n*s.pods())
		}
		if all == 0 {
			continue
		}
		f.lost.InsideMilliRPS += product(inside, b.milli, all)
		f.lost.ZoneMilliRPS += product(zone, b.milli, all)
		f.lost.NodeMilliRPS += product(node, b.milli, all)
	}
}

// show has t.locality be about a route.
func (t *Flows) show(r *live) {
	c := &t.locality
	for len(c.at) < t.net.Sites() {
		c.at = append(c.at, 0)
	}
	if len(r.spots) > 0 && len(c.shows) > 0 && &c.shows[0] == &r.spots[0] {
		return
	}
	for _, s := range c.shows {
		c.at[s.host] = 0
	}
	if r.spots == nil {
		t.layOut(r)
	} else {
		for _, s := range r.spots {
			c.at[s.host] = int64(s.n)
		}
	}
	c.shows = r.spots
}

// layOut finds where a route's endpoints are, once for all who use it.
func (t *Flows) layOut(r *live) {
	c := &t.locality
	r.spots = make([]spot, 0, min(len(r.route.Endpoints), len(c.at)))
	for k := range r.route.Endpoints {
		p := t.endpoint(&r.route.Endpoints[k])
		if !p.known {
			r.lost++
			continue
		}
		host := t.net.Host(p.site)
		if c.at[host]++; c.at[host] == 1 {
			r.spots = append(r.spots, spot{host: host})
		}
		r.add(t.net.Zone(p.site))
	}
	for k := range r.spots {
		r.spots[k].n = int32(c.at[r.spots[k].host])
	}
}

// beside is how many pairs of a pod that sends and an endpoint are on one machine, of the
// route that t.locality is about.
func (t *Flows) beside(s *sender) (pairs int64) {
	for _, site := range s.machines {
		pairs += t.locality.at[t.net.Host(site)]
	}
	return pairs
}

func (l *layout) add(zone string) {
	for i := range l.zones {
		if l.zones[i].name == zone {
			l.zones[i].n++
			return
		}
	}
	l.zones = append(l.zones, inZone{zone, 1})
}

func (l *layout) zone(name string) int64 {
	for i := range l.zones {
		if l.zones[i].name == name {
			return l.zones[i].n
		}
	}
	return 0
}
