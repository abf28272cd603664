package workload

import "orrery/sim"

// Who is turned away by a full pod tries again at once, and finds it as full as before if
// chance leads there again: such an attempt is in vain, and changes nothing for the pod and
// for others who come. So what a pod's queue is computed for is what comes afresh: attempts
// that may find a place, because they are first ones, or led to a pod that has not turned
// them away, or come after a time in which it may have become another (a timeout).

// mostRetries is how often somebody tries again at most.
const mostRetries = 100

// meets remembers how likely it is that who tries again meets the same endpoint: of those that
// a share's requests go to each is as likely. A session's is always the same; connections are
// chosen among anew.
func (t *Flows) meets(f *flow, c *class, endpoints, milli int64) {
	if f.Retries == 0 && f.call == nil {
		return
	}
	if f.sticks && f.Connections != nil && !f.affine {
		endpoints = max(int64(len(t.backends[f.backend].pods)), endpoints)
		if each := f.Connections.Each; each > 0 {
			endpoints = min(endpoints, each)
		}
	}
	c.meets += product(milli, 1000, endpoints)
}

// several tells whether a request makes several of a flow's calls.
func (f *flow) several() bool { return f.call != nil && f.call.PerRequestMilli > 1000 }

// bond is how likely a call of which so many of a million are good fares as the last one of the
// same request did, in millionths: who has just left a pod finds the place there that it had, also
// with a second attempt, and who has found one full finds it full. Only as far as it is full pods
// that calls fail by.
func (f *flow) bond(l *lot, good int64) int64 {
	fails, away := l.now.OfferedMilliRPS-l.now.ServedMilliRPS, l.now.OverloadMilliRPS
	if fails <= 0 || away <= 0 || good >= million || !f.several() {
		return 0
	}
	meets := min(product(l.turned.again, million, max(away-l.turned.vain, 1)), million)
	fresh := min(product(l.now.ServedMilliRPS, million, max(l.now.OfferedMilliRPS-l.turned.vain, 1)), million)
	again, others := int64(0), max(million-2*meets, 0) // another attempt that finds one pod full and knows one that is not
	for range f.Retries {
		again = min(meets+product(meets, again, million)+product(others, either(fresh, again), million), million)
	}
	next := meets + product(million-meets, either(fresh, again), million)
	return product(product(max(next-good, 0), million, million-good), min(away, fails), fails)
}

// made is what becomes of all that a request of a lot makes of a flow's calls.
type made struct {
	known bool
	outcome
}

// made finds it, once for each attempt that a lot goes by.
func (f *flow) made(l *lot) outcome {
	if !l.made.known {
		l.made = made{true, f.together(l)}
	}
	return l.made.outcome
}

// together is what becomes of all that a request of a lot makes of a flow's calls. Of n calls with a bond b,
// of which each is good with g, all are with g (b + (1-b) g)^(n-1).
func (f *flow) together(l *lot) outcome {
	a := &l.attempt
	all := a.repeated(f.call.PerRequestMilli, outcome.and)
	if a.bond == 0 {
		return all
	}
	mean := all.mean()
	next := a.good + product(million-a.good, a.bond, million)
	all.good = product(a.good, sim.Power(next*1000, f.call.PerRequestMilli-1000), nano)
	if bad := million - all.good; bad > 0 { // all of them take as long as before
		left := max(mean-product(all.ok.mean(), all.good, million), 0)
		all.bad = all.bad.stretched(product(left, million, bad), all.bad.mean())
	}
	return all
}

// vainly divides a lot's attempts that are in vain among those who turn it away.
func (t *Flows) vainly(l *lot, shares []share) {
	if l.attempt.vain == 0 {
		return
	}
	weigh := func(x *share) int64 { return product(x.milli, t.classes[x.class].full, million) }
	all := int64(0)
	for k := range shares {
		all += weigh(&shares[k])
	}
	if all == 0 { // it is not known yet who does
		weigh = func(x *share) int64 { return x.milli }
		all = max(l.lost.OfferedMilliRPS, 1)
	}
	offered := max(l.lost.OfferedMilliRPS, 1)
	vain, even := product(offered, l.attempt.vain, l.attempt.attempts), l.evened()
	for k := range shares {
		x := &shares[k]
		x.vain = min(product(product(vain, million-even, million), weigh(x), all)+product(product(vain, even, million), x.milli, offered), x.milli)
		t.classes[x.class].vain += x.vain
	}
}

// afresh is what comes afresh to each pod of a class. If that is another only as thousandths
// are rounded, on the way up to those who try again and down to here, it is none.
func (c *class) afresh() int64 {
	fresh := (c.arriving - c.vain) / c.n()
	if c.vain > 0 && c.fared >= 0 && max(fresh-c.fared, c.fared-fresh) <= 2 {
		return c.fared
	}
	return fresh
}

// turned is how those who send a lot fare who are turned away by full pods, in thousandths per
// second.
type turned struct {
	vain  int64 // who are turned away by one that had just done so
	fresh int64 // the others who are
	again int64 // of these, who would meet the same endpoint if all tried again
	back  int64 // who give up, and would meet the same endpoint if all tried again
	// If all came afresh, at any time: who would be served, who turned away, and who give up; the same
	// if all went where the others were turned away, and if these who gave up came back.
	good, full, late             int64
	goodThere, fullThere         int64
	goodBack, fullBack, lateBack int64
	uneven                       int64 // who would be full or late twice
	// How long it stays as full as it is where they are turned away or give up, by how many these are,
	// in microseconds; and how much likelier first attempts are good than all are, and further ones, in
	// millionths, because of what is called for them.
	stays       int64
	first, next int64
}

// turn adds a share of a flow to how its lot fares.
func (t *Flows) turn(f *flow, x *share, of *fate) {
	c, a := &t.classes[x.class], &f.lots[x.lot].turned
	away := x.milli - of.room
	vain := min(x.vain, away)
	fresh := away - vain
	was, _ := t.boundTo(f, x)
	first := was // of callers that are few all are
	if c.from.many == 0 {
		first = 0
	}
	good, full, late := of.fares(x, &c.handled, was, first)
	a.vain += vain
	a.fresh += fresh
	a.again += product(fresh, x.meets, million)
	a.good += product(x.milli, good, million)
	a.full += product(x.milli, full, million)
	a.late += product(x.milli, late, million)
	a.uneven += product(product(x.milli, full+late, million), full+late, million)
	a.goodThere += product(fresh, good, million)
	a.fullThere += product(fresh, full, million)
	a.stays += product(fresh+product(x.milli, late, million), c.stays, 1000)
	if c.from.many > 0 || c.bound == (odds{}) {
		return
	}
	back := product(product(x.milli, late, million), c.again, million)
	good, full, late = of.fares(x, &c.handled, was, million)
	a.back += back
	a.goodBack += product(back, good, million)
	a.fullBack += product(back, full, million)
	a.lateBack += product(back, late, million)
}

// strays is how many of a million of a lot's attempts are lost on the way. None of those is in vain:
// it meets no pod, and who waits for its answer in vain finds another one after the timeout.
func (l *lot) strays() int64 {
	return portion(million, l.lost.UntrackedMilliRPS+l.lost.CongestedMilliRPS, max(l.lost.OfferedMilliRPS, 1))
}

// chain is attempts of calls, each as the one before has failed. All is of a million.
type chain struct {
	good, full, late             int64 // what becomes of who comes at any time
	goodThere, fullThere         int64 // the same where others were turned away,
	goodBack, fullBack, lateBack int64 // and of who comes back where it gave up
	meets, comesBack             int64 // who meets an endpoint again that has turned it away, and who comes back

	found  [8]int64 // who makes the next attempt, by how many endpoints were found full, or more
	gaveUp int64    // who does, as the last one took too long
}

// chain is a lot's.
func (f *flow) chain(l *lot) chain {
	x, all := &l.turned, max(l.now.OfferedMilliRPS, 1)
	of := func(part, all int64) int64 { return min(product(part, million, max(all, 1)), million) }
	return chain{
		good: of(x.good, all), full: of(x.full, all), late: of(x.late, all),
		goodThere: of(x.goodThere, x.fresh), fullThere: of(x.fullThere, x.fresh),
		goodBack: of(x.goodBack, x.back), fullBack: of(x.fullBack, x.back), lateBack: of(x.lateBack, x.back),
		meets: product(l.meets(f, of(x.again, x.fresh)), million-l.strays(), million), comesBack: of(x.back, x.late),
	}
}

// tally is what chains come to.
type tally struct {
	vain, back  int64
	tries, done [mostRetries + 1]int64 // by how often was tried before
}

// try has all make their next attempt, the nth of a call, and be served so much likelier than the others,
// in millionths.
func (c *chain) try(n int, chance int64, sum *tally) {
	good, goodThere, goodBack := min(product(c.good, chance, million), million), product(c.goodThere, chance, million), product(c.goodBack, chance, million)
	tries, done := int64(0), int64(0)
	var next [len(c.found)]int64
	back := product(c.gaveUp, c.comesBack, million)
	c.found[0] += c.gaveUp - back
	c.gaveUp = 0
	for d, many := range c.found {
		there := min(int64(d)*c.meets, million)
		vain := product(many, there, million)
		ok := min(product(many, max(good-product(there, goodThere, million), 0), million), many-vain)
		off := min(product(many, max(c.full-product(there, c.fullThere, million), 0), million), many-vain-ok)
		tooLate := product(many-vain-ok-off, c.late, max(million-good-c.full, c.late, 1))
		next[d] += vain
		next[min(d+1, len(c.found)-1)] += off
		next[0] += many - vain - ok - off - tooLate
		c.gaveUp += tooLate
		sum.vain += vain
		tries, done = tries+many, done+ok
	}
	if back > 0 {
		ok := min(product(back, goodBack, million), back)
		off := min(product(back, c.fullBack, million), back-ok)
		tooLate := min(product(back, c.lateBack, million), back-ok-off)
		next[1] += off
		next[0] += back - ok - off - tooLate
		c.gaveUp += tooLate
		sum.back += back
		tries, done = tries+back, done+ok
	}
	sum.tries[n] += tries
	sum.done[n] += done
	c.found = next
}

// left is how many have failed.
func (c *chain) left() int64 {
	all := c.gaveUp
	for _, many := range c.found {
		all += many
	}
	return all
}

// attempt is the calls of a lot that came to this.
func (s *tally) attempt(l *lot) (a attempt) {
	n, all := 0, max(s.tries[0], 1)
	for ; n <= mostRetries && s.tries[n] > 0; n++ {
		a.attempts += product(s.tries[n], million, all)
	}
	a.vain, a.back = product(s.vain, million, all), product(s.back, million, all)
	for n--; n >= 0; n-- {
		one := outcome{product(s.done[n], million, s.tries[n]), l.single.ok, l.single.bad}
		if a.outcome == (outcome{}) {
			a.outcome = one
		} else {
			a.outcome = a.again(one)
		}
	}
	return a
}

// retried is what becomes of a call whose attempts depend on one another: who has just found
// so many endpoints full meets one of them by chance, which turns it away again, or comes
// afresh to another one; and who has just given up at one meets it again by chance, while more
// wait there than on the average. After a failure of another kind all is new. So it is for who makes
// the same call again as its request is tried again that failed by it (renewed).
func (f *flow) retried(l *lot) attempt {
	c := f.chain(l)
	var fresh, anew tally
	c.found[0] = million
	c.tryAll(f.Retries, l.turned.first, l.turned.next, &fresh)
	a := fresh.attempt(l)
	a.fresh, a.anew = a.good, a.good
	if l.renewed.part > 0 && c.left() > 0 {
		c.multiply()
		for n := 0; n < l.renewed.most && c.left() > million/1000; n++ {
			c.forget(l.stay())
			c.tryAll(f.Retries, l.turned.next, l.turned.next, &anew)
		}
		b := anew.attempt(l)
		a = a.mixed(&b, l.renewed.part)
	}
	if f.Retries == 0 { // each call is one attempt
		a.fresh, a.anew = product(a.fresh, l.single.good, max(a.good, 1)), product(a.anew, l.single.good, max(a.good, 1))
		a.good = l.single.good
	}
	a.bond = f.bond(l, a.good)
	return a
}

// tryAll is a call and so many retries.
func (c *chain) tryAll(retries int, first, next int64, sum *tally) {
	c.try(0, first, sum)
	for n := 1; n <= retries && c.left() > 0; n++ {
		c.try(n, next, sum)
	}
}
