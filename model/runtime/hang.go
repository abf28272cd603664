package runtime

import "slices"

// Hang has the processes of a pod hang from now on, those that start, too: they do not
// serve, and leave probes unanswered and SIGTERM alone until they go on. The pod may be
// unknown here.
func (m *Machine) Hang(pod uint32) {
	m.hanging = append(m.hanging, pod)
	m.hangChanged(pod)
}

// Unhang takes back one Hang.
func (m *Machine) Unhang(pod uint32) {
	m.hanging = less(m.hanging, pod)
	if s := m.Sandbox(pod); s != nil && !m.hangs(s) {
		m.heedLate(s)
	}
	m.hangChanged(pod)
}

// Stick keeps the volumes of a pod mounted, until Unstick. The pod may be unknown here.
func (m *Machine) Stick(pod uint32) { m.stuck = append(m.stuck, pod) }

// Unstick takes back one Stick.
func (m *Machine) Unstick(pod uint32) { m.stuck = less(m.stuck, pod) }

// Stuck tells whether the volumes of a pod cannot be unmounted.
func (m *Machine) Stuck(pod uint32) bool { return slices.Contains(m.stuck, pod) }

func (m *Machine) hangs(s *Sandbox) bool {
	return len(m.hanging) > 0 && slices.Contains(m.hanging, s.Pod.ID)
}

func (m *Machine) hangChanged(pod uint32) {
	if s := m.Sandbox(pod); s != nil {
		if m.serving != nil && s.serving && m.hangs(s) {
			m.serving.Broke(s.Pod.Ref(), 0, true)
		}
		m.checkServing(s)
		m.kubelet.ProbesChanged(s)
	}
}
