package fault

import "orrery/model"

// nodeDown takes power from machines: containers are gone, nobody answers, and
// after power returns the machine boots. One that goes down in an orderly way has its
// pods end first, if its kubelet is set up for that. A zone has its machines of etcd,
// too.
type nodeDown struct {
	nodes   []model.Object
	members []int // of etcd, on machines that are no nodes
	gentle  int
}

func (f *nodeDown) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.nodes, f.members = nodes, d.etcdZone(&s.Target)
	said := d.etcdNames(f.members)
	if s.Graceful {
		f.gentle = 1
		if said == "" {
			said = "shut down"
		}
	}
	f.hold(d, 1)
	return said, true
}

func (f *nodeDown) end(d *Director) { f.hold(d, -1) }

func (f *nodeDown) hold(d *Director, by int) {
	for _, n := range f.nodes {
		d.hold(n.Head().ID, by, holds{downs: 1, gentle: f.gentle})
	}
	for _, i := range f.members {
		d.etcdMember(i).offs += by
	}
}
