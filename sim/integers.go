package sim

import "math/bits"

// Scale is a*b/c for numbers that are not negative, cut at the largest int64.
func Scale(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi == 0 && c != 0 { // as nearly always, and often by a constant, which takes no division
		return int64(min(lo/uint64(c), uint64(Never)))
	}
	return scale(hi, lo, uint64(c))
}

// scale is Scale of a product of two words.
func scale(hi, lo, c uint64) int64 {
	if hi >= c {
		return int64(Never)
	}
	q, _ := bits.Div64(hi, lo, c)
	return int64(min(q, uint64(Never)))
}

// powers is e to the power of whole numbers, in millionths.
var powers = [...]int64{
	1_000_000, 2_718_282, 7_389_056, 20_085_537, 54_598_150, 148_413_159, 403_428_793, 1_096_633_158, 2_980_957_987, 8_103_083_928,
	22_026_465_795, 59_874_141_715, 162_754_791_419, 442_413_392_009, 1_202_604_284_165, 3_269_017_372_472, 8_886_110_520_508,
}

// Exp is e to the power of x, which is not negative, both in thousandths, at most e^16.
func Exp(x int64) int64 {
	whole := min(x/1000, int64(len(powers)-1))
	part := min(x, 16_000) - whole*1000
	sum, term := int64(1_000_000_000), int64(1_000_000_000)
	for k := int64(1); term > 0; k++ {
		term = term * part / (k * 1000)
		sum += term
	}
	return Scale(powers[whole], sum, 1_000_000_000_000)
}

// Root is the square root, rounded down.
func Root(x uint64) int64 {
	if x == 0 {
		return 0
	}
	r := uint64(1) << ((bits.Len64(x) + 1) / 2)
	for {
		next := (r + x/r) / 2
		if next >= r {
			return int64(r)
		}
		r = next
	}
}

// Power is a ratio, in billionths, to the power of so many thousandths; between whole ones it
// is linear.
func Power(ratio, n int64) int64 {
	const one = 1_000_000_000
	out := one - (one-ratio)*(n%1000)/1000
	for n /= 1000; n > 0 && out > 0; n /= 2 {
		if n%2 == 1 {
			out = Scale(out, ratio, one)
		}
		ratio = Scale(ratio, ratio, one)
	}
	return out
}
