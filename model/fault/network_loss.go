package fault

import (
	"orrery/model"
	"orrery/model/network"
)

// networkLoss loses a share of the messages between two sets of machines, each of
// which is sent again after TCP's time, or not at all any more.
type networkLoss struct{ impaired }

func (f *networkLoss) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	peer, done := f.impair(d, s, nodes, network.Impairment{LossPPM: uint64(s.Errors), CorrelationPPM: uint64(s.Correlation)})
	if !done {
		return peer, false
	}
	return "loses " + percent(s.Errors) + " of what is sent " + between[s.Direction] + peer + s.correlated(), true
}
