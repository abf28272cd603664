package runtime

import "orrery/sim"

// Why a machine wakes up, and what that is about: a pod's ID, and the number of a container
// of it above that.
const (
	whyDue       sim.Why = iota // about is a pod and a container of it
	whyUp                       // about is a pod, which may serve now
	whyPull                     // about is a pod
	whyFull                     // the memory may be full
	whyPanic                    // too much CPU may have been wanted for too long
	whyForks                    // about is a pod and a container of it
	whyBrim                     // about is a pod and a container of it
	whyBehind                   // the daemons may be further behind
	whyBurst                    // about is a pod and a container of it
	whyUnpack                   // about is a pod
	whySpace                    // the disk may be full
	whyHog                      // what others use becomes another line
	whyThrottled                // about is a pod and a container of it
	whyUsed                     // about is a pod, or wholeMachine
	whyRoom                     // requests may wait for cores otherwise
)

// Wake implements sim.Actor. On a machine without power nothing happens any more but that
// somebody tells what it uses, which is nothing.
func (m *Machine) Wake(now sim.Time, why sim.Why, about uint64) {
	if !m.on && why != whyUsed {
		return
	}
	switch why {
	case whyUsed:
		m.usedDue(uint32(about))
	case whyPull:
		m.pullDue(now, uint32(about))
	case whyFull:
		m.full(now)
	case whyBehind:
		m.daemonsDue(now)
	case whyRoom:
		m.roomsDue(now)
	case whyPanic:
		m.panicDue()
	case whyHog:
		m.hogsDue(now)
	case whyUnpack:
		m.unpackDue(now, uint32(about))
	case whySpace:
		m.spaceDue(now)
	default:
		if s := m.Sandbox(uint32(about)); s != nil {
			m.podDue(s, int(about>>32), now, why)
		}
	}
}

// podDue is a wake-up about a pod that is there, or about its ith container.
func (m *Machine) podDue(s *Sandbox, i int, now sim.Time, why sim.Why) {
	switch why {
	case whyUp:
		m.calm(s)
		m.checkServing(s)
	case whyDue:
		m.endDue(s, i, now)
	case whyBurst:
		m.burstDue(s, i, now)
	case whyBrim:
		m.brimDue(s, i, now)
	case whyForks:
		m.forksDue(s, i, now)
	case whyThrottled:
		m.throttledDue(s, i)
	}
}

// DescribeWake implements sim.Describer.
func (m *Machine) DescribeWake(why sim.Why, about uint64) string {
	switch why {
	case whyFull:
		return "memory is full"
	case whyBehind:
		return "daemons without CPU"
	case whyRoom:
		return "requests may wait for cores otherwise, machine"
	case whyPanic:
		return "too little CPU for too long"
	case whyHog:
		return "processes of the system grow otherwise, machine"
	case whyUnpack:
		return "an image is unpacked, machine"
	case whySpace:
		return "disk is full"
	case whyBurst:
		return "a burst begins or ends, machine"
	case whyForks:
		return "a pod has other processes, machine"
	case whyThrottled:
		return "a container may be throttled otherwise, machine"
	case whyBrim:
		return "a volume in memory is full, machine"
	case whyUsed:
		return "something else may be used, machine"
	case whyPull:
		return "image pull, pod " + m.pathOf(about)
	case whyUp:
		return "start-up of " + m.pathOf(about)
	}
	return "exit of a container of " + m.pathOf(about)
}

// pathOf is the pod that a wake-up is about.
func (m *Machine) pathOf(about uint64) string {
	if s := m.Sandbox(uint32(about)); s != nil {
		return s.Pod.Path()
	}
	return "a pod that is gone"
}
