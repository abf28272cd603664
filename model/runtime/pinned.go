package runtime

import (
	"time"

	"orrery/model"
)

// CPUs that a container has for itself, under the kubelet's policy static: nobody else
// uses them, and it has no quota; with more threads than CPUs it just takes longer.

// exclusive tells whether a container has CPUs for itself.
func (m *Machine) exclusive(spec *model.PodSpec, c *model.Container) bool {
	return m.staticCPUs && spec.ExclusiveCPUs(c) > 0
}

// shared is how much CPU there is for all that have none for themselves, in milli; 0 is
// without end.
func (m *Machine) shared() int64 {
	if m.cores == 0 {
		return 0
	}
	return max(m.cores-1000*m.pinned, 1)
}

// Pin gives so many CPUs away, or takes them back.
func (m *Machine) Pin(cpus int64) {
	m.pinned += cpus
	m.quieten()
	if m.on {
		m.wantBesides(0)
	}
}

// ExclusiveTime is how long a request keeps the threads of a container busy that has so
// many CPUs for itself.
func ExclusiveTime(b *Behavior, cpus int64) time.Duration {
	return time.Duration(b.CPUMicroPerRPS) * time.Microsecond / time.Duration(min(max(b.Threads, 1), cpus))
}
