package scheduler

import "orrery/model"

// schedulingGates keeps a pod out of the queue while it has scheduling gates
// (pkg/scheduler/framework/plugins/schedulinggates/scheduling_gates.go). The
// original lists their names; here only their number is known.
type schedulingGates struct{ gated *Status }

func newSchedulingGates(h *Handle) Plugin {
	p := &schedulingGates{}
	p.gated = h.Status(p.Name(), UnschedulableAndUnresolvable, "waiting for scheduling gates")
	return p
}

func (*schedulingGates) Name() string { return "SchedulingGates" }

// PreEnqueue implements PreEnqueuePlugin.
func (p *schedulingGates) PreEnqueue(pod *model.Pod) *Status {
	if pod.Gates > 0 {
		return p.gated
	}
	return nil
}

// EventsToRegister implements EnqueueExtensions.
func (*schedulingGates) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{{Event: PodUpdateSchedulingGatesEliminated}}
}
