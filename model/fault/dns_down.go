package fault

import "orrery/model"

// dnsDown has DNS servers answer nothing.
type dnsDown struct{ dnsHarm }

func (f *dnsDown) begin(d *Director, _ *Spec, _ []model.Object) (string, bool) {
	f.down = true
	f.hold(d)
	return "no query is answered", true
}
