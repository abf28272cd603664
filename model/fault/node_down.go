package fault

import "orrery/model"

// nodeDown takes power from machines: containers are gone, nobody answers, and
// after power returns the machine boots.
type nodeDown struct{ nodes []model.Object }

func (f *nodeDown) begin(d *Director, _ *Spec, nodes []model.Object) (string, bool) {
	f.nodes = nodes
	for _, n := range nodes {
		d.hold(n.Head().ID, 1, 0)
	}
	return "", true
}

func (f *nodeDown) end(d *Director) {
	for _, n := range f.nodes {
		d.hold(n.Head().ID, -1, 0)
	}
}
