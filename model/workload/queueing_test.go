package workload

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// The slow twin serves requests one after the other: Poisson arrivals, exponential
// service, one server with a queue of 100, then a fixed time and some calls, each
// itself an exponential time.
func TestTheTimesOfRequestsAreThoseOfAQueue(t *testing.T) {
	luck := rand.New(rand.NewPCG(1, 2))
	const mu = 500.0 // requests a second
	for _, c := range []struct {
		load    float64
		latency time.Duration
		calls   int
	}{{0.3, 0, 0}, {0.7, 0, 0}, {0.9, 0, 0}, {0.7, 20 * time.Millisecond, 0}, {0.7, 0, 2}, {0.5, 3 * time.Millisecond, 4}, {1.5, 0, 0}} {
		var all, ends []float64 // ends of those that are there
		var now, free float64
		for range 400_000 {
			now += luck.ExpFloat64() / (mu * c.load)
			for len(ends) > 0 && ends[0] <= now {
				ends = ends[1:]
			}
			if len(ends) == backlog {
				continue
			}
			free = max(free, now) + luck.ExpFloat64()/mu
			ends = append(ends, free)
			d := free - now + c.latency.Seconds()
			for range c.calls {
				d += luck.ExpFloat64() * 0.004
			}
			all = append(all, d)
		}
		slices.Sort(all)
		w := Work{CapacityMilliRPS: mu * 1000, CPU: 2 * time.Millisecond, Latency: c.latency}
		h := w.handle(int64(mu*c.load*1000), timing{int64(c.calls) * 4000, int64(c.calls) * 4000 * 4000})
		for _, q := range []struct {
			name     string
			got      time.Duration
			at, most float64 // the quantile, and how far off we may be
		}{{"p50", h.quantile(&median), 0.5, 0.08}, {"p99", h.quantile(&ninetyNth), 0.99, 0.13}} {
			want := all[int(q.at*float64(len(all)))]
			if off := q.got.Seconds()/want - 1; math.Abs(off) > q.most {
				t.Errorf("load %.1f, latency %v, %d calls: %s is %v, request by request %.2f ms", c.load, c.latency, c.calls, q.name, q.got, want*1000)
			}
		}
		for _, limit := range []time.Duration{4 * time.Millisecond, 15 * time.Millisecond, 40 * time.Millisecond} {
			n, _ := slices.BinarySearch(all, limit.Seconds())
			want := 1 - float64(n)/float64(len(all))
			if got := float64(h.exceeds(limit)) / 1e6; math.Abs(got-want) > 0.06 {
				t.Errorf("load %.1f, latency %v, %d calls: %.3f take longer than %v, request by request %.3f", c.load, c.latency, c.calls, got, limit, want)
			}
		}
	}
}

// Little's law: 20 workers that each request holds for 100 ms serve 200 a second.
func TestWorkersAreHeldByWhatARequestWaitsFor(t *testing.T) {
	w := Work{CapacityMilliRPS: 500_000, CPU: 2 * time.Millisecond, Workers: 20}
	if h := w.handle(100_000, timing{}); h.room != 500_000 {
		t.Errorf("without calls there is room for %d", h.room)
	}
	if h := w.handle(150_000, timing{98_000, 0}); h.room != 200_000 || h.mean < 100_000 || h.mean > 103_000 {
		t.Errorf("with calls: %+v", h)
	}
	if h := w.handle(900_000, timing{198_000, 0}); h.room != 100_000 || h.mean < 200_000 {
		t.Errorf("with slow calls: %+v", h)
	}
}

// The slow twin has 20 workers, each held for an exponential time, and a queue of 50 for
// them. A queue for all of them as for one server waits longer than one for each: never
// by more than half of what holds a worker.
func TestWaitingForAWorkerIsThatOfAQueue(t *testing.T) {
	luck := rand.New(rand.NewPCG(1, 2))
	const workers, queue, hold = 20, 50, 0.2
	for _, load := range []float64{0.5, 0.85, 0.95, 1.3} {
		free := make([]float64, workers)
		var begins []float64 // of those that wait
		var now, waited float64
		served, away := 0, 0
		for range 400_000 {
			now += luck.ExpFloat64() / (workers / hold * load)
			for len(begins) > 0 && begins[0] <= now {
				begins = begins[1:]
			}
			slices.Sort(free)
			at := max(now, free[0])
			if at > now && len(begins) == queue {
				away++
				continue
			}
			if at > now {
				begins = append(begins, at)
			}
			free[0] = at + luck.ExpFloat64()*hold
			waited += at - now
			served++
		}
		w := Work{CapacityMilliRPS: -1, Workers: workers, Queue: queue}
		arriving := int64(1000 * workers / hold * load)
		h := w.handle(arriving, timing{hold * 1e6, hold * hold * 1e12})
		want, got := waited/float64(served), float64(h.waiting.mean)/1e6
		if got < want*0.9 || got > want+hold/2 {
			t.Errorf("load %.2f: waits %.3f s, request by request %.3f s", load, got, want)
		}
		turned, is := float64(away)/float64(served+away), max(0, 1-float64(h.room)/float64(arriving))
		if math.Abs(turned-is) > 0.02 {
			t.Errorf("load %.2f: %.3f are turned away, request by request %.3f", load, is, turned)
		}
	}
}

func TestNothingOverflows(t *testing.T) {
	for _, w := range []Work{{CapacityMilliRPS: 1, CPU: time.Hour, Workers: 1 << 40}, {CapacityMilliRPS: 1 << 50, CPU: 1, Latency: 1000 * time.Hour, Workers: 1}, {CapacityMilliRPS: -1}, {}} {
		for _, n := range []int64{0, 1, 1 << 50} {
			h := w.handle(n, timing{longest, longest * longest})
			if h.mean < 0 || h.variance < 0 || h.quantile(&ninetyNth) < 0 || h.exceeds(time.Second) < 0 || h.exceeds(time.Second) > 1_000_000 {
				t.Errorf("%+v of %d: %+v", w, n, h)
			}
		}
	}
}
