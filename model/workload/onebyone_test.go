package workload_test

import (
	"cmp"
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
)

// service is pods with workers, each of which calls other services for a request, one after
// the other.
type service struct {
	pods, workers, queue int64         // pods, and workers and places of each
	latency, cpu         time.Duration // that a request holds a worker besides calls: always the same, and spread like an exponential distribution
	calls                []link
	rps                  float64 // requests from outside
	begins               float64 // as many in the first minute, if not as many as later; only by rate
	burst                float64 // the same, one by one as well
	users                link    // if not for ever, so long they wait, and try again
	blind                int64   // of pods, the calls of so many get nowhere
}

// link is a call to another service.
type link struct {
	to, retries int
	timeout     time.Duration
}

// nowhere is what calls go to that nothing arrives of.
const nowhere = -1

// edge is a flow: from a service, or -1 for outside, to another one.
type edge struct{ from, to int }

// flowed is what becomes of an edge's requests, a second, and within how many seconds half and 99 %
// of those are over that are served.
type flowed struct{ first, attempts, served, half, nearly float64 }

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
	blind      bool
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

// graph is services and what goes to and fro between them, one request at a time: the slow twin.
type graph struct {
	services []service
	luck     *rand.Rand
	warm     float64 // what begins before that is not counted
	agenda   steps
	gates    [][]gate
	flows    map[edge]*flowed
	took     map[edge][]float64
}

// onebyone has so many seconds of requests go their ways, of which the first are not counted.
func onebyone(services []service, warm, end float64) map[edge]*flowed {
	g := graph{services: services, luck: rand.New(rand.NewPCG(1, 2)), warm: warm, flows: map[edge]*flowed{}, took: map[edge][]float64{}}
	for i, s := range services {
		g.gates = append(g.gates, make([]gate, s.pods))
		for j := range g.gates[i] {
			g.gates[i][j] = gate{free: s.workers, room: s.queue, blind: int64(j) < s.blind}
		}
		for _, l := range s.calls {
			g.flows[edge{i, l.to}] = &flowed{}
		}
		if s.rps > 0 {
			g.flows[edge{-1, i}] = &flowed{}
			g.arrive(i, 0)
		}
	}
	for len(g.agenda) > 0 && g.agenda[0].at < end {
		x := heap.Pop(&g.agenda).(step)
		x.what(x.at)
	}
	for e, f := range g.flows {
		*f = flowed{first: f.first / (end - warm), attempts: f.attempts / (end - warm), served: f.served / (end - warm)}
		if took := g.took[e]; len(took) > 0 {
			slices.Sort(took)
			f.half, f.nearly = took[len(took)/2], took[len(took)*99/100]
		}
	}
	return g.flows
}

func (g *graph) at(at float64, what func(now float64)) { heap.Push(&g.agenda, step{at, what}) }

// arrive has requests from outside come by chance.
func (g *graph) arrive(to int, now float64) {
	l := g.services[to].users
	l.to, l.timeout = to, cmp.Or(l.timeout, time.Hour)
	g.try(edge{-1, to}, l, now, 0, func(float64, bool) {})
	rps := g.services[to].rps
	if burst := g.services[to].burst; burst > 0 && now < 60 {
		rps = burst
	}
	g.at(now+g.luck.ExpFloat64()/rps, func(now float64) { g.arrive(to, now) })
}

// try makes an attempt, and others if it fails. Who gave up leaves behind what was called.
func (g *graph) try(e edge, l link, now float64, nth int, done func(now float64, ok bool)) {
	count := func(which *float64) {
		if now > g.warm {
			*which++
		}
	}
	f, over, began := g.flows[e], false, now
	if count(&f.attempts); nth == 0 {
		count(&f.first)
	}
	end := func(now float64, ok bool) {
		switch {
		case over:
		case ok:
			if count(&f.served); now > g.warm {
				g.took[e] = append(g.took[e], now-began)
			}
			over = true
			done(now, true)
		case nth < l.retries:
			over = true
			g.try(e, l, now, nth+1, done)
		default:
			over = true
			done(now, false)
		}
	}
	if l.to != nowhere && !g.handle(l.to, now, end) {
		end(now, false)
	} else if l.timeout < time.Hour {
		g.at(now+l.timeout.Seconds(), func(now float64) { end(now, false) })
	}
}

// handle has any of a service's pods do a request, if it has a place.
func (g *graph) handle(i int, now float64, done func(now float64, ok bool)) bool {
	s, p := &g.services[i], &g.gates[i][g.luck.IntN(len(g.gates[i]))]
	return p.enter(now, func(now float64) {
		g.at(now+s.latency.Seconds()+g.luck.ExpFloat64()*s.cpu.Seconds(), func(now float64) {
			g.call(i, p, 0, now, true, func(now float64, ok bool) {
				p.leave(now)
				done(now, ok)
			})
		})
	})
}

// call makes the calls of a service's pod from the nth on.
func (g *graph) call(i int, p *gate, nth int, now float64, good bool, done func(now float64, ok bool)) {
	if nth == len(g.services[i].calls) {
		done(now, good)
		return
	}
	l := g.services[i].calls[nth]
	e := edge{i, l.to}
	if p.blind {
		l.to = nowhere
	}
	g.try(e, l, now, 0, func(now float64, ok bool) { g.call(i, p, nth+1, now, good && ok, done) })
}

// byRate is the same of the model, after so long.
func byRate(t *testing.T, services []service, after time.Duration) map[edge]*flowed {
	r := newRig(t, 1, 2)
	r.works = map[model.Ref]workload.Work{}
	name := func(i int) string { return fmt.Sprint("s", i) }
	var all []model.Ref
	var sources []workload.Traffic
	for i, s := range services {
		var pods []model.Ref
		for j := range s.pods {
			node := "n-0"
			if j < s.blind {
				node = "n-1"
			}
			pod := r.pod(name(i), fmt.Sprint(name(i), "-", j), node)
			pods, r.works[pod] = append(pods, pod), workload.Work{Latency: s.latency, CPU: s.cpu, Workers: s.workers, Queue: s.queue}
		}
		r.endpoints(name(i), pods...)
		all = append(all, pods...)
		for j, l := range s.calls {
			if slices.Contains(s.calls[:j], l) {
				r.calls[len(r.calls)-1].PerRequestMilli += 1000
				continue
			}
			call := calling(name(i), name(l.to), 1000, l.retries)
			call.Timeout = l.timeout
			r.calls = append(r.calls, call)
		}
		if s.rps > 0 {
			rate := workload.Constant(int64(s.rps * 1000))
			if begins := max(s.begins, s.burst); begins > 0 {
				rate = workload.Rate{Steps: []workload.Step{{At: 0, MilliRPS: int64(begins * 1000)}, {At: time.Minute, MilliRPS: int64(s.rps * 1000)}}}
			}
			sources = append(sources, workload.Traffic{Service: name(i), Timeout: s.users.timeout, Retries: s.users.retries, Rate: rate})
		}
	}
	r.traffic(sources...)
	r.serve(true, all...)
	if slices.ContainsFunc(services, func(s service) bool { return s.blind > 0 }) {
		r.parts("n-0", "n-1")
	}
	r.after(after)
	flows := map[edge]*flowed{}
	of := func(to int, from string) *flowed {
		x := r.rates(name(to), from)
		return &flowed{float64(x.FirstMilliRPS) / 1000, float64(x.OfferedMilliRPS) / 1000, float64(x.ServedMilliRPS) / 1000, x.P50.Seconds(), x.P99.Seconds()}
	}
	for i, s := range services {
		if s.rps > 0 {
			flows[edge{-1, i}] = of(i, "ingress")
		}
		for _, l := range s.calls {
			flows[edge{i, l.to}] = of(l.to, "calls of app="+name(i))
		}
	}
	return flows
}

// draw is services drawn at random, each of which calls the next one, or any that come later;
// but no request comes to one of them on two ways, as what full pods do to it there is no chance.
// What comes is by how much more than the busiest of them can do.
func draw(luck *rand.Rand, n int, chain bool) []service {
	pick := func(x ...int64) int64 { return x[luck.IntN(len(x))] }
	const ms = time.Millisecond
	services := make([]service, n)
	for i := range services {
		s := &services[i]
		*s = service{pods: pick(1, 1, 2, 4), workers: pick(3, 5, 10, 20, 50), queue: pick(0, 0, 5, 20, 50), latency: time.Duration(pick(1, 5, 20)) * ms}
		if i > 0 && luck.IntN(2) == 0 {
			s.cpu, s.latency = s.latency, 0
		}
		for j := i + 1; j < n && (!chain || j == i+1); j++ {
			if chain || luck.IntN(3) > 0 {
				s.calls = append(s.calls, link{j, int(pick(0, 0, 1, 3)), 10 * time.Second})
			}
		}
	}
	sources := 1
	if !chain {
		sources += luck.IntN(2)
	}
	hold, visits, most := make([]float64, n), make([]float64, n), math.MaxFloat64
	for i := range sources {
		from := make([]float64, n)
		from[i] = 1
		for j := range services {
			visits[j] += from[j]
			for _, l := range services[j].calls {
				if from[l.to] += from[j]; from[l.to] > 1 {
					return draw(luck, n, chain)
				}
			}
		}
	}
	for i := n - 1; i >= 0; i-- {
		s := &services[i]
		hold[i] = (s.latency + s.cpu).Seconds()
		for _, l := range s.calls {
			hold[i] += hold[l.to]
		}
		if visits[i] > 0 {
			most = min(most, float64(s.pods*s.workers)/hold[i]/visits[i])
		}
	}
	for i := range sources {
		services[i].rps = most * float64(pick(5, 7, 9, 11, 13, 15, 20)) / 10
	}
	return services
}

// Services drawn at random, half of them overloaded, that call one another: of each call nearly
// as many are served as one by one, and nobody gets more done than there are workers for.
func TestServicesThatCallOneAnotherFareAsOneByOne(t *testing.T) {
	off := 0
	for seed := range uint64(26) {
		services := draw(rand.New(rand.NewPCG(seed, 99)), 3+int(seed%2), seed%3 > 0)
		want, got := onebyone(services, 20, 80), byRate(t, services, 10*time.Minute)
		worst := 0.0
		busy := make([]float64, len(services))
		for e, w := range want {
			worst = max(worst, math.Abs(w.served-got[e].served)/max(w.served, 1))
			busy[e.to] += got[e].served * (services[e.to].latency + services[e.to].cpu).Seconds()
		}
		for i, s := range services {
			if most := float64(s.pods * s.workers); busy[i] > 1.01*most {
				t.Errorf("seed %d: service %d keeps %.1f workers busy of %.0f: %+v", seed, i, busy[i], most, services)
			}
		}
		if worst > 0.03 {
			off++
		}
		if worst > 0.13 || off > 2 {
			t.Errorf("seed %d: %.1f %% off: %+v", seed, 100*worst, services)
		}
	}
}

// Of several calls that a request makes, one that comes to the pod that the last one has left, or
// was turned away by, fares as that did: so more requests are served than if calls failed
// independently (with one pod and three calls at twice what it can do 72 a second, and not 14).
func TestCallsOfOneRequestFareAsTheLastOneDid(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		pods, queue    int64
		calls, retries int
		load           float64
	}{{1, 0, 2, 0, 0.9}, {1, 20, 3, 0, 2}, {1, 0, 3, 0, 2}, {2, 0, 2, 0, 1.5}, {2, 20, 3, 0, 1.5}, {4, 0, 3, 0, 1.2}, {4, 20, 2, 0, 2}, {1, 0, 2, 1, 1.5}, {2, 0, 3, 1, 1.2}, {4, 20, 2, 2, 1.5}} {
		services := []service{{pods: 2, workers: 400, queue: 100, latency: ms, rps: c.load * float64(c.pods*250) / float64(c.calls)}, {pods: c.pods, workers: 5, queue: c.queue, cpu: 20 * ms}}
		for range c.calls {
			services[0].calls = append(services[0].calls, link{1, c.retries, 10 * time.Second})
		}
		want, got := onebyone(services, 20, 100), byRate(t, services, 10*time.Minute)
		for e, w := range want {
			if off := got[e].served/w.served - 1; math.Abs(off) > 0.04 {
				t.Errorf("%+v, %+v: %.1f; one by one %.1f", c, e, got[e].served, w.served)
			}
		}
	}
}

// A pod whose workers become busy, as what it calls is slower the more it calls, comes to rest in
// the instant in which they begin to.
func TestCallsThatSlowDownWhoMakesThemComeToRest(t *testing.T) {
	const ms = time.Millisecond
	services := []service{
		{pods: 4, workers: 5, queue: 20, latency: 5 * ms, calls: []link{{1, 0, 10 * time.Second}}, rps: 257},
		{pods: 2, workers: 10, latency: 5 * ms, calls: []link{{2, 3, 10 * time.Second}}},
		{pods: 2, workers: 3, queue: 50, latency: 20 * ms, calls: []link{{3, 1, 10 * time.Second}}},
		{pods: 4, workers: 20, queue: 20, cpu: ms},
	}
	want, got := onebyone(services, 20, 80), byRate(t, services, time.Minute)
	for e, w := range want {
		if math.Abs(got[e].served/w.served-1) > 0.02 {
			t.Errorf("%+v: %.1f; one by one %.1f", e, *got[e], *w)
		}
	}
}
