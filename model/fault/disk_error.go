package fault

import "orrery/model"

// diskError has writing to the disks of nodes fail: what runs goes on, since nothing
// that it has written is lost, but no sandbox and no container can be made there.
// Kubelets do not look, so the nodes are Ready.
type diskError struct{ undoing }

func (f *diskError) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.hosts(d, nodes, func(h Host, _ *model.Node) func() {
		h.BreakDisk(s.Errno)
		return func() { h.MendDisk(s.Errno) }
	})
	return "writing fails with " + s.Errno, true
}
