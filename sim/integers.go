package sim

import "math/bits"

// Scale is a*b/c for numbers that are not negative, cut at the largest int64.
func Scale(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) {
		return int64(Never)
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(min(q, uint64(Never)))
}

// Exp is e to the power of x, both in thousandths, at most e^16.
func Exp(x int64) int64 {
	x = min(x, 16_000)
	sum, term := int64(1_000_000), int64(1_000_000)
	for k := int64(1); term > 0; k++ {
		term = term * x / (k * 1000)
		sum += term
	}
	return sum / 1000
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
