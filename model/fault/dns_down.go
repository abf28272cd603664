package fault

import "orrery/model"

// dnsDown has DNS servers answer nothing.
type dnsDown struct{ dnsHarm }

func (f *dnsDown) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.Down = true
	f.hold(d, s)
	return f.said("no query is answered"), true
}
