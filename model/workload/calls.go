package workload

import (
	"cmp"

	"orrery/model"
)

// attempt is what becomes of a call, all its attempts together.
type attempt struct {
	attempts int64 // on the average, in millionths
	vain     int64 // of those, that meet a pod which has just turned them away
	bond     int64 // how likely it fares as the last call of the same request did, in millionths
	outcome
}

// addCall adds the flow of a call. It is sent by the pods that match, each as much as
// it handles requests.
func (t *Flows) addCall(c *Call) {
	f := flow{
		Traffic: Traffic{Namespace: c.Namespace, Service: c.Service, From: c.From, Timeout: c.Timeout, Retries: c.Retries}, call: c, home: cmp.Or(c.Home, c.Namespace),
		told: model.Traffic{From: c.From}, now: model.Traffic{From: c.From}, attempt: once,
	}
	t.enter(f)
}

// sentByPods tells whether a flow comes from pods that are seen to come and go.
func (f *flow) sentByPods() bool { return f.deployment != "" || f.call != nil }

// sending is how much a source sends, what it tries again included.
func (f *flow) sending() int64 { return product(f.milli, f.attempt.attempts, 1_000_000) }

// mostCalls is what pods of a class call at most, in thousandths a second: where services
// call one another in a circle and more than once for a request there is no end.
const mostCalls = 1_000_000_000_000_000

// calls is how much the pods of a class send together that handle so many requests.
func (f *flow) calls(c *class) int64 {
	if !c.serving {
		return 0
	}
	return min(product(product(max(c.sent, 0), f.call.PerRequestMilli, 1000), f.attempt.attempts, 1_000_000), mostCalls)
}

// called is what becomes of the calls of a sort of pods, as long as no flow of them fares
// otherwise.
type called struct {
	known bool
	outcome
}

// calling is what becomes of the calls that pods make for a request which are members of
// some flows. Calls are made one after the other, also if one of them fails.
func (t *Flows) calling(sort int32) outcome {
	for len(t.called) < len(t.sorts) {
		t.called = append(t.called, called{})
	}
	all := &t.called[sort]
	if all.known {
		return all.outcome
	}
	*all = called{true, sure}
	for _, i := range t.sorts[sort] {
		if f := &t.flows[i]; f.call != nil && !f.call.Probes {
			all.outcome = all.and(f.together())
		}
	}
	return all.outcome
}

// uncalled has the calls be looked at again of pods that make a flow's.
func (t *Flows) uncalled(i int32) {
	for _, sort := range t.flows[i].sorts {
		if int(sort) < len(t.called) {
			t.called[sort].known = false
		}
	}
}

// once is a call that never fails.
var once = attempt{attempts: million, outcome: sure}

// tried is what becomes of a call by what became of single attempts. Attempts fail
// independently of one another, but for those that full pods turn away (retried).
func (f *flow) tried() attempt {
	if f.turned.again > 0 && f.Retries > 0 {
		return f.retried()
	}
	a := attempt{attempts: million, outcome: f.single}
	fails, tries := million-f.single.good, 0
	for left := fails; tries < f.Retries && left > 0; left = product(left, fails, million) {
		a.attempts += left
		tries++
	}
	for range tries {
		a.outcome = a.again(f.single)
	}
	a.bond = f.bond(a.good)
	return a
}

// rounds tells whether what becomes of a call is another only as thousandths of a request
// are rounded, on the way to each class of pods and there: what is lost has who calls try again,
// and less is lost of what is more, so it would go to and fro without end. Of a flow of few
// thousandths, as lookups are that caches keep most of, that may be much: all that is rounded is
// taken for no news only once it has gone to and fro; then times are rounded, too, and something
// that is still lost, or still gets through, stays so.
func (t *Flows) rounds(f *flow, a *attempt) bool {
	b, offered := &f.attempt, max(f.now.OfferedMilliRPS, 1)
	noise := int64(2+2*len(f.shares)) * million / offered
	wavers := noise > million/fine.part && f.heeded.been(t, mostHeeded)
	begins := a.good < million && b.good == million || a.good > 0 && b.good == 0 // to be lost, or to get through
	ends := b.good < million && a.good == million || b.good > 0 && a.good == 0
	if begins || ends && !wavers {
		return false
	}
	if noise = min(noise, million/fine.part); wavers {
		noise = int64(2+2*len(f.senders)+2*len(f.bundles)*max(len(f.shares), 1)) * million / offered
	}
	good, attempts, vain := max(a.good-b.good, b.good-a.good), max(a.attempts-b.attempts, b.attempts-a.attempts), max(a.vain-b.vain, b.vain-a.vain)
	return good <= noise && max(attempts, vain) <= noise*int64(1+f.Retries) && (wavers || a.ok.change(&b.ok) == same && a.bad.change(&b.bad) == same)
}

// mostHeeded is how often those who send a flow go by what becomes of it, until something comes
// from outside, before they go by no more than what cannot be rounding.
const mostHeeded = 16

// turning is how long the change of what becomes of a flow waits: how times are spread is no news
// any more once those who send it went by another one so often in an instant.
func (t *Flows) turning(f *flow, a *attempt) patience {
	if f.heedAt == t.kernel.Now() && f.heeds >= mostHeeded {
		return a.changeBut(&f.attempt)
	}
	return a.change(&f.attempt)
}

// heed has those who send a flow go by what becomes of it now.
func (t *Flows) heed(f *flow, a attempt) {
	f.heeded.more(t, mostHeeded)
	if now := t.kernel.Now(); f.heedAt != now {
		f.heedAt, f.heeds = now, 0
	}
	f.heeds++
	f.attempt = a
}

// total computes what becomes of a flow, but for its quantiles. An attempt ends after its timeout, if it is not
// over before; that includes the time in which its name is looked up.
func (t *Flows) total(f *flow) {
	p50, p99 := f.now.P50, f.now.P99
	f.now = f.lost
	limit := f.Timeout
	f.now.FirstMilliRPS = product(f.now.OfferedMilliRPS, 1_000_000, f.tries())
	f.now.BusyPPM, f.turned = t.busy(f), turned{}
	var ok, bad mixture
	names, unnamed := t.naming(f)
	for k := range f.shares {
		x := &f.shares[k]
		fate := t.fate(f, x, names)
		f.now.ServedMilliRPS += fate.good
		f.now.OverloadMilliRPS += x.milli - fate.room
		f.turned.turn(x, fate.room)
		f.now.TimedOutMilliRPS += fate.late
		f.now.FailedMilliRPS += fate.room - fate.late - fate.good
		ok.add(fate.good, fate.takes, 0)
		bad.add(fate.room-fate.late-fate.good, fate.fails, 0)
		bad.add(x.milli-fate.room, f.away(names), limit)
	}
	f.single.ok = ok.timing()
	bad.add(f.now.TimedOutMilliRPS, fixed(limit.Microseconds()), 0)
	bad.add(f.lost.UnresolvedMilliRPS-f.nameless, unnamed, limit)
	bad.add(f.nameless, timing{}, limit)
	bad.add(f.lost.NoEndpointMilliRPS+f.lost.RefusedMilliRPS, names, limit)
	f.single.bad = bad.timing()
	f.single.good = million - product(f.now.OfferedMilliRPS-f.now.ServedMilliRPS, million, max(f.now.OfferedMilliRPS, 1))
	if f.of >= 0 {
		f.spoil()
	}
	f.now.P50, f.now.P99 = p50, p99
	f.lasts = f.single.mean()
}

// time finds the quantiles of how long a flow's requests take, if that is another time than when
// they were found last.
func (t *Flows) time(f *flow) {
	times := &f.single.ok
	switch p := times.change(&f.timed); {
	case t.Exact && *times != f.timed:
	case t.holds(&f.delayed.up, p):
		return
	}
	f.timed = *times
	f.now.P50, f.now.P99 = times.quantile(million/2), times.quantile(million/100*99)
	if f.Timeout > 0 {
		f.now.P50, f.now.P99 = min(f.now.P50, f.Timeout), min(f.now.P99, f.Timeout)
	}
}

// away is how long those wait that are turned away, after so long for names: at once they
// are told, but nobody tells who looks up a name, over UDP.
func (f *flow) away(names timing) timing {
	if f.of >= 0 {
		return fixed(f.Timeout.Microseconds())
	}
	return names
}

// tries is how often a request of a flow is sent on the average, in millionths.
func (f *flow) tries() int64 {
	if f.of >= 0 {
		return f.resolved.asks
	}
	return max(f.attempt.attempts, 1_000_000)
}

// busy is how busy the endpoints are that a flow's requests arrive at.
func (t *Flows) busy(f *flow) int64 {
	var ppm, milli int64
	for _, x := range f.shares {
		c := &t.classes[x.class]
		switch {
		case x.milli == 0:
		case c.room >= 0:
			ppm += product(x.milli, portion(1_000_000, c.arriving, max(c.arriving, product(c.room, c.n(), 1))), 1_000_000)
			milli += x.milli
		case c.work.Workers > 0: // whom requests that take no time do not keep busy
			milli += x.milli
		}
	}
	if milli == 0 {
		return 0
	}
	return max(1, product(ppm, 1_000_000, milli))
}

// naming is how long a flow's requests wait for names that get an address, most of them
// perhaps not at all, and how long those that get none.
func (t *Flows) naming(f *flow) (names, none timing) {
	if f.lookups < 0 || f.lost.OfferedMilliRPS == 0 {
		return timing{}, timing{}
	}
	r := &t.flows[f.lookups].resolved
	var m mixture
	asked := f.asked - (f.lost.UnresolvedMilliRPS - f.nameless)
	m.add(asked, r.ok, 0)
	m.add(f.lost.OfferedMilliRPS-f.lost.UnresolvedMilliRPS-asked, timing{}, 0)
	return m.timing(), r.bad
}
