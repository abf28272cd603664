package runtime

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// stress is what others use in a container's cgroup, as faults say.
type stress struct {
	pod       uint32
	container string
	since     sim.Time
	written   int64 // into the layer of the instance that runs, or was the last to
	model.Stress
}

// Stress has others use CPU and memory in the cgroup of a container and write into its
// layer, in that of every instance, until Unstress. The pod may be unknown here.
func (m *Machine) Stress(pod uint32, name string, of model.Stress) {
	m.stresses = append(m.stresses, stress{pod: pod, container: name, since: m.kernel.Now(), Stress: of})
	x := &m.stresses[len(m.stresses)-1]
	m.eachStressed(x, func(s *Sandbox, i int, p *Process) {
		p.take(x, x.since)
		p.disk += m.dump(x, container(s.Pod.Spec, i), p.DiskUsed(m.kernel.Now()))
		m.stressChanged(s, i)
		if x.written > 0 {
			m.diskChanged()
		}
	})
}

// Unstress takes back the oldest such Stress. What an instance that has ended has in its
// layer goes with it.
func (m *Machine) Unstress(pod uint32, name string, of model.Stress) {
	at := slices.IndexFunc(m.stresses, func(x stress) bool { return x.pod == pod && x.container == name && x.Stress == of })
	if at < 0 {
		return
	}
	x := m.stresses[at]
	m.stresses = slices.Delete(m.stresses, at, at+1)
	m.eachStressed(&x, func(s *Sandbox, i int, p *Process) {
		p.take(&stress{Stress: model.Stress{CPUMilli: -x.CPUMilli, MemoryBytes: -x.MemoryBytes, Growth: -x.Growth}}, max(x.since, p.StartedAt))
		p.disk -= x.written
		m.stressChanged(s, i)
		if x.written > 0 {
			m.diskChanged()
		}
	})
}

// take has a process' cgroup use more, or less: what grows has grown since a time.
func (p *Process) take(x *stress, since sim.Time) {
	p.rest += x.CPUMilli
	p.memory += x.MemoryBytes - scale(x.Growth, int64(since.Sub(p.StartedAt)), int64(time.Second))
	p.growth += x.Growth
}

// dump notes and returns what others write into the layer of a container that has written
// something: no more than there is room for.
func (m *Machine) dump(x *stress, c *model.Container, has int64) int64 {
	x.written = x.DiskBytes + max(0, scale(c.Limits.EphemeralBytes, x.FillPPM, full)-has)
	if m.disk.size > 0 && x.written > 0 {
		x.written = min(x.written, max(0, m.DiskFree(m.kernel.Now())))
	}
	return x.written
}

// stressed is what a container does with what others use in its cgroup.
func (m *Machine) stressed(pod uint32, c *model.Container, b Behavior) Behavior {
	for i := range m.stresses {
		if x := &m.stresses[i]; x.pod == pod && x.container == c.Name {
			b.CPUMilli += x.CPUMilli
			b.MemoryBytes += x.MemoryBytes
			b.MemoryGrowth += x.Growth
			b.DiskBytes += m.dump(x, c, b.DiskBytes)
		}
	}
	return b
}

// eachStressed is the process that a stress is about, if it runs.
func (m *Machine) eachStressed(x *stress, f func(s *Sandbox, i int, p *Process)) {
	s := m.Sandbox(x.pod)
	if s == nil {
		return
	}
	m.distrust(s) // it has used what it did before this
	for i := range s.Processes {
		if p := &s.Processes[i]; p.Running && container(s.Pod.Spec, i).Name == x.container {
			f(s, i, p)
		}
	}
}

// stressChanged computes what follows from that for a process that runs.
func (m *Machine) stressChanged(s *Sandbox, i int) {
	p := &s.Processes[i]
	_, working := s.load()
	m.limitMemory(s, i)
	m.weigh()
	if p.throttle != nil {
		p.throttle.set(p, p.throttle.limit)
	}
	m.use(s, p, working)
	m.usesOther(s)
	m.tellCapacity(s, p)
}
