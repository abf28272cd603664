package fault

import "orrery/model"

// pidExhaustion has processes of the system, outside of all pods, take the numbers that
// there are for processes, up to a share of them, as a fork bomb does: without one nothing
// can be started.
type pidExhaustion struct {
	nodes []model.Object
	taken []int64 // beside nodes
}

func (f *pidExhaustion) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.nodes = nodes
	for _, n := range nodes {
		f.taken = append(f.taken, d.host(n.Head().ID).TakePIDs(s.FillPPM))
	}
	return percent(s.FillPPM) + " of the processes that there can be are there", true
}

func (f *pidExhaustion) end(d *Director) {
	for i, n := range f.nodes {
		d.host(n.Head().ID).ReturnPIDs(f.taken[i])
	}
}
