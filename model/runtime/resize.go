package runtime

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// resizeTime is how long it takes to change the cgroups of a pod and its containers: a
// modelling value for one to four calls.
var resizeTime = sim.Uniform(20*time.Millisecond, 200*time.Millisecond)

// ResizeTime is how long the nth resize of a pod takes.
func (m *Machine) ResizeTime(s *Sandbox, nth uint64) time.Duration {
	luck := m.costs.setup.Draw(^s.Hash, nth)
	return resizeTime.Draw(&luck)
}

// MemoryAbove is which containers that run use as much memory as they may have with a spec
// that gives them a limit, or a lower one.
func (m *Machine) MemoryAbove(s *Sandbox, spec *model.PodSpec) (containers []int) {
	now := m.kernel.Now()
	for i := range s.Processes {
		limit, had := container(spec, i).Limits.MemoryBytes, container(s.Pod.Spec, i).Limits.MemoryBytes
		if lower := limit > 0 && (had == 0 || limit < had); lower && s.Processes[i].Running && s.Processes[i].resident(now) >= limit {
			containers = append(containers, i)
		}
	}
	return containers
}

// Resize gives a pod the resources of a spec that differs in nothing else. The caller
// has waited ResizeTime.
func (m *Machine) Resize(s *Sandbox, spec *model.PodSpec) {
	m.distrust(s)
	pod := *s.Pod
	pod.Spec = spec
	s.Pod = &pod
	for i := range s.Processes {
		p, c := &s.Processes[i], container(spec, i)
		if !p.Running {
			continue
		}
		_, load := s.load()
		if p.limit = spec.CPULimit(c); m.cores > 0 && (p.limit == 0 || p.limit > m.cores) {
			p.limit = m.cores
		}
		if p.starting > 0 {
			p.starting = m.behaviors.For(s.Pod, c.Name).StartupCPUMilli
			if p.limit > 0 {
				p.starting = min(p.starting, p.limit)
			}
		}
		m.limitAnew(s, i)
		m.allowSwap(s, i)
		m.limitMemory(s, i)
		m.use(s, p, load)
		if p.perRPS > 0 && m.serving != nil {
			m.serving.CapacityChanged(s.Pod.Ref())
		}
	}
	if m.crowded {
		m.shareOut()
	}
	m.kubelet.Changed(s)
}
