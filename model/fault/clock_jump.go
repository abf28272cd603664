package fault

import "orrery/model"

// clockJump sets the clocks of machines back. Kubelets go on in their own rhythm,
// but the renewals they write are older than the last ones, which the node
// controller takes for none: a node whose status does not change either is lost
// after its grace, and found again when its kubelet sees that. A clock that jumps
// ahead has no such effect. Leaders are elected by how long a Lease did not change,
// on one's own clock, so that no offset matters; credentials and schedules keep to
// a clock that is right.
type clockJump struct{}

func (clockJump) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	for _, n := range nodes {
		d.world.Truth().Leases().SetBack(n.Head().ID, s.By)
	}
	return "set back by " + s.By.String(), true
}

func (clockJump) end(*Director) {}
