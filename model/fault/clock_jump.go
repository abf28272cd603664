package fault

import "orrery/model"

// clockJump sets the clocks of machines back or ahead. Kubelets go on in their own
// rhythm, but the renewals they write after a jump back are older than the last ones,
// which the node controller takes for none: a node whose status does not change either
// is lost after its grace, and found again when its kubelet sees that. A clock that
// jumps ahead has no such effect. Leaders are elected by how long a Lease did not
// change, by a clock that only measures, so that no jump matters; but a controller
// manager on the machine runs CronJobs by its clock. Credentials keep to a clock that
// is right.
type clockJump struct{}

func (clockJump) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	by, said := -s.By, "set back by "
	if s.Ahead {
		by, said = s.By, "set ahead by "
	}
	for _, n := range nodes {
		if !s.Ahead {
			d.world.Truth().Leases().SetBack(n.Head().ID, s.By)
		}
		for _, machine := range d.controlMachines([]string{n.Head().Name}) {
			d.world.SetClock(machine, by)
		}
	}
	return said + s.By.String(), true
}

func (clockJump) end(*Director) {}
