package fault

import "orrery/model"

// pidExhaustion has processes of the system, outside of all pods, take the numbers that
// there are for processes, up to a share of them, as a fork bomb does: without one nothing
// can be started.
type pidExhaustion struct{ undoing }

func (f *pidExhaustion) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	var all int64
	f.hosts(d, nodes, func(h Host, _ *model.Node) func() {
		taken := h.TakePIDs(s.FillPPM)
		all += taken
		return func() { h.ReturnPIDs(taken) }
	})
	if all == 0 {
		return tookNothing, false
	}
	return percent(s.FillPPM) + " of the processes that there can be are there", true
}
