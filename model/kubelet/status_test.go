package kubelet

import (
	"testing"
	"time"

	"orrery/model"
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
		{"R|r", model.PodRunning, model.PodRunning, model.PodRunning, 0},
		{"R|w", model.PodPending, model.PodPending, model.PodPending, 0},
		{"W|w", model.PodPending, model.PodPending, model.PodPending, model.PodFailed},
		{"R|e", model.PodRunning, model.PodSucceeded, model.PodSucceeded, 0},
		{"F|e", model.PodRunning, model.PodSucceeded, model.PodSucceeded, model.PodSucceeded},
	} {
		for policy, want := range []model.Phase{c.always, c.onFail, c.never} {
			r, statuses := phaseRow(c.containers, model.RestartPolicy(policy))
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

// TestVerdictsAsAClosedFormAreWhatTheTicksCount compares when a probe's
// threshold is reached with a worker that asks at every tick and counts.
func TestVerdictsAsAClosedFormAreWhatTheTicksCount(t *testing.T) {
	luck := sim.NewLuck(1).Stream("verdicts")
	for i := range 20_000 {
		p := &model.Probe{
			Period:           time.Duration(luck.Below(5)) * time.Second,
			SuccessThreshold: int(luck.Below(4)), FailureThreshold: int(luck.Below(5)),
		}
		phase, from := sim.Time(luck.Duration(0, 20*time.Second)), sim.Time(luck.Duration(0, 40*time.Second))
		serves := sim.Time(luck.Duration(0, 80*time.Second))
		good, bad := verdict(p, phase, from, serves)
		wantGood, wantBad := countTicks(p, phase, from, serves)
		if good != wantGood || bad != wantBad {
			t.Fatalf("case %d: %+v, phase %v, from %v, serves at %v: succeeded %v failed %v, want %v and %v",
				i, *p, phase, from, serves, good, bad, wantGood, wantBad)
		}
	}
}

func countTicks(p *model.Probe, phase, from, serves sim.Time) (success, failure sim.Time) {
	good, bad := 0, 0
	for at := phase; ; at = at.Add(period(p)) {
		switch {
		case at < from:
		case at >= serves:
			good++
			bad = 0
			if good == max(p.SuccessThreshold, 1) {
				return at, sim.Never
			}
		default:
			bad++
			if time.Duration(bad) == orThree(p.FailureThreshold) {
				return sim.Never, at
			}
		}
	}
}
