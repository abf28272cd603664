package report

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// serviceTime follows how long a service's requests take, of the source whose requests
// take longest.
type serviceTime struct {
	about target
	of    func(*model.Traffic) time.Duration
	found series
}

func openServiceTime(of func(*model.Traffic) time.Duration) func(about) instrument {
	return func(a about) instrument { return &serviceTime{about: a.target, of: of} }
}

func halfWithin(t *model.Traffic) time.Duration   { return t.P50 }
func nearlyWithin(t *model.Traffic) time.Duration { return t.P99 }

func (m *serviceTime) see(s *state, now sim.Time, record int) {
	for i := range s.news {
		if s.news[i].what != trafficMoved || s.news[i].subject != m.about.path() {
			continue
		}
		var longest time.Duration
		flows := s.service(m.about.path()).flows
		for j := range flows {
			longest = max(longest, m.of(&flows[j]))
		}
		m.found.add(now, int64(longest), 0, record)
	}
}

func (m *serviceTime) finish(s *state, _ sim.Time) reading {
	if len(m.found) > 0 {
		return reading{series: m.found}
	}
	if s.find(m.about) == nil {
		return reading{none: s.missing(m.about)}
	}
	return reading{none: "no traffic to " + m.about.path()}
}
