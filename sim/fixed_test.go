package sim

import (
	"math"
	"testing"
)

func x48(v int64) float64 { return float64(v) / onex48 }
func x56(v nats) float64  { return float64(v) / (1 << 56) }

// edges are numbers where an off-by-one would show.
var edges = []uint64{1, 2, 3, 127, 128, 129, 1<<32 - 1, 1 << 32, 1<<56 - 1, 1 << 62, 1<<63 - 1, 1 << 63, math.MaxUint64}

func TestLn(t *testing.T) {
	s := NewLuck(1).Stream("ln")
	for i := range 200_000 {
		x := s.Uint64() >> (i % 64)
		if i < len(edges) {
			x = edges[i]
		}
		if x == 0 {
			continue
		}
		if got, want := x56(ln(x)), math.Log(float64(x)); math.Abs(got-want) > 1e-14 {
			t.Fatalf("ln(%d) = %.17g, want %.17g", x, got, want)
		}
	}
}

func TestExp(t *testing.T) {
	s := NewLuck(1).Stream("exp")
	for range 200_000 {
		x := nats(s.Below(2*uint64(mostNats))) - mostNats
		mantissa, whole := exp(x)
		got, want := math.Ldexp(float64(mantissa), whole-62), math.Exp(x56(x))
		if math.Abs(got/want-1) > 2e-14 || mantissa < onex62 || mantissa >= 2*onex62 {
			t.Fatalf("exp(%v) = %.17g (mantissa %#x), want %.17g", x56(x), got, mantissa, want)
		}
	}
}

func TestScaledIsCutAtTheLargestInt64(t *testing.T) {
	for _, c := range []struct {
		v    int64
		x    nats
		want int64
	}{
		{1000, 0, 1000}, {math.MaxInt64, 0, math.MaxInt64}, {math.MaxInt64, 1 << 56, math.MaxInt64},
		{1, mostNats, math.MaxInt64}, {1, 43 << 56, 4727839468229346304}, {1, 44 << 56, math.MaxInt64},
		{math.MaxInt64, -mostNats, 0}, {1, -1, 0}, {0, mostNats, 0}, {math.MaxInt64, -43 << 56, 1},
	} {
		if got := scaled(c.v, c.x); math.Abs(float64(got-c.want)) > 1e-12*float64(c.want) {
			t.Errorf("scaled(%d, e^%v) = %d, want %d", c.v, x56(c.x), got, c.want)
		}
	}
}

func TestNormalQuantile(t *testing.T) {
	s := NewLuck(1).Stream("normal")
	for i := range 200_000 {
		u := s.Uint64() >> (i % 60) // far into the lower tail
		z := x48(normalx48(u))
		p := math.Erfc(-z/math.Sqrt2) / 2
		if want := float64(max(u, 1)) / (1 << 64); math.Abs(p/want-1) > 2e-7*(1+z*z) {
			t.Fatalf("below %v lies %g, want %g", z, p, want)
		}
		if u > 0 && normalx48(-u) != -normalx48(u) {
			t.Fatalf("not odd at %d: %d and %d", u, normalx48(u), normalx48(-u))
		}
	}
	if z := normalx48(1 << 63); z != 0 {
		t.Errorf("the median is %d", z)
	}
	if z := x48(normalx48(math.MaxUint64)); z < 9 || z > 9.2 {
		t.Errorf("the largest is %v", z)
	}
	if z := x48(normalx48(99 << 64 / 100)); math.Abs(z-x48(z99x48)) > 1e-6 {
		t.Errorf("the 99th percentile is %v, z99 is %v", z, x48(z99x48))
	}
}

func TestLnRatioIsTheLogarithmOfAQuotient(t *testing.T) {
	for a := uint64(1); a < 100; a++ {
		for _, b := range []uint64{1, 3, 100 - a, 1 << 40} {
			got := float64(LnRatio(a, b)) / (1 << 56)
			if want := math.Log(float64(a) / float64(b)); math.Abs(got-want) > 1e-14 {
				t.Errorf("ln(%d/%d) is %v, want %v", a, b, got, want)
			}
		}
	}
	if LnRatio(50, 50) != 0 || LnRatio(1, 3) != -LnRatio(3, 1) {
		t.Error("ln(a/a) is not 0, or ln(a/b) not the opposite of ln(b/a)")
	}
}
