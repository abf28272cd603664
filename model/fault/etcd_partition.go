package fault

import (
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
		other, from = d.world.ControlPlane(), "the others"
	}
	if len(d.world.ControlPlane()) == 1 {
		return "the control plane has no other machine", false
	}
	f.between(d, s.Direction, one, other, network.Impairment{Cut: true})
	return ways[s.Direction] + from, true
}

func (d *Director) controlSites(names []string) []network.Site {
	var out []network.Site
	for _, i := range d.members(names) {
		out = append(out, d.world.ControlPlane()[i])
	}
	return out
}
