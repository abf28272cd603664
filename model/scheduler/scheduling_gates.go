package scheduler

import (
	"strings"

	"orrery/model"
)

// schedulingGates keeps a pod out of the queue while it has scheduling gates
// (pkg/scheduler/framework/plugins/schedulinggates/scheduling_gates.go).
type schedulingGates struct{ handle *Handle }

func newSchedulingGates(h *Handle) Plugin { return &schedulingGates{h} }

func (*schedulingGates) Name() string { return "SchedulingGates" }

// PreEnqueue implements PreEnqueuePlugin.
func (p *schedulingGates) PreEnqueue(pod *model.Pod) *Status {
	if len(pod.Gates) == 0 {
		return nil
	}
	return p.handle.once(p.Name(), UnschedulableAndUnresolvable, "waiting for scheduling gates: ["+strings.Join(pod.Gates, " ")+"]")
}

// EventsToRegister implements EnqueueExtensions.
func (*schedulingGates) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{{Event: PodUpdateSchedulingGatesEliminated}}
}
