package scheduler

import (
	"orrery/model"
	"orrery/sim"
)

// attempt decides where a pod goes. One that preempted others does not stand in
// its own way, and looks first at the node it is nominated for
// (pkg/scheduler/schedule_one.go evaluateNominatedNode).
func (s *Scheduler) attempt(row *podRow) decision {
	c := s.search.classes.of(row.pod)
	node := row.nominated
	if node == 0 {
		return s.search.decide(c)
	}
	s.search.nominate(row.pod, node, 0)
	defer s.search.nominate(row.pod, 0, node)
	c.look(s.search.framework)
	if s.cache.rows[node].Node == nil || c.refusal() != nil {
		return s.search.decide(c)
	}
	st := s.search.fits(c, node)
	if st == nil {
		return decision{node: node, examined: 1}
	}
	d := s.search.decide(c)
	if f := d.failure; f != nil && st.Code == Unschedulable && s.victimsLeave(row) {
		d.failure = &failure{
			examined: f.examined, rejectors: f.rejectors, waiting: true,
			reasons: f.reasons, message: f.reasons + " " + victimsLeave,
		}
	}
	return d
}

// victimsLeave tells whether pods that were preempted are still on their way
// out of the node that a pod is nominated for: then it waits
// (PodEligibleToPreemptOthers).
func (s *Scheduler) victimsLeave(row *podRow) bool {
	if row.pod.Spec.NeverPreempts {
		return false
	}
	for _, p := range s.search.lowerOn(row.nominated, row.pod.Spec.Priority) {
		if p.Deleting() && p.Disrupted.Status == model.True && p.Disrupted.Reason == reasonPreempted {
			return true
		}
	}
	return false
}

// reject ends a cycle that found no node: others may be asked to leave one.
func (s *Scheduler) reject(now sim.Time, id uint32, f *failure) {
	row := s.rows.Row(id)
	var best *Candidate
	if row.exists && row.pod.NodeID == 0 && len(f.candidates) > 0 {
		best = ties(f.candidates)[0]
	}
	switch {
	case best != nil && s.cache.rows[best.Node].Node != nil: // the node may have gone meanwhile
		s.preempt(now, row, best)
		s.nominate(row, best.Node)
	case !f.waiting:
		s.nominate(row, 0)
	}
	if s.fail(now, id, f.rejectors, reasonUnschedulable, f.message, opConditionIn) {
		s.busy = true // the write is part of the cycle, whatever it waits for
	}
}

// nominate notes where a pod waits for room; 0 is nowhere.
func (s *Scheduler) nominate(row *podRow, node uint32) {
	if row.nominated != node {
		s.search.nominate(row.pod, row.nominated, node)
		row.nominated = node
	}
}

// nominated is the name of the node that a pod waits for.
func (s *Scheduler) nominated(row *podRow) string {
	if row.nominated == 0 || s.cache.rows[row.nominated].Node == nil {
		return ""
	}
	return s.cache.rows[row.nominated].Node.Name
}

// sawNomination takes a version of a pod that waits. What is noted stays if
// neither version says anything: the write may be on its way
// (pkg/scheduler/backend/queue/nominator.go UpdateNominatedPod).
func (s *Scheduler) sawNomination(row *podRow, old *model.Pod) {
	if row.pod.NominatedNode != "" || old != nil && old.NominatedNode != "" {
		s.nominate(row, s.cache.byName[row.pod.NominatedNode])
	}
}
