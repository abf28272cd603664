package fault

import "orrery/model"

// taking has processes of the system, outside of all pods, take what there is on machines
// up to a share of it, at once, and give it back: memory, of which the kubelet's eviction
// and the kernel are left with what pods have; or the numbers that there are for
// processes, as a fork bomb does, without which nothing can be started.
type taking struct {
	said     string // after the share
	take     func(h Host, ppm int64) int64
	giveBack func(h Host, n int64)
	nodes    []model.Object
	taken    []int64 // beside nodes
}

func (f *taking) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.nodes = nodes
	for _, n := range nodes {
		f.taken = append(f.taken, f.take(d.host(n.Head().ID), s.FillPPM))
	}
	return percent(s.FillPPM) + f.said, true
}

func (f *taking) end(d *Director) {
	for i, n := range f.nodes {
		f.giveBack(d.host(n.Head().ID), f.taken[i])
	}
}
