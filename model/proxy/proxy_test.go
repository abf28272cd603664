package proxy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/etcd"
	"orrery/model/network"
	"orrery/model/proxy"
	"orrery/model/store"
	"orrery/sim"
)

// rig is an API server, one proxy, and a hand that writes what controllers
// would.
type rig struct {
	*sim.Kernel
	net      *network.Network
	store    *store.Store
	control  network.Site
	node     network.Site
	proxy    *proxy.Proxy
	changes  []sim.Time // when the proxy said that its rules changed
	services map[string]model.Ref
}

func newRig(t *testing.T, seed uint64) *rig { return startRig(seed, false) }

func startRig(seed uint64, literal bool) *rig {
	k := sim.New(sim.Config{Seed: seed})
	net := network.New(k, network.DefaultProfile())
	r := &rig{Kernel: k, net: net, store: store.New(k, net), services: map[string]model.Ref{}}
	r.control, r.node = net.AddSite("cp-0", ""), net.AddSite("n-1", "a")
	apiserver.New(k, r.store, apiserver.NewBackend(k, r.store, net, etcd.Config{Sites: []network.Site{r.control}}), net, r.control, 4)
	r.proxy = proxy.New(k, r.store, net, proxy.Config{Name: "kube-proxy/n-1", Site: r.node, Node: "n-1", Zone: "a", Listener: r, Rules: &proxy.Rulebook{}, Literal: literal})
	r.proxy.Start()
	return r
}

// RouteChanged notes the moments of change, each once.
func (r *rig) RouteChanged(string, string, string) {
	if n := len(r.changes); n == 0 || r.changes[n-1] != r.Now() {
		r.changes = append(r.changes, r.Now())
	}
}

// endpoints makes the slice of a Service list pods that are ready, and makes
// both if they do not exist yet.
func (r *rig) endpoints(name string, pods ...uint32) {
	ref, ok := r.services[name]
	if !ok {
		svc := &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: name}, Ports: 1}
		r.store.Create(0, svc)
		ref = svc.Ref()
		r.services[name] = ref
	}
	slice := &model.EndpointSlice{Meta: model.Meta{Kind: model.KindEndpointSlice, Namespace: "default", Name: name}, Service: ref}
	for _, id := range pods {
		slice.Endpoints = append(slice.Endpoints, model.Endpoint{Pod: model.Ref{Kind: model.KindPod, ID: id}, Ready: true, Serving: true})
	}
	if old := r.store.Lookup(model.KindEndpointSlice, "default", name); old != nil {
		slice.Meta = *old.Head()
		r.store.Update(0, slice)
		return
	}
	r.store.Create(0, slice)
}

func (r *rig) route(name string) string {
	var ids []string
	for _, e := range r.proxy.Route("default", name).Endpoints {
		ids = append(ids, fmt.Sprint(e.Pod.ID))
	}
	return strings.Join(ids, " ")
}

func (r *rig) until(t *testing.T, d time.Duration) {
	t.Helper()
	if err := r.Run(sim.Time(d)); err != nil {
		t.Fatal(err)
	}
}

// Source: "kube-proxy sync: min interval 1 s between end of one sync and start
// of next; 0 if idle > 1 s, else U(0,1) s; plus sync run time"
// (pkg/proxy/runner/bounded_frequency_runner.go).
func TestARunFollowsAnotherAfterASecond(t *testing.T) {
	for seed := range uint64(20) {
		r := newRig(t, seed)
		r.until(t, 10*time.Second)
		for i := range 40 {
			r.endpoints("web", uint32(1+i))
			r.until(t, 10*time.Second+time.Duration(i+1)*100*time.Millisecond)
		}
		r.until(t, 20*time.Second)
		first := r.changes[0].Sub(sim.Time(10 * time.Second))
		if first < 50*time.Millisecond || first > 250*time.Millisecond {
			t.Errorf("seed %d: an idle proxy took %v", seed, first)
		}
		for i, at := range r.changes[1:] {
			if d := at.Sub(r.changes[i]); d < 1050*time.Millisecond || d > 1200*time.Millisecond {
				t.Errorf("seed %d: run %d ended %v after the one before", seed, i+1, d)
			}
		}
		if n := len(r.changes); n < 4 || n > 6 || r.route("web") != "40" {
			t.Errorf("seed %d: %d runs, and then endpoint %s", seed, n, r.route("web"))
		}
	}
}

// Source: pkg/proxy/servicechangetracker.go Update: a new version of a Service that has the same
// ServicePortMap as the last one (serviceport.go newBaseServiceInfo) is no reason for a run, so what
// comes within the next second need not wait for it, either.
func TestAChangeOfAServiceThatKubeProxyDoesNotUseBeginsNoRun(t *testing.T) {
	r := newRig(t, 1)
	r.endpoints("web", 1)
	r.until(t, 10*time.Second)
	change := func(do func(*model.Service)) int {
		svc := r.store.Lookup(model.KindService, "default", "web").Copy().(*model.Service)
		do(svc)
		r.changes = nil
		r.store.Update(0, svc)
		r.until(t, r.Now().Sub(0)+400*time.Millisecond)
		return len(r.changes)
	}
	unused := func(s *model.Service) {
		s.Selector, s.Labels = model.SelectorOf(model.MakeLabels(map[string]string{"app": "b"})), model.MakeLabels(map[string]string{"a": "b"})
		s.PublishNotReady, s.PreferSameZone, s.PreferSameNode, s.TopologyAuto = true, true, true, true
		s.Targets = []model.PortName{{Name: "http", Protocol: "TCP"}}
	}
	if n := change(unused); n != 0 {
		t.Errorf("%d runs", n)
	}
	r.endpoints("web", 2)
	r.until(t, r.Now().Sub(0)+400*time.Millisecond)
	if got := r.route("web"); got != "2" {
		t.Errorf("what came right after it: %q", got)
	}
	for _, used := range []func(*model.Service){
		func(s *model.Service) { s.Affinity = time.Hour },
		func(s *model.Service) { s.Ports = 2 },
		func(s *model.Service) { s.LocalInternal = true },
		func(s *model.Service) { s.LoadBalancer = true },
		func(s *model.Service) { s.LocalExternal = true },
	} {
		r.until(t, r.Now().Sub(0)+2*time.Second)
		if n := change(used); n != 1 {
			t.Errorf("%d runs about what rules are made of", n)
		}
	}
}

// The slow twin is woken by all news, also during a run and within a second of it.
func TestNewsThatWakesNobodyIsReadInTime(t *testing.T) {
	for seed := range uint64(20) {
		quiet, twin := startRig(seed, false), startRig(seed, true)
		for _, r := range []*rig{quiet, twin} {
			luck := sim.NewLuck(seed).Stream("changes")
			at := 10 * time.Second
			for i := range uint32(60) {
				r.until(t, at)
				r.endpoints([]string{"web", "db"}[i%2], 1+i, 2+i)
				at += luck.Duration(0, 900*time.Millisecond)
			}
			r.until(t, at+10*time.Second)
		}
		if !slices.Equal(quiet.changes, twin.changes) || quiet.route("web") != twin.route("web") || quiet.route("db") != twin.route("db") {
			t.Errorf("seed %d: changes %v, its twin's %v", seed, quiet.changes, twin.changes)
		}
		if quiet.Events() >= twin.Events() {
			t.Errorf("seed %d: %d events, %d of the twin", seed, quiet.Events(), twin.Events())
		}
	}
}

func TestRulesAreOlderThanTheView(t *testing.T) {
	r := newRig(t, 1)
	r.endpoints("web", 1, 2)
	r.until(t, 10*time.Second)
	if got := r.route("web"); got != "1 2" {
		t.Fatalf("routes to %q", got)
	}
	r.endpoints("web", 2)
	r.until(t, 10*time.Second+40*time.Millisecond)
	if got := r.route("web"); got != "1 2" {
		t.Errorf("after 40 ms, less than any run takes: %q", got)
	}
	r.until(t, 10*time.Second+300*time.Millisecond)
	if got := r.route("web"); got != "2" {
		t.Errorf("after 300 ms: %q", got)
	}
}

// Source: "Rules stay exactly as last programmed" while the control plane is
// down.
func TestRulesAreFrozenWhileTheControlPlaneIsOutOfReach(t *testing.T) {
	r := newRig(t, 1)
	r.endpoints("web", 1, 2)
	r.until(t, 10*time.Second)
	cut := r.net.Impair(network.Impairment{From: []network.Site{r.control}, To: []network.Site{r.node}, Cut: true})
	r.endpoints("web", 2)
	r.until(t, 10*time.Minute)
	if got := r.route("web"); got != "1 2" {
		t.Errorf("cut off: %q", got)
	}
	r.net.Lift(cut)
	r.until(t, 12*time.Minute)
	if got := r.route("web"); got != "2" {
		t.Errorf("after the cut: %q", got)
	}
}

func TestAServiceThatGoesTakesItsRulesWithIt(t *testing.T) {
	r := newRig(t, 1)
	r.endpoints("web", 1)
	r.until(t, 10*time.Second)
	slice := r.store.Lookup(model.KindEndpointSlice, "default", "web").Head().Ref()
	r.store.Delete(0, slice)
	r.store.Delete(0, r.services["web"])
	r.until(t, 20*time.Second)
	if got := r.proxy.Route("default", "web"); got.Service.ID != 0 {
		t.Errorf("%+v", got)
	}
	delete(r.services, "web")
	r.endpoints("web", 7)
	r.until(t, 30*time.Second)
	if got := r.route("web"); got != "7" {
		t.Errorf("the next of that name: %q", got)
	}
}

func TestAMachineThatBootsListsAnew(t *testing.T) {
	r := newRig(t, 1)
	r.endpoints("web", 1)
	r.until(t, 10*time.Second)
	r.net.SetPower(r.node, false)
	if got := r.proxy.Route("default", "web"); got.Service.ID != 0 {
		t.Errorf("rules without power: %+v", got)
	}
	r.endpoints("web", 2)
	r.until(t, 20*time.Second)
	r.net.SetPower(r.node, true)
	r.until(t, 21*time.Second)
	if got := r.route("web"); got != "2" {
		t.Errorf("after the boot: %q", got)
	}
}

// Source: "kube-proxy stopped on a node: rules frozen; recovery: full list and full
// sync"; its health checks fail at once (pkg/proxy/healthcheck).
func TestAStoppedProxyLeavesItsRulesAndAnotherWritesThemAll(t *testing.T) {
	r := newRig(t, 1)
	r.endpoints("web", 1, 2)
	r.endpoints("gone", 3)
	r.until(t, 10*time.Second)
	r.proxy.Halt()
	slice := r.store.Lookup(model.KindEndpointSlice, "default", "gone").Head().Ref()
	r.store.Delete(0, slice)
	r.store.Delete(0, r.services["gone"])
	r.endpoints("web", 2)
	r.until(t, 10*time.Minute)
	if r.route("web") != "1 2" || r.route("gone") != "3" {
		t.Errorf("stopped: %q and %q", r.route("web"), r.route("gone"))
	}
	r.proxy.Resume()
	r.until(t, 10*time.Minute+40*time.Millisecond)
	if r.route("web") != "1 2" {
		t.Errorf("before it has listed anything: %q", r.route("web"))
	}
	r.until(t, 10*time.Minute+time.Second)
	if r.route("web") != "2" || r.proxy.Route("default", "gone").Service.ID != 0 {
		t.Errorf("started again: %q and %q", r.route("web"), r.route("gone"))
	}
}

// Source: pkg/proxy/healthcheck/service_health.go: 200 if the node has a ready endpoint
// and kube-proxy is healthy; with Cluster policy its healthz does not look at endpoints.
func TestWhatAHealthCheckOfANodeComesTo(t *testing.T) {
	r := newRig(t, 1)
	for _, local := range []bool{true, false} {
		name := fmt.Sprint("web-", local)
		svc := &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: name}, Ports: 1, LoadBalancer: true, LocalExternal: local}
		r.store.Create(0, svc)
		slice := &model.EndpointSlice{Meta: model.Meta{Kind: model.KindEndpointSlice, Namespace: "default", Name: name}, Service: svc.Ref()}
		slice.Endpoints = []model.Endpoint{{Pod: model.Ref{Kind: model.KindPod, ID: 1}, Node: model.NameOf("n-1"), Ready: true, Serving: true}}
		r.store.Create(0, slice)
		r.until(t, r.Now().Sub(0)+5*time.Second)
		if !r.proxy.Passes("default", name) {
			t.Errorf("local %v: a ready endpoint, and yet it fails", local)
		}
		next := *slice
		next.Endpoints = []model.Endpoint{{Pod: model.Ref{Kind: model.KindPod, ID: 1}, Node: model.NameOf("n-1"), Serving: true, Terminating: true}}
		r.store.Update(0, &next)
		r.until(t, r.Now().Sub(0)+5*time.Second)
		if r.proxy.Passes("default", name) == local || len(r.proxy.External("default", name).Endpoints) != 1 {
			t.Errorf("local %v, the endpoint terminates: %v", local, r.proxy.Passes("default", name))
		}
	}
	r.proxy.Halt()
	if r.proxy.Passes("default", "web-false") {
		t.Error("the process does not run, and yet it answers")
	}
}

// Source: pkg/proxy/iptables/proxier.go syncProxyRules writes a REJECT rule for a Service
// that it knows and that has no endpoint. Of one that was deleted there is no rule, and
// what goes to its address leaves the node like any other packet.
func TestOnlyAServiceThatIsKnownRejects(t *testing.T) {
	r := newRig(t, 1)
	if !r.proxy.Route("default", "web").Dropped {
		t.Error("refuses before there are any rules")
	}
	r.endpoints("web")
	r.until(t, 10*time.Second)
	if got := r.proxy.Route("default", "web"); got.Dropped || len(got.Endpoints) > 0 {
		t.Errorf("without an endpoint: %+v", got)
	}
	r.store.Delete(0, r.services["web"])
	r.until(t, 20*time.Second)
	if !r.proxy.Route("default", "web").Dropped {
		t.Error("refuses what goes to a Service that is gone")
	}
}

// Source: kubeadm's Corefile (ttl 30, cache 30), coredns.io/plugins/kubernetes and cache: answers
// are up to 30 s old, also that a name does not exist. Answers are renewed every 30 s, so that
// what clients know changes only then.
func TestClientsOfAHeadlessServiceKnowWhatDNSToldThem(t *testing.T) {
	phases := map[time.Duration]bool{}
	for seed := range uint64(10) {
		r := newRig(t, seed)
		svc := &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: "db"}, Ports: 1, Headless: true}
		r.store.Create(0, svc)
		r.services["db"] = svc.Ref()
		r.until(t, 10*time.Second)
		if got := r.proxy.Route("default", "db"); !got.Headless || len(got.Endpoints) > 0 {
			t.Fatalf("seed %d: without a pod: %+v", seed, got)
		}
		var renewed []sim.Time
		known := ""
		for i := range 40 {
			r.endpoints("db", uint32(1+i), 99)
			for range 5 {
				r.until(t, r.Now().Sub(0)+time.Second)
				if now := r.route("db"); now != known {
					known, renewed = now, append(renewed, r.Now())
					if want := fmt.Sprint(1+i, " 99"); now != want && i > 0 && now != fmt.Sprint(i, " 99") {
						t.Errorf("seed %d: clients know %q, the newest is %q", seed, now, want)
					}
				}
			}
		}
		for i := 1; i < len(renewed); i++ {
			if d := renewed[i].Sub(renewed[i-1]); d != 30*time.Second {
				t.Errorf("seed %d: renewed after %v", seed, d)
			}
		}
		if len(renewed) < 6 {
			t.Errorf("seed %d: renewed %d times in 200 s", seed, len(renewed))
		}
		phases[time.Duration(renewed[0])%(30*time.Second)] = true
		r.store.Delete(0, r.services["db"])
		r.until(t, r.Now().Sub(0)+40*time.Second)
		if got := r.proxy.Route("default", "db"); !got.Headless || len(got.Endpoints) > 0 {
			t.Errorf("seed %d: of a Service that is gone: %+v", seed, got)
		}
	}
	if len(phases) < 5 {
		t.Errorf("%d different moments for ten", len(phases))
	}
}

// Source: pkg/util/iptables/iptables.go Monitor: rules that are flushed are written again
// at the next look, within 30 s; a process that does not run does not look. What DNS told
// of a headless Service is no rule.
func TestRulesThatAreFlushedAreWrittenAtTheNextLook(t *testing.T) {
	for seed := range uint64(20) {
		r := newRig(t, seed)
		r.endpoints("web", 1, 2)
		headless := &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: "db"}, Ports: 1, Headless: true}
		r.store.Create(0, headless)
		r.until(t, 40*time.Second)
		whole := r.route("web")
		r.proxy.Flush()
		if got := r.proxy.Route("default", "web"); !got.Dropped || len(got.Endpoints) > 0 {
			t.Errorf("seed %d: right after it %+v", seed, got)
		}
		if got := r.proxy.Route("default", "db"); !got.Headless || got.Dropped {
			t.Errorf("seed %d: of a headless Service %+v", seed, got)
		}
		r.until(t, 70*time.Second+time.Second)
		if got := r.route("web"); got != whole {
			t.Errorf("seed %d: after a look %q, want %q", seed, got, whole)
		}
		r.proxy.Flush()
		r.proxy.Halt()
		r.until(t, 3*time.Minute)
		if got := r.proxy.Route("default", "web"); !got.Dropped {
			t.Errorf("seed %d: without a process %+v", seed, got)
		}
		r.proxy.Resume()
		r.until(t, 3*time.Minute+2*time.Second)
		if got := r.route("web"); got != whole {
			t.Errorf("seed %d: after a start %q, want %q", seed, got, whole)
		}
	}
}

// Source: pkg/proxy/iptables/proxier.go: Monitor calls forceSyncProxyRules, which runs syncProxyRules
// itself. So such a run does not wait until a second has passed since the last one of the runner's,
// whose next one does not wait for it.
func TestARunForMissingRulesWaitsForNoOther(t *testing.T) {
	for seed := range uint64(20) {
		r := newRig(t, seed)
		r.endpoints("web", 1)
		r.until(t, 10*time.Second)
		r.proxy.Flush()
		r.changes = nil
		for i := range uint32(300) {
			r.endpoints("web", 2+i)
			r.until(t, r.Now().Sub(0)+100*time.Millisecond)
		}
		soon := 0
		for i := 1; i < len(r.changes); i++ {
			if r.changes[i].Sub(r.changes[i-1]) < minGap {
				soon++
			}
		}
		if soon == 0 {
			t.Errorf("seed %d: no run within a second of another: %v", seed, r.changes)
		}
		for i := 2; i < len(r.changes); i++ {
			if d := r.changes[i].Sub(r.changes[i-2]); d < minGap {
				t.Errorf("seed %d: three runs within %v", seed, d)
			}
			if d := r.changes[i].Sub(r.changes[i-1]); d > 1400*time.Millisecond {
				t.Errorf("seed %d: the next run ended only %v later", seed, d)
			}
		}
	}
}

// minGap is the least time from the end of a run of the runner's to that of its next.
const minGap = 1050 * time.Millisecond
