package workload_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
)

// ready makes a Service with one pod on each of n nodes, all serving.
func (r *rig) ready(svc *model.Service, n int) (pods []model.Ref) {
	svc.Meta = model.Meta{Kind: model.KindService, Namespace: "default", Name: "web"}
	svc.Ports = 1
	r.store.Create(0, svc)
	for i := range n {
		pods = append(pods, r.pod("web", fmt.Sprint("web-", i), fmt.Sprint("n-", i)))
	}
	r.endpoints("web", pods...)
	return pods
}

func (r *rig) serve(serving bool, pods ...model.Ref) {
	for _, p := range pods {
		r.flows.ServingChanged(p, serving)
	}
}

// at is what arrives at pods.
func (r *rig) at(pods ...model.Ref) (milli []int64) {
	for _, p := range pods {
		milli = append(milli, r.load[p.ID])
	}
	return milli
}

func (r *rig) arrives(t *testing.T, when string, pods []model.Ref, want ...int64) {
	t.Helper()
	if got := r.at(pods...); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v arrives, want %v: %s", when, got, want, r.now("web"))
	}
}

// Source: "Existing TCP connections are not cut when an endpoint is removed" and
// "HTTP keep-alive: choice happens once per connection → long-lived imbalance after
// scale-up" (pkg/proxy/conntrack/cleanup.go cleans UDP only).
func TestATCPConnectionStaysWithItsEndpointUntilTheProcessEnds(t *testing.T) {
	r := newRig(t, 1, 4)
	pods := r.ready(&model.Service{}, 3)
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Rate{Steps: []workload.Step{{At: 5 * time.Second, MilliRPS: 900}}}, From: "node/n-3", Connections: &workload.Connections{Silence: time.Minute}})
	r.serve(true, pods...)
	r.endpoints("web", pods[:2]...)
	r.after(10 * time.Second)
	r.arrives(t, "two endpoints", pods, 450, 450, 0)
	r.endpoints("web", pods...)
	r.after(10 * time.Minute)
	r.arrives(t, "a third endpoint, of no use to connections there are", pods, 450, 450, 0)
	r.endpoints("web", pods[1:]...)
	r.after(10 * time.Minute)
	r.arrives(t, "the first is no endpoint any more, but lives", pods, 450, 450, 0)
	r.serve(false, pods[0])
	r.after(time.Second)
	r.arrives(t, "the first has ended", pods, 0, 675, 225)
	r.power("n-1", false)
	r.after(50 * time.Second)
	r.says(t, "web", "0.9 rps from node/n-3: 0.225 served, 0.675 timed out")
	r.after(20 * time.Second)
	r.says(t, "web", "0.9 rps from node/n-3: 0.563 served, 0.337 timed out")
	r.endpoints("web", pods[2])
	r.after(2 * time.Minute)
	r.says(t, "web", "0.9 rps from node/n-3: 0.9 served")
}

// Connections of a lifetime are renewed until they are spread as the rules say, and then
// nothing happens any more.
func TestRenewedConnectionsSpreadOverAllEndpoints(t *testing.T) {
	r := newRig(t, 1, 4)
	pods := r.ready(&model.Service{}, 2)
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Rate{Steps: []workload.Step{{At: 5 * time.Second, MilliRPS: 1000}}}, From: "node/n-3", Connections: &workload.Connections{Lifetime: 100 * time.Second, Silence: time.Minute}})
	r.serve(true, pods...)
	r.endpoints("web", pods[0])
	r.after(10 * time.Second)
	r.endpoints("web", pods...)
	r.after(52 * time.Second) // five steps of a tenth each
	if got := r.at(pods...); got[1] < 180 || got[1] > 230 {
		t.Errorf("after half a lifetime: %v", got)
	}
	r.after(20 * time.Minute)
	if got := r.at(pods...); got[0] < 498 || got[0] > 502 || got[1] < 498 || got[1] > 502 {
		t.Errorf("in the end: %v", got)
	}
	before := r.Events()
	r.after(time.Hour)
	if n := r.Events() - before; n > 100 {
		t.Errorf("%d events in an hour in which nothing changes", n)
	}
}

// Source: "gRPC: choice happens once per connection": a client with one connection has
// one endpoint.
func TestAClientWithOneConnectionSendsToOneEndpoint(t *testing.T) {
	seen := map[int]bool{}
	for seed := range uint64(20) {
		r := newRig(t, seed, 4)
		pods := r.ready(&model.Service{}, 3)
		r.traffic(workload.Traffic{Service: "web", Rate: workload.Constant(900), From: "node/n-3", Connections: &workload.Connections{Each: 1, Silence: time.Minute}})
		r.serve(true, pods...)
		r.after(10 * time.Second)
		for i, milli := range r.at(pods...) {
			if milli == 900 {
				seen[i] = true
			} else if milli != 0 {
				t.Errorf("seed %d: %v", seed, r.at(pods...))
			}
		}
	}
	if len(seen) != 3 {
		t.Errorf("of three endpoints, clients chose %v", seen)
	}
}

// Source: core/v1 ServiceAffinityClientIP, pkg/proxy/iptables/proxier.go: a client of a
// node finds its endpoint again for 10,800 s after it was there last, as long as the rules
// have it, whether it answers or not.
func TestAClientStaysWithItsEndpointAsLongAsTheRulesHaveIt(t *testing.T) {
	r := newRig(t, 3, 4)
	pods := r.ready(&model.Service{Affinity: 10_800 * time.Second}, 3)
	day := []workload.Step{{At: 0, MilliRPS: 900}, {At: 4 * time.Hour, MilliRPS: 0}, {At: 5 * time.Hour, MilliRPS: 900}}
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Rate{Steps: day}, From: "node/n-3"})
	r.serve(true, pods...)
	r.after(10 * time.Second)
	mine := -1
	for i, milli := range r.at(pods...) {
		if milli == 900 {
			mine = i
		}
	}
	if mine < 0 {
		t.Fatalf("%v: %s", r.at(pods...), r.now("web"))
	}
	r.after(5*time.Hour + time.Minute)
	if r.at(pods...)[mine] != 900 {
		t.Errorf("after an hour of silence: %v", r.at(pods...))
	}
	r.serve(false, pods[mine])
	r.after(time.Second)
	r.says(t, "web", "0.9 rps from node/n-3: 0 served, 0.9 refused")
	others := append(append([]model.Ref{}, pods[:mine]...), pods[mine+1:]...)
	r.endpoints("web", others...)
	r.after(3 * time.Second)
	r.says(t, "web", "0.9 rps from node/n-3: 0.9 served")
	r.endpoints("web", pods...)
	r.serve(true, pods[mine])
	r.after(3 * time.Second)
	if r.at(pods...)[mine] != 0 {
		t.Error("it went back to where it was, of which nothing is left")
	}
}

// Source: pkg/proxy/iptables/proxier.go writeServiceToEndpointRules: the rules of session
// affinity come before those that choose by chance, so each connection that is opened goes
// where the last one from its address went; those there are stay, as without.
func TestAllConnectionsOfAClientGoWhereItsAffinityLeads(t *testing.T) {
	for _, c := range []workload.Connections{{Each: 20}, {}, {Lifetime: 100 * time.Second}} {
		c.Silence = time.Minute
		r := newRig(t, 3, 4)
		pods := r.ready(&model.Service{Affinity: 10_800 * time.Second}, 3)
		r.traffic(workload.Traffic{Service: "web", Rate: workload.Rate{Steps: []workload.Step{{At: 5 * time.Second, MilliRPS: 900}}}, From: "node/n-3", Connections: &c})
		r.serve(true, pods...)
		r.after(10 * time.Minute)
		mine := slices.Index(r.at(pods...), 900)
		if mine < 0 {
			t.Errorf("%+v: %v arrives", c, r.at(pods...))
			continue
		}
		r.serve(false, pods[mine])
		r.after(time.Second)
		r.says(t, "web", "0.9 rps from node/n-3: 0 served, 0.9 refused")
		r.endpoints("web", append(slices.Clone(pods[:mine]), pods[mine+1:]...)...)
		r.after(3 * time.Second)
		r.says(t, "web", "0.9 rps from node/n-3: 0.9 served")
		if next := r.at(pods...); slices.Max(next) != 900 {
			t.Errorf("%+v: %v arrives after its endpoint has gone", c, next)
		}
	}
}

// Source: pkg/proxy/conntrack/cleanup.go CleanStaleEntries: "a Service without endpoints
// does not require to clean the conntrack entries associated"; entries that do not lead to
// a serving endpoint are cleared else, those to a terminating one that serves are not.
func TestUDPEntriesAreClearedOnlyIfSomeEndpointServes(t *testing.T) {
	r := newRig(t, 1, 4)
	pods := r.ready(&model.Service{UDP: true}, 2)
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Rate{Steps: []workload.Step{{At: 5 * time.Second, MilliRPS: 900}}}, From: "node/n-3", Connections: &workload.Connections{Silence: time.Minute}})
	r.serve(true, pods...)
	r.endpoints("web", pods[0])
	r.after(10 * time.Second)
	r.says(t, "web", "0.9 rps from node/n-3: 0.9 served")
	r.serve(false, pods[0])
	r.after(time.Second)
	r.says(t, "web", "0.9 rps from node/n-3: 0 served, 0.9 timed out")
	r.endpoints("web")
	r.after(10 * time.Minute)
	r.says(t, "web", "0.9 rps from node/n-3: 0 served, 0.9 timed out")
	r.endpoints("web", pods[1])
	r.after(3 * time.Second)
	r.says(t, "web", "0.9 rps from node/n-3: 0.9 served")
	r.proxies["n-3"].Halt()
	r.serve(false, pods[1])
	r.serve(true, pods[0])
	r.endpoints("web", pods[0])
	r.after(30 * time.Minute)
	r.says(t, "web", "0.9 rps from node/n-3: 0 served, 0.9 timed out")
	r.proxies["n-3"].Resume()
	r.after(3 * time.Second)
	r.says(t, "web", "0.9 rps from node/n-3: 0.9 served")
}

// Eight nodes of a zone stand for all with the same rules, but whether their machines keep
// answers of DNS or not, each client chooses for itself, and once. Source: core/v1
// ServiceAffinityClientIP: it is by the client's address; "HTTP keep-alive: choice happens
// once per connection → long-lived imbalance after scale-up".
func TestClientsThatShareRulesChooseForThemselvesAndOnce(t *testing.T) {
	for _, c := range []struct {
		affinity    time.Duration
		connections *workload.Connections
		cache       workload.DNSCache
		chosen      int // of 12 endpoints in ten runs: 12·(1-(11/12)^clients) each time
	}{
		{10_800 * time.Second, nil, workload.NoCache, 105},
		{10_800 * time.Second, nil, workload.NodeCache, 105},
		{10_800 * time.Second, nil, workload.PodCache, 105},
		{0, &workload.Connections{Each: 2, Silence: time.Minute}, workload.NoCache, 118},
		{0, &workload.Connections{Each: 2, Silence: time.Minute}, workload.NodeCache, 118},
	} {
		chosen := 0
		for seed := range uint64(10) {
			r := newRig(t, seed, 24)
			r.seats = 8
			r.dns = &workload.DNS{Namespace: "default", Service: "dns", LookupsMilli: 1000, Ndots: 5, TTL: 30 * time.Second, Cache: c.cache}
			pods := r.ready(&model.Service{Affinity: c.affinity}, 18)
			r.endpoints("web", pods[:12]...)
			dns := r.pod("dns", "dns-0", "n-0")
			r.endpoints("dns", dns)
			r.store.Create(0, &model.Deployment{
				Meta:     model.Meta{Kind: model.KindDeployment, Namespace: "default", Name: "front"},
				Selector: model.SelectorOf(model.MakeLabels(map[string]string{"app": "front"})),
			})
			var clients []model.Ref
			for i := range 24 {
				clients = append(clients, r.pod("front", fmt.Sprint("front-", i), fmt.Sprint("n-", i)))
			}
			steps := []workload.Step{{At: 10 * time.Second, MilliRPS: 240_000}, {At: 2 * time.Minute, MilliRPS: 250_000}, {At: 4 * time.Minute, MilliRPS: 300_000}}
			r.traffic(workload.Traffic{Service: "web", Rate: workload.Rate{Steps: steps}, From: "deployment/front", Connections: c.connections})
			r.serve(true, append(append(clients, pods...), dns)...)
			r.after(time.Minute)
			for _, milli := range r.at(pods[:12]...) {
				if milli > 0 {
					chosen++
				}
			}
			r.endpoints("web", pods...)
			r.after(2 * time.Minute)
			r.power("n-23", false) // so that all senders are found anew
			r.after(30 * time.Second)
			r.power("n-23", true)
			r.after(2 * time.Minute)
			if got := r.at(pods[12:]...); fmt.Sprint(got) != "[0 0 0 0 0 0]" {
				t.Errorf("%+v, seed %d: %v arrives at endpoints that came after all had chosen", c, seed, got)
			}
		}
		if chosen < c.chosen-7 || chosen > c.chosen+7 {
			t.Errorf("%+v: %d endpoints were chosen, want %d", c, chosen, c.chosen)
		}
	}
}

// Affinity begins with the first connection (pkg/proxy/iptables/proxier.go: "-m recent --set" in the chain
// of the endpoint that it goes to), and is over when its timeout has passed since the last one, also of
// pods that call: while they are asked for nothing they call nobody.
func TestAffinityOfCallersBeginsWithTheirFirstCallAndEndsAfterTheirLast(t *testing.T) {
	r := newRig(t, 1, 4)
	r.calls = []workload.Call{calling("front", "web", 1000, 0)}
	pods := r.ready(&model.Service{Affinity: time.Hour}, 3)
	r.endpoints("web", pods[0])
	var fronts []model.Ref
	for i := range 12 {
		fronts = append(fronts, r.pod("front", fmt.Sprint("front-", i), fmt.Sprint("n-", i%4)))
	}
	r.endpoints("front", fronts...)
	rate := workload.Rate{Steps: []workload.Step{{At: time.Minute, MilliRPS: 120_000}, {At: 10 * time.Minute, MilliRPS: 0}, {At: 3 * time.Hour, MilliRPS: 120_000}}}
	r.traffic(workload.Traffic{Service: "front", Rate: rate})
	r.serve(true, append(fronts, pods...)...)
	r.after(30 * time.Second)
	r.endpoints("web", pods[:2]...)
	r.after(5 * time.Minute)
	if got := r.at(pods...); got[0] == 0 || got[1] == 0 {
		t.Errorf("%v arrives, want some at each of the two that were there when the first call was made", got)
	}
	before := fmt.Sprint(r.at(pods...))
	r.endpoints("web", pods...)
	r.after(3 * time.Minute)
	if got := fmt.Sprint(r.at(pods...)); got != before {
		t.Errorf("%v arrives, want %v as before", got, before)
	}
	r.after(3 * time.Hour)
	if got := r.at(pods...); got[2] == 0 {
		t.Errorf("%v arrives, want some at the third, as all had forgotten where they were", got)
	}
}

// stays is how long a client that sends by chance stays with an endpoint of ten on the
// average, in seconds: it chooses anew after each pause longer than the timeout.
func stays(perSecond, timeout float64) float64 {
	luck := rand.New(rand.NewPCG(1, 2))
	now, chose := 0.0, 1
	for range 1_000_000 {
		pause := luck.ExpFloat64() / perSecond
		if now += pause; pause > timeout {
			chose++
		}
	}
	return now / float64(chose)
}

// Source: core/v1 ClientIPConfig.timeoutSeconds, pkg/proxy/iptables/proxier.go: "-m recent
// --rcheck --seconds N --reap": a client that has not sent for so long chooses anew.
func TestAffinityIsOverAfterAPauseLongerThanItsTimeout(t *testing.T) {
	for _, c := range []struct {
		milli   int64
		timeout time.Duration
	}{{100, time.Second}, {100, 30 * time.Second}, {100, 60 * time.Second}, {100, 3 * time.Hour}, {5000, time.Second}, {5000, 2 * time.Second}, {20_000, time.Second}} {
		r := newRig(t, 3, 11)
		pods := r.ready(&model.Service{Affinity: c.timeout}, 10)
		r.traffic(workload.Traffic{Service: "web", Rate: workload.Rate{Steps: []workload.Step{{At: 5 * time.Second, MilliRPS: c.milli}}}, From: "node/n-10"})
		r.serve(true, pods...)
		r.after(time.Minute)
		most := slices.Max(r.at(pods...))
		switch stay := stays(float64(c.milli)/1000, c.timeout.Seconds()); {
		case stay < 600 && most != c.milli/10:
			t.Errorf("%+v: a client stays for %.0f s, %v arrives", c, stay, r.at(pods...))
		case stay > 600 && most != c.milli:
			t.Errorf("%+v: a client stays for %.0f s, %v arrives", c, stay, r.at(pods...))
		}
	}
}
