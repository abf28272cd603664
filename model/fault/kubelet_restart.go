package fault

import "orrery/model"

// kubeletRestart ends the kubelet process of machines, which starts again at once, as
// after a change of its configuration or an upgrade. Containers go on.
type kubeletRestart struct{}

func (kubeletRestart) begin(d *Director, _ *Spec, nodes []model.Object) (string, bool) {
	done := false
	for _, n := range nodes {
		if id := n.Head().ID; d.free(id) {
			d.world.Machine(id).Stop()
			d.world.Machine(id).Resume()
			done = true
		}
	}
	if !done {
		return "no kubelet runs there", false
	}
	return "", true
}

func (kubeletRestart) end(*Director) {}
