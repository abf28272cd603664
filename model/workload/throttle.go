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
	parts  = 1_000_000
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
func (w *Work) throttled(served int64) timing {
	n := w.QuotaMilliRPS / int64(time.Second/period) // in thousandths
	alone := timing{}
	if rest := exp(n) - 1000; n > 0 && rest > 0 {
		stall := w.Stall.Microseconds()
		alone = timing{min(product(stall, 1000, rest), longest), min(product(product(stall, stall, rest), exp(n)*1000, rest), longest*longest)}
	}
	rho := product(served, parts, w.QuotaMilliRPS)
	if rho == 0 || rho >= parts || n == 0 {
		return alone
	}
	steps := root(uint64(product(n, 1_000_000_000, 2*rho))) // in thousandths
	over := product(parts, 1000, exp(product(product(steps, parts-rho, parts), 1166, 1000)))
	b := min(product(rho, parts*1000, (parts-rho)*n), 1000*parts)
	square := product(rho, rho, parts)
	first := product(b, b, max(hypotenuse(b, square), 1))
	second := product(b, b, max(hypotenuse(b, product(square, rho, parts)), 1))
	mean := product(product(window, first, parts), over, parts)
	moment := product(2*product(product(window, b, parts), product(window, second, parts), 1), over, parts)
	return timing{alone.mean + mean, alone.variance + max(moment-product(mean, mean, 1), 0)}
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
