package kubelet_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// Whatever happens to a node, its pods go on, wait in back-off or have ended half an hour
// later, and are gone some minutes after they are deleted. The exceptions are Kubernetes' own: a
// pod that never starts again gets no other sandbox (kuberuntime_manager.go computePodActions), and does not
// end, if a container of it would start again or has never started.
func TestRandomPodsAreStuckNowhere(t *testing.T) {
	for seed := range uint64(300) {
		luck := sim.NewLuck(seed).Stream("stuck")
		r := newRig(t, seed, behaving(troubledBehaviors(&luck)...), withGPUs)
		var pods []*model.Pod
		for i := range 4 {
			pods = append(pods, r.pod(fmt.Sprint("p-", i), func(s *model.PodSpec) { r.troubledSpec(&luck, s) }))
		}
		r.run(20 * time.Second)
		for range 4 {
			r.trouble(&luck, pods)
			r.run(luck.Duration(0, time.Minute))
		}
		r.run(30 * time.Minute)
		for _, p := range pods {
			if q := r.get(p); q != nil && !r.goesOn(q) {
				t.Errorf("seed %d: %v: %+v", seed, q.Phase, q.Containers)
			}
			r.user.Delete(p.Ref(), int32(luck.Below(3))*20-1, 0)
		}
		r.run(time.Second)
		r.trouble(&luck, pods)
		r.run(10 * time.Minute)
		for _, p := range pods {
			if r.get(p) != nil || r.kubelet.Machine().Sandbox(p.ID) != nil {
				t.Errorf("seed %d: %s is there: %+v", seed, p.Name, r.get(p))
			}
		}
	}
}

func troubledBehaviors(luck *sim.Stream) (all []runtime.Behavior) {
	for _, name := range []string{"init-0", "init-1", "init-2", "app-0", "app-1"} {
		b := runtime.Behavior{Container: name, Startup: sim.Constant(luck.Duration(0, 4*time.Second)), Stop: sim.Constant(luck.Duration(0, 40*time.Second))}
		if luck.Below(2) == 0 {
			b.Run, b.ExitCode, b.Exits = sim.Constant(luck.Duration(time.Second, time.Minute)), int32(luck.Below(3)), int32(luck.Below(3))
		}
		all = append(all, b)
	}
	return all
}

func (r *rig) troubledSpec(luck *sim.Stream, s *model.PodSpec) {
	s.RestartPolicy, s.GraceSeconds, s.Containers = model.RestartPolicy(luck.Below(3)), int32(luck.Below(40)), nil
	if luck.Below(3) == 0 {
		s.NodeSelector = r.node.Labels
	}
	probe := func(of time.Duration, failures int) *model.Probe {
		if luck.Below(3) > 0 {
			return nil
		}
		return every(of, failures)
	}
	for i := range luck.Below(3) {
		c := model.Container{Name: fmt.Sprint("init-", i), Image: "web", Sidecar: luck.Below(2) == 0}
		if c.Sidecar {
			c.Startup = probe(2*time.Second, 3)
		}
		s.InitContainers = append(s.InitContainers, c)
	}
	for i := range 1 + luck.Below(2) {
		c := model.Container{Name: fmt.Sprint("app-", i), Image: "web", Startup: probe(2*time.Second, 5), Liveness: probe(5*time.Second, 2), Readiness: probe(2*time.Second, 5)}
		if luck.Below(4) == 0 {
			c.Restart = &model.ContainerRestart{Policy: model.RestartPolicy(luck.Below(3))}
		}
		if luck.Below(8) == 0 {
			c.Requests.Extended = []model.Extended{{Name: model.ResourceGPU, Count: 1}}
		}
		s.Containers = append(s.Containers, c)
	}
}

// trouble is something that happens to the node or a pod, and is over then.
func (r *rig) trouble(luck *sim.Stream, pods []*model.Pod) {
	lasts := luck.Duration(0, 100*time.Second)
	switch luck.Below(7) {
	case 0:
		r.kubelet.PowerOff()
		r.run(lasts)
		r.kubelet.PowerOn()
	case 1:
		r.user.Patch(r.node.Ref(), relabel{}, 0)
		r.run(time.Second)
		fallthrough
	case 2:
		r.kubelet.Stop()
		r.run(lasts)
		r.kubelet.Resume()
	case 3:
		r.kubelet.StopRuntime()
		r.run(lasts)
		r.kubelet.StartRuntime()
	case 4:
		r.kubelet.StopCNI()
		r.run(lasts)
		r.kubelet.StartCNI()
	case 5:
		r.kubelet.CrashContainer(pods[luck.Below(uint64(len(pods)))].Ref(), "", int32(luck.Below(3)))
	}
}

// goesOn tells whether a pod has ended, or a container of it runs or is about to be started.
func (r *rig) goesOn(p *model.Pod) bool {
	if p.Phase.Terminal() {
		return true
	}
	for i, c := range p.Containers {
		if p.Spec.RestartPolicy == model.RestartNever && i >= len(p.Spec.InitContainers) {
			if own := p.Spec.Containers[i-len(p.Spec.InitContainers)].Restart != nil; own || c.State == model.ContainerWaiting && c.FinishedAt == 0 {
				return true
			}
		}
		if c.State == model.ContainerRunning || c.Reason == "CrashLoopBackOff" || c.FinishedAt > 0 && r.Now().Sub(c.FinishedAt) < 6*time.Minute {
			return true
		}
	}
	return false
}
