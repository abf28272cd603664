package runtime

import (
	"math"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Swap, where kubelets let containers have some (LimitedSwap): a container of a
// Burstable pod may have a part of the machine's as large as the part of its memory that
// it asks for. What it uses beyond its memory limit goes there, and only when that is full
// the kernel kills it; and when the machine's memory is full, the kernel moves there
// what it can before it kills anybody. All parts together are no more than there is, as
// pods ask for no more memory than there is.
//
// The kernel swaps when it must, and no earlier; what is swapped is used as fast as what is
// not. Memory that others than containers use stays where it is, as does that of pods with
// a memory limit of their own. When the machine's memory is full, nobody says whose
// is swapped: usage is then shown, and ranked, as if none was.

// MaySwap tells whether a container of a pod with a spec may have swap, if the machine has any: of no
// static pod, whatever its priority (pkg/kubelet/kuberuntime/kuberuntime_container_linux.go
// GetContainerSwapBehavior, pkg/kubelet/types/pod_update.go IsCriticalPod).
func (m *Machine) MaySwap(pod uint32, spec *model.PodSpec, c *model.Container) bool {
	return m.limitedSwap && pod < model.FirstStaticID && !spec.Critical() && spec.QoS() == model.Burstable && c.Requests.MemoryBytes != c.Limits.MemoryBytes
}

// swapFor is how much, in bytes (calcSwapForBurstablePods, which computes it in floats: a
// byte more or less).
func (m *Machine) swapFor(pod uint32, spec *model.PodSpec, c *model.Container) int64 {
	request := c.Requests.MemoryBytes
	if m.swap == 0 || request > m.memory || spec.PodMemoryLimit() > 0 || !m.MaySwap(pod, spec, c) {
		return 0
	}
	return scale(m.swap, request, m.memory)
}

// mayHave is what a container that may have so much memory (0 is without end) may have
// with its swap.
func (p *Process) mayHave(memory int64) int64 {
	if memory == 0 {
		return 0
	}
	return memory + p.swap
}

// allowSwap says how much swap a container that runs may have.
func (m *Machine) allowSwap(s *Sandbox, i int) {
	p, c := &s.Processes[i], container(s.Pod.Spec, i)
	p.swap, p.swapsFrom = m.swapFor(s.Pod.ID, s.Pod.Spec, c), math.MaxInt64
	if limit := c.Limits.MemoryBytes; limit > 0 {
		p.swapsFrom = limit
	}
}

// resident is what a process has in memory, in bytes: all it uses but what it was swapped
// for its own limit, its working set.
func (p *Process) resident(now sim.Time) int64 {
	used := p.used(now)
	return used - min(max(used-p.swapsFrom, 0), p.swap)
}

// grows is by how many bytes that grows every second.
func (p *Process) grows(now sim.Time) int64 {
	used, growth, _ := p.line(now)
	if over := used - p.swapsFrom; p.swap > 0 && over >= 0 && over < p.swap {
		return 0
	}
	return growth
}

// pressing is how much memory containers need that cannot be swapped, by how much more
// every second, and until when; Never if that goes on.
func (m *Machine) pressing(now sim.Time) (used, growth int64, until sim.Time) {
	until = sim.Never
	m.eachUser(func(_ *Sandbox, _ int, p *Process) {
		has, more, bend := p.line(now)
		until = min(until, bend)
		switch over := has - p.swap; {
		case over >= 0:
			used += over
			growth += more
			if more < 0 && p.swap > 0 { // all of it could be swapped, soon
				until = min(until, now.Add(time.Duration(scale(over+1, int64(time.Second), -more))).Add(1))
			}
		case more > 0:
			until = min(until, p.reaches(now, p.swap).Add(1)) // what is rounded down then is enough
		}
	})
	return used, growth, until
}
