package fault

import "orrery/model"

// clusterDown takes the power of every machine there is, those of the control plane and
// of etcd among them unless somebody else runs them: a building without power, or a
// cluster that is shut down for the weekend. Machines boot when it is over.
type clusterDown struct{ nodeDown }

func (f *clusterDown) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	d.world.Truth().Snapshot().Each(model.KindNode, func(o model.Object) bool {
		f.nodes = append(f.nodes, o)
		return true
	})
	if d.etcdApart() {
		for i := range d.world.EtcdSites() {
			f.members = append(f.members, i)
		}
	}
	if s.Graceful {
		f.gentle = 1
	}
	f.hold(d, 1)
	return "", len(f.nodes) > 0
}
