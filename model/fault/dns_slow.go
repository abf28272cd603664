package fault

import (
	"orrery/model"
	"orrery/sim"
)

// dnsSlow makes DNS servers take longer for every query: one time, drawn when it begins.
type dnsSlow struct{ dnsHarm }

func (f *dnsSlow) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	luck := d.kernel.Luck().Lane("fault/dns-slow").Draw(sim.HashName(s.ID), 0)
	f.Slow = s.Latency.Draw(&luck)
	f.hold(d, s)
	return f.said("an answer takes " + f.Slow.String() + " more"), true
}
