package scheduler

import (
	"sort"

	"orrery/model"
	"orrery/sim"
)

// Candidate is a node that a pod could go to if some pods of lower priority
// left it.
type Candidate struct {
	Node       uint32
	Victims    []*model.Pod // the most important first
	Violations int          // victims whose PodDisruptionBudget does not allow it
}

// victimsOn finds the least harm on a node: without all pods of lower priority
// the pod must fit; then each of them stays that can, those first whose budget
// would be violated, then the more important ones. It returns why there is no
// way if there is none. The cache itself is asked what if, and left as it was
// (pkg/scheduler/framework/plugins/defaultpreemption/default_preemption.go
// SelectVictimsOnNode).
func (s *search) victimsOn(c *class, id uint32, none *Status) (Candidate, *Status) {
	lower := s.lowerOn(id, c.pod.Spec.Priority)
	if len(lower) == 0 {
		return Candidate{}, none
	}
	row := &s.cache.rows[id]
	before := append([]*model.Pod(nil), row.Pods...)
	s.cache.suppose(id, lower, false)
	if st := s.fits(c, id); st != nil {
		s.cache.suppose(id, lower, true)
		copy(row.Pods, before)
		return Candidate{}, st
	}
	sortByImportance(lower)
	violating, others := s.divide(lower)
	out := Candidate{Node: id}
	reprieve := func(p *model.Pod) bool {
		one := []*model.Pod{p}
		s.cache.suppose(id, one, true)
		if s.fits(c, id) == nil {
			return true
		}
		s.cache.suppose(id, one, false)
		out.Victims = append(out.Victims, p)
		return false
	}
	for _, p := range violating {
		if !reprieve(p) {
			out.Violations++
		}
	}
	for _, p := range others {
		reprieve(p)
	}
	s.cache.suppose(id, out.Victims, true)
	copy(row.Pods, before) // the order, too
	if len(violating) > 0 && len(others) > 0 {
		sortByImportance(out.Victims)
	}
	return out, nil
}

// lowerOn is the pods on a node whose priority is lower.
func (s *search) lowerOn(id uint32, than int32) (out []*model.Pod) {
	for _, p := range s.cache.rows[id].Pods {
		if p.Spec.Priority < than {
			out = append(out, p)
		}
	}
	return out
}

// sortByImportance puts pods of higher priority first, and of equal ones those
// that started earlier. It has to be the very sort that the original uses,
// because the comparison is no order: a pod that has not started counts as
// starting when it is looked at, so of two of them the one looked at first is
// always the earlier (pkg/scheduler/util/utils.go MoreImportantPod).
func sortByImportance(pods []*model.Pod) {
	sort.Slice(pods, func(i, j int) bool { return moreImportant(pods[i], pods[j]) }) //tidy:wall ties fall as they do there: the same algorithm, without luck
}

func moreImportant(a, b *model.Pod) bool {
	if a.Spec.Priority != b.Spec.Priority {
		return a.Spec.Priority > b.Spec.Priority
	}
	if a.StartedAt == 0 {
		return b.StartedAt == 0
	}
	return startOf(a) < startOf(b)
}

// startOf is when the pod started; one that has not does so later than all that
// have (pkg/scheduler/util/utils.go GetPodStartTime).
func startOf(p *model.Pod) sim.Time {
	if p.StartedAt == 0 {
		return sim.Never
	}
	return p.StartedAt
}

// divide tells the pods whose leaving, one after the other, a budget does not
// allow from the others (filterPodsWithPDBViolation).
func (s *search) divide(pods []*model.Pod) (violating, others []*model.Pod) {
	allowed := make([]int32, len(s.budgets))
	for i, b := range s.budgets {
		allowed[i] = b.Allowed
	}
	for _, p := range pods {
		violated := false
		for i, b := range s.budgets {
			if b.Covers(p) {
				allowed[i]--
				violated = violated || allowed[i] < 0
			}
		}
		if violated {
			violating = append(violating, p)
		} else {
			others = append(others, p)
		}
	}
	return violating, others
}
