package fault

import (
	"orrery/model"
	"orrery/model/network"
)

// networkDelay makes every message between two sets of machines take longer, each by
// a time of its own, unless it has that of the one before.
type networkDelay struct{ impaired }

func (f *networkDelay) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	peer, done := f.impair(d, s, nodes, network.Impairment{Delay: s.Latency, CorrelationPPM: uint64(s.Correlation)})
	if !done {
		return peer, false
	}
	return "a message takes " + s.Latency.String() + " more " + between[s.Direction] + peer + s.correlated(), true
}

// between is what a direction means for messages.
var between = [...]string{Both: "to and from ", To: "to ", From: "from "}

// correlated says how messages depend on one another, if they do.
func (s *Spec) correlated() string {
	if s.Correlation == 0 {
		return ""
	}
	return ", of which " + percent(s.Correlation) + " fare like the one before"
}
