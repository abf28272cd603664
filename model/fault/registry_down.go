package fault

import (
	"slices"

	"orrery/model"
)

// registryDown makes a registry fail every pull, or all registries do: its name does not
// resolve or it refuses connections, or what is sent to it is lost.
type registryDown struct {
	at     *registry
	silent bool
}

func (f *registryDown) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.at, f.silent = d.registry(s.Registry), s.Silent
	f.at.downs++
	if f.silent {
		f.at.silent++
		return f.at.says("nobody answers"), true
	}
	return f.at.says(""), true
}

func (f *registryDown) end(*Director) {
	f.at.downs--
	if f.silent {
		f.at.silent--
	}
}

// registry is what faults in force do to a registry, and what it was told.
type registry struct {
	host          string // "" for all of them
	downs, silent int
	paces, limits []int64 // in millionths, of each fault that says one
	told          registryTold
}

type registryTold struct {
	down, silent bool
	pace, limit  int64
}

// registry is what faults do to the registry of a host, or to all of them (""). A row for all of
// them comes first, as state needs it.
func (d *Director) registry(host string) *registry {
	for _, h := range [...]string{"", host} {
		if !slices.ContainsFunc(d.registries, func(r *registry) bool { return r.host == h }) {
			d.registries = append(d.registries, &registry{host: h, told: registryTold{pace: 1_000_000}})
		}
	}
	return d.registries[slices.IndexFunc(d.registries, func(r *registry) bool { return r.host == host })]
}

// says is a text about the registry, which names its host if it is not all of them.
func (r *registry) says(text string) string {
	switch {
	case r.host == "":
		return text
	case text == "":
		return r.host
	}
	return r.host + ": " + text
}

// settleRegistries tells them what has changed.
func (d *Director) settleRegistries() {
	for _, r := range d.registries {
		now := r.state(d.registries[0])
		if now.silent != r.told.silent {
			d.world.Registry().SetSilent(r.host, now.silent)
		}
		if now.down != r.told.down {
			d.world.Registry().SetDown(r.host, now.down)
		}
		if now.pace != r.told.pace {
			d.world.Registry().SetPace(r.host, now.pace)
		}
		if now.limit != r.told.limit {
			d.world.Registry().Limit(r.host, now.limit)
		}
		r.told = now
	}
}

// state is what a registry is to be like by all faults about it and about all registries. Of
// several the worst counts, and it is silent only if all faults that keep it down are.
func (r *registry) state(all *registry) registryTold {
	downs, silent, now := r.downs, r.silent, registryTold{pace: 1_000_000}
	if r != all {
		downs, silent, now = downs+all.downs, silent+all.silent, all.state(all)
	}
	now.down, now.silent = downs > 0, downs > 0 && silent == downs
	for _, p := range r.paces {
		now.pace = min(now.pace, p)
	}
	for _, l := range r.limits {
		now.limit = max(now.limit, l)
	}
	return now
}
