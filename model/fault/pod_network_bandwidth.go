package fault

import (
	"fmt"

	"orrery/model"
	"orrery/model/network"
)

// podNetworkBandwidth gives pods a connection of their own that is slower than their
// machine's, as a queueing discipline on their interface does (tc-tbf(8)). It is about pods
// that are there when it begins.
type podNetworkBandwidth struct {
	pods  []*model.Pod
	at    []network.Site
	bytes int64 // a second each way
}

func (f *podNetworkBandwidth) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	f.bytes = s.BytesPerSecond
	for _, o := range pods {
		p := o.(*model.Pod)
		if at, ok := d.world.Requests().Place(p.Ref(), p.Path(), p.NodeName); ok {
			f.pods, f.at = append(f.pods, p), append(f.at, at)
			d.world.Requests().Choke(at, p.Head(), f.bytes)
		}
	}
	return fmt.Sprintf("%d bytes a second each way", f.bytes), true
}

func (f *podNetworkBandwidth) end(d *Director) {
	for i, p := range f.pods {
		d.world.Requests().Choke(f.at[i], p.Head(), -f.bytes)
	}
}
