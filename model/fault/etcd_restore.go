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
	f.hold(d, 1)
	return "the backup of " + time.Duration(s.Backup).String(), true
}

func (f *etcdRestore) end(d *Director) {
	d.world.Etcd().Restore(f.spec.Backup, f.spec.BumpRevision)
	f.hold(d, -1)
}

// hold counts by more (or fewer) faults that keep members and servers down.
func (f *etcdRestore) hold(d *Director, by int) {
	for i := range d.world.EtcdSites() {
		d.etcdMember(i).downs += by
	}
	for i := range d.world.ControlPlane() {
		d.apiserver(i).downs += by
	}
}
