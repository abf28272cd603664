package fault

import "orrery/model"

// dnsError has DNS servers answer some queries with an error (SERVFAIL), at once.
type dnsError struct{ dnsHarm }

func (f *dnsError) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.errors = s.Errors
	f.hold(d)
	return percent(s.Errors) + " of all queries fail", true
}
