package runtime

// crowd is a machine of which more CPU is wanted than there is. If its kernel cannot
// stand that for long, as some could not whose watchdogs took a process that got no CPU
// for a lockup, it is looked at when it has lasted too long.
func (m *Machine) crowd() {
	if m.crowded {
		return
	}
	m.crowded, m.crowdedAt = true, m.kernel.Now()
	if m.panicAfter > 0 {
		m.kernel.Post(m.crowdedAt.Add(m.panicAfter), m.self, whyPanic, 0)
	}
}

// panicDue ends everything, if the machine has been crowded all the time.
func (m *Machine) panicDue() {
	if m.crowded && m.kernel.Now() == m.crowdedAt.Add(m.panicAfter) {
		m.kubelet.Panicked()
	}
}
