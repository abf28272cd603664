package report

import (
	"strings"

	"orrery/model"
	"orrery/sim"
)

// mentions counts notes with one reason.
type mentions struct {
	about  target
	reason string
	ends   string // of the message; "" is any
	scope  *tally
	n      int64
	found  series
}

func openNotes(a about) instrument { return &mentions{about: a.target, reason: a.word} }

// openSaid counts notes with a reason about the whole cluster.
func openSaid(reason string) func(about) instrument {
	return func(a about) instrument { return &mentions{about: a.target, reason: reason} }
}

// openLeaders counts the moments at which a replica of a component that elects a
// leader became it; those that lead from the beginning do not.
func openLeaders(a about) instrument {
	return &mentions{about: a.target, reason: "LeaderElection", ends: " became leader"}
}

func (m *mentions) see(s *state, now sim.Time, record int) {
	if len(m.found) == 0 {
		m.found.add(now, 0, 0, record)
	}
	if s.record == nil || s.record.Note == nil || s.record.Note.Reason != m.reason || !strings.HasSuffix(s.record.Note.Message, m.ends) {
		return
	}
	if m.scope == nil {
		m.scope = s.find(m.about)
	}
	if s.concerns(s.record.Note, m.about, m.scope) {
		m.n++
		m.found.add(now, m.n, 0, record)
	}
}

// concerns tells whether a note is about what t names, or about a pod that
// belongs to it.
func (s *state) concerns(n *model.Note, t target, scope *tally) bool {
	if t.none() || n.Name == t.path() {
		return true
	}
	return n.Object.Kind == model.KindPod && s.pods.Row(n.Object.ID).counts(scope)
}

func (m *mentions) finish(s *state, _ sim.Time) reading {
	if len(m.found) == 0 || s.find(m.about) == nil {
		return reading{none: s.missing(m.about)}
	}
	return reading{series: m.found}
}
