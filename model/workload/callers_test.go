package workload_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// party is pods with workers, each of which calls a pod behind for each request.
type party struct {
	front, workers, queue int64         // pods, and workers and places of each
	own                   time.Duration // that takes a worker besides the call
	back, hands, places   int64         // pods, workers and places behind
	hold                  time.Duration // a call takes on the average
	load                  float64       // requests that come, for those that all workers would get done if no call waited
	retries               int
	timeout               time.Duration
}

// rps is what arrives there.
func (p party) rps() float64 {
	return p.load * float64(p.front*p.workers) / (p.own + p.hold).Seconds()
}

// services is it as services that call one another.
func (p party) services() []service {
	return []service{
		{pods: p.front, workers: p.workers, queue: p.queue, latency: p.own, calls: []link{{1, p.retries, p.timeout}}, rps: p.rps()},
		{pods: p.back, workers: p.hands, queue: p.places, cpu: p.hold},
	}
}

// off is by how much others are served, of all requests and calls, than one by one, or more attempts made.
func (p party) off(t *testing.T, end float64) (by float64, how string) {
	want, got := onebyone(p.services(), 0, end), byRate(t, p.services(), 10*time.Minute)
	share := func(f *flowed) float64 { return f.served / f.attempts }
	tries := func(f *flowed) float64 { return f.attempts / f.first }
	in, out := edge{-1, 0}, edge{0, 1}
	by = max(math.Abs(share(want[in])-share(got[in])), math.Abs(share(want[out])-share(got[out])), math.Abs(tries(want[out])-tries(got[out]))/tries(want[out]))
	return by, fmt.Sprintf("%.1f %.1f; one by one %.1f %.1f", *got[in], *got[out], *want[in], *want[out])
}

// Source: W. Gordon and G. Newell, "Closed queuing systems with exponential servers" (1967).
// Who calls has so many workers and no more, of which each makes one call at a time. Requests
// one by one fare the same within a fiftieth, but where what a call takes depends on how many
// of very few workers call, where so few call two pods that these are seldom full at the same
// time, or where callers give up and leave what they called for behind.
func TestCallersAreNoMoreThanTheirWorkers(t *testing.T) {
	const ms = time.Millisecond
	for _, x := range []struct {
		party
		most float64
	}{
		{party{1, 50, 0, ms, 1, 50, 0, 10 * ms, 1.32, 10, 10 * time.Second}, 0.02},
		{party{1, 10, 0, ms, 1, 10, 0, 33 * ms, 1, 3, 10 * time.Second}, 0.02},
		{party{1, 10, 0, 20 * ms, 1, 10, 0, 20 * ms, 1.5, 0, 10 * time.Second}, 0.02},
		{party{1, 20, 0, 20 * ms, 1, 10, 5, 20 * ms, 0.9, 2, 10 * time.Second}, 0.02},
		{party{1, 20, 100, ms, 1, 10, 10, 20 * ms, 0.6, 0, 10 * time.Second}, 0.02},
		{party{1, 20, 100, ms, 1, 10, 5, 20 * ms, 0.6, 1, 10 * time.Second}, 0.02},
		{party{2, 20, 0, 5 * ms, 2, 20, 0, 20 * ms, 1.2, 1, 10 * time.Second}, 0.02},
		{party{4, 10, 10, 5 * ms, 2, 10, 10, 20 * ms, 0.6, 1, 10 * time.Second}, 0.03},
		{party{4, 10, 10, 5 * ms, 4, 10, 3, 20 * ms, 1.3, 1, 10 * time.Second}, 0.02},
		{party{10, 10, 10, 5 * ms, 10, 10, 5, 20 * ms, 0.9, 1, 10 * time.Second}, 0.02},
		{party{1, 50, 0, 5 * ms, 2, 10, 0, 5 * ms, 1.5, 3, 10 * time.Second}, 0.02},
		{party{4, 10, 50, 20 * ms, 4, 5, 0, 40 * ms, 0.9, 1, 10 * time.Second}, 0.02},
		{party{1, 50, 50, 10 * ms, 1, 5, 40, 20 * ms, 0.9, 0, 10 * time.Second}, 0.02},
		{party{1, 100, 5, ms, 1, 5, 400, 20 * ms, 0.2, 1, time.Second}, 0.02},
		{party{1, 3, 5, 10 * ms, 1, 1, 1, 20 * ms, 0.6, 2, 10 * time.Second}, 0.02},
		{party{1, 3, 5, 10 * ms, 1, 1, 100, 20 * ms, 0.4, 0, 10 * time.Second}, 0.04},
		{party{4, 3, 5, ms, 2, 2, 5, 5 * ms, 0.5, 3, 10 * time.Second}, 0.15},
		{party{2, 50, 5, ms, 4, 1, 100, 40 * ms, 0.3, 1, time.Second}, 0.1},
	} {
		if by, how := x.off(t, 150); by > x.most {
			t.Errorf("%+v: %.3f off: %s", x.party, by, how)
		}
	}
}

// The same of callers drawn at random: all but a few fare the same within a fiftieth, and those
// within six hundredths.
func TestWhateverCallersThereAreTheyFareAsOneByOne(t *testing.T) {
	luck := rand.New(rand.NewPCG(7, 8))
	pick := func(x ...int64) int64 { return x[luck.IntN(len(x))] }
	off := 0
	for range 30 {
		const ms = time.Millisecond
		p := party{
			pick(1, 1, 2, 4), pick(3, 5, 10, 20, 50), pick(0, 0, 5, 50), time.Duration(pick(1, 5, 20)) * ms,
			pick(1, 1, 2, 4), pick(2, 5, 10, 20, 50), pick(0, 0, 5, 20, 100), time.Duration(pick(5, 20, 40)) * ms,
			float64(pick(3, 5, 7, 9, 11, 15)) / 10, int(pick(0, 0, 1, 3)), 10 * time.Second,
		}
		by, how := p.off(t, 120)
		if by > 0.02 {
			off++
		}
		if by > 0.06 || off > 2 {
			t.Errorf("%+v: %.3f off: %s", p, by, how)
		}
	}
}
