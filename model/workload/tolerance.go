package workload

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// A change that is small goes no further at once: neither up nor down the calls, nor to
// machines, nor into the history. It is not forgotten: small is what is near to what was
// passed on last, so many small changes in one direction go on; and at the next full
// minute everything that waits goes all the way. What is lost, other than because of
// what is called, never waits at the Service where it is lost.
//
// Rates are wrong by at most one part in tolerance for each call one below another, for
// at most flushEvery.
const (
	tolerance     = 1000   // of rates and times, one part in so many
	loadTolerance = 100    // of what machines are told
	lossTolerance = 10_000 // of requests that fail because of what is called
	flushEvery    = time.Minute
)

// near tells whether a rate is so near to the one passed on that the difference waits.
func (t *Flows) near(now, passed int64, tolerance int64) bool {
	if t.settling || t.Exact {
		return now == passed
	}
	return within(now, passed, tolerance)
}

// within tells whether two numbers differ by less than a part of the second.
func within(now, passed, part int64) bool {
	off := now - passed
	if off < 0 {
		off = -off
	}
	return off == 0 || off < passed/part
}

// almost tells whether what becomes of calls is nearly the same.
func (a *attempt) almost(b *attempt) bool {
	return within(a.attempts, b.attempts, tolerance) && within(1_000_000+a.failed, 1_000_000+b.failed, lossTolerance) && (a.failed == 0) == (b.failed == 0) &&
		within(a.mean, b.mean, tolerance) && within(a.variance, b.variance, tolerance/2)
}

// almost tells whether rates and times are nearly the same.
func almost(a, b *model.Traffic) bool {
	return a.RefusedMilliRPS == b.RefusedMilliRPS && a.TimedOutMilliRPS == b.TimedOutMilliRPS && a.OverloadMilliRPS == b.OverloadMilliRPS &&
		a.UnresolvedMilliRPS == b.UnresolvedMilliRPS && a.FailedMilliRPS == b.FailedMilliRPS &&
		within(a.OfferedMilliRPS, b.OfferedMilliRPS, tolerance) && within(a.InsideMilliRPS, b.InsideMilliRPS, tolerance) &&
		within(a.ZoneMilliRPS, b.ZoneMilliRPS, tolerance) && within(a.NodeMilliRPS, b.NodeMilliRPS, tolerance) &&
		within(int64(a.P50), int64(b.P50), tolerance) && within(int64(a.P99), int64(b.P99), tolerance)
}

// sameRates tells whether only times differ.
func sameRates(a, b *model.Traffic) bool {
	x := *a
	x.P50, x.P99 = b.P50, b.P99
	return x == *b
}

// wait remembers that something waits.
func (t *Flows) wait() { t.waits = true }

// awaitFlush has what waits go on at the next full minute.
func (t *Flows) awaitFlush() {
	now := t.kernel.Now()
	if !t.waits || t.flushAt > now {
		return
	}
	t.flushAt = (now/sim.Time(flushEvery) + 1) * sim.Time(flushEvery)
	t.kernel.Post(t.flushAt, t.self, whyFlush, 0)
}

// flush computes everything to the end.
func (t *Flows) flush() {
	t.waits, t.settling = false, true
	for i := range t.flows {
		if t.flows[i].call != nil {
			t.recall(int32(i))
		}
		t.outdate(int32(i))
		t.untell(int32(i))
	}
	for i := range t.backends {
		if t.backends[i].wornOut() {
			t.mix(int32(i))
		}
	}
	for i := range t.classes {
		if c := &t.classes[i]; len(c.pods) > 0 {
			c.told = -1
			t.touch(int32(i))
		}
	}
	t.compute()
	t.settling = false
}

// wornOut tells whether pods are divided by rules that nobody uses any more.
func (b *backend) wornOut() bool {
	for i := range b.routes {
		if r := &b.routes[i]; r.users == 0 && r.parts != nil {
			return true
		}
	}
	return false
}
