package fault

import "orrery/model"

// etcdMemberDown ends the etcd process on some machines of the control plane;
// it starts again with what is on its disk.
type etcdMemberDown struct{ members []int }

func (f *etcdMemberDown) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.members = d.members(s.Members)
	for _, i := range f.members {
		m := d.etcdMember(i)
		m.downs++
		m.graceful = s.Graceful
	}
	return "", len(f.members) > 0
}

func (f *etcdMemberDown) end(d *Director) {
	for _, i := range f.members {
		d.etcdMember(i).downs--
	}
}
