package fault

import (
	"cmp"
	"slices"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/sim"
)

// oneByOne cuts machines off, each at its time, and has them back, each at its own.
type oneByOne struct {
	director *Director
	self     sim.ActorID
	turns    []turn // by time
	over     bool
}

// turn is when a machine is cut off from some others, or back.
type turn struct {
	at   sim.Time
	back bool
	site network.Site
	from []network.Site
	cut  *severed // shared by both turns of a machine
}

// severed is a machine that is cut off.
type severed struct {
	impaired
	unplugs uint32 // the node that has no connection at all, 0 if it is not that
	off     bool
}

// set cuts it off, or has it back.
func (c *severed) set(d *Director, off bool) {
	if c.off == off || c.unplugs == 0 {
		return
	}
	by := -1
	if c.off = off; off {
		by = 1
	}
	d.hold(c.unplugs, by, holds{unplugs: 1})
}

// plan adds the times of a machine; it is back at the end of the fault if back is
// Never. The node unplugs, if there is one, has no connection at all meanwhile.
func (f *oneByOne) plan(site network.Site, unplugs uint32, from []network.Site, cut, back sim.Time) {
	shared := &severed{unplugs: unplugs}
	f.turns = append(f.turns, turn{at: cut, site: site, from: from, cut: shared}, turn{at: back, back: true, site: site, cut: shared})
}

// start begins with what is due now.
func (f *oneByOne) start(d *Director, name string) {
	f.director, f.self = d, d.kernel.Register(name, f)
	slices.SortStableFunc(f.turns, func(a, b turn) int { return cmp.Compare(a.at, b.at) })
	f.turn(d.kernel.Now())
}

// Wake implements sim.Actor: whose turn it is.
func (f *oneByOne) Wake(now sim.Time, _ sim.Why, _ uint64) {
	f.turn(now)
	f.director.settle()
}

func (f *oneByOne) turn(now sim.Time) {
	for !f.over && len(f.turns) > 0 && f.turns[0].at <= now {
		t := f.turns[0]
		f.turns = f.turns[1:]
		if t.cut.set(f.director, !t.back); t.back {
			t.cut.end(f.director)
		} else {
			t.cut.between(f.director, Both, []network.Site{t.site}, t.from, network.Impairment{Cut: true})
		}
	}
	if !f.over && len(f.turns) > 0 && f.turns[0].at != sim.Never {
		f.director.kernel.Post(f.turns[0].at, f.self, 0, 0)
	}
}

// DescribeWake implements sim.Describer.
func (f *oneByOne) DescribeWake(sim.Why, uint64) string { return "a node is cut off, or back" }

func (f *oneByOne) end(d *Director) {
	f.over = true
	for _, t := range f.turns {
		t.cut.set(d, false)
		t.cut.end(d)
	}
}

// step is the time of the ith of n that take turns within so long: the first at once,
// the last a step before the end.
func step(within time.Duration, i, n int) time.Duration {
	return within * time.Duration(i) / time.Duration(n)
}

// everybodyBut is every site there is now but one.
func (d *Director) everybodyBut(site network.Site) (others []network.Site) {
	for s := range network.Site(d.world.Network().Sites()) {
		if s != site {
			others = append(others, s)
		}
	}
	return others
}

// shuffled is nodes in an order of chance.
func (d *Director) shuffled(purpose string, nodes []model.Object) []model.Object {
	lane := d.kernel.Luck().Lane("fault/" + purpose)
	rank := func(o model.Object) uint64 {
		s := lane.Draw(o.Head().NameHash(), 0)
		return s.Uint64()
	}
	out := slices.Clone(nodes)
	slices.SortStableFunc(out, func(a, b model.Object) int { return cmp.Compare(rank(a), rank(b)) })
	return out
}
