package fault

import (
	"fmt"

	"orrery/model"
)

// cpuStress has processes outside of all pods want CPU: a backup, a virus scanner, an
// agent that spins.
type cpuStress struct {
	nodes []model.Object
	milli []int64 // beside nodes
}

func (f *cpuStress) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.nodes = nodes
	for _, n := range nodes {
		milli := s.CPUMilli
		if s.LoadPPM > 0 {
			milli = max(n.(*model.Node).Capacity.CPUMilli*s.LoadPPM/1_000_000, 1)
		}
		f.milli = append(f.milli, milli)
		d.host(n.Head().ID).Burn(milli)
	}
	if s.LoadPPM > 0 {
		return percent(s.LoadPPM) + " of the CPU are wanted", true
	}
	return fmt.Sprintf("%dm of CPU are wanted", s.CPUMilli), true
}

func (f *cpuStress) end(d *Director) {
	for i, n := range f.nodes {
		d.host(n.Head().ID).Cool(f.milli[i])
	}
}
