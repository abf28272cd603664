package fault

import "orrery/model"

// memoryStress has processes outside of all pods use memory, at once: the kubelet's
// eviction and the kernel are left with what pods have.
type memoryStress struct {
	nodes []model.Object
	bytes []int64 // beside nodes
}

func (f *memoryStress) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.nodes = nodes
	for _, n := range nodes {
		f.bytes = append(f.bytes, d.host(n.Head().ID).TakeMemory(s.FillPPM))
	}
	return percent(s.FillPPM) + " of the memory are used", true
}

func (f *memoryStress) end(d *Director) {
	for i, n := range f.nodes {
		d.host(n.Head().ID).ReturnMemory(f.bytes[i])
	}
}
