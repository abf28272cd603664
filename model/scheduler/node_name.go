package scheduler

import "orrery/model"

// nodeName lets a pod that names its node go nowhere else
// (pkg/scheduler/framework/plugins/nodename/node_name.go). Pods that wait in
// the queue name none: one that does counts as assigned.
type nodeName struct{ other *Status }

func newNodeName(h *Handle) Plugin {
	p := &nodeName{}
	p.other = h.Status(p.Name(), UnschedulableAndUnresolvable, "node(s) didn't match the requested node name")
	return p
}

func (*nodeName) Name() string { return "NodeName" }

// SignPod implements SignPlugin.
func (*nodeName) SignPod(key []byte, pod *model.Pod) []byte { return signText(key, pod.NodeName) }

// Filter implements FilterPlugin.
func (p *nodeName) Filter(pod *model.Pod, node *NodeInfo) *Status {
	if pod.NodeName == "" || pod.NodeName == node.Node.Name {
		return nil
	}
	return p.other
}

// EventsToRegister implements EnqueueExtensions.
func (*nodeName) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{{Event: NodeAdd}}
}
