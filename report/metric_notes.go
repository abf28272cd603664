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
	by     string // of the object's name: the component; "" is any
	scope  *tally
	n      int64
	found  series
}

func openNotes(a about) instrument { return &mentions{about: a.target, reason: a.word} }

// openSaid counts notes with a reason about the whole cluster.
func openSaid(reason string) func(about) instrument {
	return func(a about) instrument { return &mentions{about: a.target, reason: reason} }
}

// electing is what elects a leader: etcd, and what does it with a Lease.
var electing = []string{"etcd", "kube-controller-manager", "kube-scheduler", "cloud-controller-manager", "cluster-autoscaler"}

// componentWord stands for one of them in a metric's usage.
const componentWord = "[COMPONENT]"

// The reasons of notes about who leads.
const (
	reasonElection     = "LeaderElection"
	reasonEtcdElection = "EtcdLeaderElected"
	becameLeader       = " became leader"
)

// openLeaders counts the moments at which a replica of a component that elects a
// leader became it; those that lead from the beginning do not.
func openLeaders(a about) instrument {
	m := &mentions{about: a.target, reason: reasonElection, ends: becameLeader, by: a.word}
	if a.word == "etcd" {
		m.reason, m.ends, m.by = reasonEtcdElection, "", ""
	}
	return m
}

// leads is which component a note tells a new leader of, and who that is.
func leads(n *model.Note) (component, who string, ok bool) {
	switch n.Reason {
	case reasonElection:
		_, component, _ = strings.Cut(n.Path(), "lease/")
		who, ok = strings.CutSuffix(n.Text(), becameLeader)
		who, _, _ = strings.Cut(who, "_")
	case reasonEtcdElection:
		who, ok = strings.CutPrefix(n.Named, "etcd/")
		component = "etcd"
	}
	return component, who, ok
}

func (m *mentions) see(s *state, now sim.Time, record int) {
	if len(m.found) == 0 {
		m.found.add(now, 0, 0, record)
	}
	if s.record == nil || s.record.Note == nil || !s.record.Note.Says(m.reason) || !strings.HasSuffix(s.record.Note.Text(), m.ends) {
		return
	}
	if m.by != "" && !strings.HasSuffix(s.record.Note.Path(), "/"+m.by) {
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
	if t.none() || n.Path() == t.path() {
		return true
	}
	return n.Object().Kind == model.KindPod && s.pods.Row(n.Object().ID).counts(scope)
}

func (m *mentions) finish(s *state, _ sim.Time) reading {
	if len(m.found) == 0 || s.find(m.about) == nil {
		return reading{none: s.missing(m.about)}
	}
	return reading{series: m.found}
}
