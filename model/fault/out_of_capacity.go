package fault

import "orrery/model"

// outOfCapacity has no machine made at a place. Those that are there stay.
type outOfCapacity struct{ group, zone string }

func (f *outOfCapacity) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.group, f.zone = s.Group, s.Zone
	d.world.Cloud().RunOut(f.group, f.zone)
	return "no new machines" + place(s), true
}

func (f *outOfCapacity) end(d *Director) { d.world.Cloud().Restock(f.group, f.zone) }

// place is where a fault of the cloud is, for people.
func place(s *Spec) string {
	said := ""
	if s.Group != "" {
		said += " for node group " + s.Group
	}
	if s.Zone != "" {
		said += " in zone " + s.Zone
	}
	return said
}
