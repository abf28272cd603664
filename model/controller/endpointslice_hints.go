package controller

import (
	"cmp"
	"fmt"
	"slices"

	"orrery/model"
	"orrery/sim"
)

// labelMaster marked machines of the control plane before v1.24. Topology-mode Auto leaves them out
// all the same (k8s.io/endpointslice/topologycache/topologycache.go hasExcludedLabels).
const labelMaster = "node-role.kubernetes.io/master"

// zoneCPU is a zone's part in the cluster: of its ready nodes that are no machines of
// the control plane.
type zoneCPU struct {
	name  string
	milli int64
	nodes int
}

// topology is what topology-mode Auto divides endpoints by
// (k8s.io/endpointslice/topologycache SetNodes), kept up to date node by node.
type topology struct {
	zones   []zoneCPU // by name, without those that have no node
	milli   int64     // of all
	lacking int       // ready nodes without a zone or CPU: one is enough to know nothing
}

// take is a look at nodes as they are.
func (t *topology) take(now *topology) {
	t.zones, t.milli, t.lacking = append(t.zones[:0], now.zones...), now.milli, now.lacking
}

// known tells whether endpoints can be divided at all.
func (t *topology) known() bool { return t.lacking == 0 && len(t.zones) >= 2 && t.milli > 0 }

func (t *topology) count(n *model.Node, by int) {
	if _, master := n.Labels.Get(labelMaster); master || n.ControlPlane() || n.Ready.Status != model.True {
		return
	}
	zone, milli := n.Labels.Value(model.LabelZone), n.Allocatable.CPUMilli
	if zone == "" || milli == 0 {
		t.lacking += by
		return
	}
	t.milli += int64(by) * milli
	i, ok := slices.BinarySearchFunc(t.zones, zone, func(z zoneCPU, name string) int { return cmp.Compare(z.name, name) })
	if !ok {
		t.zones = slices.Insert(t.zones, i, zoneCPU{name: zone})
	}
	z := &t.zones[i]
	z.milli += int64(by) * milli
	z.nodes += by
	if z.nodes == 0 {
		t.zones = slices.Delete(t.zones, i, i+1)
	}
}

// place is a zone's number, -1 if it has no ready node.
func (t *topology) place(zone string) int {
	i, ok := slices.BinarySearchFunc(t.zones, zone, func(z zoneCPU, name string) int { return cmp.Compare(z.name, name) })
	if !ok {
		return -1
	}
	return i
}

// node takes in a node's new version. One that comes, goes, changes its zone or whether
// it is ready has the nodes looked at, and the Services that they leave with too few endpoints for
// some zone (endpointslice_controller.go addNode, updateNode, deleteNode,
// checkNodeTopologyDistribution). Other CPU or roles count from the next such look on.
func (c *endpointSlices) node(_ sim.Time, old, next *model.Node) {
	if old != nil {
		c.nodes.count(old, -1)
	}
	if next != nil {
		c.nodes.count(next, 1)
	}
	if old == nil {
		c.rehouse(next.ID)
	} else if next == nil {
		c.rehouse(old.ID)
	}
	if old != nil && next != nil && (old.Ready.Status == model.True) == (next.Ready.Status == model.True) &&
		old.Labels.Value(model.LabelZone) == next.Labels.Value(model.LabelZone) {
		return
	}
	c.topology.take(&c.nodes)
	for id := range c.rows.Len() {
		if row := c.rows.Row(uint32(id)); len(row.hinted) > 0 && c.topology.overloads(row.hinted) {
			c.queue.add(uint32(id))
		}
	}
}

// zoneHints is how many endpoints of a Service are hinted to a zone.
type zoneHints struct {
	zone model.Name
	n    int64
}

// overloads tells whether some zone has fewer endpoints than it has to have
// (topologycache/utils.go serviceOverloaded).
func (t *topology) overloads(hinted []zoneHints) bool {
	if !t.known() {
		return true
	}
	var all int64
	for _, h := range hinted {
		all += h.n
	}
	for i := range t.zones {
		var n int64
		for _, h := range hinted {
			if h.zone.String() == t.zones[i].name {
				n = h.n
			}
		}
		if n == 0 || n < t.least(i, all) {
			return true
		}
	}
	return false
}

// least is how many of n endpoints a zone has to have, so that none gets more than 20 %
// more than its part (overloadThreshold). Kubernetes computes in floating point.
func (t *topology) least(zone int, n int64) int64 {
	return (5*t.zones[zone].milli*n + 6*t.milli - 1) / (6 * t.milli)
}

// The reasons of the notes about hints, and what they say
// (topologycache/event.go).
const (
	reasonHinted    = "TopologyAwareHintsEnabled"
	reasonNotHinted = "TopologyAwareHintsDisabled"
)

// allocate computes how many of n endpoints each zone wants, in parts of all CPU, and
// the most it may have; or why that cannot be said (topologycache.go getAllocations).
func (t *topology) allocate(n int64) (wants, most []int64, why string) {
	switch {
	case !t.known():
		return nil, nil, "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"
	case n < int64(len(t.zones)):
		return nil, nil, fmt.Sprintf("Insufficient number of endpoints (%d endpoints, %d zones)", n, len(t.zones))
	}
	left := n
	for i := range t.zones {
		least := t.least(i, n)
		wants = append(wants, max(t.zones[i].milli*n, least*t.milli))
		most = append(most, least)
		left -= least
	}
	if left < 0 {
		return nil, nil, fmt.Sprintf("Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (%d endpoints, %d zones)", n, len(t.zones))
	}
	for i := range most {
		most[i] += left
	}
	return wants, most, ""
}

// hint gives the endpoints of a Service with topology-mode Auto the zones whose traffic
// they are for (topologycache.go AddHints): their own, but for those of zones that have
// too many, which are for zones that have too few. Among equal zones Kubernetes takes
// any; here it is the first by name.
func (c *endpointSlices) hint(svc *model.Service, row *serviceRow) {
	var ready int64
	homeless := false
	row.eachReady(func(_ *sliceRow, _ int, e *model.Endpoint) {
		ready++
		homeless = homeless || e.Zone == model.Name{}
	})
	wants, most, why := c.topology.allocate(ready)
	if why == "" && homeless {
		why = "One or more endpoints do not have a zone specified"
	}
	if why != "" {
		c.unhint(svc, row, why)
		return
	}
	has := make([]int64, len(most))
	open := row.reopen(&c.topology, has, most)
	for _, i := range open {
		for j := range row.slices[i].endpoints {
			if e := &row.slices[i].endpoints[j]; e.Ready {
				row.slices[i].hint(j, e.Zone)
				if z := c.topology.place(e.Zone.String()); z >= 0 {
					has[z]++
				}
			}
		}
	}
	give, take := c.topology.exchange(wants, has)
	for _, i := range open {
		row.redistribute(i, &c.topology, give, take)
	}
	if len(row.hinted) == 0 {
		c.client.Note(svc, false, reasonHinted, "Topology Aware Hints has been enabled, addressType: IPv4")
	}
	row.hinted = row.hinted[:0]
	row.eachReady(func(_ *sliceRow, _ int, e *model.Endpoint) {
		if i := slices.IndexFunc(row.hinted, func(h zoneHints) bool { return h.zone == e.HintZone }); i >= 0 {
			row.hinted[i].n++
		} else {
			row.hinted = append(row.hinted, zoneHints{e.HintZone, 1})
		}
	})
}

// noMoreHints is for a look at a Service without topology-mode Auto. If it had that before, its
// hints go, which is told (reconciler.go: "TopologyAwareHints annotation has changed, removing
// hints"). The look itself has made each endpoint anew, without them.
func (c *endpointSlices) noMoreHints(svc *model.Service, row *serviceRow) {
	if len(row.hinted) > 0 {
		c.client.Note(svc, true, reasonNotHinted, "Topology Aware Hints has been disabled, addressType: IPv4")
	}
	row.hinted, row.unhinted = row.hinted[:0], ""
}

// unhint takes all hints away. That is told once, where Kubernetes repeats it at every
// look.
func (c *endpointSlices) unhint(svc *model.Service, row *serviceRow, why string) {
	row.eachReady(func(s *sliceRow, j int, _ *model.Endpoint) { s.hint(j, model.Name{}) })
	row.hinted = row.hinted[:0]
	if row.unhinted != why {
		c.client.Note(svc, true, reasonNotHinted, why+", addressType: IPv4")
	}
	row.unhinted = why
}

func (r *serviceRow) eachReady(do func(s *sliceRow, j int, e *model.Endpoint)) {
	for i := range r.slices {
		s := &r.slices[i]
		for j := range s.endpoints {
			if !s.gone && s.endpoints[j].Ready {
				do(s, j, &s.endpoints[j])
			}
		}
	}
}

// hint changes an endpoint's hint, if it is another one.
func (s *sliceRow) hint(j int, zone model.Name) {
	if s.endpoints[j].HintZone != zone {
		s.edit()
		s.endpoints[j].HintZone = zone
	}
}

// reopen is the slices whose hints are made anew: those that are written anyway, and
// those whose hints no longer do. Of the others it counts the hints
// (sliceinfo.go getAllocatedHintsByZone).
func (r *serviceRow) reopen(t *topology, has, most []int64) (open []int) {
	for i := range r.slices {
		s := &r.slices[i]
		if s.gone {
			continue
		}
		of := make([]int64, len(has))
		if s.changed || !s.fits(t, of, has, most) {
			open = append(open, i)
			continue
		}
		for z := range has {
			has[z] += of[z]
		}
	}
	return open
}

// fits counts a slice's hints into of, and tells whether they may stay (getHintsByZone).
func (s *sliceRow) fits(t *topology, of, has, most []int64) bool {
	for j := range s.endpoints {
		if e := &s.endpoints[j]; e.Ready {
			z := t.place(e.HintZone.String())
			if z < 0 {
				return false
			}
			of[z]++
		}
	}
	for z := range of {
		if of[z] > 0 && of[z]+has[z] > most[z] {
			return false
		}
	}
	return true
}

// exchange is how many endpoints each zone gives to others, and takes: one at a time
// from the zone that has the most to spare to the one that lacks the most, while both
// are half an endpoint off and one of them a whole one (getGivingAndReceivingZones).
func (t *topology) exchange(wants, has []int64) (give, take []int64) {
	off := make([]int64, len(has))
	for z := range has {
		off[z] = has[z]*t.milli - wants[z]
	}
	give, take = make([]int64, len(has)), make([]int64, len(has))
	for {
		giver, taker := 0, 0
		for z := range off {
			if off[z] > off[giver] {
				giver = z
			}
			if off[z] < off[taker] {
				taker = z
			}
		}
		spare, lack := off[giver], -off[taker]
		if 2*spare < t.milli || 2*lack < t.milli || spare < t.milli && lack < t.milli {
			return give, take
		}
		give[giver]++
		take[taker]++
		off[giver] -= t.milli
		off[taker] += t.milli
	}
}

// redistribute lets endpoints of a slice be for other zones (redistributeHints).
func (r *serviceRow) redistribute(i int, t *topology, give, take []int64) {
	s := &r.slices[i]
	for j := range s.endpoints {
		if !s.endpoints[j].Ready {
			continue
		}
		from := t.place(s.endpoints[j].Zone.String())
		to := slices.IndexFunc(take, func(n int64) bool { return n > 0 })
		if from < 0 || to < 0 || give[from] == 0 {
			continue
		}
		s.hint(j, model.NameOf(t.zones[to].name))
		give[from]--
		take[to]--
	}
}
