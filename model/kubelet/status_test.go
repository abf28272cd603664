package kubelet

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// TestPodPhaseFollowsFromItsContainers is the table of
// pkg/kubelet/kubelet_pods.go getPhase. Containers are written as letters:
// w waiting, r running, e ended with 0, f failed, b failed and waiting to be
// started again; init containers in front of a bar, a sidecar in upper case.
func TestPodPhaseFollowsFromItsContainers(t *testing.T) {
	for _, c := range []struct {
		containers            string
		always, onFail, never model.Phase
		final                 model.Phase
	}{
		{"w", model.PodPending, model.PodPending, model.PodPending, model.PodFailed},
		{"r", model.PodRunning, model.PodRunning, model.PodRunning, 0},
		{"rw", model.PodPending, model.PodPending, model.PodPending, 0},
		{"re", model.PodRunning, model.PodRunning, model.PodRunning, 0},
		{"rb", model.PodRunning, model.PodRunning, model.PodRunning, 0},
		{"e", model.PodRunning, model.PodSucceeded, model.PodSucceeded, model.PodSucceeded},
		{"f", model.PodRunning, model.PodRunning, model.PodFailed, model.PodFailed},
		{"b", model.PodRunning, model.PodRunning, model.PodFailed, model.PodFailed},
		{"ee", model.PodRunning, model.PodSucceeded, model.PodSucceeded, model.PodSucceeded},
		{"ef", model.PodRunning, model.PodRunning, model.PodFailed, model.PodFailed},
		{"w|w", model.PodPending, model.PodPending, model.PodPending, model.PodFailed},
		{"r|w", model.PodPending, model.PodPending, model.PodPending, 0},
		{"e|w", model.PodPending, model.PodPending, model.PodPending, model.PodFailed},
		{"e|r", model.PodRunning, model.PodRunning, model.PodRunning, 0},
		{"f|w", model.PodPending, model.PodPending, model.PodFailed, model.PodFailed},
		{"b|w", model.PodPending, model.PodPending, model.PodFailed, model.PodFailed},
		{"f|fe", model.PodRunning, model.PodRunning, model.PodFailed, model.PodFailed}, // after a reboot
		{"r|fe", model.PodPending, model.PodPending, model.PodPending, 0},
		{"R|r", model.PodRunning, model.PodRunning, model.PodRunning, 0},
		{"R|w", model.PodPending, model.PodPending, model.PodPending, 0},
		{"W|w", model.PodPending, model.PodPending, model.PodPending, model.PodFailed},
		{"R|e", model.PodRunning, model.PodRunning, model.PodRunning, 0},
		{"F|e", model.PodRunning, model.PodSucceeded, model.PodSucceeded, model.PodSucceeded},
		{"F|f", model.PodRunning, model.PodRunning, model.PodFailed, model.PodFailed},
		{"B|f", model.PodRunning, model.PodRunning, model.PodFailed, model.PodFailed},
		{"F|w", model.PodPending, model.PodPending, model.PodPending, model.PodFailed},
	} {
		for policy, want := range []model.Phase{c.always, c.onFail, c.never} {
			r, statuses := phaseRow(c.containers, model.RestartPolicy(policy))
			if sidecarsEnded := c.containers[0] == 'F' || c.containers[0] == 'B'; sidecarsEnded {
				r.initialized = false // as after a reboot
			}
			if got := r.phase(statuses, false); got != want {
				t.Errorf("%s, policy %d: %v, want %v", c.containers, policy, got, want)
			}
			if got := r.phase(statuses, true); c.final != 0 && got != c.final {
				t.Errorf("%s, policy %d, after its end: %v, want %v", c.containers, policy, got, c.final)
			}
		}
	}
}

func phaseRow(containers string, policy model.RestartPolicy) (*row, []model.ContainerStatus) {
	spec := &model.PodSpec{RestartPolicy: policy}
	r := &row{pod: &model.Pod{Spec: spec}}
	var statuses []model.ContainerStatus
	for _, l := range containers {
		if l == '|' {
			spec.InitContainers, spec.Containers = spec.Containers, nil
			continue
		}
		spec.Containers = append(spec.Containers, model.Container{Sidecar: l < 'a'})
		var s model.ContainerStatus
		switch l | 0x20 {
		case 'r':
			s = model.ContainerStatus{State: model.ContainerRunning, Started: true}
		case 'e':
			s = model.ContainerStatus{State: model.ContainerTerminated, FinishedAt: 5}
		case 'f':
			s = model.ContainerStatus{State: model.ContainerTerminated, FinishedAt: 5, ExitCode: 1}
		case 'b':
			s = model.ContainerStatus{State: model.ContainerWaiting, FinishedAt: 5, ExitCode: 1}
		}
		statuses = append(statuses, s)
	}
	r.containers = make([]container, len(statuses))
	for i := range spec.Containers {
		r.initialized = r.initialized || statuses[len(spec.InitContainers)+i].State != model.ContainerWaiting
	}
	return r, statuses
}

// getPhase as v1.35 has it, with all its counters, for a pod that goes on.
func TestAPhaseIsWhatGetPhaseSays(t *testing.T) {
	luck := sim.NewLuck(1).Stream("phases")
	seen := map[model.Phase]int{}
	for n := range 50_000 {
		r := planned(&luck)
		spec := r.pod.Spec
		statuses := make([]model.ContainerStatus, len(r.containers))
		for i := range statuses {
			s := &statuses[i]
			switch s.State = model.ContainerState(luck.Below(3)); {
			case s.State == model.ContainerRunning:
				s.Started = luck.Below(2) == 0
			case s.State == model.ContainerTerminated || luck.Below(2) == 0:
				s.FinishedAt, s.ExitCode = 5, int32(luck.Below(3))
			}
		}
		want := phaseSaid(spec, statuses, r.initialized)
		if seen[want]++; r.phase(statuses, false) != want {
			t.Fatalf("case %d: %v, getPhase says %v: %s\n%+v", n, r.phase(statuses, false), want, describe(r), statuses)
		}
	}
	for _, p := range []model.Phase{model.PodPending, model.PodRunning, model.PodSucceeded, model.PodFailed} {
		if seen[p] < 500 {
			t.Errorf("%v only %d times", p, seen[p])
		}
	}
}

func phaseSaid(spec *model.PodSpec, statuses []model.ContainerStatus, initialized bool) model.Phase {
	var pendingInit, pendingSidecars, failedForGood, running, waiting, stopped, stoppedForGood, succeeded int
	for i, s := range statuses {
		c, ends := containerOf(spec, i), s.State != model.ContainerRunning && s.FinishedAt > 0
		switch runs := s.State == model.ContainerRunning; {
		case plainInit(spec, i) && ends:
			if s.ExitCode != 0 && !spec.Restarts(c, s.ExitCode) {
				failedForGood++
			}
		case plainInit(spec, i):
			pendingInit++
		case c.Sidecar && runs:
			running++
			if !s.Started {
				pendingSidecars++
			}
		case c.Sidecar && !ends:
			pendingSidecars++
			waiting++
		case c.Sidecar:
		case runs:
			running++
		case !ends:
			waiting++
		default:
			stopped++
			if !spec.Restarts(c, s.ExitCode) {
				stoppedForGood++
			}
			if s.State == model.ContainerTerminated && s.ExitCode == 0 {
				succeeded++
			}
		}
	}
	switch {
	case failedForGood > 0:
		return model.PodFailed
	case pendingInit > 0 || pendingSidecars > 0 && !initialized || waiting > 0:
		return model.PodPending
	case running > 0:
		return model.PodRunning
	case stopped == 0:
		return model.PodPending
	case stopped != stoppedForGood:
		return model.PodRunning
	case stopped == succeeded:
		return model.PodSucceeded
	}
	return model.PodFailed
}

// TestThresholdsAsAClosedFormAreWhatTheTicksCount compares when a probe's threshold is
// reached that matters with a worker that asks at every tick and counts, while what it
// is told changes now and then.
func TestThresholdsAsAClosedFormAreWhatTheTicksCount(t *testing.T) {
	luck := sim.NewLuck(1).Stream("thresholds")
	reached := 0
	for i := range 5000 {
		spec := &model.Probe{
			Period: time.Duration(luck.Below(5)) * time.Second, Timeout: time.Duration(luck.Below(7)) * time.Second,
			SuccessThreshold: int(luck.Below(4)), FailureThreshold: int(luck.Below(5)),
		}
		fast := asking{
			prober: &prober{phase: sim.Time(luck.Duration(0, 20*time.Second)), countedAt: -1, reachedAt: sim.Never}, spec: spec,
			kind: model.ProbeKind(luck.Below(3)), from: sim.Time(luck.Duration(0, 40*time.Second)), to: sim.Never,
			servesAt: sim.Time(luck.Duration(0, 80*time.Second)), luck: sim.NewLuck(uint64(i)).Lane("answers"), ready: luck.Below(2) == 0,
		}
		slow := naive{asking: fast, last: -1}
		for now := sim.Time(0); now < sim.Time(20*time.Minute); now = now.Add(luck.Duration(0, 3*time.Minute)) {
			fast.catchUp(now)
			slow.askUntil(now)
			if fast.reachedAt != slow.reachedAt {
				t.Fatalf("case %d at %v: %+v of %+v: reached at %v, want %v", i, now, *fast.prober, *spec, fast.reachedAt, slow.reachedAt)
			}
			if due := fast.due(); fast.reachedAt == sim.Never && due <= now {
				t.Fatalf("case %d at %v: looks again at %v", i, now, due)
			}
			if fast.reachedAt != sim.Never {
				reached++
				break
			}
			fast.risk = [...]runtime.Risk{{}, {Late: runtime.Million}, {Refused: runtime.Million}, {Late: 400_000, Refused: 100_000}, {Late: 999_000}}[luck.Below(5)]
			slow.asking.prober = fast.prober
			slow.risk = fast.risk
		}
	}
	if reached < 2000 {
		t.Errorf("only %d thresholds were reached", reached)
	}
}

// naive asks at one tick after the other.
type naive struct {
	asking
	last      sim.Time // the tick asked at last
	free      sim.Time
	good, bad int64
	reachedAt sim.Time
	risk      runtime.Risk
}

func (n *naive) askUntil(now sim.Time) {
	if n.last < 0 {
		n.reachedAt = sim.Never
	}
	for at := n.phase; at <= now && n.reachedAt == sim.Never; at = at.Add(period(n.spec)) {
		if at <= n.last || at < n.from || at < n.free {
			continue
		}
		n.last = at
		x := n.asking
		x.prober = &prober{risk: n.risk}
		good, took, _ := x.answer(at)
		n.free = at.Add(took)
		if good {
			n.good, n.bad = n.good+1, 0
		} else {
			n.good, n.bad = 0, n.bad+1
		}
		enough := n.good >= threshold(n.spec, true) || n.bad >= threshold(n.spec, false)
		if enough && n.matters(good) {
			n.reachedAt = n.free
		}
	}
}
