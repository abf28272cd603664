package fault

import (
	"time"

	"orrery/model"
)

// etcdRestore stops every API server and every member of etcd, and when it ends, the
// members start with what a backup says, and the servers after them: no server may
// go on with what it remembers
// (kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd, "Restoring an
// etcd cluster").
type etcdRestore struct{ spec *Spec }

func (f *etcdRestore) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.spec = s
	for i := range d.world.ControlPlane() {
		d.etcdMember(i).downs++
		d.apiserver(i).downs++
	}
	return "the backup of " + time.Duration(s.Backup).String(), true
}

func (f *etcdRestore) end(d *Director) {
	d.world.Etcd().Restore(f.spec.Backup, f.spec.BumpRevision)
	for i := range d.world.ControlPlane() {
		d.etcdMember(i).downs--
		d.apiserver(i).downs--
	}
}
