package fault

import (
	"fmt"

	"orrery/model"
	"orrery/model/network"
	"orrery/sim"
)

// nodeFlapping has nodes be lost for a part of every period, and be back for the rest:
// either they are cut off from the control plane, so that they fall silent, or their
// container runtime stops, so that they say themselves that they are not ready.
type nodeFlapping struct {
	impaired
	director *Director
	*Spec
	nodes []model.Object
	self  sim.ActorID
	from  sim.Time
	lost  bool
	over  bool
}

func (f *nodeFlapping) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.director, f.Spec, f.nodes, f.from = d, s, nodes, d.kernel.Now()
	f.self = d.kernel.Register("node-flapping/"+s.ID, f)
	f.turn()
	what := "cut off from the control plane"
	if s.OfRuntime {
		what = "without a container runtime"
	}
	return fmt.Sprintf("%s for %v of every %v", what, s.Down, s.Period), true
}

// Wake implements sim.Actor.
func (f *nodeFlapping) Wake(sim.Time, sim.Why, uint64) {
	if !f.over {
		f.turn()
		f.director.settle()
	}
}

// DescribeWake implements sim.Describer.
func (f *nodeFlapping) DescribeWake(sim.Why, uint64) string { return "nodes of " + f.ID + " flap" }

// turn makes nodes lost that were not, and the other way round.
func (f *nodeFlapping) turn() {
	f.set(!f.lost)
	periods := sim.Ticker{Phase: f.from, Period: f.Period}
	now := f.director.kernel.Now()
	next := periods.After(now)
	if begun, _ := periods.AtOrBefore(now); f.lost {
		next = begun.Add(f.Down)
	}
	f.director.kernel.Post(next, f.self, 0, 0)
}

func (f *nodeFlapping) set(lost bool) {
	if f.lost == lost {
		return
	}
	f.lost = lost
	switch more := 1; {
	case f.OfRuntime:
		if !lost {
			more = -1
		}
		for _, n := range f.nodes {
			f.director.hold(n.Head().ID, more, holds{runtimeStops: 1})
		}
	case lost:
		f.impair(f.director, f.Spec, f.nodes, network.Impairment{Cut: true})
	default:
		f.impaired.end(f.director)
		f.ways = f.ways[:0]
	}
}

func (f *nodeFlapping) end(*Director) {
	f.over = true
	f.set(false)
}
