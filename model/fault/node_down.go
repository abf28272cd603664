package fault

import "orrery/model"

// nodeDown takes power from machines: containers are gone, nobody answers, and
// after power returns the machine boots. One that goes down in an orderly way has its
// pods end first, if its kubelet is set up for that.
type nodeDown struct {
	nodes []model.Object
	holds
}

func (f *nodeDown) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.nodes, f.downs = nodes, 1
	said := ""
	if s.Graceful {
		f.gentle, said = 1, "shut down"
	}
	for _, n := range nodes {
		d.hold(n.Head().ID, f.holds)
	}
	return said, true
}

func (f *nodeDown) end(d *Director) {
	for _, n := range f.nodes {
		d.hold(n.Head().ID, holds{downs: -f.downs, gentle: -f.gentle})
	}
}
