package workload

import (
	"math"
	"math/bits"
	"time"
)

// Work is what a request costs a pod.
type Work struct {
	CapacityMilliRPS int64         // what it has CPU for, in thousandths of a request per second; -1 is no limit
	CPU              time.Duration // it takes on free cores
	// What a CPU limit does, if it has one: the capacity that the limit leaves, and how
	// long a request stands still for every quota it uses up by itself.
	QuotaMilliRPS int64
	Stall         time.Duration
	SlowCPU       time.Duration // of the same request where others leave less than the limit
	Latency       time.Duration // that takes no CPU, besides calls
	Workers       int64         // requests it handles at a time; 0 is no limit
	Queue         int64         // that wait for a worker at most; others are turned away

	RequestBytes, AnswerBytes int64 // of a request and of its answer
}

// backlog is how many requests wait for a pod's CPU at most, if nothing says how many
// it handles at a time: our estimate of a listen queue.
const backlog = 100

// longest is the longest time that anything is said to take, in microseconds.
const longest = 1_000_000_000

// timing is how long something takes: mean and variance, in microseconds. Stages one
// after the other add both up.
type timing struct{ mean, variance int64 }

// handled is what becomes of requests at a pod: how many there is room for, -1 for no
// limit, and how long those take.
type handled struct {
	room int64
	fits int64 // as far as it is the workers that limit it, -1 for no limit
	does int64 // how many it gets done, -1 if that is what there is room for
	timing
	waiting timing // of that, for a worker and for CPU, the request's own included
}

// handle computes how a pod copes with arriving requests, whose calls take a time.
//
// CPU that others leave is a queue like M/M/1 with all of the pod's CPU for a server:
// waiting adds rho/(1-rho) of a request's share to the time a request takes by itself,
// and all is spread like an exponential distribution. Under a limit there are free
// cores until the quota of a period is used up (throttled). In a queue that is full a
// request waits for all before it, one after the other. A worker is held for all the
// time a request takes without waiting, so of W workers W/time requests a second get
// one (Little's law); others are turned away at once.
func (w *Work) handle(arriving int64, calls timing) handled {
	quota := w.QuotaMilliRPS > 0 && w.CapacityMilliRPS == w.QuotaMilliRPS
	cpu, fixed := w.CPU.Microseconds(), w.Latency.Microseconds()+calls.mean
	if w.CapacityMilliRPS >= 0 && !quota {
		cpu = max(cpu, w.SlowCPU.Microseconds())
	}
	h := handled{room: w.CapacityMilliRPS, fits: -1, does: -1}
	if hold := cpu + fixed; w.Workers > 0 && hold > 0 {
		h.fits = product(w.Workers, 1_000_000_000, hold)
		if h.room < 0 || h.fits < h.room {
			h.room = h.fits
		}
	}
	served := arriving
	if h.room >= 0 {
		served = min(served, h.room)
	}
	spread := int64(0)
	if c := w.CapacityMilliRPS; c > 0 && cpu > 0 {
		queue := w.Workers
		if queue == 0 {
			queue = backlog
		}
		each := min(product(1, 1_000_000_000, c), longest)
		most := min(product(queue, 1_000_000_000, c), longest)
		switch {
		case served < c && quota:
			t := w.throttled(served)
			spread = cpu*cpu + min(t.variance, most*most)
			cpu += min(t.mean, most)
		case served < c:
			cpu += min(product(served, each, c-served), most)
		default:
			cpu, spread = max(cpu, most), most*each
		}
	}
	cpu = min(cpu, longest)
	if spread == 0 {
		spread = cpu * cpu
	}
	h.timing = timing{min(cpu+fixed, longest), min(spread+calls.variance, longest*longest)}
	if w.Workers > 0 && h.room > 0 && arriving > h.room {
		h.mean = min(max(h.mean, product(w.Workers, 1_000_000_000, h.room)), longest)
	}
	wait := w.wait(&h, arriving)
	h.waiting = timing{min(cpu+wait.mean, longest), min(spread+wait.variance, longest*longest)}
	h.mean, h.variance = min(h.mean+wait.mean, longest), min(h.variance+wait.variance, longest*longest)
	return h
}

// wait is how long a request waits for a worker: in a queue like M/M/1, with all
// workers for a server, which is more than with each for itself while some are idle;
// or in one that is full.
func (w *Work) wait(h *handled, arriving int64) timing {
	if w.Queue == 0 || h.fits < 0 || h.room <= 0 {
		return timing{}
	}
	each := min(product(1, 1_000_000_000, h.room), longest)
	full := min(product(w.Queue, 1_000_000_000, h.room), longest)
	switch {
	case arriving >= h.room:
		return timing{full, min(product(full, each, 1), longest*longest)}
	case h.room < h.fits:
		return timing{} // it is CPU that it waits for
	}
	mean := min(product(arriving, each, h.room-arriving), full)
	return timing{mean, mean * mean}
}

// working is with how many requests a worker begins, of those that arrive or wait.
func (h *handled) working(arriving int64) int64 {
	if h.fits >= 0 {
		arriving = min(arriving, h.fits)
	}
	return max(arriving, h.does)
}

// The shape of a gamma distribution, mean²/variance, is told by octaves from 1/16 to
// 256; the tables are quantiles, in thousandths of the mean, and the part that takes
// longer than so many quarters of the mean, in millionths.
var (
	median    = [...]int64{0, 19, 175, 455, 693, 839, 918, 959, 979, 990, 995, 997, 999}
	ninetyNth = [...]int64{19821, 14172, 9736, 6635, 4605, 3319, 2511, 2000, 1671, 1457, 1314, 1217, 1151}
	quarters  = [...]int64{0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64}
	longer    = [len(median)][len(quarters)]int64{
		{1000000, 203787, 169292, 148740, 134073, 113423, 98915, 78950, 65358, 47481, 36055, 22315, 14575},
		{1000000, 313839, 254280, 218143, 192200, 155715, 130335, 96225, 73946, 46578, 30820, 14602, 7344},
		{1000000, 455146, 359843, 299878, 256322, 195201, 153514, 100063, 67921, 33416, 17286, 5011, 1543},
		{1000000, 617075, 479500, 386476, 317311, 220671, 157299, 83265, 45500, 14306, 4678, 532, 63},
		{1000000, 778801, 606531, 472367, 367879, 223130, 135335, 49787, 18316, 2479, 335, 6, 0},
		{1000000, 909796, 735759, 557825, 406006, 199148, 91578, 17351, 3019, 80, 2, 0, 0},
		{1000000, 981012, 857123, 647232, 433470, 151204, 42380, 2292, 93, 0, 0, 0, 0},
		{1000000, 998903, 948866, 743980, 452961, 89504, 10000, 47, 0, 0, 0, 0, 0},
		{1000000, 999995, 991769, 844416, 466745, 34400, 660, 0, 0, 0, 0, 0, 0},
		{1000000, 1000000, 999724, 932236, 476488, 5925, 4, 0, 0, 0, 0, 0, 0},
		{1000000, 1000000, 1000000, 984363, 483376, 217, 0, 0, 0, 0, 0, 0, 0},
		{1000000, 1000000, 1000000, 998950, 488246, 0, 0, 0, 0, 0, 0, 0, 0},
		{1000000, 1000000, 1000000, 999994, 491689, 0, 0, 0, 0, 0, 0, 0, 0},
	}
)

// shape is where in the tables mean²/variance is: an octave, and the thousandths of
// the way to the next.
func (t timing) shape() (octave int, part int64) {
	hi, lo := bits.Mul64(uint64(t.mean), uint64(t.mean))
	if t.variance <= 0 || hi >= uint64(t.variance)>>4 { // 2^64/16 and more
		return len(median) - 1, 0
	}
	hi, lo = hi<<4|lo>>60, lo<<4 // in sixteenths
	q, rest := bits.Div64(hi, lo, uint64(t.variance))
	if q == 0 {
		return 0, 0
	}
	octave = bits.Len64(q) - 1
	if octave >= len(median)-1 {
		return len(median) - 1, 0
	}
	base := uint64(1) << octave
	return octave, int64(q-base)*1000/int64(base) + product(int64(rest), 1000, t.variance)/int64(base)
}

// quantile is a quantile of the time, which is taken to be spread like a gamma
// distribution of its mean and variance.
func (t timing) quantile(of *[len(median)]int64) time.Duration {
	i, part := t.shape()
	factor := of[i]
	if part > 0 {
		factor += (of[i+1] - of[i]) * part / 1000
	}
	return time.Duration(product(t.mean, factor, 1000)) * time.Microsecond
}

// product is a times b/c, rounded down, or the most there is.
func product(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(min(q, math.MaxInt64))
}

// exceeds is the part of requests that take longer than a limit, in millionths.
func (t timing) exceeds(limit time.Duration) int64 {
	us := limit.Microseconds()
	switch {
	case t.mean == 0 || us >= 256*t.mean: // of the widest in the tables less than one in a million
		return 0
	case us >= 16*t.mean:
		us = 16 * t.mean
	}
	x := us * 4000 / t.mean // thousandths of quarters
	j := 0
	for j < len(quarters)-2 && x >= quarters[j+1]*1000 {
		j++
	}
	along := (x - quarters[j]*1000) / (quarters[j+1] - quarters[j])
	row := func(i int) int64 { return longer[i][j] + (longer[i][j+1]-longer[i][j])*along/1000 }
	i, part := t.shape()
	if part == 0 {
		return row(i)
	}
	return row(i) + (row(i+1)-row(i))*part/1000
}

// and is one stage after another.
func (t timing) and(next timing) timing {
	return timing{min(t.mean+next.mean, longest), min(t.variance+next.variance, longest*longest)}
}
