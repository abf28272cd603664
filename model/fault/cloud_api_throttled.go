package fault

import "orrery/model"

// cloudAPIThrottled has the provider refuse a share of the calls. Of several such
// faults the worst counts.
type cloudAPIThrottled struct{ ppm uint64 }

func (f *cloudAPIThrottled) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.ppm = uint64(s.Errors)
	d.world.Cloud().Throttle(f.ppm)
	return percent(s.Errors) + " of the calls are refused", true
}

func (f *cloudAPIThrottled) end(d *Director) { d.world.Cloud().Unthrottle(f.ppm) }
