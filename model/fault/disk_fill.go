package fault

import "orrery/model"

// diskFill writes to the disks of machines, what a runaway log of the system
// does: the kubelet's only means against it are images and pods.
type diskFill struct {
	nodes []model.Object
	bytes []int64 // beside nodes
}

func (f *diskFill) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.nodes = nodes
	for _, n := range nodes {
		f.bytes = append(f.bytes, d.world.Machine(n.Head().ID).FillDisk(s.FillPPM))
	}
	return percent(s.FillPPM) + " of the disk are used", true
}

func (f *diskFill) end(d *Director) {
	for i, n := range f.nodes {
		d.world.Machine(n.Head().ID).FreeDisk(f.bytes[i])
	}
}
