package workload_test

import (
	"math"
	"testing"
	"time"
)

// renewal is a service without limits that calls another one, and whose users try again, too.
type renewal struct {
	pods, queue    int64         // of what is called, with four workers each
	latency        time.Duration // of what calls
	rps            float64
	timeout        time.Duration // of calls
	retries, users int
	most           float64 // of attempts so many more are served than one by one, or fewer
}

// Source: P. Morse, "Stochastic properties of waiting lines" (1955).
// Who has a request tried again that failed by a call meets what is called about as full as it was, the less
// the longer that takes: as many calls and requests are served as one by one, within a tenth (with calls that
// come again at any time 27 % of the first ones' requests, for 89 %, and 97 % of the fifth ones', for 75 %).
func TestRequestsTriedAgainMeetWhatTheyCallAsFullAsItWas(t *testing.T) {
	const ms, ever = time.Millisecond, time.Hour
	for _, c := range []renewal{
		{1, 20, 5 * ms, 150, 100 * ms, 2, 1, 0.06},
		{1, 20, 5 * ms, 180, 100 * ms, 2, 1, 0.05},
		{1, 20, 50 * ms, 150, 100 * ms, 2, 1, 0.06},
		{1, 20, 5 * ms, 130, 100 * ms, 2, 3, 0.03},
		{1, 20, 5 * ms, 150, 100 * ms, 0, 3, 0.06},
		{1, 20, 5 * ms, 170, 100 * ms, 0, 3, 0.09},
		{1, 5, 5 * ms, 160, ever, 1, 1, 0.03},
		{1, 5, 5 * ms, 180, ever, 1, 3, 0.1},
		{1, 5, 50 * ms, 180, ever, 0, 2, 0.04},
		{1, 0, 5 * ms, 180, ever, 0, 2, 0.03},
		{2, 5, 5 * ms, 340, ever, 1, 1, 0.06},
		{2, 5, 5 * ms, 420, ever, 1, 1, 0.06},
		{4, 5, 5 * ms, 800, ever, 1, 1, 0.06},
		{2, 20, 5 * ms, 280, 100 * ms, 0, 3, 0.07},
		{4, 20, 5 * ms, 540, 100 * ms, 2, 1, 0.09},
	} {
		services := []service{
			{pods: 3, workers: 9000, latency: c.latency, rps: c.rps, users: link{retries: c.users}, calls: []link{{1, c.retries, c.timeout}}},
			{pods: c.pods, workers: 4, queue: c.queue, cpu: 20 * ms},
		}
		want, got := onebyone(services, 50, 350), byRate(t, services, 10*time.Minute)
		for e, w := range want {
			if off := got[e].served/got[e].attempts - w.served/w.attempts; math.Abs(off) > c.most {
				t.Errorf("%+v, %+v: %+v; one by one %+v", c, e, *got[e], *w)
			}
		}
	}
}

// Retries at three levels, of which the highest two come again.
func TestRequestsTriedAgainAtTwoLevelsMeetWhatIsCalledAsFullAsItWas(t *testing.T) {
	const ms = time.Millisecond
	services := []service{
		{pods: 2, workers: 9000, latency: ms, rps: 140, users: link{retries: 1}, calls: []link{{1, 1, 200 * ms}}},
		{pods: 3, workers: 9000, latency: 5 * ms, calls: []link{{2, 2, 100 * ms}}},
		{pods: 1, workers: 4, queue: 20, cpu: 20 * ms},
	}
	want, got := onebyone(services, 50, 800), byRate(t, services, 10*time.Minute)
	for e, w := range want {
		if off := got[e].served/got[e].attempts - w.served/w.attempts; math.Abs(off) > 0.1 {
			t.Errorf("%+v: %+v; one by one %+v", e, *got[e], *w)
		}
	}
}

// What was before makes no difference: neither a burst, nor that there was none.
func TestRequestsTriedAgainFareTheSameAfterABurst(t *testing.T) {
	const ms = time.Millisecond
	for _, pods := range []int64{1, 2, 4} {
		served := func(begins int64) float64 {
			services := []service{
				{pods: 3, workers: 9000, latency: 5 * ms, rps: float64(pods * 135), begins: float64(begins * pods), users: link{retries: 1}, calls: []link{{1, 2, 100 * ms}}},
				{pods: pods, workers: 4, queue: 20, cpu: 20 * ms},
			}
			x := byRate(t, services, 5*time.Minute)[edge{0, 1}]
			return x.served / x.attempts
		}
		if quiet, burst := served(10), served(600); math.Abs(quiet-burst) > 0.01 {
			t.Errorf("%d pods: %.3f are served, after a burst %.3f", pods, quiet, burst)
		}
	}
}
