package report

import (
	"fmt"
	"math/big"
	"math/bits"
	"slices"
	"time"

	"orrery/sim"
)

// Verdict is what came of one promise.
type Verdict struct {
	Expect   Expect
	Held     bool
	Measured string   // "99.97%", "never", "no samples"
	Reason   string   // why it did not hold, or what the measured value is; may be ""
	Window   Window   // what was looked at; empty if there was nothing
	Broken   bool     // At, Object and Before are set
	At       sim.Time // the first moment that broke it
	Object   string   // what it was about then
	Before   []string // the last records about it up to then, oldest first

	record int    // the one that broke it, -1 if none did
	gap    string // why there is no value where there should be one
}

// judge compares what was measured with what was promised.
//
// A level or a share that is merely compared (plainly) has to be right
// throughout the window; a share then counts as a whole: all that was served
// of all that was sent. Such promises, if they do not say from when on, begin
// when the cluster has converged for the first time, or when the first fault
// starts if that is earlier, because every Deployment starts with nothing.
func (e *Expect) judge(r *reading, s *state, warm, end sim.Time) Verdict {
	v := Verdict{Expect: *e, record: -1}
	if r.none != "" {
		return v.noSamples(r.none)
	}
	w, why := e.when.resolve(s, end)
	if why != "" {
		return v.noSamples(why)
	}
	standing := e.mode == plainly || e.mode == always || e.mode == never
	if !e.when.begins && standing && (e.metric.Shape == Level || e.metric.Shape == Share) {
		w.From = min(warm, w.To)
	}
	v.Window = w
	if e.metric.Shape == Durations {
		v.durations(r, w)
		return v
	}
	points := v.points(r.series, w)
	if len(points) == 0 {
		return v.noSamples(fmt.Sprintf("nothing to measure between %v and %v", w.From, w.To))
	}
	if !slices.ContainsFunc(points, hasValue) {
		return v.noSamples(r.gap)
	}
	v.gap = r.gap
	v.overTime(points, r.series.within(w))
	return v
}

func (v Verdict) noSamples(why string) Verdict {
	v.Measured, v.Reason = "no samples", "no samples: "+why
	return v
}

// points is what the promise looks at: the series within the window, counts
// from its beginning, shares only while something flows.
func (v *Verdict) points(all series, w Window) series {
	switch v.Expect.metric.Shape {
	case Total:
		return total(all, w, v.Expect.mode == then)
	case Share:
		return slices.DeleteFunc(v.bent(all, w), func(p point) bool { return p.Den == 0 })
	}
	return slices.DeleteFunc(v.bent(all, w), isIdle)
}

// bent is a series within a window as steps, which is how the promise looks at it.
func (v *Verdict) bent(all series, w Window) series {
	m, limit := v.Expect.metric, v.Expect.limit
	return slices.Clone(all.within(w)).bent(w.To, func(p point) int { return p.value(m).compare(limit) })
}

// total is a count that begins with the window, or with the run.
func total(all series, w Window, wholeRun bool) series {
	var before int64
	if p, ok := all.at(w.From - 1); ok && !wholeRun {
		before = p.Num
	}
	out := series{{At: w.From, Record: -1}}
	for _, p := range all.within(w) {
		out.add(p.At, p.Num-before, 0, p.Record)
	}
	return out
}

// value is the value at a point.
func (p point) value(m *Metric) value {
	if m.Shape != Share || p.Den == 0 {
		return value{n: p.Num}
	}
	return shareOf(big.NewInt(p.Num), big.NewInt(p.Den))
}

// holdsAt tells whether the rule holds at a point. A yes-or-no metric has to be
// more than no, which is the limit nobody wrote.
// What has no value keeps no promise.
func (e *Expect) holdsAt(p point) bool {
	return hasValue(p) && e.op.holds(p.value(e.metric).compare(e.limit))
}

// overTime judges a promise about a series: points is what counts of all.
func (v *Verdict) overTime(points, all series) {
	e := &v.Expect
	switch {
	case e.mode == lasting:
		v.lasts(points)
	case e.mode == eventually || e.mode == reached:
		v.comes(points)
	case e.mode == never:
		v.stays(points, false)
	case e.mode == plainly && e.metric.Shape != Level:
		v.whole(points, all)
	default:
		v.stays(points, true)
	}
}

// stays wants every point to be as holds says, and shows the point furthest
// towards breaking the promise.
func (v *Verdict) stays(points series, holds bool) {
	e := &v.Expect
	for _, p := range points {
		if isMissing(p) || e.holdsAt(p) != holds {
			v.breaks(p)
			break
		}
	}
	first, _ := points.at(v.At)
	if v.Broken && isMissing(first) {
		v.Measured, v.Reason = "no samples", "first broken at "+v.At.String()+": "+v.gap
		return
	}
	points = slices.DeleteFunc(points, isMissing)
	worst := points[0]
	for _, p := range points {
		if e.worse(p.value(e.metric), worst.value(e.metric), holds) {
			worst = p
		}
	}
	v.Held = !v.Broken
	v.measure(worst.value(e.metric))
	if v.Broken {
		v.since(first, worst)
	}
}

// since says when a promise about every moment was first broken, and of what that came to then
// if it came to worse later. A window has its last instant, too, in which what it is about may
// be over.
func (v *Verdict) since(first, worst point) {
	v.Reason = "first broken at " + v.At.String()
	if got := v.text(first.value(v.Expect.metric)); got != v.Measured {
		v.Reason += ", with " + got + "; worst at " + worst.At.String()
	}
	if w := v.Window; v.Expect.when.said && v.At == w.To && w.From < w.To {
		v.Reason += ", the last instant of the window"
	}
}

// worse tells whether a value is further towards breaking a promise about every moment than
// another one, if the rule is to hold, or never to.
func (e *Expect) worse(a, b value, holds bool) bool {
	switch e.op {
	case equal, unequal:
		x, y := a.off(e.limit), b.off(e.limit)
		return x != y && (x > y) == ((e.op == equal) == holds)
	}
	c := a.compareTo(b)
	return c != 0 && (c > 0) == (e.wantsLess() == holds)
}

// off is how far a value is from the limit, in halves.
func (v value) off(limit int64) int64 {
	n := 2 * (v.n - limit)
	if v.over {
		n++
	}
	return max(n, -n)
}

// wantsLess tells whether small values keep the promise.
func (e *Expect) wantsLess() bool { return e.op == less || e.op == atMost || e.op == unequal }

// comes wants one point that holds.
func (v *Verdict) comes(points series) {
	e := &v.Expect
	points = slices.DeleteFunc(points, isMissing)
	nearest := points[0]
	for _, p := range points {
		if e.holdsAt(p) {
			v.Held = true
			v.measure(p.value(e.metric))
			v.Reason = "at " + p.At.String()
			return
		}
		if c := p.value(e.metric).compareTo(nearest.value(e.metric)); c != 0 && (c > 0) != e.wantsLess() {
			nearest = p
		}
	}
	v.measure(nearest.value(e.metric))
	v.breaks(point{At: v.Window.To, Record: nearest.Record})
	v.Reason = fmt.Sprintf("at no moment between %v and %v", v.Window.From, v.Window.To)
}

// lasts wants the points to hold from some moment to the end of the window.
func (v *Verdict) lasts(points series) {
	e, w := &v.Expect, v.Window
	last := points[len(points)-1]
	if !e.holdsAt(last) {
		v.measure(last.value(e.metric))
		if isMissing(last) {
			v.Measured = "no samples"
		}
		v.breaks(point{At: w.To, Record: last.Record})
		v.Reason = fmt.Sprintf("not so at the end of the window, %v, nor since %v", w.To, last.At)
		return
	}
	since := last
	for i := len(points) - 1; i >= 0 && e.holdsAt(points[i]); i-- {
		since = points[i]
	}
	v.Held = true
	v.Measured = "after " + since.At.Add(-w.From.Sub(0)).String()
	v.Reason = "from " + since.At.String() + " on"
}

// whole compares the window as a whole: the count at its end, or all that was
// served of all that was sent.
func (v *Verdict) whole(points, all series) {
	e, w := &v.Expect, v.Window
	got := points[len(points)-1].value(e.metric)
	if e.metric.Shape == Share {
		got = integral(all, w.To)
	}
	v.measure(got)
	v.Held = e.op.holds(got.compare(e.limit))
	if v.Held {
		return
	}
	for _, p := range points {
		if e.breaksAt(p) {
			v.breaks(p)
			v.Reason = "first broken at " + p.At.String()
			return
		}
	}
	v.Reason = fmt.Sprintf("between %v and %v", w.From, w.To)
}

// breaksAt tells whether a promise about a whole that is broken is so from a point on: a count
// that may only be so large has become larger. One that is too small is so at no moment.
func (e *Expect) breaksAt(p point) bool {
	if e.metric.Shape != Share && e.op == equal {
		return p.value(e.metric).compare(e.limit) > 0
	}
	return !e.holdsAt(p) && (e.metric.Shape == Share || e.wantsLess())
}

// integral is the share over all of a time: both rates summed exactly.
func integral(points series, to sim.Time) value {
	num, den := new(big.Int), new(big.Int)
	add := func(sum *big.Int, rate int64, d sim.Time) {
		sum.Add(sum, new(big.Int).Mul(big.NewInt(rate), big.NewInt(int64(d))))
	}
	for i, p := range points {
		until := to
		if i+1 < len(points) {
			until = points[i+1].At
		}
		add(num, p.Num, until-p.At)
		num.Add(num, p.triangle(until))
		add(num, p.Once, sim.Time(time.Second))
		add(den, p.Den, until-p.At)
	}
	if den.Sign() == 0 { // something flows only at the very end
		last := points[len(points)-1]
		return shareOf(big.NewInt(last.Num), big.NewInt(last.Den))
	}
	switch { // more may be lost than was served since
	case num.Sign() < 0:
		num.SetInt64(0)
	case num.Cmp(den) > 0 && slices.ContainsFunc(points, func(p point) bool { return p.Once > 0 }):
		num.Set(den)
	}
	return shareOf(num, den)
}

func (v *Verdict) measure(got value) { v.Measured = v.text(got) }

func (v *Verdict) text(got value) string { return got.text(v.Expect.metric.Unit, v.Expect.limit) }

func (v *Verdict) breaks(p point) {
	v.Broken, v.At, v.record = true, p.At, p.Record
}

func (v value) compareTo(o value) int {
	if c := v.compare(o.n); c != 0 || v.over == o.over {
		return c
	}
	return -1
}

// atLeastShare tells whether num is at least that share, in billionths, of
// den. All of nothing is served.
func atLeastShare(num, den, share int64) bool {
	h1, l1 := bits.Mul64(uint64(num), billion)
	h2, l2 := bits.Mul64(uint64(den), uint64(share))
	return h1 > h2 || h1 == h2 && l1 >= l2
}
