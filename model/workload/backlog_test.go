package workload_test

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
	"orrery/sim"
)

// ask is one attempt of one request in the slow twin.
type ask struct {
	at     float64
	number int     // attempts before it
	server int     // where it gives up then
	end    float64 // if it is not done, 0 if it only comes then
}

type asks []ask

func (a asks) Len() int           { return len(a) }
func (a asks) Less(i, j int) bool { return a[i].at < a[j].at }
func (a asks) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *asks) Push(x any)        { *a = append(*a, x.(ask)) }
func (a *asks) Pop() any {
	old := *a
	x := old[len(old)-1]
	*a = old[:len(old)-1]
	return x
}

// storm is what one client of the twin does.
type storm struct {
	base, burst float64 // requests a second; those of the burst from 10 s on
	length      time.Duration
	timeout     time.Duration
	retries     int
}

// shared is a server that all requests there share, each of which needs a time of its own and is
// done although nobody waits for it any more.
type shared struct {
	now, ran float64
	ends     []float64 // of ran, when each is done, ascending
	asks     map[float64]ask
}

// until has it go on, and says when requests are done.
func (x *shared) until(at float64, done func(a ask, at float64)) {
	for len(x.ends) > 0 {
		end := x.now + (x.ends[0]-x.ran)*float64(len(x.ends))
		if end > at {
			x.ran += (at - x.now) / float64(len(x.ends))
			break
		}
		x.now, x.ran = end, x.ends[0]
		done(x.asks[x.ran], end)
		delete(x.asks, x.ran)
		x.ends = x.ends[1:]
	}
	x.now = at
}

// byRequest is the slow twin: ten servers, each of 50 requests a second and with places
// for 100, whose work takes an exponential time and is done although nobody waits any
// more. It tells how many attempts fail within so long after the burst's begin, and which
// part of them in the last ten seconds.
func (s storm) byRequest(luck *rand.Rand, end float64) (failed, lately float64) {
	var now float64
	var agenda asks
	for now < end {
		rate := s.base
		if now >= 10 && now < 10+s.length.Seconds() {
			rate = s.burst
		}
		now += luck.ExpFloat64() / rate
		agenda = append(agenda, ask{at: now})
	}
	heap.Init(&agenda)
	var late, lateGood float64
	var servers [10]shared
	for i := range servers {
		servers[i].asks = map[float64]ask{}
	}
	count := func(x ask, good bool) {
		if good && x.at > end-10 {
			lateGood++
		}
		if good {
			return
		}
		failed++
		if x.at > end-10 {
			late++
		}
	}
	again := func(x ask, at float64) {
		if x.number < s.retries {
			heap.Push(&agenda, ask{at: at, number: x.number + 1})
		}
	}
	limit := s.timeout.Seconds()
	done := func(x ask, at float64) { count(x, at <= x.at+limit) }
	for len(agenda) > 0 {
		x := heap.Pop(&agenda).(ask)
		if x.at >= end {
			break
		}
		if x.end > 0 {
			w := &servers[x.server]
			if w.until(x.at, done); slices.Contains(w.ends, x.end) {
				again(x, x.at)
			}
			continue
		}
		k := luck.IntN(10)
		w := &servers[k]
		if w.until(x.at, done); len(w.ends) >= 100 {
			count(x, false)
			again(x, x.at)
			continue
		}
		end := w.ran + luck.ExpFloat64()/50
		i, _ := slices.BinarySearch(w.ends, end)
		w.ends = slices.Insert(w.ends, i, end)
		w.asks[end] = x
		heap.Push(&agenda, ask{x.at + limit, x.number, k, end})
	}
	return failed, late / (late + lateGood)
}

// byRate is the same of the model.
func (s storm) byRate(t *testing.T, end time.Duration) (failed, lately float64, events uint64) {
	r := newRig(t, 1, 1)
	r.work = workload.Work{CPU: 20 * time.Millisecond}
	var pods []model.Ref
	for i := range 10 {
		pods = append(pods, r.pod("db", fmt.Sprint("db-", i), "n-0"))
		r.capacity[pods[i]] = 50_000
	}
	r.endpoints("db", pods...)
	r.after(10 * time.Second)
	start := r.Now()
	from := start.Add(10 * time.Second)
	burst := workload.Rate{Steps: []workload.Step{{At: 0, MilliRPS: int64(s.base * 1000)}, {At: from.Sub(0), MilliRPS: int64(s.burst * 1000)}, {At: from.Sub(0) + s.length, MilliRPS: int64(s.base * 1000)}}}
	r.traffic(workload.Traffic{Service: "db", Rate: burst, Timeout: s.timeout, Retries: s.retries})
	for _, p := range pods {
		r.flows.ServingChanged(p, true)
	}
	r.after(10*time.Second - 1)
	before := r.Events()
	r.after(end - 10*time.Second + 1)
	checkSums(t, r)
	var last model.Traffic
	at := from
	pass := func(until time.Duration) {
		if now := start.Add(until); now > at {
			failed += float64(last.OfferedMilliRPS-last.ServedMilliRPS) / 1000 * now.Sub(at).Seconds()
			at = now
		}
	}
	for i := range r.store.History().Len() {
		x := r.store.History().At(i)
		if x.Note != nil && x.Note.Traffic != nil {
			pass(x.At.Sub(start))
			last = *x.Note.Traffic
		}
	}
	pass(end)
	return failed, 1 - float64(last.ServedMilliRPS)/float64(last.OfferedMilliRPS), r.Events() - before
}

// A burst fills queues only as long as it lasts, and what it leaves there drains: callers
// give up when they have waited that long, not before, and only then do they try again.
func TestAnOverloadTakesTimeToBeginAndToEnd(t *testing.T) {
	for _, s := range []storm{
		{300, 600, time.Millisecond, time.Second, 3},
		{300, 600, 100 * time.Millisecond, time.Second, 3},
		{300, 600, time.Second, time.Second, 3},
		{300, 600, 2 * time.Second, time.Second, 3},
		{300, 600, 2 * time.Second, time.Second, 0},
		{300, 600, 8 * time.Second, time.Second, 3}, // long enough to go on by itself
		{300, 600, 20 * time.Second, time.Second, 3},
		{300, 600, 8 * time.Second, time.Second, 0},
		{300, 600, 20 * time.Second, time.Second, 0},
		{300, 2000, 300 * time.Millisecond, time.Second, 0},
		{300, 2000, time.Second, time.Second, 0},
		{100, 2000, time.Second, time.Second, 1},
	} {
		var want, wantLately float64
		const runs = 5
		for k := range uint64(runs) {
			f, l := s.byRequest(rand.New(rand.NewPCG(k, 3)), 60)
			want, wantLately = want+f/runs, wantLately+l/runs
		}
		got, lately, events := s.byRate(t, time.Minute)
		if math.Abs(got-want) > 0.12*want+20 || math.Abs(lately-wantLately) > 0.035 {
			t.Errorf("%+v: %.0f fail, %.3f of the last; request by request %.0f, %.3f", s, got, lately, want, wantLately)
		}
		if events > 64 {
			t.Errorf("%+v: %d events", s, events)
		}
	}
}

// A caller that has all its workers wait sends no more than is answered: a queue that
// fills because it drains, and drains because it fills, comes to rest.
func TestAQueueWhoseCallersWaitComesToRest(t *testing.T) {
	for _, workers := range []int64{30, 100, 150, 190} {
		r, pods := shop(t, 1, calling("front", "back", 1000, 0))
		r.work = workload.Work{CPU: 10 * time.Millisecond, Workers: workers, Queue: workers}
		r.capacity[pods[1]] = 90_000
		delete(r.capacity, pods[0])
		r.sends(t, pods, workload.Traffic{Service: "front", Rate: workload.Constant(200_000)})
		r.after(10 * time.Minute)
		events, notes := r.Events(), len(r.notes(0))
		r.after(10 * time.Minute)
		if e, n := r.Events()-events, len(r.notes(0))-notes; e > 200 || n > 100 {
			t.Errorf("%d workers: %d events and %d notes in ten minutes in which nothing changes", workers, e, n)
		}
		if x := r.rates("front", "ingress"); x.ServedMilliRPS < 87_000 || x.ServedMilliRPS > 92_000 { // it rests where about as many come
			t.Errorf("%d workers: %+v of 90 for which the back has CPU", workers, x)
		}
	}
}

// pond is pods of some workers and places, and what arrives there at last.
type pond struct {
	workers, queue int64
	hold           time.Duration // on the average, spread like an exponential distribution
	load           float64       // of what the workers get done
	timeout        time.Duration
	retries        int
	pods           int // 0 is one
}

// rps is what arrives there.
func (p pond) rps() float64 {
	return float64(p.workers) / p.hold.Seconds() * p.load * float64(max(p.pods, 1))
}

// byRequest is the slow twin: requests one by one. It tells which part of attempts is served,
// and how many there are for each request.
func (p pond) byRequest(luck *rand.Rand, requests int) (served, attempts float64) {
	var agenda asks
	type pod struct{ free, begins []float64 }
	pods := make([]pod, max(p.pods, 1))
	for i := range pods {
		pods[i].free = make([]float64, p.workers)
	}
	next, good, all := 0.0, 0, 0
	for made := 0; made < requests; {
		if len(agenda) == 0 || next < agenda[0].at {
			heap.Push(&agenda, ask{at: next})
			next += luck.ExpFloat64() / p.rps()
			made++
			continue
		}
		x := heap.Pop(&agenda).(ask)
		w := &pods[luck.IntN(len(pods))]
		for len(w.begins) > 0 && w.begins[0] <= x.at {
			w.begins = w.begins[1:]
		}
		all++
		i := 0
		for j := range w.free {
			if w.free[j] < w.free[i] {
				i = j
			}
		}
		back := x.at
		if at := max(x.at, w.free[i]); at == x.at || len(w.begins) < int(p.queue) {
			if at > x.at {
				w.begins = append(w.begins, at)
			}
			w.free[i] = at + luck.ExpFloat64()*p.hold.Seconds()
			back = min(w.free[i], x.at+p.timeout.Seconds())
			if w.free[i] == back {
				good++
				continue
			}
		}
		if x.number < p.retries {
			heap.Push(&agenda, ask{at: back, number: x.number + 1})
		}
	}
	return float64(good) / float64(all), float64(all) / float64(requests)
}

// byRate is the same of the model, after the pod got some parts of that load, each for two
// minutes.
func (p pond) byRate(t *testing.T, history []float64) (served, attempts float64) {
	r := newRig(t, 1, 1)
	r.work = workload.Work{CPU: p.hold, Workers: p.workers, Queue: p.queue}
	var pods []model.Ref
	for i := range max(p.pods, 1) {
		pods = append(pods, r.pod("web", fmt.Sprint("web-", i), "n-0"))
	}
	r.endpoints("web", pods...)
	var rate workload.Rate
	for i, part := range append(history, 1) {
		rate.Steps = append(rate.Steps, workload.Step{At: time.Duration(i) * 2 * time.Minute, MilliRPS: int64(p.rps() * part * 1000)})
	}
	r.traffic(workload.Traffic{Service: "web", Rate: rate, Timeout: p.timeout, Retries: p.retries})
	r.serve(true, pods...)
	r.after(time.Duration(len(rate.Steps)) * 2 * time.Minute)
	before := r.Events()
	r.after(10 * time.Minute)
	if n := r.Events() - before; n > 21 { // at a full minute, and a second later
		t.Errorf("%+v after %v: %d events in ten minutes in which nothing changes", p, history, n)
	}
	x := r.rates("web", "ingress")
	return float64(x.ServedMilliRPS) / float64(x.OfferedMilliRPS), float64(x.OfferedMilliRPS) / float64(x.FirstMilliRPS)
}

// How many a pod turns away depends on what arrives there, and not on what arrived before:
// at once, in small steps up or down, or after a burst.
func TestAPodThatIsNotOverloadedForgetsThatItWas(t *testing.T) {
	const ms = time.Millisecond
	for _, p := range []pond{
		{2, 3, 20 * ms, 0.85, time.Minute, 0, 1},
		{2, 3, 20 * ms, 0.9, time.Minute, 0, 1},
		{2, 3, 20 * ms, 1.1, time.Minute, 0, 1},
		{2, 1, 20 * ms, 0.995, time.Minute, 0, 1},
		{2, 1, 100 * ms, 0.7, time.Minute, 0, 1},
		{2, 0, 100 * ms, 0.7, time.Minute, 0, 1},
		{1, 0, 10 * ms, 1, time.Minute, 0, 1},
		{4, 4, 40 * ms, 0.88, time.Minute, 0, 1},
		{10, 5, 100 * ms, 0.95, time.Minute, 0, 1},
		{4, 20, 40 * ms, 0.95, time.Minute, 0, 1},
		{4, 100, 40 * ms, 0.97, time.Minute, 0, 1},
		{2, 3, 20 * ms, 0.9, 100 * ms, 3, 1},
	} {
		want, wantAttempts := p.byRequest(rand.New(rand.NewPCG(1, 2)), 400_000)
		first := -1.0
		for _, history := range [][]float64{nil, {0.8, 0.85, 0.9, 0.93, 0.96, 0.98, 0.99}, {2, 1.3, 1.2, 1.1, 1.05, 1.02, 1.01}, {1, 4}, {0.1, 10, 0}} {
			got, attempts := p.byRate(t, history)
			if math.Abs(got-want) > 0.02 || math.Abs(attempts-wantAttempts) > 0.05*wantAttempts {
				t.Errorf("%+v after %v: %.4f are served, %.3f attempts; request by request %.4f, %.3f", p, history, got, attempts, want, wantAttempts)
			}
			if first < 0 {
				first = got
			}
			if math.Abs(got-first) > 0.001 {
				t.Errorf("%+v after %v: %.4f are served, %.4f if that comes at once", p, history, got, first)
			}
		}
	}
}

// Who is turned away tries again at once, and is turned away again by a pod that is as full as
// before. So that costs attempts and nothing else where there is one pod; of several one that
// has a place may be chosen next.
func TestWhoIsTurnedAwayFindsTheSamePodFullAgain(t *testing.T) {
	const ms = time.Millisecond
	for _, workers := range []int64{1, 10} {
		for _, queue := range []int64{0, 3, 20} {
			for _, load := range []float64{0.7, 0.9, 1, 2} {
				for _, retries := range []int{1, 3, 9} {
					for _, pods := range []int{1, 3, 10} {
						p := pond{workers, queue, 20 * time.Duration(workers) * ms, load, time.Minute, retries, pods}
						want, wantAttempts := p.byRequest(rand.New(rand.NewPCG(1, 2)), 50_000)
						got, attempts := p.byRate(t, nil)
						most := 0.02
						switch { // pods are full together, as who finds one full fills another
						case retries > 3:
							most = 0.1
						case pods > 1:
							most = 0.05
						}
						if math.Abs(got-want) > most || math.Abs(attempts-wantAttempts) > (most+0.04)*wantAttempts {
							t.Errorf("%+v: %.4f are served, %.3f attempts; request by request %.4f, %.3f", p, got, attempts, want, wantAttempts)
						}
					}
				}
			}
		}
	}
}

// drained is the slow twin: to each of so many pods of 20 workers more came than they get done,
// until it was 0 s. It tells at which seconds after that somebody is turned away.
func drained(luck *rand.Rand, hold func() float64, pods int) (away []float64) {
	for range pods {
		var free [20]float64
		for i := range free {
			free[i] = -30
		}
		var begins []float64
		for now := -30.0; now < 30; {
			rate := 85.0
			if now < 0 {
				rate = 130
			}
			now += luck.ExpFloat64() / rate
			for len(begins) > 0 && begins[0] <= now {
				begins = begins[1:]
			}
			i := 0
			for j := range free {
				if free[j] < free[i] {
					i = j
				}
			}
			at := max(now, free[i])
			switch {
			case at == now:
			case len(begins) < 100:
				begins = append(begins, at)
			default:
				if now >= 0 {
					away = append(away, now)
				}
				continue
			}
			free[i] = at + hold()
		}
	}
	return away
}

// A queue that drains is full again only by chance: for some seconds if requests take a time
// by chance, and hardly at all if they take the same every time.
func TestAQueueThatDrainsIsFullAgainOnlyByChance(t *testing.T) {
	const pods = 4000
	for _, x := range []struct {
		what string
		work workload.Work
		hold func(luck *rand.Rand) float64
		most float64 // requests of each pod that are wrong from a second on
	}{
		{"by chance", workload.Work{CPU: 200 * time.Millisecond, Workers: 20, Queue: 100}, func(luck *rand.Rand) float64 { return luck.ExpFloat64() / 5 }, 0.2},
		{"the same", workload.Work{Latency: 200 * time.Millisecond, Workers: 20, Queue: 100}, func(*rand.Rand) float64 { return 0.2 }, 0.05},
	} {
		luck := rand.New(rand.NewPCG(4, 5))
		r := newRig(t, 1, 1)
		r.work = x.work
		pod := r.pod("web", "web-0", "n-0")
		r.endpoints("web", pod)
		end := r.Now().Add(time.Minute)
		r.traffic(workload.Traffic{Service: "web", Rate: workload.Rate{Steps: []workload.Step{{MilliRPS: 130_000}, {At: end.Sub(0), MilliRPS: 85_000}}}})
		r.flows.ServingChanged(pod, true)
		r.after(2 * time.Minute)
		away := drained(luck, func() float64 { return x.hold(luck) }, pods)
		for _, from := range []float64{0, 1, 2, 3, 5} {
			want, got := 0.0, 0.0
			for _, at := range away {
				if at >= from {
					want += 1.0 / pods
				}
			}
			last, since := int64(0), 0.0
			for i := range r.store.History().Len() {
				if e := r.store.History().At(i); e.Note != nil && e.Note.Traffic != nil && e.At >= end {
					at := e.At.Sub(end).Seconds()
					got += float64(last) / 1000 * max(at-max(since, from), 0)
					last, since = e.Note.Traffic.OverloadMilliRPS, at
				}
			}
			most := x.most
			if from == 0 { // it is looked at by steps
				most = 1
			}
			if math.Abs(got-want) > most || last > 0 {
				t.Errorf("%s, from %g s on: %.3f of 85 a second are turned away, at last %d; request by request %.3f", x.what, from, got, last, want)
			}
		}
	}
}

// instants is a heap of them, in seconds.
type instants []float64

func (h instants) Len() int           { return len(h) }
func (h instants) Less(i, j int) bool { return h[i] < h[j] }
func (h instants) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *instants) Push(x any)        { *h = append(*h, x.(float64)) }
func (h *instants) Pop() any          { panic("instants: nothing is taken") }

// burst is a load that comes to a pod for a while, of what its workers get done.
type burst struct {
	workers, queue int64
	hold           time.Duration
	fixed          bool // it is always the same, else spread like an exponential distribution
	base, load     float64
	length         time.Duration
}

func (b burst) rps(load float64) float64 { return load * float64(b.workers) / b.hold.Seconds() }

// byRequest is the slow twin: how many are turned away of a burst and after it, on the average.
func (b burst) byRequest(luck *rand.Rand, runs int) (away float64) {
	hold := b.hold.Seconds()
	for range runs {
		free, begins := make(instants, b.workers), []float64(nil)
		for i := range free {
			free[i] = -20 * hold
		}
		for now := -20 * hold; now < b.length.Seconds()+20*hold; {
			rate, next := b.rps(b.base), b.length.Seconds()+20*hold
			switch {
			case now < 0:
				next = 0
			case now < b.length.Seconds():
				rate, next = b.rps(b.load), b.length.Seconds()
			}
			at := now + luck.ExpFloat64()/rate
			if at >= next {
				now = next
				continue
			}
			now = at
			for len(begins) > 0 && begins[0] <= now {
				begins = begins[1:]
			}
			if free[0] > now && len(begins) == int(b.queue) {
				if now > 0 {
					away++
				}
				continue
			}
			start := max(now, free[0])
			if start > now {
				begins = append(begins, start)
			}
			free[0] = start + hold
			if !b.fixed {
				free[0] = start + luck.ExpFloat64()*hold
			}
			heap.Fix(&free, 0)
		}
	}
	return away / float64(runs)
}

// byRate is the same of the model.
func (b burst) byRate(t *testing.T) (away float64, events uint64) {
	r := newRig(t, 1, 1)
	r.work = workload.Work{CPU: b.hold, Workers: b.workers, Queue: b.queue}
	if b.fixed {
		r.work = workload.Work{Latency: b.hold, Workers: b.workers, Queue: b.queue}
	}
	pod := r.pod("web", "web-0", "n-0")
	r.endpoints("web", pod)
	start := r.Now().Add(time.Minute + 20*b.hold)
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Rate{Steps: []workload.Step{
		{MilliRPS: int64(b.rps(b.base) * 1000)}, {At: start.Sub(0), MilliRPS: int64(b.rps(b.load) * 1000)}, {At: start.Sub(0) + b.length, MilliRPS: int64(b.rps(b.base) * 1000)},
	}}})
	r.serve(true, pod)
	r.after(start.Sub(r.Now()) - 1)
	before := r.Events()
	r.after(b.length + 20*b.hold)
	last, since := int64(0), start
	pass := func(now sim.Time) {
		if now > since {
			away += float64(last) / 1000 * now.Sub(since).Seconds()
			since = now
		}
	}
	for i := range r.store.History().Len() {
		if e := r.store.History().At(i); e.Note != nil && e.Note.Traffic != nil {
			pass(e.At)
			last = e.Note.Traffic.OverloadMilliRPS
		}
	}
	pass(r.Now())
	return away, r.Events() - before
}

// A burst makes workers busy first, then it fills the queue, and only then somebody is turned
// away: one that ends before loses nobody.
func TestABurstThatEndsBeforeAQueueIsFullLosesNobody(t *testing.T) {
	for _, p := range []burst{{workers: 1, queue: 3}, {workers: 1, queue: 20}, {workers: 10}, {workers: 10, queue: 5}, {workers: 20, queue: 20}, {workers: 100}, {workers: 100, queue: 100}} {
		for _, load := range []float64{1.5, 3, 10} {
			for _, part := range []float64{0.3, 1, 2} {
				for _, base := range []float64{0.1, 0.5} {
					for _, fixedly := range []bool{false, true} {
						b := p
						b.hold, b.base, b.load, b.fixed = 200*time.Millisecond*time.Duration(1+p.workers/10), base, load, fixedly
						b.length = time.Duration(part * float64(p.workers+p.queue) / b.rps(load) * 1e9)
						want := b.byRequest(rand.New(rand.NewPCG(1, 2)), 300)
						got, events := b.byRate(t)
						all := b.rps(load) * b.length.Seconds()
						most := 0.05*all + 1.6
						if fixedly { // we have workers be free again by chance, so some before any is
							most = 0.22*all + 1.6
						}
						if math.Abs(got-want) > most {
							t.Errorf("%+v: %.1f of %.0f are turned away, request by request %.1f", b, got, all, want)
						}
						if events > 64 {
							t.Errorf("%+v: %d events", b, events)
						}
					}
				}
			}
		}
	}
}

// spell is some seconds in which a pod has CPU for so many requests a second, each of which takes
// so long besides.
type spell struct {
	seconds, room float64
	besides       time.Duration
}

// changing is a pod of workers whose requests each need 20 ms of a core.
type changing struct {
	workers, queue int
	rps            float64
	spells         [3]spell
}

// byRequest is the slow twin. It tells how long those take who come in each second.
func (c changing) byRequest(luck *rand.Rand, runs int) (takes []float64) {
	var all, came [60]float64
	for range runs {
		pod := workload.Sharing{CPU: 0.02, Workers: c.workers, Places: c.queue, Arriving: c.rps, Away: func(float64) {}}
		pod.Done = func(at, by float64) {
			all[int(at)] += by - at
			came[int(at)]++
		}
		until := 0.0
		for _, s := range c.spells {
			pod.Cores, pod.Besides = s.room*pod.CPU, s.besides.Seconds()
			until += s.seconds
			pod.Until(luck, until)
		}
	}
	for i := 0; came[i] > 0; i++ {
		takes = append(takes, all[i]/came[i])
	}
	return takes
}

// byRate is the same of the model.
func (c changing) byRate(t *testing.T) (takes []float64) {
	r := newRig(t, 1, 1)
	r.work = workload.Work{CPU: 20 * time.Millisecond, Latency: c.spells[0].besides, Workers: int64(c.workers), Queue: int64(c.queue)}
	pod := r.pod("web", "web-0", "n-0")
	r.endpoints("web", pod)
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Constant(int64(c.rps * 1000)), Timeout: time.Hour})
	r.serve(true, pod)
	was := c.spells[0].besides
	for _, s := range c.spells {
		r.capacity[pod] = int64(s.room * 1000)
		r.flows.CapacityChanged(pod)
		r.flows.Slow(pod.ID, s.besides-was)
		was = s.besides
		for range int(s.seconds) {
			sum := 0.0
			for range 50 {
				r.after(20 * time.Millisecond)
				sum += r.rates("web", "ingress").P50.Seconds()
			}
			takes = append(takes, sum/50)
		}
	}
	return takes
}

// A pod's queue goes on from where it is when it is CPU that is not enough any more, and not
// workers, or the other way round: how many requests are there is nothing that jumps.
func TestAQueueDoesNotJumpWhenSomethingElseIsScarce(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []changing{
		{20, 100, 80, [3]spell{{10, 150, 180 * ms}, {10, 50, 180 * ms}, {8, 150, 180 * ms}}},
		{20, 100, 95, [3]spell{{20, 150, 180 * ms}, {15, 90, 180 * ms}, {8, 150, 180 * ms}}},
		{90, 50, 80, [3]spell{{10, 100, 980 * ms}, {15, 60, 980 * ms}, {8, 100, 980 * ms}}},
	} {
		want, got := c.byRequest(rand.New(rand.NewPCG(1, 2)), 100), c.byRate(t)
		at := c.spells[0].seconds
		for _, s := range c.spells[1:] {
			for i := int(at); i < int(at)+6; i++ {
				if math.Abs(got[i]-want[i]) > 0.25 {
					t.Errorf("%+v: who comes in second %d takes %.2f s, request by request %.2f s", c, i, got[i], want[i])
				}
			}
			at += s.seconds
		}
	}
}

// What waits at a pod does so whatever Services it is behind.
func TestAPodThatComesBehindAnotherServiceKeepsItsQueue(t *testing.T) {
	r := newRig(t, 1, 2)
	r.work = workload.Work{Latency: 100 * time.Millisecond, Workers: 10, Queue: 1000} // 100 a second
	pod := r.pod("web", "web", "n-0")
	r.endpoints("web", pod)
	r.endpoints("also")
	r.sends(t, []model.Ref{pod}, workload.Traffic{Service: "web", Rate: workload.Constant(200_000)}, workload.Traffic{Service: "also", Rate: workload.Constant(0)})
	r.after(10 * time.Second)
	before := r.rates("web", "ingress")
	r.endpoints("also", pod)
	r.after(2 * time.Second)
	if after := r.rates("web", "ingress"); before.P50 < 5*time.Second || after.P50 < before.P50 {
		t.Errorf("half within %v, and %v once it is behind two", before.P50, after.P50)
	}
}

// A queue that filled while there was too little CPU drains as soon as there is enough, in about the
// time that arithmetic says: what waits, by how much more is done than comes.
func TestAQueueDrainsOnceThereIsCPUForIt(t *testing.T) {
	const short, comes, step = 55_000, 80_000, 50 * time.Millisecond
	for _, c := range []struct{ then, steps int64 }{{110_000, 1}, {190_000, 1}, {110_000, 3}} { // so much there is CPU for then
		r := newRig(t, 1, 1)
		r.work = workload.Work{CPU: 5 * time.Millisecond}
		pod := r.pod("web", "web-0", "n-0")
		r.endpoints("web", pod)
		r.capacity[pod] = short
		r.traffic(workload.Traffic{Service: "web", Rate: workload.Constant(comes)})
		r.serve(true, pod)
		r.after(5 * time.Second)
		late := r.rates("web", "ingress").P50
		want := late * short / time.Duration(c.then-comes)
		took := time.Duration(0)
		for i := c.steps - 1; late > 50*time.Millisecond && took < time.Minute; i-- {
			if i >= 0 { // a little more each time
				r.capacity[pod] = c.then - i*5000
				r.flows.CapacityChanged(pod)
			}
			r.after(step)
			took += step
			late = r.rates("web", "ingress").P50
		}
		if took < want*2/3 || took > want*3/2 {
			t.Errorf("%+v: what waited is done after %v, by hand %v", c, took, want)
		}
	}
}
