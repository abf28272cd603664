package fault

import "orrery/model"

// registrySlow has a registry, or all of them, send images at a share of the speed. Its
// answers to questions take no longer.
type registrySlow struct {
	at  *registry
	ppm int64
}

func (f *registrySlow) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.at, f.ppm = d.registry(s.Registry), s.RatePPM
	f.at.paces = append(f.at.paces, f.ppm)
	return f.at.says(percent(f.ppm) + " of its speed are left"), true
}

func (f *registrySlow) end(*Director) { f.at.paces = without(f.at.paces, f.ppm) }
