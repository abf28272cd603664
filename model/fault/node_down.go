package fault

import "orrery/model"

// nodeDown takes power from machines: containers are gone, nobody answers, and
// after power returns the machine boots. A zone has its machines of etcd, too.
type nodeDown struct {
	nodes   []model.Object
	members []int // of etcd, on machines that are no nodes
}

func (f *nodeDown) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.nodes, f.members = nodes, d.etcdZone(&s.Target)
	f.hold(d, 1)
	return d.etcdNames(f.members), true
}

func (f *nodeDown) end(d *Director) { f.hold(d, -1) }

func (f *nodeDown) hold(d *Director, by int) {
	for _, n := range f.nodes {
		d.hold(n.Head().ID, by, 0)
	}
	for _, i := range f.members {
		d.etcdMember(i).offs += by
	}
}
