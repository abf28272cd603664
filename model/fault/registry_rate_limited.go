package fault

import (
	"slices"

	"orrery/model"
)

// registryRateLimited has the registry refuse a share of the pulls with 429, as one
// does that counts them by address.
type registryRateLimited struct{ ppm int64 }

func (f *registryRateLimited) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.ppm = s.Errors
	d.registry.limits = append(d.registry.limits, f.ppm)
	return percent(f.ppm) + " of the pulls are refused", true
}

func (f *registryRateLimited) end(d *Director) {
	i := slices.Index(d.registry.limits, f.ppm)
	d.registry.limits = slices.Delete(d.registry.limits, i, i+1)
}
