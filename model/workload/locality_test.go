package workload_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
)

// fronts is a Deployment with a pod on each of n nodes, which all send to the one pod of a
// Service, on the last of them.
func fronts(t *testing.T, n int) (r *rig, front []model.Ref, back model.Ref) {
	r = newRig(t, 1, n)
	for i := range n {
		front = append(front, r.pod("front", fmt.Sprint("front-", i), fmt.Sprint("n-", i)))
	}
	back = r.pod("back", "back-0", fmt.Sprint("n-", n-1))
	r.endpoints("back", back)
	r.store.Create(0, &model.Deployment{
		Meta:     model.Meta{Kind: model.KindDeployment, Namespace: "default", Name: "front"},
		Selector: model.SelectorOf(model.MakeLabels(map[string]string{"app": "front"})),
	})
	return r, front, back
}

// Senders that send no more are not added up, although what the others send instead is the
// same in all and goes no further: not when something else has it looked at.
func TestHowMuchStaysOnNodesIsThatOfThoseWhoSendNow(t *testing.T) {
	r, front, back := fronts(t, 3)
	r.tables = func(string) int64 { return 100_000 }
	r.capacity[back], r.work.CPU = 200_000, time.Millisecond
	var steps []workload.Step
	for i := range int64(60) { // another source makes them look every minute
		steps = append(steps, workload.Step{At: time.Duration(i) * time.Minute, MilliRPS: 50_000 + i%2*50_000})
	}
	r.traffic(
		workload.Traffic{Service: "back", Rate: workload.Constant(90_000), From: "deployment/front"},
		workload.Traffic{Service: "back", Rate: workload.Rate{Steps: steps}},
	)
	r.serve(true, append(front, back)...)
	r.after(3 * time.Second)
	stays := func(when string, want int64) {
		t.Helper()
		r.after(5 * time.Minute)
		if got := r.last("deployment/front"); got == nil || got.NodeMilliRPS != want {
			t.Errorf("%s: %d stay on the node of %v, want %d", when, got.NodeMilliRPS, got, want)
		}
	}
	stays("all send", 30_000)
	r.serve(false, front[2])
	stays("nobody beside it", 0)
	r.serve(true, front[2])
	stays("all send again", 30_000)
	r.serve(false, front[0])
	stays("two send", 45_000)
}

// What moves only nearer, at the same rates, is told at once: how much stays on nodes and in
// zones is right at every moment, also at the end of a run of less than a minute.
func TestHowMuchStaysOnNodesIsToldWhenItChanges(t *testing.T) {
	r, front, back := fronts(t, 3)
	r.traffic(workload.Traffic{Service: "back", Rate: workload.Constant(90_000), From: "deployment/front"})
	other := r.pod("back", "back-1", "n-0")
	r.serve(true, append(front, back, other)...)
	r.serve(false, front[0]) // so that nobody beside the other sends
	r.after(3 * time.Second)
	for _, c := range []struct {
		back []model.Ref
		want int64
	}{{[]model.Ref{other}, 0}, {[]model.Ref{back, other}, 22_500}, {[]model.Ref{back}, 45_000}, {nil, 0}, {[]model.Ref{back}, 45_000}, {[]model.Ref{other}, 0}} {
		r.endpoints("back", c.back...)
		r.after(2 * time.Second) // kube-proxy's rules take a second
		if got := r.last("deployment/front"); got.NodeMilliRPS != c.want {
			t.Errorf("%v: %d stay on the node, want %d", c.back, got.NodeMilliRPS, c.want)
		}
	}
	r.serve(true, front[0])
	r.after(100 * time.Millisecond)
	if got := r.last("deployment/front"); got.NodeMilliRPS != 30_000 || got.InsideMilliRPS != 90_000 {
		t.Errorf("three send, one of them beside the endpoint: %d of %d stay on the node", got.NodeMilliRPS, got.InsideMilliRPS)
	}
}

// So it is of a Service with many endpoints.
func TestHowMuchStaysOnNodesIsToldWhenItChangesAlsoWithManyEndpoints(t *testing.T) {
	r, front, back := fronts(t, 3)
	r.traffic(workload.Traffic{Service: "back", Rate: workload.Constant(90_000), From: "deployment/front"})
	var near, far []model.Ref // on nodes that all fronts are on, and on one of them only
	for i := range 300 {
		ref := r.pod("back", fmt.Sprint("back-", i+1), fmt.Sprint("n-", i%3))
		near = append(near, ref)
		if i%3 == 2 {
			far = append(far, ref)
		}
	}
	r.serve(true, append(append(front, back), near...)...)
	r.serve(false, front[0], front[1])
	r.after(3 * time.Second)
	for _, c := range []struct {
		back []model.Ref
		want int64
	}{{near, 30_000}, {append(far, back), 90_000}, {near[:150], 30_000}, {near, 30_000}, {near[1:], 30_100}} {
		r.endpoints("back", c.back...)
		r.after(2 * time.Second) // kube-proxy's rules take a second
		if got := r.last("deployment/front"); got.NodeMilliRPS != c.want {
			t.Errorf("%d endpoints: %d stay on the node, want %d", len(c.back), got.NodeMilliRPS, c.want)
		}
	}
}

// restless is machines that have CPU for another rate whenever they are told what arrives,
// so that rates never fit together, and a router that has other rules all at once.
type restless struct {
	*rig
	pod   model.Ref
	other model.Route // the rules, once it is not the zero route
	told  int
	at    int // the load at which the network and the rules change
}

func (w *restless) Machine(string) workload.Machine       { return mill{machine{w.rig}, w} }
func (w *restless) Proxy(node string) workload.Router     { return detour{w.rig.Proxy(node), w} }
func (w *restless) RouteChanged(node, ns, service string) { w.flows.RouteChanged(node, ns, service) }

type mill struct {
	machine
	*restless
}

func (m mill) Room(uint32) (room model.Capacity, cores int64)                       { return room, 0 }
func (m mill) Capacity(pod uint32) model.Capacity                                   { return m.machine.Capacity(pod) }
func (m mill) Probed(pod uint32, c int, kind model.ProbeKind, late, refused uint32) {}

func (m mill) Untracked(uint32) {}

func (m mill) Load(pod uint32, in *model.Inflow) bool {
	w := m.restless
	if w.told++; w.at > 0 {
		w.capacity[w.pod] = 40_000 + int64(w.told%2)*40_000
		w.flows.CapacityChanged(w.pod)
		if w.told == w.at {
			w.other = w.rig.proxies[""].Route("default", "web")
			w.other.Endpoints = append([]model.Endpoint(nil), w.other.Endpoints[:1]...)
			w.flows.LinksChanged(w.Now())
		}
	}
	return m.machine.Load(pod, in)
}

type detour struct {
	workload.Router
	*restless
}

func (d detour) External(ns, service string) model.Route { return d.Router.External(ns, service) }
func (d detour) Seat() string                            { return d.Router.Seat() }
func (d detour) Route(ns, service string) model.Route {
	if d.other.Endpoints != nil {
		return d.other
	}
	return d.Router.Route(ns, service)
}

// When the rounds are over in which rates are made to fit, a flow may have other senders
// than those that it was shared out for. How much of it stays on nodes is not looked up in
// lists that do not belong together.
func TestAFlowWhoseRoundsAreOverBeforeItIsSharedOutIsToldAsItWas(t *testing.T) {
	for at := range 22 { // of which one is the last before the rounds are over
		r, front, back := fronts(t, 3)
		web := r.pod("web", "web", "n-0")
		r.endpoints("web", web, back)
		w := &restless{rig: r, pod: web}
		r.capacity[web] = 40_000
		r.flows = workload.NewTraffic(r.Kernel, r.store, r.net, workload.TrafficConfig{World: w, Site: r.sites[""], Sources: []workload.Traffic{
			{Namespace: "default", Service: "web", Rate: workload.Constant(90_000), From: "deployment/front"},
			{Namespace: "default", Service: "web", Rate: workload.Constant(90_000)},
		}})
		r.flows.Start()
		r.serve(true, append(front, back, web)...)
		r.after(5 * time.Second)
		w.at, w.told = at+1, 0
		r.serve(false, front[1:]...)
		r.capacity[web] = 80_000
		r.flows.CapacityChanged(web)
		r.after(time.Second)
		if w.told < w.at {
			t.Fatalf("told %d times, want %d", w.told, w.at)
		}
		w.at = 0
		r.after(time.Minute)
		if got := r.last("deployment/front"); got.OfferedMilliRPS != 90_000 {
			t.Errorf("%v", got)
		}
	}
}

// A route all of whose endpoints are on machines that do not exist is looked at like any other.
func TestEndpointsOnMachinesThatDoNotExistAreNowhere(t *testing.T) {
	r := newRig(t, 1, 2)
	r.tables = func(string) int64 { return 1000 }
	web := r.pod("web", "web-a", "n-0")
	lost := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: "lost-a"}, Spec: &model.PodSpec{}, NodeName: "n-9", NodeID: 9}
	r.store.Create(0, lost)
	r.endpoints("web", web)
	r.endpoints("lost", lost.Ref())
	rate := workload.Rate{Steps: []workload.Step{{At: time.Second, MilliRPS: 1000}, {At: 10 * time.Second, MilliRPS: 2000}, {At: 20 * time.Second, MilliRPS: 3000}}}
	r.traffic(workload.Traffic{Service: "web", From: "node/n-1", Rate: rate}, workload.Traffic{Service: "lost", From: "node/n-1", Rate: rate})
	r.serve(true, web)
	r.after(time.Minute)
	r.says(t, "lost", "3 rps from node/n-1: 0 served, 3 timed out")
}

// How busy endpoints are is the average of the requests that come to them: with a half of all at
// one that has no room for more, and the others at two that are half as busy, it is three quarters.
func TestHowBusyEndpointsAreIsAnAverageOfRequests(t *testing.T) {
	r, front, back := fronts(t, 2)
	r.changes("back", func(svc *model.Service) { svc.LocalInternal = true })
	pods := []model.Ref{back, r.pod("back", "back-1", "n-0"), r.pod("back", "back-2", "n-0")}
	r.endpoints("back", pods...)
	r.work.CPU = time.Millisecond
	for _, p := range pods {
		r.capacity[p] = 100_000
	}
	r.traffic(workload.Traffic{Service: "back", Rate: workload.Constant(200_000), From: "deployment/front"})
	r.serve(true, append(front, pods...)...)
	r.after(time.Minute)
	if got := r.last("deployment/front"); got.BusyPPM != 750_000 {
		t.Errorf("%d of a million: %v", got.BusyPPM, got)
	}
}

// The slow twin adds up what stays each time something else is sent.
func TestWhatStaysOnNodesIsAsMuchMoreAsIsSent(t *testing.T) {
	var told [2]*model.Traffic
	for k := range told {
		r := newRig(t, 1, 3)
		r.exact = k == 1
		front := r.stage("front", "n-0", "n-0", "n-1")
		back := r.stage("back", "n-1", "n-2", "n-0", "n-0")
		r.calls = []workload.Call{calling("front", "back", 700, 0)}
		r.sends(t, append(front, back...), workload.Traffic{Service: "front", Rate: workload.Diurnal(50_000, 900_000, time.Hour, 0, time.Minute)})
		r.after(25 * time.Minute)
		r.serve(false, front[1])
		r.after(20*time.Minute + time.Second)
		if told[k] = r.last(r.calls[0].From); told[k].NodeMilliRPS == 0 {
			t.Fatalf("nothing stays: %+v", told[k])
		}
	}
	got, want := told[0], told[1]
	for what, x := range map[string][2]int64{"node": {got.NodeMilliRPS, want.NodeMilliRPS}, "zone": {got.ZoneMilliRPS, want.ZoneMilliRPS}, "inside": {got.InsideMilliRPS, want.InsideMilliRPS}} {
		if off := max(x[0]-x[1], x[1]-x[0]); off > 2+x[1]/1000 {
			t.Errorf("%s: %d, added up %d", what, x[0], x[1])
		}
	}
}
