package report

import "orrery/sim"

// rollout follows one number of a Deployment.
type rollout struct {
	about target
	of    func(*deployment) int64
	found series
}

func openDeployment(of func(*deployment) int64) func(about) instrument {
	return func(a about) instrument { return &rollout{about: a.target, of: of} }
}

func statusAvailable(d *deployment) int64 { return int64(d.object.AvailableReplicas) }

func (m *rollout) see(s *state, now sim.Time, record int) {
	if d := s.deployment(m.about); d != nil {
		m.found.add(now, m.of(d), 0, record)
	}
}

func (m *rollout) finish(s *state, _ sim.Time) reading {
	if len(m.found) == 0 {
		return reading{none: s.missing(m.about)}
	}
	return reading{series: m.found}
}
