package runtime

import "orrery/sim"

// The container runtime itself is a daemon, and containers are children of shims, not
// of it: they run on when it ends. What it was doing is broken off, and so are the
// timers of those that it has sent SIGTERM. When it is back it finds everything
// again, with the exit codes that the shims have kept
// (containerd/internal/cri/server/restart.go).

// StopRuntime ends the daemon. Whoever waits for something of it hears no more.
func (m *Machine) StopRuntime() {
	wasDown := m.RuntimeDown()
	m.down = true
	if !wasDown {
		m.BreakOff()
		m.turnRotation()
	}
}

// BreakOff breaks off what the daemon was doing, because it ends or because who asked for it
// has: a call whose caller is gone is canceled, so that nobody gets SIGKILL when the grace is
// over that a kubelet has given which does not run any more
// (containerd/internal/cri/server/container_stop.go stopContainer).
func (m *Machine) BreakOff() {
	m.CancelPulls()
	m.dropCalls()
	for s, i := range m.processes() {
		if p := &s.Processes[i]; p.Running && p.killAt != sim.Never {
			p.killAt = sim.Never
			m.postDue(s, i)
		}
	}
}

// StartRuntime starts it again.
func (m *Machine) StartRuntime() {
	m.down = false
	m.turnRotation()
}

// SetCNI says whether the plugin works that gives pods their network.
func (m *Machine) SetCNI(works bool) { m.noCNI = !works }

// NoCNI tells whether it does not.
func (m *Machine) NoCNI() bool { return m.noCNI }

// RuntimeDown tells whether it does not run, or is far too late, so that every call to
// it fails at once.
func (m *Machine) RuntimeDown() bool { return m.down || m.daemons.felt >= tooLate }
