package workload

import (
	"math/rand/v2"
	"testing"
	"time"

	"orrery/model"
)

// threads is what a container's requests fare like beside so many busy threads, thread by thread: they
// come by chance, need mean ms of CPU, exponentially distributed, and have a fair part of the cores, at
// most one each, until a quota of so many for each 100 ms is used up. At most so many are under way, and as many
// wait as may.
func threads(rps, mean, cores, quota, busy float64, workers, queue int) (served, takes float64) {
	type request struct{ at, left float64 }
	luck := rand.New(rand.NewPCG(3, 4))
	var active []request
	now, left, end, next := 0.0, 100*quota, 100.0, 0.0
	came, done := 0, 0
	for now < 2_000_000 && came < 200_000 {
		n := min(len(active), workers)
		speed := min(1, cores/(float64(n)+busy))
		burns := speed * (float64(n) + busy)
		t := min(next, end)
		if left > 1e-9 {
			t = min(t, now+left/burns)
			for _, r := range active[:n] {
				t = min(t, now+r.left/speed)
			}
		}
		if left > 1e-9 {
			for i := range active[:n] {
				active[i].left -= (t - now) * speed
			}
			left = max(left-(t-now)*burns, 0)
		}
		now = t
		kept := active[:0]
		for _, r := range active {
			if r.left <= 1e-9 {
				done, takes = done+1, takes+now-r.at
				continue
			}
			kept = append(kept, r)
		}
		active = kept
		if now >= end {
			left, end = 100*quota, now+100
		}
		if now >= next {
			if came++; len(active) < workers+queue {
				active = append(active, request{now, luck.ExpFloat64() * mean})
			}
			next = now + luck.ExpFloat64()*1000/rps
		}
	}
	return float64(done) / float64(came), takes / float64(done)
}

// beside is such a pod.
func beside(mean, gets, busy float64, limited bool, workers, queue int64) Work {
	at := float64(max(workers, 1))
	if workers == 0 {
		at = model.Backlog
	}
	whole := gets / mean * million
	w := Work{CPU: time.Duration(mean * float64(time.Millisecond)), Workers: workers, Queue: queue}
	w.Has(model.Capacity{
		MilliRPS: int64(max(whole*at/(at+busy), whole-busy/mean*million)), Whole: int64(whole), Rest: int64(busy / mean * million), Busy: int64(busy * 1000), Quota: limited,
	})
	return w
}

// Source: Documentation/scheduler/sched-design-CFS.rst, sched-eevdf.rst: threads of a cgroup that want
// to run get the same; sched-bwc.rst: a quota is used up by all of them.
func TestRequestsHaveAFairPartBesideBusyThreadsOfTheirContainer(t *testing.T) {
	for _, c := range []struct {
		rps, mean, cores, quota, busy float64
		workers, queue                int64
	}{
		{20, 5, 8, 1, 1, 0, 0}, {20, 5, 8, 1, 2, 0, 0}, {5, 5, 8, 0.1, 1, 0, 0}, {100, 5, 8, 1, 2, 0, 0}, {150, 5, 8, 1, 1, 0, 0}, {300, 5, 8, 1, 1, 0, 0}, {60, 5, 4, 0.5, 0.3, 0, 0}, {90, 10, 8, 1, 0.1, 0, 0}, {160, 5, 8, 1, 0.3, 0, 0}, {40, 5, 8, 0.25, 0.05, 0, 0},
		{20, 5, 1, 1000, 1, 0, 0}, {100, 5, 1, 1000, 1, 0, 0}, {160, 5, 1, 1000, 2, 0, 0}, {300, 5, 1, 1000, 1, 0, 0}, {400, 5, 4, 1000, 8, 0, 0},
		{50, 5, 8, 1, 1, 1, 10}, {150, 5, 8, 1, 1, 1, 10}, {100, 5, 8, 1, 2, 4, 20}, {300, 5, 8, 1, 1, 4, 20}, {90, 10, 8, 1, 0.1, 10, 20}, {160, 5, 8, 1, 0.3, 4, 40},
		{50, 5, 1, 1000, 1, 1, 10}, {150, 5, 1, 1000, 1, 1, 10}, {120, 5, 1, 1000, 1, 4, 20}, {300, 5, 1, 1000, 2, 4, 20},
	} {
		atOnce, waiting := int(c.workers), int(c.queue)
		if c.workers == 0 {
			atOnce = model.Backlog
		}
		served, takes := threads(c.rps, c.mean, c.cores, c.quota, c.busy, atOnce, waiting)
		limited := c.quota < 1000
		w := beside(c.mean, min(c.cores, c.quota), c.busy, limited, c.workers, c.queue)
		arriving := int64(c.rps * 1000)
		h := w.handle(arriving, outcome{good: million}, crowd{})
		got, mean := float64(h.capped(arriving, 1))/float64(arriving), float64(h.waiting.mean())/1000
		t.Logf("%+v: %.3f in %.1f ms, thread by thread %.3f in %.1f", c, got, mean, served, takes)
		if got < served-0.03 || got > served+0.03 {
			t.Errorf("%+v: %.3f are served, thread by thread %.3f", c, got, served)
		}
		if mean < takes*0.7 || mean > takes*1.3 {
			t.Errorf("%+v: they take %.1f ms, thread by thread %.1f", c, mean, takes)
		}
	}
}
