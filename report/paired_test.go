package report

import (
	"math"
	"testing"
)

func TestPair(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name          string
		a, b          []float64
		pairs         int
		diff, low, up float64
		sign          int
	}{
		// The mean is 3, the deviation 1.5811, t(4, 97.5 %) 2.776445 (Student's table).
		{"five pairs", []float64{10, 10, 10, 10, 10}, []float64{11, 12, 13, 14, 15}, 5, 3, 1.036757, 4.963243, 1},
		{"the other way round", []float64{11, 12, 13, 14, 15}, []float64{10, 10, 10, 10, 10}, 5, -3, -4.963243, -1.036757, -1},
		// Student's own sleep data of 1908: 1.58, 95 % from 0.7001142 to 2.4598858 (R's sleep, t.test(paired=TRUE)).
		{"sleep", []float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2}, []float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4},
			10, 1.58, 0.7001142, 2.4598858, 1},
		// t(1, 97.5 %) is 12.706205, the deviation 1.4142: the mean plus or minus 12.706205.
		{"two pairs say little", []float64{0, 0}, []float64{1, 3}, 2, 2, -10.706205, 14.706205, 0},
		{"what both share does not count", []float64{1, 1000, 50}, []float64{2, 1001, 51}, 3, 1, 1, 1, 1},
		{"equal", []float64{0.1, 0.2, 0.3}, []float64{0.1, 0.2, 0.3}, 3, 0, 0, 0, 0},
		{"a pair without a value", []float64{nan, 1, 1, 4}, []float64{1, nan, 1, 4}, 2, 0, 0, 0, 0},
		{"one pair", []float64{1}, []float64{3}, 1, 2, nan, nan, 0},
		{"none", []float64{nan}, []float64{nan}, 0, nan, nan, nan, 0},
	} {
		p := Pair(c.a, c.b)
		near := func(x, y float64) bool { return math.IsNaN(x) && math.IsNaN(y) || math.Abs(x-y) < 1e-6 }
		if p.Pairs != c.pairs || !near(p.Difference, c.diff) || !near(p.Low, c.low) || !near(p.High, c.up) || p.Sign() != c.sign {
			t.Errorf("%s: got %+v sign %d, want %+v", c.name, p, p.Sign(), c)
		}
		if p.Equal != (c.diff == 0) {
			t.Errorf("%s: equal is %v", c.name, p.Equal)
		}
	}
}

// TestAnIntervalHoldsTheTruthAsOftenAsItSays: of many experiments of eight pairs
// whose true difference is known, about 95 % of the intervals hold it.
func TestAnIntervalHoldsTheTruthAsOftenAsItSays(t *testing.T) {
	const experiments, truth = 4000, 3.0
	held, state := 0, uint64(1)
	uniform := func() float64 {
		state = state*6364136223846793005 + 1442695040888963407
		return float64(state>>11) / (1 << 53)
	}
	for range experiments {
		var a, b []float64
		for range 8 {
			luck := 100 * uniform() // both share it
			noise := -6.0           // a sum of twelve is as good as normal
			for range 12 {
				noise += uniform()
			}
			a, b = append(a, luck), append(b, luck+truth+noise)
		}
		if p := Pair(a, b); p.Low <= truth && truth <= p.High {
			held++
		}
	}
	if share := float64(held) / experiments; math.Abs(share-Confidence) > 0.015 {
		t.Errorf("%.3f of the intervals hold the truth, want %.2f", share, Confidence)
	}
}

func TestAmountsAndChanges(t *testing.T) {
	for _, c := range []struct {
		unit           Unit
		x              float64
		amount, change string
	}{
		{Count, 0, "0", "0"},
		{Count, 12, "12", "+12"},
		{Count, 1234567.25, "1234567", "+1234567"},
		{Count, 2.478333, "2.478", "+2.48"},
		{Count, 0.000012345, "0.000012", "+0.000012"},
		{Count, 0.00000004321, "4.3e-08", "+4.3e-08"},
		{Percent, 0.99988765, "99.989%", "+100 pp"},
		{Percent, 0.00123, "0.123%", "+0.123 pp"},
		{Duration, 1, "1ns", "+1ns"},
		{Duration, 347_163_123_456, "5m47.2s", "+5m47.2s"},
		{Duration, 12_434_567_890, "12.43s", "+12.43s"},
		{Duration, 4_495_123, "4.495ms", "+4.495ms"},
		{Percent, math.NaN(), "-", ""},
	} {
		if got := c.unit.amount(c.x); got != c.amount {
			t.Errorf("%s %v: %q, want %q", c.unit, c.x, got, c.amount)
		}
		if math.IsNaN(c.x) || c.x == 0 {
			continue
		}
		if got := c.unit.change(c.x); got != c.change {
			t.Errorf("change of %s %v: %q, want %q", c.unit, c.x, got, c.change)
		}
		if got := c.unit.change(-c.x); got != "-"+c.change[1:] {
			t.Errorf("change of %s %v: %q", c.unit, -c.x, got)
		}
	}
}
