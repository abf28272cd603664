package workload

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"orrery/model/runtime"
)

// requestByRequest is the times, sorted and in ms, of many requests that come by chance, need
// mean ms of CPU, exponentially distributed, each on a core of its own, and share a
// quota of limit cores in every period of 100 ms.
func requestByRequest(many int, rho, limit, mean float64) []float64 {
	out, _ := boundedRequests(many, rho, limit, mean, math.MaxInt)
	return out
}

// boundedRequests is requestByRequest with at most so many at a time, and which part of all that
// is that come.
func boundedRequests(many int, rho, limit, mean float64, most int) (out []float64, served float64) {
	luck := rand.New(rand.NewPCG(1, 2))
	type request struct{ at, left float64 }
	var active []request
	now, quota, end := 0.0, 100*limit, 100.0
	came, found := 0, 0 // a place
	gap := func() float64 { return luck.ExpFloat64() * mean / (rho * limit) }
	next := gap()
	for len(out) < many {
		n, runs := float64(len(active)), len(active) > 0 && quota > 1e-6
		t := min(next, end)
		if runs {
			t = min(t, now+quota/n)
			for _, r := range active {
				t = min(t, now+r.left)
			}
		}
		d := t - now
		now = t
		kept := active[:0]
		for _, r := range active {
			if runs {
				r.left -= d
			}
			if r.left <= 1e-6 {
				out = append(out, now-r.at)
				continue
			}
			kept = append(kept, r)
		}
		active = kept
		if runs {
			quota -= d * n
		}
		if now >= end-1e-6 {
			quota, end = 100*limit, end+100
		}
		if now >= next {
			if came++; len(active) < most {
				found, active = found+1, append(active, request{now, luck.ExpFloat64() * mean})
			}
			next = now + gap()
		}
	}
	slices.Sort(out)
	return out, float64(found) / float64(came)
}

// Source: k8s-node.md 2.2: all threads that can run use up the quota together, so an overload is
// shared by all that run, and those that need little are done long before the others.
func TestAnOverloadedLimitIsShared(t *testing.T) {
	for _, c := range []struct{ limit, mean float64 }{{0.1, 20}, {0.5, 5}, {1, 10}, {1, 50}} {
		for _, rho := range []float64{0.9, 0.95, 1, 1.05, 1.25, 1.5} {
			all, served := boundedRequests(200_000, rho, c.limit, c.mean, 101)
			b := runtime.Behavior{CPUMicroPerRPS: int64(c.mean * 1000)}
			w := Work{CapacityMilliRPS: int64(c.limit / c.mean * 1e6)}
			w.QuotaMilliRPS = w.CapacityMilliRPS
			w.CPU, w.Stall = runtime.RequestTime(&b, int64(c.limit*1000))
			arriving := int64(rho * float64(w.CapacityMilliRPS))
			h := w.handle(arriving, sure, crowd{})
			if got := float64(h.capped(arriving, 1)) / float64(arriving); math.Abs(got-served) > 0.015 {
				t.Errorf("limit %.1f, %.0f ms, load %.2f: %.3f are served, request by request %.3f", c.limit, c.mean, rho, got, served)
			}
			for _, part := range []float64{0.5, 0.9, 0.99} {
				got, want := h.ok.quantile(int64(part*million)).Seconds()*1000, all[int(float64(len(all))*part)]
				if math.Abs(got/want-1) > 0.3 {
					t.Errorf("limit %.1f, %.0f ms, load %.2f: p%.0f is %.0f ms, request by request %.0f", c.limit, c.mean, rho, part*100, got, want)
				}
			}
		}
	}
}

// TestALimitThrottlesInPeriodsOf100ms: the closed form against requests one by one.
// A limit of one core leaves requests of 2 ms alone up to a load of 70 %, where a
// queue with one core for its server would nearly double their time.
func TestALimitThrottlesInPeriodsOf100ms(t *testing.T) {
	for _, c := range []struct{ limit, mean float64 }{{0.1, 20}, {0.1, 5}, {0.2, 2}, {0.5, 5}, {0.5, 2}, {1, 2}, {1, 10}, {2, 2}, {4, 5}} {
		for _, rho := range []float64{0.1, 0.3, 0.5, 0.7, 0.9} {
			all := requestByRequest(200_000, rho, c.limit, c.mean)
			want := 0.0
			for _, d := range all {
				want += d
			}
			want /= float64(len(all))
			b := runtime.Behavior{CPUMicroPerRPS: int64(c.mean * 1000)}
			w := Work{CapacityMilliRPS: int64(c.limit / c.mean * 1e6)}
			w.QuotaMilliRPS = w.CapacityMilliRPS
			w.CPU, w.Stall = runtime.RequestTime(&b, int64(c.limit*1000))
			h := w.handle(int64(rho*float64(w.CapacityMilliRPS)), sure, crowd{})
			if off := float64(h.ok.mean())/1000/want - 1; math.Abs(off) > 0.35 {
				t.Errorf("limit %.1f, %.0f ms, load %.1f: the mean is %.2f ms, request by request %.2f", c.limit, c.mean, rho, float64(h.ok.mean())/1000, want)
			}
			p99 := all[len(all)*99/100]
			if off := h.ok.quantile(990_000).Seconds()*1000/p99 - 1; math.Abs(off) > 0.5 {
				t.Errorf("limit %.1f, %.0f ms, load %.1f: p99 is %v, request by request %.2f ms", c.limit, c.mean, rho, h.ok.quantile(990_000), p99)
			}
			half, low, high := all[len(all)/2], 0.85, 2.3
			if want < 1.1*c.mean { // hardly any meets the end of the quota
				low, high = 0.9, 1.1
			}
			if got := h.ok.quantile(500_000).Seconds() * 1000 / half; got < low || got > high {
				t.Errorf("limit %.1f, %.0f ms, load %.1f: p50 is %v, request by request %.2f ms", c.limit, c.mean, rho, h.ok.quantile(500_000), half)
			}
		}
	}
}

// Source: k8s-node.md 2.2: with a quota of 100 L ms a request of c ms takes (m-1) 100 + c - (m-1) 100 L
// ms, in m = ceil(c/(100 L)) periods; on k threads it burns k times as fast. So half of the requests of
// 40 ms on the average meet no end of a quota of 50, as 27.7 ms are less.
func TestHalfOfRareRequestsTakeWhatTheirPeriodsSay(t *testing.T) {
	for _, c := range []struct{ limit, mean, threads, want float64 }{
		{500, 40, 4, 27.7 / 4}, {200, 50, 1, 80 + 34.66}, {500, 40, 1, 27.7}, {100, 5, 1, 3.47},
	} {
		b := runtime.Behavior{CPUMicroPerRPS: int64(c.mean * 1000), Threads: int64(c.threads)}
		w := Work{CapacityMilliRPS: int64(c.limit / c.mean * 1000)}
		w.QuotaMilliRPS = w.CapacityMilliRPS
		w.CPU, w.Stall = runtime.RequestTime(&b, int64(c.limit))
		h := w.handle(w.CapacityMilliRPS/500, sure, crowd{})
		if got := h.ok.quantile(500_000).Seconds() * 1000; math.Abs(got/c.want-1) > 0.15 {
			t.Errorf("%+v: p50 is %.2f ms", c, got)
		}
	}
}

// TestWhatOthersLeaveIsNoQuota: on a crowded machine CPU is shared finely, and a
// request takes its time at what the pod gets: here a fifth of a core, of which half is free.
func TestWhatOthersLeaveIsNoQuota(t *testing.T) {
	w := Work{CapacityMilliRPS: 100_000, QuotaMilliRPS: 250_000, CPU: 2 * time.Millisecond, Stall: 50 * time.Millisecond}
	if h := w.handle(50_000, sure, crowd{}); max(h.ok.mean(), 20_000)-min(h.ok.mean(), 20_000) > 1 {
		t.Errorf("at half of what others leave a request takes %d µs, want 20 ms", h.ok.mean())
	}
}

// Workers that wait for what they call use little CPU, however much arrives: a quota that
// they do not use up throttles none of them.
func TestWorkersThatWaitAreNotThrottled(t *testing.T) {
	w := Work{CapacityMilliRPS: 390_000, QuotaMilliRPS: 390_000, CPU: 10 * time.Millisecond, Latency: 70 * time.Millisecond, Workers: 18, Queue: 100}
	for _, arriving := range []int64{300_000, 1_000_000} {
		if h := w.handle(arriving, sure, crowd{}); h.capped(arriving, 1) < 200_000 || h.capped(arriving, 1) > 225_000 {
			t.Errorf("%d arrive, %d are taken, with 18 workers held for 80 ms each", arriving, h.capped(arriving, 1))
		}
	}
}

// rationing is requests one by one: each takes one of so many workers, runs on a core of its own
// as long as the quota of limit cores in every period of 100 ms lasts, and then holds the worker
// for a fixed time. Times are in ms. It tells the times, sorted, which part is turned away, and how
// many get done in a second.
func rationing(luck *rand.Rand, workers, places int, arriving, limit, mean, besides float64) (all times, away, done float64) {
	type request struct{ at, left, until float64 }
	var active []request // left > 0: on CPU, else until
	var line []float64
	now, quota, end := 0.0, 100*limit, 100.0
	next := luck.ExpFloat64() / arriving
	turned, came, finished := 0, 0, 0
	const requests = 60_000
	begin := func(at float64) { active = append(active, request{at, luck.ExpFloat64() * mean, 0}) }
	for came < requests {
		n := 0.0
		t := min(next, end)
		for _, r := range active {
			if r.left > 0 {
				n++
			} else {
				t = min(t, r.until)
			}
		}
		runs := n > 0 && quota > 1e-6
		if runs {
			t = min(t, now+quota/n)
			for _, r := range active {
				if r.left > 0 {
					t = min(t, now+r.left)
				}
			}
		}
		d := t - now
		now = t
		kept := active[:0]
		ends := 0
		for _, r := range active {
			if runs && r.left > 0 {
				if r.left -= d; r.left <= 1e-6 {
					r.left, r.until = 0, now+besides
				}
			}
			if r.left == 0 && r.until <= now+1e-6 {
				all = append(all, now-r.at)
				finished++
				ends++
				continue
			}
			kept = append(kept, r)
		}
		active = kept
		for ; ends > 0 && len(line) > 0; ends-- {
			begin(line[0])
			line = line[1:]
		}
		if runs {
			quota -= d * n
		}
		if now >= end-1e-6 {
			quota, end = 100*limit, end+100
		}
		if now >= next {
			came++
			switch {
			case len(active) < workers:
				begin(now)
			case len(line) < places:
				line = append(line, now)
			default:
				turned++
			}
			next = now + luck.ExpFloat64()/arriving
		}
	}
	slices.Sort(all)
	return all, float64(turned) / requests, float64(finished) / now * 1000
}

// TestWorkersUseUpAQuota: the closed form against requests one by one. While all workers are busy
// they get done what the quota allows or, if that is more, what so many workers can do.
func TestWorkersUseUpAQuota(t *testing.T) {
	luck := rand.New(rand.NewPCG(7, 8))
	for _, c := range []struct {
		workers, places int
		limit, cpu, bes float64
	}{
		{10, 50, 0.5, 3, 1}, {10, 0, 0.5, 3, 1}, {40, 5, 4, 10, 5}, {4, 50, 1, 3, 10}, {20, 20, 1, 5, 50}, {20, 20, 1, 5, 90}, {20, 20, 1, 5, 120},
		{5, 10, 0.2, 10, 0}, {2, 10, 1, 10, 0}, {3, 10, 2, 10, 5}, {200, 100, 2, 5, 20},
	} {
		b := runtime.Behavior{CPUMicroPerRPS: int64(c.cpu * 1000)}
		w := Work{CapacityMilliRPS: int64(c.limit / c.cpu * 1e6), Latency: time.Duration(c.bes * 1e6), Workers: int64(c.workers), Queue: int64(c.places)}
		w.QuotaMilliRPS = w.CapacityMilliRPS
		w.CPU, w.Stall = runtime.RequestTime(&b, int64(c.limit*1000))
		best := min(c.limit/c.cpu, float64(c.workers)/(c.cpu+c.bes)) * 1000
		for _, load := range []float64{0.3, 0.6, 0.8, 0.95, 1.2, 2} {
			all, away, done := rationing(luck, c.workers, c.places, best*load/1000, c.limit, c.cpu, c.bes)
			arriving := int64(best * load * 1000)
			h := w.handle(arriving, sure, crowd{})
			if room := float64(h.room) / 1000; load > 1 && math.Abs(room/done-1) > 0.06 {
				t.Errorf("%+v, load %.2f: there is room for %.1f a second, request by request %.1f get done", c, load, room, done)
			}
			if got := 1 - float64(h.capped(arriving, 1))/float64(arriving); math.Abs(got-away) > 0.035 {
				t.Errorf("%+v, load %.2f: %.4f are turned away, request by request %.4f", c, load, got, away)
			}
			if got, want := float64(h.ok.mean())/1000, all.mean(); math.Abs(got/want-1) > 0.4 && load != 0.95 || got > 1.6*want || got < 0.8*want && load == 0.95 {
				t.Errorf("%+v, load %.2f: the mean is %.2f ms, request by request %.2f", c, load, got, want)
			}
			if got, want := h.ok.quantile(990_000).Seconds()*1000, all.at(0.99); got > 1.7*want || got < 0.7*want {
				t.Errorf("%+v, load %.2f: p99 is %.2f ms, request by request %.2f", c, load, got, want)
			}
		}
	}
}
