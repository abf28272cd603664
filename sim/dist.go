package sim

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"time"
)

// Dist is a distribution of a length of time, or of any other quantity that is
// an int64 and not negative. A draw takes exactly one number from the stream and
// is larger for a larger number; so a run that differs in a distribution's
// parameters still meets the same luck, and the least, middle and largest draw
// follow from the least, middle and largest number.
//
// It is a value: two of them are equal if they are the same distribution. The
// zero value is always 0. The constructors panic over parameters that make no
// sense; whoever takes them from a user checks them before.
type Dist struct {
	kind   distKind
	a, b   int64  // the parameters, as the constructor takes them
	sigma  int64  // lognormal: of the logarithm, 48 bits behind the point
	points string // empirical: 8 bytes each; a string keeps a Dist comparable
}

type distKind uint8

const (
	constant distKind = iota
	uniform
	exponential
	normal
	lognormal
	weibull
	empirical
)

// Constant is always d.
func Constant(d time.Duration) Dist {
	mustHold(d >= 0, "constant %v is negative", d)
	return Dist{a: int64(d)}
}

// Uniform is anything from lo up to, but without, hi, all equally likely.
func Uniform(lo, hi time.Duration) Dist {
	mustHold(0 <= lo && lo <= hi, "uniform from %v to %v", lo, hi)
	if lo == hi {
		return Constant(lo)
	}
	return Dist{kind: uniform, a: int64(lo), b: int64(hi)}
}

// Exponential is the waiting time for something that may happen at any moment
// with the same chance. It never exceeds 45 times the mean.
func Exponential(mean time.Duration) Dist {
	mustHold(mean >= 0, "exponential with a mean of %v", mean)
	if mean == 0 {
		return Dist{}
	}
	return Dist{kind: exponential, a: int64(mean)}
}

// Normal is the bell curve, cut at 0: what would be negative is 0. So the mean
// of the draws is a little higher than mean, unless that is several stddev.
func Normal(mean, stddev time.Duration) Dist {
	mustHold(stddev >= 0, "normal with a standard deviation of %v", stddev)
	if stddev == 0 {
		return Constant(max(0, mean))
	}
	return Dist{kind: normal, a: int64(mean), b: int64(stddev)}
}

// Lognormal has the shape of most latencies: half of the draws are below median,
// 99 % are below p99, and some are far above.
func Lognormal(median, p99 time.Duration) Dist {
	mustHold(0 < median && median <= p99, "lognormal with a median of %v and a 99th percentile of %v", median, p99)
	if median == p99 {
		return Constant(median)
	}
	spread := uint64(ln(uint64(p99))-ln(uint64(median))) >> 8
	return Dist{kind: lognormal, a: int64(median), b: int64(p99), sigma: int64(ratiox48(spread, z99x48))}
}

// z99x48 is the 99th percentile of the standard normal distribution.
const z99x48 = 2_326_347_874 << 48 / 1_000_000_000

// Weibull is a lifetime: 63 % are over by scale. With a shape of 1000 thousandths
// the chance to end is always the same (exponential), below it falls with age,
// above it grows.
func Weibull(scale time.Duration, shapeMilli int64) Dist {
	mustHold(scale >= 0 && shapeMilli > 0, "weibull with a scale of %v and a shape of %d/1000", scale, shapeMilli)
	if scale == 0 {
		return Dist{}
	}
	return Dist{kind: weibull, a: int64(scale), b: shapeMilli}
}

// Empirical is what was measured: points are equally likely quantiles from the
// smallest to the largest, in order, and between two of them it is linear.
func Empirical(points []time.Duration) (Dist, error) {
	if len(points) == 0 {
		return Dist{}, fmt.Errorf("an empirical distribution needs at least one point")
	}
	var raw []byte
	for i, p := range points {
		if p < 0 {
			return Dist{}, fmt.Errorf("point %d of an empirical distribution is negative: %v", i+1, p)
		}
		if i > 0 && p < points[i-1] {
			return Dist{}, fmt.Errorf("points of an empirical distribution must ascend: %v comes after %v", p, points[i-1])
		}
		raw = binary.BigEndian.AppendUint64(raw, uint64(p))
	}
	if points[0] == points[len(points)-1] {
		return Constant(points[0]), nil
	}
	return Dist{kind: empirical, points: string(raw)}, nil
}

// Draw returns a length of time. It takes one number from the stream, also when
// the distribution is constant.
func (d Dist) Draw(s *Stream) time.Duration { return d.quantile(s.Uint64()) }

// Min returns what every draw reaches.
func (d Dist) Min() time.Duration { return d.quantile(0) }

// Median returns what half of the draws do not exceed.
func (d Dist) Median() time.Duration { return d.quantile(1 << 63) }

// Max returns what no draw exceeds.
func (d Dist) Max() time.Duration { return d.quantile(math.MaxUint64) }

// Moments is the mean in microseconds and the variance in square ones, of quantiles that
// are evenly spread; what is longer than half an hour counts as that.
func (d Dist) Moments() (mean, variance int64) {
	const points = 256
	at := func(i uint64) int64 {
		return min(d.quantile(i<<56|1<<55), 30*time.Minute).Microseconds()
	}
	for i := range uint64(points) {
		mean += at(i)
	}
	mean /= points
	for i := range uint64(points) {
		off := at(i) - mean
		variance += off * off / points
	}
	return mean, variance
}

// IsConstant tells whether every draw is the same, as the constructor says it.
func (d Dist) IsConstant() bool { return d.kind == constant }

// IsZero says whether every draw is 0.
func (d Dist) IsZero() bool { return d == Dist{} }

// quantile returns the length that a draw stays below with a probability of
// u/2^64.
func (d Dist) quantile(u uint64) time.Duration {
	return time.Duration(d.at(u))
}

func (d *Dist) at(u uint64) int64 {
	switch d.kind {
	case uniform:
		return d.a + int64(mulHigh(u, uint64(d.b-d.a)))
	case exponential:
		hi, lo := bits.Mul64(uint64(d.a), uint64(minusLn(-u)))
		return shifted(hi, lo, 56)
	case normal:
		return d.normalAt(normalx48(u))
	case lognormal:
		return scaled(d.a, d.lognormalAt(normalx48(u)))
	case weibull:
		return d.weibullAt(minusLn(-u))
	case empirical:
		return d.empiricalAt(u)
	}
	return d.a
}

// normalAt returns mean + z*stddev, but no less than 0.
func (d *Dist) normalAt(z int64) int64 {
	hi, lo := bits.Mul64(uint64(d.b), uint64(max(z, -z)))
	distance := shifted(hi, lo, 48)
	if z < 0 {
		return max(0, d.a-distance)
	}
	if distance > math.MaxInt64-max(0, d.a) {
		return math.MaxInt64
	}
	return max(0, d.a+distance)
}

// lognormalAt returns sigma*z as a logarithm.
func (d *Dist) lognormalAt(z int64) nats {
	hi, lo := bits.Mul64(uint64(d.sigma), uint64(max(z, -z)))
	x := min(nats(shifted(hi, lo, 40)), mostNats)
	if z < 0 {
		return -x
	}
	return x
}

// weibullAt returns scale * e^(1/shape), given e.
func (d *Dist) weibullAt(e nats) int64 {
	if e == 0 {
		return 0
	}
	const ln2to56 = 56 * (ln2x64 >> 8)
	x := ln(uint64(e)) - ln2to56 // of e as a number with 56 bits behind the point
	hi, lo := bits.Mul64(uint64(max(x, -x)), 1000)
	if hi >= uint64(d.b) {
		hi, lo = 0, math.MaxInt64
	} else {
		lo, _ = bits.Div64(hi, lo, uint64(d.b))
	}
	power := nats(min(lo, uint64(mostNats)))
	if x < 0 {
		power = -power
	}
	return scaled(d.a, power)
}

// empiricalAt interpolates between two points.
func (d *Dist) empiricalAt(u uint64) int64 {
	i, between := bits.Mul64(u, uint64(len(d.points)/8-1))
	lo, hi := d.point(i), d.point(i+1)
	return lo + int64(mulHigh(between, uint64(hi-lo)))
}

func (d *Dist) point(i uint64) int64 {
	p := d.points[8*i : 8*i+8]
	return int64(p[0])<<56 | int64(p[1])<<48 | int64(p[2])<<40 | int64(p[3])<<32 |
		int64(p[4])<<24 | int64(p[5])<<16 | int64(p[6])<<8 | int64(p[7])
}

// String writes the distribution as its constructor's parameters: "2s..5s" for
// a uniform one, "3s" for a constant.
func (d Dist) String() string {
	a, b := time.Duration(d.a), time.Duration(d.b)
	switch d.kind {
	case uniform:
		return fmt.Sprintf("%v..%v", a, b)
	case exponential:
		return fmt.Sprintf("exponential(mean %v)", a)
	case normal:
		return fmt.Sprintf("normal(mean %v, stddev %v)", a, b)
	case lognormal:
		return fmt.Sprintf("lognormal(median %v, p99 %v)", a, b)
	case weibull:
		return fmt.Sprintf("weibull(scale %v, shape %d/1000)", a, d.b)
	case empirical:
		return fmt.Sprintf("empirical(%d points, %v..%v)", len(d.points)/8, d.quantile(0), d.quantile(math.MaxUint64))
	}
	return a.String()
}

func mustHold(ok bool, format string, args ...any) {
	if !ok {
		panic("sim: a distribution that makes no sense: " + fmt.Sprintf(format, args...))
	}
}
