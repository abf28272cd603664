package kubelet_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// Source: pkg/kubelet/pleg/generic.go Relist ("If many pods changed during the same relist
// period, inspecting the pod and getting the PodStatus to update the cache serially may take
// a while"): of 100 pods whose containers end together the last is restarted 1 to 3 s
// later than the first, and each 10 to 30 ms after the one before, where a container is
// started in no time.
func TestARelistInspectsChangedPodsOneAfterTheOther(t *testing.T) {
	r := newRig(t, 1, withNode(func(n *model.Node) { n.Allocatable.Pods = 110 }), behaving(runtime.Behavior{}))
	var pods []*model.Pod
	for i := range 100 {
		pods = append(pods, r.pod(fmt.Sprintf("p%d", i), func(s *model.PodSpec) { s.RestartPolicy = model.RestartNever }))
	}
	r.run(2 * time.Minute)
	crashed := r.Now()
	for _, p := range pods {
		if !r.kubelet.CrashContainer(p.Ref(), "", 1) {
			t.Fatalf("%s does not run", p.Name)
		}
	}
	r.run(time.Minute)
	var seen []sim.Time
	for _, p := range pods { // whose condition says when its kubelet saw that it has ended
		q := r.get(p)
		if q.Phase != model.PodFailed {
			t.Fatalf("%s is %v", q.Name, q.Phase)
		}
		seen = append(seen, q.ContainersUp.SinceAt)
	}
	slices.Sort(seen)
	if first := seen[0].Sub(crashed); first > 1030*time.Millisecond {
		t.Errorf("the first was seen after %v", first)
	}
	if last := seen[99].Sub(seen[0]); last < time.Second || last > 3*time.Second {
		t.Errorf("the last was seen %v after the first", last)
	}
	for i := 1; i < len(seen); i++ {
		if took := seen[i].Sub(seen[i-1]); took < 10*time.Millisecond || took > 30*time.Millisecond {
			t.Errorf("the inspection of number %d took %v", i, took)
		}
	}
}

// Source: pkg/kubelet/pleg/generic.go Relist, updateCache, container/cache.go GetNewerThan: a
// relist that has begun does not find what changes later, and the next begins a second after its
// end.
func TestWhatChangesDuringARelistIsSeenByTheNext(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{}))
	var pods []*model.Pod
	for i := range 51 {
		pods = append(pods, r.pod(fmt.Sprintf("p%d", i), func(s *model.PodSpec) { s.RestartPolicy = model.RestartNever }))
	}
	r.run(2 * time.Minute)
	for _, p := range pods[:50] {
		r.kubelet.CrashContainer(p.Ref(), "", 1)
	}
	ended := func(p *model.Pod) bool { return r.get(p).ContainersUp.Status == model.False }
	first := r.until("the first is seen", 2*time.Second, func() bool { return ended(pods[0]) })
	if ended(pods[49]) {
		t.Fatal("the first and the last were seen together")
	}
	r.kubelet.CrashContainer(pods[50].Ref(), "", 1)
	r.run(time.Minute)
	last, late := r.get(pods[49]).ContainersUp.SinceAt, r.get(pods[50]).ContainersUp.SinceAt
	if last.Sub(first) < 400*time.Millisecond {
		t.Errorf("the last was seen %v after the first", last.Sub(first))
	}
	if gap := late.Sub(last); gap < time.Second+10*time.Millisecond || gap > time.Second+30*time.Millisecond {
		t.Errorf("what changed meanwhile was seen %v after the last, want a second and its inspection", gap)
	}
}
