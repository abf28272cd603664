package workload_test

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
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

// fares is how requests do, and their calls.
type fares struct{ requests, calls, attempts float64 }

// step is something that happens to a request.
type step struct {
	at   float64
	what func(now float64)
}

type steps []step

func (a steps) Len() int           { return len(a) }
func (a steps) Less(i, j int) bool { return a[i].at < a[j].at }
func (a steps) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *steps) Push(x any)        { *a = append(*a, x.(step)) }
func (a *steps) Pop() any {
	x := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return x
}

// gate is a pod's workers and those who wait for one.
type gate struct {
	free, room int64
	waiting    []func(now float64)
}

// enter has something done as soon as a worker is free, and tells whether there is a place.
func (g *gate) enter(now float64, do func(now float64)) bool {
	switch {
	case g.free > 0:
		g.free--
		do(now)
	case int64(len(g.waiting)) < g.room:
		g.waiting = append(g.waiting, do)
	default:
		return false
	}
	return true
}

func (g *gate) leave(now float64) {
	if len(g.waiting) > 0 {
		next := g.waiting[0]
		g.waiting = g.waiting[1:]
		next(now)
		return
	}
	g.free++
}

// byRequest is the slow twin: requests one by one.
func (p party) byRequest(luck *rand.Rand, end float64) fares {
	var agenda steps
	at := func(at float64, what func(now float64)) { heap.Push(&agenda, step{at, what}) }
	gates := func(n, workers, queue int64) []gate {
		all := make([]gate, n)
		for i := range all {
			all[i] = gate{free: workers, room: queue}
		}
		return all
	}
	front, back := gates(p.front, p.workers, p.queue), gates(p.back, p.hands, p.places)
	var requests, served, calls, good, attempts float64
	var call func(now float64, left int, done func(now float64, ok bool))
	call = func(now float64, left int, done func(now float64, ok bool)) {
		attempts++
		over := false
		again := func(now float64) {
			over = true
			if left == 0 {
				done(now, false)
				return
			}
			call(now, left-1, done)
		}
		g := &back[luck.IntN(len(back))]
		if !g.enter(now, func(now float64) {
			at(now+luck.ExpFloat64()*p.hold.Seconds(), func(now float64) {
				g.leave(now)
				if !over {
					over = true
					good++
					done(now, true)
				}
			})
		}) {
			again(now)
			return
		}
		at(now+p.timeout.Seconds(), func(now float64) {
			if !over {
				again(now)
			}
		})
	}
	var arrive func(now float64)
	arrive = func(now float64) {
		requests++
		g := &front[luck.IntN(len(front))]
		g.enter(now, func(now float64) {
			at(now+p.own.Seconds(), func(now float64) {
				calls++
				call(now, p.retries, func(now float64, ok bool) {
					if ok {
						served++
					}
					g.leave(now)
				})
			})
		})
		at(now+luck.ExpFloat64()/p.rps(), arrive)
	}
	at(0, arrive)
	for len(agenda) > 0 && agenda[0].at < end {
		x := heap.Pop(&agenda).(step)
		x.what(x.at)
	}
	return fares{served / requests, good / attempts, attempts / calls}
}

// byRate is the same of the model.
func (p party) byRate(t *testing.T) fares {
	r := newRig(t, 1, 1)
	call := calling("front", "back", 1000, p.retries)
	call.Timeout = p.timeout
	r.calls = []workload.Call{call}
	r.works = map[model.Ref]workload.Work{}
	var front, back []model.Ref
	for i := range p.front {
		pod := r.pod("front", fmt.Sprint("front-", i), "n-0")
		front, r.works[pod] = append(front, pod), workload.Work{Latency: p.own, Workers: p.workers, Queue: p.queue}
	}
	for i := range p.back {
		pod := r.pod("back", fmt.Sprint("back-", i), "n-0")
		back, r.works[pod] = append(back, pod), workload.Work{CPU: p.hold, Workers: p.hands, Queue: p.places}
	}
	r.endpoints("front", front...)
	r.endpoints("back", back...)
	r.traffic(workload.Traffic{Service: "front", Rate: workload.Constant(int64(p.rps() * 1000))})
	r.serve(true, append(front, back...)...)
	r.after(10 * time.Minute)
	share := func(x model.Traffic) float64 { return float64(x.ServedMilliRPS) / float64(x.OfferedMilliRPS) }
	in, out := r.rates("front", "ingress"), r.rates("back", "calls of app=front")
	return fares{share(in), share(out), float64(out.OfferedMilliRPS) / float64(out.FirstMilliRPS)}
}

// Source: W. Gordon and G. Newell, "Closed queuing systems with exponential servers" (1967).
// Who calls has so many workers and no more, of which each makes one call at a time. Requests
// one by one fare the same within a fiftieth, but where what a call takes depends on how many
// of very few workers call, or where callers give up and leave what they called for behind.
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
		{party{4, 10, 10, 5 * ms, 2, 10, 10, 20 * ms, 0.6, 1, 10 * time.Second}, 0.02},
		{party{4, 10, 10, 5 * ms, 4, 10, 3, 20 * ms, 1.3, 1, 10 * time.Second}, 0.02},
		{party{10, 10, 10, 5 * ms, 10, 10, 5, 20 * ms, 0.9, 1, 10 * time.Second}, 0.02},
		{party{1, 50, 0, 5 * ms, 2, 10, 0, 5 * ms, 1.5, 3, 10 * time.Second}, 0.02},
		{party{4, 10, 50, 20 * ms, 4, 5, 0, 40 * ms, 0.9, 1, 10 * time.Second}, 0.02},
		{party{1, 50, 50, 10 * ms, 1, 5, 40, 20 * ms, 0.9, 0, 10 * time.Second}, 0.02},
		{party{1, 100, 5, ms, 1, 5, 400, 20 * ms, 0.2, 1, time.Second}, 0.02},
		{party{1, 3, 5, 10 * ms, 1, 1, 1, 20 * ms, 0.6, 2, 10 * time.Second}, 0.02},
		{party{1, 3, 5, 10 * ms, 1, 1, 100, 20 * ms, 0.4, 0, 10 * time.Second}, 0.04},
		{party{4, 3, 5, ms, 2, 2, 5, 5 * ms, 0.5, 3, 10 * time.Second}, 0.06},
		{party{2, 50, 5, ms, 4, 1, 100, 40 * ms, 0.3, 1, time.Second}, 0.1},
	} {
		want, got := x.byRequest(rand.New(rand.NewPCG(1, 2)), 150), x.byRate(t)
		off := max(math.Abs(want.requests-got.requests), math.Abs(want.calls-got.calls), math.Abs(want.attempts-got.attempts)/want.attempts)
		if off > x.most {
			t.Errorf("%+v: %.4f; one by one %.4f", x.party, got, want)
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
		want, got := p.byRequest(rand.New(rand.NewPCG(1, 2)), 120), p.byRate(t)
		by := max(math.Abs(want.requests-got.requests), math.Abs(want.calls-got.calls), math.Abs(want.attempts-got.attempts)/want.attempts)
		if by > 0.02 {
			off++
		}
		if by > 0.06 || off > 2 {
			t.Errorf("%+v: %.4f; one by one %.4f", p, got, want)
		}
	}
}
