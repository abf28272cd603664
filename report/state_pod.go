package report

import (
	"container/heap"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// reasonTaint is the reason of the DisruptionTarget condition of a pod that
// the taint manager is about to delete
// (k8s.io/api/core/v1 and pkg/controller/tainteviction/taint_eviction.go).
const reasonTaint = "DeletionByTaintManager"

// reasonPreempted is the same for a pod that gives way to one of higher
// priority (k8s.io/api/core/v1/types.go PodReasonPreemptionByScheduler).
const reasonPreempted = "PreemptionByScheduler"

// reasonSentAway is the same for a pod that was evicted through the API
// (pkg/registry/core/pod/storage/eviction.go).
const reasonSentAway = "EvictionByEvictionAPI"

// reasonPressed is the reason of a pod that its kubelet failed because the node
// was short of something (pkg/kubelet/eviction/helpers.go Reason).
const reasonPressed = "Evicted"

func (s *state) takePod(r *store.Record) {
	m := r.Object().Head()
	row := s.pods.Row(m.ID)
	old, _ := r.Old.(*model.Pod)
	now, _ := r.New.(*model.Pod)
	row.pod, s.pod = now, row
	if old == nil {
		s.addPod(row, r.At)
	}
	if now == nil {
		s.evict(row, old, r.At)
		s.happens(row, podDeleted)
		s.mark(row, 0)
		return
	}
	if old == nil || old.NodeID != now.NodeID {
		s.bind(row)
	}
	if old != nil && old.NodeID == 0 && now.NodeID != 0 {
		s.happens(row, podBound)
		if row.moved {
			s.happens(row, podMoved)
		}
	}
	if now.Deleting() {
		s.evict(row, now, r.At)
	}
	s.preempt(row, old, now)
	s.containers(row, old, now)
	if now.IsReady() && !row.started {
		row.started = true
		if old != nil {
			s.happens(row, podReady)
		}
	}
	s.mark(row, podMarks(now)|s.available(row, r.At))
}

// addPod finds out what a new pod counts for.
func (s *state) addPod(row *podRow, now sim.Time) {
	p := row.pod
	row.path = p.Path()
	ns := s.namespaces[p.Namespace]
	if ns == nil {
		ns = &tally{}
		s.namespaces[p.Namespace] = ns
	}
	if row.scopes[1] = ns; !p.Mirror() {
		row.scopes[0] = &s.all // nobody asked the cluster for a static pod
	}
	switch k := p.Owner.Kind; k {
	case model.KindReplicaSet:
		row.revision = *s.revisions.Row(p.Owner.ID)
	case model.KindStatefulSet, model.KindDaemonSet:
		if w := *s.byID[k].Row(p.Owner.ID); w != nil {
			row.revision = w.revisionOf(p)
		}
	case model.KindJob:
		if j := *s.jobs[k].Row(p.Owner.ID); j != nil {
			row.scopes[2], row.job = &j.tally, j
			if j.cron != nil {
				row.scopes[3] = &j.cron.tally
			}
		}
	}
	if rev := row.revision; rev != nil {
		row.scopes[2] = &rev.tally
		if rev.workload != nil {
			row.scopes[3] = &rev.workload.tally
		}
	}
	if len(s.wanted) > 0 {
		s.single(row)
	}
	s.happens(row, podCreated)
	if rev := row.revision; rev != nil && len(rev.vacant) > 0 {
		s.count(row, podReplaced)
		s.tell(news{what: happened(podReplaced), pod: row, since: rev.vacant[0]})
		rev.vacant, row.moved = rev.vacant[1:], true
	}
}

// single counts a pod on its own if somebody asks about it.
func (s *state) single(row *podRow) {
	t, wanted := s.wanted[row.path]
	if wanted && t == nil {
		t = &tally{}
		s.wanted[row.path] = t
	}
	row.scopes[4] = t
}

// bind counts the pod for its node from now on.
func (s *state) bind(row *podRow) {
	if row.pod.NodeID == 0 {
		return
	}
	n := *s.nodes.Row(row.pod.NodeID)
	if n == nil {
		return
	}
	n.move(0, row.marks)
	row.scopes[nodeScope] = &n.tally
}

// preempt counts a pod that gives way: to another, to whoever drains its node,
// or because the node is short of something.
func (s *state) preempt(row *podRow, old, p *model.Pod) {
	is := func(p *model.Pod, reason string) bool {
		return p != nil && p.Disrupted.Status == model.True && p.Disrupted.Reason == reason
	}
	if is(p, reasonPreempted) && !is(old, reasonPreempted) {
		s.happens(row, podPreempted)
	}
	if is(p, reasonSentAway) && !is(old, reasonSentAway) {
		s.happens(row, podSentAway)
	}
	if failed := p.Phase == model.PodFailed && p.Reason == reasonPressed; failed && (old == nil || old.Phase != model.PodFailed) {
		s.happens(row, podPressed)
	}
}

func (s *state) evict(row *podRow, p *model.Pod, now sim.Time) {
	if row.evicted || p.Disrupted.Status != model.True || p.Disrupted.Reason != reasonTaint {
		return
	}
	row.evicted = true
	s.happens(row, podEvicted)
	if row.revision != nil {
		row.revision.vacant = append(row.revision.vacant, s.trouble(now))
	}
}

// containers counts what happened to the pod's containers.
func (s *state) containers(row *podRow, old, now *model.Pod) {
	if old == nil {
		return
	}
	a, b := old.Containers, now.Containers
	if len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) {
		return
	}
	for i := range b {
		var was model.ContainerStatus
		if i < len(a) {
			was = a[i]
		}
		for range b[i].Restarts - was.Restarts {
			s.happens(row, podRestarted)
		}
		if b[i].OOMKilled && b[i].FinishedAt != was.FinishedAt {
			s.happens(row, podOOMKilled)
		}
		if b[i].Reason == "CrashLoopBackOff" && was.Reason != b[i].Reason {
			s.happens(row, podLooped)
		}
	}
}

// podMarks is what is so of p, but for isAvailable, which takes a clock.
func podMarks(p *model.Pod) marks {
	var m marks
	staying := !p.Deleting()
	m.set(isActive, p.Active())
	m.set(isPending, staying && p.Phase == model.PodPending)
	m.set(isUnbound, p.Active() && p.NodeID == 0)
	m.set(isRunning, staying && p.Phase == model.PodRunning)
	m.set(isReady, p.Active() && p.IsReady())
	m.set(isLeaving, !staying)
	m.set(isSucceeded, staying && p.Phase == model.PodSucceeded)
	m.set(isFailed, staying && p.Phase == model.PodFailed)
	for i := range p.Containers {
		c := &p.Containers[i]
		if c.State == model.ContainerWaiting && c.Reason == "CrashLoopBackOff" && p.Active() {
			m.set(isLooping, true)
		}
	}
	return m
}

// available is isAvailable if the pod has been ready long enough; if it has
// not yet, the moment is noted down.
func (s *state) available(row *podRow, now sim.Time) marks {
	p := row.pod
	if !p.Active() || !p.IsReady() {
		return 0
	}
	at := p.AvailableAt(minReady(row))
	if at <= now {
		return 1 << isAvailable
	}
	if !row.marks.has(isReady) {
		heap.Push(&s.ripening, ripe{at: at, since: p.Ready.SinceAt, pod: p.ID})
	}
	return row.marks & (1 << isAvailable)
}

func minReady(row *podRow) time.Duration {
	if row.revision == nil || !row.revision.live {
		return 0
	}
	return row.revision.minReady
}

// mark makes m what is so of the pod.
func (s *state) mark(row *podRow, m marks) {
	if m == row.marks {
		return
	}
	for _, t := range row.scopes {
		if t != nil {
			t.move(row.marks, m)
		}
	}
	row.marks = m
	if row.revision != nil && row.revision.workload != nil {
		s.settle(row.revision.workload)
	}
}

// happens counts h and makes it news.
func (s *state) happens(row *podRow, h happening) {
	s.count(row, h)
	s.tell(news{what: happened(h), pod: row})
}

func (s *state) count(row *podRow, h happening) {
	for _, t := range row.scopes {
		if t != nil {
			t.ever[h]++
		}
	}
}
