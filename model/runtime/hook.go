package runtime

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// The hooks of a container. They run inside it.

// PostStart is how long the hook after the start of a container's newest instance
// takes, 0 if it has none, and whether it fails then.
func (m *Machine) PostStart(s *Sandbox, i int) (takes time.Duration, fails bool) {
	c := container(s.Pod.Spec, i)
	b := m.behaviors.For(s.Pod, c.Name)
	return m.hook(s, i, c.PostStart, b.PostStart, b.PostStartFails, postStart)
}

// PreStop is how long the hook before the stop of a container's newest instance
// would take, 0 if it has none, and whether it fails then.
func (m *Machine) PreStop(s *Sandbox, i int) (takes time.Duration, fails bool) {
	c := container(s.Pod.Spec, i)
	b := m.behaviors.For(s.Pod, c.Name)
	return m.hook(s, i, c.PreStop, b.PreStop, b.PreStopFails, preStop)
}

// PostStartSleeps tells whether the hook after the start is a sleep that is no command: the kubelet
// itself sleeps then, whatever becomes of the container.
func (m *Machine) PostStartSleeps(s *Sandbox, i int) bool {
	c := container(s.Pod.Spec, i)
	return sleeps(c.PostStart, m.behaviors.For(s.Pod, c.Name).PostStart)
}

// PreStopSleeps is the same of the hook before the stop.
func (m *Machine) PreStopSleeps(s *Sandbox, i int) bool {
	c := container(s.Pod.Spec, i)
	return sleeps(c.PreStop, m.behaviors.For(s.Pod, c.Name).PreStop)
}

func sleeps(hook *model.Hook, said sim.Dist) bool { return said.IsZero() && hook != nil && !hook.Runs }

// The hooks: the number of one is part of what names its luck.
const (
	postStart uint64 = iota
	preStop
)

// hook is what the scenario says of a hook, else how long the manifest has it sleep, and what a
// command or a request takes. A sleep that is no command does not fail.
func (m *Machine) hook(s *Sandbox, i int, hook *model.Hook, said sim.Dist, failPPM int64, which uint64) (takes time.Duration, fails bool) {
	switch {
	case said.IsZero() && hook == nil:
		return 0, false
	case sleeps(hook, said) && (which == postStart || hook.Sleep == 0):
		return hook.Sleep, false
	case sleeps(hook, said):
		said, failPPM = sim.Constant(hook.Sleep), 0
	case said.IsZero():
		said, takes = DefaultHook, hook.Sleep
	}
	luck := m.costs.hook.Draw(s.Hash, which<<63|uint64(i)<<32|uint64(s.Processes[i].Instances))
	takes += said.Draw(&luck)
	fails = failPPM > 0 && int64(luck.Below(1_000_000)) < failPPM
	if which == preStop && said.IsConstant() {
		takes += spreadTime.Draw(&luck)
	}
	return takes, fails
}
