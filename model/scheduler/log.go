package scheduler

import "math"

// naturalLog is the natural logarithm of a whole number from 1 on, correct to
// the last bit or its neighbour and the same on every processor: n is m times a
// power of two, m around 1, and ln m is a series in (m-1)/(m+1).
//
//tidy:float only sums, products and quotients, each rounded once
func naturalLog(n int) float64 {
	m, e := math.Frexp(float64(n)) //tidy:float exact
	if m < math.Sqrt2/2 {
		m, e = m*2, e-1
	}
	s := (m - 1) / (m + 1)
	s2 := s * s
	sum := 0.0
	for k := 41; k >= 1; k -= 2 {
		sum = float64(sum*s2) + 1/float64(k) //tidy:float the product is rounded before the sum
	}
	const ln2 = math.Ln2
	return float64(float64(e)*ln2) + float64(2*s*sum) //tidy:float as above
}
