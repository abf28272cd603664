package report

import (
	"slices"
	"strings"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// state is the cluster as the history tells it up to one record. Everything
// that is measured is read off it, so no metric needs to know how pods, nodes
// and workloads hang together.
type state struct {
	record *store.Record // the one just taken in; nil if only time passed
	pod    *podRow       // the pod it is about; nil if it is about none
	news   []news        // what the last step brought

	all        tally
	unsettled  int // workloads without all their replicas ready and up to date
	namespaces map[string]*tally
	wanted     map[string]*tally // single pods somebody asks about, by path; nil until created
	named      map[string]*scope // everything else, by path

	pods      store.Table[podRow]
	nodes     store.Table[*node]
	revisions store.Table[*revision]
	byID      [model.Kinds]store.Table[*workload]
	jobs      [model.Kinds]store.Table[*job]
	workloads []*workload // in the order of their creation
	nodeList  []*node
	services  []*service
	gates     []*gateLoad
	clients   model.Clients // of API servers
	faults    []*fault
	active    int // faults in force
	ripening  ripening
}

// scope is an object with a tally, so that it can be asked about by name.
type scope struct {
	tally
	kind model.Kind
	path string
}

type node struct {
	scope
	marks        marks
	object       *model.Node
	joined       bool // it has been Ready
	controlPlane bool
}

type podRow struct {
	pod      *model.Pod // nil once it is gone
	path     string
	marks    marks
	revision *revision
	job      *job
	scopes   [6]*tally // all, namespace, revision or Job, workload or CronJob, pod, node; nil where there is none
	started  bool      // has been Ready
	evicted  bool
	moved    bool // stands in for an evicted pod
}

const nodeScope = 5 // in podRow.scopes

type fault struct {
	id         string
	start, end sim.Time
	ended      bool
}

func newState() *state {
	return &state{namespaces: map[string]*tally{}, wanted: map[string]*tally{}, named: map[string]*scope{}}
}

// take brings the state up to date with r.
func (s *state) take(r *store.Record) {
	s.record, s.pod, s.news = r, nil, s.news[:0]
	if r.Note != nil {
		s.note(r)
		return
	}
	switch r.Object().(type) {
	case *model.Pod:
		s.takePod(r)
	case *model.Node:
		s.takeNode(r)
	case *model.Deployment, *model.StatefulSet, *model.DaemonSet:
		s.takeWorkload(r)
	case *model.ReplicaSet:
		s.takeReplicaSet(r)
	case *model.Job:
		s.takeJob(r)
	case *model.CronJob:
		s.jobOf(r.Object().Head())
	case *model.Service:
		s.service(r.Object().Head().Path())
	}
}

func (s *state) note(r *store.Record) {
	n := r.Note
	if n.Clients != model.AsBefore {
		s.clients = n.Clients
	}
	switch n.Reason {
	case reasonFaultStarted:
		f := &fault{id: strings.TrimPrefix(n.Named, "fault/"), start: r.At}
		s.faults = append(s.faults, f)
		s.active++
		s.tell(news{what: faultBegan, subject: n.Named})
	case reasonFaultEnded:
		id := strings.TrimPrefix(n.Named, "fault/")
		for _, f := range s.faults {
			if f.id == id && !f.ended {
				f.end, f.ended = r.At, true
				s.active--
			}
		}
		s.tell(news{what: faultOver, subject: n.Named})
	case reasonFailed:
		if n.Object().Kind == model.KindPod && strings.HasPrefix(n.Text(), pullFailed) {
			row := s.pods.Row(n.Object().ID)
			row.path = n.Path()
			s.happens(row, podPullFailed)
		}
	case model.ReasonAPILoadChanged:
		if n.Load != nil {
			s.takeLoad(n.Named, n.Load)
		}
	case model.ReasonTrafficChanged:
		if n.Traffic != nil {
			s.service(n.Named).take(n.Traffic)
			s.tell(news{what: trafficMoved, subject: n.Named})
		}
	}
}

// The reasons of the notes about faults; Note.Name is "fault/" and the id.
const (
	reasonFaultStarted = "FaultStarted"
	reasonFaultEnded   = "FaultEnded"
)

// What the kubelet says of every attempt at an image that fails
// (pkg/kubelet/images/image_manager.go). The container's state may pass from
// one failure to the next too fast for the API server to see.
const (
	reasonFailed = "Failed"
	pullFailed   = "Failed to pull image"
)

// trouble is when the trouble of this moment began: with the earliest fault in
// force, or else the one that began last, or else now.
func (s *state) trouble(now sim.Time) sim.Time {
	for _, f := range s.faults {
		if !f.ended {
			return f.start
		}
	}
	if n := len(s.faults); n > 0 {
		return s.faults[n-1].start
	}
	return now
}

func (s *state) takeNode(r *store.Record) {
	m := r.Object().Head()
	row := s.nodes.Row(m.ID)
	if *row == nil {
		*row = &node{scope: scope{kind: model.KindNode, path: m.Path()}}
		s.named[m.Path()] = &(*row).scope
		s.nodeList = append(s.nodeList, *row)
		(*row).controlPlane = r.Object().(*model.Node).ControlPlane()
	}
	n := *row
	var now marks
	n.object, _ = r.New.(*model.Node)
	if n.object != nil {
		now.set(isNode, true)
		now.set(isWorker, !n.controlPlane)
		now.set(isNodeNotReady, n.object.Ready.Status != model.True)
	}
	old := n.marks
	n.marks = now
	s.all.move(old, now)
	n.move(old, now)
	joined := n.joined
	n.joined = n.object != nil && (joined || !now.has(isNodeNotReady))
	switch {
	case n.object == nil:
		s.tell(news{what: nodeGone, subject: n.path})
	case old.has(isNode) && !old.has(isNodeNotReady) && now.has(isNodeNotReady):
		s.tell(news{what: nodeLost, subject: n.path})
	case old.has(isNodeNotReady) && !now.has(isNodeNotReady) && joined:
		s.tell(news{what: nodeBack, subject: n.path})
	case old.has(isNodeNotReady) && !now.has(isNodeNotReady):
		s.tell(news{what: nodeJoined, subject: n.path})
	}
}

// converged tells whether nothing is left to do: no fault in force, every
// workload complete, no pod on its way up or down, every node ready.
func (s *state) converged() bool {
	return s.workloadsReady() && s.all.now[isLeaving] == 0 && s.all.now[isNodeNotReady] == 0 && s.active == 0 && s.clients != model.Unanswered
}

// workloadsReady is the same whatever becomes of nodes and of pods that go.
func (s *state) workloadsReady() bool { return s.unsettled == 0 && s.all.now[isPending] == 0 }

// empty tells whether there has been nothing to do yet.
func (s *state) empty() bool { return len(s.workloads) == 0 && s.all.ever[podCreated] == 0 }

// find is the tally of what t names, nil if there is none yet.
func (s *state) find(t target) *tally {
	switch {
	case t.none():
		return &s.all
	case t.namespaced:
		return s.namespaces[t.name]
	case t.kind == model.KindPod:
		return s.wanted[t.path()]
	}
	if sc := s.named[t.path()]; sc != nil {
		return &sc.tally
	}
	return nil
}

// want has a single pod counted; it must be said before the first record.
func (s *state) want(t target) {
	if t.kind == model.KindPod {
		s.wanted[t.path()] = nil
	}
}

// missing says that what t names has not been seen.
func (s *state) missing(t target) string {
	if t.none() {
		return "nothing happened at all"
	}
	var known []string
	for path, sc := range s.named {
		if sc.kind == t.kind {
			known = append(known, path)
		}
	}
	slices.Sort(known)
	return "there was no " + Escape(t.path()) + didYouMean(t.path(), known)
}
