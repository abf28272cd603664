package scheduler

import (
	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// eviction is the victims of one pod being asked to leave, while scheduling
// goes on. All but the last are asked at once; when they all were, the last is
// (pkg/scheduler/framework/preemption/preemption.go prepareCandidateAsync).
type eviction struct {
	preemptor *model.Pod
	node      string
	last      *model.Pod
	lastAsked bool
	waiting   int // for answers about so many victims
	failed    bool
}

// request is what is being asked of one victim.
type request struct {
	by     *eviction
	victim *model.Pod
}

// reasonPreempted is the reason of a victim's DisruptionTarget condition
// (k8s.io/api/core/v1/types.go PodReasonPreemptionByScheduler).
const reasonPreempted = "PreemptionByScheduler"

// preempt begins to make room for a pod. Pods of lower priority that waited for
// the same node need not do so any longer. The original has 16 workers; here the
// client's own limit is the only one.
func (s *Scheduler) preempt(now sim.Time, row *podRow, c *Candidate) {
	for _, p := range s.search.nominated.byNode[c.Node] {
		if p.Spec.Priority < row.pod.Spec.Priority && s.rows.Row(p.ID).pod.NominatedNode != "" {
			s.client.PatchPart(p.Ref(), store.Status, nomination{}, opNominate|uint64(p.ID))
		}
	}
	var victims []*model.Pod
	for _, v := range c.Victims {
		if !s.rows.Row(v.ID).pod.Deleting() {
			victims = append(victims, v)
		}
	}
	if len(victims) == 0 {
		return // all are on their way out
	}
	e := &eviction{preemptor: row.pod, node: s.cache.rows[c.Node].Node.Name, last: victims[len(victims)-1]}
	row.eviction = e
	for _, v := range victims[:len(victims)-1] {
		s.evict(now, e, v)
	}
	s.proceed(now, e)
}

func (s *Scheduler) evictLast(now sim.Time, e *eviction) {
	if e.waiting == 0 && !e.lastAsked && !e.failed {
		e.lastAsked = true
		s.evict(now, e, e.last)
	}
}

// evict tells the victim why it has to go; the deletion follows.
// A victim that waits for permission is only sent back to the queue.
func (s *Scheduler) evict(now sim.Time, e *eviction, victim *model.Pod) {
	if s.rows.Row(victim.ID).permit != nil {
		s.refuse(now, victim.ID, s.search.framework.bit("DefaultPreemption"), "preempted")
		s.client.Note(victim, false, "Preempted", "Preempted by pod "+e.preemptor.UID()+" on node "+e.node)
		return
	}
	e.waiting++
	s.asked++
	s.requests[s.asked] = request{e, victim}
	s.client.PatchPart(victim.Ref(), store.Status, preemptedAt(now), opDisrupt|uint64(s.asked))
}

// disrupted goes on with a victim whose condition was written, or that is gone.
func (s *Scheduler) disrupted(now sim.Time, id uint32, refusal store.Refusal) {
	r := s.requests[id]
	if refusal != store.Accepted {
		s.evicted(now, id, refusal)
		return
	}
	s.client.Delete(r.victim.Ref(), store.DefaultGrace, opEvict|uint64(id))
}

// evicted ends what was asked of a victim. A preemption that failed is tried
// anew at once.
func (s *Scheduler) evicted(now sim.Time, id uint32, refusal store.Refusal) {
	r := s.requests[id]
	delete(s.requests, id)
	e := r.by
	e.waiting--
	switch refusal {
	case store.Accepted:
		s.client.Note(r.victim, false, "Preempted", "Preempted by pod "+e.preemptor.UID()+" on node "+e.node)
	case store.NotFound: // it went by itself
	default:
		e.failed = true
	}
	s.proceed(now, e)
}

// proceed asks the last victim once the others have been, and after it ends the
// preemption.
func (s *Scheduler) proceed(now sim.Time, e *eviction) {
	if s.evictLast(now, e); e.waiting > 0 {
		return
	}
	row := s.rows.Row(e.preemptor.ID)
	row.eviction = nil
	if row.exists && (e.failed || row.gate != 0) {
		s.queue.activate(e.preemptor.ID)
	}
}

// preempting tells whether a pod has to stay out of the queue for its victims'
// sake: until the last of them is seen to be going (IsPodRunningPreemption).
func (s *Scheduler) preempting(pod *model.Pod) bool {
	e := s.rows.Row(pod.ID).eviction
	if e == nil {
		return false
	}
	last := s.rows.Row(e.last.ID)
	return !e.lastAsked || last.exists && !last.pod.Deleting()
}

// preemptedAt sets the condition DisruptionTarget.
type preemptedAt sim.Time

// Apply implements store.Patch.
func (at preemptedAt) Apply(cur model.Object) model.Object {
	p := cur.(*model.Pod)
	if p.Disrupted.Status == model.True && p.Disrupted.Reason == reasonPreempted {
		return cur
	}
	next := *p
	next.Disrupted = model.Condition{Status: model.True, SinceAt: sim.Time(at), Reason: reasonPreempted}
	return &next
}

// nomination sets, or with "" clears, the node that a pod waits for.
type nomination struct{ node string }

// Apply implements store.Patch.
func (n nomination) Apply(cur model.Object) model.Object {
	p := cur.(*model.Pod)
	if p.NodeID != 0 || p.NominatedNode == n.node {
		return cur
	}
	next := *p
	next.NominatedNode = n.node
	return &next
}
