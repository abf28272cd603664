package kubelet_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/store"
)

// set has somebody set a condition of a pod.
func (r *rig) set(p *model.Pod, kind string, status model.ConditionStatus) {
	r.user.PatchPart(p.Ref(), store.Status, &model.SetCondition{NamedCondition: model.NamedCondition{
		Type: kind, Condition: model.Condition{Status: status, SinceAt: r.Now()},
	}}, 0)
}

// Source: v1.35 pkg/kubelet/status/generate.go GeneratePodReadyCondition and
// pkg/kubelet/kubelet.go HandlePodReconcile: a change of such a condition is acted upon
// when it is seen, not at the next sync.
func TestAPodIsReadyWhenItsContainersAndAllItsReadinessGatesAre(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("web", func(s *model.PodSpec) { s.ReadinessGates = []string{"a", "example.com/b"} })
	r.until("containers ready", time.Minute, func() bool { return r.get(p) != nil && r.get(p).ContainersUp.Status == model.True })
	within := func(what string, ready bool) {
		t.Helper()
		r.until(what, 2*time.Second, func() bool { return r.get(p).IsReady() == ready })
	}
	if q := r.get(p); q.IsReady() || q.Ready.Reason != "ReadinessGatesNotReady" {
		t.Errorf("no gate is open: Ready %v because of %q", q.Ready.Status, q.Ready.Reason)
	}
	r.set(p, "a", model.True)
	r.set(p, "example.com/b", model.Unknown)
	r.set(p, "another", model.False)
	r.run(5 * time.Minute)
	if q := r.get(p); q.IsReady() || q.OpenGates() != 1 {
		t.Errorf("%d of 2 gates are open: Ready %v", q.OpenGates(), q.Ready.Status)
	}
	r.set(p, "example.com/b", model.True)
	within("ready", true)
	opened := r.get(p).Ready.SinceAt
	r.set(p, "another", model.True)
	r.set(p, "a", model.True)
	r.run(time.Minute)
	if q := r.get(p); q.Ready.SinceAt != opened {
		t.Errorf("ready since %v, want %v", q.Ready.SinceAt, opened)
	}
	r.set(p, "a", model.False)
	within("not ready", false)
	r.set(p, "a", model.True)
	within("ready again", true)
	r.kubelet.CrashContainer(p.Ref(), "", 1)
	r.until("its container ended", 2*time.Second, func() bool { return r.get(p).Ready.Reason == "ContainersNotReady" })
	r.ready(p)
}

// Source: v1.35 pkg/kubelet/status/status_manager.go mergePodStatus: conditions that are
// not the kubelet's own stay as they are.
func TestAKubeletKeepsTheConditionsOthersHaveSet(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("web", func(s *model.PodSpec) { s.ReadinessGates = []string{"a"} })
	r.until("there", time.Minute, func() bool { return r.get(p) != nil })
	r.set(p, "a", model.True)
	r.ready(p)
	r.kubelet.Stop()
	r.run(time.Minute)
	r.kubelet.Resume()
	r.run(5 * time.Minute)
	if q := r.get(p); !q.IsReady() || q.OpenGates() != 1 {
		t.Errorf("after a restart of the kubelet %d gates are open and Ready is %v", q.OpenGates(), q.Ready.Status)
	}
}
