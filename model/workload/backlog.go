package workload

import (
	"time"

	"orrery/sim"
)

// What more arrives than a pod gets done waits there, and only when there is no place any
// more is it turned away: so an overload takes time to begin and time to end. Between
// changes of what arrives the number that waits is a straight line in time, as of a fluid
// that fills a tank, so how long the newest request waits is known at every moment. It is
// looked at when the line crosses one of a few levels: an eighth of the places, the wait
// at which a caller gives up, full, drained. A pod of which less is asked than it gets
// done, and that has nothing to catch up with, is at rest: it copes as Work.handle says.
//
// The fluid has no luck, and who gives up tries again at once, not when the time is over:
// that is wrong by the time of a few requests, and by a timeout.

// tank is how full a pod is.
type tank struct {
	over   bool     // it is not at rest
	since  sim.Time // when that began
	held   int64    // how many requests it had at a time, in nanos of one
	at     sim.Time // that time
	grows  int64    // by so many a second since, in thousandths; negative while it drains
	turned int64    // how many it had when it began to drain or to fill again; -1 if it did not
	before int64    // and the time before
	even   int64    // what arrives, if that depends on what waits, and is about what it gets done
}

// levels is in how many steps a tank is filled and drained, but for those that are quick.
const (
	levels = 8
	quick  = 10 * time.Millisecond
)

// A tank comes to rest where that is less than one part in few of its places: near to what
// a pod gets done, the queue at rest is long and no guide. What makes no difference is one
// part in nearlyThere of all places, and one in nearlyEven of what arrives.
const (
	few         = 4
	nearlyThere = 64
	nearlyEven  = 20
)

// request is one, in nanos.
const request = 1_000_000_000

// now is how many requests there are.
func (k *tank) now(now sim.Time) int64 {
	dt := int64(now.Sub(k.at))
	if k.grows < 0 {
		return max(k.held-product(-k.grows, dt, 1000), 0)
	}
	return k.held + min(product(k.grows, dt, 1000), 1<<61)
}

// behind is the tank if more waits there than at rest.
func (k tank) behind() tank {
	if !k.over {
		return tank{}
	}
	return k
}

// places is how many requests a pod holds at most, and how many of those wait for nothing,
// in nanos of a request. Of those that need CPU only, all wait.
func (w *Work) places(h *handled) (all, free int64) {
	switch {
	case h.room <= 0:
		return 0, 0
	case h.room == h.fits:
		return (w.Workers + w.Queue) * request, w.Workers * request
	case max(w.CPU, w.SlowCPU) < time.Microsecond:
		return 0, 0
	case w.Workers > 0:
		return (w.Workers + w.Queue) * request, 0
	}
	return backlog * request, 0
}

// atRest is how many requests there are while no more arrive than are done (Little's law).
func (h *handled) atRest(arriving, places, free int64) int64 {
	if h.room >= 0 && arriving >= h.room {
		return places
	}
	takes := h.waiting.mean()
	if free > 0 {
		all := h.outcome.all()
		takes = all.mean()
	}
	return min(product(arriving, takes, 1), places)
}

// behind is how a pod copes at which a request waits for others, in nanos of one, that are
// done one after the other.
func (h handled) behind(others, room int64) handled {
	if others <= 0 || room <= 0 {
		return h
	}
	us := min(others/room, longest)
	wait := spread(0, us, product(us, 2*million*1000, room)) // both how many came and how long each takes is chance
	h.ok, h.waiting = h.ok.and(wait), h.waiting.and(wait)
	if h.good < million {
		h.bad = h.bad.and(wait)
	}
	return h
}

// await is how each pod of a class copes now that so many arrive: as h says at rest.
func (t *Flows) await(id int32, c *class, each int64, calls outcome, h handled) handled {
	k, now := &c.tank, t.kernel.Now()
	k.held, k.at = k.now(now), now
	places, free := c.work.places(&h)
	rest := h.atRest(each, places, free)
	k.held = min(k.held, places)
	off := max(k.held, free) - max(rest, free)
	switch {
	case h.room < 0 || places == 0, each <= h.room && max(off, -off) <= (places-free)/levels && (!k.over || k.since < now && rest <= places/few && !k.stays(each)):
		k.over, k.grows, k.even, k.held = false, 0, 0, rest
		return h
	case each > h.room && k.held >= places:
		*k = tank{over: true, since: now, held: places, at: now, turned: -1, before: -1}
		h.does = h.room
		if h.takes >= 0 {
			h.does = h.takes
		}
		return h
	}
	if !k.stays(each) {
		k.turn(each, each-h.busy(each, k.held), places, c.cameAt == now)
		if each <= h.room && max(off, -off) < places/nearlyThere {
			k.even, k.grows = each, 0
		}
	}
	idle, room := c.work.handle(0, calls), h.room
	t.look(id, c, t.next(c, &idle, places, free, room, rest))
	h = idle.behind(k.held-free, room)
	h.does = each - k.grows
	h.room, h.takes = room, -1 // nobody is turned away
	return h
}

// stays tells whether it is even and about as much arrives as then.
func (k *tank) stays(each int64) bool {
	return k.even > 0 && max(each-k.even, k.even-each) <= each/nearlyEven
}

// busy is how many requests a pod gets done that holds some: all that it can, or, where
// that is more than arrive, less while there are few, so that it comes to rest where a
// queue like M/M/1 does.
func (h *handled) busy(each, held int64) int64 {
	if each > h.room {
		return h.room
	}
	return product(h.room, held, held+request)
}

// turn has a tank fill or drain from now on. If it began to because of how full it is,
// as callers send less the longer they wait, it comes to rest between where it does one
// and where it does the other.
func (k *tank) turn(each, grows, places int64, byItself bool) {
	k.even = 0
	if k.grows == 0 || (k.grows > 0) != (grows > 0) {
		k.before, k.turned = k.turned, k.held
		if !byItself {
			k.before = -1
		} else if k.near(places) {
			k.even, grows = each, 0
		}
	}
	if !k.over {
		k.over, k.since = true, k.at
	}
	k.grows = grows
}

// near tells whether it is about where it turned the time before.
func (k *tank) near(places int64) bool {
	return k.before >= 0 && max(k.held-k.before, k.before-k.held) < places/nearlyThere
}

// next is the next level that a tank comes to; where it is if it comes to none.
func (t *Flows) next(c *class, idle *handled, places, free, room, rest int64) int64 {
	k := &c.tank
	level, up := places, k.grows > 0
	if !up {
		level = 0
	}
	nearer := func(x int64) {
		if up && x > k.held && x < level || !up && x < k.held && x > level {
			level = x
		}
	}
	nearer(rest)
	step := (places - free) / levels
	for i := int64(0); i < levels && product(max(k.grows, -k.grows), int64(quick), 1000) < step; i++ {
		nearer(free + step*i)
	}
	for _, b := range t.in(c) {
		for _, i := range t.backends[b].flows {
			if wait := t.flows[i].Timeout.Microseconds() - idle.ok.mean(); wait > 0 && wait < (places-free)/room {
				nearer(free + wait*room)
			}
		}
	}
	if k.before >= 0 && !k.near(places) {
		nearer((k.held + k.before) / 2)
	}
	return level
}

// look has a class looked at again when its pods have so many requests.
func (t *Flows) look(id int32, c *class, level int64) {
	k := &c.tank
	if k.grows == 0 || level == k.held {
		return
	}
	takes := product(max(level-k.held, k.held-level), 1000, max(k.grows, -k.grows))
	if at := k.at.Add(time.Duration(takes + 1)); takes < int64(farAway) && at != c.levelAt {
		c.levelAt = at
		t.kernel.Post(at, t.self, whyLevel, uint64(id))
	}
}

// farAway is later than any run ends.
const farAway = 100 * 365 * 24 * time.Hour

// atLevel is a class that comes to a level, unless that was put off.
func (t *Flows) atLevel(now sim.Time, id int32) {
	if c := &t.classes[id]; c.levelAt == now && len(c.pods) > 0 {
		c.cameAt = now
		t.touch(id)
		t.post()
	}
}

// leave has the pods of a class remember how full they are.
func (t *Flows) leave(c *class) {
	k, now := c.tank, t.kernel.Now()
	k.held, k.at = k.now(now), now
	for _, id := range c.pods {
		t.pods.Row(id).tank = k
	}
}

// done is how many of the requests that arrive at so many pods they get done.
func (h *handled) done(arriving, pods int64) int64 {
	if h.does >= 0 {
		return product(h.does, pods, 1)
	}
	return h.capped(arriving, pods)
}
