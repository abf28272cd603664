package report

import "orrery/sim"

// rollout follows one number of a workload.
type rollout struct {
	about target
	of    func(*workload) int64
	found series
}

func openWorkload(of func(*workload) int64) func(about) instrument {
	return func(a about) instrument { return &rollout{about: a.target, of: of} }
}

func statusAvailable(w *workload) int64 { return w.is.available }

func (m *rollout) see(s *state, now sim.Time, record int) {
	if w := s.workload(m.about); w != nil {
		m.found.add(now, m.of(w), 0, record)
	}
}

func (m *rollout) finish(s *state, _ sim.Time) reading {
	if len(m.found) == 0 {
		return reading{none: s.missing(m.about)}
	}
	return reading{series: m.found}
}
