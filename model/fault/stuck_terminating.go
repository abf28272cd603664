package fault

import "orrery/model"

// stuckTerminating keeps volumes of pods from being unmounted: those that end meanwhile
// stay Terminating, with nothing of them running, until it is over.
type stuckTerminating struct{ undoing }

func (f *stuckTerminating) begin(d *Director, _ *Spec, pods []model.Object) (string, bool) {
	f.pods(d, pods, func(h Host, p *model.Pod) func() {
		h.Stick(p.Ref())
		return func() { h.Unstick(p.Ref()) }
	})
	return "their volumes cannot be unmounted", true
}
