package report

import (
	"orrery/model"
	"orrery/sim"
)

// lag measures how late the API showed what containers did.
type lag struct {
	about target
	scope *tally
	found []sample
}

// openLag measures from the start or the end of a container until the API shows it.
func openLag(a about) instrument { return &lag{about: a.target} }

func (m *lag) see(s *state, now sim.Time, record int) {
	row := s.pod
	if row == nil || s.record == nil {
		return
	}
	next, _ := s.record.New.(*model.Pod)
	old, _ := s.record.Old.(*model.Pod)
	if next == nil || old == nil || !m.concerns(s, row) {
		return
	}
	for i := range next.Containers {
		c, was := &next.Containers[i], model.ContainerStatus{}
		if i < len(old.Containers) {
			was = old.Containers[i]
		}
		at := sim.Time(0)
		if c.StartedAt != was.StartedAt {
			at = c.StartedAt
		}
		if c.FinishedAt != was.FinishedAt {
			at = max(at, c.FinishedAt)
		}
		if at > 0 {
			m.found = append(m.found, sample{Start: at, End: now, Object: next.Path(), Record: record})
		}
	}
}

func (m *lag) concerns(s *state, row *podRow) bool {
	if m.scope == nil {
		m.scope = s.find(m.about)
	}
	return row.counts(m.scope)
}

func (m *lag) finish(s *state, _ sim.Time) reading {
	switch {
	case s.find(m.about) == nil:
		return reading{none: s.missing(m.about)}
	case len(m.found) == 0:
		return reading{none: "no container started or ended"}
	}
	return reading{samples: m.found}
}
