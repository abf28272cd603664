package fault

import "orrery/model"

// registryDown makes the image registry fail every pull: its name does not resolve or
// it refuses connections, or what is sent to it is lost.
type registryDown struct{ silent bool }

func (f *registryDown) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	d.registry.downs++
	if f.silent = s.Silent; f.silent {
		d.registry.silent++
		return "nobody answers", true
	}
	return "", true
}

func (f *registryDown) end(d *Director) {
	d.registry.downs--
	if f.silent {
		d.registry.silent--
	}
}

// registry is what faults in force do to the registry, and what it was told.
type registry struct {
	downs, silent int
	paces, limits []int64 // in millionths, of each fault that says one
	told          registryTold
}

type registryTold struct {
	down, silent bool
	pace, limit  int64
}

// settleRegistry tells it what has changed. Of several faults the worst counts, and it
// is silent only if all that keep it down are.
func (d *Director) settleRegistry() {
	r := &d.registry
	now := registryTold{down: r.downs > 0, silent: r.downs > 0 && r.silent == r.downs, pace: 1_000_000}
	for _, p := range r.paces {
		now.pace = min(now.pace, p)
	}
	for _, l := range r.limits {
		now.limit = max(now.limit, l)
	}
	if r.told.pace == 0 {
		r.told.pace = 1_000_000
	}
	if now.silent != r.told.silent {
		d.world.Registry().SetSilent(now.silent)
	}
	if now.down != r.told.down {
		d.world.Registry().SetDown(now.down)
	}
	if now.pace != r.told.pace {
		d.world.Registry().SetPace(now.pace)
	}
	if now.limit != r.told.limit {
		d.world.Registry().Limit(now.limit)
	}
	r.told = now
}
