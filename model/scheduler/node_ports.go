package scheduler

import (
	"slices"

	"orrery/model"
)

// nodePorts refuses nodes on which a port that the pod wants for itself is
// taken (pkg/scheduler/framework/plugins/nodeports/node_ports.go).
type nodePorts struct{ taken, skip *Status }

func newNodePorts(h *Handle) Plugin {
	p := &nodePorts{}
	p.taken = h.Status(p.Name(), Unschedulable, "node(s) didn't have free ports for the requested pod ports")
	p.skip = h.Status(p.Name(), Skip)
	return p
}

func (*nodePorts) Name() string { return "NodePorts" }

func portsOf(pod *model.Pod) []model.HostPort {
	if pod.Spec.Placement == nil {
		return nil
	}
	return pod.Spec.Placement.HostPorts
}

// SignPod implements SignPlugin.
func (*nodePorts) SignPod(key []byte, pod *model.Pod) []byte {
	ports := portsOf(pod)
	key = signNumber(key, int64(len(ports)))
	for _, p := range ports {
		key = signNumber(signText(signText(key, p.IP), p.Protocol), int64(p.Port))
	}
	return key
}

// PreFilter implements PreFilterPlugin.
func (p *nodePorts) PreFilter(pod *model.Pod) (PreFilterResult, *Status) {
	if len(portsOf(pod)) == 0 {
		return PreFilterResult{}, p.skip
	}
	return PreFilterResult{}, nil
}

// Filter implements FilterPlugin.
func (p *nodePorts) Filter(pod *model.Pod, node *NodeInfo) *Status {
	if conflict(portsOf(pod), node.UsedPorts) {
		return p.taken
	}
	return nil
}

func conflict(want, used []model.HostPort) bool {
	return slices.ContainsFunc(want, func(w model.HostPort) bool { return slices.ContainsFunc(used, w.Conflicts) })
}

// EventsToRegister implements EnqueueExtensions: a new node has all its ports,
// and a pod that leaves gives back its own.
func (*nodePorts) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{
		{Event: NodeAdd},
		{AssignedPodDelete, func(pod *model.Pod, e *Event) bool { return conflict(portsOf(pod), portsOf(e.Pod)) }},
	}
}
