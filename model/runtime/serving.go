package runtime

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// Which pods serve, and who waits for an API server before it does. Requests pass through all
// app containers of a pod, and through those of its sidecars that they cost anything, as
// through a proxy.

// Watcher is told, at once and truthfully, when a pod starts or stops to
// serve: all its containers that requests pass through run and have started up, on a machine
// with power.
type Watcher interface {
	ServingChanged(pod model.Ref, serving bool)
	// Broke says that a pod that serves is about to lose the requests it has. It has
	// been ending for so long, 0 if it was not told to or was killed; silent is a machine
	// without power.
	Broke(pod model.Ref, ending time.Duration, silent bool)
	// CapacityChanged says that a pod has CPU for more or fewer requests now.
	CapacityChanged(pod model.Ref)
}

// postServing looks again when the last container of a pod that requests pass through has
// started up, if all of them run.
func (m *Machine) postServing(s *Sandbox) {
	var at sim.Time
	for i := range s.Processes {
		p := &s.Processes[i]
		if !s.passed(i) {
			continue
		}
		if !p.Running || p.waits {
			return
		}
		at = max(at, p.ServesAt)
	}
	m.kernel.Post(max(at, m.kernel.Now()), m.self, whyUp, uint64(s.Pod.ID))
}

// passed tells whether requests pass through a container. Sidecars have been started before
// those of the app, so then it is known of them.
func (s *Sandbox) passed(i int) bool {
	return i >= len(s.Pod.Spec.InitContainers) || s.Processes[i].asked
}

// Serves tells whether all containers of the pod that requests pass through run and have
// started up.
func (m *Machine) Serves(s *Sandbox) bool {
	if !m.on || !s.Ready || m.hangs(s) {
		return false
	}
	now := m.kernel.Now()
	for i := range s.Processes {
		if p := &s.Processes[i]; s.passed(i) && (!p.Running || p.UpAt() > now) {
			return false
		}
	}
	return true
}

// UpAt is when the newest instance has started up, as things are: Never while it
// waits for an API server.
func (p *Process) UpAt() sim.Time {
	if p.waits {
		return sim.Never
	}
	return p.ServesAt
}

// API is where processes ask for what they need before they serve.
type API interface {
	// Need has an API server asked, until it answers or nobody waits any more, which
	// the Machine is told or tells.
	Need(m *Machine, by Asker)
}

// Asker is a process that needs an API server.
type Asker struct {
	Pod       uint32
	Container int
	Instance  int32
}

// asks is the process, nil if it does not wait any more.
func (m *Machine) asks(by Asker) (*Sandbox, *Process) {
	if s := m.Sandbox(by.Pod); s != nil && m.on && by.Container < len(s.Processes) {
		if p := &s.Processes[by.Container]; p.Running && p.waits && p.Instances == by.Instance {
			return s, p
		}
	}
	return nil, nil
}

// Waits tells whether a process still waits for its answer, and of which pod it is.
func (m *Machine) Waits(by Asker) (pod *model.Pod, ok bool) {
	s, _ := m.asks(by)
	if s == nil {
		return nil, false
	}
	return s.Pod, true
}

// Answered lets a process go on that has what it needs.
func (m *Machine) Answered(by Asker) {
	s, p := m.asks(by)
	if s == nil {
		return
	}
	p.waits, p.ServesAt = false, max(p.ServesAt, m.kernel.Now())
	m.kubelet.StartupChanged(s)
	if m.serving != nil && p.asked {
		m.postServing(s)
	}
}

// Serving tells whether the pod serves, as its Watcher was told last.
func (s *Sandbox) Serving() bool { return s.serving }

func (m *Machine) checkServing(s *Sandbox) {
	if m.serving == nil {
		return
	}
	if now := m.Serves(s); now != s.serving {
		s.serving = now
		m.serving.ServingChanged(s.Pod.Ref(), now)
	}
}

// lose tells that a pod loses the requests it has if it serves and this process ends. One
// that ends by itself after SIGTERM has finished what it got since.
func (m *Machine) lose(s *Sandbox, p *Process) {
	if m.serving == nil || !s.serving || !p.asked {
		return
	}
	ending := time.Duration(0)
	if p.TermAt > 0 && p.dueCode == 0 && p.dueCause == Exited {
		ending = m.kernel.Now().Sub(p.TermAt)
	}
	m.serving.Broke(s.Pod.Ref(), ending, false)
}
