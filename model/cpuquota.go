package model

import (
	"time"

	"orrery/sim"
)

// QuotaPeriod is how long a quota of CPU time is for (pkg/kubelet/cm/helpers_linux.go
// QuotaPeriod).
const QuotaPeriod = 100 * time.Millisecond

// Quota is a CPU limit as requests meet it: in every period of 100 ms a container may use
// so much CPU time, on as many cores as it has threads for, and then it stands still until
// the next (cpu.cfs_period_us; pkg/kubelet/cm/helpers_linux.go MilliCPUToQuota). So
// requests wait for nothing as long as the quota lasts, and for up to a period when it
// does not.
type Quota struct {
	MilliRPS int64         // how many requests it is enough for, in thousandths per second
	Stall    time.Duration // how long a request stands still for every quota it uses up by itself
}

const (
	whole  = 1_000_000 // of a part, in millionths
	window = int64(QuotaPeriod / time.Microsecond)
	// longestWait is the longest that anything is said to wait, in microseconds.
	longestWait = 1_000_000_000
)

// Waits is what a quota adds to the time of requests, of which fewer than it allows are
// served, so many in thousandths per second: its mean and its variance, in microseconds.
// Besides what is left undone (WaitsForUndone), a request that needs a quota or more by itself stands still
// (Alone). The slow twin in a test of package workload serves requests one by one and finds times
// within a third of these.
func (q Quota) Waits(served int64) (mean, variance int64) {
	aloneMean, aloneVariance := q.Alone()
	mean, variance = q.WaitsForUndone(served, ByChance)
	return aloneMean + mean, aloneVariance + variance
}

// ByChance is the chance of what comes by itself, not from workers that each wait for an answer.
const ByChance = whole

// WaitsForUndone is how long requests wait as something is left undone at the end of a period: the mean and
// the variance, in microseconds. The CPU time used in a period has a variance of so many
// millionths of what it would be if each request came by chance.
//
// What is left undone is a random walk with a drift. With a period's quota for n requests and a
// share rho of it used, something is left with a probability of about
// exp(-1.166 (1-rho) sqrt(n/(2 rho))) (Siegmund's correction of a random walk in steps), and as
// much as an exponential distribution of mean b = rho/((1-rho) n) quotas says, where chance makes n
// greater. If that is little, those wait who came at the end of the period, b²/rho² periods by all
// requests; if it is much, all wait b periods; in between b²/sqrt(b²+rho⁴) is near.
func (q Quota) WaitsForUndone(served, chance int64) (mean, variance int64) {
	n, rho := q.EachMilli(), sim.Scale(served, whole, q.MilliRPS)
	if rho == 0 || rho >= whole || n == 0 {
		return 0, 0
	}
	b, over := q.undone(rho, chance)
	square := sim.Scale(rho, rho, whole)
	first := sim.Scale(b, b, max(hypotenuse(b, square), 1))
	second := sim.Scale(b, b, max(hypotenuse(b, sim.Scale(square, rho, whole)), 1))
	mean = sim.Scale(sim.Scale(window, first, whole), over, whole)
	moment := sim.Scale(2*sim.Scale(sim.Scale(window, b, whole), sim.Scale(window, second, whole), 1), over, whole)
	return mean, max(moment-sim.Scale(mean, mean, 1), 0)
}

// EachMilli is for how many requests there is CPU in a period, in thousandths.
func (q Quota) EachMilli() int64 { return q.MilliRPS / int64(time.Second/QuotaPeriod) }

// Alone is what a request stands still because it needs a quota or more by itself: the mean
// and the variance, in microseconds.
func (q Quota) Alone() (mean, variance int64) {
	n := q.EachMilli()
	rest := sim.Exp(n) - 1000
	if n == 0 || rest <= 0 {
		return 0, 0
	}
	stall := q.Stall.Microseconds()
	return min(sim.Scale(stall, 1000, rest), longestWait), min(sim.Scale(sim.Scale(stall, stall, rest), sim.Exp(n)*1000, rest), longestWait*longestWait)
}

// undone is how many quotas are left undone at the end of a period if something is, with a
// share rho of them used, and how likely that is.
func (q Quota) undone(rho, chance int64) (quotas, over int64) {
	over = sim.Scale(whole, 1000, sim.Exp(sim.Scale(q.steps(rho, chance), 1166, 1000)))
	return min(sim.Scale(sim.Scale(rho, chance, whole), whole*1000, (whole-rho)*q.EachMilli()), 1000*whole), over
}

// steps is how far a quota is from being used up, in thousandths of the deviation of what
// is used in a period.
func (q Quota) steps(rho, chance int64) int64 {
	return sim.Scale(sim.Root(uint64(sim.Scale(q.EachMilli(), 1_000_000_000, max(2*sim.Scale(rho, chance, whole), 1)))), whole-rho, whole)
}

// WhoWaits is how likely something is left undone at the end of a period, near the limit or
// beyond, where no more than so many requests wait at a time, and how many of a million requests
// wait: all if much is left undone, and if it is little those who come at the end of a period.
func (q Quota) WhoWaits(arriving, most int64) (over, waits int64) {
	n := max(q.EachMilli(), 1)
	quotas := min(sim.Scale(most, whole*1000, n), 1000*whole)
	rho := sim.Scale(arriving, whole, max(q.MilliRPS, 1))
	if rho >= whole {
		return whole, sim.Scale(whole, quotas, hypotenuse(quotas, whole))
	}
	b, over := q.undone(rho, ByChance)
	b = min(b, quotas)
	return over, sim.Scale(over, b, max(hypotenuse(b, sim.Scale(rho, rho, whole)), 1))
}

// Spent is in how many of a million periods it is used up while something still runs:
// those that end with something undone, and those in which that is made good. For the
// walk of Waits that is about exp(-1.8 (1-rho) sqrt(n/(2 rho))), and no more than rho,
// the part of the time in which single requests that need many quotas run (within a tenth
// of all periods of requests one by one: the slow twin in a test of package runtime).
func (q Quota) Spent(served int64) int64 {
	rho := sim.Scale(served, whole, max(q.MilliRPS, 1))
	switch {
	case rho >= whole:
		return whole
	case rho == 0 || q.EachMilli() == 0:
		return rho
	}
	return min(sim.Scale(whole, 1000, sim.Exp(sim.Scale(q.steps(rho, ByChance), 1800, 1000))), rho)
}

func hypotenuse(a, b int64) int64 { return sim.Root(uint64(a)*uint64(a) + uint64(b)*uint64(b)) }
