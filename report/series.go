package report

import (
	"math/big"
	"slices"
	"sort"

	"orrery/sim"
)

// point is a value that holds from At on, until the next point. For a ratio
// the value is Num/Den, otherwise Den is 0, or says that there is no value. Record is
// the index of the record that made it so.
type point struct {
	At       sim.Time
	Num, Den int64
	Record   int
	Once     int64 // of a ratio of rates: what the numerator has more at that instant alone
	Growth   int64 // how much Num grows every second until the next point; negative if it shrinks
}

// What Den says of a level that has no value: there is nothing to measure, which no
// promise is about; or there is, but nothing to measure it by, such as the time that
// requests take of which none is served. That keeps no promise.
const (
	idle    = -1
	missing = -2
)

func isIdle(p point) bool    { return p.Den == idle }
func isMissing(p point) bool { return p.Den == missing }
func hasValue(p point) bool  { return p.Den >= 0 }

// series is a function of time, in steps or straight lines, exact at every instant: an
// instant has one value, the one it ends with.
type series []point

// add says that the value is num/den from at on.
func (s *series) add(at sim.Time, num, den int64, record int) {
	s.put(point{At: at, Num: num, Den: den, Record: record})
}

// slope says that the value is num/den at a time, and that num grows by so much every second
// from then on.
func (s *series) slope(at sim.Time, num, growth, den int64, record int) {
	s.put(point{At: at, Num: num, Den: den, Growth: growth, Record: record})
}

func (s *series) put(p point) {
	if n := len(*s); n > 0 && (*s)[n-1].At == p.At {
		if (*s)[n-1].same(p) {
			return
		}
		p.Once = (*s)[n-1].Once
		*s = (*s)[:n-1]
	}
	if n := len(*s); n > 0 && (*s)[n-1].same(p) && p.Growth == 0 && p.Once == 0 {
		return
	}
	*s = append(*s, p)
}

func (p point) same(o point) bool { return p.Num == o.Num && p.Den == o.Den && p.Growth == o.Growth }

// number is Num as it has grown until a later time.
func (p point) number(t sim.Time) int64 {
	r := ramp{n: p.Num, growth: p.Growth, since: p.At}
	return r.at(t)
}

// triangle is what growth adds, until a later time, to the area under the line from a point on.
func (p point) triangle(until sim.Time) *big.Int {
	if p.Growth == 0 {
		return new(big.Int)
	}
	d := big.NewInt(int64(until - p.At))
	area := d.Mul(d, d).Mul(d, big.NewInt(p.Growth))
	return area.Quo(area, big.NewInt(2*billion))
}

// bent turns a series of lines into one of steps, for a promise that looks at steps. Each line
// gets steps at both of its ends, and one wherever it comes to another side of what the promise
// compares it with: side tells on which side a point is.
func (s series) bent(to sim.Time, side func(point) int) series {
	if !slices.ContainsFunc(s, func(p point) bool { return p.Growth != 0 }) {
		return s
	}
	var out series
	for i, p := range s {
		last := to
		if i+1 < len(s) {
			last = s[i+1].At - 1
		}
		if p.Growth == 0 || last <= p.At {
			out = append(out, p)
			continue
		}
		step := func(at sim.Time) point { return point{At: at, Num: p.number(at), Den: p.Den, Record: p.Record} }
		end := step(last)
		out = append(out, step(p.At))
		for now := out[len(out)-1]; side(now) != side(end); now = out[len(out)-1] {
			turns := func(n int) bool { return side(step(now.At+1+sim.Time(n))) != side(now) }
			out = append(out, step(now.At+1+sim.Time(sort.Search(int(last-now.At)-1, turns))))
		}
		if out[len(out)-1].At < last {
			out = append(out, end)
		}
	}
	return out
}

// once says that the numerator of a ratio of rates has so much more at one instant, which
// has a value already.
func (s *series) once(at sim.Time, num int64, record int) {
	last := &(*s)[len(*s)-1]
	if last.At != at {
		*s = append(*s, point{At: at, Num: last.Num, Den: last.Den, Record: record})
		last = &(*s)[len(*s)-1]
	}
	last.Once += num
}

// at is the point in force at t, and false before the first.
func (s series) at(t sim.Time) (point, bool) {
	i := sort.Search(len(s), func(i int) bool { return s[i].At > t })
	if i == 0 {
		return point{}, false
	}
	return s[i-1], true
}

// within is the points in force at some time of w, the first one cut to begin
// with the window.
func (s series) within(w Window) series {
	from := sort.Search(len(s), func(i int) bool { return s[i].At > w.From })
	to := sort.Search(len(s), func(i int) bool { return s[i].At > w.To })
	if from == 0 {
		return s[:to]
	}
	out := slices.Clone(s[from-1 : to])
	if out[0].At < w.From {
		out[0].Num = out[0].number(w.From)
		out[0].At, out[0].Once = w.From, 0
	}
	return out
}

// sample is one measurement of something that took time.
type sample struct {
	Start, End sim.Time
	Object     string // what was measured, for people
	Record     int    // the record that ended it, or began it if nothing did
	Open       bool   // it had not ended when the run did; End is the end of the run
	Gone       bool   // it is Open because its object was deleted, at End
}

// Window is a span of virtual time, both ends included.
type Window struct{ From, To sim.Time }
