package fault

import "orrery/model"

// runtimeDown ends the container runtime of machines: containers, kubelets and
// kube-proxy go on, but nothing is started, stopped or seen. An end that is over
// within 25 s shows nowhere but in what came late.
type runtimeDown struct{ undoing }

func (f *runtimeDown) begin(d *Director, _ *Spec, nodes []model.Object) (string, bool) {
	f.hold(d, nodes, holds{runtimeStops: 1})
	return "", true
}
