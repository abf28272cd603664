package apiserver

import (
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/store"
)

// disruptedMost is how many evictions a budget lets pass before its controller
// has noticed any (pkg/registry/core/pod/storage/eviction.go
// MaxDisruptedPodSize).
const disruptedMost = 2000

// budgetUnseen is after how long an eviction may be asked for again that found a
// budget its controller has not seen yet
// (pkg/registry/core/pod/storage/eviction.go createTooManyRequestsError).
const budgetUnseen = 10 * time.Second

// The commits of an eviction: the budget pays, the pod is told why it goes, it
// goes (pkg/registry/core/pod/storage/eviction.go). Each is a write to etcd of
// its own. A pod that no budget protects now pays nothing.
const (
	evictPay uint8 = iota
	evictTell
	evictDelete
)

// reasonEvicted is the reason of the DisruptionTarget condition.
const reasonEvicted = "EvictionByEvictionAPI"

// evict does the next commit of an eviction. The request is done when it is
// refused, or when its step is evictDelete: then the pod is to be deleted like
// any other. A pod that changes between two commits is no conflict here: what
// kube-apiserver checks with the pod's resourceVersion happens in one commit.
func (a *Server) evict(r *store.Request, pod *model.Pod) store.Refusal {
	if r.Step == evictPay {
		b, refusal := a.protecting(r, pod)
		if refusal != store.Accepted {
			return refusal
		}
		if b != nil {
			a.store.Update(r.Client.Actor, b)
			r.Step = evictTell
			return store.Accepted
		}
	}
	if !pod.Deleting() {
		next := *pod
		if c := &next.Disrupted; c.Status != model.True || c.Reason != reasonEvicted {
			if c.Status != model.True {
				c.SinceAt = a.kernel.Now()
			}
			c.Status, c.Reason = model.True, reasonEvicted
			a.store.Update(r.Client.Actor, &next)
		}
	}
	r.Step = evictDelete
	return store.Accepted
}

// protecting is the budget of a pod after it paid for its eviction; nil if
// nobody has to pay: the pod has ended, has not begun, goes already, or is not
// ready, does not count and is not missed.
func (a *Server) protecting(r *store.Request, pod *model.Pod) (*model.PodDisruptionBudget, store.Refusal) {
	if pod.Phase.Terminal() || pod.Phase == model.PodPending || pod.Deleting() {
		return nil, store.Accepted
	}
	budgets := a.budgetsOf(pod)
	switch {
	case len(budgets) > 1:
		r.Explain("This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.")
		return nil, store.InternalError
	case len(budgets) == 0:
		return nil, store.Accepted
	}
	b := *budgets[0]
	switch {
	case !pod.IsReady() && (b.AlwaysAllow || b.Healthy >= b.Desired && b.Desired > 0):
		return nil, store.Accepted
	case b.ObservedGeneration < b.Generation:
		r.RetryAfter = budgetUnseen
		return nil, store.TooManyRequests
	case len(b.Disrupted) > disruptedMost:
		return nil, store.Forbidden
	case b.Allowed == 0:
		return nil, store.TooManyRequests
	}
	b.Allowed--
	b.Disrupted = slices.DeleteFunc(slices.Clone(b.Disrupted), func(d model.Disruption) bool { return d.Pod == pod.Name })
	at, _ := slices.BinarySearchFunc(b.Disrupted, pod.Name, func(d model.Disruption, name string) int { return strings.Compare(d.Pod, name) })
	b.Disrupted = slices.Insert(b.Disrupted, at, model.Disruption{Pod: pod.Name, ID: pod.ID, At: a.kernel.Now()})
	return &b, store.Accepted
}

func (a *Server) budgetsOf(pod *model.Pod) (out []*model.PodDisruptionBudget) {
	if a.store.Count(model.KindPodDisruptionBudget) == 0 {
		return nil
	}
	a.store.Snapshot().Each(model.KindPodDisruptionBudget, func(o model.Object) bool {
		if b := o.(*model.PodDisruptionBudget); b.Selects(pod) {
			out = append(out, b)
		}
		return true
	})
	return out
}
