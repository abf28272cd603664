package sim

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"time"
)

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

type Dist struct {
	kind   distKind
	a, b   int64
	points string
}

func Constant(d time.Duration) Dist { return Dist{a: int64(d)} }
func Uniform(lo, hi time.Duration) Dist {
	if lo == hi {
		return Constant(lo)
	}
	return Dist{kind: uniform, a: int64(lo), b: int64(hi)}
}
func Exponential(mean time.Duration) Dist { return Dist{kind: exponential, a: int64(mean)} }
func Normal(mean, stddev time.Duration) Dist {
	return Dist{kind: normal, a: int64(mean), b: int64(stddev)}
}
func Lognormal(median, p99 time.Duration) Dist {
	return Dist{kind: lognormal, a: int64(median), b: int64(p99)}
}
func Weibull(scale time.Duration, shapeMilli int64) Dist {
	return Dist{kind: weibull, a: int64(scale), b: shapeMilli}
}
func Empirical(points []time.Duration) (Dist, error) {
	if len(points) == 0 {
		return Dist{}, fmt.Errorf("an empirical distribution needs at least one point")
	}
	var raw []byte
	for i, p := range points {
		if i > 0 && p < points[i-1] {
			return Dist{}, fmt.Errorf("points must be sorted: %v comes after %v", p, points[i-1])
		}
		raw = binary.BigEndian.AppendUint64(raw, uint64(p))
	}
	return Dist{kind: empirical, points: string(raw)}, nil
}
func (d Dist) Draw(s *Stream) time.Duration { return d.quantile(s.Uint64()) }
func (d Dist) quantile(u uint64) time.Duration {
	switch d.kind {
	case uniform:
		hi, _ := bits.Mul64(u, uint64(d.b-d.a))
		return time.Duration(d.a + int64(hi))
	}
	return time.Duration(d.a)
}
func (d Dist) Median() time.Duration { return d.quantile(1 << 63) }
func (d Dist) Max() time.Duration    { return d.quantile(1<<64 - 1) }
func (d Dist) String() string        { return time.Duration(d.a).String() }
func (d Dist) IsZero() bool          { return d == Dist{} }
