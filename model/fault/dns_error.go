package fault

import "orrery/model"

// DNSAnswer is what a DNS server that is in error answers.
type DNSAnswer uint8

// The answers, as Spec.Answer names them.
const (
	ServFail DNSAnswer = iota // it could not find out: the resolver asks again
	NXDomain                  // there is no such name: the resolver believes it
	Wrong                     // some address, at which there is nobody
)

// dnsError has DNS servers answer some queries with an error, or wrongly, at once.
type dnsError struct{ dnsHarm }

func (f *dnsError) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	what := percent(s.Errors) + " of all queries fail"
	switch s.Answer {
	case NXDomain:
		f.Denied, what = s.Errors, percent(s.Errors)+" of all queries are answered with NXDOMAIN"
	case Wrong:
		f.Wrong, what = s.Errors, percent(s.Errors)+" of who asks get a wrong address"
	default:
		f.Errors = s.Errors
	}
	f.hold(d, s)
	return f.said(what), true
}
