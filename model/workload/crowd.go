package workload

import (
	"math"
	"math/bits"
)

// Callers have workers, and each of those makes one call at a time: so at a pod there are
// never more calls than its callers have workers, and the more there are the fewer workers
// are left to make another one. Where that matters, what comes is not by chance from
// infinitely many: it is a network with so many requests at most (Gordon and Newell), and a
// pod is as full as its station says if requests come by how many of the callers' workers are
// elsewhere. How long they stay there depends on nobody else, so how many are is Erlang's formula.

// crowd is those who call a pod. The zero crowd is infinitely many.
type crowd struct {
	many  int64 // workers they have together
	pods  int64 // that have as many of them each
	own   int64 // from the end of a worker's call to when it is ready for the next, on the average, in nanoseconds
	would int64 // would come if all of them were ready, in millionths of what comes
	queue int64 // requests wait for those of a pod at most, a thousand if they are more
	rest  int64 // so many of a million of what comes are others', who are infinitely many
	comeback
	sheet *states // where it is worked out how many are there
}

// unlimited is the same as if they were infinitely many.
func (a crowd) unlimited() crowd { return crowd{comeback: a.comeback, sheet: a.sheet} }

// change is how long the change of who calls waits.
func (a *crowd) change(b *crowd) patience {
	if (a.many == 0) != (b.many == 0) {
		return goesOn
	}
	return min(change(a.many, b.many), change(a.own, b.own), change(a.rest, b.rest), change(a.would, b.would), a.comeback.change(&b.comeback))
}

// mostStates is how many numbers of requests at a pod are told apart at most. If there may be
// more, it makes hardly a difference how many workers call.
const mostStates = 2 * manyServers

// states is how likely each number of requests is at a station. Rates are in millionths of
// what arrives.
type states struct {
	crowd
	servers int64
	n       int64   // states that are told apart, but for the one without any
	reach           // of them, those that are not hardly ever
	first   int64   // of those, that is found at all
	now     int64   // of what is there now, if who is there may come back
	cut     bool    // who comes in the n'th is turned away
	wide    int64   // of those that wait, two states differ by so many millionths of a request
	always  int64   // comes in every state, of others or as nobody comes back
	erlangs int64   // that would be elsewhere if as much came as arrives, in millionths
	told    int64   // of so many it is known how many give up
	leaving leaving // what that depends on
	alone   shape   // of who shares a server, as it was looked up last
	patient int64   // up to which most of those who come do not give up, if some do

	pace, stay [mostStates + 1]int64  // what gets done in a state, and how long who came last stays at what all servers share, in nanoseconds
	comes      [mostStates + 1]int64  // what comes in it
	found      [mostStates + 1]int64  // how many of a billion of those who come find it
	ready      [manyServers + 1]int64 // how likely a worker is ready if so many of a pod's are not there, as a fraction
	late       [mostStates + 1]int64  // how many of a million of those who come then give up, if they come back
	answers    []answer               // the last ones, each at its place; nil before the first
}

// reach is the states that are reached, but for hardly ever, from the one that is there.
type reach struct {
	lowest, last int64
	sum          int64 // one for how likely the last one is, in millionths
}

// leaving is all that it depends on how many of those give up who find some there. What arrives may make
// no difference to it, so it is kept.
//
//tidy:key it is compared
type leaving struct {
	own                   span // as a station and its line have it
	alone, servers, think int64
	step, chance, limit   int64
}

// queue is line for any crowd. If that is not infinitely many, or comes back, the station is filled anew.
func (s *station) queue(h *handled, arriving, places, chance int64, from crowd) (waits timing, many int64) {
	h.stays = s.stayed(places)
	if arriving <= 0 || from.many == 0 && from.retries == 0 || from.many > manyServers || s.servers > manyServers {
		return s.line(h, arriving, places, chance)
	}
	q := question{*s, arriving, places, chance, from}
	a := from.sheet.kept(&q)
	if a.question != q {
		*a = answer{question: q, station: *s}
		a.known = from.sheet.answer(a)
	}
	if !a.known {
		return s.line(h, arriving, places, chance)
	}
	if *s, h.even, h.bound = a.station, a.even, a.bound; a.again >= 0 {
		h.again = a.again
	}
	if a.takes >= 0 {
		h.takes = a.takes
	}
	return a.waits, a.many
}

// answer works out what queue finds, and tells whether it is other than if infinitely many came
// whom nobody sees again.
func (x *states) answer(a *answer) bool {
	s, from := &a.station, a.from
	l := line{step: s.step(a.chance), chance: a.chance}
	a.again, a.takes = -1, -1
	switch ok := x.prepare(s, a.arriving, a.places, a.chance, from); {
	case ok && from.many > 0:
		x.solve()
	case ok && x.gaveUp(s, &l, x.n-1) > rareLate:
		x.leave(leaving{s.own, s.alone, s.servers, s.think, l.step, l.chance, x.limit})
		x.infect(s, &l)
		x.returns(s, &l)
		a.again = x.meets
		x.chances()
	default:
		return false
	}
	a.even, a.bound = x.odds()
	lost := int64(0)
	if x.cut && x.last == x.n {
		lost, x.found[x.n] = x.found[x.n], 0
	}
	if lost >= hardly {
		a.takes = min(a.arriving-product(a.arriving, lost, nano), s.pace)
	}
	a.waits, a.many = x.waits(s, &l)
	return true
}

// prepare finds the states, and tells whether they are few enough.
func (x *states) prepare(s *station, arriving, places, chance int64, from crowd) bool {
	x.crowd, x.servers, x.cut, x.wide = from, s.servers, true, s.wide(arriving, chance)
	x.n = s.servers + product(places, 1000, x.wide)
	if from.many > 0 && from.rest == 0 && x.at(x.n) >= from.many*million {
		x.cut = false
		x.n = min(from.many, s.servers) + (max(from.many-s.servers, 0)*million+x.wide-1)/x.wide
	}
	if x.n > mostStates {
		return false
	}
	busy := int64(0)
	for k := int64(1); k <= s.servers; k++ {
		x.stay[k] = s.with(k, &busy)
		x.pace[k] = product(s.pace, million, arriving)
	}
	for k := s.servers + 1; k <= x.n; k++ {
		x.pace[k] = x.pace[s.servers]
	}
	x.always, x.patient, x.lowest = x.rest, -1, 0
	x.now = min(min(from.there, x.servers)+product(max(from.there-x.servers, 0), million, x.wide), x.n)
	x.erlangs = min(product(arriving, from.own, million), million*million)
	return true
}

// at is how many requests there are in a state, in millionths.
func (x *states) at(k int64) int64 {
	return min(k, x.servers)*million + max(k-x.servers, 0)*x.wide
}

// solve finds how likely each state is. What comes is what would if all workers were ready,
// but for how few are; if so much does not come, as something else keeps callers from it, it
// is so much less that what comes is right.
func (x *states) solve() {
	most := x.mean(endless, million)
	mean := func(would int64) int64 { return x.mean(would, x.waiting(would, most)) }
	if off := mean(x.would) - atMost; off > nearEnough {
		s := search{short: atMost, high: x.would, more: off}
		for n := 0; n < narrowing && max(off, -off) > nearEnough; n++ {
			would := s.between()
			off = mean(would) - atMost
			s.found(would, off)
		}
	}
	x.chances()
}

// waiting is how likely it is that all workers are busy, for how likely it is that nobody
// waits for them meanwhile, in millionths.
func (x *states) waiting(would, most int64) int64 {
	sum, ratio := int64(million), fraction(would, max(most, 1))
	for n, one := int64(0), int64(million); n < x.queue && one > 0 && sum < rarely; n++ {
		one = scaled(one, ratio)
		sum += one
	}
	return min(sum, rarely)
}

// So often at most the range is made smaller in which what would come is, until what comes is
// at most as much as it is said to be, or a hundredth more, but for so many millionths.
// Endless is if who is ready waits for no request.
const (
	narrowing  = 32
	nearEnough = 200
	atMost     = million + million/100
	endless    = million << 20
)

// search looks for where something that grows comes to what is wanted: by regula falsi, of
// which a side that stays again counts for half as much the next time (Dowell and Jarratt, BIT 11).
type search struct {
	low, high   int64 // it is between
	short, more int64 // so much counts as missing at the lower end, and as too much at the upper one
	last        int64 // how much it was too much last
}

// between is where to look next.
func (s *search) between() int64 {
	return s.low + max(product(s.high-s.low, max(s.short, 1), max(s.short, 1)+s.more), 1)
}

// found is by how much it is too much there.
func (s *search) found(x, off int64) {
	again := (off > 0) == (s.last > 0) && s.last != 0
	s.last = off
	if off > 0 {
		if s.high, s.more = x, off; again {
			s.short /= 2
		}
	} else if s.low, s.short = x, -off; again {
		s.more = s.more/2 + 1
	}
}

// mean is how much arrives on the average if so much would with all workers ready, and that
// none is ready is more likely than if nobody waited for it.
func (x *states) mean(would, waiting int64) int64 {
	x.readiness(would, waiting)
	would -= product(would, x.rest, million)
	x.comes[0] = max(x.rest+scaled(would, x.among(0, 0)), 1)
	x.last, x.sum = 0, million
	flow := x.comes[0] // of a state and those below it, for how likely it is
	for k := int64(1); k <= x.n; k++ {
		less := fraction(x.pace[k], x.comes[k-1])
		sum := scaled(x.sum, less) + million
		if sum >= rarely {
			break
		}
		x.comes[k] = max(x.rest+scaled(would, x.among(k, x.comes[k-1])), 1)
		x.last, x.sum, flow = k, sum, scaled(flow, less)+x.comes[k]
	}
	return product(flow, million, x.sum)
}

// among is how likely a worker is ready in a state, as a fraction, if so much comes in the one before:
// of those who are there, as many are others' as of those who come in that (as in any such network,
// backwards in time requests of each kind come as often as they are done).
func (x *states) among(k, before int64) int64 {
	here := x.at(k)
	if x.rest > 0 && before > 0 {
		here -= product(here, min(x.rest, before), before)
	}
	out := max(x.many*million-here, 0) / x.pods
	n, part := out/million, out%million
	if part == 0 {
		return x.ready[n]
	}
	return product(x.ready[n], million-part, million) + product(x.ready[n+1], part, million)
}

// readiness finds how likely a worker is ready of each number that are elsewhere, if so much would come
// with all of them ready. Of n workers that are not at the pod all are at work elsewhere with a chance of
// B(n) = aB(n-1)/(n+aB(n-1)), which is Erlang's formula for a erlangs. Who waits for a worker
// makes that W times as likely, and the next state is reached G(n-1)/G(n) times as often as with
// a worker ready, where G(n) = a^n/n! (1/B(n) - 1 + W).
func (x *states) readiness(would, waiting int64) {
	erlangs := min(product(would, x.erlangs, million), million*nano) / x.pods
	fewer := int64(0) // 1/B(n) - 1
	for n := int64(1); n <= (x.many+x.pods-1)/x.pods; n++ {
		x.ready[n] = fraction((fewer+waiting)*n, (fewer+million)*n+min(product(waiting, erlangs, million), 1<<61))
		fewer = min(product((fewer+million)*n, million, max(erlangs, 1)), million*nano)
	}
}

// A fraction is in parts of whole, so that no division is needed to multiply by it.
const (
	wholeBits = 30
	whole     = 1 << wholeBits
)

// fraction is a for b, at most about a million.
func fraction(a, b int64) int64 {
	hi, lo := uint64(a)>>(64-wholeBits), uint64(a)<<wholeBits
	if hi >= uint64(b) {
		return million * whole
	}
	q, _ := bits.Div64(hi, lo, uint64(b))
	return int64(min(q, million*whole))
}

// scaled is a times a fraction.
func scaled(a, fraction int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(fraction))
	if hi >= 1<<(wholeBits-1) {
		return math.MaxInt64
	}
	return int64(hi<<(64-wholeBits) | lo>>wholeBits)
}

// chances finds how likely who comes finds each state.
func (x *states) chances() {
	all := int64(0)
	for k, likely := x.last, product(million*million, million, x.sum); ; k-- {
		x.found[k] = product(likely, x.comes[k], million)
		all += x.found[k]
		if x.first = k; k == x.lowest {
			clear(x.found[:k])
			break
		}
		if likely = product(likely, x.pace[k], x.comes[k-1]); likely == 0 {
			clear(x.found[:k]) // nor any before
			break
		}
	}
	for k := x.first; k <= x.last; k++ {
		x.found[k] = product(x.found[k], nano, max(all, 1))
	}
}

// waits is how long those wait who find a place, and how many of a billion of them wait.
func (x *states) waits(s *station, l *line) (waits timing, many int64) {
	served, stays := int64(0), int64(0)
	for k := x.first; k < min(x.servers, x.last+1); k++ {
		served += x.found[k]
		stays += product(x.found[k], x.stay[min(k+1, x.servers)], nano)
	}
	s.stays, s.full = product(stays, nano, max(served, 1)), x.stay[x.servers]
	all, steps := x.moments(x.servers, x.last)
	if all == 0 {
		return timing{}, 0
	}
	many = product(all, nano, all+served)
	middle := x.servers - 1 + steps/1000
	if x.patient >= x.servers && x.patient < x.last {
		middle = x.patient
	}
	var m mixture
	m.put(span{share: nano - many})
	for _, part := range [...][2]int64{{x.servers, middle}, {middle + 1, x.last}} {
		n, steps := x.moments(part[0], part[1])
		variance := int64(0)
		for k := max(part[0], x.first); k <= part[1]; k++ {
			off := (k-x.servers+1)*1000 - steps
			variance += product(off*off, x.found[k], max(n, 1))
		}
		m.put(l.wait(product(many, n, all), steps, variance))
	}
	return m.timing(), many
}

// moments is how many of a billion find one of some states in which all servers are busy, and
// how many steps are before them on the average, in thousandths.
func (x *states) moments(from, to int64) (n, steps int64) {
	from = max(from, x.first)
	for k := from; k <= to; k++ {
		n += x.found[k]
	}
	for k := from; k <= to; k++ {
		steps += product((k-x.servers+1)*1000, x.found[k], max(n, 1))
	}
	return n, steps
}
