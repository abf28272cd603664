package fault

import (
	"strings"

	"orrery/model"
)

// etcdMachineDown takes power from machines that etcd has for itself: who asks
// their members hears nothing. After power returns they boot.
type etcdMachineDown struct{ members []int }

func (f *etcdMachineDown) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.members = d.members(s.Members)
	f.hold(d, 1)
	return "", len(f.members) > 0
}

func (f *etcdMachineDown) end(d *Director) { f.hold(d, -1) }

func (f *etcdMachineDown) hold(d *Director, by int) {
	for _, i := range f.members {
		d.etcdMember(i).offs += by
	}
}

// etcdNames is the machines of members for people.
func (d *Director) etcdNames(members []int) string {
	var names []string
	for _, i := range members {
		names = append(names, d.world.Network().Name(d.world.EtcdSites()[i]))
	}
	return strings.Join(names, ", ")
}
