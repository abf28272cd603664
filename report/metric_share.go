package report

import (
	"orrery/model"
	"orrery/sim"
)

// share follows what part of a service's requests fares one way.
type share struct {
	about target
	of    func(*model.Traffic) int64
	all   func(*model.Traffic) int64
	found series
}

func openShare(of func(*model.Traffic) int64) func(about) instrument {
	return func(a about) instrument { return &share{about: a.target, of: of, all: offered} }
}

// openNearness measures a part of the requests that come from nodes.
func openNearness(of func(*model.Traffic) int64) func(about) instrument {
	return func(a about) instrument { return &share{about: a.target, of: of, all: inside} }
}

func offered(t *model.Traffic) int64  { return t.OfferedMilliRPS }
func inside(t *model.Traffic) int64   { return t.InsideMilliRPS }
func sameNode(t *model.Traffic) int64 { return t.NodeMilliRPS }
func sameZone(t *model.Traffic) int64 { return t.ZoneMilliRPS }
func crossZone(t *model.Traffic) int64 {
	return t.InsideMilliRPS - t.ZoneMilliRPS
}

func answered(t *model.Traffic) int64   { return t.ServedMilliRPS }
func failed(t *model.Traffic) int64     { return t.OfferedMilliRPS - t.ServedMilliRPS }
func unresolved(t *model.Traffic) int64 { return t.UnresolvedMilliRPS }
func untracked(t *model.Traffic) int64  { return t.UntrackedMilliRPS }
func congested(t *model.Traffic) int64  { return t.CongestedMilliRPS }

func (m *share) see(s *state, now sim.Time, record int) {
	for i := range s.news {
		if s.news[i].what == trafficMoved && s.news[i].subject == m.about.path() {
			var part, all int64
			flows := s.service(m.about.path()).flows
			for j := range flows {
				part += m.of(&flows[j])
				all += m.all(&flows[j])
			}
			m.found.add(now, part, all, record)
		}
	}
}

func (m *share) finish(s *state, _ sim.Time) reading {
	if len(m.found) > 0 {
		return reading{series: m.found}
	}
	if s.find(m.about) == nil {
		return reading{none: s.missing(m.about)}
	}
	return reading{none: "no traffic to " + m.about.path()}
}
