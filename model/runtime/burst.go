package runtime

import (
	"time"

	"orrery/sim"
)

// Burst is what a container uses besides for a while: a cache that is written out, a
// report once an hour. With growth and with what requests need it makes CPU and memory
// any function of a container's age.
type Burst struct {
	After       time.Duration // from the start of the process until the first
	For         time.Duration // that one lasts; 0 is for ever
	Every       time.Duration // from the beginning of one to that of the next, more than For; 0 is only once
	CPUMilli    int64
	MemoryBytes int64
}

// at tells whether there is one at an age of the process, and at which age that
// changes; a negative one if never.
func (b *Burst) at(age time.Duration) (on bool, next time.Duration) {
	since := age - b.After
	if since < 0 {
		return false, b.After
	}
	begun := b.After
	if b.Every > 0 {
		begun += since / b.Every * b.Every
		since %= b.Every
	}
	switch {
	case b.For == 0:
		return true, -1
	case since < b.For:
		return true, begun + b.For
	case b.Every == 0:
		return false, -1
	}
	return false, begun + b.Every
}

// burstMemory is what all bursts use at some time of an instance, in bytes.
func (p *Process) burstMemory(now sim.Time) (sum int64) {
	for i := range p.bursts {
		if on, _ := p.bursts[i].at(now.Sub(p.StartedAt)); on {
			sum += p.bursts[i].MemoryBytes
		}
	}
	return sum
}

// startBursts has a new instance of a container use what its bursts begin with.
func (m *Machine) startBursts(s *Sandbox, i int, b *Behavior) {
	p := &s.Processes[i]
	p.bursts, p.burstCPU, p.surges = b.Bursts, 0, useMemory(b.Bursts)
	if len(p.bursts) > 0 {
		m.countBursts(s, i)
	}
}

// countBursts computes what bursts use from now on, and when that changes.
func (m *Machine) countBursts(s *Sandbox, i int) {
	p, now := &s.Processes[i], m.kernel.Now()
	p.burstCPU, p.burstAt = 0, sim.Never
	for j := range p.bursts {
		b := &p.bursts[j]
		on, next := b.at(now.Sub(p.StartedAt))
		if on {
			p.burstCPU += b.CPUMilli
		}
		if next >= 0 {
			p.burstAt = min(p.burstAt, p.StartedAt.Add(next))
		}
	}
	if p.burstAt != sim.Never {
		m.kernel.Post(p.burstAt, m.self, whyBurst, uint64(i)<<32|uint64(s.Pod.ID))
	}
}

// burstDue is a burst that begins or ends.
func (m *Machine) burstDue(s *Sandbox, i int, now sim.Time) {
	p := &s.Processes[i]
	if !p.Running || p.burstAt != now {
		return
	}
	was := p.burstCPU
	m.countBursts(s, i)
	if p.burstCPU != was {
		_, load := s.load()
		m.use(s, p, load)
		m.tellCapacity(s, p) // at its limit it uses as much as before, and serves less
	}
	if p.usesMemory() {
		m.fill(s, i)
	}
}

// useMemory tells whether any of the bursts does.
func useMemory(bursts []Burst) bool {
	for i := range bursts {
		if bursts[i].MemoryBytes > 0 {
			return true
		}
	}
	return false
}
