package fault

import "orrery/model"

// stuckTerminating keeps volumes of pods from being unmounted: those that end meanwhile
// stay Terminating, with nothing of them running, until it is over.
type stuckTerminating struct{ pods []*model.Pod }

func (f *stuckTerminating) begin(d *Director, _ *Spec, pods []model.Object) (string, bool) {
	for _, o := range pods {
		p := o.(*model.Pod)
		f.pods = append(f.pods, p)
		d.host(p.NodeID).Stick(p.Ref())
	}
	return "their volumes cannot be unmounted", true
}

func (f *stuckTerminating) end(d *Director) {
	for _, p := range f.pods {
		d.host(p.NodeID).Unstick(p.Ref())
	}
}
