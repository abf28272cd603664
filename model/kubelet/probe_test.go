package kubelet_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

func every(period time.Duration, failures int) *model.Probe {
	return &model.Probe{Period: period, SuccessThreshold: 1, FailureThreshold: failures}
}

func startup(d time.Duration) option { return behaving(runtime.Behavior{Startup: sim.Constant(d)}) }

// TestTheFirstReadinessProbeComesWhenRunningIsSeenAndThenEveryPeriod
// (pkg/kubelet/prober/prober_manager.go UpdatePodStatus triggers it, worker.go
// resets the ticker): a container that needs 3 s is ready one period after it
// was first shown running, one that is up at once with it.
func TestTheFirstReadinessProbeComesWhenRunningIsSeenAndThenEveryPeriod(t *testing.T) {
	for _, c := range []struct {
		startup, after time.Duration
	}{{time.Millisecond, 0}, {3 * time.Second, 10 * time.Second}, {12 * time.Second, 20 * time.Second}} {
		r := newRig(t, 3, startup(c.startup))
		p := r.pod("web", func(s *model.PodSpec) { s.Containers[0].Readiness = every(10*time.Second, 3) })
		seen := r.until("running", 10*time.Second, func() bool { q := r.get(p); return q != nil && q.Phase == model.PodRunning })
		ready := r.ready(p)
		if d := ready.Sub(seen) - c.after; d < -30*time.Millisecond || d > 30*time.Millisecond {
			t.Errorf("startup %v: ready %v after it was shown running, want %v", c.startup, ready.Sub(seen), c.after)
		}
	}
}

// TestInitialDelayHoldsProbesBack (worker.go doProbe).
func TestInitialDelayHoldsProbesBack(t *testing.T) {
	r := newRig(t, 3, startup(time.Millisecond))
	p := r.pod("web", func(s *model.PodSpec) {
		s.Containers[0].Readiness = every(5*time.Second, 3)
		s.Containers[0].Readiness.InitialDelay = 12 * time.Second
	})
	ready := r.ready(p)
	if d := ready.Sub(r.get(p).Containers[0].StartedAt); d < 11*time.Second || d > 17100*time.Millisecond {
		t.Errorf("ready %v after the start", d)
	}
}

// Source: v1.35 prober/worker.go doProbe, status/status_manager.go normalizeStatus: the delay
// counts from the start in the container's status, which is in whole seconds.
func TestInitialDelayCountsFromTheSecondOfTheStart(t *testing.T) {
	early := 0
	for seed := range uint64(20) {
		r := newRig(t, seed, startup(time.Millisecond))
		p := r.pod("web", func(s *model.PodSpec) {
			s.Containers[0].Readiness = every(time.Second, 3)
			s.Containers[0].Readiness.InitialDelay = 5 * time.Second
		})
		ready := r.ready(p)
		start := r.get(p).Containers[0].StartedAt
		second := start - start%sim.Time(time.Second)
		if d := ready.Sub(second); d < 5*time.Second || d > 6100*time.Millisecond {
			t.Errorf("seed %d: ready %v after the second in which it started", seed, d)
		}
		if ready.Sub(start) < 5*time.Second {
			early++
		}
	}
	if early == 0 {
		t.Error("no probe came earlier than the delay after the start itself")
	}
}

// TestLivenessKillsASlowStarterAfterItsThresholdOfFailures: at a tick of the
// worker, which counts from pod setup, 20 s after the first failure, with the
// pod's grace; the first restart does not wait (pkg/kubelet/prober/worker.go,
// pkg/kubelet/kuberuntime/kuberuntime_manager.go doBackOff).
func TestLivenessKillsASlowStarterAfterItsThresholdOfFailures(t *testing.T) {
	slow := runtime.Behavior{Startup: sim.Constant(5 * time.Minute), Stop: sim.Constant(time.Hour)}
	r := newRig(t, 3, behaving(slow))
	p := r.pod("web", func(s *model.PodSpec) { s.Containers[0].Liveness, s.GraceSeconds = every(10*time.Second, 3), 7 })
	r.until("running", 10*time.Second, func() bool { q := r.get(p); return q != nil && q.Phase == model.PodRunning })
	seen := r.Now()
	r.until("killed", time.Minute, func() bool { return len(r.notes(p, "Killing")) == 1 })
	if d := r.Now().Sub(seen); d < 20*time.Second || d > 30*time.Second {
		t.Errorf("killed %v after it was shown running", d)
	}
	killed := r.Now()
	r.until("restarted", 20*time.Second, func() bool { return r.get(p).Restarts() == 1 })
	if d := r.Now().Sub(killed); d < 7*time.Second || d > 10*time.Second {
		t.Errorf("restart shown %v after the kill", d)
	}
}

// TestAStartupProbeKeepsTheOthersWaiting (worker.go doProbe): the slow starter
// above lives if a startup probe gives it the time.
func TestAStartupProbeKeepsTheOthersWaiting(t *testing.T) {
	r := newRig(t, 3, startup(100*time.Second))
	p := r.pod("web", func(s *model.PodSpec) {
		c := &s.Containers[0]
		c.Liveness, c.Readiness, c.Startup = every(5*time.Second, 2), every(5*time.Second, 1), every(10*time.Second, 30)
	})
	r.run(90 * time.Second)
	if q := r.get(p); q.Containers[0].Started || q.IsReady() {
		t.Error("started before its startup probe succeeded")
	}
	ready := r.until("ready", time.Minute, func() bool { return r.get(p).IsReady() })
	if d := ready.Sub(r.get(p).Containers[0].StartedAt); d < 100*time.Second || d > 112*time.Second || r.get(p).Restarts() > 0 {
		t.Errorf("ready after %v with %d restarts", d, r.get(p).Restarts())
	}
	q := r.pod("never", func(s *model.PodSpec) { s.Containers[0].Startup = every(10*time.Second, 3) })
	r.until("killed", time.Minute, func() bool { return len(r.notes(q, "Unhealthy")) == 1 })
}

// TestAContainerThatExitedIsNotReadyFromTheNextRelistOn: within a second and a write
// (pkg/kubelet/pleg/generic.go).
func TestAContainerThatExitedIsNotReadyFromTheNextRelistOn(t *testing.T) {
	for seed := range uint64(10) {
		r := newRig(t, seed)
		p := r.pod("web", nil)
		r.ready(p)
		r.kubelet.CrashContainer(p.Ref(), "main", 1)
		at := r.Now()
		r.until("not ready", 2*time.Second, func() bool { return !r.get(p).IsReady() })
		if d := r.Now().Sub(at); d > 1100*time.Millisecond {
			t.Errorf("seed %d: shown after %v", seed, d)
		}
		if q := r.get(p); q.Phase != model.PodRunning {
			t.Errorf("seed %d: phase %v", seed, q.Phase)
		}
	}
}

// Source: pkg/kubelet/prober/worker.go doProbe ("Prober error, throw away the result"),
// pkg/probe/exec/exec.go (what is no exit code is an error): without a runtime who asks by a
// command neither fails nor succeeds, and what was counted before stays; others go on.
func TestProbesByCommandCountNeitherWayWithoutARuntime(t *testing.T) {
	lost := model.ProbeHarm{Kinds: [model.ProbeKinds]bool{model.Liveness: true}, Lost: runtime.Million}
	begin := func(handler model.ProbeHandler, options ...option) (*rig, *model.Pod) {
		r := newRig(t, 1, append(options, startup(time.Millisecond))...)
		p := r.pod("web", func(s *model.PodSpec) {
			s.Containers[0].Liveness = every(10*time.Second, 3)
			s.Containers[0].Liveness.Handler = handler
		})
		r.ready(p)
		r.run(time.Minute)
		return r, p
	}
	for _, c := range []struct {
		handler     model.ProbeHandler
		least, most time.Duration
	}{{model.Exec, 20 * time.Second, 30 * time.Second}, {model.HTTPGet, 0, 10 * time.Second}} {
		var stories []string
		for _, options := range [][]option{nil, {literal}} {
			r, p := begin(c.handler, options...)
			r.kubelet.StopRuntime()
			r.kubelet.HarmProbes(p.Ref(), "", lost)
			r.run(29 * time.Second)
			r.kubelet.StartRuntime()
			back := r.Now()
			r.until("killed", time.Minute, func() bool { return len(r.notes(p, "Unhealthy")) > 0 })
			if d := r.Now().Sub(back); d < c.least || d > c.most+time.Second {
				t.Errorf("%v: unhealthy %v after the runtime was back, want %v to %v", c.handler, d, c.least, c.most)
			}
			r.run(time.Minute)
			stories = append(stories, r.story())
		}
		if stories[0] != stories[1] {
			t.Errorf("%v: %s", c.handler, firstDifference(stories[0], stories[1]))
		}
	}
	r, p := begin(model.Exec)
	r.kubelet.HarmProbes(p.Ref(), "", lost)
	r.run(20 * time.Second) // two failures
	r.kubelet.StopRuntime()
	r.kubelet.HealProbes(p.Ref(), "", lost)
	r.run(25 * time.Second)
	r.kubelet.HarmProbes(p.Ref(), "", lost)
	r.kubelet.StartRuntime()
	r.until("the third failure", 10*time.Second+100*time.Millisecond, func() bool { return len(r.notes(p, "Unhealthy")) > 0 })
}

// TestAProbesEventDoesNotWaitForTheMainLoop: a worker records the Event of a failure itself, at
// once, when the loop stands still for want of a runtime; what it found is acted upon when the
// loop goes on (pkg/kubelet/prober/prober.go probe, pkg/kubelet/kubelet.go syncLoop).
func TestAProbesEventDoesNotWaitForTheMainLoop(t *testing.T) {
	for _, options := range [][]option{nil, {literal}} {
		r := newRig(t, 3, options...)
		p := r.pod("web", func(s *model.PodSpec) {
			s.Containers[0].Liveness, s.Containers[0].Readiness = every(10*time.Second, 3), every(5*time.Second, 3)
		})
		r.ready(p)
		r.run(time.Minute)
		r.kubelet.StopRuntime()
		r.run(time.Minute)
		r.kubelet.HarmProbes(p.Ref(), "", model.ProbeHarm{Kinds: [model.ProbeKinds]bool{model.Readiness: true, model.Liveness: true}, Lost: runtime.Million})
		failing := r.Now()
		r.run(31 * time.Second)
		said := r.notes(p, "Unhealthy")
		if len(said) != 2 {
			t.Fatalf("said %d times, want once of each probe", len(said))
		}
		for i, least := range []time.Duration{10 * time.Second, 20 * time.Second} {
			// and up to a period to the first tick, and the timeout of a second
			if d := said[i].Sub(failing); d < least || d > least+least/2+time.Second {
				t.Errorf("said %v after the first probe that could fail", d)
			}
		}
		r.run(2 * time.Minute)
		if q := r.get(p); !q.IsReady() || len(r.notes(p, "Unhealthy")) != 2 || len(r.notes(p, "Killing")) != 0 {
			t.Errorf("while the loop stands still: ready %v, said %d times, killed %d times", q.IsReady(), len(r.notes(p, "Unhealthy")), len(r.notes(p, "Killing")))
		}
		r.kubelet.StartRuntime()
		r.until("not ready", 15*time.Second, func() bool { return !r.get(p).IsReady() })
		r.until("killed", 15*time.Second, func() bool { return len(r.notes(p, "Killing")) == 1 })
		if n := len(r.notes(p, "Unhealthy")); n != 2 {
			t.Errorf("said %d times in all", n)
		}
	}
}

// Source: v1.35 pkg/kubelet/prober/worker.go doProbe goes by the status, which says Running until
// a relist shows the end; probes by HTTP, TCP and gRPC need no runtime, and fail where nobody
// listens any more (pkg/probe/http, tcp, grpc), three of which are not ready, at once. Who asks by a
// command has an error, which counts neither way.
func TestAContainerThatEndsWithoutItsRuntimeIsProbedOn(t *testing.T) {
	for _, c := range []struct {
		handler model.ProbeHandler
		says    string
	}{
		{model.HTTPGet, "Readiness probe failed: dial tcp: connect: connection refused"},
		{model.TCPSocket, "Readiness probe failed: dial tcp: connect: connection refused"},
		{model.GRPC, "Readiness probe failed: timeout: failed to connect service within 1s: context deadline exceeded"},
		{model.Exec, ""},
	} {
		for _, oom := range []bool{false, true} {
			var stories []string
			for _, options := range [][]option{nil, {literal}} {
				r := newRig(t, 2, append(options, startup(time.Millisecond))...)
				p := r.pod("web", func(s *model.PodSpec) {
					s.Containers[0].Limits.MemoryBytes = 128 << 20
					s.Containers[0].Readiness = every(2*time.Second, 3)
					s.Containers[0].Readiness.Handler = c.handler
				})
				r.ready(p)
				r.run(time.Minute)
				r.kubelet.StopRuntime()
				r.run(3 * time.Second)
				if oom {
					r.kubelet.Stress(p.Ref(), "main", model.Stress{MemoryBytes: 300 << 20})
					r.until("killed", 2*time.Second, func() bool { return !r.alive(p) })
				} else {
					r.kubelet.CrashContainer(p.Ref(), "", 1)
				}
				end := r.Now()
				r.run(3900 * time.Millisecond)
				if !r.get(p).IsReady() {
					t.Errorf("%v, OOM %v: not ready before the third failure", c.handler, oom)
				}
				r.run(21 * time.Second)
				said := r.notes(p, "Unhealthy")
				if q := r.get(p); c.handler == model.Exec {
					if len(said) > 0 || !q.IsReady() {
						t.Errorf("by a command: said %d times, ready %v", len(said), q.IsReady())
					}
				} else if len(r.said(p, "Unhealthy", c.says)) != 1 || q.IsReady() || q.Ready.SinceAt.Sub(end) > 6100*time.Millisecond || q.Restarts() > 0 {
					t.Errorf("%v, OOM %v: said %d times, ready %v since %v after the end, %d restarts", c.handler, oom, len(said), q.IsReady(), q.Ready.SinceAt.Sub(end), q.Restarts())
				}
				r.kubelet.StartRuntime()
				r.until("restarted", 5*time.Second, func() bool { return r.get(p).Restarts() == 1 })
				stories = append(stories, r.story())
			}
			if stories[0] != stories[1] {
				t.Errorf("%v: %s", c.handler, firstDifference(stories[0], stories[1]))
			}
		}
	}
}

// Source: the same, and kuberuntime_container.go killContainer: a failure of the liveness probe
// asks for a kill, which fails without a runtime; the restart comes when that is back.
func TestALivenessProbeOfAContainerThatHasEndedWaitsForTheRuntime(t *testing.T) {
	for seed := range uint64(10) {
		r := newRig(t, seed, startup(time.Millisecond))
		p := r.pod("web", func(s *model.PodSpec) { s.Containers[0].Liveness = every(2*time.Second, 3) })
		r.ready(p)
		r.run(time.Minute)
		r.kubelet.StopRuntime()
		r.kubelet.CrashContainer(p.Ref(), "", 1)
		r.run(6100 * time.Millisecond)
		if n, m := len(r.said(p, "Unhealthy", "Liveness")), len(r.notes(p, "Killing")); n != 1 || m != 1 {
			t.Errorf("seed %d: said %d times, killed %d times", seed, n, m)
		}
		r.run(20 * time.Second)
		if q := r.get(p); q.Restarts() != 0 {
			t.Errorf("seed %d: restarted without a runtime", seed)
		}
		r.kubelet.StartRuntime()
		r.until("restarted", 5*time.Second, func() bool { return r.get(p).Restarts() == 1 && r.get(p).IsReady() })
		if n := len(r.notes(p, "Killing")); n != 1 {
			t.Errorf("seed %d: killed %d times", seed, n)
		}
	}
}

// Source: v1.35 pkg/kubelet/prober/prober.go runProbe, prober/worker.go doProbe ("Prober error, throw
// away the result"), pkg/probe/util.go ResolveContainerPort: a probe that asks a port by a name that
// no port of its container has is never answered. A container is never ready by it, and never killed.
func TestAProbeOfAPortThatNobodyKnowsIsNeverAnswered(t *testing.T) {
	lost := func(p *model.Probe) *model.Probe { p.NoPort = "http"; return p }
	for kind, set := range map[string]func(c *model.Container){
		"Readiness": func(c *model.Container) { c.Readiness = lost(every(5*time.Second, 3)) },
		"Liveness":  func(c *model.Container) { c.Liveness = lost(every(5*time.Second, 1)) },
		"Startup": func(c *model.Container) {
			c.Startup, c.Readiness, c.Liveness = lost(every(5*time.Second, 1)), every(time.Second, 1), every(time.Second, 1)
		},
	} {
		var stories []string
		for _, options := range [][]option{nil, {literal}} {
			r := newRig(t, 3, options...)
			p := r.pod("web", func(s *model.PodSpec) { set(&s.Containers[0]) })
			r.run(5 * time.Minute)
			q := r.get(p)
			if q.Restarts() != 0 || q.IsReady() != (kind == "Liveness") || q.Containers[0].State != model.ContainerRunning {
				t.Errorf("%s: %+v, ready %v", kind, q.Containers[0], q.Ready)
			}
			if said := r.said(p, "Unhealthy", kind+` probe errored and resulted in unknown state: strconv.Atoi: parsing "http": invalid syntax`); len(said) != 1 {
				t.Errorf("%s: told %d times", kind, len(said))
			}
			r.kubelet.CrashContainer(p.Ref(), "", 1)
			r.run(time.Minute)
			if said := r.notes(p, "Unhealthy"); len(said) != 2 {
				t.Errorf("%s: of two instances told %d times", kind, len(said))
			}
			stories = append(stories, r.story())
		}
		if stories[0] != stories[1] {
			t.Errorf("%s: %s", kind, firstDifference(stories[0], stories[1]))
		}
	}
}

// Source: v1.35 prober/prober_manager.go StopLivenessAndStartup goes through the app containers only: a
// sidecar's liveness is probed while its pod ends, which is said, and kills nothing, as the pod's worker
// is busy; that of app containers is not. A sidecar that has not started up can still do so.
func TestSidecarsAreProbedOnWhileTheirPodIsStopped(t *testing.T) {
	for _, harmed := range []string{"main", "proxy"} {
		r := newRig(t, 1, behaving(runtime.Behavior{Container: "main", Stop: sim.Constant(time.Minute)}))
		p := r.pod("web", func(s *model.PodSpec) {
			s.GraceSeconds = 90
			s.Containers[0].Liveness = every(5*time.Second, 2)
			s.InitContainers = []model.Container{{Name: "proxy", Image: "web", Sidecar: true, Liveness: every(5*time.Second, 2)}}
		})
		r.ready(p)
		r.user.Delete(p.Ref(), -1, 0)
		r.run(5 * time.Second)
		r.kubelet.HarmProbes(p.Ref(), harmed, model.ProbeHarm{Kinds: [model.ProbeKinds]bool{model.Liveness: true}, Lost: 1_000_000})
		r.until("gone", 2*time.Minute, func() bool { return r.get(p) == nil })
		want := map[string]int{"main": 0, "proxy": 1}[harmed]
		if n := len(r.said(p, "Unhealthy", "Liveness")); n != want {
			t.Errorf("%s: said %d times, want %d\n%s", harmed, n, want, r.story())
		}
		if n := len(r.notes(p, "Killing")); n != 2 {
			t.Errorf("%s: %d kills, want one each", harmed, n)
		}
	}
	r := newRig(t, 1, behaving(runtime.Behavior{Container: "proxy", Startup: sim.Constant(30 * time.Second), Stop: sim.Constant(time.Minute)}))
	p := r.pod("web", func(s *model.PodSpec) {
		s.GraceSeconds = 90
		s.InitContainers = []model.Container{{Name: "proxy", Image: "web", Sidecar: true, Startup: every(time.Second, 100)}}
	})
	r.until("the sidecar runs", time.Minute, func() bool {
		q := r.get(p)
		return q != nil && len(q.Containers) == 2 && q.Containers[0].State == model.ContainerRunning
	})
	r.user.Delete(p.Ref(), -1, 0)
	r.until("it has started", 40*time.Second, func() bool { return r.get(p).Containers[0].Started })
}
