package workload_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
	"orrery/sim"
)

// lost is what was noted as lost that was under way, of a Service's requests.
func (r *rig) lost(service string) (sum model.Lost) {
	for _, n := range r.notes(0) {
		if n.Named == "service/"+service && n.Traffic != nil {
			sum.ResetMilli += n.Traffic.Lost.ResetMilli
			sum.SilentMilli += n.Traffic.Lost.SilentMilli
			sum.FailedMilli += n.Traffic.Lost.FailedMilli
		}
	}
	return sum
}

// ends has a pod end that serves.
func (r *rig) ends(pod model.Ref, told time.Duration, silent bool) {
	r.flows.Broke(pod, told, silent)
	r.flows.ServingChanged(pod, false)
	r.after(0)
}

// Little's law: as many requests are under way as arrive while one takes. What takes a
// minute and began less than a minute ago is lost with its process, but for what came
// after SIGTERM; what a dead machine has, nobody answers.
func TestAPodThatEndsLosesWhatIsUnderWay(t *testing.T) {
	for _, c := range []struct {
		up, told time.Duration
		silent   bool
		want     model.Lost
	}{
		{10 * time.Minute, 0, false, model.Lost{ResetMilli: 3_000_000}},
		{10 * time.Minute, 0, true, model.Lost{SilentMilli: 3_000_000}},
		{10 * time.Minute, 20 * time.Second, false, model.Lost{ResetMilli: 2_000_000}},
		{10 * time.Minute, time.Hour, false, model.Lost{}},
		{12 * time.Second, 0, false, model.Lost{ResetMilli: 600_000}},
	} {
		r := newRig(t, 1, 2)
		r.work = workload.Work{Latency: time.Minute}
		pods := []model.Ref{r.pod("web", "a", "n-0"), r.pod("web", "b", "n-1")}
		r.endpoints("web", pods...)
		r.after(5 * time.Second)
		r.traffic(workload.Traffic{Service: "web", Rate: workload.Constant(100_000)})
		r.flows.ServingChanged(pods[0], true)
		r.flows.ServingChanged(pods[1], true)
		r.after(c.up)
		r.ends(pods[0], c.told, c.silent)
		if got := r.lost("web"); got != c.want {
			t.Errorf("%+v: lost %+v", c, got)
		}
	}
}

// No rules lead to a pod that ends in good order: it has what came before they changed.
func TestAPodThatGetsNothingMoreFinishesWhatItHas(t *testing.T) {
	r := newRig(t, 1, 2)
	r.work = workload.Work{Latency: time.Minute}
	pods := []model.Ref{r.pod("web", "a", "n-0"), r.pod("web", "b", "n-1")}
	r.endpoints("web", pods...)
	r.after(5 * time.Second)
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Constant(100_000)})
	r.flows.ServingChanged(pods[0], true)
	r.flows.ServingChanged(pods[1], true)
	r.after(10 * time.Minute)
	r.endpoints("web", pods[1])
	r.after(30 * time.Second)
	r.ends(pods[0], 10*time.Second, false)
	got := r.lost("web").ResetMilli
	if most, least := int64(50*31_500), int64(50*29_500); got < least || got > most { // the rules come a while later
		t.Errorf("lost %d thousandths, want what came within the 30 s before the rules changed", got)
	}
}

// A queue that fills has less than what arrives while one takes, and one that drains has more: 60 a second
// come to who gets 40 done, and from 20 s on 20.
func TestAPodThatEndsLosesItsQueue(t *testing.T) {
	for _, c := range []struct{ at, want int64 }{{10, 200}, {18, 360}, {22, 360}, {30, 200}} {
		r := newRig(t, 1, 1)
		r.work = workload.Work{Latency: 100 * time.Millisecond, Workers: 4, Queue: 1000}
		pods := []model.Ref{r.pod("web", "a", "n-0")}
		r.endpoints("web", pods...)
		rate := workload.Rate{Steps: []workload.Step{{MilliRPS: 1000}, {At: time.Minute, MilliRPS: 60_000}, {At: 80 * time.Second, MilliRPS: 20_000}}}
		r.sends(t, pods, workload.Traffic{Service: "web", Rate: rate})
		r.after(time.Minute + time.Duration(c.at)*time.Second - r.Now().Sub(0))
		r.ends(pods[0], 0, false)
		if got := r.lost("web").ResetMilli / 1000; got < c.want-5 || got > c.want+5 {
			t.Errorf("after %d s: lost %d, want %d", c.at, got, c.want)
		}
	}
}

// What a pod has of two Services when it leaves them, one after the other, is what either sent: 60 a second
// came to who gets 40 done, and what is not done from when it left the first is lost 2 to 1.
func TestAPodThatLeavesTwoServicesHasTheRequestsOfBoth(t *testing.T) {
	r := newRig(t, 1, 2)
	r.work = workload.Work{Latency: 100 * time.Millisecond, Workers: 4, Queue: 2000}
	pods := []model.Ref{r.pod("web", "a", "n-0"), r.pod("web", "b", "n-1")}
	r.endpoints("web", pods...)
	r.endpoints("api", pods...)
	from := func(before, after int64) workload.Rate {
		return workload.Rate{Steps: []workload.Step{{MilliRPS: before}, {At: time.Minute, MilliRPS: after}}}
	}
	r.sends(t, pods, workload.Traffic{Service: "web", Rate: from(2000, 80_000)}, workload.Traffic{Service: "api", Rate: from(1000, 40_000)})
	r.after(80*time.Second - r.Now().Sub(0))
	r.endpoints("web", pods[1])
	for was := r.load[pods[0].ID]; r.load[pods[0].ID] == was; {
		r.after(time.Millisecond)
	}
	left := r.Now()
	r.endpoints("api", pods[1])
	r.whenLed(pods[0], false)
	r.after(time.Second)
	all := int64((20*left.Sub(sim.Time(time.Minute)) - 40*r.Now().Sub(left)) / time.Second)
	r.ends(pods[0], 0, false)
	web, api := r.lost("web").ResetMilli/1000, r.lost("api").ResetMilli/1000
	if got := web + api; got < all-10 || got > all+10 || web < 2*api-10 || web > 2*api+10 {
		t.Errorf("lost %d and %d, want %d in all", web, api, all)
	}
}

// What was under way when other pods came, while there was a queue, is done long before the queue is
// forgotten: who leaves then has what there is then.
func TestAPodLosesNothingThatIsDoneLongSince(t *testing.T) {
	r := newRig(t, 1, 3)
	r.work = workload.Work{Latency: 100 * time.Millisecond, Workers: 4, Queue: 1000} // 40 a second
	pods := []model.Ref{r.pod("web", "a", "n-0"), r.pod("web", "b", "n-1"), r.pod("web", "c", "n-2")}
	r.endpoints("web", pods[:2]...)
	rate := workload.Rate{Steps: []workload.Step{{MilliRPS: 120_000}, {At: 30 * time.Second, MilliRPS: 40_000}}}
	r.sends(t, pods, workload.Traffic{Service: "web", Rate: rate})
	r.after(20 * time.Second)
	r.endpoints("web", pods...)
	r.after(5 * time.Minute)
	r.endpoints("web", pods[0], pods[2])
	r.whenLed(pods[1], false)
	r.ends(pods[1], 0, false)
	if got := r.lost("web").ResetMilli; got > 2000 {
		t.Errorf("lost %d thousandths, want at most the 2 or so that come while one takes", got)
	}
}

// Who calls loses its own request with the call, unless it tries again.
func TestWhatIsLostBelowIsLostAboveUnlessItIsTriedAgain(t *testing.T) {
	for _, c := range []struct {
		retries int
		above   int64
	}{{0, 500_000}, {1, 0}} {
		r, pods := shop(t, 2, calling("front", "back", 1000, c.retries))
		for _, p := range pods[2:] {
			delete(r.capacity, p)
		}
		r.flows = nil
		r.work = workload.Work{Latency: 10 * time.Second}
		r.sends(t, pods, workload.Traffic{Service: "front", Rate: workload.Constant(100_000)})
		r.after(time.Minute)
		r.ends(pods[2], 0, false)
		if got := r.lost("back"); got.ResetMilli < 499_000 || got.ResetMilli > 501_000 {
			t.Errorf("%d retries: the back lost %+v", c.retries, got)
		}
		if got := r.lost("front"); got.FailedMilli < c.above-1000 || got.FailedMilli > c.above+1000 {
			t.Errorf("%d retries: the front lost %+v, want %d", c.retries, got, c.above)
		}
	}
}
