package fault

import "orrery/model"

// cniDown has the plugin fail that gives pods their network: a daemon that it asks is
// gone, or has no addresses left. Pods that have a network keep it, and the node is
// Ready, since the plugin's configuration is there; but no pod can begin there, and none
// that ends can be cleaned up.
type cniDown struct{ undoing }

func (f *cniDown) begin(d *Director, _ *Spec, nodes []model.Object) (string, bool) {
	f.hold(d, nodes, holds{cniStops: 1})
	return "", true
}
