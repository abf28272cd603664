package fault

import "orrery/model"

// spotReclaim has the cloud take machines back after a notice. Whether anybody
// heeds the notice is not the fault's affair.
type spotReclaim struct{}

func (spotReclaim) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	done := false
	for _, n := range nodes {
		done = d.world.Cloud().Reclaim(n.Head().ID, s.Notice) || done
	}
	if !done {
		return "the machines are gone already", false
	}
	return "taken back in " + s.Notice.String(), true
}

func (spotReclaim) end(*Director) {}
