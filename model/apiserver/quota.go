package apiserver

import (
	"orrery/model"
	"orrery/model/store"
)

// counted tells whether an object that is to be created counts towards a quota.
func (b *Backend) counted(o model.Object) (found bool) {
	pod, ok := o.(*model.Pod)
	if !ok || b.store.Count(model.KindResourceQuota) == 0 {
		return false
	}
	b.store.Snapshot().Each(model.KindResourceQuota, func(o model.Object) bool {
		found = o.Head().Namespace == pod.Namespace
		return !found
	})
	return found
}

// charge counts a new pod, or what one wants more, towards the quotas of its namespace,
// before it is created or resized, in a write of its own; it is false if none is concerned
// (k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go). If the
// creation fails after that, the quota controller finds out, and so it does if less is used.
func (a *Server) charge(r *store.Request) (charged bool, refusal store.Refusal) {
	if r.Step > 0 || a.store.Count(model.KindResourceQuota) == 0 {
		return false, store.Accepted
	}
	pod, isNew := r.Object.(*model.Pod)
	var has model.QuotaAmounts
	if isNew = isNew && r.Op == store.OpCreate; !isNew {
		was, next := a.resized(r)
		if next == nil {
			return false, store.Accepted
		}
		pod, has = next, model.QuotaOf(was)
	}
	var next []*model.ResourceQuota
	a.store.Snapshot().Each(model.KindResourceQuota, func(o model.Object) bool {
		q := o.(*model.ResourceQuota)
		if q.Namespace != pod.Namespace {
			return true
		}
		c := *q
		if refusal = admitTo(&c, pod, has); refusal == store.Accepted && c.Used != q.Used {
			next = append(next, &c)
		}
		return refusal == store.Accepted
	})
	if refusal != store.Accepted || len(next) == 0 {
		return false, refusal
	}
	for _, q := range next {
		a.store.Update(r.Client.Actor, q)
	}
	r.Step = 1
	return true, store.Accepted
}

// admitTo adds a pod to what a quota has used, or what it wants more than it has. It is
// refused if it would be more than the quota allows, if the quota was never computed, or if
// a container does not say what the quota counts (CheckRequest, pods.go Constraints).
func admitTo(q *model.ResourceQuota, pod *model.Pod, has model.QuotaAmounts) store.Refusal {
	if !q.Known {
		return store.Forbidden
	}
	more := q.Counted(model.QuotaOf(pod).Add(has, -1))
	for i := range more {
		more[i] = max(more[i], 0) // SubtractWithNonNegativeResult
		switch {
		case q.Hard[i] < 0:
		case more[i] > 0 && q.Used[i]+more[i] > q.Hard[i], i > 0 && !saysAll(pod.Spec, i):
			return store.Forbidden
		}
	}
	q.Used = q.Used.Add(more, 1)
	return store.Accepted
}

// saysAll tells whether every container says how much it asks for of the ith
// thing that quotas count.
func saysAll(s *model.PodSpec, i int) bool {
	for _, list := range [][]model.Container{s.InitContainers, s.Containers} {
		for j := range list {
			said := asked(&list[j])
			if i > 2 {
				said = amountsOf(&list[j].Limits)
			}
			if said[(i-1)%2] < 0 {
				return false
			}
		}
	}
	return true
}
