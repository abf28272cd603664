package workload

import (
	"math"
	"slices"

	"orrery/sim"
)

// hands is the workers of those who make a call, all together.
type hands struct {
	many  int64 // 0 if that makes no difference
	busy  int64 // of those on the average, in thousandths
	own   int64 // a request takes on the average besides the call, in nanoseconds
	asked int64 // what comes to them, in thousandths a second
	queue int64 // requests that wait for them at most
	pods  int64 // that have them
}

// classes yields the classes that call, each once, and their lots.
func (f *flow) classes(yield func(class, lot int32) bool) {
	for k := range f.calling {
		x := &f.calling[k]
		if !yield(x.class, f.senders[x.sender].lot) {
			return
		}
	}
}

// recountHands has a flow know the workers of those who make the call.
func (t *Flows) recountHands(f *flow) {
	for k := range f.lots {
		l, now := &f.lots[k], t.handsOf(f, int32(k))
		f.must = f.must || l.hands.many != now.many
		l.hands = now
	}
}

// handsOf is the workers of a lot of those who make a flow's call. If fewer can ever be busy, as
// those who call them have so few, it is these. In a circle of calls they count as infinitely many,
// as what they wait for is themselves.
func (t *Flows) handsOf(f *flow, lot int32) (now hands) {
	if f.call.Probes {
		return hands{}
	}
	for class, in := range f.classes {
		c := &t.classes[class]
		switch {
		case in != lot:
		case t.circular(f, c):
			return hands{}
		default:
			now.add(c)
		}
	}
	many, above := now.many, hands{}
	if len(f.lots) == 1 {
		above = t.handsAbove(f)
	}
	if above.many > 0 && above.many <= many {
		now = above
	} else if !now.scarce() {
		return hands{}
	}
	now.own += t.besidesOf(f, lot, many)
	return now
}

// besidesOf is besides of all of a lot that make a flow's call, who have so many workers.
func (t *Flows) besidesOf(f *flow, lot int32, many int64) (all int64) {
	for class, in := range f.classes {
		if in == lot {
			c := &t.classes[class]
			all += product(t.besides(f, c), c.hands(), 1000)
		}
	}
	return product(all, 1000, max(many, 1))
}

// handsAbove is the workers of those who call those who make a flow's call, none if somebody else
// calls these, too, or if workers are never all busy.
func (t *Flows) handsAbove(f *flow) (above hands) {
	t.heard = t.heard[:0]
	for class := range f.classes {
		for _, b := range t.in(&t.classes[class]) {
			if !slices.Contains(t.heard, b) {
				t.heard = append(t.heard, b)
			}
		}
	}
	some := int64(0)
	for _, b := range t.heard {
		for _, i := range t.backends[b].flows {
			g := &t.flows[i]
			for k := range g.lots {
				switch l := &g.lots[k]; {
				case l.lost.OfferedMilliRPS == 0:
				case l.hands.many == 0:
					return hands{}
				default:
					some += l.lost.OfferedMilliRPS
					above.addAbove(g, l)
				}
			}
		}
	}
	above.own = product(above.own, 1000, max(some, 1))
	return above
}

// addAbove adds a lot of those who make a call: what they do for one of its attempts is a part of
// what they do for a request.
func (a *hands) addAbove(g *flow, l *lot) {
	calls := g.fresh(l)
	a.many += l.hands.many
	a.pods += l.hands.pods
	a.queue += l.hands.queue
	a.asked += product(l.hands.asked, calls, 1000)
	a.own += product(product(l.hands.own, 1000, calls), l.lost.OfferedMilliRPS, 1000)
}

// fresh is how many calls a request of a lot makes that come afresh, in thousandths.
func (f *flow) fresh(l *lot) int64 {
	return max(product(f.call.PerRequestMilli, l.attempt.attempts-l.attempt.vain, million), 1)
}

// circular tells whether what is called calls, itself or by others, those who make the call.
func (t *Flows) circular(f *flow, c *class) bool {
	for _, b := range t.in(c) {
		if t.backends[b].height <= t.backends[f.backend].height {
			return true
		}
	}
	return false
}

// hands is how many workers the pods of a class have that call; none say that there is no limit.
func (c *class) hands() int64 {
	switch {
	case !c.serving:
		return 0
	case c.work.Workers == 0:
		return math.MaxInt32
	}
	return min(product(c.work.Workers, c.n(), 1), math.MaxInt32)
}

// add adds those of a class.
func (a *hands) add(c *class) {
	many, most := c.hands(), max(product(max(c.room, 1), c.n(), 1), 1)
	a.many += many
	a.pods += c.n()
	a.busy += portion(many*1000, min(c.was, most), most)
	asked := max(c.arriving-c.vain, 0)
	if c.work.CapacityMilliRPS >= 0 {
		asked = min(asked, product(c.work.CapacityMilliRPS, c.n(), 1))
	}
	a.asked += asked
	a.queue += min(product(c.work.Queue, c.n(), 1), math.MaxInt32)
}

// scarce tells whether it happens that all of them are busy: not if that is more than five
// standard deviations from how many are on the average, which a normal distribution exceeds once
// in three million times.
func (a *hands) scarce() bool {
	return a.many <= mostCallers && a.busy+5*int64(sim.Root(uint64(a.busy*1000))) >= a.many*1000
}

// besides is how long a request takes the pods of a class besides a call, in nanoseconds.
func (t *Flows) besides(f *flow, c *class) int64 {
	us := (c.work.Latency + c.work.CPU).Microseconds()
	p := &t.crews[c.crew]
	for nth, i := range t.sorts[c.sort] {
		if x := &t.flows[i]; x != f && x.call != nil && !x.call.Probes {
			us += product(p.of(x, nth).attempt.mean(), x.call.PerRequestMilli, 1000)
		}
	}
	return min(us, longest) * 1000
}

// How few call is taken into account only where that was compared with requests one by one: if
// callers have so many workers at most, not more than so many for each place of the pod that is
// called, and if not more than so many of a million of the requests that come are of others, who
// count as infinitely many. Elsewhere all do.
const (
	mostCallers = 300
	eachPlace   = 4
	mostOthers  = 250_000
)

// crowd is who comes to a pod of a class to which so many come afresh.
func (t *Flows) crowd(id int32, c *class, fresh int64) crowd {
	from := t.callers(id, c, fresh)
	from.comeback, from.sheet = t.comeback(id, c), &t.sheet
	if from.retries > 0 && c.work.Workers > 0 { // a queue of CPU moves by what arrives alone
		from.there = c.tank.there()
	}
	return from
}

// callers is who calls a pod of a class, if it matters how few they are.
func (t *Flows) callers(id int32, c *class, fresh int64) (from crowd) {
	some, limit, stay := int64(0), int64(longest), int64(-1)
	for _, b := range t.in(c) {
		for _, i := range t.backends[b].flows {
			f := &t.flows[i]
			for k := range f.shares {
				x := &f.shares[k]
				l, here := &f.lots[x.lot], (x.milli-x.vain)/c.n()
				if x.class != id || l.hands.many == 0 || here <= 0 {
					continue
				}
				if stay < 0 {
					stay = product(c.outcome.mean(), million-c.full, 1000) // who is turned away goes on at once
				}
				some += here
				from.many += l.hands.many
				own, would := f.elsewhere(l, here, stay)
				from.own += product(own, here, 1000)
				from.would += would
				from.queue = min(from.queue+l.hands.queue, million*million)
				from.pods += l.hands.pods
				if f.Timeout > 0 {
					limit = min(limit, f.Timeout.Microseconds())
				}
			}
		}
	}
	if some == 0 {
		return crowd{}
	}
	from.queue = min(from.queue/from.pods, manyServers) // more make no difference
	from.own = product(from.own, 1000, some)
	from.would = min(product(from.would, million, some), endless)
	if from.rest = million - min(product(some, million, max(fresh, 1)), million); from.rest > mostOthers {
		return crowd{}
	}
	held, _ := c.work.places(&c.handled)
	if from.many > eachPlace*held/request {
		return crowd{}
	}
	if late := c.took(min(held, from.many*request)); late > limit {
		// Who gives up makes the next call while the one before is still there, so the same workers
		// are there several times. The fourth power of how often has them count as nearly infinitely
		// many, unless they give up just before they are served.
		for range 4 {
			from.many = min(product(from.many, late, limit), million)
		}
	}
	if from.plenty(held/request, product(some, from.own, million)) {
		return crowd{}
	}
	return from
}

// elsewhere is how long a worker of a lot is that makes a call, from when it leaves a pod at which
// so many arrive to when it comes there again, in nanoseconds: at its own pod, and at the other
// ones that are called, where it stays as long. And so many would come if all were ready.
func (f *flow) elsewhere(l *lot, here, stay int64) (own, would int64) {
	a, h := &l.attempt, &l.hands
	fresh, calls := a.attempts-a.vain, f.fresh(l)
	each := product(h.own, 1000, calls) + stay // from one to the next, of whatever pod
	all := max(product(l.lost.OfferedMilliRPS, fresh, max(a.attempts, 1)), here)
	return max(product(each, all, here)-stay, 0), product(product(h.asked, calls, 1000), here, all)
}

// plenty tells whether a worker is ready also while a pod is full with so many requests: so if all
// workers that are not there are four standard deviations more than those which are at work
// elsewhere, of which on the average there are so many millionths.
func (a *crowd) plenty(full, elsewhere int64) bool {
	return (a.many-full)*million > elsewhere+4000*int64(sim.Root(uint64(min(elsewhere, million*million))))
}

// took is how long it takes to get so many requests done, in microseconds.
func (c *class) took(held int64) int64 { return product(held, million, max(c.room, 1)*million) }
