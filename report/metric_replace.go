package report

import "orrery/sim"

// replacement measures how long it took until evicted pods were replaced.
type replacement struct {
	about target
	scope *tally
	found []sample
}

func openReplace(a about) instrument { return &replacement{about: a.target} }

func (m *replacement) see(s *state, now sim.Time, record int) {
	for i := range s.news {
		n := &s.news[i]
		if n.what == happened(podReplaced) && n.pod.counts(m.scopeIn(s)) {
			m.found = append(m.found, sample{Start: n.since, End: now, Object: n.pod.path, Record: record})
		}
	}
}

func (m *replacement) scopeIn(s *state) *tally {
	if m.scope == nil {
		m.scope = s.find(m.about)
	}
	return m.scope
}

func (m *replacement) finish(s *state, end sim.Time) reading {
	if m.scopeIn(s) == nil {
		return reading{none: s.missing(m.about)}
	}
	for _, w := range s.workloads {
		for _, rev := range w.revisions {
			for _, since := range rev.vacant {
				if w.is.there && w.missing() > 0 && m.covers(w) {
					m.found = append(m.found, sample{Start: since, End: end, Object: rev.path, Record: -1, Open: true})
				}
			}
		}
	}
	if len(m.found) == 0 {
		return reading{none: "no pod was evicted and replaced"}
	}
	return reading{samples: m.found}
}

func (m *replacement) covers(w *workload) bool {
	return m.about.none() || m.about.path() == w.path || m.about.namespaced && m.about.name == w.namespace
}

// counts tells whether the pod is counted in t.
func (row *podRow) counts(t *tally) bool {
	for _, x := range row.scopes {
		if x == t && t != nil {
			return true
		}
	}
	return false
}
