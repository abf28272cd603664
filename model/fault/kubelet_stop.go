package fault

import "orrery/model"

// kubeletStop ends the kubelet process of machines: containers and kube-proxy
// go on, but nobody starts, probes, restarts or ends anything, and the node
// sends no heartbeat.
type kubeletStop struct{ nodes []model.Object }

func (f *kubeletStop) begin(d *Director, _ *Spec, nodes []model.Object) (string, bool) {
	f.nodes = nodes
	for _, n := range nodes {
		d.hold(n.Head().ID, holds{stops: 1})
	}
	return "", true
}

func (f *kubeletStop) end(d *Director) {
	for _, n := range f.nodes {
		d.hold(n.Head().ID, holds{stops: -1})
	}
}
