package scheduler

import "orrery/model"

// nodeUnschedulable refuses cordoned nodes
// (pkg/scheduler/framework/plugins/nodeunschedulable/node_unschedulable.go).
type nodeUnschedulable struct{ cordoned *Status }

func newNodeUnschedulable(h *Handle) Plugin {
	p := &nodeUnschedulable{}
	p.cordoned = h.Status(p.Name(), UnschedulableAndUnresolvable, "node(s) were unschedulable")
	return p
}

func (*nodeUnschedulable) Name() string { return "NodeUnschedulable" }

// SignPod implements SignPlugin.
func (*nodeUnschedulable) SignPod(key []byte, pod *model.Pod) []byte {
	return signTolerations(key, pod.Spec.Tolerations)
}

var unschedulableTaint = model.Taint{Key: model.TaintUnschedulable, Effect: model.NoSchedule}

// Filter implements FilterPlugin. A pod that tolerates the taint of cordoned
// nodes tolerates the cordon.
func (p *nodeUnschedulable) Filter(pod *model.Pod, node *NodeInfo) *Status {
	if !node.Node.Unschedulable || model.Tolerated(pod.Spec.Tolerations, &unschedulableTaint) {
		return nil
	}
	return p.cordoned
}

// EventsToRegister implements EnqueueExtensions.
func (*nodeUnschedulable) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{{NodeAdd | NodeUpdateTaint, func(_ *model.Pod, e *Event) bool {
		return !e.NewNode.Unschedulable && (e.OldNode == nil || e.OldNode.Unschedulable)
	}}}
}
