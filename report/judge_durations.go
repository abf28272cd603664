package report

import (
	"cmp"
	"fmt"
	"slices"

	"orrery/model"
	"orrery/sim"
)

// took is how long a sample took, as far as it counts.
type took struct {
	sample
	n int64
}

// durations judges a promise about how long things took.
func (v *Verdict) durations(r *reading, w Window) {
	e := &v.Expect
	all := inWindow(r, w)
	if len(all) == 0 {
		*v = v.noSamples(fmt.Sprintf("nothing to measure began between %v and %v", w.From, w.To))
		return
	}
	got := all[rank(e.pick, len(all))]
	if e.mode != plainly {
		got = v.shown(all)
	}
	v.measure(value{n: got.n})
	holds := func(t took) bool { return e.op.holds(value{n: t.n}.compare(e.limit)) }
	switch e.mode {
	case always:
		v.Held = !slices.ContainsFunc(all, func(t took) bool { return !holds(t) })
	case never:
		v.Held = !slices.ContainsFunc(all, holds)
	case eventually, reached:
		v.Held = slices.ContainsFunc(all, holds)
	default:
		v.Held = holds(got)
	}
	v.tell(got, len(all))
}

// shown is the sample that says most about a promise about all of them: the
// largest, or the smallest if small ones break it.
func (v *Verdict) shown(all []took) took {
	e := &v.Expect
	if e.wantsLess() == (e.mode == always) {
		return all[len(all)-1]
	}
	return all[0]
}

// tell says which sample it was.
func (v *Verdict) tell(got took, of int) {
	v.Reason = fmt.Sprintf("%s, from %v to %v", got.Object, got.Start, got.End)
	if got.Open {
		v.Reason = fmt.Sprintf("%s, from %v; not by the end of the run", got.Object, got.Start)
	}
	if got.Gone {
		v.Reason = fmt.Sprintf("%s, from %v; deleted at %v while short of pods", got.Object, got.Start, got.End)
	}
	if of > 1 {
		v.Reason += ", of " + model.Counted(int64(of), "sample")
	}
	if v.Held {
		return
	}
	v.Broken, v.Object, v.record = true, got.Object, got.Record
	v.At = got.End
	if l := v.Expect.limit; v.Expect.wantsLess() && int64(got.End-got.Start) > l {
		v.At = got.Start.Add(sim.Time(l).Sub(0))
	}
}

// inWindow is the samples that count in w, the shortest first: those that
// began in it, or, if parts count, those that overlap it.
func inWindow(r *reading, w Window) []took {
	var out []took
	for _, x := range r.samples {
		if x.Start > w.To || x.Start < w.From && !(r.clip && x.End >= w.From) {
			continue
		}
		t := took{x, int64(x.End - x.Start)}
		if r.clip {
			t.n = int64(min(x.End, w.To) - x.Start)
		}
		if x.Open {
			t.n = unending
		}
		out = append(out, t)
	}
	slices.SortStableFunc(out, func(a, b took) int { return cmp.Compare(a.n, b.n) })
	return out
}

// rank is the index of a pick among n sorted values, by nearest rank.
func rank(p pick, n int) int {
	switch p {
	case pickMax:
		return n - 1
	case pickMin:
		return 0
	}
	return (int(p)*n+99)/100 - 1
}
