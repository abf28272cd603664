package report

import (
	"slices"

	"orrery/sim"
)

// ages measures how long pods were in the first part of their life.
type ages struct {
	about target
	in    func(*podRow) bool // whether a pod is in that part now
	clip  bool
	ready bool // pods that leave it in another way than by being Ready do not count
	scope *tally
	young map[uint32]sample // pods in that part now, by ID
	found []sample
}

// openStart measures from creation to the first time Ready.
func openStart(a about) instrument {
	m := newAges(a, func(row *podRow) bool { return !row.started && row.marks.has(isActive) })
	m.ready = true
	return m
}

// openScheduling measures from creation to the binding, or to the deletion of
// pods that were never bound.
func openScheduling(a about) instrument {
	return newAges(a, func(row *podRow) bool { return row.marks.has(isUnbound) })
}

// openPending measures how long pods were Pending.
func openPending(a about) instrument {
	m := newAges(a, func(row *podRow) bool { return row.marks.has(isPending) })
	m.clip = true
	return m
}

func newAges(a about, in func(*podRow) bool) *ages {
	return &ages{about: a.target, in: in, young: map[uint32]sample{}}
}

func (m *ages) see(s *state, now sim.Time, record int) {
	row := s.pod
	if row == nil {
		return
	}
	head := s.record.Object().Head()
	x, known := m.young[head.ID]
	if !known && s.record.Old != nil {
		return
	}
	switch in := row.pod != nil && m.in(row); {
	case in && !known && m.concerns(s, row):
		m.young[head.ID] = sample{Start: now, Object: head.Path(), Record: record}
	case !in && known:
		delete(m.young, head.ID)
		if !m.ready || row.started {
			x.End, x.Record = now, record
			m.found = append(m.found, x)
		}
	}
}

func (m *ages) concerns(s *state, row *podRow) bool {
	if m.scope == nil {
		m.scope = s.find(m.about)
	}
	return row.counts(m.scope)
}

func (m *ages) finish(s *state, end sim.Time) reading {
	var ids []uint32
	for id := range m.young { //tidy:sorted next
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		x := m.young[id]
		x.End = end
		m.found = append(m.found, x)
	}
	if s.find(m.about) == nil {
		return reading{none: s.missing(m.about)}
	}
	if len(m.found) == 0 {
		return reading{none: "no pod was created"}
	}
	return reading{samples: m.found, clip: m.clip}
}
