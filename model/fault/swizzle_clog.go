package fault

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// swizzleClog cuts machines off from everybody one after another, in an order of
// chance, and has them come back in another one, as FoundationDB's simulation does
// (apple.github.io/foundationdb/testing.html: it "tends to unearth rare problems"): the
// groups that hear each other change all the time.
type swizzleClog struct {
	director *Director
	self     sim.ActorID
	turns    []clogged // by time
	over     bool
}

// clogged is when a machine is cut off, or back.
type clogged struct {
	at   sim.Time
	node model.Object
	back bool
	cut  *impaired // shared by both turns of a machine
}

func (f *swizzleClog) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.director = d
	f.self = d.kernel.Register("swizzle-clog/"+s.ID, f)
	from, end := d.kernel.Now(), d.kernel.Now().Add(s.For)
	n := time.Duration(len(nodes))
	cuts := map[model.Object]*impaired{}
	for i, node := range f.shuffled("cut", s.ID, nodes) {
		cuts[node] = &impaired{}
		f.turns = append(f.turns, clogged{at: from.Add(s.Stagger * time.Duration(i) / n), node: node, cut: cuts[node]})
	}
	for i, node := range f.shuffled("back", s.ID, nodes) {
		f.turns = append(f.turns, clogged{at: end.Add(-s.Stagger * (n - 1 - time.Duration(i)) / n), node: node, back: true, cut: cuts[node]})
	}
	slices.SortStableFunc(f.turns, func(a, b clogged) int { return cmp.Compare(a.at, b.at) })
	f.Wake(from, 0, 0)
	return fmt.Sprintf("cut off from everybody one after another within %v", s.Stagger), true
}

// shuffled is the nodes in an order of chance.
func (f *swizzleClog) shuffled(purpose, id string, nodes []model.Object) []model.Object {
	lane := f.director.kernel.Luck().Lane("fault/" + id + "/" + purpose)
	rank := func(o model.Object) uint64 {
		s := lane.Draw(o.Head().NameHash(), 0)
		return s.Uint64()
	}
	out := slices.Clone(nodes)
	slices.SortStableFunc(out, func(a, b model.Object) int { return cmp.Compare(rank(a), rank(b)) })
	return out
}

// Wake implements sim.Actor: whose turn it is.
func (f *swizzleClog) Wake(now sim.Time, _ sim.Why, _ uint64) {
	for !f.over && len(f.turns) > 0 && f.turns[0].at <= now {
		turn := f.turns[0]
		f.turns = f.turns[1:]
		if turn.back {
			turn.cut.end(f.director)
		} else {
			turn.cut.isolate(f.director, f.director.world.NodeSite(turn.node.Head().ID))
		}
	}
	if !f.over && len(f.turns) > 0 {
		f.director.kernel.Post(f.turns[0].at, f.self, 0, 0)
	}
}

// DescribeWake implements sim.Describer.
func (f *swizzleClog) DescribeWake(sim.Why, uint64) string { return "a node is cut off, or back" }

func (f *swizzleClog) end(d *Director) {
	f.over = true
	for _, turn := range f.turns {
		turn.cut.end(d)
	}
}
