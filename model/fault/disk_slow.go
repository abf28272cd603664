package fault

import "orrery/model"

// diskSlow has the disks of nodes do everything at a share of their speed: a volume
// without burst credits, a neighbour that writes.
type diskSlow struct {
	nodes []model.Object
	rate  int64
}

func (f *diskSlow) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.nodes, f.rate = nodes, s.RatePPM
	for _, n := range nodes {
		d.host(n.Head().ID).SlowDisk(f.rate)
	}
	return "at " + percent(f.rate) + " of their speed", true
}

func (f *diskSlow) end(d *Director) {
	for _, n := range f.nodes {
		d.host(n.Head().ID).QuickenDisk(f.rate)
	}
}
