package workload_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
	"orrery/sim"
)

// sized is n nodes whose connection carries so many bytes a second, of which the last one
// asks a pod on each of the others.
func sized(t *testing.T, nodes int, width, request, answer, milli int64) (*rig, []model.Ref) {
	r := newRig(t, 1, nodes)
	r.width = width
	r.work = workload.Work{RequestBytes: request, AnswerBytes: answer}
	pods := r.ready(&model.Service{}, nodes-1)
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Rate{Steps: []workload.Step{{At: 5 * time.Second, MilliRPS: milli}}}, From: fmt.Sprint("node/n-", nodes-1)})
	r.serve(true, pods...)
	r.after(10 * time.Second)
	return r, pods
}

// last is what was told last of a flow.
func (r *rig) last(from string) *model.Traffic {
	var last *model.Traffic
	for _, n := range r.notes(0) {
		if n.Traffic != nil && n.Traffic.From == from {
			last = n.Traffic
		}
	}
	return last
}

// The slow twin has messages one by one share a connection evenly (processor sharing), of
// one size, that come at random.
func TestMessagesShareAConnectionLikeOneByOne(t *testing.T) {
	const width, bytes = 10_000_000, 100_000 // 10 ms each
	for _, rps := range []int64{5, 20, 50, 70, 90} {
		luck := sim.New(sim.Config{Seed: 1}).Luck().Lane("test").Draw(0, uint64(rps))
		exponential := func(mean float64) float64 {
			return -mean * math.Log(1-float64(luck.Below(1<<40))/(1<<40))
		}
		type message struct{ came, left float64 }
		var under []message
		var took []float64
		now, next := 0.0, exponential(1/float64(rps))
		for len(took) < 400_000 {
			first := -1
			for k := range under {
				if first < 0 || under[k].left < under[first].left {
					first = k
				}
			}
			n := float64(len(under))
			if first >= 0 && now+under[first].left*n <= next {
				passed := under[first].left
				now += passed * n
				took = append(took, now-under[first].came)
				under = slices.Delete(under, first, first+1)
				for k := range under {
					under[k].left -= passed
				}
				continue
			}
			for k := range under {
				under[k].left -= (next - now) / n
			}
			now = next
			under = append(under, message{now, float64(bytes) / width})
			next = now + exponential(1/float64(rps))
		}
		slices.Sort(took)
		half, nearly := took[len(took)/2], took[len(took)*99/100]
		r, _ := sized(t, 2, width, 0, bytes, rps*1000)
		told := r.last("node/n-1")
		for _, x := range [...]struct {
			what      string
			got, want float64
		}{{"half", told.P50.Seconds(), half}, {"99 %", told.P99.Seconds(), nearly}} {
			most := 0.1
			if rps == 90 {
				most = 0.25 // so near to all, a step makes more of a difference
			}
			if off := x.got/x.want - 1; off > most || off < -most {
				t.Errorf("%d rps: %s within %.1f ms, one by one %.1f ms", rps, x.what, 1000*x.got, 1000*x.want)
			}
		}
	}
}

// What there is no room for is lost, in closed form; both directions count by themselves.
func TestAConnectionCarriesNoMoreThanItCan(t *testing.T) {
	r, _ := sized(t, 2, 10_000_000, 0, 100_000, 200_000) // 20 MB/s
	r.says(t, "web", "200 rps from node/n-1: 100 served, 100 timed out, 100 of them for want of bandwidth, half within 996.68ms, 99 % within 1.247s")
	r, _ = sized(t, 2, 10_000_000, 100_000, 50_000, 125_000) // 12.5 MB/s one way, what arrives of them 5 MB/s the other
	if told := r.last("node/n-1"); told.CongestedMilliRPS != 25_000 || told.ServedMilliRPS != 100_000 {
		t.Error(r.now("web"))
	}
	if r.when(workload.ReasonLinkFull) < 0 {
		t.Error("nobody said that a connection is full")
	}
	r, _ = sized(t, 5, 10_000_000, 0, 100_000, 80_000) // four that answer, one that asks
	if told := r.last("node/n-4"); told.ServedMilliRPS != 80_000 {
		t.Error(r.now("web"))
	}
}

// What stays on a node does not go through its connection.
func TestWhatStaysOnANodeNeedsNoBandwidth(t *testing.T) {
	r := newRig(t, 1, 1)
	r.width = 1_000_000
	r.work = workload.Work{AnswerBytes: 100_000}
	pods := r.ready(&model.Service{}, 1)
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Constant(900_000), From: "node/n-0"})
	r.serve(true, pods...)
	r.after(10 * time.Second)
	r.says(t, "web", "900 rps from node/n-0: 900 served")
}

// Services whose pods are on one node share its connection; a fault that narrows it is
// noticed by all of them, and over when it ends.
func TestServicesShareTheConnectionOfANode(t *testing.T) {
	r := newRig(t, 1, 3)
	r.width = 100_000_000
	r.work = workload.Work{AnswerBytes: 100_000}
	web, db := r.pod("web", "web-0", "n-0"), r.pod("db", "db-0", "n-0")
	r.endpoints("web", web)
	r.endpoints("db", db)
	r.traffic(
		workload.Traffic{Service: "web", Rate: workload.Constant(300_000), From: "node/n-1"}, // 30 MB/s
		workload.Traffic{Service: "db", Rate: workload.Constant(100_000), From: "node/n-2"},  // 10 MB/s
	)
	r.serve(true, web, db)
	r.after(10 * time.Second)
	for _, from := range []string{"node/n-1", "node/n-2"} {
		if told := r.last(from); told.ServedMilliRPS != told.OfferedMilliRPS || told.P99 > 11*time.Millisecond {
			t.Errorf("%s: %+v", from, told)
		}
	}
	r.flows.Narrow(r.sites["n-0"], 200_000) // 20 MB/s
	r.after(time.Second)
	for _, from := range []string{"node/n-1", "node/n-2"} {
		if told := r.last(from); told.ServedMilliRPS*2 != told.OfferedMilliRPS {
			t.Errorf("%s: %+v", from, told)
		}
	}
	r.flows.Narrow(r.sites["n-0"], 1_000_000)
	r.after(time.Second)
	for _, from := range []string{"node/n-1", "node/n-2"} {
		if told := r.last(from); told.ServedMilliRPS != told.OfferedMilliRPS || told.P99 > 11*time.Millisecond {
			t.Errorf("%s: %+v", from, told)
		}
	}
}

// A caller that gives up sooner than an answer arrives sends again, and so makes it worse.
func TestRetriesFillAConnectionFurther(t *testing.T) {
	r := newRig(t, 1, 3)
	r.width = 10_000_000
	r.work = workload.Work{AnswerBytes: 50_000}
	front, db := r.pod("front", "front-0", "n-0"), r.pod("db", "db-0", "n-1")
	r.endpoints("front", front)
	r.endpoints("db", db)
	r.calls = []workload.Call{{Namespace: "default", From: "calls of app=front", Service: "db", PerRequestMilli: 1000, Timeout: 15 * time.Millisecond, Retries: 2,
		Makes: func(p *model.Pod) bool { return p.Labels.Value("app") == "front" }}}
	r.traffic(workload.Traffic{Service: "front", Rate: workload.Constant(100_000), From: "node/n-2"})
	r.serve(true, front, db)
	r.after(2 * time.Minute)
	told := r.last("calls of app=front")
	if told == nil || told.OfferedMilliRPS < 120_000 || !strings.Contains(r.now("db"), "timed out") {
		t.Errorf("%s", r.now("db"))
	}
}

// Source: tc-tbf(8): what a queueing discipline has no room for is lost. It is on the pod's
// interface, so what comes from its own machine passes it, too, and what goes to other pods
// there does not.
func TestAPodThatIsSlowerThanItsMachineLosesWhatItHasNoRoomFor(t *testing.T) {
	for _, from := range []string{"node/n-0", "node/n-2"} {
		r := newRig(t, 1, 3)
		r.width = 1_000_000_000
		r.work = workload.Work{AnswerBytes: 100_000}
		pods := r.ready(&model.Service{}, 2)
		r.traffic(workload.Traffic{Service: "web", Rate: workload.Constant(20_000), From: from}) // 1 MB a second from each
		r.serve(true, pods...)
		r.after(time.Minute)
		at, _ := r.flows.Place(pods[0], "default/web-0", "n-0")
		pod := r.store.Get(pods[0]).Head()
		for _, step := range []struct{ bytes, lost int64 }{{500_000, 5_000}, {250_000, 7_500}, {-250_000, 5_000}, {-500_000, 0}} {
			r.flows.Choke(at, pod, step.bytes)
			r.after(time.Minute)
			if told := r.last(from); told.CongestedMilliRPS != step.lost || told.ServedMilliRPS != 20_000-step.lost {
				t.Errorf("from %s, after %d: %s", from, step.bytes, told)
			}
		}
		if n := r.reasons()[workload.ReasonLinkFull]; n != 1 {
			t.Errorf("%d notes say that its connection is full", n)
		}
	}
}

// reasons is how many notes there are of each reason.
func (r *rig) reasons() map[string]int {
	out := map[string]int{}
	for _, n := range r.notes(0) {
		out[n.Reason]++
	}
	return out
}
