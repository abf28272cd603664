package workload

import (
	"math"
	"slices"

	"orrery/model"
	"orrery/sim"
)

// timesEach is how often flows, and classes of pods, are computed in an instant at most,
// each on the average, and timesAll how often in any case, but for timesSpare in all
// instants of a second. What is left then waits for the next full second, and from there for
// the next full minute: rates that depend on one another may change for long.
const (
	timesEach  = 16
	timesAll   = 1024
	timesSpare = 10 * timesAll
)

// After so many instants in which rates came to no rest, less the full seconds in which there was none,
// each further one halves what the next ones have, up to mostRestless: what is left goes on from there.
// An instant that comes to rest says little: where nothing rests, many of them change next to nothing.
// When sources send at another rate it all begins anew.
const (
	firstRestless = 32
	mostRestless  = firstRestless + 4
)

// allot says how much is computed in this instant at most; from seven eighths of that on it is
// computed whatever is below it.
func (t *Flows) allot() {
	each, now := timesEach*(len(t.flows)+len(t.classes)), t.kernel.Now()
	t.spent += max(t.computed-t.most+t.spare, 0)
	second := now / sim.Time(soonEvery)
	if second != t.allottedAt/sim.Time(soonEvery) {
		t.spent = 0
	}
	if rested := second - t.restedBy; rested > 0 {
		t.restless, t.restedBy = max(t.restless-int(rested), 0), second
	}
	half := max(t.restless-firstRestless, 0)
	each, t.spare = each>>half, min(timesAll, max(timesSpare-t.spent, 0))>>half
	t.allottedAt, t.late, t.most = now, t.computed+(t.spare+each)*7/8, t.computed+t.spare+each
}

// compute brings the flows that are stale up to date, then the pods at which another
// rate arrives, then what becomes of requests; that may change what is called, and so
// on until nothing changes. What arrives goes all the way down the calls before what
// becomes of it comes up, level by level, and that all the way before other calls are made
// because of it: so each flow is computed once each way unless something fails or services call
// one another in a circle, and not once for every level below it or above it. It notes what became
// another at last. What arrives at first, before those who fared badly notice that they fare better,
// is a surge.
func (t *Flows) compute() {
	if t.allottedAt != t.kernel.Now() {
		t.allot()
		t.hurried = false
	}
	t.computing, t.rising = true, false
	for t.computed < t.most && t.step() {
	}
	if t.computed >= t.most {
		t.restless, t.restedBy = min(t.restless+1, mostRestless), t.kernel.Now()/sim.Time(soonEvery)+1
	}
	t.announce()
	t.load()
	t.probe()
	t.sever()
	t.putOff()
	slices.Sort(t.changed)
	for _, i := range t.changed {
		f := &t.flows[i]
		f.changed = false
		t.time(f)
		waits := !f.paced && t.settling != minutely && t.holds(&f.delayed.up, news(&f.now, &f.told))
		f.paced = false
		nearer := f.moved && t.near(f, waits)
		switch {
		case f.broken != model.Lost{}:
			f.told = f.now
			f.told.Lost = f.broken
			t.note(f)
			f.broken, f.told.Lost = model.Lost{}, model.Lost{}
		case f.now == f.told:
			t.waits = t.waits || f.moved
		case nearer || !waits && !t.onlyTimes(f):
			f.told = f.now
			t.note(f)
		case t.settling != minutely && !sameRates(&f.now, &f.told):
			t.waits = true
		}
	}
	t.changed = t.changed[:0]
	t.lookOut()
	t.awaitFlush()
	t.computing = false
}

// step computes the next that waits for it, and tells whether there was something.
func (t *Flows) step() bool {
	t.recapacitate()
	if t.unranked {
		t.rank()
	}
	switch {
	case len(t.mixed) > 0:
		t.rising = false
		t.divideAll()
		t.descend()
	case t.rises():
		t.ascend()
	case len(t.stale)+len(t.touched) > 0:
		t.descend()
	case len(t.loaded)+len(t.moved) > 0:
		t.load()
	default:
		return t.settle()
	}
	return true
}

// putOff has what is left go on later: it goes round and round.
func (t *Flows) putOff() {
	switch {
	case len(t.mixed)+len(t.stale)+len(t.touched)+len(t.untold)+len(t.metered) == 0:
	case t.computed >= t.most && !t.hurried:
		t.soon = true
	default:
		t.waits = true
	}
}

// load says what arrives at pods, and tells the machines that have to hear of it.
func (t *Flows) load() {
	now := t.kernel.Now()
	for _, id := range t.loaded {
		c := &t.classes[id]
		if len(c.pods) == 0 {
			continue
		}
		each := c.arriving / c.n()
		c.inflow.Set(now, each, c.handled.working(each))
		if c.inflow.Peak = c.peak; c.peak <= each || t.wait(loadChange(c.peak, each)) {
			c.inflow.Peak = 0
		}
		t.World.Flowed(c.inflow)
	}
	for _, id := range t.moved {
		p := t.pods.Row(id)
		p.moved = false
		if in := t.classes[p.class].inflow; in != p.inflow && p.machine != nil {
			if p.inflow = in; !p.machine.Load(id, in) {
				p.inflow = nil
			}
		}
	}
	t.moved = t.moved[:0]
	for _, id := range t.loaded {
		c := &t.classes[id]
		c.listed = false
		if c.inflow.NeedsTelling() {
			t.tell(c)
		}
		c.inflow.Peak = 0
	}
	t.loaded = t.loaded[:0]
}

// tell has the machines of a class's pods look at what arrives.
func (t *Flows) tell(c *class) {
	c.inflow.Most = math.MaxInt64 // but for what they say now
	for _, id := range c.pods {
		if p := t.pods.Row(id); p.inflow == c.inflow && p.machine != nil {
			p.machine.Load(id, c.inflow)
		}
	}
}

// move has a pod's machine told that something else arrives there.
func (t *Flows) move(id uint32, p *pod) {
	if !p.moved {
		p.moved = true
		t.moved = append(t.moved, id)
	}
	t.post()
}

// recapacitate finds the pods that have CPU for another rate, some of them because of
// what arrives now.
func (t *Flows) recapacitate() {
	for _, id := range t.recount {
		p := t.pods.Row(id)
		now := p.work
		now.Has(p.machine.Capacity(id))
		var room model.Capacity
		room, now.Cores = p.machine.Room(id)
		if now.RoomMilliRPS = room.MilliRPS; room.Whole > room.Rest {
			now.RoomMilliRPS = room.Whole - room.Rest
		}
		if room.MilliRPS > 0 && (now.CapacityMilliRPS < 0 || room.MilliRPS < now.CapacityMilliRPS) {
			now.Has(room)
		}
		if now != p.work {
			if p.work = now; t.unasked {
				t.shift()
				t.unasked = false
			}
			t.mixPod(p)
		}
	}
	t.recount, t.unasked = t.recount[:0], false
}

// descend computes the highest of what waits for it on the way down, the flows before the pods at
// which they arrive. From a certain point on it is all: those above go to and fro, and those below
// have to come in time, too.
func (t *Flows) descend() {
	height := int32(math.MinInt32)
	if t.computed <= t.late {
		for _, i := range t.stale {
			height = max(height, t.flows[i].height)
		}
		for _, id := range t.touched {
			height = max(height, t.heightOf(&t.classes[id]))
		}
	}
	t.reshare(height)
	t.rehandle(func(h int32) bool { return h >= height })
}

// rises tells whether what comes next is what becomes of requests: as long as something does, once
// all that goes down has gone there.
func (t *Flows) rises() bool {
	t.rising = (t.rising || len(t.stale)+len(t.touched) == 0) && len(t.untold)+len(t.touched) > 0
	return t.rising
}

// ascend computes the lowest of what waits for it on the way up, pods before the flows that arrive
// there, and at last all. In a circle, what goes down comes first.
func (t *Flows) ascend() {
	height := int32(math.MaxInt32)
	if t.computed <= t.late {
		for _, i := range t.untold {
			height = min(height, t.flows[i].height)
		}
		for _, id := range t.touched {
			height = min(height, t.heightOf(&t.classes[id]))
		}
	}
	if slices.ContainsFunc(t.stale, func(i int32) bool { return t.flows[i].height == height }) {
		t.rising = false
		t.descend()
		return
	}
	t.rehandle(func(h int32) bool { return h <= height })
	t.reckon(height)
}

// reshare makes the shares of stale flows of that height or more anew. Those to a backend that has
// new rules wait until its pods are divided by them.
func (t *Flows) reshare(height int32) {
	for _, i := range t.take(&t.stale, func(i int32) bool { return t.flows[i].height >= height }) {
		f := &t.flows[i]
		f.stale = false
		t.computed++
		if (f.respread || f.recall) && f.lookups >= 0 {
			t.respread(f.lookups)
		}
		if f.respread {
			t.spread(i)
		} else if f.recall {
			if t.callsAsBefore(f) {
				continue
			}
			t.callAgain(f)
		}
		was := f.alone()
		if f.reroute {
			t.route(f)
		}
		if f.alone() && !was { // from now on each pod that sends is a sender by itself
			t.forget(f)
			t.spread(i)
			t.route(f)
		}
		f.repeat()
		if f.Connections != nil || f.affine || f.sticks {
			t.hold(i)
		}
		t.pool(f)
		if t.backends[f.backend].mixed {
			t.outdate(i)
			continue
		}
		t.share(i)
	}
}

// take is what of a list is to be computed now, ascending; the rest stays there, and what comes
// meanwhile.
func (t *Flows) take(list *[]int32, now func(int32) bool) []int32 {
	rest := (*list)[:0]
	t.taken = t.taken[:0]
	for _, i := range *list {
		if now(i) {
			t.taken = append(t.taken, i)
		} else {
			rest = append(rest, i)
		}
	}
	*list = rest
	slices.Sort(t.taken)
	return t.taken
}

// rehandle computes how pods of some heights fare at which something else arrives, or whose
// calls do.
func (t *Flows) rehandle(now func(height int32) bool) {
	for _, id := range t.take(&t.touched, func(id int32) bool { return now(t.heightOf(&t.classes[id])) }) {
		c := &t.classes[id]
		c.touched = false
		if len(c.pods) > 0 {
			t.computed++
			t.fare(id, c)
		}
	}
}

// fare computes how the pods of a class do.
func (t *Flows) fare(id int32, c *class) {
	n := c.n()
	each := c.arriving / n
	calls := t.calling(c.crew)
	fresh := c.afresh()
	c.from = t.crowd(id, c, fresh)
	h := t.await(id, c, fresh, calls, t.handle(c, fresh, calls))
	c.full = million - product(h.capped(fresh, 1), million, max(fresh, 1))
	working := h.working(each)
	switch {
	case c.listed || each == c.inflow.MilliRPS && working == c.inflow.Working:
	case !t.Exact && t.wait(min(loadChange(each, c.inflow.MilliRPS), loadChange(working, c.inflow.Working))):
	default:
		c.listed, c.peak = true, 0
		t.loaded = append(t.loaded, id)
	}
	c.peak = max(c.peak, each)
	overloaded := c.capped(c.was, n) < c.was || h.capped(c.arriving, n) < c.arriving
	busier := h.room >= 0 && c.arriving != c.was
	if h != c.handled || overloaded || busier {
		t.untellAll(c)
	}
	c.handled, c.was = h, c.arriving
	t.reprobeClass(c)
	t.passDown(c, c.balance.next(t.kernel.Now(), h.done(c.arriving, n)))
}

// passDown has the calls of a class made for what it gets done, if that is not as much as
// before or its workers are held for another time.
func (t *Flows) passDown(c *class, done int64) {
	sends := t.sorts[c.sort]
	was := c.sent
	c.sent = done
	otherwise := c.work.Workers > 0 && len(sends) > 0 && !t.holds(&c.delayed, change(c.room, c.counted))
	if len(sends) == 0 || done == was && !otherwise {
		return
	}
	t.links(c)
	for _, i := range sends {
		if f := &t.flows[i]; f.call != nil && (done != was || !t.circular(f, c)) {
			t.recall(i)
		}
	}
	c.counted = c.room
}

// handle computes how each pod of a class copes, unless about the same arrives as when it
// was computed last.
func (t *Flows) handle(c *class, each int64, calls outcome) handled {
	p := min(change(each, c.fared), calls.ok.change(&c.calls.ok), calls.bad.change(&c.calls.bad), c.from.change(&c.faredBy))
	if c.fared < 0 || calls.good != c.calls.good || !t.holds(&c.delayed, p) {
		c.fared, c.calls, c.faredBy, c.copes = each, calls, c.from, c.work.handle(each, calls, c.from)
	}
	return c.copes
}

// untell has what becomes of a flow computed anew.
func (t *Flows) untell(i int32) {
	if f := &t.flows[i]; !f.untold {
		f.untold = true
		t.untold = append(t.untold, i)
	}
}

// reckon computes what becomes of flows of that height or less, and what that means for those who
// call.
func (t *Flows) reckon(height int32) {
	now, rest := t.untold, t.rest[:0]
	for _, i := range now {
		f := &t.flows[i]
		if f.height > height {
			rest = append(rest, i)
			continue
		}
		f.untold = false
		t.computed++
		t.total(f)
		if t.tellApart(i) {
			continue
		}
		t.meter(i)
		t.reprobeCallers(f)
		if !f.changed && (f.now != f.told || f.moved || f.single.ok != f.timed) {
			f.changed = true
			t.changed = append(t.changed, i)
		}
		if f.of >= 0 {
			t.answer(i)
		}
		if f.call == nil && f.Retries == 0 {
			continue
		}
		for k := range f.lots {
			l := &f.lots[k]
			l.renewed = t.renewals(f, int32(k))
			l.turned.first, l.turned.next = t.repeated(f, int32(k), l)
			if a := f.tried(l); !t.rounds(f, l, &a) && !t.holds(&f.delayed.up, t.turning(l, &a)) {
				t.tryAgain(i, int32(k), a)
			}
		}
	}
	t.untold, t.rest = rest, now[:0]
}

// tryAgain has a lot of those who send a flow go by what becomes of it now.
func (t *Flows) tryAgain(i, lot int32, a attempt) {
	f := &t.flows[i]
	l := &f.lots[lot]
	otherwise := a.vain != l.attempt.vain || a.back != l.attempt.back
	again := otherwise || a.attempts != l.attempt.attempts
	if otherwise || change(a.attempts, l.attempt.attempts) <= secondly { // retries chase one another: what is below first
		t.rising = false
	}
	f.must = f.must || otherwise
	t.heed(l, a)
	t.uncalled(i)
	if f.call == nil {
		if again {
			t.respread(i)
		}
		return
	}
	t.reprobeIdle(f)
	for class, in := range f.classes {
		if in == lot {
			t.touch(class)
		}
	}
	if again {
		t.recall(i)
	}
}

// recall has what callers send added up anew. What probes ask does not depend on it.
func (t *Flows) recall(i int32) {
	f := &t.flows[i]
	f.recall = f.call != nil && !f.call.Probes
	t.outdate(i)
}

func (t *Flows) note(f *flow) {
	if len(t.tellings) == cap(t.tellings) {
		t.tellings = make([]model.Traffic, 0, 186) // of 176 bytes: the largest size class of Go's allocator, 32 KiB
	}
	t.tellings = append(t.tellings, f.told)
	t.store.Note(t.self, model.Note{
		Named:   f.path,
		Warning: f.told.ServedMilliRPS < f.told.OfferedMilliRPS,
		Reason:  model.ReasonTrafficChanged, Traffic: &t.tellings[len(t.tellings)-1],
	})
}
