package runtime

import "orrery/sim"

// Powered tells whether the machine is on.
func (m *Machine) Powered() bool { return m.on }

// PowerOff ends everything on the machine at once. Nobody is left to tell but
// those who were using it.
func (m *Machine) PowerOff() {
	m.on, m.offAt, m.fullAt = false, m.kernel.Now(), sim.Never
	m.dropCalls()
	m.outside, m.pids.taken, m.hogs.all = 0, 0, m.hogs.all[:0]
	m.wanted -= m.burnt + m.daemons.wants + m.unpackWants
	m.burnt, m.burns, m.unpackWants, m.unpackPace, m.running = 0, 0, 0, full, 0
	m.reckonWhole()
	m.rooms.awaited = false
	m.CancelPulls()
	m.daemons = newDaemons(m.offAt)
	for _, s := range m.pods {
		if s == nil {
			continue
		}
		m.distrust(s)
		s.Ready = false
		if s.serving && m.serving != nil {
			m.serving.Broke(s.Pod.Ref(), 0, true)
		}
		for i := range s.Processes {
			if p := &s.Processes[i]; p.Running {
				p.closeLog(m.offAt)
				p.disk, p.diskGrowth = p.DiskUsed(m.offAt), 0 // whenever it is found to have ended
				p.Running, p.FinishedAt, p.EndedBefore, p.dueAt = false, m.offAt, p.FinishedAt, sim.Never
				m.idle(s, p)
				p.ExitCode, p.Cause = lostCode, Lost
				m.tellThrottling(s, i)
				s.close(i, p)
			}
		}
		s.loseMemory()
		m.checkServing(s)
	}
}

// Boot is the machine back, its image cache and the records of its containers
// intact: the runtime finds those that ran gone, and takes the time for when they
// ended. That is before anybody looks.
func (m *Machine) Boot() {
	m.on = true
	m.openAccount()
	m.need(0)
	for s, i := range m.processes() {
		if p := &s.Processes[i]; p.Cause == Lost && p.FinishedAt == m.offAt {
			p.FinishedAt = m.kernel.Now() - 1
		}
	}
}
