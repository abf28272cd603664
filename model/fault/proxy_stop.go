package fault

import "orrery/model"

// proxyStop ends the kube-proxy process of nodes: the rules there are stay, older with
// every endpoint that comes or goes, and the node answers no load balancer's health check.
type proxyStop struct{ undoing }

func (f *proxyStop) begin(d *Director, _ *Spec, nodes []model.Object) (string, bool) {
	f.hold(d, nodes, holds{proxyStops: 1})
	return "", true
}

// stopProxy ends a node's kube-proxy, or starts another.
func (d *Director) stopProxy(node uint32, stop bool) {
	n := d.world.Truth().Get(model.Ref{Kind: model.KindNode, ID: node})
	if n == nil {
		return // with its machine
	}
	if p := d.world.Proxy(n.Head().Name); stop {
		p.Stop()
	} else {
		p.Start()
	}
}
