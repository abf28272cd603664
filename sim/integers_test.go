package sim

import (
	"math"
	"testing"
)

func TestTheExponentialAndTheRoot(t *testing.T) {
	for x := int64(0); x <= 16_000; x += 100 {
		if want := math.Exp(float64(x)/1000) * 1000; math.Abs(float64(Exp(x))/want-1) > 0.002 {
			t.Errorf("e^%d is %d, want %.0f", x, Exp(x), want)
		}
	}
	for _, x := range []uint64{0, 1, 2, 3, 4, 15, 16, 17, 1 << 40, 1<<40 - 1, 1 << 62} {
		if r := uint64(Root(x)); r*r > x || (r+1)*(r+1) <= x {
			t.Errorf("the root of %d is %d", x, r)
		}
	}
}

func TestScaleDoesNotOverflow(t *testing.T) {
	for _, c := range [][4]int64{{7, 3, 2, 10}, {math.MaxInt64, 2, 4, math.MaxInt64 / 2}, {math.MaxInt64, 3, 2, math.MaxInt64}, {0, 5, 1, 0}} {
		if got := Scale(c[0], c[1], c[2]); got != c[3] {
			t.Errorf("%d times %d by %d is %d, want %d", c[0], c[1], c[2], got, c[3])
		}
	}
}

func TestPowersOfARatio(t *testing.T) {
	for _, ratio := range []float64{0, 0.1, 0.5, 0.9, 0.999, 1} {
		for _, n := range []int64{0, 1000, 2000, 3000, 17_000, 100_000} {
			if got, want := float64(Power(int64(ratio*1e9), n))/1e9, math.Pow(ratio, float64(n)/1000); math.Abs(got-want) > 1e-6 {
				t.Errorf("%g to the power of %d/1000 is %g, want %g", ratio, n, got, want)
			}
		}
	}
	if got := Power(500_000_000, 1500); got != 375_000_000 {
		t.Errorf("between one half and a quarter: %d", got)
	}
}
