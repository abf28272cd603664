package runtime

import "strings"

// Images come from registries: the host that stands first in an image's name is its registry.
// A fault may be about one registry or about all. One that a fault has ever named has a door
// of its own, and all others share that of AllRegistries. What registries send goes through
// one Bandwidth.

// door is how a registry answers.
type door struct {
	down    bool  // every pull fails
	silent  bool  // it does so only after a timeout
	pace    int64 // of streams, in millionths of what they are otherwise
	limited int64 // of a million pulls, how many are told that there were too many
}

// dead tells whether it does not even refuse, and refuses whether it does.
func (d *door) dead() bool    { return d.down && d.silent }
func (d *door) refuses() bool { return d.down && !d.silent }

// AllRegistries stands, where otherwise a host is, for all registries without a door of their
// own.
const AllRegistries = ""

// RegistryOf is the host that an image comes from.
func RegistryOf(image string) string {
	host, _, _ := strings.Cut(ImageName(image), "/")
	return host
}

// door is that of the registry of an image.
func (r *Registry) door(image uint32) *door {
	if d := r.doors[r.hosts[image]]; d != nil {
		return d
	}
	return r.doors[AllRegistries]
}

// own is a registry's own door. If it had none it gets one, like that of all others.
func (r *Registry) own(host string) *door {
	d := r.doors[host]
	if d == nil {
		like := *r.doors[AllRegistries]
		d = &like
		r.doors[host] = d
	}
	return d
}

// SetSilent has a registry, when it is down, not refuse: who asks it waits until a timeout.
func (r *Registry) SetSilent(host string, silent bool) { r.own(host).silent = silent }

// SetDown takes a registry down or brings it back. When it refuses connections all
// downloads under way break off, and when it is silent they stall.
func (r *Registry) SetDown(host string, down bool) {
	d := r.own(host)
	if d.down == down {
		return
	}
	d.down = down
	for _, m := range r.machines {
		switch {
		case down && d.silent:
			m.loseAnswers(d)
		case down:
			m.breakOff(d)
		}
	}
	r.share()
}

// SetPace has a registry send each stream at a share of its own speed, in millionths.
func (r *Registry) SetPace(host string, ppm int64) {
	r.own(host).pace = max(ppm, 1)
	r.share()
}

// Unpublish has an image not be in its registry from now on, and Publish takes one Unpublish back.
// Who has asked already gets it.
func (r *Registry) Unpublish(image string) { r.missing[r.image(image)]++ }

// Publish is the end of an Unpublish.
func (r *Registry) Publish(image string) { r.missing[r.image(image)]-- }

// Limit has a registry refuse so many of a million pulls from now on, because there
// were too many.
func (r *Registry) Limit(host string, ppm int64) { r.own(host).limited = ppm }
