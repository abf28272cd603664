package workload_test

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
)

// patience is users of a Service who give up and try again.
type patience struct {
	rps                  float64
	timeout              time.Duration
	retries              int
	queue, workers, pods int64
	most                 float64 // of its attempts so many more are served than one by one, or fewer
}

// Source: F. Kelly, "Reversibility and Stochastic Networks" (1979).
// Who gives up leaves the request behind and comes back at once, while as many wait as did: so far more
// give up than if they came back at any time. Of attempts as many are served as one by one within 3 %
// where there is one pod, and within 5 % of several; but where two or more hold each other full, or
// are for as long as it takes, for hours now this and now that, fewer.
func TestWhoGivesUpComesBackWhileTheQueueIsLong(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []patience{
		{60, 50 * ms, 0, 10, 1, 1, 0.01},
		{60, 50 * ms, 1, 10, 1, 1, 0.02},
		{60, 100 * ms, 1, 20, 1, 1, 0.03},
		{60, 100 * ms, 2, 20, 1, 1, 0.06}, // one by one by chance 0.49 to 0.53
		{50, 50 * ms, 1, 10, 1, 1, 0.02},
		{50, 100 * ms, 1, 20, 1, 1, 0.02},
		{70, 50 * ms, 1, 10, 1, 1, 0.02},
		{60, 50 * ms, 2, 10, 1, 1, 0.02},
		{40, 50 * ms, 2, 10, 1, 1, 0.02},
		{30, 50 * ms, 3, 10, 1, 1, 0.03},
		{75, 100 * ms, 1, 20, 1, 1, 0.03},
		{85, 200 * ms, 1, 50, 1, 1, 0.01},
		{60, 500 * ms, 2, 100, 1, 1, 0.01},
		{320, 50 * ms, 1, 20, 4, 1, 0.03},
		{280, 50 * ms, 1, 20, 4, 1, 0.02},
		{160, 50 * ms, 2, 20, 2, 1, 0.02},
		{120, 50 * ms, 1, 10, 1, 2, 0.02},
		{240, 50 * ms, 1, 10, 1, 4, 0.02},
		{240, 100 * ms, 1, 20, 1, 4, 0.05},
		{120, 100 * ms, 2, 20, 1, 2, 0.25},
	} {
		services := []service{{pods: c.pods, workers: c.workers, queue: c.queue, cpu: 10 * ms, rps: c.rps, users: link{timeout: c.timeout, retries: c.retries}}}
		e := edge{-1, 0}
		want, got := onebyone(services, 200, 3000)[e], byRate(t, services, 10*time.Minute)[e]
		if off := got.served/got.attempts - want.served/want.attempts; math.Abs(off) > c.most {
			t.Errorf("%+v: %.1f attempts, %.1f served; one by one %.1f, %.1f", c, got.attempts, got.served, want.attempts, want.served)
		}
	}
}

// Who calls gives up like users do.
func TestCallersWhoGiveUpComeBackWhileTheQueueIsLong(t *testing.T) {
	const ms = time.Millisecond
	services := []service{
		{pods: 1, workers: 900, latency: ms, rps: 60, calls: []link{{1, 1, 100 * ms}}},
		{pods: 1, workers: 1, queue: 20, cpu: 10 * ms},
	}
	want, got := onebyone(services, 200, 5000), byRate(t, services, 10*time.Minute)
	for e, w := range want {
		if off := got[e].served/got[e].attempts - w.served/w.attempts; math.Abs(off) > 0.03 {
			t.Errorf("%+v: %+v; one by one %+v", e, *got[e], *w)
		}
	}
}

// onACore does requests one by one that share a core, and whose users give up and come back: what
// part of attempts is served.
func onACore(luck *rand.Rand, c patience, need, end float64) float64 {
	type request struct{ over bool }
	var done, late steps
	now, ran, attempts, served := 0.0, 0.0, 0.0, 0.0
	next := luck.ExpFloat64() / c.rps
	var try func(nth int)
	try = func(nth int) {
		attempts++
		if len(done) > model.Backlog {
			if nth < c.retries {
				try(nth + 1)
			}
			return
		}
		r := &request{}
		heap.Push(&done, step{ran + luck.ExpFloat64()*need, func(float64) {
			if !r.over {
				r.over = true
				served++
			}
		}})
		heap.Push(&late, step{now + c.timeout.Seconds(), func(float64) {
			if !r.over && nth < c.retries {
				try(nth + 1)
			}
			r.over = true
		}})
	}
	for now < end {
		ends, gives := math.Inf(1), math.Inf(1)
		if len(done) > 0 {
			ends = now + (done[0].at-ran)*float64(len(done))
		}
		if len(late) > 0 {
			gives = late[0].at
		}
		at := min(ends, gives, next)
		if len(done) > 0 {
			ran += (at - now) / float64(len(done))
		}
		switch now = at; at {
		case ends:
			heap.Pop(&done).(step).what(now)
		case gives:
			heap.Pop(&late).(step).what(now)
		default:
			next = now + luck.ExpFloat64()/c.rps
			try(0)
		}
	}
	return served / attempts
}

// The same without workers: requests share the CPU, with the Backlog.
func TestWhoGivesUpComesBackWhileTheCoreIsFull(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []patience{
		{rps: 50, timeout: 50 * ms, retries: 0, most: 0.02},
		{rps: 60, timeout: 50 * ms, retries: 1, most: 0.03},
		{rps: 40, timeout: 50 * ms, retries: 1, most: 0.03},
		{rps: 50, timeout: 50 * ms, retries: 1, most: 0.08},
		{rps: 60, timeout: 200 * ms, retries: 2, most: 0.07},
		{rps: 70, timeout: 200 * ms, retries: 1, most: 0.05},
		{rps: 70, timeout: 100 * ms, retries: 1, most: 0.03},
		{rps: 40, timeout: 100 * ms, retries: 1, most: 0.03},
		{rps: 50, timeout: 200 * ms, retries: 1, most: 0.02},
		{rps: 80, timeout: 500 * ms, retries: 2, most: 0.05},
	} {
		r := newRig(t, 1, 1)
		r.work = workload.Work{CPU: 10 * ms}
		pod := r.pod("web", "web-0", "n-0")
		r.capacity = map[model.Ref]int64{pod: 100_000}
		r.endpoints("web", pod)
		r.traffic(workload.Traffic{Service: "web", Rate: workload.Constant(int64(c.rps * 1000)), Timeout: c.timeout, Retries: c.retries})
		r.serve(true, pod)
		r.after(20 * time.Minute)
		x := r.rates("web", "ingress")
		got, want := float64(x.ServedMilliRPS)/float64(x.OfferedMilliRPS), onACore(rand.New(rand.NewPCG(1, 2)), c, 0.01, 3000)
		if math.Abs(got-want) > c.most {
			t.Errorf("%+v: %.3f are served; one by one %.3f", c, got, want)
		}
	}
}

// What a burst has filled stays full where who gives up and tries again sends more than it gets done, and
// empties where it does not (Bronson et al., Metastable Failures in Distributed Systems, HotOS 2021).
func TestWhatABurstHasFilledStaysFullAsOneByOne(t *testing.T) {
	const ms = time.Millisecond
	for _, x := range []struct {
		pods, queue int64
		timeout     time.Duration
		retries     int
		rps         float64 // each pod gets 200 done
	}{
		{1, 100, 100 * ms, 3, 80},
		{1, 100, 100 * ms, 3, 40},
		{1, 100, 200 * ms, 3, 80},
		{1, 400, time.Second, 3, 80},
		{1, 400, time.Second, 1, 80},
		{1, 400, time.Second, 1, 120},
		{1, 100, time.Second, 3, 150}, // nobody waits too long
		{2, 100, 100 * ms, 3, 200},
		{2, 100, 100 * ms, 3, 80},
		{4, 400, time.Second, 3, 300},
		{1, 1000, time.Second, 1, 50}, // all wait too long, but it gets twice as much done as comes
		{1, 1000, time.Second, 2, 40},
		{1, 1000, time.Second, 3, 80},
	} {
		s := service{pods: x.pods, workers: 4, queue: x.queue, latency: 20 * ms, rps: x.rps, burst: 300 * float64(x.pods), users: link{0, x.retries, x.timeout}}
		one, rate := *onebyone([]service{s}, 90, 390)[edge{-1, 0}], *byRate(t, []service{s}, 6*time.Minute)[edge{-1, 0}]
		want, got := one.served/one.first, rate.served/rate.first
		if math.Abs(want-got) > 0.05 {
			t.Errorf("%+v: %.3f served, one by one %.3f", x, got, want)
		}
	}
}
