package fault

import "orrery/model"

// podFailure has the processes of pods hang, those of instances that start meanwhile,
// too: they answer neither requests nor probes, nor SIGTERM until it is over. The pods stay,
// and nobody is told.
type podFailure struct{ undoing }

func (f *podFailure) begin(d *Director, _ *Spec, pods []model.Object) (string, bool) {
	f.pods(d, pods, func(h Host, p *model.Pod) func() {
		d.world.Requests().Hang(p.ID, true)
		h.Hang(p.Ref())
		return func() {
			h.Unhang(p.Ref())
			d.world.Requests().Hang(p.ID, false)
		}
	})
	return "their processes hang", true
}
