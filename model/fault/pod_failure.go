package fault

import "orrery/model"

// podFailure has the processes of pods hang, those of instances that start meanwhile,
// too: they answer neither requests nor probes nor SIGTERM. The pods stay, and nobody
// is told.
type podFailure struct{ pods []*model.Pod }

func (f *podFailure) begin(d *Director, _ *Spec, pods []model.Object) (string, bool) {
	for _, o := range pods {
		p := o.(*model.Pod)
		f.pods = append(f.pods, p)
		d.world.Requests().Hang(p.ID, true)
		d.host(p.NodeID).Hang(p.Ref())
	}
	return "their processes hang", true
}

func (f *podFailure) end(d *Director) {
	for _, p := range f.pods {
		d.host(p.NodeID).Unhang(p.Ref())
		d.world.Requests().Hang(p.ID, false)
	}
}
