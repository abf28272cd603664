package controller

import (
	"strings"
	"testing"
	"time"

	"orrery/model"
)

func budget(name, app string, edit func(*model.PodDisruptionBudget)) *model.PodDisruptionBudget {
	b := &model.PodDisruptionBudget{
		Meta:     model.Meta{Kind: model.KindPodDisruptionBudget, Namespace: "default", Name: name},
		Selector: model.SelectorOf(model.MakeLabels(map[string]string{"app": app})),
	}
	edit(b)
	return b
}

func minAvailable(n int32, percent bool) func(*model.PodDisruptionBudget) {
	return func(b *model.PodDisruptionBudget) {
		b.MinAvailable = &model.CountOrPercent{Value: n, Percent: percent}
	}
}

func maxUnavailable(n int32, percent bool) func(*model.PodDisruptionBudget) {
	return func(b *model.PodDisruptionBudget) {
		b.MaxUnavailable = &model.CountOrPercent{Value: n, Percent: percent}
	}
}

func (r *rig) budget(name string) *model.PodDisruptionBudget {
	return r.store.Lookup(model.KindPodDisruptionBudget, "default", name).(*model.PodDisruptionBudget)
}

// told is the notes of a reason, in order.
func (r *rig) told(reason string) (all []*model.Note) {
	for i := range r.store.History().Len() {
		if n := r.store.History().At(i).Note; n != nil && n.Reason == reason {
			all = append(all, n)
		}
	}
	return all
}

// notes counts the notes of a reason.
func (r *rig) notes(reason string) int { return len(r.told(reason)) }

// "expected = Σ scale of distinct controllers of matching pods (maxUnavailable
// or % minAvailable), or matching pod count with integer minAvailable.
// desiredHealthy: minAvailable int → that; minAvailable % → ceil(%·expected);
// maxUnavailable → expected − ceil or int, floor at 0."
// Source: pkg/controller/disruption/disruption.go getExpectedPodCount.
func TestDisruptionsAllowedIsHealthyLessDesired(t *testing.T) {
	for _, c := range []struct {
		name                       string
		edit                       func(*model.PodDisruptionBudget)
		expected, desired, allowed int32
	}{
		{"minAvailable 5", minAvailable(5, false), 7, 5, 2},
		{"minAvailable 50%", minAvailable(50, true), 7, 4, 3},
		{"minAvailable 9", minAvailable(9, false), 7, 9, 0},
		{"maxUnavailable 1", maxUnavailable(1, false), 7, 6, 1},
		{"maxUnavailable 30%", maxUnavailable(30, true), 7, 4, 3},
		{"maxUnavailable 9", maxUnavailable(9, false), 7, 0, 7},
		{"nothing said", func(*model.PodDisruptionBudget) {}, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, rigConfig{})
			r.user.client.Create(deployment("web", 7), 0)
			r.user.client.Create(budget("web", "web", c.edit), 0)
			r.run(t, time.Minute)
			b := r.budget("web")
			if b.Expected != c.expected || b.Desired != c.desired || b.Allowed != c.allowed || b.Healthy != 7 || b.ObservedGeneration != 1 {
				t.Errorf("%+v", b)
			}
		})
	}
}

// Pods of two ReplicaSets of one Deployment have one controller, and a budget
// keeps up with pods that come, go and change.
// Source: pkg/controller/disruption/disruption.go getPodReplicaSet ("Skip RS if
// it's controlled by a Deployment").
func TestABudgetFollowsItsPodsThroughARollout(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.user.client.Create(budget("web", "web", maxUnavailable(25, true)), 0)
	r.run(t, time.Second)
	if b := r.budget("web"); b.Allowed != 0 || b.Expected != 0 || r.notes("NoPods") == 0 {
		t.Errorf("without pods: %+v, %d notes", b, r.notes("NoPods"))
	}
	r.user.client.Create(deployment("web", 8), 0)
	r.run(t, time.Minute)
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Template = template("web", "2") })
	r.run(t, 2*time.Second)
	if b := r.budget("web"); b.Expected != 8 {
		t.Errorf("in a rollout: %+v", b)
	}
	r.run(t, time.Minute)
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Replicas = 4 })
	r.run(t, time.Minute)
	if b := r.budget("web"); b.Expected != 4 || b.Healthy != 4 || b.Allowed != 1 {
		t.Errorf("scaled down: %+v", b)
	}
}

// "healthy = matching pods Ready, no deletionTimestamp, not in
// status.disruptedPods (entries expire after 2 min)".
// Source: pkg/controller/disruption/disruption.go buildDisruptedPodMap,
// DeletionTimeout.
func TestADisruptionThatNobodySeesTimesOutAfterTwoMinutes(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.user.client.Create(deployment("web", 4), 0)
	r.user.client.Create(budget("web", "web", minAvailable(2, false)), 0)
	r.run(t, time.Minute)
	b, p := *r.budget("web"), r.podList()[0]
	b.Disrupted, b.Allowed = []model.Disruption{{Pod: p.Name, ID: p.ID, At: r.Now()}}, 1
	r.store.Update(r.user.id, &b)
	at := r.Now()
	r.run(t, time.Minute)
	if b := r.budget("web"); b.Healthy != 3 || b.Allowed != 1 {
		t.Errorf("a disrupted pod counts: %+v", b)
	}
	r.until(t, 2*time.Minute, "the disruption is forgotten", func() bool { return len(r.budget("web").Disrupted) == 0 })
	if d := r.Now().Sub(at); d < 2*time.Minute-time.Second || d > 2*time.Minute+time.Second || r.budget("web").Allowed != 2 || r.notes("NotDeleted") != 1 {
		t.Errorf("after %v: %+v, %d notes", d, r.budget("web"), r.notes("NotDeleted"))
	}
}

// A pod whose controller has no scale leaves the budget without a number, and
// then nothing may be evicted: failSafe sets disruptionsAllowed to 0.
// Pods without any controller are told, and do not count as expected.
// Source: pkg/controller/disruption/disruption.go failSafe, getExpectedScale.
func TestPodsNobodyManagesDoNotCountAsExpected(t *testing.T) {
	r := newRig(t, rigConfig{})
	bare := &model.Pod{
		Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: "bare", Labels: model.MakeLabels(map[string]string{"app": "bare"})},
		Spec: &model.PodSpec{GraceSeconds: 30},
	}
	r.user.client.Create(bare, 0)
	r.user.client.Create(budget("percent", "bare", minAvailable(50, true)), 0)
	r.user.client.Create(budget("count", "other", minAvailable(0, false)), 0)
	r.run(t, time.Minute)
	if b := r.budget("percent"); b.Expected != 0 || b.Healthy != 1 || b.Allowed != 0 || r.notes("UnmanagedPods") == 0 {
		t.Errorf("%+v, %d notes", b, r.notes("UnmanagedPods"))
	}
	orphan := *r.store.Lookup(model.KindPod, "default", "bare").(*model.Pod)
	orphan.Owner = model.Ref{Kind: model.KindReplicaSet, ID: 99}
	r.store.Update(r.user.id, &orphan)
	r.run(t, time.Second)
	if b := r.budget("percent"); b.Allowed != 0 || r.notes("CalculateExpectedPodCountFailed") == 0 {
		t.Errorf("%+v", b)
	}
}

// A DisruptionTarget condition of a pod that stays is reset after two minutes.
// Source: pkg/controller/disruption/disruption.go syncStalePodDisruption.
func TestAStaleDisruptionTargetIsReset(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.user.client.Create(deployment("web", 1), 0)
	r.run(t, time.Minute)
	p := *r.podList()[0]
	p.Disrupted = model.Condition{Status: model.True, SinceAt: r.Now(), Reason: "EvictionByEvictionAPI"}
	r.store.Update(r.user.id, &p)
	at := r.Now()
	r.until(t, 3*time.Minute, "it is reset", func() bool { return r.podList()[0].Disrupted.Status == model.False })
	if d := r.Now().Sub(at); d < 2*time.Minute-time.Second || d > 2*time.Minute+time.Second {
		t.Errorf("after %v", d)
	}
}

// A pod that matches two budgets is told, and both count it when they look.
func TestAPodWithTwoBudgetsIsTold(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.user.client.Create(budget("one", "web", minAvailable(1, false)), 0)
	r.user.client.Create(budget("two", "web", minAvailable(1, false)), 0)
	r.run(t, time.Second)
	r.user.client.Create(deployment("web", 2), 0)
	r.run(t, time.Minute)
	if r.notes("MultiplePodDisruptionBudgets") == 0 || r.budget("one").Allowed != 1 {
		t.Errorf("%d notes, %+v", r.notes("MultiplePodDisruptionBudgets"), r.budget("one"))
	}
	r.user.client.Delete(r.budget("one").Ref(), 0, 0)
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Replicas = 3 })
	r.run(t, time.Minute)
	if b := r.budget("two"); b.Allowed != 2 || b.Expected != 3 {
		t.Errorf("%+v", b)
	}
	for _, n := range r.told("MultiplePodDisruptionBudgets") {
		if !strings.Contains(n.Message, `"one"`) {
			t.Errorf("%s", n.Message)
		}
	}
}
