package workload_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
	"orrery/sim"
)

// integral is what became of a flow's requests in all, in thousandths.
type integral struct{ offered, served, refused, late int64 }

func (r *rig) integrals() map[string]integral {
	out, last, since := map[string]integral{}, map[string]model.Traffic{}, map[string]time.Duration{}
	add := func(key string, until time.Duration) {
		x, t := out[key], last[key]
		us := (until - since[key]).Microseconds()
		x.offered += t.OfferedMilliRPS * us / 1_000_000
		x.served += t.ServedMilliRPS * us / 1_000_000
		x.refused += (t.NoEndpointMilliRPS + t.RefusedMilliRPS) * us / 1_000_000
		x.late += t.TimedOutMilliRPS * us / 1_000_000
		out[key], since[key] = x, until
	}
	for i := range r.store.History().Len() {
		h := r.store.History().At(i)
		if h.Note == nil || h.Note.Traffic == nil {
			continue
		}
		key := h.Note.Path() + " from " + h.Note.Traffic.From
		add(key, time.Duration(h.At))
		last[key] = *h.Note.Traffic
	}
	for key := range last {
		add(key, time.Duration(r.Now()))
	}
	return out
}

// The slow twin computes every pod by itself and passes every change on at once. Pods that
// call themselves, round and round, and fail, are the worst case; where nobody calls, only
// thousandths of single requests differ.
func TestClassesAndWhatWaitsComeToWhatEveryPodByItselfDoes(t *testing.T) {
	for seed := range uint64(16) {
		part := int64(1000)
		var ran [2]*rig
		for k := range ran {
			d := rand.New(rand.NewPCG(seed, 11))
			r := newRig(t, seed, 5)
			r.exact = k == 1
			r.work = workload.Work{CPU: time.Millisecond, Latency: 2 * time.Millisecond}
			if seed%2 == 1 {
				r.calls, part = []workload.Call{calling("app", "s-1", 300, 0)}, 100
			}
			r.traffic(
				workload.Traffic{Service: "s-0", Rate: workload.Diurnal(300_000, 900_000, 2*time.Minute, time.Minute, time.Second)},
				workload.Traffic{Service: "s-0", Rate: workload.Constant(7_000), From: "node/n-1"},
			)
			r.chaos(d, 150)
			r.after(2 * time.Minute)
			r.after(time.Duration((r.Now()/60e9+1)*60e9 - r.Now()))
			checkSums(t, r)
			ran[k] = r
		}
		fast, slow := ran[0].integrals(), ran[1].integrals()
		for key, a := range fast {
			b := slow[key]
			for what, x := range map[string][2]int64{"offered": {a.offered, b.offered}, "served": {a.served, b.served}, "refused": {a.refused, b.refused}, "late": {a.late, b.late}} {
				if off := max(x[0]-x[1], x[1]-x[0]); off > b.offered/part+100 {
					t.Errorf("seed %d: %s: %s %d, every pod by itself %d of %d", seed, key, what, x[0], x[1], b.offered)
				}
			}
		}
		ends := ran[1].lastTraffic(0)
		for key, a := range ran[0].lastTraffic(0) {
			b := ends[key]
			if off := max(a.ServedMilliRPS-b.ServedMilliRPS, b.ServedMilliRPS-a.ServedMilliRPS); off > 20 {
				t.Errorf("seed %d: %s ends with %+v, every pod by itself %+v", seed, key, a, b)
			}
		}
	}
}

// Pods that come up one by one have queues that are full to different degrees, and all of them
// move otherwise with each that comes.
func TestOneWakeUpIsForAllPodsWhoseQueuesMove(t *testing.T) {
	play := func(milliRPS int64) uint64 {
		r := newRig(t, 1, 40)
		r.work = workload.Work{Latency: 20 * time.Millisecond, Workers: 10, Queue: 1000} // 500 a second
		pods := r.ready(&model.Service{}, 40)
		r.traffic(workload.Traffic{Service: "web", Rate: workload.Constant(milliRPS), From: "node/n-0", Timeout: time.Second, Retries: 1})
		for i := range pods {
			r.after(150 * time.Millisecond)
			r.serve(true, pods[i])
		}
		r.after(10 * time.Minute)
		return r.Events()
	}
	if few, many := play(1000), play(16_000_000); many > few+2000 {
		t.Errorf("%d events at 16,000 requests a second, %d at one", many, few)
	}
}

// Of many pods that come and go at almost the same time each changes little: what is known of them
// in the same quarter of a second is computed together once plenty was computed in that second, and
// what sources send still at once. Where hundreds of flows hang together it is the same full second.
func TestNewsOfManyPodsAreGatheredForAQuarterOfASecond(t *testing.T) {
	for _, c := range []struct {
		exact  bool
		others int // other sources
		want   []time.Duration
	}{
		{false, 0, []time.Duration{10_010, 10_020, 10_250, 10_500, 11_010, 11_140}},
		{false, 300, []time.Duration{10_010, 10_020, 11_000, 11_010, 11_140}},
		{true, 0, []time.Duration{10_010, 10_020, 10_030, 10_040, 10_260, 11_010, 11_130, 11_140}},
		{true, 300, []time.Duration{10_010, 10_020, 10_030, 10_040, 10_260, 11_010, 11_130, 11_140}},
	} {
		r := newRig(t, 1, 1)
		r.exact = c.exact
		sources := []workload.Traffic{{Service: "s", Rate: workload.Rate{Steps: []workload.Step{{0, 90_000}, {11*time.Second + 140*time.Millisecond, 60_000}}}}}
		for i := range c.others {
			sources = append(sources, workload.Traffic{Service: fmt.Sprint("other-", i)})
		}
		r.traffic(sources...)
		pods := []model.Ref{r.pod("app", "p-0", "n-0"), r.pod("app", "p-1", "n-0"), r.pod("app", "p-2", "n-0")}
		r.endpoints("s", pods...)
		for _, p := range pods {
			r.flows.ServingChanged(p, true)
		}
		serve := func(at time.Duration, nth int, serving bool) {
			r.after(at - time.Duration(r.Now()))
			r.flows.ServingChanged(pods[nth], serving)
		}
		const ms = time.Millisecond
		serve(10_010*ms, 0, false)
		serve(10_020*ms, 0, true)
		r.after(1 * ms)
		r.flows.Busy()
		serve(10_030*ms, 0, false) // with the next beat, at 10.250
		serve(10_040*ms, 1, false) // together with that
		serve(10_260*ms, 1, true)  // at 10.500
		serve(11_010*ms, 0, true)  // at once in a new second
		r.after(1 * ms)
		r.flows.Busy()
		serve(11_130*ms, 2, false) // with the other rate at 11.140, which does not wait
		r.after(time.Second)
		var at []time.Duration
		for i := range r.store.History().Len() {
			if h := r.store.History().At(i); h.Note != nil && h.Note.Traffic != nil && h.At >= sim.Time(10*time.Second) {
				at = append(at, time.Duration(h.At)/ms)
			}
		}
		if !slices.Equal(at, c.want) {
			t.Errorf("exact %v, %d others: notes at %v ms, want %v", c.exact, c.others, at, c.want)
		}
	}
}

// What waits for the next full second waits for the next full ten once many did: the calls of one
// Service by which a hundred others are called change by a fifth of a hundredth, each time just after a
// full second.
func TestWhatWaitsWaitsLongerWhereManyDo(t *testing.T) {
	const s = time.Second
	for _, x := range []struct {
		called int
		want   []time.Duration
	}{
		{2, []time.Duration{10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24}},
		{130, []time.Duration{10, 20}},
	} {
		r := newRig(t, 1, 1)
		var pods []model.Ref
		serve := func(app string) {
			p := r.pod(app, app, "n-0")
			r.endpoints(app, p)
			pods = append(pods, p)
		}
		serve("front")
		for i := range x.called {
			app := fmt.Sprint("back-", i)
			serve(app)
			r.calls = append(r.calls, calling("front", app, 1000, 0))
		}
		rate := workload.Rate{Steps: []workload.Step{{MilliRPS: 100_000}}}
		for i := range 15 {
			rate.Steps = append(rate.Steps, workload.Step{At: time.Duration(10+i)*s - 900*time.Millisecond, MilliRPS: int64(100_200 + 200*i)})
		}
		r.traffic(workload.Traffic{Service: "front", Rate: rate})
		r.serve(true, pods...)
		r.after(25 * s)
		var at []time.Duration
		for i := range r.store.History().Len() {
			if h := r.store.History().At(i); h.Note != nil && h.Note.Traffic != nil && h.Note.Named == "service/back-0" && h.At > sim.Time(5*s) {
				at = append(at, time.Duration(h.At)/s)
			}
		}
		if !slices.Equal(at, x.want) {
			t.Errorf("%d called: notes in seconds %d, want %d", x.called, at, x.want)
		}
	}
}
