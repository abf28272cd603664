package apiserver

import (
	math "math/bits"
	"time"

	"orrery/sim"
)

// adjustEvery is how often levels lend and borrow seats anew
// (k8s.io/apiserver/pkg/util/flowcontrol/apf_controller.go
// borrowingAdjustmentPeriod).
const adjustEvery = 10 * time.Second

// demand is how many seats a level wanted, those in use and those waited for:
// over the period that runs, and smoothed over those before. Its numbers are
// thousandths of a seat, but where they say otherwise.
type demand struct {
	now     int64  // seats
	most    int64  // seats, in this period
	sum     uint64 // seats times microseconds of this period
	squares uint64 // seats squared times microseconds

	before   int64 // the most of the period before
	smoothed int64
}

// pass adds a stretch of time in which nothing changed.
func (d *demand) pass(t time.Duration) {
	us := uint64(t / time.Microsecond)
	d.sum += uint64(d.now) * us
	d.squares += uint64(d.now*d.now) * us
}

func (d *demand) set(seats int64) {
	d.now = seats
	d.most = max(d.most, seats)
}

// close ends a period. The demand that counts is the mean and one standard
// deviation, and falls from what it was with a half-life of 5 minutes
// (seatDemandStats.update, seatDemandSmoothingCoefficient).
func (d *demand) close() {
	const period = uint64(adjustEvery / time.Microsecond)
	mean := d.sum * 1000 / period
	hi, lo := math.Mul64(d.squares, 1_000_000)
	square, _ := math.Div64(hi, lo, period)
	deviation := uint64(0)
	if square > mean*mean {
		deviation = root(square - mean*mean)
	}
	envelope := int64(mean + deviation)
	d.smoothed = max(envelope, (977*d.smoothed+23*envelope)/1000)
	d.before, d.most, d.sum, d.squares = d.most*1000, d.now, 0, 0
}

// root is the square root, rounded down.
func root(n uint64) uint64 {
	if n == 0 {
		return 0
	}
	r := uint64(1) << ((math.Len64(n) + 1) / 2)
	for {
		next := (r + n/r) / 2
		if next >= r {
			return r
		}
		r = next
	}
}

// bounds is what a level may get, and what it would like.
type bounds struct{ low, high, target int64 }

// allot shares seats out so that each level gets the same multiple of its
// target, but not less than low nor more than high: in thousandths
// (k8s.io/apiserver/pkg/util/flowcontrol/conc_alloc.go
// computeConcurrencyAllocation).
func allot(seats int64, of []bounds, out []int64) {
	const one = 1 << 20
	share := func(b bounds, multiple int64) int64 {
		hi, lo := math.Mul64(uint64(max(b.target, 1)), uint64(multiple))
		want, _ := math.Div64(hi, lo, one)
		return max(b.low, min(b.high, int64(want)))
	}
	less, more := int64(0), int64(one)<<20
	for more-less > 1 {
		middle, sum := less+(more-less)/2, int64(0)
		for _, b := range of {
			sum += share(b, middle)
		}
		if sum < seats {
			less = middle
		} else {
			more = middle
		}
	}
	for i, b := range of {
		out[i] = share(b, more)
	}
}

// adjust closes every period that is over by now, and lends and borrows.
func (f *fairness) adjust(now sim.Time) {
	for now >= f.nextAdjust {
		f.pass(f.nextAdjust)
		f.nextAdjust = f.nextAdjust.Add(adjustEvery)
		if f.borrow() {
			continue
		}
		// Nobody wants or wanted anything: nothing changes until somebody does.
		if over := now.Sub(f.nextAdjust); over >= 0 {
			f.nextAdjust = f.nextAdjust.Add((over/adjustEvery + 1) * adjustEvery)
		}
	}
	f.pass(now)
}

// pass lets time pass in which no level's demand changed.
func (f *fairness) pass(now sim.Time) {
	if now > f.observedAt {
		for i := range f.wants {
			f.wants[i].pass(now.Sub(f.observedAt))
		}
		f.observedAt = now
	}
}

// borrow ends a period, sets the limits for the next one, and tells whether there
// was any demand.
func (f *fairness) borrow() (wanted bool) {
	for i := range f.levels {
		d := &f.wants[i]
		d.close()
		wanted = wanted || d.now > 0 || d.smoothed > 0 || d.before > 0
	}
	if !f.off {
		f.limit()
	}
	return wanted
}

// limit shares the seats by what is wanted. A level keeps what it may not lend,
// and what it used at most up to its nominal limit; if requests that are exempt
// leave too few for that, it keeps less (updateBorrowingLocked).
func (f *fairness) limit() {
	left, least, current := f.seats*1000, int64(0), int64(0)
	for i := range f.levels {
		l, d := &f.levels[i], &f.wants[i]
		if l.unbounded {
			f.bounds[i] = bounds{}
			left -= max(f.least[i]*1000, d.before)
			continue
		}
		low := max(f.least[i]*1000, min(f.nominal[i]*1000, d.before))
		f.bounds[i] = bounds{low: low, high: max(low, f.most[i]*1000), target: max(low, d.smoothed)}
		if l.retired && l.shares == 0 {
			f.bounds[i] = bounds{}
		}
		least += f.least[i] * 1000
		current += low
	}
	switch {
	case left <= least:
		for i := range f.levels {
			f.allotted[i] = f.least[i] * 1000
		}
	case left <= current:
		for i := range f.levels {
			f.allotted[i] = f.least[i]*1000 + (f.bounds[i].low-f.least[i]*1000)*(left-least)/(current-least)
		}
	default:
		allot(f.seats*1000, f.bounds, f.allotted)
	}
	for i := range f.levels {
		f.levels[i].sync(f.observedAt)
		f.levels[i].limit = (f.allotted[i] + 500) / 1000
	}
}
