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

// without is the shares in force less one that has ended.
func without(shares []int64, ppm int64) []int64 {
	i := slices.Index(shares, ppm)
	return slices.Delete(shares, i, i+1)
}

func (f *registryRateLimited) end(d *Director) {
	d.registry.limits = without(d.registry.limits, f.ppm)
}
