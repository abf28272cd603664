package fault

import "orrery/model"

// registrySlow has the registry send images at a share of the speed. Its answers to
// questions take no longer.
type registrySlow struct{ ppm int64 }

func (f *registrySlow) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.ppm = s.RatePPM
	d.registry.paces = append(d.registry.paces, f.ppm)
	return percent(f.ppm) + " of its speed are left", true
}

func (f *registrySlow) end(d *Director) {
	d.registry.paces = without(d.registry.paces, f.ppm)
}
