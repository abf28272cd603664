package fault

import (
	"time"

	"orrery/model"
)

// etcdRestore stops etcd everywhere, and when it ends, every member starts
// with what a backup says.
type etcdRestore struct{ spec *Spec }

func (f *etcdRestore) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.spec = s
	for i := range d.world.ControlPlane() {
		d.etcdMember(i).downs++
	}
	return "the backup of " + time.Duration(s.Backup).String(), true
}

func (f *etcdRestore) end(d *Director) {
	d.world.Etcd().Restore(f.spec.Backup, f.spec.BumpRevision)
	for i := range d.world.ControlPlane() {
		d.etcdMember(i).downs--
	}
}
