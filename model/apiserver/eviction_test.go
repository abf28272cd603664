package apiserver_test

import (
	"fmt"
	"testing"

	"orrery/model"
	"orrery/model/store"
)

// protected is a running pod and its budget.
func (c *caller) protected(name string, ready model.ConditionStatus, edit func(*model.PodDisruptionBudget)) (pod, budget model.Ref) {
	labels := model.MakeLabels(map[string]string{"app": name})
	p := newPod(name)
	p.Labels, p.Phase, p.Ready.Status = labels, model.PodRunning, ready
	p.NodeID, p.NodeName = 1, "n-0"
	pod = c.create(p).Head().Ref()
	b := &model.PodDisruptionBudget{
		Meta: model.Meta{Kind: model.KindPodDisruptionBudget, Namespace: "default", Name: name}, Selector: model.SelectorOf(labels),
		ObservedGeneration: 1, Desired: 1, Healthy: 1,
	}
	edit(b)
	return pod, c.create(b).Head().Ref()
}

func (c *caller) evict(pod model.Ref) store.Refusal {
	c.client.Evict(pod, store.DefaultGrace, 0)
	return c.answer().Refusal
}

// "pods Succeeded/Failed/Pending/terminating: deleted without PDB. >1 matching
// PDB → 500. Unready pod: policy IfHealthyBudget (default): allowed free of
// charge if currentHealthy ≥ desiredHealthy and desired > 0; AlwaysAllow.
// Otherwise: PDB observedGeneration behind → 429; disruptionsAllowed = 0 → 429;
// disruptedPods over 2000 → 403; else decrement + add to disruptedPods".
// Source: pkg/registry/core/pod/storage/eviction.go.
func TestAnEvictionIsPaidByTheBudget(t *testing.T) {
	full := make([]model.Disruption, 2001)
	for i := range full {
		full[i].Pod = fmt.Sprint("p-", i)
	}
	for i, tc := range []struct {
		name  string
		ready model.ConditionStatus
		edit  func(*model.PodDisruptionBudget)
		want  store.Refusal
		left  int32
	}{
		{"one may go", model.True, func(b *model.PodDisruptionBudget) { b.Allowed = 1 }, store.Accepted, 0},
		{"none may go", model.True, func(*model.PodDisruptionBudget) {}, store.TooManyRequests, 0},
		{"not looked at", model.True, func(b *model.PodDisruptionBudget) { b.Allowed, b.ObservedGeneration = 1, 0 }, store.TooManyRequests, 1},
		{"too many unseen", model.True, func(b *model.PodDisruptionBudget) { b.Allowed, b.Disrupted = 1, full }, store.Forbidden, 1},
		{"not ready, healthy enough", model.False, func(*model.PodDisruptionBudget) {}, store.Accepted, 0},
		{"not ready, too few healthy", model.False, func(b *model.PodDisruptionBudget) { b.Desired = 2 }, store.TooManyRequests, 0},
		{"not ready, nothing desired", model.False, func(b *model.PodDisruptionBudget) { b.Desired = 0 }, store.TooManyRequests, 0},
		{"not ready, always allowed", model.False, func(b *model.PodDisruptionBudget) { b.Desired, b.AlwaysAllow = 2, true }, store.Accepted, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCaller(t, "user", 4)
			c.node("n-0")
			pod, budget := c.protected(fmt.Sprint("web-", i), tc.ready, tc.edit)
			if got := c.evict(pod); got != tc.want {
				t.Fatalf("%v, want %v", got, tc.want)
			}
			p, b := c.store.Get(pod).(*model.Pod), c.store.Get(budget).(*model.PodDisruptionBudget)
			if gone := tc.want == store.Accepted; p.Deleting() != gone || (p.Disrupted.Reason == "EvictionByEvictionAPI") != gone || b.Allowed != tc.left {
				t.Errorf("deleting %t, %+v, %d allowed", p.Deleting(), p.Disrupted, b.Allowed)
			}
			if tc.name == "one may go" && (len(b.Disrupted) != 1 || b.Disrupted[0].Pod != p.Name || b.Disrupted[0].ID != p.ID) {
				t.Errorf("disrupted: %v", b.Disrupted)
			}
		})
	}
}

// Source: pkg/registry/core/pod/storage/eviction.go canIgnorePDB, and "This pod
// has more than one PodDisruptionBudget, which the eviction subresource does
// not support."
func TestPodsThatDoNotRunAreEvictedFreely(t *testing.T) {
	for _, phase := range []model.Phase{model.PodPending, model.PodSucceeded, model.PodFailed} {
		c := newCaller(t, "user", 4)
		c.node("n-0")
		pod, budget := c.protected("web", model.False, func(b *model.PodDisruptionBudget) { b.Desired = 3 })
		p := *c.store.Get(pod).(*model.Pod)
		p.Phase = phase
		c.store.Update(0, &p)
		if got := c.evict(pod); got != store.Accepted || c.store.Get(budget).(*model.PodDisruptionBudget).Disrupted != nil {
			t.Errorf("%v: %v", phase, got)
		}
	}
	c := newCaller(t, "user", 4)
	c.node("n-0")
	pod, budget := c.protected("web", model.True, func(b *model.PodDisruptionBudget) { b.Allowed = 1 })
	second := *c.store.Get(budget).(*model.PodDisruptionBudget)
	second.Meta = model.Meta{Kind: second.Kind, Namespace: "default", Name: "second"}
	c.create(&second)
	if got := c.evict(pod); got != store.InternalError {
		t.Errorf("with two budgets: %v", got)
	}
	if got := c.evict(model.Ref{Kind: model.KindPod, ID: 99}); got != store.NotFound {
		t.Errorf("without the pod: %v", got)
	}
}
