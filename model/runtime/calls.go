package runtime

import (
	"time"

	"orrery/sim"
)

// A container runtime makes some sandboxes and containers at a time; what is asked for
// besides waits in line. Of a few pods nobody notices that; when a node starts a hundred
// together the last waits for seconds.

// callsAtOnce is how many: of the 4 to 8 that disks and the network's plugins let through
// (an estimate) the fewest, with which a sandbox takes 1 to 3 s when 20 pods start together,
// and the last of 110 is started after 20 s.
const callsAtOnce = 4

// calls is until when each place is taken.
type calls [callsAtOnce]sim.Time

// over is when a call is over that is made at a time and takes d, alone: it begins at
// once if there is a place, else when the first becomes free. Of free places it takes
// the one that was taken last, because a call that is made earlier may be told of later.
func (c *calls) over(at sim.Time, d time.Duration) sim.Time {
	best := 0
	for i, until := range c {
		switch chosen := c[best]; {
		case chosen > at && until < chosen, chosen < until && until <= at:
			best = i
		}
	}
	c[best] = max(c[best], at).Add(d)
	return c[best]
}

// SandboxBy is when the next sandbox of a pod is made that is asked for at a time.
func (m *Machine) SandboxBy(s *Sandbox, at sim.Time) sim.Time {
	_, sandbox := m.setUpTimes(s)
	return m.calls.over(at, sandbox).Add(m.Behind())
}

// StartBy is when a container is created and started for which that is asked for at a
// time.
func (m *Machine) StartBy(s *Sandbox, i int, at sim.Time) sim.Time {
	return m.calls.over(at, m.startTimeOf(s, i)).Add(m.Behind())
}
