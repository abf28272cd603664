package report

import "orrery/sim"

// detection measures how long nodes in trouble went unnoticed.
type detection struct {
	about target
	found []sample
}

func openDetect(a about) instrument { return &detection{about: a.target} }

func (m *detection) see(s *state, now sim.Time, record int) {
	for i := range s.news {
		n := &s.news[i]
		if n.what != nodeLost || len(s.faults) == 0 || !m.about.none() && n.subject != m.about.path() {
			continue
		}
		m.found = append(m.found, sample{Start: s.trouble(now), End: now, Object: n.subject, Record: record})
	}
}

func (m *detection) finish(s *state, _ sim.Time) reading {
	switch {
	case s.find(m.about) == nil:
		return reading{none: s.missing(m.about)}
	case len(s.faults) == 0:
		return reading{none: "no fault started"}
	case len(m.found) == 0 && m.about.none():
		return reading{none: "every node stayed Ready"}
	case len(m.found) == 0:
		return reading{none: m.about.path() + " stayed Ready"}
	}
	return reading{samples: m.found}
}
