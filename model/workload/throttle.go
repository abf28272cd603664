package workload

import (
	"math/bits"
	"time"
)

// A CPU limit is a quota: in every period of 100 ms a container may use so much CPU
// time, on as many cores as it has threads for, and then it stands still until the
// next (cpu.cfs_period_us; pkg/kubelet/cm/helpers_linux.go MilliCPUToQuota,
// QuotaPeriod). So requests wait for nothing as long as the quota lasts, and for up to
// a period when it does not.
const period = 100 * time.Millisecond

const (
	unit   = 1_000_000
	window = int64(period / time.Microsecond)
)

// throttled is what a quota adds to the time of requests, of which fewer than it
// allows are served.
//
// What is left undone at the end of a period is a random walk with a drift. With a
// period's quota for n requests and a share rho of it used, something is left with a
// probability of about exp(-1.166 (1-rho) sqrt(n/(2 rho))) (Siegmund's correction of a
// random walk in steps), and as much as an exponential distribution of mean
// b = rho/((1-rho) n) quotas says. If that is little, those wait who came at the end of
// the period, b²/rho² periods by all requests; if it is much, all wait b periods; in between
// b²/sqrt(b²+rho⁴) is near. Besides, a request that needs a quota or more by itself,
// of exponentially distributed needs, stands still 1/(e^n-1) times. The slow twin in
// the test serves requests one by one and finds times within a third of these.
func (w *Work) throttled(served int64) moments {
	alone := w.alone()
	n, rho := w.quota(), product(served, unit, w.QuotaMilliRPS)
	if rho == 0 || rho >= unit || n == 0 {
		return alone
	}
	b, over := w.left(rho)
	square := product(rho, rho, unit)
	first := product(b, b, max(hypotenuse(b, square), 1))
	second := product(b, b, max(hypotenuse(b, product(square, rho, unit)), 1))
	mean := product(product(window, first, unit), over, unit)
	moment := product(2*product(product(window, b, unit), product(window, second, unit), 1), over, unit)
	return moments{alone.mean + mean, alone.variance + max(moment-product(mean, mean, 1), 0)}
}

// moments is the mean of a time and its variance, in microseconds.
type moments struct{ mean, variance int64 }

// quota is for how many requests there is CPU in a period, in thousandths.
func (w *Work) quota() int64 { return w.QuotaMilliRPS / int64(time.Second/period) }

// alone is what a request stands still because it needs a quota or more by itself.
func (w *Work) alone() moments {
	n := w.quota()
	rest := exp(n) - 1000
	if n == 0 || rest <= 0 {
		return moments{}
	}
	stall := w.Stall.Microseconds()
	return moments{min(product(stall, 1000, rest), longest), min(product(product(stall, stall, rest), exp(n)*1000, rest), longest*longest)}
}

// left is how many quotas are left undone at the end of a period if something is, with a
// share rho of them used, and how likely that is.
func (w *Work) left(rho int64) (quotas, over int64) {
	n := w.quota()
	steps := root(uint64(product(n, 1_000_000_000, 2*rho))) // in thousandths
	over = product(unit, 1000, exp(product(product(steps, unit-rho, unit), 1166, 1000)))
	return min(product(rho, unit*1000, (unit-rho)*n), 1000*unit), over
}

// leftover is how many of a million wait, near the limit or beyond: all if much is left
// undone, and if it is little those who come at the end of a period.
func (w *Work) leftover(arriving int64) int64 {
	n := max(w.quota(), 1)
	most := min(product(backlog/2, unit*1000, n), 1000*unit)
	rho := product(arriving, unit, w.QuotaMilliRPS)
	if rho >= unit {
		return product(unit, most, hypotenuse(most, unit))
	}
	b, over := w.left(rho)
	b = min(b, most)
	return product(over, b, max(hypotenuse(b, product(rho, rho, unit)), 1))
}

// exp is e to the power of x, both in thousandths, at most e^16.
func exp(x int64) int64 {
	x = min(x, 16_000)
	sum, term := int64(1_000_000), int64(1_000_000)
	for k := int64(1); term > 0; k++ {
		term = term * x / (k * 1000)
		sum += term
	}
	return sum / 1000
}

// root is the square root, rounded down.
func root(x uint64) int64 {
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

func hypotenuse(a, b int64) int64 { return root(uint64(a)*uint64(a) + uint64(b)*uint64(b)) }
