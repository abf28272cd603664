package workload

import "orrery/sim"

// A request that failed because a call of it did is tried again by who made it, a moment later, and
// then makes the same call, to what is about as full as before: so its attempts go on where those of the
// last time ended, as if the call had more retries. How full a pod is depends the less on how full it was
// the longer that is ago: the slowest part of it, which is what matters when a pod is full for long, goes
// like an exponential function (the spectral gap of a queue that is as good as busy: Morse, Stochastic
// properties of waiting lines, 1955).

// renewed is how many of a lot's calls are made again as the same call has failed before.
type renewed struct {
	part  int64 // so many of a million calls
	after int64 // so long before, on the average, in microseconds
	again int64 // so many of a million calls that fail, and were not made again, are
	most  int   // so often at most
}

// mostRenewed is how often a call is made again at most that is told apart.
const mostRenewed = 8

// renewals is how many of a lot of a flow's calls are made again: by those whose request has failed by
// it, and who try that again, or have it tried again.
func (t *Flows) renewals(f *flow, lot int32) (r renewed) {
	if l := &f.lots[lot]; f.call == nil || f.call.Probes || l.failing() == 0 {
		return renewed{}
	}
	all, some, fails := int64(0), int64(0), int64(0)
	for class, in := range f.classes {
		c := &t.classes[class]
		if in != lot || t.circular(f, c) {
			continue
		}
		all += max(c.arriving-c.vain, 0)
		besides := t.besides(f, c)/1000 + max(c.waiting.mean()-c.work.CPU.Microseconds(), 0)
		for _, b := range t.in(c) {
			for _, i := range t.backends[b].flows {
				g := &t.flows[i]
				for k := range g.shares {
					x := &g.shares[k]
					if x.class != class {
						continue
					}
					l := &g.lots[x.lot]
					due := product(max(x.milli-x.vain, 0), t.due(l, f, c), million)
					fails += due
					if most := (g.Retries+1)*(l.renewed.most+1) - 1; most > 0 {
						r.again += due
						r.most = max(r.most, min(most, mostRenewed))
					}
					repeats := product(due, l.attempt.repeats(), million)
					above := product(due-repeats, l.renewed.part, million)
					some += repeats + above
					r.after += product(repeats+above, besides+2*x.way.mean(), 1000) + product(above, l.renewed.after, 1000)
				}
			}
		}
	}
	if some == 0 {
		return renewed{}
	}
	once := min(f.call.PerRequestMilli, 1000) // of the requests that are tried again, so many make it again
	return renewed{min(product(some, million, all), million), min(product(r.after, 1000, some), longest), min(product(r.again, once*1000, fails), million), r.most}
}

// repeats is how many of a million attempts are no first ones, of those that are not in vain.
func (a *attempt) repeats() int64 {
	all := a.attempts - a.vain
	if all <= million {
		return 0
	}
	return product(all-million, million, all)
}

// failing is what fails of what a lot sends and is not in vain.
func (l *lot) failing() int64 {
	return max(l.now.OfferedMilliRPS-l.now.ServedMilliRPS-l.turned.vain, 0)
}

// due is how many of a million of a lot's attempts that fail do so as the class that handles them makes a
// call that fails, or that takes too long.
func (t *Flows) due(l *lot, f *flow, c *class) int64 {
	fails := l.failing()
	if fails == 0 {
		return 0
	}
	its, bad, takes := int64(0), int64(0), int64(0)
	p := &t.crews[c.crew]
	for nth, i := range t.sorts[c.sort] {
		g := &t.flows[i]
		if g.call == nil || g.call.Probes {
			continue
		}
		a := &p.of(g, nth).attempt
		one := product(million-a.good, g.call.PerRequestMilli, 1000)
		if bad += one; g == f {
			its, takes = one, product(a.mean(), g.call.PerRequestMilli, 1000)
		}
	}
	late := max(l.now.TimedOutMilliRPS-l.lost.TimedOutMilliRPS, 0)
	due := product(l.now.FailedMilliRPS, its, max(bad, 1)) + product(late, min(takes, c.outcome.mean()), max(c.outcome.mean(), 1))
	return min(product(due, million, fails), million)
}

// repeated is how much likelier, in millionths, those of a lot's attempts are good that are first ones, and
// those that are made again as one has failed, than all are: because of the calls that are made for them.
func (t *Flows) repeated(f *flow, lot int32, l *lot) (first, next int64) {
	if f.of >= 0 || f.Retries == 0 && l.renewed.part == 0 || l.failing() == 0 {
		return million, million
	}
	all := int64(0)
	for k := range f.shares {
		x := &f.shares[k]
		if x.lot != lot {
			continue
		}
		c := &t.classes[x.class]
		p := &t.crews[c.crew]
		one, other := int64(million), int64(million)
		for nth, i := range t.sorts[c.sort] {
			g := &t.flows[i]
			if g.call == nil || g.call.Probes {
				continue
			}
			if a := &p.of(g, nth).attempt; a.anew < a.fresh {
				fresh, due := a.than(g, a.fresh), t.due(l, g, c)
				one = product(one, fresh, million)
				other = product(other, product(fresh, million-due, million)+product(a.than(g, a.anew), due, million), million)
			}
		}
		all, first, next = all+x.milli, first+product(x.milli, one, million), next+product(x.milli, other, million)
	}
	if all == 0 {
		return million, million
	}
	return product(first, million, all), product(next, million, all)
}

// than is how much likelier all of a request's calls of a flow are served, in millionths, if so many of a
// million are as if these were as many as all of them.
func (a *attempt) than(f *flow, good int64) int64 {
	n := f.call.PerRequestMilli
	all := func(good int64) int64 {
		if n <= 1000 {
			return million - product(million-good, n, 1000)
		}
		next := good + product(million-good, a.bond, million)
		return product(good, sim.Power(next*1000, n-1000), nano)
	}
	return product(all(good), million, max(all(a.good), 1))
}

// mixed is calls of which so many of a million are others, which are made again.
func (a *attempt) mixed(b *attempt, part int64) (both attempt) {
	of := func(a, b int64) int64 { return product(a, million-part, million) + product(b, part, million) }
	both = attempt{attempts: of(a.attempts, b.attempts), vain: of(a.vain, b.vain), back: of(a.back, b.back), fresh: a.good, anew: b.good}
	var ok, bad mixture
	add := func(a *attempt, part int64) {
		good := product(part, a.good, million)
		ok.add(good, a.ok, 0)
		bad.add(part-good, a.bad, 0)
	}
	add(a, million-part)
	add(b, part)
	both.outcome = outcome{of(a.good, b.good), ok.timing(), bad.timing()}
	return both
}

// multiply has there be a million.
func (c *chain) multiply() {
	all := c.left()
	for d, many := range c.found {
		c.found[d] = product(many, million, all)
	}
	c.gaveUp = product(c.gaveUp, million, all)
}

// forget has it be at any time for all but so many of a million.
func (c *chain) forget(but int64) {
	all := c.left()
	rest := product(c.gaveUp, but, million)
	c.gaveUp, c.found[0] = rest, 0
	for d := range c.found[1:] {
		c.found[1+d] = product(c.found[1+d], but, million)
		rest += c.found[1+d]
	}
	c.found[0] = all - rest
}

// stay is for how many of a million calls of a lot that are made again it is still as it was.
func (l *lot) stay() int64 {
	return lasting(product(l.turned.stays, 1000, max(l.turned.fresh+l.turned.late, 1)), l.renewed.after)
}

// lasting is how much of what goes in so long is still there after another time, of a million, if that is
// spread like an exponential distribution.
func lasting(stays, after int64) int64 {
	if stays <= 0 {
		return 0
	}
	return product(million, stays, stays+after)
}

// stayed is how long it takes until a queue of so many places is as full as at any time, in microseconds:
// (n+1)²/π² times as long as to get one request done.
func (s *station) stayed(places int64) int64 {
	n := min(s.servers+places/1000+1, million)
	return min(product(n*n, 101_321_184, s.pace), longest) // a billion / π²
}

// alike is how much a lot's endpoints hold each other full, in millionths: nothing if only one is of which who
// tries again meets any with such a chance, or if nobody gives up there, so that nothing is done in vain.
func (l *lot) alike(meets int64) int64 {
	x := &l.turned
	fails := x.full + x.late
	ratio := product(fails, product(fails, million, max(x.uneven, 1)), max(l.now.OfferedMilliRPS, 1))
	alike := min(product(max(ratio-meets, 0), million, max(million-meets, 1)), million)
	return product(alike, min(x.late, x.full), max(x.full, 1))
}

// meets is how many of a million who try again meet what is as full as what they failed at, of whom so many
// meet the same endpoint. Where a call is made again, all its attempts come to as many endpoints, which hold
// each other full: so many of these are as good as one, if they are alike.
func (l *lot) meets(f *flow, meets int64) int64 {
	misses := million - meets
	for range (f.Retries+1)*(l.renewed.most+1) - 1 {
		misses = product(misses, million-product(meets, l.renewed.again, million), million)
	}
	return meets + product(million-misses-meets, l.alike(meets), million)
}

// evened is how many of a million attempts in vain come to all endpoints alike, as these are as good as one.
func (l *lot) evened() int64 {
	if l.renewed.part == 0 {
		return 0
	}
	return l.alike(min(product(l.turned.again, million, max(l.turned.fresh, 1)), million))
}
