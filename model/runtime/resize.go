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

// FitsMemory tells whether no container that runs uses as much memory as it may have
// with a spec.
func (m *Machine) FitsMemory(s *Sandbox, spec *model.PodSpec) bool {
	now := m.kernel.Now()
	for i := range s.Processes {
		limit := container(spec, i).Limits.MemoryBytes
		if p := &s.Processes[i]; p.Running && limit > 0 && limit < container(s.Pod.Spec, i).Limits.MemoryBytes && p.resident(now) >= limit {
			return false
		}
	}
	return true
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
		_, load := s.loadOf(i)
		if p.limit = spec.CPULimit(c); m.cores > 0 && (p.limit == 0 || p.limit > m.cores) {
			p.limit = m.cores
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
