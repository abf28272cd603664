package fault

import (
	"slices"

	"orrery/model"
)

// registryRateLimited has a registry, or all of them, refuse a share of the pulls with 429,
// as one does that counts them by address.
type registryRateLimited struct {
	at  *registry
	ppm int64
}

func (f *registryRateLimited) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.at, f.ppm = d.registry(s.Registry), s.Errors
	f.at.limits = append(f.at.limits, f.ppm)
	return f.at.says(percent(f.ppm) + " of the pulls are refused"), true
}

// without is the shares in force less one that has ended.
func without(shares []int64, ppm int64) []int64 {
	i := slices.Index(shares, ppm)
	return slices.Delete(shares, i, i+1)
}

func (f *registryRateLimited) end(*Director) { f.at.limits = without(f.at.limits, f.ppm) }
