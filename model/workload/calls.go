package workload

import (
	"cmp"

	"orrery/model"
)

// attempt is what becomes of a call, all its attempts together.
type attempt struct {
	attempts int64 // on the average, in millionths
	vain     int64 // of those, that meet a pod which has just turned them away
	back     int64 // of those, that meet one where they have just given up
	fresh    int64 // so many of a million are good that are not made again
	anew     int64 // the same of those that are, as the same call failed before
	bond     int64 // how likely it fares as the last call of the same request did, in millionths
	outcome
	told
}

// addCall adds the flow of a call. It is sent by the pods that match, each as much as
// it handles requests.
func (t *Flows) addCall(c *Call) {
	f := flow{
		Traffic: Traffic{Namespace: c.Namespace, Service: c.Service, From: c.From, Timeout: c.Timeout, Retries: c.Retries}, call: c, home: cmp.Or(c.Home, c.Namespace),
		told: model.Traffic{From: c.From}, now: model.Traffic{From: c.From},
	}
	t.enter(f)
}

// sentByPods tells whether a flow comes from pods that are seen to come and go.
func (f *flow) sentByPods() bool { return f.deployment != "" || f.call != nil }

// mostCalls is what pods of a class call at most, in thousandths a second: where services
// call one another in a circle and more than once for a request there is no end.
const mostCalls = 1_000_000_000_000_000

// calls is how much the pods of a class call together that handle so many requests, what they try
// again not counted.
func (f *flow) calls(c *class) int64 {
	if !c.serving {
		return 0
	}
	return min(product(max(c.sent, 0), f.call.PerRequestMilli, 1000), mostCalls)
}

// calling is what becomes of the calls that pods of a crew make for a request. Calls are made one
// after the other, also if one of them fails.
func (t *Flows) calling(k int32) outcome {
	p := &t.crews[k]
	if p.known {
		return p.outcome
	}
	p.known, p.outcome = true, sure
	for nth, i := range t.sorts[p.sort] {
		if f := &t.flows[i]; f.call != nil && !f.call.Probes {
			p.outcome = p.and(f.made(p.of(f, nth)))
		}
	}
	return p.outcome
}

// uncalled has the calls be looked at again of pods that make a flow's.
func (t *Flows) uncalled(i int32) {
	for _, sort := range t.flows[i].sorts {
		if int(sort) < len(t.crewsOf) {
			for _, k := range t.crewsOf[sort] {
				t.crews[k].known = false
			}
		}
	}
}

// once is a call that never fails.
var once = attempt{attempts: million, fresh: million, anew: million, outcome: sure}

// tried is what becomes of a lot's calls by what became of single attempts. Attempts fail
// independently of one another, but for those that full pods turn away or are too late for (retried).
func (f *flow) tried(l *lot) attempt {
	if l.turned.again+l.turned.back > 0 && (f.Retries > 0 || l.renewed.part > 0) || l.turned.first != l.turned.next {
		return f.retried(l)
	}
	if l.plain.of != l.single || l.plain.attempts == 0 {
		l.plain = plain{l.single, f.independent(l.single)}
	}
	a := l.plain.attempt
	if f.of >= 0 {
		a.told = l.told
	}
	a.bond = f.bond(l, a.good)
	return a
}

// plain is what becomes of calls of which each attempt fares like that, whatever the others did.
type plain struct {
	of outcome
	attempt
}

// independent computes it.
func (f *flow) independent(single outcome) attempt {
	a := attempt{attempts: million, outcome: single}
	fails, tries := million-single.good, 0
	for left := fails; tries < f.Retries && left > 0; left = product(left, fails, million) {
		a.attempts += left
		tries++
	}
	for range tries {
		a.outcome = a.again(single)
	}
	a.fresh, a.anew = a.good, a.good
	return a
}

// rounds tells whether what becomes of a lot's calls is another only as thousandths of a request
// are rounded, on the way to each class of pods and there: what is lost has who calls try again,
// and less is lost of what is more, so it would go to and fro without end. Of a flow of few
// thousandths, as lookups are that caches keep most of, that may be much: all that is rounded is
// taken for no news only once it has gone to and fro; then times are rounded, too, and something
// that is still lost, or still gets through, stays so.
func (t *Flows) rounds(f *flow, l *lot, a *attempt) bool {
	b, offered := &l.attempt, max(l.now.OfferedMilliRPS, 1)
	noise := int64(2+2*len(f.shares)) * million / offered
	wavers := noise > million/fine.part && l.heeded.been(t, mostHeeded)
	begins := a.good < million && b.good == million || a.good > 0 && b.good == 0 // to be lost, or to get through
	ends := b.good < million && a.good == million || b.good > 0 && a.good == 0
	if begins || ends && !wavers {
		return false
	}
	if noise = min(noise, million/fine.part); wavers {
		noise = int64(2+2*len(f.senders)+2*len(f.bundles)*max(len(f.shares), 1)) * million / offered
	}
	good, attempts, vain := max(a.good-b.good, b.good-a.good, a.anew-b.anew, b.anew-a.anew), max(a.attempts-b.attempts, b.attempts-a.attempts), max(a.vain-b.vain, b.vain-a.vain, a.back-b.back, b.back-a.back)
	errors, nobody := max(a.errors-b.errors, b.errors-a.errors), max(a.nobody-b.nobody, b.nobody-a.nobody)
	return max(good, errors, nobody) <= noise && max(attempts, vain) <= noise*int64(1+f.Retries) && (wavers || a.ok.change(&b.ok) == same && a.bad.change(&b.bad) == same)
}

// mostHeeded is how often those who send a flow go by what becomes of it, until something comes
// from outside, before they go by no more than what cannot be rounding.
const mostHeeded = 16

// turning is how long the change of what becomes of a lot's calls waits: how times are spread is no
// news any more once those who send it went by another one so often in an instant.
func (t *Flows) turning(l *lot, a *attempt) patience {
	if l.heedAt == t.kernel.Now() && l.heeds >= mostHeeded {
		return a.changeBut(&l.attempt)
	}
	return a.change(&l.attempt)
}

// heed has a lot go by what becomes of its calls now.
func (t *Flows) heed(l *lot, a attempt) {
	l.heeded.more(t, mostHeeded)
	if now := t.kernel.Now(); l.heedAt != now {
		l.heedAt, l.heeds = now, 0
	}
	l.heeds++
	l.attempt, l.made.known = a, false
}

// total computes what becomes of a flow, but for its quantiles.
func (t *Flows) total(f *flow) {
	was := &f.lost
	f.now = model.Traffic{From: f.From, P50: f.now.P50, P99: f.now.P99, InsideMilliRPS: was.InsideMilliRPS, ZoneMilliRPS: was.ZoneMilliRPS, NodeMilliRPS: was.NodeMilliRPS}
	for k := range f.lots {
		l := &f.lots[k]
		t.totalOf(f, int32(k), l)
		addRates(&f.now, &l.now)
	}
	f.now.BusyPPM = t.busy(f)
	if f.single = f.lots[0].single; len(f.lots) > 1 {
		f.single = f.pooled()
	}
}

// pooled is what becomes of a flow's attempts, of whatever lot.
func (f *flow) pooled() outcome {
	var ok, bad mixture
	for k := range f.lots {
		l := &f.lots[k]
		ok.add(l.now.ServedMilliRPS, l.single.ok, 0)
		bad.add(l.now.OfferedMilliRPS-l.now.ServedMilliRPS, l.single.bad, 0)
	}
	return outcome{million - product(f.now.OfferedMilliRPS-f.now.ServedMilliRPS, million, max(f.now.OfferedMilliRPS, 1)), ok.timing(), bad.timing()}
}

// totalOf computes what becomes of a lot of a flow. An attempt ends after its timeout, if it is not
// over before; that includes the time in which its name is looked up.
func (t *Flows) totalOf(f *flow, k int32, l *lot) {
	limit, now := f.Timeout, &l.now
	*now, l.turned = l.lost, turned{}
	now.FirstMilliRPS = product(now.OfferedMilliRPS, 1_000_000, f.tries(l))
	var ok, bad mixture
	names, unnamed := t.naming(f, f.bundles, k)
	for n := range f.shares {
		x := &f.shares[n]
		if x.lot != k {
			continue
		}
		fate := t.meet(f, x, names)
		now.ServedMilliRPS += fate.good
		now.OverloadMilliRPS += x.milli - fate.room
		t.turn(f, x, &fate)
		now.TimedOutMilliRPS += fate.late
		now.FailedMilliRPS += fate.room - fate.late - fate.good
		ok.add(fate.good, fate.takes, 0)
		bad.add(fate.room-fate.late-fate.good, fate.fails, 0)
		bad.add(x.milli-fate.room, f.away(names), limit)
	}
	l.single.ok = ok.timing()
	if now.TimedOutMilliRPS > 0 {
		bad.add(now.TimedOutMilliRPS, fixed(limit.Microseconds()), 0)
	}
	bad.add(l.lost.UnresolvedMilliRPS-l.nameless, unnamed, limit)
	bad.add(l.nameless, timing{}, limit)
	bad.add(l.lost.NoEndpointMilliRPS+l.lost.RefusedMilliRPS+l.lost.ErrorMilliRPS, names, limit)
	l.single.bad = bad.timing()
	l.single.good = million - product(now.OfferedMilliRPS-now.ServedMilliRPS, million, max(now.OfferedMilliRPS, 1))
	if f.of >= 0 {
		l.told = l.tells()
	}
	if now.OfferedMilliRPS == 0 && len(f.lots) > 1 {
		t.suppose(f, k, l)
	}
	if f.of >= 0 {
		f.spoil(l)
	}
}

// meet is what becomes of a share of a flow whose requests wait for names first.
func (t *Flows) meet(f *flow, x *share, names timing) fate {
	out := t.fate(f, x, names)
	if x.good = out.good; len(f.bundles) < 2 {
		return out // nobody is told apart
	}
	away, limit := f.away(names), f.Timeout.Microseconds()
	part := func(milli, us int64) int64 { return product(us, milli, max(x.milli, 1)) }
	x.takes = part(out.good, out.takes.mean()) + part(out.late, limit) + part(out.room-out.late-out.good, out.fails.mean()) + part(x.milli-out.room, away.mean())
	return out
}

// time finds the quantiles of how long a flow's requests take, if that is another time than when
// they were found last.
func (t *Flows) time(f *flow) {
	times := &f.single.ok
	if f.now.ServedMilliRPS == 0 { // however short they were, there are none
		f.timed, f.now.P50, f.now.P99 = timing{}, 0, 0
		return
	}
	switch p := times.change(&f.timed); {
	case t.Exact && *times != f.timed:
	case t.holds(&f.delayed.up, p):
		return
	}
	f.timed = *times
	f.now.P50, f.now.P99 = times.percentiles()
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

// tries is how often a request of a lot is sent on the average, in millionths.
func (f *flow) tries(l *lot) int64 {
	if f.of >= 0 {
		return 2*million - l.attempt.good
	}
	return max(l.attempt.attempts, 1_000_000)
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

// naming is how long requests of those bundles of a flow that are a lot's wait for names that get an
// address, most of them perhaps not at all, and how long those that get none.
func (t *Flows) naming(f *flow, bundles []bundle, lot int32) (names, none timing) {
	if f.lookups < 0 {
		return timing{}, timing{}
	}
	l := &t.flows[f.lookups]
	var ok, bad mixture
	rest, all := int64(0), int64(0)
	for n := range l.ndots {
		var asked, unnamed [mostLots]int64
		for k := range bundles {
			b := &bundles[k]
			in, ndots := namesAs(b.names)
			if b.lot != lot || ndots != n {
				continue
			}
			in = min(in, len(l.lots)-1)
			asked[in] += b.asked - b.none
			unnamed[in] += b.none
			rest += b.milli + b.lies + b.none - b.asked
			all += b.milli + b.lies + b.none
		}
		for k := range l.lots {
			r := &l.lots[k].resolved[n]
			ok.add(asked[k], r.ok, 0)
			bad.add(unnamed[k], r.bad, 0)
		}
	}
	if all == 0 {
		return timing{}, timing{}
	}
	ok.add(rest, timing{}, 0)
	return ok.timing(), bad.timing()
}

// addRates adds what becomes of a part of a flow.
func addRates(all, x *model.Traffic) {
	all.OfferedMilliRPS += x.OfferedMilliRPS
	all.ServedMilliRPS += x.ServedMilliRPS
	all.NoEndpointMilliRPS += x.NoEndpointMilliRPS
	all.RefusedMilliRPS += x.RefusedMilliRPS
	all.ErrorMilliRPS += x.ErrorMilliRPS
	all.TimedOutMilliRPS += x.TimedOutMilliRPS
	all.OverloadMilliRPS += x.OverloadMilliRPS
	all.FailedMilliRPS += x.FailedMilliRPS
	all.UnresolvedMilliRPS += x.UnresolvedMilliRPS
	all.UntrackedMilliRPS += x.UntrackedMilliRPS
	all.CongestedMilliRPS += x.CongestedMilliRPS
	all.FirstMilliRPS += x.FirstMilliRPS
}
