package fault

import "orrery/model"

// diskSlow has the disks of nodes do everything at a share of their speed: a volume
// without burst credits, a neighbour that writes.
type diskSlow struct{ undoing }

func (f *diskSlow) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.hosts(d, nodes, func(h Host, _ *model.Node) func() {
		h.SlowDisk(s.RatePPM)
		return func() { h.QuickenDisk(s.RatePPM) }
	})
	return "at " + percent(s.RatePPM) + " of their speed", true
}
