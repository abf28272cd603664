package workload_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
)

// mesh is n services of two pods each that call each other, each request's calls milli in
// all, with 10 requests a second to the first. Pods come one after the other.
func mesh(t *testing.T, n int, milli int64) *rig {
	r := newRig(t, 1, 4)
	r.work = workload.Work{CPU: time.Millisecond, Latency: 5 * time.Millisecond, Workers: 10}
	var pods []model.Ref
	for i := range n {
		app := fmt.Sprint("s-", i)
		mine := []model.Ref{r.pod(app, app+"-a", fmt.Sprint("n-", i%4)), r.pod(app, app+"-b", fmt.Sprint("n-", (i+1)%4))}
		for j := range n {
			if j != i {
				r.calls = append(r.calls, calling(app, fmt.Sprint("s-", j), milli/int64(n-1), 2))
			}
		}
		r.endpoints(app, mine...)
		pods = append(pods, mine...)
	}
	r.traffic(workload.Traffic{Service: "s-0", Rate: workload.Rate{Steps: []workload.Step{{At: time.Second, MilliRPS: 10_000}}}})
	for _, p := range pods {
		r.after(150 * time.Millisecond)
		r.serve(true, p)
	}
	return r
}

// 10 (1 + 0.874 + 0.874² ...) come to 79.4 requests a second. They are there once all pods
// are, and with that it is at rest.
func TestServicesThatCallOneAnotherComeToTheirSumWithinFewComputations(t *testing.T) {
	r := mesh(t, 20, 874)
	r.after(2*time.Minute - time.Duration(r.Now()))
	const flows = 1 + 20*19
	if n := r.flows.Computed(); n > 40*20*flows { // for each of the pods that come
		t.Errorf("%d computations until all pods are there", n)
	}
	computed, events := r.flows.Computed(), r.Events()
	r.after(3 * time.Minute)
	sum := int64(0)
	for _, x := range r.lastTraffic(0) {
		sum += x.OfferedMilliRPS
		if x.ServedMilliRPS != x.OfferedMilliRPS {
			t.Errorf("%+v", x)
		}
	}
	if sum < 78_000 || sum > 80_000 {
		t.Errorf("%d thousandths of a request a second, want 79,365", sum)
	}
	if n := r.flows.Computed() - computed; n > 3*60*flows {
		t.Errorf("%d computations in 3 minutes of constant traffic", n)
	}
	if n := r.Events() - events; n > 100 {
		t.Errorf("%d events in 3 minutes of constant traffic", n)
	}
}

// More than one call for each request has no end: what a pod has no CPU for is lost, and
// tried again. That costs so much in an instant, and no more.
func TestCallsWithoutEndCostABoundedNumberOfComputationsInAnInstant(t *testing.T) {
	r := mesh(t, 10, 1800)
	for range 200 {
		before, at := r.flows.Computed(), r.Now()
		r.after(100 * time.Millisecond)
		if n := r.flows.Computed() - before; n > 200_000 {
			t.Fatalf("%d computations from %s on", n, at)
		}
	}
}

// A connection that is far too narrow loses what it has no room for. What is lost is not
// answered, so it would have room again, and be full again.
func TestConstantTrafficCostsAsManyEventsAtAnyRate(t *testing.T) {
	play := func(milli int64) (events uint64, full int) {
		r := newRig(t, 1, 3)
		r.width = 1_250_000_000
		r.work = workload.Work{CPU: time.Millisecond, RequestBytes: 1 << 10, AnswerBytes: 100 << 20}
		web := []model.Ref{r.pod("web", "web-a", "n-0"), r.pod("web", "web-b", "n-1")}
		r.endpoints("web", web...)
		r.calls = []workload.Call{calling("web", "web", 300, 3)}
		r.calls[0].Timeout = time.Millisecond
		r.traffic(workload.Traffic{Service: "web", Rate: workload.Rate{Steps: []workload.Step{{At: 5 * time.Second, MilliRPS: milli}}}, From: "node/n-0"})
		r.serve(true, web...)
		r.after(5 * time.Minute)
		for _, n := range r.notes(0) {
			if n.Reason == workload.ReasonLinkFull {
				full++
			}
		}
		return r.Events(), full
	}
	few, _ := play(1000)
	for _, milli := range []int64{10_000_000, 100_000_000} {
		many, full := play(milli)
		if many > 2*few {
			t.Errorf("%d events at %d rps, %d at 1", many, milli/1000, few)
		}
		if full != 2 {
			t.Errorf("%d connections became full at %d rps, want 2, once each", full, milli/1000)
		}
	}
}

// Where connections become full and free again, pods are divided into other classes each time.
// How often they are looked at because of their queues does not begin anew with that.
func TestPodsThatAreDividedAnewAreNotLookedAtMoreOften(t *testing.T) {
	r := newRig(t, 1, 4)
	r.width = 20_000_000_000
	r.work = workload.Work{CPU: 20 * time.Millisecond, RequestBytes: 100 << 20, AnswerBytes: 10 << 10}
	app := func(name string, n int) (pods []model.Ref) {
		for i := range n {
			pods = append(pods, r.pod(name, fmt.Sprint(name, "-", i), fmt.Sprint("n-", i%4)))
			r.capacity[pods[i]] = 400_000
		}
		r.endpoints(name, pods...)
		return pods
	}
	pods := append(app("a", 2), app("b", 5)...)
	r.calls = []workload.Call{calling("a", "b", 1500, 0), calling("b", "a", 500, 1)}
	r.calls[0].Timeout, r.calls[1].Timeout = 30*time.Second, 50*time.Millisecond
	r.traffic(workload.Traffic{Service: "a", Rate: workload.Constant(1000), From: "node/n-0", Timeout: time.Millisecond})
	r.serve(true, pods...)
	r.after(50 * time.Second)
	if n := r.Events(); n > 1000 {
		t.Errorf("%d events in 50 seconds of constant traffic", n)
	}
}
