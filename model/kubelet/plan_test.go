package kubelet

import (
	"fmt"
	"slices"
	"testing"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// A plan is what computePodActions and computeInitContainerActions of v1.35
// (pkg/kubelet/kuberuntime/kuberuntime_manager.go, kuberuntime_container.go) make of any pod: here
// with their two loops, their flags and their lists.
func TestAPlanIsWhatComputePodActionsSays(t *testing.T) {
	luck := sim.NewLuck(1).Stream("plans")
	seen := map[string]int{}
	for n := range 50_000 {
		r := planned(&luck)
		want, what := computed(r)
		got := actions{}
		switch {
		case !r.box.Ready && !r.getsSandbox(later):
			got.killPod = true
		default:
			got.killPod = r.plan(later)
			for i := range r.containers {
				if c := &r.containers[i]; !got.killPod && c.wanted {
					got.start = append(got.start, i)
				}
				if c := &r.containers[i]; !got.killPod && c.killed {
					got.kill = append(got.kill, i)
				}
			}
		}
		if seen[what]++; what == "an init container has failed for good" {
			continue // then the pod has, and there is no pass
		}
		if got.killPod != want.killPod || !slices.Equal(got.start, want.start) || !slices.Equal(got.kill, want.kill) {
			t.Fatalf("case %d: %s\nplanned  %+v\ncomputed %+v (%s)", n, describe(r), got, want, what)
		}
	}
	for _, what := range []string{"no sandbox", "no sandbox wanted", "an init container has failed for good", "not initialized", "all over", "goes on"} {
		if seen[what] < 500 {
			t.Errorf("only %d times: %s", seen[what], what)
		}
	}
}

// later is when a relist has seen everything.
const later sim.Time = 1000

// planned is a pod in any state.
func planned(luck *sim.Stream) *row {
	policy := func() model.RestartPolicy { return model.RestartPolicy(luck.Below(3)) }
	spec := &model.PodSpec{RestartPolicy: policy()}
	box := &runtime.Sandbox{Ready: luck.Below(4) > 0, MadeAt: 100, Attempts: int32(luck.Below(2))}
	if box.Ready {
		box.Attempts = 1
	}
	r := &row{pod: &model.Pod{Spec: spec}, box: box, initialized: luck.Below(2) == 0}
	inits := int(luck.Below(4))
	for i := range inits + 1 + int(luck.Below(3)) {
		one, c, p := model.Container{}, container{}, runtime.Process{}
		if own := luck.Below(4) == 0; own {
			one.Restart = &model.ContainerRestart{Policy: policy()}
			if luck.Below(2) == 0 {
				one.Restart.Rules = []model.RestartRule{{Codes: []int32{2}}}
			}
		}
		if i < inits && luck.Below(2) == 0 {
			one.Sidecar, one.Restart = true, nil
		}
		plain := i < inits && !one.Sidecar
		if !plain && luck.Below(3) == 0 {
			one.Startup = &model.Probe{}
		}
		switch state := luck.Below(4); {
		case state == 0 || box.Attempts == 0:
		case state == 1 && box.Ready:
			p = runtime.Process{Instances: 1, StartedAt: 150, Running: true}
			c.started, c.doomed = luck.Below(2) == 0, !plain && luck.Below(3) == 0
		default:
			p = runtime.Process{Instances: 1, StartedAt: 150, FinishedAt: 160, ExitCode: int32(luck.Below(3))}
			if luck.Below(3) == 0 {
				p.StartedAt, p.FinishedAt = 50, 60 // in a sandbox before
			}
		}
		if i < inits {
			spec.InitContainers = append(spec.InitContainers, one)
		} else {
			spec.Containers = append(spec.Containers, one)
		}
		r.containers, box.Processes = append(r.containers, c), append(box.Processes, p)
	}
	return r
}

// actions is what is to be done: which containers are to be started and to be killed, or the pod.
type actions struct {
	start, kill []int
	killPod     bool
}

// computed is what computePodActions says, and which of its ways it went.
func computed(r *row) (a actions, what string) {
	spec, first := r.pod.Spec, len(r.pod.Spec.InitContainers)
	if !r.box.Ready {
		return computedAnew(r)
	}
	done, failed := computedInit(r, &a)
	switch {
	case failed:
		return a, "an init container has failed for good"
	case !done:
		return a, "not initialized"
	}
	kept, starts := 0, 0
	for i := first; i < len(r.containers); i++ {
		c, p := &r.containers[i], &r.box.Processes[i]
		switch {
		case p.Instances == 0 || !p.Running && spec.Restarts(containerOf(spec, i), p.ExitCode):
			a.start, starts = append(a.start, i), starts+1
		case !p.Running:
		case c.doomed:
			a.kill = append(a.kill, i)
			if spec.PolicyOf(containerOf(spec, i)) != model.RestartNever {
				a.start, starts = append(a.start, i), starts+1
			}
		default:
			kept++
		}
	}
	if kept == 0 && starts == 0 {
		return actions{killPod: true}, "all over"
	}
	return a, "goes on"
}

// computedAnew is the part about pods without a sandbox.
func computedAnew(r *row) (a actions, what string) {
	spec, first := r.pod.Spec, len(r.pod.Spec.InitContainers)
	created, apps := false, false
	var start []int
	for i := range r.containers {
		p := &r.box.Processes[i]
		created = created || p.Instances > 0
		if i < first {
			continue
		}
		apps = apps || p.Instances > 0
		if once := spec.PolicyOf(containerOf(spec, i)) == model.RestartOnFailure; !once || p.Instances == 0 || p.ExitCode != 0 {
			start = append(start, i)
		}
	}
	switch {
	case spec.RestartPolicy == model.RestartNever && r.box.Attempts > 0 && created, len(start) == 0 && apps:
		return actions{killPod: true}, "no sandbox wanted"
	case first > 0:
		return actions{start: []int{0}}, "no sandbox"
	}
	return actions{start: start}, "no sandbox"
}

// computedInit is computeInitContainerActions. Init containers of a sandbox before are purged.
func computedInit(r *row, a *actions) (done, failed bool) {
	init := r.pod.Spec.InitContainers
	if len(init) == 0 {
		return true, false
	}
	for i := len(init); i < len(r.containers); i++ {
		done = done || r.box.Processes[i].Running
	}
	was := done
	for i := len(init) - 1; i >= 0; i-- {
		c, p, sidecar := &r.containers[i], &r.box.Processes[i], init[i].Sidecar
		if p.Instances == 0 || p.StartedAt < r.box.MadeAt {
			if was && sidecar {
				a.start = append(a.start, i)
			}
			continue
		}
		if was && !sidecar {
			continue
		}
		begun := init[i].Startup == nil || c.started
		switch over := p.Running && sidecar && begun || !p.Running && !sidecar && p.ExitCode == 0; {
		case over && i == len(init)-1:
			done = true
		case over && !was || over && !sidecar:
			a.start = append(a.start, i+1)
		}
		switch {
		case p.Running && sidecar && c.doomed:
			a.kill, a.start = append(a.kill, i), append(a.start, i)
		case p.Running || !sidecar && p.ExitCode == 0:
		case sidecar || r.pod.Spec.Restarts(&init[i], p.ExitCode):
			a.start = append(a.start, i)
		default:
			return false, true
		}
		was = true
	}
	if !was {
		a.start = append(a.start, 0)
	}
	slices.Sort(a.start)
	slices.Sort(a.kill)
	a.start = slices.Compact(a.start)
	return done, false
}

// describe is a pod for people.
func describe(r *row) string {
	s := fmt.Sprintf("sandbox ready %v, attempts %d, policy %d, initialized %v", r.box.Ready, r.box.Attempts, r.pod.Spec.RestartPolicy, r.initialized)
	for i := range r.containers {
		c, p, one := &r.containers[i], &r.box.Processes[i], containerOf(r.pod.Spec, i)
		s += fmt.Sprintf("\n  init %v sidecar %v startup %v own %+v: instances %d running %v since %d code %d started %v doomed %v",
			i < len(r.pod.Spec.InitContainers), one.Sidecar, one.Startup != nil, one.Restart, p.Instances, p.Running, p.StartedAt, p.ExitCode, c.started, c.doomed)
	}
	return s
}
