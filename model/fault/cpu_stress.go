package fault

import (
	"fmt"

	"orrery/model"
)

// cpuStress has processes outside of all pods want CPU: a backup, a virus scanner, an
// agent that spins.
type cpuStress struct{ undoing }

func (f *cpuStress) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.hosts(d, nodes, func(h Host, n *model.Node) func() {
		milli := s.CPUMilli
		if s.LoadPPM > 0 {
			milli = max(n.Capacity.CPUMilli*s.LoadPPM/1_000_000, 1)
		}
		h.Burn(milli)
		return func() { h.Cool(milli) }
	})
	if s.LoadPPM > 0 {
		return percent(s.LoadPPM) + " of the CPU are wanted", true
	}
	return fmt.Sprintf("%dm of CPU are wanted", s.CPUMilli), true
}
