package workload

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// gammaPart is the part of a gamma distribution of a shape that is less than x.
func gammaPart(shape, x float64) float64 {
	if x <= 0 {
		return 0
	}
	if x > shape+100+10*math.Sqrt(shape) {
		return 1
	}
	g, _ := math.Lgamma(shape)
	sum, term := 1/shape, 1/shape
	for n := shape + 1; term > sum*1e-15; n++ {
		term *= x / n
		sum += term
	}
	return sum * math.Exp(-x+shape*math.Log(x)-g)
}

func TestTheTableIsOfGammaDistributions(t *testing.T) {
	for i := range gammas {
		for j, part := range parts {
			z := float64(gammas[i][j]) / 1000
			c := float64(i) / 4 // standard deviations to a mean
			low, high := 0.0, 0.0
			if i == 0 {
				low, high = 0.5*math.Erfc(-(z-0.001)/math.Sqrt2), 0.5*math.Erfc(-(z+0.001)/math.Sqrt2)
			} else {
				low, high = gammaPart(1/c/c, (1+(z-0.001)*c)/c/c), gammaPart(1/c/c, (1+(z+0.001)*c)/c/c)
			}
			if p := float64(part) / 1e6; j > 0 && (low > p+1e-9 || high < p-1e-9) {
				t.Errorf("%d quarters: %.3f is not %d: %.6f to %.6f", i, z, part, low, high)
			}
		}
	}
}

func TestATimeIsExceededAsOftenAsAGammaDistribution(t *testing.T) {
	for _, k := range []struct{ quarters, most float64 }{{0.1, 0.003}, {0.5, 0.003}, {1.3, 0.004}, {2.5, 0.005}, {3.5, 0.01}, {4, 0.003}, {4.5, 0.015}, {6.5, 0.015}, {8, 0.005}} {
		c := k.quarters / 4
		x := span{fixed: 5_000_000, mean: 10_000_000, variance: int64(c * c * 1e14)}
		for us := int64(0); us < 60_000_000; us += 250_000 {
			want := 1 - gammaPart(1/c/c, float64(us)/1e7/c/c)
			if got := float64(x.exceeds(us+5_000_000)) / 1e6; math.Abs(got-want) > k.most {
				t.Errorf("%.1f quarters: %.4f take longer than %d µs, not %.4f", k.quarters, got, us, want)
			}
		}
		for part := int64(10_000); part < 1_000_000; part += 10_000 {
			k := x.shape()
			if at := k.quantile(part); at > x.fixed && max(million-x.exceeds(at)-part, part+x.exceeds(at)-million) > 200 {
				t.Errorf("%.1f quarters: within the quantile of %d are %d", c*4, part, million-x.exceeds(at))
			}
		}
	}
}

// What is always the same is no time longer, and no time shorter.
func TestAFixedTimeIsFixed(t *testing.T) {
	for _, ms := range []int64{1, 500, 700, 900, 1000, 1010, 5000} {
		x := fixed(ms * 1000)
		late := int64(0)
		if ms > 1000 {
			late = million
		}
		if got := x.exceeds(time.Second); got != late {
			t.Errorf("%d ms: %d of a million take more than 1 s", ms, got)
		}
		for _, part := range []int64{1, 500_000, 990_000} {
			if got := x.quantile(part); got != time.Duration(ms)*time.Millisecond {
				t.Errorf("%d ms: %v", ms, got)
			}
		}
	}
}

// The slow twin draws times one by one, in stages of which some requests come to one and
// others to another.
func TestStagesAndMixturesAreThoseOfSingleRequests(t *testing.T) {
	luck := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		all := make(times, 40_000)
		var sum timing
		for range 1 + luck.IntN(3) {
			var m mixture
			shares, draw := []float64{}, []func() float64{}
			for range 1 + luck.IntN(3) {
				share := int64(1 + luck.IntN(1000))
				size := math.Exp(luck.Float64()*7 - 5) // 7 ms to 7 s
				m.add(share, random(size/2).and(fixed(int64(size*5e5))), 0)
				shares, draw = append(shares, float64(share)), append(draw, func() float64 { return size/2 + size/2*luck.ExpFloat64() })
			}
			for i := range all {
				all[i] += draw[choose(luck, shares)]()
			}
			sum = sum.and(m.timing())
		}
		mean := all.mean()
		slices.Sort(all)
		if got := seconds(sum.mean()); math.Abs(got/mean-1) > 0.03 {
			t.Errorf("%d: takes %.3f s on the average, one by one %.3f s", n, got, mean)
		}
		worst, at := 0.0, 0.0
		for p := 0.02; p < 1; p += 0.02 {
			limit := all.at(p)
			if off := math.Abs(float64(sum.exceeds(time.Duration(limit*1e9)))/1e6 - all.longer(limit)); off > worst {
				worst, at = off, limit
			}
		}
		if worst > 0.12 {
			t.Errorf("%d: %.3f more or less take longer than %.3f s than one by one: %v", n, worst, at, sum)
		}
		for _, part := range []float64{0.25, 0.5, 0.9, 0.99} {
			got := sum.quantile(int64(part * million)).Seconds()
			if low, high := all.at(part-0.12), all.at(min(part+0.12, 0.9995)); got < low*0.98 || got > high*1.1 {
				t.Errorf("%d: %.2f of all take %.3f s, one by one %.3f s to %.3f s: %v", n, part, got, low, high, sum)
			}
		}
		checkWithin(t, all, sum)
	}
}

// checkWithin compares those that take no longer than half of all do.
func checkWithin(t *testing.T, all times, sum timing) {
	for _, part := range []float64{0.3, 0.7, 0.95} {
		limit := all.at(part)
		got, late := sum.within(time.Duration(limit * 1e9))
		if off := float64(late)/1e6 - (1 - part); math.Abs(off) > 0.12 {
			t.Errorf("%.3f take longer than %.3f s, one by one %.3f", float64(late)/1e6, limit, 1-part)
		}
		if want := all[:int(part*float64(len(all)))].mean(); math.Abs(seconds(got.mean())/want-1) > 0.2+max(0, 0.7-part) {
			t.Errorf("those that take less than %.3f s take %.3f s, one by one %.3f s", limit, seconds(got.mean()), want)
		}
	}
}

// choose is one of several by their shares.
func choose(luck *rand.Rand, shares []float64) int {
	sum := 0.0
	for _, s := range shares {
		sum += s
	}
	x := luck.Float64() * sum
	for i, s := range shares {
		if x -= s; x < 0 {
			return i
		}
	}
	return len(shares) - 1
}

// The slow twin makes calls one by one: some requests make one more than others, calls fail
// and are tried again.
func TestCallsAreThoseOfSingleRequests(t *testing.T) {
	luck := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		milli, good int64
		retries     int
		ok, bad     float64 // fixed
	}{{50, million, 0, 2, 0}, {2500, million, 0, 0.1, 0}, {1000, 900_000, 2, 0.01, 1}, {1000, 500_000, 3, 0.1, 1}, {500, 300_000, 1, 0.02, 5}, {2000, 0, 1, 0, 1}} {
		f, l := flow{Traffic: Traffic{Retries: c.retries}}, lot{single: outcome{c.good, fixed(int64(c.ok * 1e6)), fixed(int64(c.bad * 1e6))}}
		got := f.tried(&l).repeated(c.milli, outcome.and)
		var ok, bad times
		for range 40_000 {
			n, fails, d := int(c.milli/1000), false, 0.0
			if luck.Int64N(1000) < c.milli%1000 {
				n++
			}
			for range n {
				for try := 0; ; try++ {
					if luck.Int64N(million) < c.good {
						d += c.ok
						break
					}
					d += c.bad
					if try == c.retries {
						fails = true
						break
					}
				}
			}
			if fails {
				bad = append(bad, d)
			} else {
				ok = append(ok, d)
			}
		}
		if want := float64(len(ok)) / 40_000; math.Abs(float64(got.good)/1e6-want) > 0.01 {
			t.Errorf("%+v: %d are good, one by one %.3f", c, got.good, want)
		}
		for _, x := range []struct {
			name string
			got  timing
			all  times
		}{{"good", got.ok, ok}, {"bad", got.bad, bad}} {
			if len(x.all) < 100 {
				continue
			}
			if want := x.all.mean(); math.Abs(seconds(x.got.mean())-want) > 0.03*want+0.001 {
				t.Errorf("%+v: %s ones take %.3f s, one by one %.3f s", c, x.name, seconds(x.got.mean()), want)
			}
			slices.Sort(x.all)
			for _, limit := range []float64{0.005, 0.5, 1.5, 2.5, 3.5} {
				want, is := x.all.longer(limit), float64(x.got.exceeds(time.Duration(limit*1e9)))/1e6
				if math.Abs(is-want) > 0.06 {
					t.Errorf("%+v: %.3f of %s ones take longer than %.1f s, one by one %.3f: %v", c, is, x.name, limit, want, x.got)
				}
			}
		}
	}
}

// What adds up to more than the longest time that can be told is too late for everybody who
// waits, and for as long as anybody may.
func TestWhatTakesTooLongToBeToldIsTooLate(t *testing.T) {
	us := MostWait.Microseconds()
	for _, long := range []timing{fixed(us).and(fixed(us)), fixed(us).and(fixed(us)).and(fixed(us)), spread(us, us, 1000).and(fixed(us / 2))} {
		if late := long.exceeds(MostWait); late != million {
			t.Errorf("%v: %d of a million come too late, want all", long, late)
		}
	}
	if once := fixed(us); once.exceeds(MostWait) != 0 {
		t.Errorf("%v is late", once)
	}
}

// An exponential distribution has a deviation like its mean.
func TestAnExponentialTimeIsAGammaTime(t *testing.T) {
	var k shape
	for us := int64(1); us <= longest; us = us*9/8 + 1 {
		for _, limit := range []int64{0, 1, us / 50, us / 2, us - 1, us, us + 1, 2 * us, 9 * us, 13 * us, 14 * us, 36 * us, 37 * us, longest} {
			gamma := span{share: million, mean: us, variance: us * us}
			if got, want := k.exponential(us).exceeds(limit), gamma.exceeds(limit); got != want {
				t.Errorf("of %d µs %d of a million exceed %d, want %d", us, got, limit, want)
			}
		}
	}
}

// Quantiles are found to a thousandth: where nearly all take the same, that of a half may come
// out as more than that of 99 of a hundred, as of this time of a service of 20 ms.
func TestHalfOfAllTakeNoLongerThan99OfAHundred(t *testing.T) {
	x := timing{{83_190, 20_000, 0, 0}, {915_501, 20_009, 0, 2}, {109, 20_000, 50, 2500}, {1200, 20_009, 50, 2502}}
	if x.quantile(million/2) <= x.quantile(million/100*99) {
		t.Error("these quantiles are in order by themselves: the test finds out nothing")
	}
	if half, most := x.percentiles(); half > most {
		t.Errorf("half within %v, 99 %% within %v", half, most)
	}
}
