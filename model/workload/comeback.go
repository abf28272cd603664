package workload

// Who gives up leaves the request behind and tries again at once, just while the queue is long:
// so the more there are at a pod, the more come. What comes back to it in a state is told by
// looking backwards in time, in which a pod's number goes up and down by the same chances (Kelly,
// Reversibility and Stochastic Networks, 1979): backwards requests come as often as they are done,
// so of those whose time is over while there are so many, as many are in each state as get done in it,
// and each found about one less when it came. Who comes at any time, and who comes back, find the
// pod full, or are too late, with different chances.
//
// So a pod that is hardly ever full may stay full once a burst has filled it: what matters are the numbers
// that are reached from the one that is there, if it fills by itself anywhere among them.

// comeback is those who gave up at a pod and come back to it. The zero comeback is nobody.
type comeback struct {
	retries int   // so often each tries again at most, mostAgain if that is more
	limit   int64 // they wait for the pod so long at most, in microseconds
	meets   int64 // so many of a million who try again come to the same pod
	even    int64 // so many of a million who come do not come as they have just given up here
	part    int64 // so many of a million of those try again
	next    int64 // so many of a million of these come as they have just failed elsewhere
	each    int   // so many attempts are one call
	renews  int64 // so many of a million who give up with the last of these come back with the first one of another call
	there   int64 // so many requests are there now
}

// mostAgain is how many attempts of one request are told apart, but for the first one; and if not
// more than so many of a million give up at a pod that is full, nobody does.
const (
	mostAgain = 12
	rareLate  = 10
)

// change is how long the change of who comes back waits. How many are there now makes a difference only
// where another rate comes, too.
func (a *comeback) change(b *comeback) patience {
	if a.retries != b.retries || a.each != b.each {
		return goesOn
	}
	return min(change(a.limit, b.limit), change(a.meets, b.meets), change(a.even, b.even), change(million+a.part, million+b.part), change(million+a.next, million+b.next), change(million+a.renews, million+b.renews))
}

// odds is how likely it is to find a pod full, and not to be served in time, of a billion.
type odds struct{ full, late int64 }

// comeback is who gives up at a pod of a class and comes back.
func (t *Flows) comeback(id int32, c *class) (back comeback) {
	some, calls, next := int64(0), int64(0), int64(0)
	for _, b := range t.in(c) {
		for _, i := range t.backends[b].flows {
			f := &t.flows[i]
			if f.Timeout == 0 || f.Retries == 0 && f.call == nil || f.of >= 0 {
				continue
			}
			for k := range f.shares {
				x := &f.shares[k]
				here := x.milli - x.vain - x.back
				l := &f.lots[x.lot]
				a, tries := &l.attempt, min((f.Retries+1)*(l.renewed.most+1)-1, mostAgain)
				if x.class != id || here <= 0 || tries == 0 {
					continue
				}
				some += here
				if tries > back.retries {
					back.retries, back.each = tries, f.Retries+1
				}
				back.renews += product(product(here, l.renewed.again, million), lasting(c.stays, l.renewed.after), 1000)
				back.limit += product(max(f.Timeout.Microseconds()-x.way.mean(), 0), here, 1000)
				back.meets += product(l.meets(f, x.meets), here, 1000)
				first := million - l.renewed.part
				calls += product(here, first, max(a.attempts-a.vain-a.back, first, 1))
			}
		}
	}
	if some == 0 {
		return comeback{}
	}
	next = some - min(calls, some)
	back.renews = min(product(back.renews, 1000, some), million)
	back.limit, back.meets = product(back.limit, 1000, some), min(product(back.meets, 1000, some), million)
	fresh := max(c.arriving-c.vain, 1)
	even := max(fresh-c.back, 1)
	back.even, back.part, back.next = min(product(even, million, fresh), million), min(product(some, million, even), million), product(next, million, some)
	return back
}

// evenly is who comes in every state, by how often they have tried before, in millionths of what
// comes. The last ones do not try again.
func (b *comeback) evenly(tries *[mostAgain + 1]int64) {
	left := product(b.even, b.part, million)
	tries[b.retries] = b.even - left
	for n := range b.retries {
		more := product(left, b.next, million)
		tries[n] += left - more
		left = more
	}
	tries[b.retries] += left
}

// most is how much comes if nobody is ever served in time, in millionths of what comes: all attempts of
// who comes with a first one, and who does not try again.
func (b *comeback) most() int64 {
	if b.renews > 0 {
		return rarely
	}
	left := product(b.even, b.part, million)
	return b.even - left + product(left, million-b.next, million)*int64(b.retries+1)
}

// gaveUp is how many of a million of those who find a state are not served in time.
func (x *states) gaveUp(s *station, l *line, k int64) int64 {
	all := s.own
	if s.alone > 0 { // as if as many stayed there
		return x.alone.exponential(min(max(s.alone, (k+1)*s.think/1000), longest)).exceeds(x.limit)
	} else if k >= x.servers {
		wait := l.wait(million, (k-x.servers+1)*1000, 0)
		all = all.and(&wait)
	}
	return all.exceeds(x.limit)
}

// leave keeps how many give up only if that depends on the same as before.
func (x *states) leave(all leaving) {
	if x.leaving != all {
		x.leaving, x.told = all, 0
	}
}

// returns finds what comes in each state if who gives up comes back.
func (x *states) returns(s *station, l *line) {
	var evenly [mostAgain + 1]int64
	x.evenly(&evenly)
	x.always, x.patient, x.reach = x.even, -1, reach{sum: million}
	tries, below, fills, most := evenly, x.reach, true, x.most()
	x.comes[0] = max(x.even, 1)
	for k := int64(0); ; k++ {
		if k >= x.told {
			x.told, x.late[k] = k+1, million
			if k == 0 || x.late[k-1] < million {
				x.late[k] = x.gaveUp(s, l, k)
			}
		}
		if x.late[k] < million/2 {
			x.patient = k
		}
		if k == x.n {
			break
		}
		fills = fills || min(x.comes[k], most) > x.pace[k+1]
		sum := scaled(x.sum, fraction(x.pace[k+1], x.comes[k])) + million
		if sum >= rarely {
			if k+1 >= x.now {
				break
			}
			if fills {
				below = x.reach
			}
			x.lowest, sum, fills = k+1, million, false // as good as apart from those below
		}
		back := product(product(x.pace[k+1], x.late[k], million), x.meets, million)
		renews := product(back, x.renews, million)
		comes := evenly[0]
		for n := x.retries; n > 0; n-- {
			some := back
			if n%x.each == 0 {
				some = renews
			}
			tries[n] = evenly[n] + product(some, tries[n-1], x.comes[k])
			comes += tries[n]
		}
		tries[0] = evenly[0]
		x.last, x.sum, x.comes[k+1] = k+1, sum, max(comes, 1)
	}
	if !fills { // more get done all the way down: nothing keeps a pod there
		x.reach = below
	}
}

// infect finds how likely who comes back finds the number that was there when it gave up. Where chance
// leads to one of several pods it may be another one; but as these get from one another what tries again,
// they are the fuller together the more it matters. If the variance of how many are at a pod is A times
// as large if all come back to it as if nobody does, all that are common to n pods vary by A times, what
// they differ by does not, and so of the variance of one A/(A+n-1) is common to all.
func (x *states) infect(s *station, l *line) {
	if x.meets == 0 || x.meets == million {
		return
	}
	was := x.comeback
	first := product(product(was.even, was.part, million), million-was.next, million)
	x.even, x.part, x.next, x.meets = max(first, 1), million, 0, 0
	x.returns(s, l)
	x.chances()
	apart := x.swings()
	x.meets = million
	x.returns(s, l)
	x.chances()
	common := product(was.meets, max(x.swings(), apart), max(apart, 1))
	x.comeback = was
	x.meets = product(million, common, common+million-was.meets)
}

// swings is the variance of how many there are, in thousandths.
func (x *states) swings() int64 {
	all, mean, square := int64(0), int64(0), int64(0)
	for k := x.first; k <= x.last; k++ {
		all += product(x.found[k], million, x.comes[k])
	}
	for k := x.first; k <= x.last; k++ {
		likely, n := product(product(x.found[k], million, x.comes[k]), nano, max(all, 1)), x.at(k)/1000
		mean += product(n, likely, nano)
		square += product(n*n/1000, likely, nano)
	}
	return max(square-product(mean, mean, 1000), 1)
}

// odds is those of who comes in every state, and of the others.
func (x *states) odds() (even, bound odds) {
	all, evens := int64(0), int64(0)
	for k := x.first; k <= x.last; k++ {
		here := product(x.found[k], min(x.always, x.comes[k]), x.comes[k])
		evens += here
		all += x.found[k]
		if full := x.cut && k == x.n; full {
			even.full, bound.full = here, x.found[k]-here
		} else if x.many == 0 {
			even.late += product(here, x.late[k], million)
			bound.late += product(x.found[k]-here, x.late[k], million)
		}
	}
	of := func(o odds, n int64) odds {
		if n <= 0 {
			return odds{}
		}
		return odds{product(o.full, nano, n), product(o.late, nano, n)}
	}
	return of(even, evens), of(bound, all-evens)
}

// comesBack divides a lot's attempts that come back among the pods where they gave up.
func (t *Flows) comesBack(l *lot, shares []share) {
	if l.attempt.back == 0 {
		return
	}
	weigh := func(x *share) int64 {
		c := &t.classes[x.class]
		return product(product(x.milli-x.vain, c.again, million), c.even.late, nano)
	}
	all := int64(0)
	for k := range shares {
		all += weigh(&shares[k])
	}
	back := product(l.lost.OfferedMilliRPS, l.attempt.back, l.attempt.attempts)
	for k := range shares {
		if x := &shares[k]; all > 0 {
			x.back = min(product(back, weigh(x), all), x.milli-x.vain)
			t.classes[x.class].back += x.back
		}
	}
}

// boundTo is how many of a million of a share come when the pod is otherwise than on the average,
// and how many of all that comes to the class.
func (t *Flows) boundTo(f *flow, x *share) (some, all int64) {
	c := &t.classes[x.class]
	switch {
	case c.from.many == 0:
		return portion(million, x.back, max(x.milli-x.vain, 1)), portion(million, c.back, max(c.arriving-c.vain, 1))
	case f.lots[x.lot].hands.many > 0:
		some = million
	}
	return some, million - c.from.rest
}

// than is how much likelier something is for who of so many are bound than for others of whom
// so many are, in millionths, by how likely it is for who is not, and for who is.
func than(even, bound, some, all int64) int64 {
	its, theirs := product(even, million-some, million)+product(bound, some, million), product(even, million-all, million)+product(bound, all, million)
	if theirs == 0 {
		return million
	}
	return product(its, million, theirs)
}

// fares is how a share's attempts would fare of which so many of a million were bound, and so many
// are: how many of a million are served, turned away and too late.
func (a *fate) fares(x *share, h *handled, was, are int64) (good, full, late int64) {
	all := max(x.milli-x.vain, 1)
	good, full, late = portion(million, a.good, all), portion(million, max(all-a.room, 0), all), portion(million, a.late, all)
	if was == are || h.even == h.bound {
		return good, full, late
	}
	full = min(product(full, than(h.even.full, h.bound.full, are, was), million), million)
	late = min(product(late, than(h.even.late, h.bound.late, are, was), million), million-full)
	return product(million-full-late, a.good, max(a.room-a.late, 1)), full, late
}

// lateOf is how many of a million who find a place are not served in time, of whom so many of a million
// have come back, if that is known, and else -1.
func (c *class) lateOf(f *flow, x *share, back int64) int64 {
	limit := max(f.Timeout.Microseconds()-x.way.mean(), 0)
	if c.tank.over || c.from.many > 0 || c.again == 0 || apart(limit, c.from.limit, closely) {
		return -1
	}
	mixed := func(even, bound int64) int64 {
		return product(even, million-back, million) + product(bound, back, million)
	}
	return min(product(mixed(c.even.late, c.bound.late), million, max(nano-mixed(c.even.full, c.bound.full), 1)), million)
}
