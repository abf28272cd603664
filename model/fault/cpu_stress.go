package fault

import "orrery/model"

// cpuStress has processes outside of all pods want CPU: a backup, a virus scanner, an
// agent that spins.
type cpuStress struct {
	nodes []model.Object
	milli int64
}

func (f *cpuStress) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.nodes, f.milli = nodes, s.CPUMilli
	for _, n := range nodes {
		d.world.Machine(n.Head().ID).Burn(f.milli)
	}
	return "", true
}

func (f *cpuStress) end(d *Director) {
	for _, n := range f.nodes {
		d.world.Machine(n.Head().ID).Cool(f.milli)
	}
}
