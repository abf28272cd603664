package kubelet_test

import (
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// TestThePreStopHookTakesItsTimeFromTheGrace: SIGTERM comes after it, SIGKILL after
// what it left, begun seconds not taken off, and never within 2 s of SIGTERM
// (k8s.io/kubernetes v1.35 pkg/kubelet/kuberuntime/kuberuntime_container.go
// killContainer, executePreStopHook).
func TestThePreStopHookTakesItsTimeFromTheGrace(t *testing.T) {
	for _, c := range []struct{ hook, grace, term, kill time.Duration }{
		{5 * time.Second, 30 * time.Second, 5 * time.Second, 25 * time.Second},
		{5300 * time.Millisecond, 30 * time.Second, 5300 * time.Millisecond, 25 * time.Second},
		{29 * time.Second, 30 * time.Second, 29 * time.Second, 2 * time.Second},
		{time.Hour, 30 * time.Second, 30 * time.Second, 2 * time.Second},
	} {
		r := newRig(t, 1, behaving(runtime.Behavior{PreStop: sim.Constant(c.hook), Stop: sim.Constant(time.Hour)}))
		p := r.pod("web", func(s *model.PodSpec) { s.GraceSeconds = int32(c.grace / time.Second) })
		r.ready(p)
		r.run(3 * time.Second) // so that the worker waits for no relist
		s := r.kubelet.Machine().Sandbox(p.ID)
		r.user.Delete(p.Ref(), -1, 0)
		r.until("gone", 2*time.Minute, func() bool { return r.get(p) == nil })
		began, x := r.notes(p, "Killing")[0], s.Processes[0]
		if got := x.TermAt.Sub(began); got < c.term-100*time.Millisecond || got > c.term+time.Millisecond {
			t.Errorf("hook of %v: SIGTERM after %v, want %v", c.hook, got, c.term)
		}
		if got := x.FinishedAt.Sub(x.TermAt); got < c.kill || got > c.kill+50*time.Millisecond {
			t.Errorf("hook of %v: SIGKILL %v after SIGTERM, want %v", c.hook, got, c.kill)
		}
	}
}

// TestAPodServesDuringItsPreStopHook, which is what a sleep there is for: until all kube-proxies
// know that the pod goes it is sent requests.
func TestAPodServesDuringItsPreStopHook(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("web", func(s *model.PodSpec) { s.Containers[0].PreStop = &model.Hook{Sleep: 10 * time.Second} })
	r.ready(p)
	r.run(3 * time.Second)
	r.user.Delete(p.Ref(), -1, 0)
	r.run(9 * time.Second)
	if !r.kubelet.Serving(p.Ref()) {
		t.Error("it does not serve while it sleeps")
	}
	r.run(2 * time.Second)
	if r.kubelet.Serving(p.Ref()) {
		t.Error("it serves after it has slept")
	}
}

// TestACommandThatSleepsHoldsSIGTERMUp for as long as it sleeps, and what it takes to run it; a
// behavior knows better (pkg/kubelet/lifecycle/handlers.go Run: it waits for the command).
func TestACommandThatSleepsHoldsSIGTERMUp(t *testing.T) {
	for _, c := range []struct {
		said        sim.Dist
		least, most time.Duration
	}{
		{sim.Dist{}, 10*time.Second + 50*time.Millisecond, 10*time.Second + 300*time.Millisecond},
		{sim.Constant(4 * time.Second), 4 * time.Second, 4*time.Second + time.Millisecond},
	} {
		r := newRig(t, 1, behaving(runtime.Behavior{PreStop: c.said}))
		p := r.pod("web", func(s *model.PodSpec) { s.Containers[0].PreStop = &model.Hook{Sleep: 10 * time.Second, Runs: true} })
		r.ready(p)
		r.run(3 * time.Second)
		s := r.kubelet.Machine().Sandbox(p.ID)
		r.user.Delete(p.Ref(), -1, 0)
		r.until("gone", time.Minute, func() bool { return r.get(p) == nil })
		if got := s.Processes[0].TermAt.Sub(r.notes(p, "Killing")[0]); got < c.least || got > c.most {
			t.Errorf("SIGTERM after %v, want %v to %v", got, c.least, c.most)
		}
	}
}

// TestTheNextContainerStartsAfterThePostStartHook: containers start one after another,
// each with its hook, and a hook delays the deletion too
// (kuberuntime_container.go startContainer; SyncPod's calls are not cancelled).
func TestTheNextContainerStartsAfterThePostStartHook(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Container: "main", PostStart: sim.Constant(20 * time.Second)}))
	p := r.pod("web", func(s *model.PodSpec) {
		s.Containers = append(s.Containers, model.Container{Name: "second", Image: "web"})
	})
	r.until("first started", 10*time.Second, func() bool { return len(r.notes(p, "Started")) == 1 })
	r.run(10 * time.Second)
	if q := r.get(p); q.Phase != model.PodPending || q.Containers[0].State != model.ContainerWaiting {
		t.Errorf("in its hook it is shown %v, %+v", q.Phase, q.Containers)
	}
	r.user.Delete(p.Ref(), -1, 0)
	r.until("second started", 15*time.Second, func() bool { return len(r.notes(p, "Started")) == 2 })
	starts := r.notes(p, "Started")
	if gap := starts[1].Sub(starts[0]); gap < 20*time.Second || gap > 22*time.Second {
		t.Errorf("the second started %v after the first", gap)
	}
	if r.until("gone", time.Minute, func() bool { return r.get(p) == nil }) < starts[1] {
		t.Error("it was stopped in its hook")
	}
}

// TestAContainerThatEndsInItsPostStartHookIsAnError, of the container alone: the next
// one starts (kuberuntime_container.go ErrPostStartHook).
func TestAContainerThatEndsInItsPostStartHookIsAnError(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Container: "main", PostStart: sim.Constant(time.Minute), Run: sim.Constant(2 * time.Second), ExitCode: 1}))
	p := r.pod("web", func(s *model.PodSpec) {
		s.Containers = append(s.Containers, model.Container{Name: "second", Image: "web"})
	})
	r.run(10 * time.Second)
	if len(r.notes(p, "FailedPostStartHook")) == 0 || !r.kubelet.Machine().Sandbox(p.ID).Processes[1].Running {
		t.Errorf("no error, or the second did not start\n%s", r.story())
	}
}

// TestSidecarsRunTheirPreStopHooksAtOnceAndWaitForTheirTurn: SIGTERM comes after the
// others have ended (kuberuntime_termination_order.go).
func TestSidecarsRunTheirPreStopHooksAtOnceAndWaitForTheirTurn(t *testing.T) {
	r := newRig(t, 1, behaving(
		runtime.Behavior{Container: "main", Stop: sim.Constant(10 * time.Second)},
		runtime.Behavior{Container: "side", PreStop: sim.Constant(8 * time.Second)}))
	p := r.pod("web", func(s *model.PodSpec) {
		s.InitContainers = []model.Container{{Name: "side", Image: "web", Sidecar: true}}
	})
	r.ready(p)
	r.run(3 * time.Second)
	s := r.kubelet.Machine().Sandbox(p.ID)
	r.user.Delete(p.Ref(), -1, 0)
	r.until("gone", time.Minute, func() bool { return r.get(p) == nil })
	if d := s.Processes[0].TermAt.Sub(s.Processes[1].FinishedAt); d != 0 {
		t.Errorf("the sidecar got SIGTERM %v after the other ended, its hook being over by then", d)
	}
}

// TestALivenessKillRunsThePreStopHookToo (kuberuntime_container.go killContainer).
func TestALivenessKillRunsThePreStopHookToo(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Startup: sim.Constant(time.Hour), PreStop: sim.Constant(7 * time.Second)}))
	p := r.pod("web", func(s *model.PodSpec) {
		s.Containers[0].Liveness = &model.Probe{Period: time.Second, FailureThreshold: 1}
	})
	r.until("unhealthy", 20*time.Second, func() bool { return len(r.notes(p, "Unhealthy")) > 0 })
	began, x := r.Now(), &r.kubelet.Machine().Sandbox(p.ID).Processes[0]
	r.until("ended", 20*time.Second, func() bool { return x.FinishedAt > 0 })
	if d := x.FinishedAt.Sub(began); d < 7*time.Second || d > 9*time.Second {
		t.Errorf("it ended %v after the probe failed", d)
	}
}

// TestAPostStartHookThatFailsKillsItsContainer, with the preStop hook and the grace of
// any stop, before the next container starts; and the next instance waits for its
// back-off (kuberuntime_container.go startContainer, ErrPostStartHook).
func TestAPostStartHookThatFailsKillsItsContainer(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{
		Container: "main", PostStart: sim.Constant(2 * time.Second), PostStartFails: 1_000_000, PreStop: sim.Constant(3 * time.Second), Stop: sim.Constant(4 * time.Second),
	}))
	p := r.pod("web", func(s *model.PodSpec) {
		s.Containers = append(s.Containers, model.Container{Name: "second", Image: "web"})
	})
	r.run(time.Minute)
	starts, failed := r.notes(p, "Started"), r.notes(p, "FailedPostStartHook")
	if len(failed) < 2 || failed[0].Sub(starts[0]) != 2*time.Second {
		t.Fatalf("started at %v, failed at %v", starts, failed)
	}
	if gap := starts[1].Sub(failed[0]); gap < 7*time.Second || gap > 8*time.Second {
		t.Errorf("the second container started %v after the failure, want it after the stop of 7 s", gap)
	}
	q := r.get(p)
	if c := q.Containers[0]; c.Restarts < 1 || c.State != model.ContainerWaiting || c.Reason != "CrashLoopBackOff" && c.Reason != "PostStartHookError" {
		t.Errorf("%+v", c)
	}
	if c := q.Containers[1]; c.State != model.ContainerRunning || q.IsReady() {
		t.Errorf("%+v, pod ready %v", c, q.IsReady())
	}
}

// TestAPreStopHookThatFailsIsAnEventAndNothingElse (executePreStopHook).
func TestAPreStopHookThatFailsIsAnEventAndNothingElse(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{PreStop: sim.Constant(5 * time.Second), PreStopFails: 1_000_000, Stop: sim.Constant(time.Second)}))
	p := r.pod("web", nil)
	r.ready(p)
	r.run(3 * time.Second)
	from := r.Now()
	r.user.Delete(p.Ref(), -1, 0)
	gone := r.until("gone", time.Minute, func() bool { return r.get(p) == nil })
	failed := r.notes(p, "FailedPreStopHook")
	if len(failed) != 1 || failed[0].Sub(from) < 5*time.Second || gone.Sub(from) < 6*time.Second || gone.Sub(from) > 9*time.Second {
		t.Errorf("failed at %v, gone %v after the deletion", failed, gone.Sub(from))
	}
}

// TestAStopThatIsBegunAgainEndsWithSIGKILL: a kubelet that ends gives up its call to stop a container, and
// so does a runtime that ends; who stops the container after that runs its hook again, and SIGTERM and SIGKILL
// come again, too, although the process has had SIGTERM (pkg/kubelet/kuberuntime/kuberuntime_container.go
// killContainer; containerd internal/cri/server/container_stop.go stopContainer).
func TestAStopThatIsBegunAgainEndsWithSIGKILL(t *testing.T) {
	for name, interrupt := range map[string]func(*rig){
		"kubelet": func(r *rig) { r.kubelet.Stop(); r.kubelet.Resume() },
		"runtime": func(r *rig) { r.kubelet.StopRuntime(); r.run(5 * time.Second); r.kubelet.StartRuntime() },
	} {
		r := newRig(t, 1, behaving(runtime.Behavior{Stop: sim.Constant(time.Hour)}))
		p := r.pod("web", func(s *model.PodSpec) {
			s.Containers[0].PreStop = &model.Hook{Sleep: 3 * time.Second}
			s.InitContainers = []model.Container{{Name: "side", Image: "web", Sidecar: true, PreStop: &model.Hook{Sleep: time.Second}}}
		})
		r.ready(p)
		r.user.Delete(p.Ref(), -1, 0)
		r.run(10 * time.Second)
		interrupt(r)
		again := r.until("it is stopped again", 20*time.Second, func() bool { return len(r.notes(p, "Killing")) > 2 })
		dead := r.until("it is dead", 2*time.Minute, func() bool { return !r.alive(p) })
		if d := dead.Sub(again); d < 30*time.Second || d > 33*time.Second {
			t.Errorf("%s: dead after %v, want the whole grace, and 2 s for the sidecar", name, d)
		}
	}
}

// Source: v1.35 pkg/kubelet/lifecycle/handlers.go runSleepHandler: it is the kubelet that sleeps, whatever becomes
// of the container; a command ends with it.
func TestASleepGoesOnWithoutItsContainer(t *testing.T) {
	for runs, want := range map[bool]time.Duration{false: 20 * time.Second, true: 5 * time.Second} {
		r := newRig(t, 1)
		p := r.pod("web", func(s *model.PodSpec) {
			s.Containers[0].PreStop = &model.Hook{Sleep: 20 * time.Second, Runs: runs}
			s.InitContainers = []model.Container{{Name: "side", Image: "web", Sidecar: true}}
		})
		r.ready(p)
		r.run(3 * time.Second)
		s := r.kubelet.Machine().Sandbox(p.ID)
		from := r.Now()
		r.user.Delete(p.Ref(), -1, 0)
		r.run(5 * time.Second)
		r.kubelet.CrashContainer(p.Ref(), "main", 1)
		r.until("gone", time.Minute, func() bool { return r.get(p) == nil })
		if d := s.Processes[0].TermAt.Sub(from); d < want || d > want+time.Second {
			t.Errorf("runs %v: the sidecar got SIGTERM after %v, want %v", runs, d, want)
		}
	}
	r := newRig(t, 1, behaving(runtime.Behavior{Container: "main", Run: sim.Constant(2 * time.Second), ExitCode: 1}))
	p := r.pod("web", func(s *model.PodSpec) {
		s.Containers[0].PostStart = &model.Hook{Sleep: 20 * time.Second}
		s.Containers = append(s.Containers, model.Container{Name: "second", Image: "web"})
	})
	r.run(30 * time.Second)
	if a, b := r.starts(p, "main"), r.starts(p, "second"); len(b) != 1 || b[0].Sub(a[0]) < 20*time.Second || len(r.notes(p, "FailedPostStartHook")) > 0 {
		t.Errorf("started at %v, the second at %v\n%s", a, b, r.story())
	}
}

// Source: v1.35 pkg/kubelet/kuberuntime/kuberuntime_container.go startContainer, killContainer: whose postStart hook has
// failed is killed, with its Event, also if it has ended.
func TestAContainerThatEndsInItsPostStartHookIsKilledAllTheSame(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{PostStart: sim.Constant(time.Minute), Run: sim.Constant(2 * time.Second), ExitCode: 1}))
	p := r.pod("web", nil)
	r.run(5 * time.Second)
	if failed, killed := r.notes(p, "FailedPostStartHook"), r.said(p, "Killing", "FailedPostStartHook"); len(failed) == 0 || !slices.Equal(failed, killed) {
		t.Errorf("failed at %v, killed at %v", failed, killed)
	}
}

// Source: v1.35 pkg/kubelet/kuberuntime/kuberuntime_container.go killContainer, executePreStopHook: the hook takes whole
// seconds from the grace, and so does the wait for one's turn, each by itself: 1.6 s and 1.6 s are 2.
func TestHookAndTurnEachTakeWholeSecondsFromTheGrace(t *testing.T) {
	r := newRig(t, 1, behaving(
		runtime.Behavior{Container: "main", Stop: sim.Constant(3200 * time.Millisecond)},
		runtime.Behavior{Container: "side", PreStop: sim.Constant(1600 * time.Millisecond), Stop: sim.Constant(time.Hour)}))
	p := r.pod("web", func(s *model.PodSpec) {
		s.InitContainers = []model.Container{{Name: "side", Image: "web", Sidecar: true}}
	})
	r.ready(p)
	r.run(3 * time.Second)
	s := r.kubelet.Machine().Sandbox(p.ID)
	r.user.Delete(p.Ref(), -1, 0)
	r.until("gone", time.Minute, func() bool { return r.get(p) == nil })
	if d := s.Processes[0].FinishedAt.Sub(s.Processes[0].TermAt); d < 28*time.Second || d > 28*time.Second+50*time.Millisecond {
		t.Errorf("SIGKILL came %v after SIGTERM, want 28s", d)
	}
}

// Source: v1.35 pkg/kubelet/container/helpers.go ConvertPodStatusToRunningPod, kuberuntime_container.go
// killContainer: what ran at the last relist is stopped, also what has ended since. The Event says so, a
// command before the stop fails at once, as a request does, and a sleep lasts as long as ever.
func TestAContainerThatHasEndedSinceTheLastRelistIsStoppedLikeAnyOther(t *testing.T) {
	for _, c := range []struct {
		name        string
		hook        *model.Hook
		failed      int
		least, most time.Duration
	}{
		{"without a hook", nil, 0, 0, 3 * time.Second},
		{"with a command", &model.Hook{Sleep: 20 * time.Second, Runs: true}, 1, 0, 3 * time.Second},
		{"with a sleep", &model.Hook{Sleep: 20 * time.Second}, 0, 20 * time.Second, 23 * time.Second},
	} {
		r := newRig(t, 1)
		p := r.pod("web", func(s *model.PodSpec) { s.Containers[0].PreStop = c.hook })
		r.ready(p)
		r.run(3 * time.Second)
		r.user.Delete(p.Ref(), -1, 0)
		r.kubelet.CrashContainer(p.Ref(), "", 1)
		gone := r.until("gone", time.Minute, func() bool { return r.get(p) == nil })
		killed := r.notes(p, "Killing")
		if len(killed) != 1 || len(r.notes(p, "FailedPreStopHook")) != c.failed {
			t.Fatalf("%s: killed at %v\n%s", c.name, killed, r.story())
		}
		if d := gone.Sub(killed[0]); d < c.least || d > c.most {
			t.Errorf("%s: gone after %v", c.name, d)
		}
	}
}

// Source: v1.35 kuberuntime_container.go startContainer: when a container ends in its postStart hook it is
// killed all the same, and the pass waits for the sleep before that.
func TestAContainerThatEndsInItsPostStartHookSleepsBeforeItsStop(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Container: "main", PostStart: sim.Constant(time.Minute), Run: sim.Constant(2 * time.Second), ExitCode: 1}))
	p := r.pod("web", func(s *model.PodSpec) {
		s.Containers[0].PreStop = &model.Hook{Sleep: 20 * time.Second}
		s.Containers = append(s.Containers, model.Container{Name: "second", Image: "web"})
	})
	r.until("the second has started", time.Minute, func() bool { return len(r.starts(p, "second")) > 0 })
	if d := r.starts(p, "second")[0].Sub(r.notes(p, "FailedPostStartHook")[0]); d < 20*time.Second || d > 22*time.Second {
		t.Errorf("the second has started %v after the first has ended", d)
	}
}
