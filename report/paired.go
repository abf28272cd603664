package report

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Paired is what pairs of runs say about a difference: both runs of a pair met
// the same luck, so what they differ by is what was changed between them.
type Paired struct {
	Pairs int // those in which both runs have a value
	// Difference is the mean of the second less the first; NaN without a pair.
	Difference float64
	// Low and High bound the 95 % confidence interval of that mean, by Student's
	// t distribution with Pairs-1 degrees of freedom; NaN with fewer than two
	// pairs.
	Low, High float64
	// Equal tells that the two are equal in every pair, Constant that they
	// differ by the same in every pair, so that nothing varies.
	Equal, Constant bool
}

// Confidence is how often, over many experiments, such an interval holds the
// true difference.
const Confidence = 0.95

// Pair compares runs by pairs: a[i] and b[i] belong together, and a pair in
// which one has no value (NaN) does not count.
func Pair(a, b []float64) Paired {
	var d []float64
	for i := range a {
		if !math.IsNaN(a[i]) && !math.IsNaN(b[i]) {
			d = append(d, b[i]-a[i])
		}
	}
	nan := math.NaN()
	p := Paired{Pairs: len(d), Difference: nan, Low: nan, High: nan}
	if len(d) == 0 {
		return p
	}
	p.Constant = true
	for _, x := range d {
		p.Constant = p.Constant && x == d[0]
	}
	p.Equal = p.Constant && d[0] == 0
	p.Difference = d[0] // a sum of equals, divided, may be off by a rounding
	half := 0.0
	if !p.Constant {
		p.Difference = stat.Mean(d, nil)
		half = stat.StdDev(d, nil) / math.Sqrt(float64(len(d))) * distuv.StudentsT{Sigma: 1, Nu: float64(len(d) - 1)}.Quantile((1+Confidence)/2)
	}
	if len(d) > 1 {
		p.Low, p.High = p.Difference-half, p.Difference+half
	}
	return p
}

// Significant tells whether there is an interval and 0 lies outside of it.
func (p Paired) Significant() bool { return p.Pairs > 1 && (p.Low > 0 || p.High < 0) }

// Sign is 1 if the second is significantly more than the first, -1 if it is
// less, 0 if neither can be said.
func (p Paired) Sign() int {
	switch {
	case !p.Significant():
		return 0
	case p.Difference > 0:
		return 1
	}
	return -1
}

// mean is the mean of the values there are; NaN if there are none.
func mean(values []float64) float64 {
	var there []float64
	for _, x := range values {
		if !math.IsNaN(x) {
			there = append(there, x)
		}
	}
	if len(there) == 0 {
		return math.NaN()
	}
	return stat.Mean(there, nil)
}
