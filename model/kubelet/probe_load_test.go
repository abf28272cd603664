package kubelet_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

const all = runtime.Million

// fares says how the first container's probes of a kind fare from now on.
func (r *rig) fares(p *model.Pod, kind model.ProbeKind, late, refused uint32) sim.Time {
	r.kubelet.Machine().Probed(p.ID, 0, kind, late, refused)
	return r.Now()
}

// within runs until something holds, and checks how long after since that is.
func (r *rig) within(since sim.Time, least, most time.Duration, what string, ok func() bool) {
	r.t.Helper()
	at := r.until(what, most+time.Minute, ok)
	if d := at.Sub(since); d < least || d > most {
		r.t.Errorf("%s after %v, want %v to %v", what, d, least, most)
	}
}

// TestReadinessIsLostAfterThreeFailuresInARowAndComesBackAfterOneSuccess
// (pkg/kubelet/prober/worker.go doProbe: up to a period to the next tick, two
// periods and a timeout, 21 to 31 s by default): nothing is killed.
func TestReadinessIsLostAfterThreeFailuresInARowAndComesBackAfterOneSuccess(t *testing.T) {
	for seed := range uint64(10) {
		r := newRig(t, seed, startup(time.Millisecond))
		p := r.pod("web", func(s *model.PodSpec) { s.Containers[0].Readiness = every(10*time.Second, 3) })
		r.ready(p)
		r.run(time.Duration(seed) * 1300 * time.Millisecond)
		since := r.fares(p, model.Readiness, all, 0)
		r.within(since, 20900*time.Millisecond, 31100*time.Millisecond, "not ready", func() bool { return !r.get(p).IsReady() })
		r.run(90 * time.Second)
		since = r.fares(p, model.Readiness, 0, 0)
		r.within(since, 0, 11100*time.Millisecond, "ready again", func() bool { return r.get(p).IsReady() })
		if q := r.get(p); q.Restarts() > 0 || len(r.notes(p, "Unhealthy")) != 1 {
			t.Errorf("seed %d: %d restarts, said %d times", seed, q.Restarts(), len(r.notes(p, "Unhealthy")))
		}
	}
}

// TestTwoFailuresInARowChangeNothing: a success between them begins the count anew.
func TestTwoFailuresInARowChangeNothing(t *testing.T) {
	r := newRig(t, 3, startup(time.Millisecond))
	p := r.pod("web", func(s *model.PodSpec) {
		s.Containers[0].Readiness, s.Containers[0].Liveness = every(10*time.Second, 3), every(10*time.Second, 3)
	})
	r.ready(p)
	for range 5 {
		for kind := range model.Startup {
			r.fares(p, kind, 0, all)
		}
		r.run(19 * time.Second) // at most two ticks
		for kind := range model.Startup {
			r.fares(p, kind, 0, 0)
		}
		r.run(11 * time.Second) // at least one
	}
	if q := r.get(p); !q.IsReady() || q.Restarts() > 0 {
		t.Errorf("ready %v, %d restarts", q.IsReady(), q.Restarts())
	}
}

// TestSuccessThresholdIsOfSuccessesInARow (worker.go doProbe).
func TestSuccessThresholdIsOfSuccessesInARow(t *testing.T) {
	r := newRig(t, 3, startup(time.Millisecond))
	p := r.pod("web", func(s *model.PodSpec) {
		s.Containers[0].Readiness = every(10*time.Second, 1)
		s.Containers[0].Readiness.SuccessThreshold = 4
	})
	r.ready(p)
	r.fares(p, model.Readiness, all, 0)
	r.until("not ready", 20*time.Second, func() bool { return !r.get(p).IsReady() })
	since := r.fares(p, model.Readiness, 0, 0)
	r.within(since, 30*time.Second, 41100*time.Millisecond, "ready again", func() bool { return r.get(p).IsReady() })
}

// TestAProcessThatHangsIsKilledAfterItsThresholdAndAllOfItsGrace: 21 to 31 s, and then
// before SIGKILL, if it ignores SIGTERM, all of the pod's grace, or the probe's own
// (pkg/kubelet/kuberuntime/kuberuntime_container.go setTerminationGracePeriod).
func TestAProcessThatHangsIsKilledAfterItsThresholdAndAllOfItsGrace(t *testing.T) {
	for own, grace := range map[time.Duration]time.Duration{0: 30 * time.Second, 5 * time.Second: 5 * time.Second} {
		r := newRig(t, 5, startup(time.Millisecond))
		p := r.pod("web", func(s *model.PodSpec) {
			s.GraceSeconds = 30
			s.Containers[0].Liveness = every(10*time.Second, 3)
			s.Containers[0].Liveness.Grace = own
		})
		r.ready(p)
		r.run(time.Minute)
		since := r.Now()
		r.kubelet.Hang(p.Ref())
		r.within(since, 21*time.Second, 31*time.Second, "killed", func() bool { return len(r.notes(p, "Killing")) == 1 })
		if !r.get(p).IsReady() {
			t.Error("a liveness probe makes nothing not ready")
		}
		killed := r.Now()
		r.within(killed, grace-2*time.Second, grace+3*time.Second, "restarted", func() bool { return r.get(p).Restarts() == 1 })
	}
}

// TestAProcessThatHangsWhenItStartsFailsItsStartupProbe: the other probes do not ask before
// (pkg/kubelet/prober/worker.go doProbe).
func TestAProcessThatHangsWhenItStartsFailsItsStartupProbe(t *testing.T) {
	r := newRig(t, 5, startup(time.Millisecond))
	p := r.pod("web", func(s *model.PodSpec) {
		s.Containers[0].Startup, s.Containers[0].Liveness = every(10*time.Second, 5), every(time.Second, 1)
	})
	r.run(20 * time.Millisecond)
	r.kubelet.Hang(r.get(p).Ref())
	r.until("running", 10*time.Second, func() bool { return r.get(p).Phase == model.PodRunning })
	since := r.Now()
	r.within(since, 41*time.Second, 51*time.Second, "killed", func() bool { return len(r.notes(p, "Killing")) == 1 })
	r.kubelet.Unhang(p.Ref())
	r.until("ready", 2*time.Minute, func() bool { return r.get(p).IsReady() })
}

// TestAPodThatTerminatesIsProbedForReadinessAlone (worker.go doProbe: "Graceful shutdown
// of the pod").
func TestAPodThatTerminatesIsProbedForReadinessAlone(t *testing.T) {
	r := newRig(t, 5, behaving(runtime.Behavior{Startup: sim.Constant(time.Millisecond), Stop: sim.Constant(time.Hour)}))
	p := r.pod("web", func(s *model.PodSpec) {
		s.GraceSeconds = 300
		s.Containers[0].Readiness, s.Containers[0].Liveness = every(10*time.Second, 3), every(10*time.Second, 3)
	})
	r.ready(p)
	r.user.Delete(p.Ref(), -1, 0)
	r.run(time.Second)
	r.fares(p, model.Readiness, all, 0)
	since := r.fares(p, model.Liveness, all, 0)
	r.within(since, 20*time.Second, 31100*time.Millisecond, "not ready", func() bool { return !r.get(p).IsReady() })
	r.run(time.Minute)
	if n := len(r.notes(p, "Killing")); n != 1 || r.get(p).Restarts() > 0 { // that it is stopped
		t.Errorf("killed %d times, %d restarts", n, r.get(p).Restarts())
	}
}

// TestSomeProbesFailAsOftenAsIsSaid: of probes that fail by 30 %, one threshold of two
// in ten ticks or so is reached; of those that fail by 1 %, none in an hour.
func TestSomeProbesFailAsOftenAsIsSaid(t *testing.T) {
	lost := map[uint32]int{}
	for seed := range uint64(20) {
		for _, ppm := range []uint32{10_000, 300_000} {
			r := newRig(t, seed, startup(time.Millisecond))
			p := r.pod("web", func(s *model.PodSpec) { s.Containers[0].Readiness = every(10*time.Second, 3) })
			r.ready(p)
			r.fares(p, model.Readiness, ppm/2, ppm/2)
			r.run(time.Hour)
			lost[ppm] += len(r.notes(p, "Unhealthy"))
		}
	}
	// In 7200 ticks 7200 * 0.7 * 0.3^3 = 136 runs of three begin, less while it is not ready.
	if lost[10_000] > 1 || lost[300_000] < 95 || lost[300_000] > 160 {
		t.Errorf("%v", lost)
	}
}

// TestProbesThatAFaultFailsComeOnTopOfTheOthers, and end with it.
func TestProbesThatAFaultFailsComeOnTopOfTheOthers(t *testing.T) {
	r := newRig(t, 5, startup(time.Millisecond))
	p := r.pod("web", func(s *model.PodSpec) { s.Containers[0].Readiness = every(10*time.Second, 3) })
	r.ready(p)
	var readiness, liveness [model.ProbeKinds]bool
	readiness[model.Readiness], liveness[model.Liveness] = true, true
	r.kubelet.HarmProbes(p.Ref(), "", model.ProbeHarm{Kinds: liveness, Lost: all})
	r.kubelet.HarmProbes(p.Ref(), "other", model.ProbeHarm{Kinds: readiness, Lost: all})
	r.run(time.Minute)
	if !r.get(p).IsReady() {
		t.Error("it is not its readiness that fails")
	}
	r.kubelet.HarmProbes(p.Ref(), "main", model.ProbeHarm{Kinds: readiness, Lost: 500_000})
	m := r.kubelet.Machine()
	if got := m.Risk(m.Sandbox(p.ID), 0, model.Readiness); got != (runtime.Risk{Late: 500_000}) {
		t.Errorf("%+v", got)
	}
	r.fares(p, model.Readiness, 200_000, 400_000)
	if got := m.Risk(m.Sandbox(p.ID), 0, model.Readiness); got != (runtime.Risk{Late: 600_000, Refused: 200_000}) {
		t.Errorf("%+v", got)
	}
	r.kubelet.HealProbes(p.Ref(), "main", model.ProbeHarm{Kinds: readiness, Lost: 500_000})
	r.fares(p, model.Readiness, 0, 0)
	r.run(time.Minute)
	if !r.get(p).IsReady() {
		t.Error("it is not ready again")
	}
}

// TestAnAnswerThatComesWhenTheTimeoutIsOverIsNone (v1.35 pkg/probe/http/http.go: the
// client's Timeout; API reference: "timeoutSeconds: number of seconds after which the
// probe times out. Defaults to 1 second"). One that comes before is as good as any.
func TestAnAnswerThatComesWhenTheTimeoutIsOverIsNone(t *testing.T) {
	for _, c := range []struct {
		timeout, answer time.Duration
		lost            bool
	}{
		{0, 999 * time.Millisecond, false},
		{0, time.Second, true},
		{3 * time.Second, 2 * time.Second, false},
		{3 * time.Second, 4 * time.Second, true},
	} {
		r := newRig(t, 2, startup(time.Millisecond))
		p := r.pod("web", func(s *model.PodSpec) {
			s.Containers[0].Readiness, s.Containers[0].Liveness = every(10*time.Second, 3), every(10*time.Second, 3)
			s.Containers[0].Readiness.Timeout = c.timeout
		})
		r.ready(p)
		harm := model.ProbeHarm{Kinds: [model.ProbeKinds]bool{model.Readiness: true}, Slow: sim.Constant(c.answer)}
		r.kubelet.HarmProbes(p.Ref(), "", harm)
		since := r.Now()
		if !c.lost {
			r.run(2 * time.Minute)
			if q := r.get(p); !q.IsReady() {
				t.Errorf("%+v: not ready", c)
			}
			continue
		}
		least := 20*time.Second + max(c.timeout, time.Second)
		r.within(since, least-100*time.Millisecond, least+10*time.Second+100*time.Millisecond, "not ready", func() bool { return !r.get(p).IsReady() })
		r.run(time.Minute)
		r.kubelet.HealProbes(p.Ref(), "", harm)
		r.within(r.Now(), 0, 11100*time.Millisecond, "ready again", func() bool { return r.get(p).IsReady() })
		if q := r.get(p); q.Restarts() > 0 || len(r.notes(p, "Unhealthy")) != 1 {
			t.Errorf("%+v: %d restarts, said %d times", c, q.Restarts(), len(r.notes(p, "Unhealthy")))
		}
	}
}

// TestASuccessThatComesLateCountsWhenItComes: a pod is ready so much later, and an answer
// that takes a time of chance is late as often as that takes the timeout.
func TestASuccessThatComesLateCountsWhenItComes(t *testing.T) {
	ready := func(slow sim.Dist) time.Duration {
		r := newRig(t, 2, startup(3*time.Second))
		p := r.pod("web", func(s *model.PodSpec) { s.Containers[0].Readiness = every(10*time.Second, 3) })
		r.run(100 * time.Millisecond)
		r.kubelet.HarmProbes(p.Ref(), "main", model.ProbeHarm{Kinds: [model.ProbeKinds]bool{model.Readiness: true}, Slow: slow})
		return r.ready(p).Sub(0)
	}
	if later := ready(sim.Constant(600*time.Millisecond)) - ready(sim.Dist{}); later != 600*time.Millisecond {
		t.Errorf("ready %v later, want 600ms", later)
	}
	r := newRig(t, 3, startup(time.Millisecond))
	p := r.pod("web", func(s *model.PodSpec) { s.Containers[0].Liveness = every(10*time.Second, 1) })
	r.ready(p)
	r.kubelet.HarmProbes(p.Ref(), "", model.ProbeHarm{Kinds: [model.ProbeKinds]bool{model.Liveness: true}, Slow: sim.Uniform(0, 1010*time.Millisecond)})
	since := len(r.notes(p, "Unhealthy"))
	r.run(3 * time.Hour)
	if said := len(r.notes(p, "Unhealthy")) - since; said < 3 || said > 25 {
		t.Errorf("of 1080 probes, of which 1 in 100 comes late, %d killed", said)
	}
}
