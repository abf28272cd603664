package report

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// flowLevel follows something about the requests to a service that each source's note
// tells, of the source of which it is the most. It has no value while requests are sent
// of which no note tells one.
type flowLevel struct {
	about target
	of    func(*model.Traffic) int64
	tells func(*model.Traffic) bool
	gap   string
	found series
}

func openServiceTime(of func(*model.Traffic) time.Duration) func(about) instrument {
	return func(a about) instrument {
		return &flowLevel{
			about: a.target, of: func(t *model.Traffic) int64 { return int64(of(t)) },
			tells: func(t *model.Traffic) bool { return t.ServedMilliRPS > 0 },
			gap:   "no request is served, and so none takes a time",
		}
	}
}

func halfWithin(t *model.Traffic) time.Duration   { return t.P50 }
func nearlyWithin(t *model.Traffic) time.Duration { return t.P99 }

// openBusy follows how busy a service's endpoints are.
func openBusy(a about) instrument {
	return &flowLevel{
		about: a.target, of: func(t *model.Traffic) int64 { return t.BusyPPM * (billion / 1_000_000) },
		tells: func(t *model.Traffic) bool { return t.BusyPPM > 0 },
		gap:   "no request arrives at an endpoint whose CPU for them, or whose workers, are limited",
	}
}

func (m *flowLevel) see(s *state, now sim.Time, record int) {
	for i := range s.news {
		if s.news[i].what != trafficMoved || s.news[i].subject != m.about.path() {
			continue
		}
		flows := s.service(m.about.path()).flows
		most, is := int64(0), int64(idle)
		for j := range flows {
			switch f := &flows[j]; {
			case m.tells(f):
				most, is = max(most, m.of(f)), 0
			case f.OfferedMilliRPS > 0 && is == idle:
				is = missing
			}
		}
		m.found.add(now, most, is, record)
	}
}

func (m *flowLevel) finish(s *state, _ sim.Time) reading { return s.ofTraffic(m.about, m.found, m.gap) }

// ofTraffic is what was measured of the requests to a service.
func (s *state) ofTraffic(about target, found series, gap string) reading {
	switch {
	case s.find(about) == nil:
		return reading{none: s.missing(about)}
	case len(found) == 0:
		return reading{none: "no traffic to " + about.path()}
	}
	return reading{series: found, gap: gap}
}
