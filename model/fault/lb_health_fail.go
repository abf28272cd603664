package fault

import "orrery/model"

// lbHealthFail has load balancers' health checks of nodes fail that are well, as when a
// firewall is closed to them, or for a moment: repeated, they flap.
type lbHealthFail struct{ undoing }

func (f *lbHealthFail) begin(d *Director, _ *Spec, nodes []model.Object) (string, bool) {
	if len(d.world.Balancers()) == 0 {
		return "no traffic comes through a load balancer", false
	}
	f.hold(d, nodes, holds{spoils: 1})
	return "", true
}
