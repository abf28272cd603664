package kubelet_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/kubelet"
	"orrery/model/runtime"
	"orrery/sim"
)

// Source: pkg/kubelet/nodeshutdown/nodeshutdown_manager.go killPods: groups end one after
// the other, each pod with its own grace or the group's if that is shorter; a group
// without pods takes no time; new pods are refused with NodeShutdown. Of 30 s the 10 s
// for critical pods come last, and the machine goes when all have ended.
func TestAShutdownEndsCriticalPodsLastAndGivesNobodyMoreThanTheirGroupHas(t *testing.T) {
	stubborn := behaving(runtime.Behavior{Container: "main", Stop: sim.Constant(time.Hour)}, runtime.Behavior{Container: "quick", Stop: sim.Constant(time.Second)})
	r := newRig(t, 1, stubborn, func(r *rig) {
		r.config.Shutdown = kubelet.NewShutdown(30*time.Second, 10*time.Second)
	})
	quick := func(s *model.PodSpec) { s.Containers[0].Name = "quick" }
	a, b := r.pod("stubborn", func(s *model.PodSpec) { s.GraceSeconds = 60 }), r.pod("quick", quick)
	c := r.pod("critical", func(s *model.PodSpec) { s.Priority, s.Containers[0].Name = model.SystemCritical, "quick" })
	for _, p := range []*model.Pod{a, b, c} {
		r.ready(p)
	}
	from := r.Now()
	r.kubelet.ShutDown(false)
	r.run(100 * time.Millisecond)
	if n := r.shownNode(); n.Ready.Status != model.False {
		t.Errorf("the node is Ready=%v when it is shut down", n.Ready.Status)
	}
	late := r.pod("late", quick)
	failed := func(p *model.Pod, reason string, least, most time.Duration) {
		t.Helper()
		at := r.until(p.Name+" failed", time.Minute, func() bool { return r.get(p).Phase == model.PodFailed })
		if d := at.Sub(from); d < least || d > most || r.get(p).Reason != reason {
			t.Errorf("%s failed after %v for %q, want %s after %v to %v", p.Name, d, r.get(p).Reason, reason, least, most)
		}
	}
	failed(late, "NodeShutdown", 0, time.Second)
	failed(b, "Terminated", time.Second, 3*time.Second)
	if r.get(a).Phase != model.PodRunning || r.get(c).Phase != model.PodRunning || !r.get(a).IsReady() {
		t.Error("the others have not ended yet")
	}
	failed(a, "Terminated", 20*time.Second, 21*time.Second)
	failed(c, "Terminated", 21*time.Second, 23*time.Second)
	r.until("the machine is down", 5*time.Second, func() bool { return !r.kubelet.Machine().Powered() })
}

// Source: as above: when a group's time is over nobody waits for it any longer, and what
// has not ended goes with the power; who is back finds it.
func TestAShutdownWithoutTimeIsPowerLossAndAMachineThatIsToBootAgainDoes(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("p", nil)
	r.ready(p)
	r.kubelet.ShutDown(true)
	if r.kubelet.Machine().Powered() || r.get(p).Phase != model.PodRunning {
		t.Error("without a grace period it takes time")
	}
	r.until("it runs again", 2*time.Minute, func() bool { return r.get(p).IsReady() && r.get(p).Restarts() == 1 })
}

// Source: v1.35 pkg/kubelet/nodeshutdown/nodeshutdown_manager.go groupByPriority, killPods: bands
// of shutdownGracePeriodByPodPriority end from the lowest priority to the highest, whatever
// their order, each pod in the highest band that is not above it, or in the lowest; one
// without pods takes no time.
func TestAShutdownByPodPriorityEndsOneBandAfterTheOther(t *testing.T) {
	stubborn := behaving(runtime.Behavior{Stop: sim.Constant(time.Hour)})
	r := newRig(t, 1, stubborn, func(r *rig) {
		r.config.Shutdown = kubelet.ByPriority(kubelet.Band{Priority: 5000, GracePeriod: 20 * time.Second}, kubelet.Band{Priority: 0, GracePeriod: 10 * time.Second},
			kubelet.Band{Priority: 2000, GracePeriod: 40 * time.Second}, kubelet.Band{Priority: 1000, GracePeriod: 30 * time.Second})
	})
	pod := func(name string, priority, grace int32) *model.Pod {
		return r.pod(name, func(s *model.PodSpec) { s.Priority, s.GraceSeconds = priority, grace })
	}
	ends := map[*model.Pod]time.Duration{ // when its SIGKILL comes
		pod("below", -5, 60): 10 * time.Second, pod("zero", 0, 60): 10 * time.Second, pod("soon", 999, 3): 3 * time.Second,
		pod("thousand", 1000, 15): 25 * time.Second, pod("more", 1999, 60): 40 * time.Second, // its band begins after 10 s
		pod("top", 5000, 60): 60 * time.Second, pod("critical", model.SystemCritical, 5): 45 * time.Second, // after 40 s: nobody is in 2000
	}
	for p := range ends {
		r.ready(p)
	}
	from := r.Now()
	r.kubelet.ShutDown(false)
	if r.kubelet.Closing() != 100*time.Second {
		t.Errorf("it takes %v at most", r.kubelet.Closing())
	}
	died := map[*model.Pod]time.Duration{}
	for r.kubelet.Machine().Powered() && r.Now() < from.Add(2*time.Minute) {
		for p := range ends {
			if died[p] == 0 && !r.alive(p) {
				died[p] = r.Now().Sub(from)
			}
		}
		r.run(100 * time.Millisecond)
	}
	for p, want := range ends {
		at := died[p]
		if p.Name == "top" && at == 0 {
			at = r.Now().Sub(from) // with the power
		}
		if late := at - want; late < -time.Second || late > 2*time.Second {
			t.Errorf("%s died after %v, want %v", p.Name, at, want)
		}
	}
}

// Source: v1.35 pkg/kubelet/pod_workers.go calculateEffectiveGracePeriod: a grace only gets shorter, so
// a shutdown gives a pod that was evicted, and whose stop has to begin anew, none of its band's.
func TestAShutdownGivesAPodThatWasEvictedNoMoreGrace(t *testing.T) {
	slow := uses("slow", gib, 0)
	slow.Stop = sim.Constant(time.Hour)
	r := newRig(t, 1, behaving(slow), func(r *rig) { r.config.Shutdown = kubelet.NewShutdown(2*time.Minute, 10*time.Second) })
	p := r.pod("slow", func(s *model.PodSpec) { s.GraceSeconds = 100 })
	r.ready(p)
	taken := r.kubelet.TakeMemory(998_000, 0, 0)
	r.until("the eviction begins", 10*time.Minute, func() bool { return len(r.notes(p, "Evicted")) > 0 })
	r.run(100 * time.Millisecond)
	r.kubelet.ReturnMemory(taken)
	r.kubelet.StopRuntime() // and with it the stop that is under way
	r.kubelet.ShutDown(false)
	r.run(5 * time.Second)
	if !r.alive(p) {
		t.Fatal("its stop went on")
	}
	r.kubelet.StartRuntime()
	r.until("the kill", 20*time.Second, func() bool { return !r.alive(p) })
}

// Source: v1.35 pkg/kubelet/prober/worker.go doProbe: a worker ends when the pod's status has a terminal
// phase, which that of one that is evicted or shut down has in the kubelet at once
// (pod_workers.go statusPostTerminating); one that is deleted is probed on.
func TestAPodThatItsKubeletEndsStaysAsReadyAsItWas(t *testing.T) {
	for name, end := range map[string]func(*rig, *model.Pod){
		"shut down": func(r *rig, _ *model.Pod) { r.kubelet.ShutDown(false) },
		"deleted":   func(r *rig, p *model.Pod) { r.user.Delete(p.Ref(), -1, 0) },
	} {
		r := newRig(t, 1, behaving(runtime.Behavior{Stop: sim.Constant(20 * time.Second)}), func(r *rig) {
			r.config.Shutdown = kubelet.NewShutdown(time.Minute, 10*time.Second)
		})
		p := r.pod("web", func(s *model.PodSpec) {
			s.Containers[0].Readiness = &model.Probe{Period: 2 * time.Second, FailureThreshold: 1}
		})
		r.ready(p)
		r.run(3 * time.Second)
		end(r, p)
		r.kubelet.HarmProbes(p.Ref(), "main", model.ProbeHarm{Kinds: [model.ProbeKinds]bool{model.Readiness: true}, Lost: 1_000_000})
		r.run(15 * time.Second)
		if ready := r.get(p).IsReady(); ready != (name == "shut down") || (len(r.notes(p, "Unhealthy")) > 0) == ready {
			t.Errorf("%s: ready %v while it ends, and its probes fail\n%s", name, ready, r.story())
		}
		r.until("ended", 20*time.Second, func() bool { return r.get(p) == nil || r.get(p).Phase == model.PodFailed })
	}
}
