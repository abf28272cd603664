package workload

import (
	"slices"

	"orrery/sim"
)

// A cache keeps what it is told for the TTL, right or wrong: it cannot know. So wrong addresses come
// into use as answers are too old, one cache after the other, and go out of use so. Errors, and
// that there is no such name, it does not keep.

// misled is how many of a sender's requests go to a wrong address. Who asks gets one now; who
// does not goes by what is kept.
func (t *Flows) misled(l *flow, s *sender) int64 {
	r, asking := t.resolvedOf(l, s), t.asking(l, s)
	if t.DNS.Cache == NoCache || t.expired(l, s) {
		return product(asking-t.unresolved(l, s), r.lies, million)
	}
	kept, needed := t.keptLies(l, s), t.dials(&t.flows[l.of], s)
	if t.lotOfSender(l, s).dark.since > 0 {
		return product(needed, kept, million)
	}
	return product(asking-t.unresolved(l, s), r.lies, million) + product(needed-asking, kept, million)
}

// lied is how many of a million requests that asked got a wrong address until some time.
type lied struct {
	until sim.Time
	lies  int64
}

// lie has caches go on with what they got until now, if so many answers were wrong. A cache does
// not know which are: it keeps each for its TTL (RFC 1035, 3.2.1).
func (t *Flows) lie(l *flow, lies int64) {
	now := t.kernel.Now()
	if !l.dark() {
		l.lied = slices.DeleteFunc(l.lied, func(x lied) bool { return now.Sub(x.until) >= t.DNS.TTL })
	}
	l.lied = append(l.lied, lied{now, lies})
}

// keptLies is how many of a million requests get a wrong address that go by what a sender's cache
// keeps: as many as got one when the cache asked. If some do and some do not that is the same for
// every cache, as if each were many.
func (t *Flows) keptLies(l *flow, s *sender) int64 {
	n := len(l.lied)
	if n == 0 || t.lotOfSender(l, s).dark.since == 0 && t.kernel.Now().Sub(l.lied[n-1].until) >= t.DNS.TTL {
		return l.harm.Wrong
	}
	at, _ := t.fetched(l, s)
	for k := range l.lied {
		if l.lied[k].until > at {
			return l.lied[k].lies
		}
	}
	return l.harm.Wrong
}

// fetched is when a sender's cache got what it keeps, and when it asks again. Somebody soon asks
// for what is too old, so it does once in a TTL, each at times of its own: all of a node's, or of
// its pods', the same. While nobody answers it gets nothing; if it had nothing left then, or only
// what was too old, it asks as soon as somebody does.
func (t *Flows) fetched(l *flow, s *sender) (at, next sim.Time) {
	lot, of := t.lotOfSender(l, s), &t.flows[l.of]
	if at = t.kernel.Now(); lot.dark.since > 0 {
		at = lot.dark.since
	}
	luck := t.caches.Draw(sim.HashName(s.name), sim.HashName(of.Namespace+"/"+of.Service))
	late := at.Sub(sim.Time(0).Add(luck.Duration(0, t.DNS.TTL))) % t.DNS.TTL
	if late < 0 {
		late += t.DNS.TTL
	}
	at = at.Add(-late)
	next = at.Add(t.DNS.TTL)
	if lot.litAt > at && t.keptTill(lot.darkAt, s) <= lot.litAt {
		at = lot.litAt
	}
	return at, next
}

// dark is a time in which no request gets an address.
type dark struct {
	since  sim.Time // 0 if some do
	denied sim.Time // until then some were told that there is no such name: Never if they are
}

// see takes in what has become of lookups.
func (d *dark) see(r *resolved, now sim.Time) {
	switch {
	case d.since == 0:
		d.since = now
	case d.denied == sim.Never:
		d.denied = now
	}
	if r.denied {
		d.denied = sim.Never
	}
}

// expired tells whether a sender's answers were too old since nobody answers.
func (t *Flows) expired(l *flow, s *sender) bool {
	lot := t.lotOfSender(l, s)
	return lot.dark.since > 0 && t.kernel.Now() >= t.expiry(l, &lot.dark, s)
}

// expiry is when a sender's answers are too old. When nobody answers any more, an
// answer has some part of its time left: all of a node's, or of its pods', the same. One
// that a name is not there is an answer, so who gets it once that time is over uses nothing
// longer (RFC 8767, section 4).
func (t *Flows) expiry(l *flow, d *dark, s *sender) sim.Time {
	if l.absent && !t.backends[t.flows[l.of].backend].named.ever {
		return d.since
	}
	at := t.keptTill(d.since, s)
	if at < d.denied {
		return at
	}
	return at.Add(t.DNS.ServeStale)
}

// keptTill is when the TTL of a sender's answers is over if nobody answers since some time.
func (t *Flows) keptTill(since sim.Time, s *sender) sim.Time {
	luck := t.caches.Draw(sim.HashName(s.name), uint64(since))
	return since.Add(luck.Duration(0, t.DNS.TTL))
}

// dark tells whether some of those who look names up get no address.
func (l *flow) dark() bool {
	return slices.ContainsFunc(l.lots, func(x lot) bool { return x.dark.since > 0 })
}

// awaitExpiry has the next sender's answers be too old when they are, while that changes what it
// gets.
func (t *Flows) awaitExpiry(i int32) {
	l := &t.flows[i]
	if t.DNS.Cache == NoCache || len(l.lied) == 0 && !l.dark() {
		return
	}
	next, now := sim.Never, t.kernel.Now()
	f := &t.flows[l.of]
	for j := range f.senders {
		s, at := &f.senders[j], sim.Time(0)
		if lot := t.lotOfSender(l, s); lot.dark.since > 0 {
			at = t.expiry(l, &lot.dark, s)
		} else if t.keptLies(l, s) != l.harm.Wrong {
			_, at = t.fetched(l, s)
		}
		if at > now {
			next = min(next, at)
		}
	}
	if next < l.oldAt || l.oldAt <= now {
		l.oldAt = next
		t.kernel.Post(next, t.self, whyExpired, uint64(i))
	}
}
