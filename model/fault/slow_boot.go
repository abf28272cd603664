package fault

import (
	"orrery/model"
	"orrery/sim"
)

// slowBoot has machines that are made meanwhile take longer. One that takes
// longer than the run never comes.
type slowBoot struct {
	group, zone string
	boot        sim.Dist
}

func (f *slowBoot) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.group, f.zone, f.boot = s.Group, s.Zone, s.Boot
	d.world.Cloud().Slow(f.group, f.zone, f.boot)
	return "new machines take " + f.boot.String() + place(s), true
}

func (f *slowBoot) end(d *Director) { d.world.Cloud().Quicken(f.group, f.zone, f.boot) }
