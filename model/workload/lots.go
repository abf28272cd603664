package workload

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// What becomes of a call depends on who makes it: where one of two callers is cut off from what it
// calls, or goes by rules that lead to an endpoint which fails, trying again helps neither of them,
// and only that one sends more and waits. So senders of a flow that fare alike are a lot, and each
// lot goes by what becomes of its own requests. At first all are one.

// lot is senders of a flow that fare alike.
type lot struct {
	lost     model.Traffic // what does not get to an endpoint that serves, and what is offered in all
	nameless int64         // of those that find no address: DNS says so at once
	now      model.Traffic // what becomes of it

	attempt attempt  // of all requests, as those who send go by it
	made    made     // of those that a request makes, by that
	renewed renewed  // of them
	heeded  stint    // how often they went by another one
	heedAt  sim.Time // when they did so last
	heeds   int      // how often at that instant
	single  outcome  // of its requests, of each attempt
	plain   plain    // what becomes of requests by single, if none meets a full pod again
	turned  turned   // of its requests, at full pods
	hands   hands    // of those who call

	told                // of lookups
	resolved []resolved // of lookups, for each of flow.ndots; never changed in place, as lots share it
	dark     dark       // of lookups: while no request gets an address
	darkAt   sim.Time   // of lookups: since when that was so the last time that is over
	litAt    sim.Time   // of lookups: until when
}

// mostLots is how many lots a flow has at most; then senders are put where they fit best.
const mostLots = 16

// mostParted is how often senders of a flow are put into other lots, until something comes from
// outside.
const mostParted = 16

// unit is senders that are never told apart, as what they do is the same: bundles, or all those
// of who keeps connections of its own, as it tries again by any of them.
type unit struct {
	tie
	offered, good int64 // in thousandths a second
	mean          int64 // how long a request takes on the average, in microseconds
}

// onTheWay is how long it takes until all nodes have new rules, or nearly: senders that fare
// differently for less than that as only some have them stay in one lot.
const onTheWay = 2 * time.Second

// closeness is what makes no difference: so many of a million requests that succeed, and of the time
// that they take one part in so many and of eight milliseconds.
type closeness struct{ good, time int64 }

// Senders fare alike that are so close, and while new rules are on their way that tell them apart
// also if they are roughly: that is over before it matters.
var (
	asOne   = closeness{million / 500, 8}
	roughly = closeness{million / 20, 8}
)

// within is closer: one part in so many of it.
func (a closeness) within(part int64) closeness { return closeness{a.good / part, a.time * part} }

// off is by how many of a million more requests of one succeed.
func (u *unit) off(v *unit) int64 {
	off := portion(million, u.good, max(u.offered, 1)) - portion(million, v.good, max(v.offered, 1))
	return max(off, -off)
}

// noise is how many of a million may succeed only as thousandths of a request are rounded.
func (u *unit) noise() int64 {
	if u.good == 0 || u.good >= u.offered {
		return 0
	}
	return 2 * million / u.offered
}

// like tells whether two fare alike, as close as that.
func (u *unit) like(v *unit, as closeness) bool {
	return u.off(v) <= as.good+u.noise()+v.noise() && max(u.mean-v.mean, v.mean-u.mean) <= (max(u.mean, v.mean)+8000)/as.time
}

// divisible tells whether it matters which of a flow's senders fare how. Who comes through a load
// balancer comes through any node each time.
func (f *flow) divisible() bool {
	return !f.balanced && (f.call != nil && !f.call.Probes || f.Retries > 0 || f.of >= 0)
}

// tellApart puts senders of a flow that do not fare alike into lots of their own, and lots together
// that do, and tells whether it did.
func (t *Flows) tellApart(i int32) bool {
	f := &t.flows[i]
	if len(f.bundles) < 2 && len(f.lots) == 1 || !f.divisible() {
		return false
	}
	t.units = t.unitsOf(f, t.units[:0])
	moved := t.part(f) || t.rejoin(f)
	if moved {
		f.must = true
		t.uncalled(i)
		t.respread(i)
		for class := range f.classes {
			for _, b := range t.in(&t.classes[class]) {
				t.mix(b)
			}
		}
		if f.of >= 0 {
			t.flows[f.of].must = true
			t.outdate(f.of)
		}
	}
	return moved
}

// unitsOf lists what is told apart of a flow's senders.
func (t *Flows) unitsOf(f *flow, all []unit) []unit {
	for k := range f.lots {
		if s := f.idle(int32(k)); s != nil {
			x := unit{tie: tie{lot: int32(k)}, offered: million, good: f.lots[k].single.good, mean: f.lots[k].single.mean()}
			all = append(all, x)
		}
	}
	for k := range f.bundles {
		b := &f.bundles[k]
		x := unit{tie: b.tie, offered: b.milli + b.none + b.lies}
		t.faring(f, k, &x)
		if f.Connections == nil {
			all = append(all, x)
			continue
		}
		x.live = -1
		if j := slices.IndexFunc(all, func(u unit) bool { return u.tie == x.tie }); j >= 0 {
			u := &all[j]
			u.mean += product(x.mean-u.mean, x.offered, max(u.offered+x.offered, 1))
			u.offered, u.good = u.offered+x.offered, u.good+x.good
		} else {
			all = append(all, x)
		}
	}
	return all
}

// idle is a sender of a lot of which nobody sends anything, nil if somebody does or nobody is left.
func (f *flow) idle(lot int32) (one *sender) {
	for j := range f.senders {
		s := &f.senders[j]
		switch {
		case s.lot != lot:
		case s.milli > 0:
			return nil
		case len(s.machines) > 0 && s.live >= 0 && one == nil:
			one = s
		}
	}
	return one
}

// suppose is what would become of the requests of a lot that sends none.
func (t *Flows) suppose(f *flow, lot int32, l *lot) {
	s := f.idle(lot)
	if s == nil {
		return
	}
	r, hears := t.single(f, s, f.Timeout)
	var bad mixture
	bad.add(r.late, fixed(f.Timeout.Microseconds()), 0)
	bad.add(r.refused, timing{}, 0)
	l.single, l.told = outcome{good: million - r.late - r.refused, bad: bad.timing()}, hears
}

// faring finds what becomes of a bundle's requests.
func (t *Flows) faring(f *flow, k int, u *unit) {
	b, limit := &f.bundles[k], f.Timeout.Microseconds()
	named := f.lookups >= 0 && len(t.flows[f.lookups].lots) > 1
	names, none := t.naming(f, f.bundles[k:k+1], b.lot)
	weigh := func(milli, us int64) { u.mean += product(us, milli, max(u.offered, 1)) }
	for n := b.from; n < b.upTo; n++ {
		p := &f.passings[n]
		x := f.shares[p.share]
		if p.way != x.way || named {
			x.vain, x.back = product(x.vain, p.milli, max(x.milli, 1)), product(x.back, p.milli, max(x.milli, 1))
			x.milli, x.way = p.milli, p.way
			t.meet(f, &x, names)
		}
		u.good += product(p.milli, x.good, max(x.milli, 1))
		weigh(p.milli, x.takes)
	}
	weigh(b.silent+b.lies, limit)
	weigh(b.none, none.mean())
}

// leaders is the unit of each lot that sends most: those of a lot fare like it.
func leaders(units []unit) (all [mostLots]*unit) {
	for k := range units {
		if u := &units[k]; all[u.lot] == nil || u.offered > all[u.lot].offered {
			all[u.lot] = u
		}
	}
	return all
}

// alike is how close senders are that fare alike.
func (t *Flows) alike() closeness {
	if t.Exact {
		return asOne.within(100)
	}
	return asOne
}

// part puts units that fare otherwise than most of their lot into another lot.
func (t *Flows) part(f *flow) (moved bool) {
	first, since := leaders(t.units), f.apartAt
	f.apartAt = 0
	for k := range t.units {
		u := &t.units[k]
		leader := first[u.lot]
		if u.like(leader, t.alike()) || u.group == leader.group && t.passing(f, u.like(leader, roughly), since) {
			continue
		}
		if !moved && !f.parted.more(t, mostParted) {
			return false
		}
		to := t.lotFor(u, first[:])
		if first[to] == nil {
			first[to] = u
			for len(f.lots) <= int(to) {
				f.lots = append(f.lots, lot{})
			}
			f.lots[to] = f.lots[u.lot]
		}
		if to != u.lot {
			t.assign(f, u, to)
			moved = true
		}
	}
	return moved
}

// passing tells whether senders fare otherwise than others only since new rules are on their way to
// nodes, and nearly as they do, or for less than that takes: since some time.
func (t *Flows) passing(f *flow, nearly bool, since sim.Time) bool {
	now := t.kernel.Now()
	if t.Exact || now.Sub(f.ruledAt) >= onTheWay || !nearly && since > 0 && now.Sub(since) >= onTheWay {
		return false
	}
	if f.apartAt = since; nearly {
		t.waits = true
		return true
	}
	if since == 0 {
		f.apartAt = now
	}
	t.soon, f.delayed.up = true, true
	return true
}

// lotFor is the lot that a unit goes to: one that fares like it, or none yet, or the nearest.
func (t *Flows) lotFor(u *unit, leaders []*unit) (to int32) {
	empty := int32(-1)
	for k, v := range leaders {
		switch {
		case v == nil && empty < 0:
			empty = int32(k)
		case v != nil && u.like(v, t.alike()):
			return int32(k)
		}
	}
	if empty >= 0 {
		return empty
	}
	to = u.lot
	for k, v := range leaders {
		if u.off(v) < u.off(leaders[to]) {
			to = int32(k)
		}
	}
	return to
}

// assign puts a unit's senders into a lot.
func (t *Flows) assign(f *flow, u *unit, to int32) {
	for j := range f.bundles {
		b := &f.bundles[j]
		if of := b.tie; of != u.tie {
			if of.live = -1; of != u.tie {
				continue
			}
		}
		if !f.sticks {
			for k := b.last; k >= 0; k = f.senders[k].next {
				t.settleIn(f, &f.senders[k], to)
			}
			continue
		}
		for k := b.last; k >= 0; k = f.through[k].next {
			t.settleIn(f, &f.senders[f.through[k].nth], to)
		}
	}
}

// settleIn puts a sender into a lot.
func (t *Flows) settleIn(f *flow, s *sender, to int32) {
	for len(f.lotAt) <= int(s.seat) {
		f.lotAt = append(f.lotAt, 0)
	}
	s.lot, f.lotAt[s.seat] = to, to
}

// rejoin puts lots together that fare alike now, once something has come from outside, or a full
// minute is over.
func (t *Flows) rejoin(f *flow) bool {
	if len(f.lots) == 1 || f.joined == t.news {
		return false
	}
	f.joined = t.news
	first, many := leaders(t.units), int32(0)
	var to [mostLots]int32
	for k, u := range first {
		if u == nil {
			continue
		}
		if to[k] = int32(slices.IndexFunc(first[:many], func(v *unit) bool { return u.like(v, t.alike().within(2)) })); to[k] < 0 {
			to[k] = many
			first[many], f.lots[many] = u, f.lots[k] // no later one is at that number
			many++
		}
	}
	if many = max(many, 1); int(many) == len(f.lots) {
		return false
	}
	f.lots = f.lots[:many]
	for j := range f.shares {
		f.shares[j].lot = to[f.shares[j].lot]
	}
	for j := range f.senders {
		f.senders[j].lot = to[f.senders[j].lot]
	}
	for j := range f.lotAt {
		f.lotAt[j] = to[f.lotAt[j]]
	}
	return true
}

// alone tells whether each pod that sends a flow stays with endpoints of its own, by luck.
func (f *flow) alone() bool {
	return f.sentByPods() && (f.affine || f.Connections != nil && f.Connections.Each > 0)
}

// repeat has senders try again what fails, as each lot does.
func (f *flow) repeat() {
	var first, sent [mostLots]int64
	more := func(k int32, milli int64) int64 {
		before := sent[k]
		first[k] += milli
		sent[k] = min(product(first[k], f.lots[k].attempt.attempts, million), mostCalls)
		return sent[k] - before
	}
	for j := range f.senders {
		s := &f.senders[j]
		s.milli = more(s.lot, s.first)
	}
	if f.balanced {
		f.unsent = more(0, f.milli-first[0])
	}
}

// crew is pods that make the same calls, and are in the same lots of those.
type crew struct {
	sort  int32
	lots  []int32 // by the flows of the sort; none if all are in the first
	known bool
	outcome
}

// crewOf is a pod's, as a number of Flows.crews.
func (t *Flows) crewOf(p *pod, sort int32) int32 {
	t.inLots = t.inLots[:0]
	others := false
	for _, i := range t.sorts[sort] {
		f, in := &t.flows[i], int32(0)
		if len(f.lots) > 1 && p.homed {
			in = t.lotOf(f, p.home)
		}
		others = others || in > 0
		t.inLots = append(t.inLots, in)
	}
	if !others {
		t.inLots = t.inLots[:0]
	}
	for len(t.crewsOf) <= int(sort) {
		t.crewsOf = append(t.crewsOf, nil)
	}
	for _, k := range t.crewsOf[sort] {
		if slices.Equal(t.crews[k].lots, t.inLots) {
			return k
		}
	}
	k := int32(len(t.crews))
	t.crews = append(t.crews, crew{sort: sort, lots: slices.Clone(t.inLots)})
	t.crewsOf[sort] = append(t.crewsOf[sort], k)
	return k
}

// lotOf is the lot that who sends a flow from there is in, or would be.
func (t *Flows) lotOf(f *flow, h home) int32 {
	if j, sends := f.at[t.place(f, h)]; sends {
		return f.senders[j].lot
	}
	return f.wasIn(h.seat)
}

// wasIn is the lot that a sender of a seat was in last.
func (f *flow) wasIn(seat int32) int32 {
	if int(seat) < len(f.lotAt) {
		return f.lotAt[seat]
	}
	return 0
}

// of is the lot of a flow, the nth of its sort, that a crew is in. Until pods are divided again whose lots
// were put together, it may be one that there is no more.
func (p *crew) of(f *flow, nth int) *lot {
	if len(p.lots) == 0 {
		return &f.lots[0]
	}
	return &f.lots[min(int(p.lots[nth]), len(f.lots)-1)]
}
