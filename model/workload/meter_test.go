package workload_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
	"orrery/sim"
)

// crossing is who comes through a load balancer, and perhaps from a node, to pods on nodes whose
// connection carries 10 MB a second.
type crossing struct {
	what            string
	nodes           int
	pods            []int // the node of each
	local           bool  // externalTrafficPolicy
	request, answer int64 // bytes
	rps             int64 // through the load balancer, evenly through all nodes
	beside          int64 // more of them, from the last node itself
	retries         int
	served          float64 // of both, by hand
}

// play is how many a second of who comes through the load balancer are served, and of the others.
func (x *crossing) play(t *testing.T) (balanced, beside *model.Traffic) {
	r := newRig(t, 1, x.nodes)
	r.width = 10_000_000
	r.work = workload.Work{RequestBytes: x.request, AnswerBytes: x.answer}
	pods := r.ready(&model.Service{LoadBalancer: true, LocalExternal: x.local}, 0)
	for k, node := range x.pods {
		pods = append(pods, r.pod("web", fmt.Sprint("web-", k), fmt.Sprint("n-", node)))
	}
	r.endpoints("web", pods...)
	last := fmt.Sprint("node/n-", x.nodes-1)
	r.traffic(
		workload.Traffic{Service: "web", Rate: workload.Constant(x.rps * 1000), From: workload.Internet, Timeout: 10 * time.Second, Retries: x.retries},
		workload.Traffic{Service: "web", Rate: workload.Constant(x.beside * 1000), From: last, Timeout: 10 * time.Second, Retries: x.retries},
	)
	r.serve(true, pods...)
	r.after(3 * time.Minute)
	if beside = r.last(last); beside == nil {
		beside = &model.Traffic{}
	}
	return r.last(workload.Internet), beside
}

// Source: pkg/proxy/iptables/proxier.go: who comes in over a node has the node's own address from
// there on (KUBE-MARK-MASQ), unless externalTrafficPolicy is Local, so an answer goes back
// through that node. 1 is what a connection carries, 100 messages of 100 kB a second; a connection
// that more wants to go over loses of all as much.
func TestWhatALoadBalancerSendsThroughANodePassesItsConnection(t *testing.T) {
	one, each := []int{0}, []int{0, 1}
	big, small := int64(100_000), int64(1000)
	for _, x := range [...]crossing{
		{what: "answers, one node: out 3, of which 1 goes", nodes: 1, pods: one, answer: big, rps: 300, served: 100},
		{what: "answers, two nodes, one of them the pod's: its 1.5 for outside and 1.5 for the other one", nodes: 2, pods: one, answer: big, rps: 300, served: 100},
		{what: "answers, four nodes: what three pass on fits", nodes: 4, pods: one, answer: big, rps: 300, served: 100},
		{what: "answers, a pod on each of two: out 0.5 for outside, 0.5 for the other one, 0.5a of the other one's, with a = 1/(1 + 0.5a) left", nodes: 2, pods: each, answer: big, rps: 200, served: 100*0.73205 + 100*0.73205*0.73205},
		{what: "answers, Local, one node", nodes: 1, pods: one, local: true, answer: big, rps: 300, served: 100},
		{what: "answers, Local, a pod on each of two: nothing goes between them", nodes: 2, pods: each, local: true, answer: big, rps: 600, served: 200},
		{what: "answers, Local, what comes through a node without a pod is dropped", nodes: 2, pods: one, local: true, answer: big, rps: 300, served: 100},
		{what: "requests, one node", nodes: 1, pods: one, request: big, rps: 300, served: 100},
		{what: "requests, two nodes: in 1.5 and 1 of 1.5 that come through the other one, so 2/5 are left", nodes: 2, pods: one, request: big, rps: 300, served: 100},
		{what: "so with small answers, of which that node loses a third as of all that wants in", nodes: 2, pods: one, request: big, answer: small, rps: 300, served: 60 + 40*0.665},
		{what: "requests, Local, a pod on each of two", nodes: 2, pods: each, local: true, request: big, rps: 300, served: 200},
		{what: "both, one node: in 3, and out what came in", nodes: 1, pods: one, request: big, answer: big, rps: 300, served: 100},
		{what: "answers twice as large: out 2 of what came in, and half of it goes", nodes: 1, pods: one, request: big, answer: 2 * big, rps: 300, served: 50},
		{what: "from the node itself, too, which is inside: in 0, out 3", nodes: 1, pods: one, answer: big, rps: 300, beside: 50, served: 150},
		{what: "and from another one, of whose connection in 1.5a + 1.5a are taken, with a = 1/4.5 left of what goes out", nodes: 2, pods: one, answer: big, rps: 300, beside: 150, served: 100},
		{what: "attempts fail with f and are 300(1 + f + f²), of which 100 are answered", nodes: 1, pods: one, answer: big, rps: 300, retries: 2, served: 100},
	} {
		balanced, beside := x.play(t)
		if got := float64(balanced.ServedMilliRPS+beside.ServedMilliRPS) / 1000; math.Abs(got-x.served) > 0.006*x.served {
			t.Errorf("%s: %.2f a second are served, by hand %.2f", x.what, got, x.served)
		}
		if f := math.Cbrt(2.0 / 3); x.retries > 0 && math.Abs(float64(balanced.OfferedMilliRPS)/(300_000*(1+f+f*f))-1) > 0.006 {
			t.Errorf("%s: %d attempts", x.what, balanced.OfferedMilliRPS)
		}
	}
}

// direction is how much wants to go one way over a connection that carries 1, and what it loses.
type direction struct{ wants, lost float64 }

// byPairs is what is served of both sources, one pair of a node and an endpoint after another, over
// and over until it does not change.
func (x *crossing) byPairs() (balanced, beside float64) {
	out, in := make([]direction, x.nodes), make([]direction, x.nodes)
	send := func(entry, pod int, rate float64, outside bool) float64 {
		pass := func(d *direction, each int64) {
			d.wants += rate * float64(each) / 10e6
			if each > 0 {
				rate *= 1 - d.lost
			}
		}
		if outside {
			pass(&in[entry], x.request)
		}
		if entry != pod {
			pass(&out[entry], x.request)
			pass(&in[pod], x.request)
			pass(&out[pod], x.answer)
			pass(&in[entry], x.answer)
		}
		if outside {
			pass(&out[entry], x.answer)
		}
		return rate
	}
	for range 3000 {
		balanced, beside = 0, 0
		for entry := range x.nodes {
			to := slices.Clone(x.pods)
			if x.local {
				to = slices.DeleteFunc(to, func(pod int) bool { return pod != entry })
			}
			for _, pod := range to {
				balanced += send(entry, pod, float64(x.rps)/float64(x.nodes*len(to)), true)
			}
		}
		for _, pod := range x.pods {
			beside += send(x.nodes-1, pod, float64(x.beside)/float64(len(x.pods)), false)
		}
		for _, ds := range [...][]direction{out, in} {
			for k := range ds {
				ds[k].lost, ds[k].wants = 0.9*ds[k].lost+0.1*max(0, 1-1/max(ds[k].wants, 1)), 0
			}
		}
	}
	return balanced, beside
}

// The slow twin has what goes from each node to each endpoint pass one connection after another.
func TestConnectionsOfNodesCarryWhatTheyDoPairByPair(t *testing.T) {
	for seed := range uint64(60) {
		luck := sim.New(sim.Config{Seed: seed}).Luck().Lane("test").Draw(0, 0)
		x := crossing{
			nodes: 1 + int(luck.Below(4)), local: luck.Below(3) == 0, request: int64(luck.Below(3)) * 40_000, answer: int64(luck.Below(4)) * 40_000,
			rps: int64(20 + luck.Below(500)), beside: int64(luck.Below(3)) * int64(10+luck.Below(100)),
		}
		for range 1 + luck.Below(5) {
			x.pods = append(x.pods, int(luck.Below(uint64(x.nodes))))
		}
		slices.Sort(x.pods)
		balanced, beside := x.play(t)
		a, b := x.byPairs()
		if got := float64(balanced.ServedMilliRPS) / 1000; math.Abs(got-a) > 0.02*a+0.1 {
			t.Errorf("%d: %+v: %.2f a second are served through the load balancer, pair by pair %.2f", seed, x, got, a)
		}
		if got := float64(beside.ServedMilliRPS) / 1000; math.Abs(got-b) > 0.02*b+0.1 {
			t.Errorf("%d: %+v: %.2f a second are served from the node, pair by pair %.2f", seed, x, got, b)
		}
	}
}

// Source: tc-tbf(8). What a pod asks for passes its own interface, too, wherever it goes: of 4 MB a
// second out and, of the half that is answered, 2 MB in, through 2 MB each way, a half is left of
// the one and the other; of answers alone, 4 MB, a half.
func TestAPodThatCallsIsNoFasterThanItsOwnConnection(t *testing.T) {
	for _, to := range []string{"n-0", "n-1"} {
		for _, x := range []struct{ request, answer, served int64 }{{100_000, 0, 20_000}, {0, 100_000, 20_000}, {100_000, 100_000, 20_000}, {100_000, 200_000, 10_000}} {
			r := newRig(t, 1, 3)
			r.width = 1_000_000_000
			front, back := r.pod("front", "front-0", "n-0"), r.pod("back", "back-0", to)
			r.works = map[model.Ref]workload.Work{back: {RequestBytes: x.request, AnswerBytes: x.answer}}
			r.endpoints("front", front)
			r.endpoints("back", back)
			r.calls = []workload.Call{calling("front", "back", 1000, 0)}
			r.traffic(workload.Traffic{Service: "front", Rate: workload.Constant(40_000), From: "node/n-2"})
			r.serve(true, front, back)
			at, _ := r.flows.Place(front, "default/front-0", "n-0")
			r.after(time.Minute)
			r.flows.Choke(at, r.store.Get(front).Head(), 2_000_000)
			r.after(time.Minute)
			if got := r.last("calls of app=front"); got.ServedMilliRPS != x.served || got.OfferedMilliRPS != 40_000 {
				t.Errorf("to %s, %+v: %s", to, x, got)
			}
		}
	}
}
