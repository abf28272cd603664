package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Moment is one line of the timeline: what happened, from At to Until.
type Moment struct {
	At, Until sim.Time
	Text      string
}

// story collects what happened, the same things close together as one.
type story struct {
	history *store.History
	groups  []*group
	open    map[string]*group // the newest group of a kind
	habits  map[string]*habit // by kind and subject
	failing map[string]bool   // services that do not serve everything
}

// group is several happenings of one kind close together.
type group struct {
	at, last sim.Time
	n        int64
	subjects []string
	more     int // subjects not kept
	say      func(*group) string
}

// habit is a subject to which the same keeps happening.
type habit struct {
	lines int    // it has been told of in so many
	last  *group // the newest of them
}

// patience is how many lines about the same thing happening to the same
// subject are enough: if it goes on, the last one says how often.
const patience = 2

// chapter says how happenings of one kind are told.
type chapter struct {
	gap time.Duration // what comes later than this after the last one is told anew
	say func(*group) string
}

const (
	together = 30 * time.Second
	patient  = 10 * time.Minute // for what comes back with growing delays
)

var chapters = map[what]chapter{
	nodeLost:                {together, subjectsAre("node", "not Ready")},
	nodeBack:                {together, subjectsAre("node", "Ready again")},
	nodeJoined:              {together, subjectsAre("node", "joined")},
	nodeGone:                {together, subjectsAre("node", "removed")},
	happened(podEvicted):    {together, podsWere("evicted")},
	happened(podPressed):    {together, podsWere("evicted by the kubelet")},
	happened(podPreempted):  {together, podsWere("preempted")},
	happened(podReplaced):   {together, podsWere("created in place of what was evicted")},
	happened(jobFailed):     {patient, countOf("failed job")},
	happened(podLooped):     {patient, countOf("crash loop")},
	happened(podOOMKilled):  {patient, countOf("OOM kill")},
	happened(podPullFailed): {patient, countOf("failed pull")},
}

// turns says what workloads of one kind did, after their number and kind.
var turns = map[what]string{
	workloadLacking: "short of pods",
	workloadWhole:   "back to full strength",
	workloadGone:    "deleted while short of pods",
	workloadUp:      "up for the first time",
	rolloutBegan:    "rolling out a new revision",
	rolloutDone:     "through with the rollout",
}

func newStory(h *store.History) *story {
	return &story{history: h, open: map[string]*group{}, habits: map[string]*habit{}, failing: map[string]bool{}}
}

func (t *story) see(s *state, now sim.Time, _ int) {
	switch r := s.record; {
	case r == nil:
	case r.Note == nil:
		t.typed(r)
	case r.Note.Reason == reasonEvictionRefused:
		t.add("refused", chapter{together, subjectsAre("pod", "kept by a disruption budget")}, now, r.Note.Path())
	case r.Note.Reason == reasonReplaced:
		t.add("replaced", chapter{patient, subjectsAre("node", "given another machine by the provider")}, now, r.Note.Path())
	case slices.Contains(admission, r.Note.Reason):
		one := "webhook"
		if strings.HasPrefix(r.Note.Path(), "apiserver/") {
			one = "API server"
		}
		t.add(r.Note.Reason, chapter{together, subjectsAre(one, r.Note.Reason+": "+r.Note.Text())}, now, r.Note.Path())
	case r.Note.Reason == reasonElection || r.Note.Reason == reasonEtcdElection:
		if component, who, ok := leads(r.Note); ok {
			t.add("leads "+component, chapter{patient, ledBy(component)}, now, who)
		}
	case r.Note.Reason == reasonWithoutTarget || r.Note.Reason == reasonActionFailed:
		t.line(now, r.Note.Path()+": "+r.Note.Reason+": "+r.Note.Text())
	}
	for i := range s.news {
		n := &s.news[i]
		switch n.what {
		case gateRejects, gateOpen, gateSlow, gateFast:
			t.gate(n, now)
		case faultBegan, faultOver:
			t.fault(n, now, s.record.Note)
		case trafficMoved:
			t.traffic(s, n.subject, now)
		case workloadLacking, workloadGone:
			if n.workload.whole { // every workload begins with nothing
				t.turn(n, now)
			}
		case workloadWhole, workloadUp, rolloutBegan, rolloutDone:
			t.turn(n, now)
		default:
			if c, ok := chapters[n.what]; ok {
				t.add(string(rune(n.what)), c, now, n.about())
			}
		}
	}
}

// turn tells what a workload did, together with others of its kind.
func (t *story) turn(n *news, now sim.Time) {
	kind := n.workload.kind.Short()
	t.add(string(rune(n.what))+kind, chapter{together, subjectsAre(kind, turns[n.what])}, now, n.subject)
}

// The reasons of notes about parts of a scenario that came to nothing.
const (
	reasonWithoutTarget = "FaultWithoutTarget"
	reasonActionFailed  = "ActionFailed"
	// kubectl drain says it of a pod whose budget does not let it go.
	reasonEvictionRefused = "EvictionRefused"
	reasonReplaced        = "NodeReplaced"
)

// admission is the reasons of notes about webhooks, and about renewals that they or
// floods are in the way of.
var admission = []string{"WebhookFailed", "WebhookAnswers", "RenewalsStopped", "RenewalsResumed"}

// about is what a piece of news is told of: a workload rather than its pods.
func (n *news) about() string {
	switch {
	case n.pod == nil:
		return n.subject
	case n.pod.job != nil:
		return n.pod.job.told()
	case n.pod.revision == nil:
		return n.pod.path
	case n.pod.revision.workload == nil:
		return n.pod.revision.path
	}
	return n.pod.revision.workload.path
}

// add tells one more happening, in the open group of its kind if there is one.
func (t *story) add(key string, c chapter, now sim.Time, subject string) {
	h := t.habits[key+subject]
	if h == nil {
		h = &habit{}
		t.habits[key+subject] = h
	}
	if h.last != nil && now > h.last.last.Add(patient) {
		h.lines = 0
	}
	g := t.open[key]
	switch {
	case h.lines >= patience:
		g = h.last
	case g == nil || now > g.last.Add(c.gap):
		g = &group{at: now, say: c.say}
		t.open[key] = g
		t.groups = append(t.groups, g)
	}
	if h.last != g {
		h.last = g
		h.lines++
	}
	g.last = now
	g.n++
	switch {
	case slices.Contains(g.subjects, subject):
	case len(g.subjects) < subjectsKept:
		g.subjects = append(g.subjects, subject)
	default:
		g.more++
	}
}

// subjectsKept is how many a group knows by name. Beyond that it counts, and
// may count one twice.
const subjectsKept = 200

func (t *story) line(now sim.Time, text string) {
	t.groups = append(t.groups, &group{at: now, last: now, say: func(*group) string { return text }})
}

func (t *story) fault(n *news, now sim.Time, note *model.Note) {
	text := n.subject + " started"
	if n.what == faultOver {
		text = n.subject + " ended"
	}
	if note.Text() != "" {
		text += ": " + brief(note.Text())
	}
	t.line(now, text)
}

func (t *story) traffic(s *state, path string, now sim.Time) {
	offered, served := s.service(path).rates()
	failing := offered > 0 && !atLeastShare(served, offered, fullService)
	if failing == t.failing[path] {
		return
	}
	t.failing[path] = failing
	if failing {
		t.add("failing", chapter{together, subjectsAre("service", "failing requests")}, now, path)
	} else {
		t.add("serving", chapter{together, subjectsAre("service", "serving everything again")}, now, path)
	}
}

// gate tells how an API server fares.
func (t *story) gate(n *news, now sim.Time) {
	did := map[what]string{
		gateRejects: "rejecting requests in " + n.level, gateOpen: "rejecting no more in " + n.level,
		gateSlow: "taking more than a second for a small write", gateFast: "fast again",
	}[n.what]
	t.add(did, chapter{together, subjectsAre("API server", did)}, now, n.subject)
}

// typed tells what a person did with kubectl.
func (t *story) typed(r *store.Record) {
	if !strings.HasPrefix(t.history.ActorName(r.By), "kubectl") {
		return
	}
	path := r.Object().Head().Path()
	switch r.Verb {
	case store.Created:
		t.add("applied", chapter{time.Second, subjectsAre("object", "created with kubectl")}, r.At, path)
	case store.Deleted:
		t.add("deleted", chapter{time.Second, subjectsAre("object", "deleted with kubectl")}, r.At, path)
	default:
		switch r.New.Head().Kind {
		case model.KindPodDisruptionBudget:
			if r.New.Head().Generation == r.Old.Head().Generation {
				return // it pays for an eviction
			}
		case model.KindPod:
			if r.Old.Head().Deleting() || !r.New.Head().Deleting() {
				return // it is only told why
			}
			t.add("drained", chapter{together, subjectsAre("pod", "sent away with kubectl")}, r.At, path)
			return
		}
		if words := changesInWords(r); len(words) > 0 {
			t.line(r.At, "kubectl: "+path+": "+strings.Join(words, ", "))
		}
	}
}

func subjectsAre(one, what string) func(*group) string {
	return func(g *group) string {
		n := int64(len(g.subjects) + g.more)
		text := model.Counted(n, one) + " " + what + ": " + some(g.subjects)
		if n == 1 {
			text = g.subjects[0] + " " + what
		}
		if g.n > n {
			text += ", " + model.Counted(g.n, "time") + " in all"
		}
		return text
	}
}

// ledBy says who took over a component.
func ledBy(component string) func(*group) string {
	return func(g *group) string {
		if g.n == 1 {
			return component + " led by " + g.subjects[0] + " now"
		}
		return component + " led by another " + model.Counted(g.n, "time") + ": " + some(g.subjects)
	}
}

func podsWere(what string) func(*group) string {
	return func(g *group) string { return model.Counted(g.n, "pod") + " " + what + ": " + some(g.subjects) }
}

func countOf(what string) func(*group) string {
	return func(g *group) string { return model.Counted(g.n, what) + ": " + some(g.subjects) }
}

// moments is the timeline. converged is the times at which the cluster
// converged and did not.
func (t *story) moments(converged series) []Moment {
	t.convergence(converged)
	var out []Moment
	for _, g := range t.groups {
		out = append(out, Moment{At: g.at, Until: g.last, Text: g.say(g)})
	}
	slices.SortStableFunc(out, func(a, b Moment) int { return cmp.Compare(a.At, b.At) })
	return shorten(out)
}

// convergence adds when the cluster converged first, and when for good.
func (t *story) convergence(converged series) {
	first := slices.IndexFunc(converged, func(p point) bool { return p.Num == 1 })
	if first < 0 {
		return
	}
	t.line(converged[first].At, "converged for the first time")
	if last := len(converged) - 1; last > first && converged[last].Num == 1 {
		t.line(converged[last].At, "converged again, for good")
	}
}

// mostMoments is how long a timeline may be.
const mostMoments = 40

func shorten(all []Moment) []Moment {
	over := len(all) - mostMoments
	if over <= 0 {
		return all
	}
	half := mostMoments / 2
	gap := Moment{At: all[half].At, Until: all[half+over].At, Text: "... " + model.Counted(int64(over+1), "more line") + ", all in the history"}
	return slices.Concat(all[:half], []Moment{gap}, all[half+over+1:])
}
