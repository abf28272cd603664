package report

import (
	"slices"
	"strings"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Meta is what a report says about the run beyond its history.
type Meta struct {
	Scenario string
	About    string
	Seed     uint64
	Digest   string // Digest(history).Sum()
	Events   uint64 // kernel events dispatched
	End      sim.Time
	Stopped  string // why the run ended before its time; "" if it did not
	Command  string // reproduces the run; "" leaves it out
}

// Report is what a run came to.
type Report struct {
	Meta
	Records   int // of the history
	Timeline  []Moment
	Workloads []WorkloadEnd
	Nodes     NodesEnd
	Pods      PodsEnd
	Jobs      JobsEnd
	From      sim.Time     // when the cluster converged or the first fault started: promises and Traffic begin
	Traffic   []TrafficEnd // of Services that requests were sent to
	Throttled []ThrottledEnd
	Verdicts  []Verdict
}

// WorkloadEnd is how a Deployment, StatefulSet or DaemonSet stood at the end.
type WorkloadEnd struct {
	Name                               string // its path
	Desired, Ready, Available, Updated int64  // pods; see the metrics of these names
	Restarts, Evicted, CrashLooping    int64
	Complete                           bool // all pods available and as many as asked for of the newest template, and no others
}

// NodesEnd is how the nodes stood at the end.
type NodesEnd struct {
	Total        int64
	ControlPlane int64    // of them
	NotReady     []string // paths, in the order of creation
}

// PodsEnd counts pods at the end.
type PodsEnd struct{ Running, Ready, Pending, Terminating, Succeeded, Failed int64 }

// JobsEnd counts Jobs: those that are at work at the end, and those that have
// finished, also if they are gone since.
type JobsEnd struct{ Active, Completed, Failed int64 }

// New reads the history once and judges every promise.
func New(m Meta, h *store.History, promises []Expect) *Report {
	s := newState()
	converged := &cluster{is: (*state).converged}
	told := newStory(h)
	held := &throttles{}
	watchers := []watcher{converged, told, held}
	instruments := make([]instrument, len(promises))
	for i := range promises {
		s.want(promises[i].about.target)
		instruments[i] = promises[i].metric.open(promises[i].about)
		watchers = append(watchers, instruments[i])
	}
	fold(s, h, m.End, watchers)
	convergence := converged.finish(s, m.End).series
	r := &Report{Meta: m, Records: h.Len(), Timeline: told.moments(convergence)}
	warm := warmUp(s, convergence)
	for i := range promises {
		got := instruments[i].finish(s, m.End)
		v := promises[i].judge(&got, s, warm, m.End)
		v.illustrate(h)
		r.Verdicts = append(r.Verdicts, v)
	}
	r.endState(s)
	r.From = min(warm, m.End)
	r.Traffic = trafficEnds(s, h, Window{r.From, m.End})
	r.Throttled = held.finish(m.End)
	return r
}

// warmUp is when the cluster converged for the first time, or the first fault
// started if that is earlier; the start of the run if neither ever happened.
func warmUp(s *state, converged series) sim.Time {
	first := sim.Never
	for _, p := range converged {
		if p.Num == 1 {
			first = p.At
			break
		}
	}
	if len(s.faults) > 0 {
		first = min(first, s.faults[0].start)
	}
	if first == sim.Never {
		return 0
	}
	return first
}

func (r *Report) endState(s *state) {
	for _, w := range s.workloads {
		if !w.is.there {
			continue
		}
		r.Workloads = append(r.Workloads, WorkloadEnd{
			Name: w.path, Desired: w.desired(), Ready: w.now[isReady], Available: w.now[isAvailable], Updated: w.upToDate(isReady),
			Restarts: w.ever[podRestarted], Evicted: w.ever[podEvicted] + w.ever[podPressed], CrashLooping: w.now[isLooping], Complete: w.complete(),
		})
	}
	slices.SortStableFunc(r.Workloads, func(a, b WorkloadEnd) int { return strings.Compare(a.Name, b.Name) })
	r.Nodes.Total = s.all.now[isNode]
	for _, n := range s.nodeList {
		if n.controlPlane && n.marks.has(isNode) {
			r.Nodes.ControlPlane++
		}
	}
	for _, n := range s.nodeList {
		if n.marks.has(isNodeNotReady) {
			r.Nodes.NotReady = append(r.Nodes.NotReady, n.path)
		}
	}
	now := &s.all.now
	r.Pods = PodsEnd{
		Running: now[isRunning], Ready: now[isReady], Pending: now[isPending], Terminating: now[isLeaving],
		Succeeded: now[isSucceeded], Failed: now[isFailed],
	}
	r.Jobs = JobsEnd{Active: now[isJobActive], Completed: s.all.ever[jobCompleted], Failed: s.all.ever[jobFailed]}
}

// Held tells whether every promise held.
func (r *Report) Held() bool { return r.Failed() == 0 }

// Failed is how many promises did not hold.
func (r *Report) Failed() int {
	n := 0
	for i := range r.Verdicts {
		if !r.Verdicts[i].Held {
			n++
		}
	}
	return n
}

// before is how many records a broken promise is illustrated with, and
// lookBack how many are searched for them.
const (
	before   = 5
	lookBack = 200_000
)

// illustrate adds what a broken promise was about and what led to it.
func (v *Verdict) illustrate(h *store.History) {
	if v.Held || !v.Broken {
		return
	}
	if v.Expect.metric.doubts != nil {
		if d := v.Expect.metric.doubts(stateAt(h, v.At)); d != "" {
			v.Reason += ": " + d
		}
	}
	if v.record < 0 {
		return
	}
	r := h.At(v.record)
	if v.Object == "" {
		v.Object = subject(r)
	}
	near := relatives(r)
	var found []*store.Record
	for i := v.record; i >= max(0, v.record-lookBack) && len(found) < before; i-- {
		if x := h.At(i); near.holds(x) {
			found = append(found, x)
		}
	}
	t := table{right: []bool{true}}
	for _, x := range slices.Backward(found) {
		t.row(x.At.String(), inShort(h, x))
	}
	v.Before = t.lines()
}

func subject(r *store.Record) string {
	if r.Note != nil {
		return r.Note.Path()
	}
	return r.Object().Head().Path()
}

// kin is what one record has to do with: the object it is about and, of a pod,
// its node.
type kin struct {
	path string
	refs []model.Ref
}

func relatives(r *store.Record) kin {
	k := kin{path: subject(r)}
	if r.Note != nil {
		return k
	}
	m := r.Object().Head()
	k.refs = append(k.refs, m.Ref())
	if p, ok := r.Object().(*model.Pod); ok && p.NodeID != 0 {
		k.refs = append(k.refs, model.Ref{Kind: model.KindNode, ID: p.NodeID})
	}
	return k
}

// holds tells whether x is about one of them, or about what breaks.
func (k kin) holds(x *store.Record) bool {
	if n := x.Note; n != nil {
		return n.Reason == reasonFaultStarted || n.Reason == reasonFaultEnded || n.Path() == k.path
	}
	return slices.Contains(k.refs, x.Object().Head().Ref())
}
