package report

import (
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// workload is what keeps a number of pods: a Deployment, a StatefulSet or a
// DaemonSet.
type workload struct {
	scope
	namespace string
	is        wants
	revisions []*revision
	newest    *revision // the one of the current template, nil if there is none yet
	lacking   bool      // fewer pods available than wanted
	unsettled bool
	whole     bool      // has had all its pods once
	rolling   *revision // the newest revision that was seen
	rollout   bool      // from an older revision to rolling
}

// wants is what a workload asks for now; the zero value is one that is deleted.
type wants struct {
	there     bool
	pods      int64
	upToDate  int64 // pods that must be of the newest template
	available int64 // as its status says
	minReady  time.Duration
	hash      string // of the template
}

// wantsOf is what an object asks for.
func wantsOf(o model.Object) wants {
	switch o := o.(type) {
	case *model.Deployment:
		return wants{true, int64(o.Replicas), int64(o.Replicas), int64(o.AvailableReplicas), o.MinReady, hashOf(o.Template)}
	case *model.StatefulSet:
		n := int64(max(0, o.Replicas-o.Partition))
		if o.OnDelete {
			n = 0
		}
		return wants{true, int64(o.Replicas), n, int64(o.AvailableReplicas), o.MinReady, hashOf(o.Template)}
	case *model.DaemonSet:
		n := int64(o.Desired)
		if o.OnDelete {
			n = 0
		}
		return wants{true, int64(o.Desired), n, int64(o.Available), o.MinReady, hashOf(o.Template)}
	}
	return wants{}
}

func hashOf(t *model.Template) string {
	if t == nil {
		return ""
	}
	return t.Hash
}

// revision is the pods of one template: a ReplicaSet, or those of a StatefulSet
// or DaemonSet that name a ControllerRevision.
type revision struct {
	scope
	live     bool // false once it is deleted
	hash     string
	minReady time.Duration
	workload *workload  // nil for one on its own
	vacant   []sim.Time // for each evicted pod not replaced yet, when the trouble began
}

func (s *state) takeWorkload(r *store.Record) {
	m := r.Object().Head()
	row := s.byID[m.Kind].Row(m.ID)
	if *row == nil {
		*row = &workload{scope: scope{kind: m.Kind, path: m.Path()}, namespace: m.Namespace}
		s.named[m.Path()] = &(*row).scope
		s.workloads = append(s.workloads, *row)
	}
	w := *row
	old := w.is
	w.is = wantsOf(r.New)
	if w.is.there && (!old.there || old.hash != w.is.hash) {
		w.newest = nil
		for _, rev := range w.revisions {
			w.adopt(rev)
		}
	}
	s.settle(w)
}

func (s *state) takeReplicaSet(r *store.Record) {
	m := r.Object().Head()
	row := s.revisions.Row(m.ID)
	if *row == nil {
		rev := &revision{scope: scope{kind: model.KindReplicaSet, path: m.Path()}}
		*row = rev
		s.named[m.Path()] = &rev.scope
		if m.Owner.Kind == model.KindDeployment {
			rev.workload = *s.byID[m.Owner.Kind].Row(m.Owner.ID)
		}
		if rev.workload != nil {
			rev.workload.revisions = append(rev.workload.revisions, rev)
		}
	}
	rev := *row
	set, _ := r.New.(*model.ReplicaSet)
	if rev.live = set != nil; rev.live {
		rev.hash, rev.minReady = hashOf(set.Template), set.MinReady
	}
	if w := rev.workload; w != nil {
		if !rev.live && w.newest == rev {
			w.newest = nil
		}
		w.adopt(rev)
		s.settle(w)
	}
}

// revisionOf is the pods of a StatefulSet or DaemonSet that are of the same
// template as p.
func (w *workload) revisionOf(p *model.Pod) *revision {
	name := p.Labels.Value(model.LabelRevision)
	hash := name[strings.LastIndexByte(name, '-')+1:]
	for _, rev := range w.revisions {
		if rev.hash == hash {
			rev.minReady = w.is.minReady
			return rev
		}
	}
	rev := &revision{scope: scope{path: w.path}, live: true, hash: hash, minReady: w.is.minReady, workload: w}
	w.revisions = append(w.revisions, rev)
	w.adopt(rev)
	return rev
}

// adopt makes rev the newest revision if its template is the workload's.
func (w *workload) adopt(rev *revision) {
	if rev.live && w.is.there && rev.hash != "" && rev.hash == w.is.hash {
		w.newest = rev
	}
}

func (w *workload) desired() int64 { return w.is.pods }

// upToDate is of how many pods of the newest template f holds.
func (w *workload) upToDate(f fact) int64 {
	if w.newest == nil {
		return 0
	}
	return w.newest.now[f]
}

// complete tells whether a workload has all its pods, available and as many of
// the newest template as it wants, and no other. One that was deleted is once
// its pods are gone (DeploymentComplete in
// pkg/controller/deployment/util/deployment_util.go).
func (w *workload) complete() bool {
	return w.now[isAvailable] == w.desired() && w.upToDate(isAvailable) >= w.is.upToDate && w.now[isActive] == w.desired()
}

func (w *workload) missing() int64 { return max(0, w.desired()-w.now[isAvailable]) }

func (w *workload) surplus() int64 { return max(0, w.now[isActive]-w.desired()) }

// settle looks at a workload after something about it changed.
func (s *state) settle(w *workload) {
	unsettled := !w.complete()
	switch {
	case unsettled && !w.unsettled:
		s.unsettled++
	case !unsettled && w.unsettled:
		s.unsettled--
	}
	w.unsettled = unsettled
	s.roll(w)
	if lacking := w.missing() > 0; lacking != w.lacking {
		w.lacking = lacking
		what := workloadWhole
		switch {
		case lacking:
			what = workloadLacking
		case !w.is.there:
			what = workloadGone
		case !w.whole:
			what, w.whole = workloadUp, true
		}
		s.tell(news{what: what, subject: w.path, workload: w})
	}
}

// roll notices when a workload begins to replace one revision by another, and
// when it is through.
func (s *state) roll(w *workload) {
	if w.newest != nil && w.newest != w.rolling {
		if w.rolling != nil {
			w.rollout = true
			s.tell(news{what: rolloutBegan, subject: w.path, workload: w})
		}
		w.rolling = w.newest
	}
	if !w.is.there {
		w.rollout = false
	}
	if w.rollout && !w.unsettled {
		w.rollout = false
		s.tell(news{what: rolloutDone, subject: w.path, workload: w})
	}
}

func (s *state) workload(t target) *workload {
	i := slices.IndexFunc(s.workloads, func(w *workload) bool { return w.path == t.path() && w.is.there })
	if i < 0 {
		return nil
	}
	return s.workloads[i]
}
