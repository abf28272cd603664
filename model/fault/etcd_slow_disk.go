package fault

import (
	"slices"

	"orrery/model"
	"orrery/sim"
)

// etcdSlowDisk makes syncs of the write-ahead log take longer.
type etcdSlowDisk struct {
	members []int
	fsync   sim.Dist
}

func (f *etcdSlowDisk) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.members, f.fsync = d.members(s.Members), s.Fsync
	for _, i := range f.members {
		m := d.etcdMember(i)
		m.slow = append(m.slow, f)
	}
	return "a sync takes " + s.Fsync.String(), len(f.members) > 0
}

func (f *etcdSlowDisk) end(d *Director) {
	for _, i := range f.members {
		m := d.etcdMember(i)
		m.slow = slices.DeleteFunc(m.slow, func(o *etcdSlowDisk) bool { return o == f })
	}
}
