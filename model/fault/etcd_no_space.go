package fault

import "orrery/model"

// etcdNoSpace fills the database up to its quota, so that etcd takes nothing
// but deletions. The end is an operator who compacts, defragments and disarms.
type etcdNoSpace struct{}

func (etcdNoSpace) begin(d *Director, _ *Spec, _ []model.Object) (string, bool) {
	d.etcdFull++
	return "", true
}

func (etcdNoSpace) end(d *Director) { d.etcdFull-- }
