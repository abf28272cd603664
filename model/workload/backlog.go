package workload

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// What more arrives than a pod gets done waits there, and only when there is no place any
// more is it turned away: so an overload takes time to begin and time to end. At rest a pod
// copes as Work.handle says, and has so many requests on the average (Little's law). When
// something else arrives than before, it moves from that number to the one at which it rests
// now: the mean follows a straight line in time, as of a fluid, so how long the newest request
// waits is known at every moment. It is looked at when the line crosses one of a few levels:
// an eighth of the workers, an eighth of the places, the wait at which a caller gives up, and where it rests.
//
// Workers become busy as slowly: while fewer are than there are, how many is spread as at rest
// with that mean (modified offered load: Jagerman; Massey and Whitt), so a burst that is over
// before they all are busy loses next to nothing. That they become free is as good as at once.
//
// How many a pod has is chance: at first about the mean, and the longer it moves the more
// different numbers, until they are spread like those of a pod that rests with that mean
// (pointwise stationary fluid flow: Wang, Tipper and Banerjee). So there is no rest but the
// one that Work.handle knows, whatever was before, and short queues, whose numbers are
// spread at once, are always near to it.
//
// Who gives up tries again at once, not when the time is over: that is wrong by a timeout.

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

// counted is how long a request is one of those that count (places).
func (w *Work) counted(h *handled) timing {
	if w.Workers > 0 {
		return h.outcome.all()
	}
	return h.waiting
}

// chance is the variance of that time for its mean's square, in millionths: how much chance is in
// when one is done.
func (w *Work) chance(h *handled) int64 {
	takes := w.counted(h)
	mean := takes.mean()
	return min(product(takes.variance(), million, max(min(mean, longest)*min(mean, longest), 1)), 10*million)
}

// places is how many requests a pod holds at most, and how many of those wait for nothing,
// in nanos of a request. With workers these are all that a worker does or that wait for one. If
// there is CPU for less than all of them get done, as many wait for nothing as get so much done.
// Without, only those count that need CPU, and all of them wait.
func (w *Work) places(h *handled) (all, free int64) {
	switch {
	case h.room <= 0:
		return 0, 0
	case w.Workers > 0 && h.fits > 0:
		free = w.Workers * request
		if c := w.CapacityMilliRPS; c >= 0 && c < h.fits {
			free = product(free, c, h.fits)
		}
		return (w.Workers + w.Queue) * request, free
	case w.Workers > 0 || w.CPU < time.Microsecond:
		return 0, 0
	}
	return model.Backlog * request, 0
}

// atRest is how many requests there are at rest if so many arrive (Little's law).
func (w *Work) atRest(h *handled, arriving int64) int64 {
	takes := h.waiting.mean()
	if w.Workers > 0 {
		takes = h.outcome.mean()
	}
	return product(h.capped(arriving, 1), takes, 1)
}

// filled is how a pod copes at rest that has so many requests, and what arrives then: about as much
// as is guessed, if that is not 0.
func (w *Work) filled(held, guess int64, calls outcome, from crowd, room int64) (load int64, h handled) {
	most := min(room, 1<<50)
	if from.many > 0 {
		if h = w.handle(most, calls, from); h.takes < 0 && w.atRest(&h, most) < held { // so few are never as many there
			from = from.unlimited()
		}
	}
	enough := emptiness(held) >> finding
	tooMuch := func(x *handled, arriving int64) int64 {
		*x = w.handle(arriving, calls, from)
		return emptiness(held) - emptiness(w.atRest(x, arriving))
	}
	s, step := search{high: most, short: nano - emptiness(held)}, most
	if guess > 0 {
		s.high = min(guess, 4*most)
		step = max(s.high, most)/aside + 1
	}
	off := tooMuch(&h, s.high)
	for limit := farOver * most; s.high < limit && off < -enough; step *= 2 {
		s.low, s.short, s.high = s.high, -off, s.high+step
		off = tooMuch(&h, s.high)
	}
	load, s.more = s.high, off
	for n := 0; n < 2*finding && s.more > enough && s.high-s.low > s.high>>finding+1; n++ {
		var x handled
		arriving := s.between()
		if off = tooMuch(&x, arriving); off >= -enough {
			load, h = arriving, x
		}
		if s.found(arriving, off); max(off, -off) <= enough {
			break
		}
	}
	return max(load, 1), h
}

// emptiness is one for so many requests and one more, in billionths: of a pod that serves them one
// after the other, as they come by chance, it falls with the load along a straight line.
func emptiness(held int64) int64 { return product(nano, request, request+held) }

// filling is what was found by filled last, and from what.
type filling struct {
	held, room int64
	calls      outcome
	from       crowd
	load       int64
	full       handled
}

// filled is that of a class's work, unless it was found already for about the same.
func (t *Flows) filled(c *class, held int64, calls outcome, from crowd, room int64) (load int64, h handled) {
	x := &c.filling
	p := min(change(room, x.room), calls.ok.change(&x.calls.ok), calls.bad.change(&x.calls.bad), from.change(&x.from))
	if held != x.held || calls.good != x.calls.good || !t.holds(&c.delayed, p) {
		guess := int64(0)
		if x.held >= 0 {
			guess = product(x.load, nano-emptiness(held), max(nano-emptiness(x.held), 1))
		}
		*x = filling{held: held, room: room, calls: calls, from: from}
		x.load, x.full = c.work.filled(held, guess, calls, from, room)
	}
	return x.load, x.full
}

// More than so often what it gets done makes no difference to how full a pod is. The load that
// makes it so full is found to one part in two to the power of finding, or how full it is.
const (
	farOver = 256
	finding = 13
	aside   = 32 // it is looked for this part further on, and then twice as far, if a guess is too little
)

// behind is how a pod copes at which a request waits for others, in nanos of one, that are
// done one after the other. Their number has a variance, in thousandths, and so has the time
// that each takes, for its mean's square in millionths. Both together have fewer that are
// very long than a gamma distribution, nearly as few as a normal one: two halves, each half
// a deviation from the middle.
func (h handled) behind(others, variance, chance, room int64) handled {
	if others <= 0 || room <= 0 {
		return h
	}
	each, us := min(request/room, longest), min(others/room, longest)
	variance = min(product(variance+product(others, chance, 1000*request), each*each, 1000), longest*longest)
	off := min(sim.Root(uint64(variance))/2, us)
	var m mixture
	for _, mean := range [...]int64{us - off, us + off} {
		k := span{share: million, mean: mean, variance: variance - off*off}
		if h.abreast { // each takes as long as it needs, and not as all before it do
			k.variance = min(k.variance+mean*mean, longest*longest)
		}
		m.put(k)
	}
	wait := m.timing()
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
	rest := c.work.atRest(&h, each)
	if all > 0 {
		rest = min(rest, all)
	}
	off := max(rest, free) - max(k.held, free)
	switch {
	case h.room < 0 || all == 0: // nobody waits for long
		k.settle(rest, rest, false)
	case k.over:
		return t.pour(id, c, each, calls, h)
	case k.fills(each, rest, all, &h):
		k.begin(all, free)
		return t.pour(id, c, each, calls, h)
	case all <= free:
		k.settle(rest, rest, false)
	case max(off, -off) > (all-free)/levels:
		k.begin(all, free)
		return t.pour(id, c, each, calls, h)
	default:
		k.rest, k.full = rest, each > h.room
	}
	return h
}

// pour is await of a tank that is not at rest, or was not. It goes by how full it will be on
// the way to where it is looked at next, in the middle.
func (t *Flows) pour(id int32, c *class, each int64, calls outcome, h handled) handled {
	k := &c.tank
	p := pouring{each: each, room: h.room, cpu: c.work.CapacityMilliRPS}
	idle := c.work.handle(0, calls, crowd{})
	p.all, p.free = c.work.places(&idle) // what limits how many are done makes no difference to that
	rest := min(c.work.atRest(&h, each), p.all)
	if k.begun != k.at && k.held <= p.free && (rest <= k.held || rest <= p.free && !h.turnsAway(each)) { // nobody waits for a worker
		k.settle(k.held, rest, false)
		return h
	}
	target := rest
	if k.held > p.free {
		target = max(rest, p.free)
	}
	p.off = target - k.held
	from := c.from
	if c.n() > 1 { // who of a few that call does not wait here waits at another: how full this is says it all
		from = from.unlimited()
	}
	p.load, p.full = t.filled(c, k.held, calls, from, h.room)
	k.forget(&p, t.news)
	p.there = max(p.off, -p.off) <= request/1000 || !apart(each, p.load, closely) || k.between((p.all-p.free)/nowhere)
	k.hears(&p, c.cameAt == k.at)
	p.drains = p.off < 0 && (k.went <= 0 || c.cameAt != k.at)
	switch {
	case p.there && k.ready && !k.fickle:
		k.settle(k.held, rest, each > h.room)
		return h
	case p.there && k.ready:
		k.even, k.each, k.news = true, each, t.news
	}
	chance := c.work.chance(&idle)
	k.mixes, k.grows, k.calm = each+product(h.room, chance, million), 0, false
	of, f := *k, p.at(k)
	k.mixes -= p.idles(k, f.does)
	switch {
	case k.even || t.backends[t.in(c)[0]].paused == t.news:
		f.does = min(each, f.does) // it stays as full as it is
		f.away = each - f.does
	case p.there:
		f.does, k.calm = each-f.away, f.mixed == million
		t.look(id, c, max(int64(quick), k.mixing(p.all, p.free)))
	default:
		next := func() int64 {
			k.spills = f.away
			k.move(p.off, each-f.away-f.does)
			return k.takes(t.next(c, &idle, p.all, p.free, h.room, target))
		}
		of = k.after(next() / 2)
		of.held = c.ahead.next(k.at, of.held)
		f = p.at(&of)
		t.look(id, c, next())
	}
	k.spills = f.away
	variance := min(of.noise, of.spread(p.all, p.free))
	out := idle.behind(of.held-p.free, variance, chance, h.room).or(&p.full, product(f.mixed, f.mixed, million))
	out.even, out.bound, out.again, out.stays = p.full.even, p.full.bound, p.full.again, p.full.stays
	if out.room, out.does = h.room, f.does; f.away > 0 {
		out.takes = each - f.away
	}
	return out
}

// pouring is what fills and drains the tank of a pod.
type pouring struct {
	each, room int64 // what arrives, and what it gets done at most, in thousandths a second
	cpu        int64 // what it has CPU for, or -1
	all, free  int64 // places
	off        int64 // how far it is from where it rests
	there      bool  // that is nearly nothing
	drains     bool  // it does so, and did before what arrives became less because it is full
	load       int64 // at which it would rest where it is
	full       handled
}

// fares is how a tank does that is so full.
type fares struct {
	away, does int64 // of what arrives is turned away, and gets done; that is no sum, as it moves
	mixed      int64 // how far all is spread
}

// at is how a tank does. If all is spread, it is like at rest; else it turns away who finds it
// full by chance, if it drains until it is nearly there, but no less than where it rests.
func (p *pouring) at(k *tank) fares {
	mixed, accepts := k.mixed(p.all, p.free), p.full.capped(p.load, 1)
	away, spread := product(p.each, p.load-accepts, p.load), mixed
	if p.drains {
		off := min(product(max(p.load-p.each, p.each-p.load), nearby*million, max(p.each, 1)), million)
		spread = product(mixed, million-off, million)
	}
	away = product(away, spread, million)
	if p.drains || p.each > p.room {
		away += product(k.turns(p.each, p.room, p.all), million-spread, million)
	}
	if p.off < 0 || p.there { // it does not fill, and nobody gets more done than there is room for
		away = max(away, p.each-p.room)
	}
	does := product(p.room, k.held, max(k.held, p.free)+k.idle(p.free))
	return fares{away, product(min(accepts, p.room), mixed, million) + product(does, million-mixed, million), mixed}
}

// nearby is the part of what arrives that a load differs from it at most by which a tank would
// nearly rest.
const nearby = 8

// idles is by how much less the variance of how full a tank is grows in a second that begins
// to fill, in thousandths: who is idle never has fewer (the second moment of a birth and death
// process).
func (p *pouring) idles(k *tank, does int64) int64 {
	if p.off <= 0 || p.each <= p.room {
		return 0
	}
	return min(product(2*max(k.held-p.free, 0)+request, max(p.room-does, 0), request), k.mixes)
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
	for i, part := int64(1), free/levels; i < levels && product(k.grows, int64(quick), 1000) < part; i++ {
		nearer(part * i)
	}
	nearer(2*k.held + request) // at first it is done faster the more there are
	if up && k.high > k.held {
		nearer(k.held + (k.high-k.held)/2)
	} else if !up && k.low >= 0 {
		nearer(k.low + (k.held-k.low)/2)
	}
	return level
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
		if c.tank.over && c.looksAt > 0 {
			c.dueAt = t.gathered(c.looksAt, veryMuch, levelBeat)
			if !c.moving {
				c.moving = true
				t.moving = append(t.moving, id)
			}
		}
		c.looksAt = 0 // it may be listed again, if it was founded anew
	}
	t.watched = t.watched[:0]
	t.awaitLevel()
}

// awaitLevel has there be a wake-up when the first class is to be looked at. One wake-up is for
// all: whatever moves makes the others move otherwise.
func (t *Flows) awaitLevel() {
	now, first := t.kernel.Now(), sim.Never
	for _, id := range t.moving {
		if at := t.classes[id].dueAt; at > now {
			first = min(first, at)
		}
	}
	if first != sim.Never && (t.levelAt <= now || first < t.levelAt) {
		t.levelAt = first
		t.kernel.Post(first, t.self, whyLevel, 0)
	}
}

// farAway is later than any run ends.
const farAway = 100 * 365 * 24 * time.Hour

// atLevel is a class that comes to a level.
func (t *Flows) atLevel(now sim.Time, id int32) {
	t.touch(id).cameAt = now
	t.post()
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
