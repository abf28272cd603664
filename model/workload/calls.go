package workload

import (
	"time"

	"orrery/model"
)

// attempt is what becomes of a call, all its attempts together.
type attempt struct {
	attempts int64 // on the average, in millionths
	failed   int64 // for good, in millionths
	timing
}

// addCall adds the flow of a call. It is sent by the pods that match, each as much as
// it handles requests.
func (t *Flows) addCall(c *Call) {
	f := flow{
		Traffic: Traffic{Namespace: c.Namespace, Service: c.Service, From: c.From, Timeout: c.Timeout, Retries: c.Retries}, call: c,
		told: model.Traffic{From: c.From}, now: model.Traffic{From: c.From}, attempt: attempt{attempts: 1_000_000},
	}
	t.enter(f)
}

// sentByPods tells whether a flow comes from pods that are seen to come and go.
func (f *flow) sentByPods() bool { return f.deployment != "" || f.call != nil }

// sending is how much a source sends, what it tries again included.
func (f *flow) sending() int64 { return product(f.milli, f.attempt.attempts, 1_000_000) }

// calls is how much the pods of a class send together that handle so many requests.
func (f *flow) calls(c *class) int64 {
	if !c.serving {
		return 0
	}
	return product(product(c.done(c.was, c.n()), f.call.PerRequestMilli, 1000), f.attempt.attempts, 1_000_000)
}

// calling is how long calls of pods that are members of some flows take for a request, and
// how many requests of a million lose none of them for good. Calls are made one after the
// other.
func (t *Flows) calling(sort int32) (all timing, good int64) {
	good = 1_000_000
	for _, i := range t.sorts[sort] {
		f := &t.flows[i]
		if f.call == nil || f.call.Probes {
			continue
		}
		n := f.call.PerRequestMilli
		all.mean = min(all.mean+product(f.attempt.mean, n, 1000), longest)
		all.variance = min(all.variance+product(f.attempt.variance, n, 1000), longest*longest)
		for ; n >= 1000 && good > 0; n -= 1000 {
			good = product(good, 1_000_000-f.attempt.failed, 1_000_000)
		}
		good = product(good, 1_000_000-product(f.attempt.failed, max(n, 0), 1000), 1_000_000)
	}
	return all, good
}

// tried is what becomes of a call: the attempts it takes, and how long they take, by
// what became of single ones. Attempts fail independently of one another.
func (f *flow) tried() attempt {
	a := attempt{attempts: 1_000_000}
	if f.now.OfferedMilliRPS == 0 {
		return a
	}
	fails := product(f.now.OfferedMilliRPS-f.now.ServedMilliRPS, 1_000_000, f.now.OfferedMilliRPS)
	a.failed = fails
	for range f.Retries {
		a.attempts += a.failed
		a.failed = product(a.failed, fails, 1_000_000)
	}
	a.mean = min(product(f.times.mean, a.attempts, 1_000_000), longest)
	a.variance = min(product(f.times.variance, a.attempts, 1_000_000), longest*longest)
	return a
}

// total computes what becomes of a flow. An attempt ends after its timeout, if it is not
// over before.
func (t *Flows) total(f *flow) {
	f.now = f.lost
	limit := f.Timeout
	f.now.FirstMilliRPS = product(f.now.OfferedMilliRPS, 1_000_000, f.tries())
	f.now.BusyPPM = t.busy(f)
	var served, all mixture // of those that are served, and of all
	names := t.naming(f)
	for _, x := range f.shares {
		fate := t.fate(f, &x)
		f.now.ServedMilliRPS += fate.good
		f.now.OverloadMilliRPS += x.milli - fate.room
		f.now.TimedOutMilliRPS += fate.late
		f.now.FailedMilliRPS += fate.room - fate.late - fate.good
		served.add(fate.good, fate.takes, limit)
		all.add(fate.room, fate.takes.and(names), limit)
		all.add(x.milli-fate.room, names, limit)
	}
	if limit > 0 {
		all.add(f.lost.TimedOutMilliRPS, timing{mean: limit.Microseconds()}, limit)
		all.add(f.lost.UnresolvedMilliRPS-f.nameless, timing{mean: min(limit, 2*stalled).Microseconds()}, limit)
		all.add(f.lost.NoEndpointMilliRPS+f.lost.RefusedMilliRPS+f.nameless, timing{}, limit)
		f.times = all.timing()
	}
	f.lasts = all.timing().mean
	times := served.timing()
	f.now.P50, f.now.P99 = times.quantile(&median), times.quantile(&ninetyNth)
	if limit > 0 {
		f.now.P50, f.now.P99 = min(f.now.P50, limit), min(f.now.P99, limit)
	}
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
		if c := &t.classes[x.class]; c.room >= 0 && x.milli > 0 {
			ppm += product(x.milli, portion(1_000_000, c.arriving, max(c.arriving, c.all(c.n()))), 1_000_000)
			milli += x.milli
		}
	}
	if milli == 0 {
		return 0
	}
	return max(1, product(ppm, 1_000_000, milli))
}

// naming is how long a flow's requests wait for names: mostly not at all, or for what
// a resolver waits.
func (t *Flows) naming(f *flow) timing {
	if f.lookups < 0 || f.lost.OfferedMilliRPS == 0 {
		return timing{}
	}
	r := &t.flows[f.lookups].resolved
	wait := product(r.wait, f.asked, f.lost.OfferedMilliRPS)
	return timing{wait + product(r.slow, f.asked, f.lost.OfferedMilliRPS), wait * stalled.Microseconds()}
}

// mixture is the times of requests that fare differently.
type mixture struct{ milli, sum, squares int64 }

// add adds requests that take a time, at most limit if that is not 0.
func (m *mixture) add(milli int64, t timing, limit time.Duration) {
	if milli == 0 {
		return
	}
	if us := limit.Microseconds(); limit > 0 && t.mean > us {
		t = timing{us, 0}
	}
	total := m.milli + milli
	square := t.variance + t.mean*t.mean
	m.sum = product(m.sum, m.milli, total) + product(t.mean, milli, total)
	m.squares = product(m.squares, m.milli, total) + product(square, milli, total)
	m.milli = total
}

func (m *mixture) timing() timing {
	return timing{m.sum, max(0, m.squares-m.sum*m.sum)}
}
