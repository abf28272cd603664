package report

import "orrery/sim"

// share follows what part of a service's requests fares one way.
type share struct {
	about target
	of    func(offered, served int64) int64
	found series
}

func openShare(of func(offered, served int64) int64) func(about) instrument {
	return func(a about) instrument { return &share{about: a.target, of: of} }
}

func served(_, served int64) int64       { return served }
func failed(offered, served int64) int64 { return offered - served }

func (m *share) see(s *state, now sim.Time, record int) {
	for i := range s.news {
		if s.news[i].what == trafficMoved && s.news[i].subject == m.about.path() {
			offered, served := s.service(m.about.path()).rates()
			m.found.add(now, m.of(offered, served), offered, record)
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
