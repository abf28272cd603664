package workload_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
)

// calling is a call that the pods of an app make.
func calling(app, service string, perRequest int64, retries int) workload.Call {
	return workload.Call{
		Namespace: "default", From: "calls of app=" + app, Service: service, PerRequestMilli: perRequest, Timeout: time.Minute, Retries: retries,
		Makes: func(p *model.Pod) bool { return p.Labels.Value("app") == app },
	}
}

// shop is a front and a back of n pods each, all of which serve, and the calls between.
func shop(t *testing.T, n int, calls ...workload.Call) (*rig, []model.Ref) {
	r := newRig(t, 1, 3)
	r.work = workload.Work{CPU: time.Millisecond}
	r.calls = calls
	var front, back []model.Ref
	for i := range n {
		front = append(front, r.pod("front", fmt.Sprint("front-", i), fmt.Sprint("n-", i%3)))
		back = append(back, r.pod("back", fmt.Sprint("back-", i), fmt.Sprint("n-", (i+1)%3)))
		r.capacity[back[i]] = 100_000
	}
	r.endpoints("front", front...)
	r.endpoints("back", back...)
	return r, append(front, back...)
}

func (r *rig) sends(t *testing.T, pods []model.Ref, sources ...workload.Traffic) {
	r.traffic(sources...)
	for _, p := range pods {
		r.flows.ServingChanged(p, true)
	}
	r.after(5 * time.Second)
}

func (r *rig) rates(service, from string) model.Traffic {
	return r.lastTraffic(0)["service/"+service+" from "+from]
}

func TestCallsFollowWhatIsServed(t *testing.T) {
	r, pods := shop(t, 2, calling("front", "back", 1500, 0))
	r.capacity[pods[0]] = 10_000 // of the 40 that arrive
	r.sends(t, pods, workload.Traffic{Service: "front", Rate: workload.Constant(80_000)})
	r.after(time.Minute) // until the queue is full
	front, back := r.rates("front", "ingress"), r.rates("back", "calls of app=front")
	if front.ServedMilliRPS != 50_000 || front.OverloadMilliRPS != 30_000 {
		t.Errorf("front: %+v", front)
	}
	if back.OfferedMilliRPS != 75_000 || back.ServedMilliRPS != 75_000 {
		t.Errorf("back: %+v", back)
	}
}

// The fixed point of attempts, retries and room, by hand: with f the part of those that come
// afresh to one of two pods and find it full, f/2 come afresh to the other one at the second
// attempt, f/4 only at the third, and these meet room for 200 a second. A request's second call
// finds the place that its first one had if one of its attempts leads there: in vain are of those
// to the other pod that find it full only a quarter, which both come there again.
func TestRetriesAmplifyAnOverload(t *testing.T) {
	for _, demand := range []float64{150, 210, 300, 800} {
		r, pods := shop(t, 2, calling("front", "back", 2000, 2))
		r.sends(t, pods, workload.Traffic{Service: "front", Rate: workload.Constant(int64(demand * 500))})
		r.after(time.Minute) // until the queues are full
		f := 0.0
		for range 10_000 {
			f = max(0, 1-200/(demand*(1+0.75*f)))
		}
		back, front := r.rates("back", "calls of app=front"), r.rates("front", "ingress")
		wantAttempts := demand * (1 + f + (f+f*f)/2)
		wantServed := demand / 2 * (1 - (f+3*f*f)/4) * (1 - f/2/4)
		if got := float64(back.OfferedMilliRPS) / 1000; math.Abs(got/wantAttempts-1) > 0.01 {
			t.Errorf("demand %.0f: %.1f attempts, by hand %.1f", demand, got, wantAttempts)
		}
		if back.FirstMilliRPS < int64(demand*999) || back.FirstMilliRPS > int64(demand*1001) {
			t.Errorf("demand %.0f: %d of the attempts are the first", demand, back.FirstMilliRPS)
		}
		if busy := min(1_000_000, wantAttempts/200*1_000_000); math.Abs(float64(back.BusyPPM)-busy) > 10_000 {
			t.Errorf("demand %.0f: busy to %d millionths, by hand %.0f", demand, back.BusyPPM, busy)
		}
		if got := float64(front.ServedMilliRPS) / 1000; math.Abs(got-wantServed) > 0.01*demand {
			t.Errorf("demand %.0f: %.2f served at the front, by hand %.2f", demand, got, wantServed)
		}
		if front.FailedMilliRPS+front.ServedMilliRPS != front.OfferedMilliRPS {
			t.Errorf("demand %.0f: %+v", demand, front)
		}
	}
}

// By hand: of two pods to each of which 50 of 100 calls a second come, one has room for 20. Who is
// turned away by it meets it again with half of the attempts, which turns it away again, or the other
// one, where there is room for all: with n retries all but 30/2ⁿ are served.
func TestWhoIsTurnedAwayByOnePodFindsRoomAtAnother(t *testing.T) {
	for retries := range 4 {
		r, pods := shop(t, 2, calling("front", "back", 1000, retries))
		r.capacity[pods[2]] = 20_000
		r.sends(t, pods, workload.Traffic{Service: "front", Rate: workload.Constant(100_000)})
		r.after(10 * time.Minute)
		got := fared{float64(r.rates("front", "ingress").ServedMilliRPS) / 1000, float64(r.rates("back", "calls of app=front").OfferedMilliRPS) / 1000}
		left := 30 * math.Pow(0.5, float64(retries))
		if want := (fared{100 - left, 160 - 2*left}); !got.within(0.002, want) {
			t.Errorf("%d retries: %.2f, by hand %.2f", retries, got, want)
		}
	}
}

// A caller holds its worker while it waits, so what is slow behind fails in front.
func TestWhatIsSlowBehindOverloadsWhoWaits(t *testing.T) {
	r, pods := shop(t, 1, calling("front", "back", 1000, 0))
	r.work.Workers, r.work.Queue = 10, 100
	r.sends(t, pods, workload.Traffic{Service: "front", Rate: workload.Constant(80_000)})
	before := r.rates("front", "ingress")
	if before.ServedMilliRPS != 80_000 || before.P99 < 20*time.Millisecond || before.P99 > 400*time.Millisecond {
		t.Fatalf("at rest: %+v", before)
	}
	r, pods = shop(t, 1, calling("front", "back", 1000, 0))
	r.work.Workers, r.work.Latency = 10, 200*time.Millisecond
	r.sends(t, pods, workload.Traffic{Service: "front", Rate: workload.Constant(80_000)})
	after := r.rates("front", "ingress")
	// ten workers, each held for 0.4 s: 25 requests a second
	if after.OverloadMilliRPS < 50_000 || after.OverloadMilliRPS > 60_000 || after.P99 < 400*time.Millisecond {
		t.Errorf("with a slow back: %+v", after)
	}
}

// Source: Erlang's loss formula. A back with as many workers as its only caller turns nobody
// away, and the front as many as come while its workers are all held.
func TestWhoHasAsManyWorkersAsItsCallersTurnsNobodyAway(t *testing.T) {
	call := calling("front", "back", 1000, 0)
	call.Timeout = 10 * time.Second
	r, pods := shop(t, 1, call)
	front, back := pods[0], pods[1]
	r.works = map[model.Ref]workload.Work{
		front: {CapacityMilliRPS: -1, Latency: time.Millisecond, Workers: 4}, back: {CapacityMilliRPS: -1, Latency: 100 * time.Millisecond, Workers: 4},
	}
	delete(r.capacity, back)
	r.sends(t, pods, workload.Traffic{Service: "front", Rate: workload.Constant(35_000)})
	erlangs, blocked := 35*0.101, 1.0
	for n := 1.0; n <= 4; n++ {
		blocked = erlangs * blocked / (n + erlangs*blocked)
	}
	share := func(x model.Traffic) float64 { return float64(x.ServedMilliRPS) / float64(x.OfferedMilliRPS) }
	if got := share(r.rates("back", "calls of app=front")); got != 1 {
		t.Errorf("of calls %.3f are served", got)
	}
	if got, want := share(r.rates("front", "ingress")), 1-blocked; math.Abs(got-want) > 0.005 {
		t.Errorf("of requests %.3f are served, by Erlang's formula %.3f", got, want)
	}
}

// limited is three pods of so many workers, to which more comes than they get done, that twice for
// each request call eight pods that a quota lets do so many a second; and how many requests a second
// get done. Source: mean value analysis of Gordon and Newell's networks: who comes finds an eighth of
// the other calls there.
func limited(t *testing.T, quota float64, workers int64, latency time.Duration) (r *rig, want float64) {
	r = newRig(t, 1, 1)
	r.works = map[model.Ref]workload.Work{}
	var pods, front, back []model.Ref
	under := func(app, name string, w workload.Work) model.Ref {
		pod := r.pod(app, name, "n-0")
		r.works[pod], r.capacity[pod] = w, w.QuotaMilliRPS
		pods = append(pods, pod)
		return pod
	}
	const ms = time.Millisecond
	for i := range 3 {
		front = append(front, under("front", fmt.Sprint("front-", i), workload.Work{QuotaMilliRPS: 400_000, CPU: 10 * ms, Latency: 5 * ms, Workers: workers, Queue: 5}))
	}
	for i := range 8 {
		back = append(back, under("back", fmt.Sprint("back-", i), workload.Work{QuotaMilliRPS: int64(quota * 1000), CPU: 3 * ms, Stall: 95 * ms, Latency: latency, Workers: 10, Queue: 50}))
	}
	r.endpoints("front", front...)
	r.endpoints("back", back...)
	r.calls = []workload.Call{calling("front", "back", 2000, 0)}
	r.traffic(workload.Traffic{Service: "front", Rate: workload.Rate{Steps: []workload.Step{{At: time.Second, MilliRPS: 2_000_000}}}})
	r.serve(true, pods...)
	all, alone := float64(3*workers), 0.015+2*latency.Seconds()
	for range 1000 {
		want = (want + all/(alone+2*(1+max(all-1-want*alone, 0)/8)/quota)) / 2
	}
	return r, min(want, 8*quota/2)
}

// That is so at once, without going to and fro between who calls more and what is slower the more
// call.
func TestCallersOfPodsUnderALimitSettleInAnInstant(t *testing.T) {
	r, want := limited(t, 163.333, 40, time.Millisecond)
	for range 15 {
		r.after(19 * time.Second)
		if served := float64(r.rates("front", "ingress").ServedMilliRPS) / 1000; math.Abs(served/want-1) > 0.07 {
			t.Errorf("%.1f are served at %v, by hand %.1f", served, r.Now(), want)
		}
	}
	if n := r.flows.Computed(); n > 60_000 {
		t.Errorf("%d computations in five minutes of constant traffic", n)
	}
}

// Where they do not settle, they stay until the next full minute as they happen to be then: some of
// what they would get done, and never nothing or a quarter more.
func TestCallersOfPodsUnderALimitDoNotStarve(t *testing.T) {
	for _, quota := range []float64{100, 130, 163.333, 200} {
		for _, workers := range []int64{20, 40, 60} {
			for _, latency := range []time.Duration{time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond} {
				r, want := limited(t, quota, workers, latency)
				for range 12 {
					r.after(19 * time.Second)
					served := float64(r.rates("front", "ingress").ServedMilliRPS) / 1000
					if served < 0.35*want || served > 1.25*want {
						t.Errorf("a quota for %.0f a second, %d workers call, %v besides: %.1f are served at %v, by hand %.1f", quota, workers, latency, served, r.Now(), want)
					}
				}
			}
		}
	}
}

func TestWithoutWhatIsCalledEverythingFails(t *testing.T) {
	r, pods := shop(t, 2, calling("front", "back", 1000, 1))
	r.sends(t, pods, workload.Traffic{Service: "front", Rate: workload.Constant(10_000)})
	r.endpoints("back")
	r.after(3 * time.Second)
	front, back := r.rates("front", "ingress"), r.rates("back", "calls of app=front")
	if front.FailedMilliRPS != 10_000 || back.OfferedMilliRPS != 20_000 || back.NoEndpointMilliRPS != 20_000 {
		t.Errorf("front %+v, back %+v", front, back)
	}
	r.endpoints("back", pods[2:]...)
	r.after(3 * time.Second)
	if front := r.rates("front", "ingress"); front.ServedMilliRPS != 10_000 {
		t.Errorf("healed: %+v", front)
	}
}

// Services that call one another in a circle come to a rest.
func TestCallsInACircleEnd(t *testing.T) {
	r, pods := shop(t, 2, calling("front", "back", 500, 1), calling("back", "front", 900, 1))
	r.sends(t, pods, workload.Traffic{Service: "front", Rate: workload.Constant(10_000)})
	// front gets 10 + 0.9 * 0.5 of itself
	if got := r.rates("back", "calls of app=front").OfferedMilliRPS; got < 9_000 || got > 9_110 {
		t.Errorf("back gets %d, want 10000/0.55*0.5", got)
	}
}

// Traffic at 100,000 requests a second costs no more events than at 1, but for those of
// an overload that begins.
func TestRequestsCostNoEvents(t *testing.T) {
	events := func(milli int64) uint64 {
		r, pods := shop(t, 3, calling("front", "back", 1000, 1))
		r.sends(t, pods, workload.Traffic{Service: "front", Rate: workload.Constant(milli)})
		r.after(time.Hour)
		return r.Events()
	}
	if few, many := events(1_000), events(100_000_000); many > few+30 {
		t.Errorf("%d events at 1 rps, %d at 100,000", few, many)
	}
}

// The slow twin of flows that follow changes is flows made anew, which pass through
// other rounds to the same rates. Where retries make more than one state possible,
// the past decides; here nothing is overloaded.
func TestCallsThatFollowChangesEqualCallsMadeAnew(t *testing.T) {
	for seed := range uint64(8) {
		d := rand.New(rand.NewPCG(seed, 9))
		r := newRig(t, seed, 5)
		r.work = workload.Work{CPU: time.Millisecond, Latency: 2 * time.Millisecond}
		r.calls = []workload.Call{calling("app", "s-1", 1200, 0)}
		sources := []workload.Traffic{{Service: "s-0", Rate: workload.Constant(10_007)}}
		r.traffic(sources...)
		r.chaos(d, 40)
		r.after(3 * time.Second)
		checkSums(t, r)
		last, from := r.lastTraffic(0), r.store.History().Len()
		r.traffic(sources...)
		for _, p := range r.allPods() {
			r.flows.ServingChanged(p, r.serves[p])
		}
		r.after(3 * time.Second)
		now := r.lastTraffic(from)
		for name, x := range last {
			y := now[name]
			if off := x.ServedMilliRPS - y.ServedMilliRPS; off > 50 || off < -50 {
				t.Errorf("seed %d: %s anew %+v, followed %+v", seed, name, y, x)
			}
		}
	}
}
