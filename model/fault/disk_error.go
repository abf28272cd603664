package fault

import "orrery/model"

// diskError has writing to the disks of nodes fail: what runs goes on, since nothing
// that it has written is lost, but no sandbox and no container can be made there.
// Kubelets do not look, so the nodes are Ready.
type diskError struct {
	nodes []model.Object
	errno string
}

func (f *diskError) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.nodes, f.errno = nodes, s.Errno
	for _, n := range nodes {
		d.host(n.Head().ID).BreakDisk(f.errno)
	}
	return "writing fails with " + f.errno, true
}

func (f *diskError) end(d *Director) {
	for _, n := range f.nodes {
		d.host(n.Head().ID).MendDisk(f.errno)
	}
}
