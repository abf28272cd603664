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

// How long a kubelet waits for an answer (runtimeRequestTimeout,
// pkg/kubelet/apis/config/v1beta1/defaults.go; k8s.io/cri-client/pkg/remote_runtime.go
// RunPodSandbox has twice that). To create and to start a container are two calls, of which
// creating waits for the disk; here they are one.
const (
	sandboxPatience = 4 * time.Minute
	startPatience   = 2 * time.Minute
)

// over is when a call is over that is made at a time and takes d, alone: it begins at
// once if there is a place, else when the first becomes free. Of free places it takes
// the one that was taken last, because a call that is made earlier may be told of later.
// If nobody waits for it that long it is broken off, and in vain.
func (c *calls) over(at sim.Time, d, patience time.Duration) (end sim.Time, inTime bool) {
	best := 0
	for i, until := range c {
		switch chosen := c[best]; {
		case chosen > at && until < chosen, chosen < until && until <= at:
			best = i
		}
	}
	end, givenUp := max(c[best], at).Add(d), at.Add(patience)
	if c[best] >= givenUp { // its turn never comes
		return givenUp, false
	}
	c[best] = min(end, givenUp)
	return c[best], end <= givenUp
}

// SandboxBy is when the next sandbox of a pod is made that is asked for at a time, or, if
// it takes too long, when the kubelet gives it up.
func (m *Machine) SandboxBy(s *Sandbox, at sim.Time) (by sim.Time, inTime bool) {
	_, sandbox := m.setUpTimes(s)
	return m.callBy(s, at, sandbox, sandboxPatience)
}

// StartBy is when a container is created and started for which that is asked for at a
// time, or, if it takes too long, when the kubelet gives it up.
func (m *Machine) StartBy(s *Sandbox, i int, at sim.Time) (by sim.Time, inTime bool) {
	return m.callBy(s, at, m.startTimeOf(s, i), startPatience)
}

func (m *Machine) callBy(s *Sandbox, at sim.Time, d, patience time.Duration) (by sim.Time, inTime bool) {
	behind := m.Behind()
	by, inTime = m.calls.over(at, d, patience-behind)
	if !inTime {
		s.inVain++
	}
	return by.Add(behind), inTime
}
