package autoscaler

import (
	"math/bits"

	"orrery/model/cloud"
	"orrery/sim"
)

// The expanders: what is the best group, if several would help?
const (
	LeastWaste = "least-waste" // of whose new nodes the least stays idle
	MostPods   = "most-pods"   // that helps the most pods
	Price      = "price"       // whose new nodes cost the least
	Priority   = "priority"    // that the user prefers
	Random     = "random"
)

// Expanders is all of them.
func Expanders() []string { return []string{LeastWaste, MostPods, Price, Priority, Random} }

// choose is the best option; among equal ones luck decides
// (cluster-autoscaler/expander).
func (a *Autoscaler) choose(now sim.Time, options []option, state []cloud.GroupState) option {
	var best []option
	for _, o := range options {
		switch {
		case len(best) == 0 || a.better(&o, &best[0], state):
			best = append(best[:0], o)
		case !a.better(&best[0], &o, state):
			best = append(best, o)
		}
	}
	luck := a.luck.Draw(a.client.Hash, uint64(now))
	return best[luck.Below(uint64(len(best)))]
}

// better tells whether x is a better option than y.
func (a *Autoscaler) better(x, y *option, state []cloud.GroupState) bool {
	gx, gy := state[x.group].Group, state[y.group].Group
	switch a.Expander {
	case LeastWaste:
		return waste(x, gx) < waste(y, gy)
	case MostPods:
		return len(x.pods) > len(y.pods)
	case Price:
		return gx.Price*int64(x.nodes)*int64(len(y.pods)) < gy.Price*int64(y.nodes)*int64(len(x.pods))
	case Priority:
		return gx.Priority > gy.Priority
	}
	return false
}

// waste is what part of the CPU of the new nodes nobody asks for, and what part
// of their memory, in millionths (expander/waste/waste.go).
func waste(o *option, g *cloud.Group) int64 {
	var cpu, memory int64
	for _, p := range o.pods {
		cpu += p.Spec.Request.CPUMilli
		memory += p.Spec.Request.MemoryBytes
	}
	return idle(cpu, g.Size.CPUMilli*int64(o.nodes)) + idle(memory, g.Size.MemoryBytes*int64(o.nodes))
}

func idle(asked, has int64) int64 {
	if has <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(max(0, has-asked)), 1_000_000)
	part, _ := bits.Div64(hi, lo, uint64(has))
	return int64(part)
}
