package fault

import "orrery/model"

// diskFill writes to the disks of machines, what a runaway log of the system does, or
// makes many small files there: the kubelet's only means against it are images and pods.
type diskFill struct {
	nodes         []model.Object
	bytes, inodes []int64 // beside nodes
}

func (f *diskFill) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.nodes, f.bytes, f.inodes = nodes, make([]int64, len(nodes)), make([]int64, len(nodes))
	for i, n := range nodes {
		m := d.host(n.Head().ID)
		if s.FillPPM > 0 {
			f.bytes[i] = m.FillDisk(s.FillPPM)
		}
		if s.InodesPPM > 0 {
			f.inodes[i] = m.FillInodes(s.InodesPPM)
		}
	}
	switch {
	case s.InodesPPM == 0:
		return percent(s.FillPPM) + " of the disk are used", true
	case s.FillPPM == 0:
		return percent(s.InodesPPM) + " of the inodes are used", true
	}
	return percent(s.FillPPM) + " of the disk and " + percent(s.InodesPPM) + " of the inodes are used", true
}

func (f *diskFill) end(d *Director) {
	for i, n := range f.nodes {
		m := d.host(n.Head().ID)
		if f.bytes[i] > 0 {
			m.FreeDisk(f.bytes[i])
		}
		if f.inodes[i] > 0 {
			m.FreeInodes(f.inodes[i])
		}
	}
}
