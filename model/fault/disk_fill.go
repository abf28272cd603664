package fault

import "orrery/model"

// diskFill writes to the disks of machines, what a runaway log of the system does, or
// makes many small files there: the kubelet's only means against it are images and pods.
type diskFill struct{ undoing }

func (f *diskFill) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	var all int64
	f.hosts(d, nodes, func(h Host, _ *model.Node) func() {
		var bytes, inodes int64
		if s.FillPPM > 0 {
			bytes = h.FillDisk(s.FillPPM)
		}
		if s.InodesPPM > 0 {
			inodes = h.FillInodes(s.InodesPPM)
		}
		all += bytes + inodes
		return func() {
			if bytes > 0 {
				h.FreeDisk(bytes)
			}
			if inodes > 0 {
				h.FreeInodes(inodes)
			}
		}
	})
	switch {
	case all == 0:
		return tookNothing, false
	case s.InodesPPM == 0:
		return percent(s.FillPPM) + " of the disk are used", true
	case s.FillPPM == 0:
		return percent(s.InodesPPM) + " of the inodes are used", true
	}
	return percent(s.FillPPM) + " of the disk and " + percent(s.InodesPPM) + " of the inodes are used", true
}
