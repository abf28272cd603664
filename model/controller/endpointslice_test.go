package controller

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

func sizes(r *rig) []int {
	var n []int
	for _, s := range r.slices() {
		n = append(n, len(s.Endpoints))
	}
	return n
}

// Source: pkg/controller/endpointslice/config/v1alpha1/defaults.go,
// max-endpoints-per-slice 100; k8s.io/endpointslice/reconciler.go.
func TestASliceHoldsUpToOneHundredEndpoints(t *testing.T) {
	r := newRig(t, rigConfig{seed: 1})
	r.user.client.Create(deployment("web", 250), 0)
	r.until(t, 2*time.Minute, "all ready", func() bool { _, ready := r.active(); return ready == 250 })
	r.user.client.Create(service("web"), 0)
	r.run(t, 5*time.Second)
	if got := sizes(r); !slices.Equal(got, []int{100, 100, 50}) {
		t.Errorf("slices of %v", got)
	}
	compare(t, r)
}

// Source: k8s.io/endpointslice/reconciler.go: "When no endpoint slices would
// usually exist, we need to add a placeholder."
func TestAServiceWithoutPodsHasOneEmptySlice(t *testing.T) {
	r := newRig(t, rigConfig{seed: 1})
	r.user.client.Create(service("web"), 0)
	r.run(t, time.Second)
	if got := sizes(r); !slices.Equal(got, []int{0}) {
		t.Fatalf("slices of %v", got)
	}
	r.user.client.Create(deployment("web", 3), 0)
	r.run(t, 10*time.Second)
	if got := sizes(r); !slices.Equal(got, []int{3}) {
		t.Errorf("slices of %v: the empty one is filled", got)
	}
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Replicas = 0 })
	r.run(t, 10*time.Second)
	if got := sizes(r); !slices.Equal(got, []int{0}) {
		t.Errorf("slices of %v: one stays", got)
	}
}

// Source: k8s.io/endpointslice/reconciler.go reconcileByPortMapping and finalize: new endpoints go
// into slices that are written anyway, but not into those that would be empty; then into one that
// has room for all; a slice that is to be created takes the place of one that is to be deleted.
func TestASliceThatIsLeftEmptyIsFilledOnlyInsteadOfANewOne(t *testing.T) {
	added := func(n int) []model.Endpoint {
		out := make([]model.Endpoint, n)
		for i := range out {
			out[i].Pod.ID = uint32(1000 + i)
		}
		return out
	}
	for _, c := range []struct {
		has     []int // 0 is a slice that has just lost all it had
		changed []bool
		added   int
		want    []int
	}{
		{[]int{0, 60}, []bool{true, false}, 10, []int{0, 70}},
		{[]int{0, 60}, []bool{true, true}, 10, []int{0, 70}},
		{[]int{0, 60}, []bool{true, false}, 50, []int{50, 60}},
		{[]int{0, 60}, []bool{true, true}, 50, []int{10, 100}},
		{[]int{0, 100}, []bool{true, false}, 150, []int{100, 100, 50}},
	} {
		r := serviceRow{places: map[uint32]place{}}
		for i, n := range c.has {
			r.slices = append(r.slices, sliceRow{stored: &model.EndpointSlice{}, endpoints: make([]model.Endpoint, n), changed: c.changed[i]})
		}
		r.place(added(c.added))
		var got []int
		for i := range r.slices {
			got = append(got, len(r.slices[i].endpoints))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// Source: k8s.io/endpointslice/reconciler.go finalize: "If there are slices to create and delete,
// change the creates to updates of the slices that would otherwise be deleted."
func TestOfTheSlicesOfAServiceWithoutPodsOneIsKept(t *testing.T) {
	old := &model.EndpointSlice{}
	r := serviceRow{slices: []sliceRow{{gone: true}, {stored: old}, {stored: &model.EndpointSlice{}}}}
	if i := r.keepOne(); i != 1 || r.slices[0].stored != nil || !r.slices[0].gone || r.slices[1].stored != old {
		t.Errorf("it keeps %d of %+v", i, r.slices)
	}
	r = serviceRow{slices: []sliceRow{{gone: true}}}
	if i := r.keepOne(); i != 0 || r.slices[0].gone || !r.slices[0].changed {
		t.Errorf("it makes %d of %+v", i, r.slices)
	}
}

// Source: k8s.io/endpointslice/utils.go podToEndpoint: ready is Ready and not
// terminating, serving is Ready whatever happens.
func TestATerminatingPodServesButIsNotReady(t *testing.T) {
	r := newRig(t, rigConfig{seed: 2, end: sim.Constant(10 * time.Second)})
	svc := service("web")
	svc.PreferSameZone = true
	r.user.client.Create(svc, 0)
	r.user.client.Create(deployment("web", 2), 0)
	r.run(t, 10*time.Second)
	gone := r.podList()[0]
	r.user.client.Delete(gone.Ref(), store.DefaultGrace, 0)
	r.run(t, 100*time.Millisecond)
	for _, s := range r.slices() {
		for _, e := range s.Endpoints {
			if want := e.Pod == gone.Ref(); e.Terminating != want && e.Serving || e.Ready == want && e.Serving {
				t.Errorf("%+v", e)
			}
			if a := model.NameOf("a"); e.Zone != a || e.Ready != (e.HintZone == a) {
				t.Errorf("zone %q, hint %q", e.Zone, e.HintZone)
			}
		}
	}
	r.run(t, 20*time.Second)
	compare(t, r)
}

// compare checks the stored slices against the endpoints that the pods in the
// store make: the slow twin of the incremental update.
func compare(t *testing.T, r *rig) {
	t.Helper()
	c := endpointsOf(r)
	want, got := map[string]model.Endpoint{}, map[string]model.Endpoint{}
	r.store.Snapshot().Each(model.KindService, func(o model.Object) bool {
		for _, p := range r.podList() {
			if e, ok := c.endpoint(o.(*model.Service), p); ok && p.Namespace == o.Head().Namespace {
				want[o.Head().Name+"/"+p.Name] = e
			}
		}
		return true
	})
	for _, s := range r.slices() {
		if len(s.Endpoints) > endpointsMost {
			t.Errorf("%s has %d endpoints", s.Name, len(s.Endpoints))
		}
		for _, e := range s.Endpoints {
			pod := r.store.Get(e.Pod)
			if pod == nil {
				t.Errorf("%v: %s lists a pod that is gone", r.Now(), s.Name)
				continue
			}
			k := r.store.Get(s.Service).Head().Name + "/" + pod.Head().Name
			if _, twice := got[k]; twice {
				t.Errorf("%v: %s is listed twice", r.Now(), k)
			}
			got[k] = e
		}
	}
	if !maps.Equal(got, want) {
		t.Fatalf("%v: endpoints\n%v, want\n%v", r.Now(), got, want)
	}
}

func endpointsOf(r *rig) *endpointSlices {
	for _, l := range r.process.loops {
		if c, ok := l.controller.(*endpointSlices); ok {
			return c
		}
	}
	return nil
}

func TestSlicesAreWhatThePodsMake(t *testing.T) {
	for seed := range uint64(20) {
		r := newRig(t, rigConfig{seed: seed, zones: []int{2, 2}, start: sim.Uniform(0, 5*time.Second), end: sim.Uniform(0, 5*time.Second)})
		luck := r.Luck().Stream("test/random")
		r.user.client.Create(&model.Service{
			Meta:     model.Meta{Kind: model.KindService, Namespace: "default", Name: "all"},
			Selector: &model.Selector{Requirements: []model.Requirement{{Key: "app", Op: model.Exists}}},
		}, 0)
		for i := range 4 {
			r.user.client.Create(deployment(fmt.Sprint("app-", i), int32(luck.Below(60))), 0)
			r.user.client.Create(service(fmt.Sprint("app-", i)), 0)
		}
		for range 10 {
			for range 8 {
				r.run(t, luck.Duration(10*time.Millisecond, 2*time.Second))
				disturb(r, &luck)
				if luck.Below(8) == 0 {
					meddle(r, &luck)
				}
			}
			r.run(t, 2*time.Minute)
			compare(t, r)
		}
	}
}

// meddle deletes a slice, or takes a Service away or brings it back.
func meddle(r *rig, luck *sim.Stream) {
	name := fmt.Sprint("app-", luck.Below(4))
	svc := r.store.Lookup(model.KindService, "default", name)
	switch all := r.slices(); {
	case luck.Below(2) == 0 && len(all) > 0:
		r.user.client.Delete(all[luck.Below(uint64(len(all)))].Ref(), 0, 0)
	case svc == nil:
		r.user.client.Create(service(name), 0)
	default:
		r.user.client.Delete(svc.Head().Ref(), 0, 0)
	}
}

// Source: pkg/controller/endpointslice/endpointslice_controller.go syncService ("EndpointSlice
// informer cache is out of date"), defaultSyncBackOff: a look that comes before the controller has
// seen what it wrote fails, and is made again after 1 s.
func TestALookBeforeTheLastWriteIsSeenComesAgainAfterASecond(t *testing.T) {
	r := newRig(t, rigConfig{seed: 1, start: sim.Constant(5 * time.Second), end: sim.Constant(10 * time.Second)})
	r.user.client.Create(service("web"), 0)
	r.user.client.Create(deployment("web", 2), 0)
	r.until(t, time.Minute, "all ready", func() bool { _, ready := r.active(); return ready == 2 })
	r.run(t, 5*time.Second)
	pods := r.podList()
	terminating := func(when string, want ...bool) {
		t.Helper()
		for _, e := range r.slices()[0].Endpoints {
			if i := slices.IndexFunc(pods, func(p *model.Pod) bool { return p.Ref() == e.Pod }); i >= 0 && e.Terminating != want[i] {
				t.Errorf("%s: pod %d is terminating: %v", when, i, e.Terminating)
			}
		}
	}
	r.store.Delay(func(*store.Client) bool { return true }, func(k model.Kind) bool { return k == model.KindEndpointSlice }, 500*time.Millisecond)
	r.user.client.Delete(pods[0].Ref(), store.DefaultGrace, 0)
	r.run(t, 100*time.Millisecond)
	terminating("the first is going", true, false)
	r.user.client.Delete(pods[1].Ref(), store.DefaultGrace, 0)
	r.run(t, 850*time.Millisecond)
	terminating("the second is going, and the looks at it failed", true, false)
	r.run(t, 200*time.Millisecond)
	terminating("a second after the first of them", true, true)
}

// Source: pkg/controller/endpointslice/endpointslice_controller.go onEndpointSliceDelete,
// queueServiceForEndpointSlice, endpointSliceChangeMinSyncDelay: 1 s.
func TestASliceThatSomebodyElseDeletedIsMadeAnewAfterASecond(t *testing.T) {
	r := newRig(t, rigConfig{seed: 1})
	r.user.client.Create(service("web"), 0)
	r.run(t, time.Second)
	r.user.client.Delete(r.slices()[0].Ref(), 0, 0)
	r.run(t, 950*time.Millisecond)
	if n := len(r.slices()); n != 0 {
		t.Errorf("%d slices within a second", n)
	}
	r.run(t, 150*time.Millisecond)
	if n := len(r.slices()); n != 1 {
		t.Errorf("%d slices after a second", n)
	}
}

// Source: k8s.io/endpointslice/utils.go setEndpointSliceLabels: "if the labels are not identical
// update the slice with the corresponding service labels".
func TestSlicesHaveTheLabelsOfTheirService(t *testing.T) {
	r := newRig(t, rigConfig{seed: 1})
	svc := service("web")
	r.user.client.Create(svc, 0)
	r.user.client.Create(deployment("web", 2), 0)
	r.run(t, 10*time.Second)
	next := *r.store.Lookup(model.KindService, "default", "web").(*model.Service)
	next.Labels = model.MakeLabels(map[string]string{"team": "shop"})
	r.user.client.Update(&next, 0)
	r.run(t, time.Second)
	if s := r.slices()[0]; !sameLabels(s.Labels, next.Labels) || len(s.Endpoints) != 2 {
		t.Errorf("labels %v, %d endpoints", s.Labels, len(s.Endpoints))
	}
	before := r.slices()[0].ResourceVersion
	r.run(t, time.Minute)
	if r.slices()[0].ResourceVersion != before {
		t.Error("it is written again")
	}
}

// Source: k8s.io/endpointslice/utils.go ShouldSetHostname, and
// pkg/controller/statefulset/stateful_set_utils.go initIdentity: each pod of a StatefulSet
// has its name as hostname, and the set's serviceName as subdomain. The name goes with the
// pod, whichever of the slice it is.
func TestPodsOfAStatefulSetHaveNamesBehindItsServiceOnly(t *testing.T) {
	for _, c := range []struct {
		subdomain, service string
		headless           bool
		want               string
	}{
		{"web", "web", true, "[web-0 web-1 web-2]"},
		{"other", "web", true, "[]"},
		{"web", "web", false, "[]"},
	} {
		r := newRig(t, rigConfig{seed: 1})
		svc := service(c.service)
		svc.Headless = c.headless
		r.user.client.Create(svc, 0)
		set := statefulSet("web", 3, nil)
		spec := *set.Template.Spec
		spec.Subdomain = c.subdomain
		set.Template.Spec = &spec
		r.user.client.Create(set, 0)
		r.run(t, 2*time.Minute)
		for range 2 {
			var names []string
			for _, s := range r.slices() {
				for i := range s.Hostnames {
					p := r.store.Get(s.Endpoints[i].Pod).(*model.Pod)
					if s.Hostnames[i] != p.Name {
						t.Errorf("%s is called %s", p.Name, s.Hostnames[i])
					}
					names = append(names, p.Name)
				}
			}
			slices.Sort(names)
			if got := fmt.Sprint(names); got != c.want {
				t.Errorf("%+v: names %s", c, got)
			}
			r.user.client.Delete(model.Ref{Kind: model.KindPod, ID: r.store.Lookup(model.KindPod, "default", "web-0").Head().ID}, store.DefaultGrace, 0)
			r.run(t, 2*time.Minute)
		}
	}
}

// Source: k8s.io/endpointslice/utils.go getEndpointPorts, FindPort: a targetPort that is a
// name is one of the containers' ports of that name and protocol, and without one the
// endpoint has no port.
func TestAPodWithoutThePortThatAServiceNamesIsNoEndpoint(t *testing.T) {
	http := model.PortName{Name: "http", Protocol: "TCP"}
	for _, c := range []struct {
		targets  []model.PortName
		headless bool
		want     int
	}{
		{nil, false, 3},
		{[]model.PortName{http}, false, 3},
		{[]model.PortName{{Name: "nope", Protocol: "TCP"}}, false, 0},
		{[]model.PortName{{Name: "http", Protocol: "UDP"}}, false, 0},
		{[]model.PortName{{Name: "nope", Protocol: "TCP"}, http}, false, 3},
		{[]model.PortName{{Name: "nope", Protocol: "TCP"}}, true, 3},
	} {
		r := newRig(t, rigConfig{seed: 1})
		d := deployment("web", 3)
		spec := *d.Template.Spec
		spec.Ports = []model.PortName{http}
		d.Template.Spec = &spec
		r.user.client.Create(d, 0)
		svc := service("web")
		svc.Targets, svc.Headless = c.targets, c.headless
		r.user.client.Create(svc, 0)
		r.until(t, 2*time.Minute, "all ready", func() bool { _, ready := r.active(); return ready == 3 })
		r.run(t, 5*time.Second)
		if got := sizes(r); !slices.Equal(got, []int{c.want}) {
			t.Errorf("%+v: slices of %v", c, got)
		}
	}
}

// Source: k8s.io/endpointslice/reconciler.go reconcileByAddressType: "If the Node specified
// by the Pod doesn't exist we want to requeue the Service so we retry later, but also update
// the EndpointSlice without the problematic Pod", unless publishNotReadyAddresses is set.
// Nodes come and go without a look at Services (endpointslice_controller.go deleteNode).
func TestAPodWhoseNodeIsGoneIsLeftOutFromTheNextLookUntilTheNodeIsBack(t *testing.T) {
	r := newRig(t, rigConfig{seed: 1})
	every := service("every")
	every.PublishNotReady, every.Selector = true, service("web").Selector
	r.user.client.Create(service("web"), 0)
	r.user.client.Create(every, 0)
	r.user.client.Create(deployment("web", 3), 0)
	r.until(t, time.Minute, "all ready", func() bool { _, ready := r.active(); return ready == 3 })
	r.run(t, time.Second)
	listed := func(when string, web, every int) {
		t.Helper()
		got := map[string]int{}
		for _, s := range r.slices() {
			got[r.store.Get(s.Service).Head().Name] += len(s.Endpoints)
		}
		if got["web"] != web || got["every"] != every {
			t.Errorf("%s: %d and %d endpoints, want %d and %d", when, got["web"], got["every"], web, every)
		}
	}
	node := *r.node(r.podList()[0].NodeID)
	r.user.client.Delete(node.Ref(), 0, 0)
	r.run(t, 2*time.Second)
	listed("nobody looked", 3, 3)
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Replicas = 4 })
	r.run(t, 3*time.Second)
	listed("the fourth is there", 3, 4)
	node.ID, node.ResourceVersion = 0, 0
	r.user.client.Create(&node, 0)
	r.run(t, 5*time.Second)
	listed("the node is back", 4, 4)
}

// webPod is a pod that service("web") selects, with an address on the first node.
func webPod() *model.Pod {
	return &model.Pod{
		Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: "p", Labels: model.MakeLabels(map[string]string{"app": "web"})},
		Spec: template("web", "1").Spec, NodeID: 1, NodeName: "node-a-000", IP: 1,
	}
}

// Source: k8s.io/endpointslice/util/controller_utils.go ShouldPodBeInEndpoints: "Terminal
// describes when a Pod is complete (in a succeeded or failed phase) ... a pod that hasn't
// been assigned an IP address" are in none; who is being deleted is, and who is not ready.
func TestPodsThatHaveEndedOrHaveNoAddressAreNoEndpoints(t *testing.T) {
	r := newRig(t, rigConfig{seed: 1})
	r.run(t, time.Second)
	for _, c := range []struct {
		name   string
		change func(*model.Pod)
		listed bool
	}{
		{"ready", func(*model.Pod) {}, true},
		{"not ready", func(p *model.Pod) { p.Ready.Status = model.False }, true},
		{"terminating", func(p *model.Pod) { p.DeletionAt = 1 }, true},
		{"pending, with an address", func(p *model.Pod) { p.Phase = model.PodPending }, true},
		{"without an address", func(p *model.Pod) { p.IP = 0 }, false},
		{"succeeded", func(p *model.Pod) { p.Phase = model.PodSucceeded }, false},
		{"failed", func(p *model.Pod) { p.Phase = model.PodFailed }, false},
		{"failed, and terminating", func(p *model.Pod) { p.Phase, p.DeletionAt = model.PodFailed, 1 }, false},
		{"of another app", func(p *model.Pod) { p.Labels = nil }, false},
	} {
		p := webPod()
		p.Phase, p.Ready.Status = model.PodRunning, model.True
		c.change(p)
		for _, publish := range []bool{false, true} {
			svc := service("web")
			svc.PublishNotReady = publish
			if _, listed := endpointsOf(r).endpoint(svc, p); listed != c.listed {
				t.Errorf("%s, publishNotReadyAddresses %v: listed %v", c.name, publish, listed)
			}
		}
	}
}

// Source: k8s.io/endpointslice/util/controller_utils.go podEndpointsChanged: a Service is looked at
// when a pod's readiness or address is another, or it is being deleted, whatever else changes then;
// its phase and its node are no reasons. determineNeededServiceUpdates: of those that have selected
// it all along none is looked at for its labels alone.
func TestWhichNewsOfAPodHaveItsServicesLookedAt(t *testing.T) {
	r := newRig(t, rigConfig{seed: 1})
	r.user.client.Create(service("web"), 0)
	other := service("other")
	other.Selector = model.SelectorOf(model.MakeLabels(map[string]string{"tier": "a"}))
	r.user.client.Create(other, 0)
	r.run(t, time.Second)
	c := endpointsOf(r)
	both := model.MakeLabels(map[string]string{"app": "web", "tier": "a"})
	for _, x := range []struct {
		name   string
		was    func(*model.Pod)
		change func(*model.Pod)
		looks  []string
	}{
		{"ready", nil, func(p *model.Pod) { p.Ready.Status = model.True }, []string{"web"}},
		{"another address", nil, func(p *model.Pod) { p.IP = 2 }, []string{"web"}},
		{"deleted", nil, func(p *model.Pod) { p.DeletionAt = 1 }, []string{"web"}},
		{"another status while it is deleted", func(p *model.Pod) { p.DeletionAt = 1 }, func(p *model.Pod) { p.Reason = "x" }, []string{"web"}},
		{"failed", nil, func(p *model.Pod) { p.Phase = model.PodFailed }, nil},
		{"bound", func(p *model.Pod) { p.NodeID = 0 }, func(p *model.Pod) { p.NodeID = 1 }, nil},
		{"another status", nil, func(p *model.Pod) { p.Reason = "x" }, nil},
		{"other labels", nil, func(p *model.Pod) { p.Labels = both }, []string{"other"}},
		{"other labels, and ready", nil, func(p *model.Pod) { p.Labels, p.Ready.Status = both, model.True }, []string{"other", "web"}},
		{"no labels", func(p *model.Pod) { p.Labels = both }, func(p *model.Pod) { p.Labels = nil }, []string{"other", "web"}},
	} {
		old := webPod()
		if x.was != nil {
			x.was(old)
		}
		next := old.Copy().(*model.Pod)
		x.change(next)
		c.pod(0, old, next)
		var looks []string
		for id, ok := c.queue.take(); ok; id, ok = c.queue.take() {
			looks = append(looks, r.store.Get(model.Ref{Kind: model.KindService, ID: id}).Head().Name)
			c.queue.release(id)
		}
		slices.Sort(looks)
		if !slices.Equal(looks, x.looks) {
			t.Errorf("%s: %v, want %v", x.name, looks, x.looks)
		}
	}
}

// A pod that ends without having been ready is news for nobody (podEndpointsChanged), and leaves its
// Service at that one's next look.
func TestAPodThatEndsWithoutHavingBeenReadyIsListedUntilTheNextLook(t *testing.T) {
	r := newRig(t, rigConfig{seed: 1, start: sim.Constant(time.Hour)})
	svc := service("web")
	svc.PublishNotReady = true
	r.user.client.Create(svc, 0)
	p := webPod()
	p.Phase = model.PodRunning
	r.store.Create(r.user.id, p)
	r.run(t, 2*time.Second)
	ended := r.podList()[0].Copy().(*model.Pod)
	ended.Phase = model.PodFailed
	r.store.Update(r.user.id, ended)
	r.run(t, time.Minute)
	if got := sizes(r); !slices.Equal(got, []int{1}) {
		t.Errorf("it has failed: slices of %v", got)
	}
	relabel := change[*model.Service]{func(s *model.Service) { s.Labels = model.MakeLabels(map[string]string{"a": "b"}) }}
	r.user.client.Patch(r.store.Lookup(model.KindService, "default", "web").Head().Ref(), relabel, 0)
	r.run(t, time.Second)
	if got := sizes(r); !slices.Equal(got, []int{0}) {
		t.Errorf("somebody has looked: slices of %v", got)
	}
}
