package fault

import (
	"slices"
	"strings"

	"orrery/model"
	"orrery/model/network"
)

// etcdPartition cuts the way between machines of the control plane, and with
// it between the members of etcd on them.
type etcdPartition struct{ impaired }

// begin cuts the members off from those that are named, or from all others.
func (f *etcdPartition) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	one, other := d.controlSites(s.Members), d.controlSites(s.FromMembers)
	from := strings.Join(s.FromMembers, ", ")
	if len(s.FromMembers) == 0 {
		other, from = d.allControl(), "the others"
	}
	if len(d.allControl()) == 1 {
		return "the control plane has no other machine", false
	}
	f.between(d, s.Direction, one, other, network.Impairment{Cut: true})
	return ways[s.Direction] + from, true
}

func (d *Director) controlSites(names []string) []network.Site {
	return slices.DeleteFunc(d.allControl(), func(x network.Site) bool { return !slices.Contains(names, d.world.Network().Name(x)) })
}
