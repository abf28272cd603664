package workload

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
)

// times is a sorted sample of seconds.
type times []float64

func (s times) at(part float64) float64 { return s[min(int(part*float64(len(s))), len(s)-1)] }

func (s times) mean() (sum float64) {
	for _, x := range s {
		sum += x
	}
	return sum / float64(len(s))
}

// longer is the part that takes longer.
func (s times) longer(limit float64) float64 {
	n, _ := slices.BinarySearch(s, limit+1e-9)
	return 1 - float64(n)/float64(len(s))
}

func seconds(us int64) float64 { return float64(us) / 1e6 }

func random(seconds float64) timing {
	us := int64(seconds * 1e6)
	return spread(0, us, us*us)
}

// The slow twin does requests one by one: Poisson arrivals, exponential needs of one core that all
// share, with places for 100 more than one, then a fixed time and some calls, each itself an
// exponential time.
func TestTheTimesOfRequestsAreThoseOfAQueue(t *testing.T) {
	luck := rand.New(rand.NewPCG(1, 2))
	const mu = 500.0 // requests a second
	for _, c := range []struct {
		load    float64
		latency time.Duration
		calls   int
	}{{0.3, 0, 0}, {0.7, 0, 0}, {0.9, 0, 0}, {0.95, 0, 0}, {1, 0, 0}, {1.05, 0, 0}, {1.5, 0, 0}, {0.7, 20 * time.Millisecond, 0}, {0.7, 0, 2}, {0.5, 3 * time.Millisecond, 4}} {
		of, turned := onCores(luck, 1, 2_000_000, party{need: 1 / mu, arriving: mu * c.load, places: model.Backlog + 1})
		all, away := of[0], turned[0]
		for i := range all {
			all[i] += c.latency.Seconds()
			for range c.calls {
				all[i] += luck.ExpFloat64() * 0.004
			}
		}
		slices.Sort(all)
		w := Work{CapacityMilliRPS: mu * 1000, CPU: 2 * time.Millisecond, Latency: c.latency}
		call := outcome{good: million, ok: random(0.004)}
		arriving := int64(mu * c.load * 1000)
		h := w.handle(arriving, call.repeated(int64(c.calls)*1000, outcome.and), crowd{})
		for _, q := range []struct{ at, most float64 }{{0.5, 0.12}, {0.99, 0.1}} {
			got, want := h.ok.quantile(int64(q.at*million)).Seconds(), all.at(q.at)
			if off := got/want - 1; math.Abs(off) > q.most {
				t.Errorf("load %.2f, latency %v, %d calls: %.2f of all take %.2f ms, request by request %.2f ms", c.load, c.latency, c.calls, q.at, got*1000, want*1000)
			}
		}
		for _, limit := range []time.Duration{4 * time.Millisecond, 15 * time.Millisecond, 40 * time.Millisecond, 100 * time.Millisecond} {
			want := all.longer(limit.Seconds())
			if got := float64(h.ok.exceeds(limit)) / 1e6; math.Abs(got-want) > 0.05 {
				t.Errorf("load %.2f, latency %v, %d calls: %.3f take longer than %v, request by request %.3f", c.load, c.latency, c.calls, got, limit, want)
			}
		}
		if got := 1 - float64(h.capped(arriving, 1))/float64(arriving); math.Abs(got-away) > 0.005 {
			t.Errorf("load %.2f: %.4f are turned away, request by request %.4f", c.load, got, away)
		}
	}
}

// twin is servers, first come first served, and places for those that wait.
type twin struct {
	servers, places int
	arriving        float64 // a second
	need            func() float64
}

type instants []float64

func (h instants) Len() int           { return len(h) }
func (h instants) Less(i, j int) bool { return h[i] < h[j] }
func (h instants) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *instants) Push(x any)        { *h = append(*h, x.(float64)) }
func (h *instants) Pop() any {
	x := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return x
}

// serve serves requests one by one: how long those take that find a place, and which part
// of all does not.
func serve(luck *rand.Rand, w twin) (all times, away float64) {
	free := make(instants, w.servers)
	var begins []float64 // of those that wait, ascending
	now, turned := 0.0, 0
	requests := 200_000
	if w.places > 50 { // they remember for long
		requests = 2_000_000
	}
	for range requests {
		now += luck.ExpFloat64() / w.arriving
		for len(begins) > 0 && begins[0] <= now {
			begins = begins[1:]
		}
		at := max(now, free[0])
		if at > now {
			if len(begins) == w.places {
				turned++
				continue
			}
			begins = append(begins, at)
		}
		free[0] = at + w.need()
		all = append(all, free[0]-now)
		heap.Fix(&free, 0)
	}
	return all, float64(turned) / float64(requests)
}

// party is what requests of a pod need of the cores of its machine, in seconds and spread like an
// exponential distribution, how many come in a second, and how many of them there are at most.
type party struct {
	need, arriving float64
	places         int
}

// onCores does requests of several pods one by one that share cores: all that are there run as
// fast, and none faster than on one core. It is how long those of each pod take that find a place,
// and which part of them does not.
func onCores(luck *rand.Rand, cores int, requests int, of ...party) (all []times, away []float64) {
	const first = 10_000 // are not counted
	all, away = make([]times, len(of)), make([]float64, len(of))
	came, here := make([]float64, len(of)), make([]int, len(of))
	type request struct {
		at, end float64 // end is in time on one core
		of      int
	}
	var under []request // a heap, by end
	less := func(i, j int) bool { return under[i].end < under[j].end }
	now, ran, sum := 0.0, 0.0, 0.0
	for _, p := range of {
		sum += p.arriving
	}
	next := luck.ExpFloat64() / sum
	for done := 0; done < requests; {
		pace := min(1, float64(cores)/float64(max(len(under), 1)))
		if len(under) > 0 && now+(under[0].end-ran)/pace < next {
			r := under[0]
			now, ran = now+(r.end-ran)/pace, r.end
			here[r.of]--
			if done++; done > first {
				all[r.of] = append(all[r.of], now-r.at)
			}
			n := len(under) - 1
			under[0] = under[n]
			under = under[:n]
			for i := 0; 2*i+1 < n; {
				k := 2*i + 1
				if k+1 < n && less(k+1, k) {
					k++
				}
				if !less(k, i) {
					break
				}
				under[i], under[k] = under[k], under[i]
				i = k
			}
			continue
		}
		ran += (next - now) * pace
		now, next = next, next+luck.ExpFloat64()/sum
		which, at := 0, luck.Float64()*sum
		for at > of[which].arriving && which < len(of)-1 {
			at -= of[which].arriving
			which++
		}
		came[which]++
		if p := of[which]; p.places > 0 && here[which] == p.places {
			away[which]++
			continue
		}
		here[which]++
		under = append(under, request{now, ran + luck.ExpFloat64()*of[which].need, which})
		for i := len(under) - 1; i > 0 && less(i, (i-1)/2); i = (i - 1) / 2 {
			under[i], under[(i-1)/2] = under[(i-1)/2], under[i]
		}
	}
	for i := range of {
		slices.Sort(all[i])
		away[i] /= max(came[i], 1)
	}
	return all, away
}

// Four cores are four servers: a request waits only when all are busy, and then all do.
func TestCoresAreServers(t *testing.T) {
	luck := rand.New(rand.NewPCG(3, 4))
	for _, cores := range []int64{1, 2, 4, 16} {
		for _, load := range []float64{0.5, 0.8, 0.9, 0.95, 0.97, 1.05} {
			need := 0.01
			arriving := float64(cores) / need * load
			of, away := onCores(luck, int(cores), 2_000_000, party{need, arriving, int(cores) + model.Backlog})
			all := of[0]
			w := Work{CapacityMilliRPS: cores * 100_000, CPU: 10 * time.Millisecond}
			h := w.handle(int64(arriving*1000), sure, crowd{})
			if got, want := seconds(h.ok.mean()), all.mean(); math.Abs(got/want-1) > 0.15 {
				t.Errorf("%d cores at %.2f: takes %.1f ms, request by request %.1f ms", cores, load, got*1000, want*1000)
			}
			for _, part := range []float64{0.5, 0.99} {
				got, want := h.ok.quantile(int64(part*million)).Seconds(), all.at(part)
				if math.Abs(got/want-1) > 0.15 {
					t.Errorf("%d cores at %.2f: %.2f of all take %.1f ms, request by request %.1f ms", cores, load, part, got*1000, want*1000)
				}
			}
			if got := 1 - float64(h.capped(int64(arriving*1000), 1))/(arriving*1000); math.Abs(got-away[0]) > 0.005 {
				t.Errorf("%d cores at %.2f: %.4f are turned away, request by request %.4f", cores, load, got, away[0])
			}
		}
	}
}

// The variance of the time on shared cores is (3F-1)/(F+1) of its mean's square, if that is F times
// what a request takes alone: exact for one core (Coffman, Muntz and Trotter), and within 7 % for more.
func TestTheVarianceOnCoresIsThatOfOneForTheMean(t *testing.T) {
	luck := rand.New(rand.NewPCG(5, 6))
	for _, cores := range []int{1, 2, 8, 32} {
		for _, load := range []float64{0.5, 0.8, 0.9} {
			of, _ := onCores(luck, cores, 2_000_000, party{need: 0.01, arriving: float64(cores) * 100 * load})
			mean, square := of[0].mean(), 0.0
			for _, x := range of[0] {
				square += x * x / float64(len(of[0]))
			}
			f := mean / 0.01
			if got, want := square/(mean*mean)-1, (3*f-1)/(f+1); math.Abs(got/want-1) > 0.07 {
				t.Errorf("%d cores at %.1f: a variance of %.3f, by formula %.3f", cores, load, got, want)
			}
		}
	}
}

// Pods of different services share a machine's cores: each has room for what the others leave, and
// waits as long as all of them for what its requests need. One of them has a limit that is far away.
func TestPodsShareTheCoresOfAMachine(t *testing.T) {
	luck := rand.New(rand.NewPCG(5, 4))
	for _, cores := range []float64{1, 2, 4, 16} {
		for _, load := range []float64{0.5, 0.8, 0.9, 0.97} {
			pods := []party{{need: 0.01}, {need: 0.02}, {need: 0.005}}
			parts := []float64{0.3, 0.5, 0.2}
			for i := range pods {
				pods[i].arriving = parts[i] * load * cores / pods[i].need
			}
			of, _ := onCores(luck, int(cores), 1_000_000, pods...)
			for i, p := range pods {
				room := int64(cores * (1 - load + parts[i]*load) / p.need * 1000)
				w := Work{CapacityMilliRPS: room, RoomMilliRPS: room, Cores: int64(cores * 1000), CPU: time.Duration(p.need * 1e9)}
				if i == 2 {
					w.CapacityMilliRPS, w.QuotaMilliRPS, w.Stall = 100*room, 100*room, time.Millisecond
				}
				h := w.handle(int64(p.arriving*1000), sure, crowd{})
				if got, want := seconds(h.ok.mean()), of[i].mean(); math.Abs(got/want-1) > 0.12 {
					t.Errorf("%.0f cores at %.2f, pod %d: takes %.1f ms, request by request %.1f ms", cores, load, i, got*1000, want*1000)
				}
				if got, want := h.ok.quantile(990_000).Seconds(), of[i].at(0.99); math.Abs(got/want-1) > 0.2 {
					t.Errorf("%.0f cores at %.2f, pod %d: 0.99 of all take %.1f ms, request by request %.1f ms", cores, load, i, got*1000, want*1000)
				}
			}
		}
	}
}

// The slow twin has workers that are held for a time that is always the same, or spread like
// an exponential distribution, and places for those that wait. Without any Erlang's formula
// holds for both; with some it is an approximation for the first (line).
func TestWorkersTurnAwayAndHaveWaitWhatAQueueDoes(t *testing.T) {
	luck := rand.New(rand.NewPCG(5, 6))
	const hold = 0.2
	for _, workers := range []int{1, 5, 20, 200} {
		for _, places := range []int{0, 2, 20} {
			for _, load := range []float64{0.5, 0.8, 0.9, 0.95, 1, 1.05, 1.5} {
				for _, fixedly := range []bool{true, false} {
					compare(t, luck, workers, places, load, hold, fixedly)
				}
			}
		}
	}
}

func compare(t *testing.T, luck *rand.Rand, workers, places int, load, hold float64, fixedly bool) {
	need, of := func() float64 { return luck.ExpFloat64() * hold }, random(hold)
	if fixedly {
		need, of = func() float64 { return hold }, fixed(int64(hold*1e6))
	}
	arriving := float64(workers) / hold * load
	all, away := serve(luck, twin{workers, places, arriving, need})
	mean := all.mean()
	slices.Sort(all)
	w := Work{CapacityMilliRPS: -1, Workers: int64(workers), Queue: int64(places)}
	h := w.handle(int64(arriving*1000), outcome{good: million, ok: of}, crowd{})
	got := 1 - float64(h.capped(int64(arriving*1000), 1))/(arriving*1000)
	if math.Abs(got-away) > 0.02 || places == 0 && math.Abs(got-away) > 0.01 {
		t.Errorf("%d workers, %d places, load %.2f, always the same: %v: %.4f are turned away, request by request %.4f", workers, places, load, fixedly, got, away)
	}
	if got := seconds(h.ok.mean()); math.Abs(got-mean) > 0.12*mean+hold/50 {
		t.Errorf("%d workers, %d places, load %.2f, always the same: %v: takes %.3f s, request by request %.3f s", workers, places, load, fixedly, got, mean)
	}
	for _, part := range []float64{0.5, 0.99} {
		got, want := h.ok.quantile(int64(part*million)).Seconds(), all.at(part)
		if math.Abs(got-want) > 0.2*want+hold/20 {
			t.Errorf("%d workers, %d places, load %.2f, always the same: %v: %.2f of all take %.3f s, request by request %.3f s", workers, places, load, fixedly, part, got, want)
		}
	}
}

// The slow twin has workers that each need a core for a part of the time that a request
// takes, and share it.
func TestWorkersThatShareACoreAreServedByIt(t *testing.T) {
	luck := rand.New(rand.NewPCG(7, 8))
	for _, c := range []struct {
		workers, places int
		cpu, besides    float64
	}{{5, 0, 0.01, 0.03}, {5, 10, 0.01, 0.03}, {20, 0, 0.01, 0.05}, {20, 20, 0.01, 0.05}, {20, 20, 0.01, 0.5}, {20, 0, 0.01, 0}} {
		for _, load := range []float64{0.5, 0.8, 0.95, 1.05, 1.5} {
			w := Work{CapacityMilliRPS: int64(1000 / c.cpu), CPU: time.Duration(c.cpu * 1e9), Latency: time.Duration(c.besides * 1e9), Workers: int64(c.workers), Queue: int64(c.places)}
			arriving := min(1/c.cpu, float64(c.workers)/(c.cpu+c.besides)) * load
			all, away := sharing(luck, Sharing{Cores: 1, CPU: c.cpu, Besides: c.besides, Workers: c.workers, Places: c.places, Arriving: arriving})
			h := w.handle(int64(arriving*1000), sure, crowd{})
			asOneByOne(t, fmt.Sprintf("%+v, load %.2f", c, load), &h, arriving, all, away, 0.1, 0.3)
		}
	}
}

// asOneByOne tells of what differs from requests one by one: if more than 2 % of all are turned away
// otherwise, or the mean or what 99 % take is off by a greater part than said.
func asOneByOne(t *testing.T, what string, h *handled, arriving float64, all times, away, mean, p99 float64) {
	t.Helper()
	if got := 1 - float64(h.capped(int64(arriving*1000), 1))/(arriving*1000); math.Abs(got-away) > 0.02 {
		t.Errorf("%s: %.4f are turned away, request by request %.4f", what, got, away)
	}
	if got, want := seconds(h.ok.mean()), all.mean(); math.Abs(got/want-1) > mean {
		t.Errorf("%s: takes %.4f s, request by request %.4f s", what, got, want)
	}
	slices.Sort(all)
	if got, want := h.ok.quantile(990_000).Seconds(), all.at(0.99); math.Abs(got/want-1) > p99 {
		t.Errorf("%s: 99 %% within %.4f s, request by request %.4f s", what, got, want)
	}
}

// Sharing is requests one by one: each takes a worker, then runs on cores that all share which
// run, then takes a fixed time. Those who find no worker wait for one. Others run on the cores,
// too, who need as much and take no worker.
type Sharing struct {
	Cores, CPU, Besides float64 // seconds of what they take
	Workers, Places     int
	Arriving, Others    float64              // a second
	Done                func(at, by float64) // of who came then
	Away                func(at float64)

	now, ran, next float64     // ran is how long one would have that ran all the time
	running        []execution // ascending
	waiting, holds []float64   // since when; until when, ascending
	busy           int
}

// execution is a request on the cores.
type execution struct {
	at, end float64 // end is of ran
	other   bool
}

func (s *Sharing) begin(luck *rand.Rand, at float64, other bool) {
	end := s.ran + luck.ExpFloat64()*s.CPU
	i, _ := slices.BinarySearchFunc(s.running, end, func(r execution, end float64) int { return cmp.Compare(r.end, end) })
	s.running = slices.Insert(s.running, i, execution{at, end, other})
}

// Until has them come and go until then.
func (s *Sharing) Until(luck *rand.Rand, then float64) {
	if s.next == 0 {
		s.next = luck.ExpFloat64() / (s.Arriving + s.Others)
	}
	for s.now < then {
		done, free := math.Inf(1), math.Inf(1)
		pace := min(1, s.Cores/float64(max(len(s.running), 1)))
		if len(s.running) > 0 {
			done = s.now + (s.running[0].end-s.ran)/pace
		}
		if len(s.holds) > 0 {
			free = s.holds[0]
		}
		at := min(done, free, s.next, then)
		s.ran, s.now = s.ran+(at-s.now)*pace, at
		switch at {
		case done:
			if r := s.running[0]; !r.other {
				end := at + s.Besides
				i, _ := slices.BinarySearch(s.holds, end)
				s.holds = slices.Insert(s.holds, i, end)
				s.Done(r.at, end)
			}
			s.running = s.running[1:]
		case free:
			if s.holds = s.holds[1:]; len(s.waiting) > 0 {
				s.begin(luck, s.waiting[0], false)
				s.waiting = s.waiting[1:]
			} else {
				s.busy--
			}
		case s.next:
			s.next = at + luck.ExpFloat64()/(s.Arriving+s.Others)
			switch {
			case luck.Float64()*(s.Arriving+s.Others) >= s.Arriving:
				s.begin(luck, at, true)
			case s.busy < s.Workers:
				s.busy++
				s.begin(luck, at, false)
			case len(s.waiting) < s.Places:
				s.waiting = append(s.waiting, at)
			default:
				s.Away(at)
			}
		}
	}
}

// sharing is how long those take who find a place, and which part of all does not.
func sharing(luck *rand.Rand, s Sharing) (all times, away float64) {
	turned := 0
	s.Done = func(at, by float64) { all = append(all, by-at) }
	s.Away = func(float64) { turned++ }
	s.Until(luck, 200_000/s.Arriving)
	return all, float64(turned) / float64(turned+len(all))
}

// The same on more cores, of which others use a part, at most as much as leaves free what the pod
// needs.
func TestWorkersShareCoresWithOthers(t *testing.T) {
	luck := rand.New(rand.NewPCG(9, 8))
	for _, c := range []struct {
		cores, others   float64
		workers, places int
		besides         float64
	}{{1, 0.5, 10, 10, 0.03}, {4, 0, 20, 20, 0.05}, {4, 2, 20, 20, 0.02}, {4, 3, 20, 20, 0.02}, {4, 2, 2, 20, 0.01}, {16, 8, 50, 20, 0.02}, {16, 14, 20, 20, 0.05}} {
		for _, load := range []float64{0.3, 0.6, 0.8, 0.9} {
			const cpu = 0.01
			room := c.cores - c.others
			w := Work{CapacityMilliRPS: int64(room / cpu * 1000), RoomMilliRPS: int64(room / cpu * 1000), Cores: int64(c.cores * 1000), CPU: 10 * time.Millisecond, Latency: time.Duration(c.besides * 1e9), Workers: int64(c.workers), Queue: int64(c.places)}
			arriving := min(room/cpu, float64(c.workers)/(cpu+c.besides)) * load
			all, away := sharing(luck, Sharing{Cores: c.cores, CPU: cpu, Besides: c.besides, Workers: c.workers, Places: c.places, Arriving: arriving, Others: c.others / cpu})
			h := w.handle(int64(arriving*1000), sure, crowd{})
			asOneByOne(t, fmt.Sprintf("%+v, load %.2f", c, load), &h, arriving, all, away, 0.2, 0.25)
		}
	}
}

// Little's law: 20 workers that each request holds for 100 ms serve 200 a second, and a few
// less as they come by chance.
func TestWorkersAreHeldByWhatARequestWaitsFor(t *testing.T) {
	w := Work{CapacityMilliRPS: 500_000, CPU: 2 * time.Millisecond, Workers: 20}
	if h := w.handle(100_000, sure, crowd{}); h.capped(100_000, 1) != 100_000 || h.room < 499_000 {
		t.Errorf("without calls: %+v", h)
	}
	if h := w.handle(900_000, outcome{good: million, ok: fixed(98_000)}, crowd{}); h.room < 190_000 || h.room > 200_000 || h.takes > h.room || h.ok.mean() < 100_000 || h.ok.mean() > 112_000 {
		t.Errorf("with calls: %+v", h)
	}
	if h := w.handle(900_000, outcome{good: million, ok: fixed(198_000)}, crowd{}); h.room < 98_000 || h.room > 100_000 || h.takes > h.room || h.ok.mean() < 200_000 {
		t.Errorf("with slow calls: %+v", h)
	}
}

// However times are spread, nobody takes more than arrives or less than nothing.
func TestNoMoreAreTurnedAwayThanArrive(t *testing.T) {
	sheet := new(states)
	for _, queue := range []int64{0, 1, 2, 5} {
		for workers := int64(1); workers < 4; workers++ {
			for _, us := range []int64{10, 1000, 300_000, 60_000_000} {
				for _, variance := range []int64{0, us * us, 5 * us * us, 100 * us * us} {
					w := Work{CapacityMilliRPS: -1, Workers: workers, Queue: queue}
					for n := int64(1); n < 1<<50; n *= 7 {
						for _, from := range []crowd{{}, {1, 1, 1000, million, 0, 0, comeback{}, sheet}, {3, 2, us * 1000, endless, 100, 0, comeback{}, sheet}, {10, 1, 0, 3 * million, 1, million / 2, comeback{}, sheet}, {comeback: comeback{2, us, million, million - us%1000, million, us, 2, us % million, us % 100}, sheet: sheet}} {
							if h := w.handle(n, outcome{good: million, ok: spread(0, us, variance)}, from); h.capped(n, 1) < 0 || h.capped(n, 1) > n {
								t.Fatalf("%+v of %d from %+v, %d µs: takes %d", w, n, from, us, h.takes)
							}
						}
					}
				}
			}
		}
	}
}

func TestNothingOverflows(t *testing.T) {
	sheet := new(states)
	slow := timing{{300_000, longest, longest, longest * longest}, {700_000, longest, 0, 0}}
	for _, w := range []Work{{CapacityMilliRPS: 1, CPU: time.Hour, Workers: 1 << 40}, {CapacityMilliRPS: 1, CPU: time.Hour, Workers: 900, Queue: 1 << 40}, {CapacityMilliRPS: 1 << 50, CPU: 1, Latency: 1000 * time.Hour, Workers: 1}, {CapacityMilliRPS: 1, CPU: time.Hour}, {CapacityMilliRPS: 1, CPU: time.Hour, QuotaMilliRPS: 1}, {CapacityMilliRPS: 1 << 50, QuotaMilliRPS: 1 << 50, CPU: time.Hour}, {CapacityMilliRPS: -1}, {}} {
		for _, n := range []int64{0, 1, 1 << 30, 1 << 50} {
			for k, calls := range []outcome{sure, {million, slow, timing{}}, {500_000, slow, slow}} {
				h := w.handle(n, calls, []crowd{{comeback: comeback{mostAgain, 1, million, 1, million, million, 1, million, million}, sheet: sheet}, {1, 1, 0, endless, manyServers, 0, comeback{}, sheet}, {manyServers, 7, longest * 1000, 1, 0, million / 3, comeback{}, sheet}}[k])
				for _, x := range []timing{h.ok, h.bad, h.waiting, h.ok.and(slow).and(slow)} {
					if x.mean() < 0 || x.variance() < 0 || x.quantile(990_000) < 0 || x.exceeds(time.Second) < 0 || x.exceeds(time.Second) > million {
						t.Errorf("%+v of %d: %+v", w, n, x)
					}
				}
				if got := h.capped(n, 1); got < 0 || got > n {
					t.Errorf("%+v of %d: takes %d", w, n, got)
				}
			}
		}
	}
}

func TestACrowdIsComputedWithoutAllocating(t *testing.T) {
	w := Work{CapacityMilliRPS: -1, CPU: 20 * time.Millisecond, Workers: 10, Queue: 10}
	h, sheet := handled{}, new(states)
	if n := testing.AllocsPerRun(10, func() {
		h = w.handle(450_000, sure, crowd{many: 20, pods: 1, own: 1_000_000, would: million, queue: 10, sheet: sheet})
	}); n > 0 {
		t.Errorf("%.0f allocations", n)
	}
	if h.takes >= 0 {
		t.Errorf("of 20 callers at 20 places some are turned away: %+v", h)
	}
}
