package report

import (
	"orrery/model"
	"orrery/sim"
)

// price follows what all nodes together cost in an hour. A machine that is not a
// node yet, or whose node is deleted already, does not count.
type price struct {
	micros int64
	found  series
}

func openPrice(about) instrument { return &price{} }

func (m *price) see(s *state, now sim.Time, record int) {
	if s.record == nil || s.record.Note != nil {
		return
	}
	if _, ok := s.record.Object().(*model.Node); !ok {
		return
	}
	if n, ok := s.record.Old.(*model.Node); ok {
		m.micros -= n.Price
	}
	if n, ok := s.record.New.(*model.Node); ok {
		m.micros += n.Price
	}
	m.found.add(now, m.micros/1000, 0, record)
}

func (m *price) finish(s *state, _ sim.Time) reading {
	if len(m.found) == 0 {
		return reading{none: "there was no node"}
	}
	return reading{series: m.found}
}
