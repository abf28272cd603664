package workload

import (
	"time"

	"orrery/sim"
)

// What more arrives than a pod gets done waits there, and only when there is no place any
// more is it turned away: so an overload takes time to begin and time to end. At rest a pod
// copes as Work.handle says, and has so many requests on the average (Little's law). When
// something else arrives than before, it moves from that number to the one at which it rests
// now: the mean follows a straight line in time, as of a fluid, so how long the newest request
// waits is known at every moment. It is looked at when the line crosses one of a few levels:
// an eighth of the places, the wait at which a caller gives up, and where it rests.
//
// How many a pod has is chance: at first about the mean, and the longer it moves the more
// different numbers, until they are spread like those of a pod that rests with that mean
// (pointwise stationary fluid flow: Wang, Tipper and Banerjee). So there is no rest but the
// one that Work.handle knows, whatever was before, and short queues, whose numbers are
// spread at once, are always near to it.
//
// Who gives up tries again at once, not when the time is over: that is wrong by a timeout.

// tank is how full a pod is.
type tank struct {
	over   bool     // it is not at rest
	full   bool     // it is, with more that arrives than it gets done
	ready  bool     // nothing has moved of late, and all is spread: it may come to rest
	calm   bool     // the next time it is ready
	fickle bool     // it turned because of how full it is, as callers send less the longer they wait
	even   bool     // so it stays where it is, as about what it gets done arrives there
	since  sim.Time // when it came to rest
	at     sim.Time // the time of
	held   int64    // how many requests it had, in nanos of one
	rest   int64    // of the next instant, if it is at rest
	each   int64    // what arrives, in thousandths a second; while it is even, when it began to be
	grows  int64    // by so many a second since, in thousandths; negative while it drains
	went   int64    // the same of before, or of when it moved last
	noise  int64    // the variance of what it had, in thousandths
	mixes  int64    // by so much a second since
	low    int64    // where it was last that it filled; -1 if it did not
	high   int64    // where it was last that it drained
}

// levels is in how many steps a tank is filled and drained, but for those that are quick. So
// near to where it is, another rest is reached at once.
const (
	levels = 8
	quick  = 10 * time.Millisecond
)

// What makes no difference is one part in closely of what arrives, or in nowhere of all
// places; what arrives at a tank that is even is another if it is one in nearlyEven.
const (
	closely    = 100
	nowhere    = 1024
	nearlyEven = 50
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

// pass is the beginning of an instant.
func (k *tank) pass(now sim.Time) {
	if k.at == now {
		return
	}
	switch {
	case !k.over:
		k.held = k.rest
	case k.grows > 0:
		k.low = k.held
	case k.grows < 0:
		k.high = k.held
	}
	k.noise += min(product(k.mixes, int64(now.Sub(k.at)), request), 1<<61-k.noise)
	k.held, k.at = k.now(now), now
	if k.ready, k.calm = k.calm, false; k.grows != 0 {
		k.went = k.grows
	}
}

// begin has a tank move that was at rest. If it came to rest just now, that is because what
// arrives depends on it.
func (k *tank) begin(all, free int64) {
	*k = tank{over: true, fickle: k.at > 0 && k.since == k.at, at: k.at, held: k.held, low: -1, high: -1}
	k.noise = k.spread(all, free)
}

// settle has it be at rest.
func (k *tank) settle(held, rest int64, full bool) {
	*k = tank{full: full, since: k.at, at: k.at, held: held, rest: rest}
}

// behind is the tank if more waits there than at rest, or than can be done.
func (k tank) behind() tank {
	if !k.over && !k.full {
		return tank{}
	}
	return k
}

// spread is about the variance at rest of the number that waits with its mean: geometric if
// that is near to none or to all, else any number is as likely.
func (k *tank) spread(all, free int64) int64 {
	n := max(all-free, 0) / million
	x := min(max(k.held-free, 0)/million, n)
	return min(product(x, x, 1000), product(n-x, n-x, 1000), product(x, n-x, 3000))
}

// mixed is in how far all is spread, in millionths: the square of the variance's part, as at
// first few are far from the mean.
func (k *tank) mixed(all, free int64) int64 {
	part := portion(million, min(k.noise, million*million), max(min(k.spread(all, free), million*million), 1))
	return product(part, part, million)
}

// spilt is how many are turned away of those that come to a tank that drains; if all were
// spread it would be away. Before that it is full only if chance takes it back, which is as
// likely as that a Brownian motion is at the wall it drifts away from: 2(φ(z) - zΦ(-z)) for
// each deviation, if it is z of them away (Harrison, Brownian Motion and Stochastic Flow
// Systems, 1.9).
func (k *tank) spilt(away, each, all, mixed int64) int64 {
	off := max(all-k.held, 0) / million
	deviation := max(sim.Root(uint64(min(k.noise, million*million))*1000), 1000)
	normal := span{mean: 40 * deviation} // as near as a gamma distribution comes
	back := normal.exceedsBy(normal.mean+off, deviation)
	// up to z = 3, φ(z) - zΦ(-z) is within a tenth of 0.8/(1+0.55z) Φ(-z)
	spills := min(product(back, 1600, deviation+off*55/100), million)
	mixed = product(mixed, mixed, million)
	return product(away, mixed, million) + product(min(product(each, spills, million), away), million-mixed, million)
}

// chance is the variance of the time that a request takes of what is waited for, for its
// mean's square, in millionths: how much chance is in when one is done.
func (h *handled) chance(free int64) int64 {
	takes := h.waiting
	if free > 0 {
		takes = h.outcome.all()
	}
	mean := takes.mean()
	return min(product(takes.variance(), million, max(min(mean, longest)*min(mean, longest), 1)), 10*million)
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

// atRest is how many requests there are at rest if so many arrive (Little's law).
func (h *handled) atRest(arriving, free int64) int64 {
	takes := h.waiting.mean()
	if free > 0 {
		whole := h.outcome.all()
		takes = whole.mean()
	}
	return product(h.capped(arriving, 1), takes, 1)
}

// filled is how a pod copes at rest that has so many requests, and what arrives then.
func (w *Work) filled(held int64, calls outcome, room, free int64) (load int64, h handled) {
	low, high := int64(0), min(room, 1<<50)
	h = w.handle(high, calls)
	for limit := farOver * high; high < limit && h.atRest(high, free) < held; {
		low, high = high, 2*high
		h = w.handle(high, calls)
	}
	for range finding {
		load = low + (high-low)/2
		if x := w.handle(load, calls); x.atRest(load, free) < held {
			low = load
		} else {
			high, h = load, x
		}
	}
	return high, h
}

// More than so often what it gets done makes no difference to how full a pod is; and so often
// the range is halved in which the load is that makes it so full.
const (
	farOver = 256
	finding = 10
)

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

// or is that of a million requests so many fare otherwise.
func (h handled) or(x *handled, ppm int64) handled {
	of := func(a, b timing) timing {
		var m mixture
		m.add(million-ppm, a, 0)
		m.add(ppm, b, 0)
		return m.timing()
	}
	h.ok, h.waiting = of(h.ok, x.ok), of(h.waiting, x.waiting)
	if h.good < million {
		h.bad = of(h.bad, x.bad)
	}
	return h
}

// await is how each pod of a class copes now that so many arrive: as h says at rest.
func (t *Flows) await(id int32, c *class, each int64, calls outcome, h handled) handled {
	k := &c.tank
	k.pass(t.kernel.Now())
	all, free := c.work.places(&h)
	rest := h.atRest(each, free)
	off := max(rest, free) - max(k.held, free)
	switch {
	case h.room < 0 || all <= free: // nobody waits for long
		k.settle(rest, rest, false)
	case k.over:
		return t.pour(id, c, each, calls, h)
	case max(off, -off) > (all-free)/levels:
		k.begin(all, free)
		return t.pour(id, c, each, calls, h)
	default:
		k.rest, k.full = rest, each > h.room
	}
	return h
}

// pour is await of a tank that is not at rest, or was not.
func (t *Flows) pour(id int32, c *class, each int64, calls outcome, h handled) handled {
	k := &c.tank
	all, free := c.work.places(&h)
	rest := h.atRest(each, free)
	off := max(rest, free) - max(k.held, free)
	load, full := c.work.filled(k.held, calls, h.room, free)
	there := max(off, -off) <= request/1000 || !apart(each, load, closely) || k.between((all-free)/nowhere)
	k.hears(each, c.cameAt == k.at)
	switch {
	case there && k.ready && !k.fickle:
		k.settle(k.held, rest, each > h.room)
		return h
	case there && k.ready:
		k.even, k.each = true, each
	}
	mixed, accepts := k.mixed(all, free), full.capped(load, 1)
	idle := c.work.handle(0, calls)
	away := product(each, load-accepts, load)
	if off < 0 {
		away = k.spilt(away, each, all, mixed)
	} else {
		away = product(away, mixed, million)
	}
	does := product(accepts, mixed, million) + product(product(h.room, k.held, max(k.held, free)+request), million-mixed, million)
	k.mixes, k.grows, k.calm = each+product(h.room, idle.chance(free), million), 0, false
	switch {
	case k.even:
		does = each - away
	case there:
		does, k.calm = each-away, mixed == million
		t.look(id, c, max(int64(quick), k.mixing(all, free)))
	default:
		k.move(off, each-away-does)
		t.look(id, c, k.takes(t.next(c, &idle, all, free, h.room, max(rest, free))))
	}
	out := idle.behind(k.held-free, h.room).or(&full, mixed)
	if out.room, out.does = h.room, does; away > 0 {
		out.takes = each - away
	}
	return out
}

// hears has a tank know what arrives. If that is another because of something else than how
// full it is, what is known of that is no more.
func (k *tank) hears(each int64, byItself bool) {
	if k.even && !apart(each, k.each, nearlyEven) {
		return
	}
	if !byItself && apart(each, k.each, closely) {
		k.went, k.low, k.high, k.fickle, k.ready = 0, -1, -1, false, false
	}
	k.even, k.each = false, each
}

// between tells whether it drains where it fills, but for so much.
func (k *tank) between(nothing int64) bool {
	return k.low >= 0 && k.low <= k.held && k.held <= k.high && k.high-k.low <= nothing
}

// apart tells whether two differ by more than one part in so many.
func apart(a, b, part int64) bool { return max(a-b, b-a) > a/part }

// move has a tank go to where it rests: by as much as more arrives than is done, or, if that
// is little, as fast as chance takes it there.
func (k *tank) move(off, speed int64) {
	slow := min(product(k.mixes, request/levels, max(off, -off)), k.mixes)
	if off > 0 {
		k.grows = max(speed, slow, 1)
	} else {
		k.grows = min(speed, -slow, -1)
	}
	k.fickle = k.fickle || k.went > 0 && k.grows < 0 || k.went < 0 && k.grows > 0
}

// next is the next level that a tank comes to on its way to where it rests. Where that
// depends on how full it is, it is between where it filled and where it drained.
func (t *Flows) next(c *class, idle *handled, all, free, room, rest int64) int64 {
	k := &c.tank
	level, up := rest, k.grows > 0
	nearer := func(x int64) {
		if up && x > k.held && x < level || !up && x < k.held && x > level {
			level = x
		}
	}
	step := (all - free) / levels
	for i := int64(0); i < levels && product(max(k.grows, -k.grows), int64(quick), 1000) < step; i++ {
		nearer(free + step*i)
	}
	for _, b := range t.in(c) {
		for _, i := range t.backends[b].flows {
			if wait := t.flows[i].Timeout.Microseconds() - idle.ok.mean(); wait > 0 && wait < (all-free)/room {
				nearer(free + wait*room)
			}
		}
	}
	nearer(2*k.held + request) // at first it is done faster the more there are
	if up && k.high > k.held {
		nearer(k.held + (k.high-k.held)/2)
	} else if !up && k.low >= 0 {
		nearer(k.low + (k.held-k.low)/2)
	}
	return level
}

// takes is how long it takes to a level, in nanoseconds.
func (k *tank) takes(level int64) int64 {
	return product(max(level-k.held, k.held-level), 1000, max(k.grows, -k.grows, 1)) + 1
}

// mixing is how long it takes until all is spread, in nanoseconds.
func (k *tank) mixing(all, free int64) int64 {
	return product(max(k.spread(all, free)-k.noise, 0), request, max(k.mixes, 1)) + 1
}

// look has a class looked at again after so many nanoseconds, if nothing else comes of this
// instant.
func (t *Flows) look(id int32, c *class, after int64) {
	if c.looksAt == 0 {
		t.watched = append(t.watched, id)
	}
	c.looksAt = c.tank.at.Add(time.Duration(min(after, int64(farAway))))
}

// lookOut is the end of an instant.
func (t *Flows) lookOut() {
	for _, id := range t.watched {
		c := &t.classes[id]
		if c.tank.over && c.looksAt != c.levelAt && c.looksAt > t.kernel.Now() {
			c.levelAt = c.looksAt
			t.kernel.Post(c.levelAt, t.self, whyLevel, uint64(id))
		}
		c.looksAt = 0
	}
	t.watched = t.watched[:0]
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
	c.tank.pass(t.kernel.Now())
	for _, id := range c.pods {
		t.pods.Row(id).tank = c.tank
	}
}

// done is how many of the requests that arrive at so many pods they get done.
func (h *handled) done(arriving, pods int64) int64 {
	if h.does >= 0 {
		return product(h.does, pods, 1)
	}
	return h.capped(arriving, pods)
}
