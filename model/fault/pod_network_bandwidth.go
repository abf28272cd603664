package fault

import (
	"fmt"

	"orrery/model"
)

// podNetworkBandwidth gives pods a connection of their own that is slower than their
// machine's, as a queueing discipline on their interface does (tc-tbf(8)). It is about pods
// that are there when it begins.
type podNetworkBandwidth struct{ undoing }

func (f *podNetworkBandwidth) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	for _, o := range pods {
		p := o.(*model.Pod)
		if at, ok := d.world.Requests().Place(p.Ref(), p.Path(), p.NodeName); ok {
			d.world.Requests().Choke(at, p.Head(), s.BytesPerSecond)
			f.later(func() { d.world.Requests().Choke(at, p.Head(), -s.BytesPerSecond) })
		}
	}
	return fmt.Sprintf("%d bytes a second each way", s.BytesPerSecond), true
}
