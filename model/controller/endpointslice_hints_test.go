package controller

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// topologyOf reads "a4 b2 b2": a ready node a word, of a zone, with so many cores.
func topologyOf(text string) *topology {
	t := &topology{}
	for _, w := range strings.Fields(text) {
		var cores int64
		fmt.Sscan(w[1:], &cores)
		t.count(node(w[:1], cores), 1)
	}
	return t
}

func node(zone string, cores int64) *model.Node {
	n := &model.Node{Ready: model.Condition{Status: model.True}}
	n.Labels = model.MakeLabels(map[string]string{model.LabelZone: zone})
	n.Allocatable.CPUMilli = cores * 1000
	return n
}

// Source: k8s.io/endpointslice/topologycache/topologycache.go getAllocations and
// utils.go getGivingAndReceivingZones, as the service networking specification tells
// them: "desired_z = ρ_z·n, min_z = ⌈desired_z/1.2⌉, desired_z = max(desired, min),
// max_z = min_z + n − Σmin; disabled if < 2 zones, n < zones, Σmin > n".
func TestEndpointsAreDividedByTheCPUOfZones(t *testing.T) {
	for _, c := range []struct {
		sentence string
		nodes    string
		has      []int64 // endpoints that zones have
		want     string  // what moves: "give a1 take b1", or why nothing can
	}{
		{"as many as the zone's CPU: nothing moves", "a4 b4 c4", []int64{3, 3, 3}, ""},
		{"a zone with too many gives", "a4 b4 c4", []int64{5, 2, 2}, "give a2 take b1 c1"},
		{"less than half an endpoint off stays", "a4 b4", []int64{8, 7}, ""},
		{"a zone with twice the CPU wants twice as many", "a4 a4 b4 c4", []int64{2, 3, 3}, "give b1 c1 take a2"},
		{"one zone only", "a4", []int64{4}, "Insufficient Node information"},
		{"fewer endpoints than zones", "a4 b4 c4", []int64{1, 1, 0}, "Insufficient number of endpoints (2 endpoints, 3 zones)"},
		{"the least of all zones together is too much", "a8 b4 c4 d4", []int64{1, 1, 1, 1}, "Unable to allocate minimum required endpoints"},
	} {
		top := topologyOf(c.nodes)
		var n int64
		for _, h := range c.has {
			n += h
		}
		wants, _, got := top.allocate(n)
		if got == "" {
			give, take := top.exchange(wants, c.has)
			got = moved("give", give) + moved(" take", take)
		}
		if got != c.want && (c.want == "" || !strings.HasPrefix(got, c.want)) {
			t.Errorf("%s: %q, want %q", c.sentence, got, c.want)
		}
	}
}

func moved(what string, n []int64) string {
	text := ""
	for z := range n {
		if n[z] > 0 {
			text += fmt.Sprintf(" %c%d", 'a'+z, n[z])
		}
	}
	if text == "" {
		return ""
	}
	return what + text
}

// Source: topologycache.go SetNodes: a ready node without a zone turns all hints off;
// nodes that are not ready and machines of the control plane (hasExcludedLabels) do not count.
func TestOneNodeWithoutAZoneTurnsHintsOff(t *testing.T) {
	top := topologyOf("a4 b4")
	silent := node("", 4)
	silent.Ready.Status = model.Unknown
	for _, role := range []string{model.LabelControlPlane, "node-role.kubernetes.io/master"} {
		control := node("c", 4)
		control.Labels = control.Labels.With(role, "")
		top.count(control, 1)
	}
	top.count(silent, 1)
	if !top.known() || len(top.zones) != 2 {
		t.Errorf("%+v", top)
	}
	top.count(node("", 4), 1)
	if top.known() {
		t.Error("a node is nowhere, and yet it is known what zones have")
	}
	top.count(node("", 4), -1)
	if !top.known() {
		t.Error("the node is gone")
	}
}

// Source: endpointslice_controller.go updateNode: only a node that comes, goes, gets ready or not, or
// has another zone has the CPU of all nodes looked at (topologycache.go SetNodes). Until then what
// zones have is what they had.
func TestOtherCPUOfANodeCountsFromTheNextLookAtNodesOn(t *testing.T) {
	r := newRig(t, rigConfig{seed: 1, zones: []int{2, 2}, cores: []int64{4, 4, 4, 4}})
	svc := service("web")
	svc.TopologyAuto = true
	r.user.client.Create(svc, 0)
	r.user.client.Create(deployment("web", 8), 0)
	r.run(t, 30*time.Second)
	n := r.node(1).Copy().(*model.Node)
	n.Allocatable.CPUMilli = 20_000
	r.store.Update(r.user.id, n)
	r.run(t, time.Second)
	web := r.store.Lookup(model.KindService, "default", "web").Head().Ref()
	r.user.client.Patch(web, change[*model.Service]{func(s *model.Service) { s.Labels = model.MakeLabels(map[string]string{"a": "b"}) }}, 0)
	r.run(t, 5*time.Second)
	if got, want := hintsOf(r), "a>a:4 b>b:4"; got != want {
		t.Errorf("it has more CPU: %s, want %s", got, want)
	}
	n = r.node(2).Copy().(*model.Node)
	n.Ready.Status = model.False
	r.store.Update(r.user.id, n)
	r.run(t, time.Second)
	if got, want := hintsOf(r), "a>a:4 b>a:1 b>b:3"; got != want {
		t.Errorf("another node is not ready: %s, want %s", got, want)
	}
}

func hintsOf(r *rig) string {
	n := map[string]int{}
	for _, s := range r.slices() {
		for _, e := range s.Endpoints {
			n[e.Zone.String()+">"+e.HintZone.String()]++
		}
	}
	var out []string
	for k, v := range n {
		out = append(out, fmt.Sprintf("%s:%d", k, v))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// Source: topologycache.go AddHints: endpoints of a zone that has more than its part are
// hinted to zones that have less; endpointslice_controller.go checkNodeTopologyDistribution:
// a Service is looked at when a node that is not ready leaves a zone too few.
func TestTopologyModeAutoHintsEndpointsToOtherZones(t *testing.T) {
	r := newRig(t, rigConfig{seed: 1, zones: []int{2, 2, 2}, cores: []int64{8, 8, 4, 4, 4, 4}, start: sim.Constant(time.Second)})
	svc := service("web")
	svc.TopologyAuto, svc.PreferSameZone = true, true
	r.user.client.Create(svc, 0)
	r.user.client.Create(deployment("web", 12), 0)
	r.run(t, 30*time.Second)
	if got, want := hintsOf(r), "a>a:4 b>a:1 b>b:3 c>a:1 c>c:3"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	r.silence(3, 4)
	r.run(t, 2*time.Minute)
	if got, want := hintsOf(r), "a>a:4 b>:4 c>a:1 c>c:3"; got != want {
		t.Errorf("without zone b, %s, want %s", got, want)
	}
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Replicas = 0 })
	r.run(t, time.Minute)
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Replicas = 1 })
	r.run(t, 30*time.Second)
	if got, want := hintsOf(r), "a>:1 b>:4"; got != want {
		t.Errorf("with one pod, %s, want %s", got, want)
	}
}

// Source: k8s.io/endpointslice/reconciler.go ("TopologyAwareHints annotation has changed,
// removing hints"): they go, that is told, and trafficDistribution counts again.
func TestWithoutTopologyModeAutoItsHintsGo(t *testing.T) {
	r := newRig(t, rigConfig{seed: 1, zones: []int{2, 2}, cores: []int64{12, 12, 4, 4}})
	svc := service("web")
	svc.TopologyAuto = true
	r.user.client.Create(svc, 0)
	r.user.client.Create(deployment("web", 8), 0)
	r.run(t, 30*time.Second)
	if got, want := hintsOf(r), "a>a:4 b>a:2 b>b:2"; got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	before := r.notes(reasonNotHinted)
	for _, c := range []struct {
		zone bool
		want string
	}{{false, "a>:4 b>:4"}, {true, "a>a:4 b>b:4"}} {
		web := r.store.Lookup(model.KindService, "default", "web").Head().Ref()
		r.user.client.Patch(web, change[*model.Service]{func(s *model.Service) { s.TopologyAuto, s.PreferSameZone = false, c.zone }}, 0)
		r.run(t, 5*time.Second)
		if got := hintsOf(r); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
	if n := r.notes(reasonNotHinted) - before; n != 1 {
		t.Errorf("it was told %d times", n)
	}
}

// Source: k8s.io/endpointslice/trafficdist/trafficdist.go: every ready endpoint is for its
// own zone, if it has one, and with PreferSameNode also for its own node. Ready is also who
// is not, with publishNotReadyAddresses (utils.go podToEndpoint).
func TestTrafficDistributionHintsReadyEndpointsToTheirOwnPlaces(t *testing.T) {
	a := model.NameOf("a")
	for _, c := range []struct {
		name               string
		zone, node, all    bool // PreferSameZone, PreferSameNode, publishNotReadyAddresses
		started            bool
		ready, hinted      bool
		hintZone, wantZone model.Name
	}{
		{name: "none", started: true, ready: true, wantZone: a},
		{name: "PreferSameZone", zone: true, started: true, ready: true, hintZone: a, wantZone: a},
		{name: "PreferSameNode", zone: true, node: true, started: true, ready: true, hinted: true, hintZone: a, wantZone: a},
		{name: "not ready", zone: true, node: true, wantZone: a},
		{name: "not ready, published", zone: true, node: true, all: true, ready: true, hinted: true, hintZone: a, wantZone: a},
		{name: "without a zone", zone: true, node: true, started: true, ready: true, hinted: true},
	} {
		r := newRig(t, rigConfig{seed: 1})
		if c.wantZone != a {
			n := r.node(1).Copy().(*model.Node)
			n.Labels = nil
			r.store.Update(r.user.id, n)
		}
		r.run(t, time.Second)
		svc := service("web")
		svc.PreferSameZone, svc.PreferSameNode, svc.PublishNotReady = c.zone, c.node, c.all
		p := webPod()
		if c.started {
			p.Ready.Status = model.True
		}
		e, listed := endpointsOf(r).endpoint(svc, p)
		if !listed || e.Ready != c.ready || e.Serving != c.started || e.HintNode != c.hinted || e.HintZone != c.hintZone || e.Zone != c.wantZone {
			t.Errorf("%s: %+v", c.name, e)
		}
	}
}
