package kubelet_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// probed is a pod with a second container, both with liveness probes of 10 s that kill
// after some failures.
func (r *rig) probed(first, second int) *model.Pod {
	return r.pod("web", func(s *model.PodSpec) {
		s.Containers = append(s.Containers, model.Container{Name: "second", Image: "web"})
		s.Containers[0].Liveness, s.Containers[1].Liveness = every(10*time.Second, first), every(10*time.Second, second)
	})
}

// starts are when a container of a pod was started.
func (r *rig) starts(p *model.Pod, container string) (at []sim.Time) {
	r.events(p, func(t sim.Time, n *model.Note) {
		if n.Reason == model.StartedContainer && n.Container.Name == container {
			at = append(at, t)
		}
	})
	return at
}

// TestAPassKillsWhatItHasPlanned (pkg/kubelet/kuberuntime/kuberuntime_manager.go
// SyncPod, computePodActions): the second container fails its probe while the first is
// being killed. The first is started before the second is killed, in a pass of its own,
// which starts it again without a back-off, the first time.
func TestAPassKillsWhatItHasPlanned(t *testing.T) {
	r := newRig(t, 2, startup(time.Millisecond))
	p := r.probed(3, 4)
	r.ready(p)
	r.run(time.Minute)
	r.kubelet.Hang(p.Ref())
	r.run(2 * time.Minute)
	first, second := r.starts(p, "main"), r.starts(p, "second")
	kills := r.said(p, "Killing", "Container second failed liveness probe, will be restarted")
	if len(first) < 2 || len(second) < 2 || len(kills) == 0 {
		t.Fatalf("started at %v and %v, the second killed at %v\n%s", first, second, kills, r.story())
	}
	if d := kills[0].Sub(first[1]); d < 0 || d > 1100*time.Millisecond {
		t.Errorf("the second is killed %v after the first has started again, want the next relist", d)
	}
	if d := second[1].Sub(kills[0]); d < 30*time.Second || d > 31500*time.Millisecond {
		t.Errorf("the second starts %v after its kill has begun, want its grace and a start", d)
	}
	if waits := r.notes(p, "BackOff"); len(waits) > 0 && waits[0] < second[1] {
		t.Errorf("a back-off at %v", waits[0])
	}
}

// TestContainersThatFailTogetherAreKilledInOnePass, one after the other, and then both
// started (SyncPod), a sidecar as well as an app container.
func TestContainersThatFailTogetherAreKilledInOnePass(t *testing.T) {
	for _, sidecar := range []bool{false, true} {
		r := newRig(t, 2, startup(time.Millisecond))
		p := r.pod("web", func(s *model.PodSpec) {
			s.Containers[0].Liveness = every(10*time.Second, 3)
			second := model.Container{Name: "second", Image: "web", Liveness: every(10*time.Second, 3), Sidecar: sidecar}
			if sidecar {
				s.InitContainers = append(s.InitContainers, second)
			} else {
				s.Containers = append(s.Containers, second)
			}
		})
		r.ready(p)
		r.run(time.Minute)
		r.kubelet.Hang(p.Ref())
		r.run(95 * time.Second)
		kills := r.notes(p, "Killing")
		both := slices.Concat(r.starts(p, "main"), r.starts(p, "second"))
		slices.Sort(both)
		if len(kills) < 2 || len(both) != 4 {
			t.Fatalf("sidecar %v: killed at %v, started at %v\n%s", sidecar, kills, both, r.story())
		}
		if d := kills[1].Sub(kills[0]); d < 30*time.Second || d > 30100*time.Millisecond {
			t.Errorf("sidecar %v: the kills begin %v apart, want the grace of the first", sidecar, d)
		}
		if d := both[2].Sub(kills[1]); d < 30*time.Second || d > 31500*time.Millisecond {
			t.Errorf("sidecar %v: started %v after the last kill has begun", sidecar, d)
		}
		if d := both[3].Sub(both[2]); d > 1500*time.Millisecond {
			t.Errorf("sidecar %v: the starts are %v apart", sidecar, d)
		}
		if waits := r.notes(p, "BackOff"); len(waits) > 0 {
			t.Errorf("sidecar %v: a back-off at %v", sidecar, waits)
		}
	}
}

// TestTheEventKillingComesWithTheKill (pkg/kubelet/kuberuntime/kuberuntime_container.go
// killContainer), not with the failure of the probe, if a pass is under way.
func TestTheEventKillingComesWithTheKill(t *testing.T) {
	r := newRig(t, 2, behaving(
		runtime.Behavior{Container: "main", Startup: sim.Constant(time.Millisecond)},
		runtime.Behavior{Container: "second", PostStart: sim.Constant(3 * time.Minute)}))
	p := r.pod("web", func(s *model.PodSpec) {
		s.Containers = append(s.Containers, model.Container{Name: "second", Image: "web"})
		s.Containers[0].Liveness = every(10*time.Second, 3)
	})
	r.until("ready", 4*time.Minute, func() bool { q := r.get(p); return q != nil && q.IsReady() })
	r.kubelet.CrashContainer(p.Ref(), "second", 1)
	r.until("second again", 20*time.Second, func() bool { return len(r.starts(p, "second")) == 2 })
	over := r.starts(p, "second")[1].Add(3 * time.Minute)
	r.kubelet.HarmProbes(p.Ref(), "main", model.ProbeHarm{Kinds: [model.ProbeKinds]bool{model.Liveness: true}, Lost: 1_000_000})
	r.until("unhealthy", 40*time.Second, func() bool { return len(r.notes(p, "Unhealthy")) == 1 })
	r.until("killed", 3*time.Minute, func() bool { return len(r.notes(p, "Killing")) == 1 })
	killed, process := r.notes(p, "Killing")[0], r.kubelet.Machine().Sandbox(p.ID).Processes[0]
	if d := killed.Sub(over); d < 0 || d > 1100*time.Millisecond {
		t.Errorf("Killing comes %v after the hook, want the next relist", d)
	}
	if process.TermAt != killed {
		t.Errorf("SIGTERM at %v, Killing at %v", process.TermAt, killed)
	}
}

// TestWhatIsSaidOfAFailedProbeDependsOnItsHandler (pkg/probe/exec/exec.go,
// grpc/grpc.go, http/http.go, tcp/tcp.go; pkg/kubelet/prober/prober.go probe): while the
// container starts up, when it refuses, and when it does not answer within 2 s.
func TestWhatIsSaidOfAFailedProbeDependsOnItsHandler(t *testing.T) {
	const all = 1_000_000
	for handler, want := range map[model.ProbeHandler][3]string{
		model.Exec: {"", "", "command timed out: timed out after 2s"},
		model.GRPC: {
			"timeout: failed to connect service within 2s: context deadline exceeded",
			`service unhealthy (responded with "NOT_SERVING")`, "timeout: health rpc did not complete within 2s",
		},
		model.HTTPGet: {
			"dial tcp: connect: connection refused",
			"HTTP probe failed with statuscode: 503", "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
		},
		model.TCPSocket: {"dial tcp: connect: connection refused", "dial tcp: connect: connection refused", "dial tcp: i/o timeout"},
	} {
		for i, risk := range [3][2]uint32{{0, 0}, {0, all}, {all, 0}} {
			r := newRig(t, 1, startup(time.Minute))
			p := r.pod("web", func(s *model.PodSpec) {
				probe := every(5*time.Second, 2)
				probe.Handler, probe.Timeout = handler, 2*time.Second
				if s.Containers[0].Liveness = probe; i > 0 {
					probe.InitialDelay = 70 * time.Second
				}
			})
			r.ready(p)
			r.kubelet.Machine().Probed(p.ID, 0, model.Liveness, risk[0], risk[1])
			r.until("unhealthy", 2*time.Minute, func() bool { return len(r.notes(p, "Unhealthy")) > 0 })
			r.events(p, func(_ sim.Time, n *model.Note) {
				if text, _ := strings.CutPrefix(n.Text(), "Liveness probe failed: "); n.Reason == "Unhealthy" && text != want[i] {
					t.Errorf("handler %v, case %d: %q, want %q", handler, i, n.Text(), want[i])
				}
			})
		}
	}
}

// Source: containerd/internal/cri/server/container_stop.go stopContainer: the call of a kubelet
// that ends is canceled, and with it the SIGKILL at the end of the grace. The next process gives
// all of the grace anew.
func TestAKubeletThatEndsTakesBackTheSIGKILLOfWhatItStops(t *testing.T) {
	for _, down := range []time.Duration{0, 2 * time.Minute} {
		r := newRig(t, 1, behaving(runtime.Behavior{Stop: sim.Constant(time.Hour)}))
		p := r.pod("web", func(s *model.PodSpec) { s.GraceSeconds = 60 })
		r.ready(p)
		r.user.Delete(p.Ref(), 60, 0)
		r.run(10 * time.Second)
		r.kubelet.Stop()
		r.run(down)
		r.kubelet.Resume()
		again := r.until("it is stopped again", 10*time.Second, func() bool { return len(r.notes(p, "Killing")) == 2 })
		dead := r.until("the kill", 5*time.Minute, func() bool { return !r.alive(p) })
		if d := dead.Sub(again); d < 59*time.Second || d > 61*time.Second {
			t.Errorf("down for %v: killed %v after the kubelet is back", down, d)
		}
	}
}

// Source: v1.35 prober/worker.go doProbe, prober/results/results_manager.go Set, kubelet.go
// syncLoopIteration: a worker that finds its container ended counts that as a failure, which is news
// unless it was one already, and has the pod looked at: so the reason for which it waits shows at the
// worker's next tick, and not only when the back-off, or a minute of it, is over.
func TestAProbesWorkerThatFindsItsContainerEndedHasThePodLookedAt(t *testing.T) {
	probe := func(of func(*model.Container) **model.Probe) func(*model.PodSpec) {
		return func(s *model.PodSpec) {
			s.Containers[0].Startup = &model.Probe{Period: time.Second, FailureThreshold: 100}
			*of(&s.Containers[0]) = &model.Probe{Period: 2 * time.Second, FailureThreshold: 3}
		}
	}
	for _, c := range []struct {
		name    string
		startup time.Duration
		spec    func(*model.PodSpec)
		soon    bool
	}{
		{"no probe", 0, nil, false},
		{"liveness", 0, probe(func(c *model.Container) **model.Probe { return &c.Liveness }), true},
		{"readiness that was", 0, probe(func(c *model.Container) **model.Probe { return &c.Readiness }), true},
		{"startup that has not been", time.Hour, probe(func(c *model.Container) **model.Probe { return &c.Startup }), true},
		{"startup that has been", 0, func(s *model.PodSpec) { s.Containers[0].Startup = every(2*time.Second, 3) }, false},
	} {
		r := newRig(t, 1, behaving(runtime.Behavior{Startup: sim.Constant(c.startup), Run: sim.Constant(10 * time.Second), ExitCode: 1}))
		p := r.pod("web", c.spec)
		r.until("the third end", 2*time.Minute, func() bool { return len(r.notes(p, "BackOff")) == 2 })
		ended := r.Now()
		waits := r.until("it is shown to wait", time.Minute, func() bool { return r.get(p).Containers[0].Reason == "CrashLoopBackOff" })
		if soon := waits.Sub(ended) < 3*time.Second; soon != c.soon {
			t.Errorf("%s: shown after %v", c.name, waits.Sub(ended))
		}
	}
}

// TestASidecarThatHasStartedAgainLetsTheOthersStart: when a sidecar and the app container have ended
// together, the app container starts when the sidecar's startup probe has passed, at once, as every
// answer of a startup probe is looked at (v1.35 kuberuntime_manager.go computeInitContainerActions:
// no app container runs, so the pod is not initialized; kubelet.go syncLoopIteration,
// startupManager.Updates).
func TestASidecarThatHasStartedAgainLetsTheOthersStart(t *testing.T) {
	r := newRig(t, 1, startup(3*time.Second))
	p := r.pod("web", func(s *model.PodSpec) {
		s.InitContainers = []model.Container{{Name: "proxy", Image: "web", Sidecar: true, Startup: every(time.Second, 60)}}
	})
	r.ready(p)
	for restarts := range 3 {
		r.run(time.Minute)
		r.kubelet.CrashContainer(p.Ref(), "proxy", 1)
		r.kubelet.CrashContainer(p.Ref(), "main", 1)
		r.run(2 * time.Minute)
		proxy, main := r.starts(p, "proxy"), r.starts(p, "main")
		if len(proxy) != restarts+2 || len(main) != restarts+2 {
			t.Fatalf("started at %v and %v\n%s", proxy, main, r.story())
		}
		if d := main[restarts+1].Sub(proxy[restarts+1]); d < 3*time.Second || d > 5*time.Second {
			t.Errorf("the app starts %v after the sidecar, want its start-up, a probe and at most a relist", d)
		}
	}
}

// Source: v1.35 pkg/kubelet/kubelet_pods.go convertToAPIContainerStatuses: an init container that has
// ended with 0 does not wait, not even a sidecar that is in back-off. One that ended with another code does.
func TestASidecarThatEndedWithZeroIsNotShownWaiting(t *testing.T) {
	for code, want := range map[int32]string{0: "Completed", 1: "CrashLoopBackOff"} {
		r := newRig(t, 1, behaving(runtime.Behavior{Container: "side", Run: sim.Constant(time.Second), ExitCode: code}))
		p := r.pod("web", func(s *model.PodSpec) {
			s.InitContainers = []model.Container{{Name: "side", Image: "web", Sidecar: true}}
		})
		r.run(3 * time.Minute)
		r.user.Patch(p.Ref(), &model.PodPatch{Labels: []model.LabelPatch{{Key: "a", Value: "b"}}}, 0) // so that its status is made in the middle of a back-off
		r.run(2 * time.Second)
		if c := r.get(p).Containers[0]; c.Reason != want || (c.State == model.ContainerWaiting) != (code != 0) {
			t.Errorf("exit code %d: %+v, want %s", code, c, want)
		}
		if q := r.get(p); q.Phase != model.PodRunning || q.Initialized.Status != model.True {
			t.Errorf("exit code %d: phase %v, initialized %v", code, q.Phase, q.Initialized.Status)
		}
	}
}
