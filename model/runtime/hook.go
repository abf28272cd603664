package runtime

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// The hooks of a container. They run inside it and do not fail here.

// PostStartTime is how long the hook after the start of a container's newest
// instance takes, 0 if it has none.
func (m *Machine) PostStartTime(s *Sandbox, i int) time.Duration {
	c := container(s.Pod.Spec, i)
	b := m.behaviors.For(s.Pod, c.Name)
	return m.hookTime(s, i, c.PostStart, b.PostStart, 0)
}

// PreStopTime is how long the hook before the stop of a container's newest instance
// would take, 0 if it has none.
func (m *Machine) PreStopTime(s *Sandbox, i int) time.Duration {
	c := container(s.Pod.Spec, i)
	b := m.behaviors.For(s.Pod, c.Name)
	return m.hookTime(s, i, c.PreStop, b.PreStop, 1)
}

// hookTime is what the scenario says of a hook, else the manifest, else what a
// command or a request takes.
func (m *Machine) hookTime(s *Sandbox, i int, hook *model.Hook, said sim.Dist, which uint64) time.Duration {
	switch {
	case said.IsZero() && hook == nil:
		return 0
	case said.IsZero() && hook.Sleep > 0:
		return hook.Sleep
	case said.IsZero():
		said = DefaultHook
	}
	luck := m.costs.hook.Draw(s.Hash, which<<63|uint64(i)<<32|uint64(s.Processes[i].Instances))
	return said.Draw(&luck)
}
