package workload

import (
	"time"

	"orrery/sim"
)

// tank is how full a pod is.
type tank struct {
	over   bool     // it is not at rest
	full   bool     // it is, with more that arrives than it gets done
	ready  bool     // nothing has moved of late, and all is spread: it may come to rest
	calm   bool     // the next time it is ready
	fickle bool     // it turned because of how full it is, as callers send less the longer they wait
	even   bool     // so it stays where it is, as about what it gets done arrives there
	news   int      // Flows.news when that was found
	since  sim.Time // when it came to rest
	at     sim.Time // the time of
	held   int64    // how many requests it had, in nanos of one
	rest   int64    // of the next instant, if it is at rest
	each   int64    // what arrives, in thousandths a second; while it is even, when it began to be
	cpu    int64    // for so much it has CPU, or -1
	grows  int64    // by so many a second since, in thousandths; negative while it drains
	goal   int64    // where it rests then: it goes no further, however late it is looked at
	went   int64    // the same of before, or of when it moved last
	noise  int64    // the variance of what it had, in thousandths
	mixes  int64    // by so much a second since
	spilt  int64    // what was turned away since it moves like this, in nanos of a request
	spills int64    // so much a second since, in thousandths
	begun  sim.Time // when it began to move
	low    int64    // where it was last that it filled; -1 if it did not
	high   int64    // where it was last that it drained
}

// request is one, in nanos.
const request = 1_000_000_000

// now is how many requests there are.
func (k *tank) now(now sim.Time) int64 {
	dt := int64(now.Sub(k.at))
	if k.grows < 0 {
		return max(k.held-product(-k.grows, dt, 1000), min(k.goal, k.held))
	}
	return k.held + min(product(k.grows, dt, 1000), max(k.goal-k.held, 0))
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
	k.spilt += min(product(k.spills, int64(now.Sub(k.at)), 1000), 1<<61-k.spilt)
	k.held, k.at = k.now(now), now
	if k.ready, k.calm = k.calm, false; k.grows != 0 {
		k.went = k.grows
	}
}

// begin has a tank move that was at rest. If it came to rest just now, that is because what
// arrives depends on it.
func (k *tank) begin(all, free int64) {
	*k = tank{over: true, fickle: k.at > 0 && k.since == k.at, at: k.at, begun: k.at, held: k.held, low: -1, high: -1}
	k.noise = k.spread(all, free)
}

// turnsAway tells whether more than a few of what arrives find no place at rest.
func (h *handled) turnsAway(each int64) bool { return each-h.capped(each, 1) > each/closely }

// fills tells whether a tank has a way to go until it turns away as many as at rest.
func (k *tank) fills(each, rest, all int64, h *handled) bool {
	more := rest - k.held
	return more > all/levels && h.turnsAway(each) && product(more, 1000, each) > int64(quick)
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
	if k.held <= free {
		return million
	}
	part := portion(million, min(k.noise, million*million), max(min(k.spread(all, free), million*million), 1))
	return product(part, part, million)
}

// idle is how many more requests a pod would have if it were never idle, in nanos of one: one
// if their number is spread like that of a pod at rest, and the fewer the less it is spread.
func (k *tank) idle(free int64) int64 {
	waits := max(k.held-free, 0) / million
	part := product(min(k.noise, million*million), million, max(product(waits, waits, 1000), 1))
	part = min(part, million)
	return product(part, part*1000, million)
}

// after is a tank as it will be after so many nanoseconds.
func (k *tank) after(ns int64) tank {
	x := *k
	x.spilt += min(product(x.spills, ns, 1000), 1<<61-x.spilt)
	x.noise += min(product(x.mixes, ns, request), 1<<61-x.noise)
	x.held = x.now(x.at.Add(time.Duration(min(ns, int64(farAway)))))
	return x
}

// turns is how many a second are turned away of those that come to a tank that moves, by what
// it was at first and how far it has come: as a Brownian motion is held back by a wall,
// σφ(z)/√t - vΦ(-z), if the wall is z deviations from where it would be without it, and it
// drifts away from it by v (Harrison, Brownian Motion and Stochastic Flow Systems, 1.9, 3.6).
func (k *tank) turns(each, room, all int64) int64 {
	deviation := max(sim.Root(uint64(min(k.noise, million*million))*1000), 1000)
	off := (all - k.held - k.spilt) / million
	far := max(off, -off)
	normal := shapeOf(0, 40*deviation, deviation) // as near as a gamma distribution comes
	beyond := normal.exceeds(normal.mean + far)
	// up to z = 3, φ(z) - zΦ(-z) is within a tenth of 0.8/(1+0.55z) Φ(-z)
	spills := product(beyond, 800*deviation, 1000*deviation+550*far)
	if off < 0 {
		spills, beyond = spills+product(far, million, deviation), million-beyond
	}
	if each < room { // of one that fills, whose callers may send the more the fuller it is, this would run away
		begun := off - product(room-each, k.noise, max(k.mixes, 1)) // so far it was when it began to move like this
		spills += product(max(begun, 0), beyond, deviation)
	}
	return min(product(product(k.mixes, 1000, deviation), spills, million), each)
}

// hears has a tank know what arrives and what there is CPU for. If that is another because of
// something else than how full it is, what is known of that is no more, and it begins to move
// otherwise.
func (k *tank) hears(p *pouring, byItself bool) {
	if k.even && !apart(p.each, k.each, nearlyEven) {
		return
	}
	if !byItself && (apart(p.each, k.each, closely) || apart(p.cpu, k.cpu, closely)) {
		k.went, k.low, k.high, k.fickle, k.ready = 0, -1, -1, false, false
		k.noise, k.spilt, k.spills = min(k.noise, k.spread(p.all, p.free)), 0, 0
	}
	k.even, k.each, k.cpu = false, p.each, p.cpu
}

// forget has an even tank move again that would not rest where it is by what arrives now, once
// something has come from outside, or a full minute is over.
func (k *tank) forget(p *pouring, news int) {
	if k.even && k.news != news && apart(p.each, p.load, nearlyEven) {
		k.even, k.ready, k.low, k.high = false, false, -1, -1
	}
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
	k.goal = k.held + off
	slow := min(product(k.mixes, request/levels, max(off, -off)), k.mixes)
	if off > 0 {
		k.grows = max(speed, slow, 1)
	} else {
		k.grows = min(speed, -slow, -1)
	}
	k.fickle = k.fickle || k.went > 0 && k.grows < 0 || k.went < 0 && k.grows > 0
}

// takes is how long it takes to a level, in nanoseconds.
func (k *tank) takes(level int64) int64 {
	return product(max(level-k.held, k.held-level), 1000, max(k.grows, -k.grows, 1)) + 1
}

// mixing is how long it takes until all is spread, in nanoseconds.
func (k *tank) mixing(all, free int64) int64 {
	return product(max(k.spread(all, free)-k.noise, 0), request, max(k.mixes, 1)) + 1
}

// there is how many requests there are, if more wait than at rest, or than can be done.
func (k *tank) there() int64 {
	if !k.over && !k.full {
		return 0
	}
	return k.held / request
}
