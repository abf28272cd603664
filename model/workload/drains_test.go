package workload_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
	"orrery/sim"
)

// A readiness probe that fails empties no queue: rules that lead to a pod no more and a moment later
// again leave it what it had, less what it gets done meanwhile. So pods that come and go have no more
// requests done than others. The slow twin has requests come one by one.
func TestAPodThatNoRulesLeadToGetsDoneWhatWaitsThere(t *testing.T) {
	const comes, lasts = 150, 10 // requests a second, seconds
	for _, queue := range []int64{100, 300} {
		for _, away := range []time.Duration{500 * time.Millisecond, 2 * time.Second, 20 * time.Second} {
			work := workload.Work{Latency: 100 * time.Millisecond, Workers: 10, Queue: queue} // 100 a second
			r, pod, other := besideAmple(t, work, comes)
			r.after(time.Minute)
			r.endpoints("web", other)
			gone := r.whenLed(pod, false)
			r.after(away)
			r.endpoints("web", pod, other)
			back := r.whenLed(pod, true)
			begun := r.accepted("web")
			r.after(lasts * time.Second)
			got, want := r.accepted("web")-begun-comes*lasts, 0.0 // without those that the other got
			luck := rand.New(rand.NewPCG(1, 2))
			for range 50 {
				want += acceptedOneByOne(luck, comes, int(queue), back.Sub(gone), lasts*time.Second) / 50
			}
			if math.Abs(got-want) > 25 {
				t.Errorf("queue %d, away for %v: %.0f are accepted in %d s, one by one %.0f", queue, back.Sub(gone), got, lasts, want)
			}
			checkSums(t, r)
		}
	}
}

// besideAmple is a pod to which so many requests come a second, and another one beside it that has room for
// any.
func besideAmple(t *testing.T, work workload.Work, comes int64) (r *rig, pod, other model.Ref) {
	r = newRig(t, 1, 2)
	pod, other = r.pod("web", "web-0", "n-0"), r.pod("web", "web-1", "n-1")
	r.work, r.works = work, map[model.Ref]workload.Work{other: {}}
	if work.CPU > 0 {
		r.capacity[pod] = int64(1000 * time.Second / work.CPU)
	}
	r.probes = probed("")
	r.endpoints("web", pod, other)
	r.sends(t, []model.Ref{pod, other}, workload.Traffic{Service: "web", Rate: workload.Constant(2000 * comes)})
	return r, pod, other
}

// whenLed runs until rules lead to a pod, or none do.
func (r *rig) whenLed(pod model.Ref, lead bool) sim.Time {
	for range 10_000 {
		if (r.load[pod.ID] > 0) == lead {
			return r.Now()
		}
		r.after(time.Millisecond)
	}
	r.t.Fatal("never")
	return 0
}

// accepted is how many requests to a Service were served until now.
func (r *rig) accepted(service string) (sum float64) {
	at, rate := r.Now(), 0.0
	h := r.store.History()
	for i := range h.Len() {
		x := h.At(i)
		if x.Note == nil || x.Note.Traffic == nil || x.Note.Named != "service/"+service {
			continue
		}
		if rate > 0 {
			sum += rate * x.At.Sub(at).Seconds()
		}
		at, rate = x.At, float64(x.Note.Traffic.ServedMilliRPS)/1000
	}
	return sum + rate*r.Now().Sub(at).Seconds()
}

// acceptedOneByOne is how many requests find a place in so long at ten workers that need 100 ms, after a
// minute of them and then none for a while.
func acceptedOneByOne(luck *rand.Rand, comes float64, queue int, away, lasts time.Duration) float64 {
	const minute, workers, each = 60.0, 10, 0.1
	back := minute + away.Seconds()
	free := make([]float64, workers) // when each worker is
	var ends []float64               // of those that are there
	accepted := 0.0
	for now := 0.0; now < back+lasts.Seconds(); now += luck.ExpFloat64() / comes {
		if now >= minute && now < back {
			continue
		}
		ends = slices.DeleteFunc(ends, func(end float64) bool { return end <= now })
		if len(ends) >= workers+queue {
			continue
		}
		slices.Sort(free)
		free[0] = max(free[0], now) + each
		ends = append(ends, free[0])
		if now >= back {
			accepted++
		}
	}
	return accepted
}

// A probe of a pod to which no rules lead waits for what came there before: until that is done it is as
// late as others, and then answered. With workers it waits for 3 s of what was there first; without, it
// shares the CPU with 101 others.
func TestAProbeOfAPodThatNoRulesLeadToWaitsForWhatIsThere(t *testing.T) {
	for _, c := range []struct {
		work workload.Work
		want [3]string // at once, after a second and after 3.5 s
	}{
		{workload.Work{Latency: 100 * time.Millisecond, Workers: 10, Queue: 300}, [3]string{"1000 0", "1000 0", "0 0"}},
		{workload.Work{CPU: 30 * time.Millisecond}, [3]string{"721 0", "648 0", "0 0"}},
	} {
		r, pod, other := besideAmple(t, c.work, 150)
		r.after(time.Minute)
		r.endpoints("web", other)
		r.whenLed(pod, false)
		for k, after := range []time.Duration{0, time.Second, 2500 * time.Millisecond} {
			r.after(after)
			if got := r.fails(pod, model.Readiness); got != c.want[k] {
				t.Errorf("%+v: %s, want %s", c, got, c.want[k])
			}
		}
		r.endpoints("web", pod, other)
		r.whenLed(pod, true)
		r.after(time.Minute)
		r.endpoints("web", other)
		r.whenLed(pod, false)
		r.serve(false, pod) // a process that ends takes with it what it had
		r.serve(true, pod)
		r.after(0)
		if got := r.fails(pod, model.Readiness); got != "0 0" {
			t.Errorf("%+v: of a process that has just started %s", c, got)
		}
	}
}
