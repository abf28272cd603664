package fault

import "orrery/model"

// nodeTerminate takes machines away for good. Their nodes stay until the cloud
// node lifecycle controller finds them not ready.
type nodeTerminate struct{}

func (nodeTerminate) begin(d *Director, _ *Spec, nodes []model.Object) (string, bool) {
	done := false
	for _, n := range nodes {
		done = d.world.Cloud().Terminate(n.Head().ID, "by a fault") || done
	}
	if !done {
		return "the machines are gone already", false
	}
	return "", true
}

func (nodeTerminate) end(*Director) {}
