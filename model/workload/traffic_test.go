package workload_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/workload"
	"orrery/sim"
)

func (r *rig) says(t *testing.T, service, want string) {
	t.Helper()
	if got := r.now(service); got != want {
		t.Errorf("at %v: %q, want %q", r.Now(), got, want)
	}
}

// Source: node power loss: "new connections to its pods: SYN unanswered, 1/n
// of requests time out" until the endpoint is gone; a dead container refuses;
// without an endpoint, REJECT.
func TestWhatBecomesOfRequests(t *testing.T) {
	r := newRig(t, 1, 3)
	var pods []model.Ref
	for i := range 3 {
		pods = append(pods, r.pod("web", fmt.Sprintf("web-%d", i), fmt.Sprintf("n-%d", i)))
	}
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Constant(1_000_000)})
	r.after(time.Second)
	r.says(t, "web", "1000 rps from ingress: 0 served, 1000 without an endpoint")

	r.endpoints("web", pods...)
	for _, p := range pods {
		r.flows.ServingChanged(p, true)
	}
	r.after(3 * time.Second) // one run for the Service, another for its slice
	r.says(t, "web", "1000 rps from ingress: 1000 served")

	r.power("n-0", false)
	r.flows.ServingChanged(pods[0], false)
	r.after(0)
	r.says(t, "web", "1000 rps from ingress: 666.666 served, 333.334 timed out")
	r.flows.ServingChanged(pods[1], false)
	r.after(0)
	r.says(t, "web", "1000 rps from ingress: 333.333 served, 333.333 refused, 333.334 timed out")
	r.endpoints("web", pods[2])
	r.after(3 * time.Second)
	r.says(t, "web", "1000 rps from ingress: 1000 served")

	cut := r.net.Impair(network.Impairment{From: []network.Site{r.sites["n-2"]}, To: []network.Site{r.sites[""]}, Cut: true})
	r.after(0)
	r.says(t, "web", "1000 rps from ingress: 0 served, 1000 timed out")
	r.net.Lift(cut)
	r.after(0)
	r.says(t, "web", "1000 rps from ingress: 1000 served")

	before := r.store.History().Len()
	r.endpoints("web", pods[2])
	r.flows.LinksChanged(r.Now())
	r.after(5 * time.Second)
	if n := r.notes(before); len(n) > 0 {
		t.Errorf("nothing changed, and yet: %+v", n[0])
	}
}

func TestLocalPolicyDropsWhatItDoesNotServe(t *testing.T) {
	r := newRig(t, 1, 2)
	p := r.pod("web", "web-0", "n-0")
	r.store.Create(0, &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: "web"}, LocalInternal: true})
	r.endpoints("web", p)
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Constant(5), From: "node/n-1"})
	r.flows.ServingChanged(p, true)
	r.after(time.Second)
	r.says(t, "web", "0.005 rps from node/n-1: 0 served, 0.005 timed out")
}

func TestRequestsBeyondAnEndpointsCPUFail(t *testing.T) {
	r := newRig(t, 1, 2)
	a, b := r.pod("web", "a", "n-0"), r.pod("web", "b", "n-1")
	r.capacity[a] = 100_000
	r.endpoints("web", a, b)
	r.endpoints("api", a)
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Constant(300_000)}, workload.Traffic{Service: "api", Rate: workload.Constant(50_000), From: "node/n-1"})
	r.flows.ServingChanged(a, true)
	r.flows.ServingChanged(b, true)
	r.after(time.Second)
	// 150 + 50 rps meet room for 100: half of everybody's are served.
	r.says(t, "web", "300 rps from ingress: 225 served, 75 overloaded")
	r.says(t, "api", "50 rps from node/n-1: 25 served, 25 overloaded")
	r.power("n-1", false)
	r.flows.ServingChanged(b, false)
	r.after(0)
	r.says(t, "web", "300 rps from ingress: 100 served, 150 timed out, 50 overloaded")
	r.says(t, "api", "0 rps from node/n-1: 0 served")
}

func TestADeploymentsPodsSendWhileTheyServe(t *testing.T) {
	r := newRig(t, 1, 3)
	front := []model.Ref{r.pod("front", "front-0", "n-0"), r.pod("front", "front-1", "n-1")}
	back := r.pod("back", "back-0", "n-2")
	r.pod("other", "other-0", "n-2")
	r.endpoints("back", back)
	r.traffic(workload.Traffic{Service: "back", Rate: workload.Constant(99), From: "deployment/front"})
	r.flows.ServingChanged(back, true)
	r.after(time.Second)
	r.store.Create(0, &model.Deployment{
		Meta:     model.Meta{Kind: model.KindDeployment, Namespace: "default", Name: "front"},
		Selector: model.SelectorOf(model.MakeLabels(map[string]string{"app": "front"})),
	})
	r.after(time.Second)
	r.says(t, "back", "") // nobody runs, nobody asks
	r.flows.ServingChanged(front[0], true)
	r.flows.ServingChanged(front[1], true)
	r.after(time.Second)
	r.says(t, "back", "0.099 rps from deployment/front: 0.099 served")

	r.net.Impair(network.Impairment{From: []network.Site{r.sites["n-0"]}, To: []network.Site{r.sites["n-2"]}, Cut: true})
	r.after(0)
	r.says(t, "back", "0.099 rps from deployment/front: 0.049 served, 0.05 timed out")
	r.store.Delete(0, front[0])
	r.after(time.Second)
	r.says(t, "back", "0.099 rps from deployment/front: 0.099 served")
	late := r.pod("front", "front-2", "n-2")
	r.after(time.Second)
	r.flows.ServingChanged(late, true)
	r.flows.ServingChanged(front[1], false)
	r.after(0)
	r.says(t, "back", "0.099 rps from deployment/front: 0.099 served")
	r.flows.ServingChanged(late, false)
	r.after(0)
	r.says(t, "back", "0 rps from deployment/front: 0 served")
}

// checkSums is the invariant: every request ends somewhere.
func checkSums(t *testing.T, r *rig) {
	t.Helper()
	for _, n := range r.notes(0) {
		x := n.Traffic
		if x == nil {
			continue
		}
		parts := []int64{x.ServedMilliRPS, x.NoEndpointMilliRPS, x.RefusedMilliRPS, x.TimedOutMilliRPS, x.OverloadMilliRPS, x.FailedMilliRPS}
		var sum int64
		for _, p := range parts {
			sum += p
		}
		if sum != x.OfferedMilliRPS || slices.Min(parts) < 0 {
			t.Fatalf("%s: %+v", n.Named, *x)
		}
	}
}

// The slow twin of the flows that only look at what changed is flows that have
// just been made and look at everything.
func TestFlowsThatFollowChangesEqualFlowsMadeAnew(t *testing.T) {
	for seed := range uint64(15) {
		d := rand.New(rand.NewPCG(seed, 7))
		r := newRig(t, seed, 5)
		sources := []workload.Traffic{
			{Service: "s-0", Rate: workload.Constant(10_007)}, {Service: "s-1", Rate: workload.Constant(333)}, {Service: "s-0", Rate: workload.Constant(77), From: "node/n-1"},
			{Service: "s-1", Rate: workload.Constant(100_003), From: "deployment/app"}, {Service: "s-1", Rate: workload.Constant(1), From: "ingress"},
		}
		r.store.Create(0, &model.Deployment{
			Meta:     model.Meta{Kind: model.KindDeployment, Namespace: "default", Name: "app"},
			Selector: model.SelectorOf(model.MakeLabels(map[string]string{"app": "app"})),
		})
		r.traffic(sources...)
		r.chaos(d, 60)
		r.after(time.Minute)
		checkSums(t, r)

		last := r.lastTraffic(0)
		from := r.store.History().Len()
		old := r.flows
		r.traffic(sources...)
		for _, p := range r.allPods() {
			r.flows.ServingChanged(p, r.serves[p])
		}
		r.after(time.Minute)
		if now := r.lastTraffic(from); !equal(now, last) {
			t.Fatalf("seed %d: anew %v, followed %v", seed, now, last)
		}
		r.flows = old
	}
}

func equal(a, b map[string]model.Traffic) bool {
	zero := func(x model.Traffic) bool { return x.OfferedMilliRPS == 0 }
	for k, x := range b {
		if y := a[k]; y != x && !(zero(x) && zero(y)) {
			return false
		}
	}
	return true
}

// lastTraffic is the newest rates of every Service and source.
func (r *rig) lastTraffic(from int) map[string]model.Traffic {
	out := map[string]model.Traffic{}
	for _, n := range r.notes(from) {
		if n.Traffic != nil {
			out[n.Named+" from "+n.Traffic.From] = *n.Traffic
		}
	}
	return out
}

func (r *rig) allPods() []model.Ref {
	var all []model.Ref
	r.store.Snapshot().Each(model.KindPod, func(o model.Object) bool { all = append(all, o.Head().Ref()); return true })
	return all
}

// chaos does n random things to pods, slices, machines and links.
func (r *rig) chaos(d *rand.Rand, n int) {
	r.serves = map[model.Ref]bool{}
	var cuts []network.Handle
	for i := range n {
		pods := r.allPods()
		node := fmt.Sprintf("n-%d", d.IntN(5))
		switch what := d.IntN(8); {
		case what < 2 || len(pods) == 0:
			p := r.pod("app", fmt.Sprintf("p-%d", i), node)
			if d.IntN(3) == 0 {
				r.capacity[p] = int64(d.IntN(20_000))
			}
		case what == 2 && len(pods) > 4:
			p := pods[d.IntN(len(pods))]
			r.serves[p] = false
			r.flows.ServingChanged(p, false)
			r.store.Delete(0, p)
		case what < 5:
			d.Shuffle(len(pods), func(i, j int) { pods[i], pods[j] = pods[j], pods[i] })
			r.endpoints(fmt.Sprintf("s-%d", d.IntN(2)), pods[:d.IntN(len(pods)+1)]...)
		case what == 5:
			p := pods[d.IntN(len(pods))]
			r.serves[p] = !r.serves[p]
			r.flows.ServingChanged(p, r.serves[p])
		case what == 6:
			r.power(node, d.IntN(3) > 0)
		case len(cuts) > 2:
			r.net.Lift(cuts[0])
			cuts = cuts[1:]
		default:
			cuts = append(cuts, r.net.Impair(network.Impairment{
				From: []network.Site{r.sites[node]}, To: []network.Site{r.sites[fmt.Sprintf("n-%d", d.IntN(5))]}, Cut: true}))
		}
		r.after(time.Duration(d.Int64N(int64(700 * time.Millisecond))))
	}
}

// Machines are told the sum of what arrives at a pod that serves, also of what it
// has no CPU for.
func TestMachinesAreToldWhatArrives(t *testing.T) {
	r := newRig(t, 1, 2)
	a, b := r.pod("web", "a", "n-0"), r.pod("web", "b", "n-1")
	r.capacity[a] = 100_000
	r.endpoints("web", a, b)
	r.endpoints("api", a)
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Constant(300_000)}, workload.Traffic{Service: "api", Rate: workload.Constant(50_000), From: "node/n-1"})
	told := func(wantA, wantB int64) {
		t.Helper()
		r.after(time.Second)
		if r.load[a.ID] != wantA || r.load[b.ID] != wantB {
			t.Errorf("at %v: %v, want %d and %d", r.Now(), r.load, wantA, wantB)
		}
	}
	r.flows.ServingChanged(a, true)
	told(200_000, 0)
	r.flows.ServingChanged(b, true)
	told(200_000, 150_000)
	r.flows.ServingChanged(a, false)
	told(0, 150_000)
	r.power("n-1", false)
	told(0, 0)
}

// The share of a flow that stays is what its senders' rules say, each for itself.
func TestHowMuchTrafficStaysOnTheNodeAndInTheZone(t *testing.T) {
	r := newRig(t, 1, 4) // n-0 to n-3, all in zone a
	r.sites["n-3"] = r.net.AddSite("n-3", "b")
	var pods []model.Ref
	for i := range 4 {
		p := r.pod("web", fmt.Sprintf("web-%d", i), fmt.Sprintf("n-%d", i))
		pods = append(pods, p)
	}
	r.endpoints("web", pods...)
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Constant(1000), From: "node/n-0"},
		workload.Traffic{Service: "web", Rate: workload.Constant(1000), From: "node/n-3"},
		workload.Traffic{Service: "web", Rate: workload.Constant(1000)})
	for _, p := range pods {
		r.flows.ServingChanged(p, true)
	}
	r.after(3 * time.Second)
	got := map[string][3]int64{}
	for _, n := range r.notes(0) {
		if n.Traffic != nil {
			got[n.Traffic.From] = [3]int64{n.Traffic.InsideMilliRPS, n.Traffic.ZoneMilliRPS, n.Traffic.NodeMilliRPS}
		}
	}
	want := map[string][3]int64{"node/n-0": {1000, 750, 250}, "node/n-3": {1000, 250, 250}, "ingress": {}}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// How long requests take is of those that are served: nothing is said of none, however short those
// before them were.
func TestNoRequestsTakeNoTime(t *testing.T) {
	r := newRig(t, 1, 1)
	r.work = workload.Work{Latency: time.Microsecond}
	p := r.pod("web", "web-0", "n-0")
	r.endpoints("web", p)
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Rate{Steps: []workload.Step{{0, 10_000}, {90 * time.Second, 0}, {200 * time.Second, 20_000}}}})
	r.flows.ServingChanged(p, true)
	r.flows.Slow(p.ID, 10*time.Millisecond)
	r.after(10 * time.Second)
	r.says(t, "web", "10 rps from ingress: 10 served, half within 10.001ms, 99 % within 10.001ms")
	r.flows.Slow(p.ID, -10*time.Millisecond)
	r.after(70 * time.Second)
	r.says(t, "web", "10 rps from ingress: 10 served, half within 1µs, 99 % within 1µs")
	r.after(20 * time.Second)
	r.says(t, "web", "0 rps from ingress: 0 served")
	r.flows.Slow(p.ID, 20*time.Millisecond)
	r.after(2 * time.Minute)
	r.says(t, "web", "20 rps from ingress: 20 served, half within 20.001ms, 99 % within 20.001ms")
}

// Delay and loss between nodes are in the time of requests, whose callers wait for them,
// and messages that are lost too often are requests that fail. A message that TCP loses is
// sent again after 200 ms, a SYN and its answer after 1 s (network.Delay, network.Opening): a
// request on a connection that is kept is one round trip, on a new one two.
func TestARequestPaysForTheConnectionItOpens(t *testing.T) {
	r := newRig(t, 1, 2)
	r.work = workload.Work{Latency: 10 * time.Millisecond}
	p := r.pod("web", "web-0", "n-0")
	for _, name := range []string{"web", "kept"} {
		r.endpoints(name, p)
	}
	r.traffic(
		workload.Traffic{Service: "web", Rate: workload.Constant(1_000_000), From: "node/n-1"},
		workload.Traffic{Service: "kept", Rate: workload.Constant(1_000_000), From: "node/n-1", Connections: &workload.Connections{Each: 10}},
	)
	r.flows.ServingChanged(p, true)
	r.after(3 * time.Second)
	const well = "1000 rps from node/n-1: 1000 served, half within 10ms, 99 % within 10ms"
	r.says(t, "web", well)
	r.says(t, "kept", well)
	between := network.Impairment{From: []network.Site{r.sites["n-0"]}, To: []network.Site{r.sites["n-1"]}}
	for _, c := range []struct {
		harm      network.Impairment
		new, kept string
	}{
		{
			network.Impairment{Delay: sim.Constant(50 * time.Millisecond)},
			"1000 rps from node/n-1: 1000 served, half within 110ms, 99 % within 110ms",
			"1000 rps from node/n-1: 1000 served, half within 60ms, 99 % within 60ms",
		},
		{
			network.Impairment{Both: true, Delay: sim.Constant(50 * time.Millisecond)},
			"1000 rps from node/n-1: 1000 served, half within 210ms, 99 % within 210ms",
			"1000 rps from node/n-1: 1000 served, half within 110ms, 99 % within 110ms",
		},
		{ // 0.5 ^ 7 of the answers, and 0.5 ^ 11 of the answers to SYNs
			network.Impairment{LossPPM: 500_000},
			"1000 rps from node/n-1: 991.704 served, 8.296 timed out, half within 780.349ms, 99 % within 10.868726s",
			"1000 rps from node/n-1: 992.188 served, 7.812 timed out, half within 10ms, 99 % within 7.223354s",
		},
	} {
		c.harm.From, c.harm.To = between.From, between.To
		h := r.net.Impair(c.harm)
		r.after(time.Second)
		r.says(t, "web", c.new)
		r.says(t, "kept", c.kept)
		r.net.Lift(h)
		r.after(time.Second)
		r.says(t, "web", well)
		r.says(t, "kept", well)
	}
}

// Two sources keep the same workers busy, and each source's note says how busy, also when
// only the other one sends something else.
func TestHowBusyEndpointsAreIsToldOfEverySource(t *testing.T) {
	r := newRig(t, 1, 2)
	r.work.Workers, r.work.Latency = 10, 100*time.Millisecond // 100 requests a second
	pod := r.pod("web", "web-0", "n-0")
	r.endpoints("web", pod)
	r.traffic(
		workload.Traffic{Service: "web", Rate: workload.Constant(20_000)},
		workload.Traffic{Service: "web", From: "node/n-1", Rate: workload.Rate{Steps: []workload.Step{{MilliRPS: 30_000}, {At: time.Minute, MilliRPS: 60_000}}}},
	)
	r.flows.ServingChanged(pod, true)
	for _, want := range []int64{500_000, 800_000} {
		r.after(30 * time.Second)
		for _, from := range []string{"ingress", "node/n-1"} {
			if got := r.rates("web", from).BusyPPM; got != want {
				t.Errorf("at %v: %s says %d, want %d", r.Now(), from, got, want)
			}
		}
		r.after(time.Minute)
	}
}

// Workers are limited, also if what arrives keeps none of them busy: then they are asked for
// as good as nothing, which is not the same as that nothing limits them.
func TestWorkersThatRequestsTakeNoTimeOfAreAsGoodAsIdle(t *testing.T) {
	for workers, want := range map[int64]int64{0: 0, 10: 1} {
		r := newRig(t, 1, 1)
		r.work.Workers = workers
		pod := r.pod("web", "web-0", "n-0")
		r.endpoints("web", pod)
		r.traffic(workload.Traffic{Service: "web", Rate: workload.Constant(20_000)})
		r.serve(true, pod)
		r.after(3 * time.Second)
		if got := r.rates("web", "ingress").BusyPPM; got != want {
			t.Errorf("%d workers are busy to %d millionths, want %d", workers, got, want)
		}
	}
}

// A headless Service without a ready pod has no address, which DNS says at once; a call is
// over in no time, and does not wait for its timeout.
func TestAHeadlessServiceWithoutPodsHasNoAddress(t *testing.T) {
	r := newRig(t, 1, 2)
	r.calls = []workload.Call{calling("front", "back", 1000, 0)}
	front, back := r.pod("front", "front-0", "n-0"), r.pod("back", "back-0", "n-1")
	r.store.Create(0, &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: "back"}, Ports: 1, Headless: true})
	r.endpoints("front", front)
	r.sends(t, []model.Ref{front, back}, workload.Traffic{Service: "front", Rate: workload.Constant(10_000)})
	if x := r.rates("back", "calls of app=front"); x.UnresolvedMilliRPS != 10_000 {
		t.Errorf("without pods: %+v", x)
	}
	if x := r.rates("front", "ingress"); x.FailedMilliRPS != 10_000 {
		t.Errorf("at the front: %+v", x)
	}
	r.endpoints("back", back)
	r.after(40 * time.Second)
	if x := r.rates("front", "ingress"); x.ServedMilliRPS != 10_000 || x.P99 > time.Second {
		t.Errorf("when DNS tells of the pod: %+v", x)
	}
}
