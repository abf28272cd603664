package runtime

import (
	"slices"
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

// call is a call to the runtime that is not over. All of it is known, because it goes on at
// another speed when the disk's becomes another one.
type call struct {
	of       *Sandbox      // whose it is; nil if no kubelet waits for the answer any more
	starts   bool          // it starts a container; else it makes the sandbox
	at       sim.Time      // when it is made
	takes    time.Duration // how long from begin on, at the disk's speed of now
	patience time.Duration // how long from at on the runtime goes on with it: the kubelet's, less behind
	behind   time.Duration // how much later than over the kubelet hears of it
	place    int           // in calls
	begin    sim.Time      // when its turn came, or the disk's speed changed since; Never if its turn never comes
	over     sim.Time      // when it is done, or given up
	inTime   bool          // it is done, and not given up
}

// Answer is what a kubelet is told of a call.
type Answer struct {
	By     sim.Time // when it hears that
	Starts bool     // a container is started, and the sandbox made before if it was not there; else only that is made
	InTime bool     // that is done; else the kubelet has given it up
}

// toldAt is when the kubelet hears what came of it.
func (x *call) toldAt() sim.Time { return x.over.Add(x.behind) }

// take finds a place for a call: it begins at once if there is one, else when the first
// becomes free. Of free places it takes the one that was taken last, because a call that is
// made earlier may be told of later.
func (c *calls) take(x *call) {
	best := 0
	for i, until := range c {
		switch chosen := c[best]; {
		case chosen > x.at && until < chosen, chosen < until && until <= x.at:
			best = i
		}
	}
	if givenUp := x.at.Add(x.patience); c[best] >= givenUp { // its turn never comes
		x.begin, x.over, x.inTime = sim.Never, givenUp, false
		return
	}
	x.place, x.begin = best, max(c[best], x.at)
	c.run(x)
}

// run has a call that has a place be over when it is done. If nobody waits for it that long
// it is broken off, and in vain.
func (c *calls) run(x *call) {
	end, givenUp := x.begin.Add(x.takes), x.at.Add(x.patience)
	x.over, x.inTime = min(end, givenUp), end <= givenUp
	c[x.place] = x.over
}

// SandboxBy is when the next sandbox of a pod is made that is asked for at a time, now or
// later; or, if that takes too long, when the kubelet gives it up. It holds until
// Observer.CallChanged says otherwise.
func (m *Machine) SandboxBy(s *Sandbox, at sim.Time) (by sim.Time, inTime bool) {
	_, sandbox := m.setUpTimes(s)
	return m.callBy(call{of: s, at: at, takes: sandbox, patience: sandboxPatience})
}

// StartBy is the same of a container that is to be created and started. Its sandbox may be one
// that SandboxBy has promised for that very time.
func (m *Machine) StartBy(s *Sandbox, i int, at sim.Time) (by sim.Time, inTime bool) {
	return m.callBy(call{of: s, starts: true, at: at, takes: m.startTimeOf(s, i), patience: startPatience})
}

// callBy puts a call in line. A call of the same pod that is still there was made by a kubelet
// that has ended since, unless it makes the sandbox for this one: nobody waits for that.
func (m *Machine) callBy(x call) (by sim.Time, inTime bool) {
	m.forgetCalls()
	for i := range m.asked {
		if o := &m.asked[i]; o.of == x.of && !(x.starts && o.makes(x.at)) {
			o.of = nil
		}
	}
	x.behind = m.Behind()
	x.patience -= x.behind
	m.calls.take(&x)
	m.asked = append(m.asked, x)
	if !x.inTime {
		x.of.inVain++
	}
	return x.toldAt(), x.inTime
}

// makes tells whether a call makes a sandbox that will be there at a time.
func (x *call) makes(at sim.Time) bool { return !x.starts && x.toldAt() == at }

// Withdraw has a pod make none of the calls that it was going to make, and tells whether
// there were any. Those of others that wait find their places anew.
func (m *Machine) Withdraw(s *Sandbox) (any bool) {
	now := m.kernel.Now()
	m.asked = slices.DeleteFunc(m.asked, func(x call) bool {
		mine := x.of == s && x.at > now
		if mine && !x.inTime {
			s.inVain--
		}
		any = any || mine
		return mine
	})
	if any {
		m.repaceCalls(1, 1)
	}
	return any
}

// forgetCalls forgets the calls that are over.
func (m *Machine) forgetCalls() {
	now := m.kernel.Now()
	m.asked = slices.DeleteFunc(m.asked, func(x call) bool { return x.over <= now })
}

// dropCalls breaks all calls off.
func (m *Machine) dropCalls() {
	clear(m.asked)
	m.calls, m.asked = calls{}, m.asked[:0]
}

// repaceCalls has calls go on at another speed of the disk from now on: is instead of was, both
// in millionths. Calls that have begun keep their places, and those that wait find theirs anew,
// in the order in which they were made. A kubelet is no more patient than before, so what would
// have been too late may now be in time, and the other way round.
func (m *Machine) repaceCalls(was, is int64) {
	m.forgetCalls()
	now := m.kernel.Now()
	for i := range m.calls {
		m.calls[i] = min(m.calls[i], now)
	}
	for i := range m.asked {
		if x, before := &m.asked[i], m.asked[i]; x.begin <= now {
			x.begin, x.takes = now, stretch(x.takes-now.Sub(x.begin), was, is)
			m.calls.run(x)
			m.tellCall(i, before)
		}
	}
	for i := range m.asked {
		x, before := &m.asked[i], m.asked[i]
		if x.begin <= now {
			continue
		}
		x.takes = stretch(x.takes, was, is)
		if m.follows(i) {
			made := &m.asked[i-1]
			if !made.inTime { // without a sandbox nothing is started, and the kubelet was told of that one
				x.over, x.inTime = now, true
				m.countInVain(x, before)
				x.of = nil
				continue
			}
			x.at = made.toldAt()
		}
		m.calls.take(x)
		m.tellCall(i, before)
	}
	m.forgetCalls()
}

// follows tells whether the ith call starts a container in the sandbox that the call in front
// of it makes: the kubelet waits for both as one.
func (m *Machine) follows(i int) bool {
	if i == 0 || i == len(m.asked) {
		return false
	}
	x, made := &m.asked[i], &m.asked[i-1]
	return x.of != nil && x.of == made.of && x.starts && !made.starts
}

// tellCall tells the kubelet that the ith call is over at another time than before, unless it
// waits for the next one, too: then it is told of that.
func (m *Machine) tellCall(i int, before call) {
	x := &m.asked[i]
	m.countInVain(x, before)
	if x.of == nil || x.over == before.over && x.inTime == before.inTime || x.inTime && m.follows(i+1) {
		return
	}
	m.kubelet.CallChanged(x.of, Answer{x.toldAt(), x.starts, x.inTime})
}

// countInVain corrects how many calls of a pod were in vain, if this one has become too late,
// or is so no more.
func (m *Machine) countInVain(x *call, before call) {
	switch {
	case x.of == nil || x.inTime == before.inTime:
	case x.inTime:
		x.of.inVain--
	default:
		x.of.inVain++
	}
}
