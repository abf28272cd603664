package fault

import "orrery/model"

// kubeletStop ends the kubelet process of machines: containers and kube-proxy
// go on, but nobody starts, probes, restarts or ends anything, and the node
// sends no heartbeat.
type kubeletStop struct{ undoing }

func (f *kubeletStop) begin(d *Director, _ *Spec, nodes []model.Object) (string, bool) {
	f.hold(d, nodes, holds{stops: 1})
	return "", true
}
