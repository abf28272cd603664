package workload_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/workload"
)

// keeping is two fronts, a Deployment's, that keep connections to a back and send it 20
// requests a second, with two DNS servers.
func keeping(t *testing.T, c workload.Connections, dns workload.DNS) (r *rig, backs, servers []model.Ref) {
	r, pods := shop(t, 2)
	dns.Namespace, dns.Service, dns.LookupsMilli, dns.Ndots = "default", "dns", 1000, 5
	r.dns = &dns
	servers = []model.Ref{r.pod("dns", "dns-1", "n-1"), r.pod("dns", "dns-2", "n-2")}
	r.works = map[model.Ref]workload.Work{servers[0]: {}, servers[1]: {}}
	r.endpoints("dns", servers...)
	r.store.Create(0, &model.Deployment{
		Meta:     model.Meta{Kind: model.KindDeployment, Namespace: "default", Name: "front"},
		Selector: model.SelectorOf(model.MakeLabels(map[string]string{"app": "front"})),
	})
	c.Silence = time.Minute
	r.sends(t, append(pods, servers...), workload.Traffic{Service: "back", Rate: workload.Constant(20_000), From: "deployment/front", Connections: &c})
	r.after(time.Minute)
	return r, pods[2:], servers
}

func (r *rig) kept() model.Traffic { return r.rates("back", "deployment/front") }
func (r *rig) asked() model.Traffic {
	return r.rates("dns", "lookups of service/back by deployment/front")
}

// Source: what is known of outages of DNS: "existing connections fine; most apps fail at new
// connections".
func TestKeptConnectionsNeedNoNameButToBeOpened(t *testing.T) {
	for _, cache := range []workload.DNSCache{workload.NoCache, workload.PodCache, workload.NodeCache} {
		r, backs, servers := keeping(t, workload.Connections{Each: 20}, workload.DNS{TTL: time.Minute, Cache: cache})
		if got := r.asked(); got.OfferedMilliRPS > 10 {
			t.Errorf("cache %d: whoever keeps connections asks: %+v", cache, got)
		}
		r.serve(false, servers...)
		r.after(time.Hour)
		if got := r.kept(); got.ServedMilliRPS != 20_000 {
			t.Errorf("cache %d: DNS is down, connections are open: %+v", cache, got)
		}
		r.serve(false, backs[0])
		r.after(time.Minute)
		got, asked := r.kept(), r.asked()
		if lost := got.UnresolvedMilliRPS; lost < 5000 || lost > 15_000 || got.ServedMilliRPS != 20_000-lost || asked.OfferedMilliRPS != 4*lost {
			t.Errorf("cache %d: an endpoint has ended, and what went there asks at every request, twice: %+v, %+v", cache, got, asked)
		}
		r.serve(true, servers[0])
		r.after(time.Second)
		if got, asked := r.kept(), r.asked(); got.ServedMilliRPS != 20_000 || asked.OfferedMilliRPS > 10 {
			t.Errorf("cache %d: a server is back: %+v, %+v", cache, got, asked)
		}
		if at := r.at(backs...); at[0] != 0 || at[1] != 20_000 {
			t.Errorf("cache %d: %v", cache, at)
		}
	}
}

// A connection that is closed because of its lifetime is not opened again while DNS is down:
// nine tenths to the power of ten are left after one lifetime.
func TestConnectionsWhoseLifetimeIsOverAreNotOpenedWithoutDNS(t *testing.T) {
	r, _, servers := keeping(t, workload.Connections{Lifetime: 10 * time.Minute}, workload.DNS{})
	if got := r.asked(); got.OfferedMilliRPS < 4 || got.OfferedMilliRPS > 10 { // 2 pods, one name each in 600 s
		t.Errorf("%+v", got)
	}
	r.serve(false, servers...)
	r.after(10*time.Minute + time.Second)
	if got := r.kept(); got.UnresolvedMilliRPS < 13_000 || got.UnresolvedMilliRPS > 13_100 || got.ServedMilliRPS != 20_000-got.UnresolvedMilliRPS {
		t.Errorf("after a lifetime: %+v", got)
	}
	r.after(3 * time.Hour)
	if got := r.kept(); got.UnresolvedMilliRPS != 20_000 {
		t.Errorf("after many: %+v", got)
	}
	before := r.Events()
	r.after(time.Hour)
	if n := r.Events() - before; n > 100 {
		t.Errorf("%d events in an hour in which nothing changes", n)
	}
	r.serve(true, servers...)
	r.after(time.Second)
	if got := r.kept(); got.ServedMilliRPS != 20_000 {
		t.Errorf("healed: %+v", got)
	}
}

// A connection opened every few minutes is a lookup now and then, of which thousandths a second
// are one or two. What is rounded there, as much of it is lost, has clients ask again, and that
// is rounded otherwise; it came to no rest before all rounds of an instant were over, and
// the tables of connections were not looked at any more.
func TestLookupsThatAreHardlyAnyComeToRestWhereMuchIsLost(t *testing.T) {
	for _, lifetime := range []time.Duration{30 * time.Second, 2 * time.Minute, 5 * time.Minute} {
		for lost := uint64(20_000); lost <= 980_000; lost += 40_000 {
			r, _, _ := keeping(t, workload.Connections{Lifetime: lifetime}, workload.DNS{TTL: 30 * time.Second, Cache: workload.NodeCache})
			nodes := []network.Site{r.sites["n-0"], r.sites["n-1"], r.sites["n-2"]}
			before := r.flows.Computed()
			r.net.Impair(network.Impairment{From: nodes, To: nodes, LossPPM: lost})
			r.after(time.Second)
			if n := r.flows.Computed() - before; n > 500 {
				t.Errorf("lifetime %v, %d of a million lost: %d flows are computed", lifetime, lost, n)
			}
			events := r.Events()
			r.after(time.Hour)
			if n := r.Events() - events; n > 100 {
				t.Errorf("lifetime %v, %d of a million lost: %d events in an hour in which nothing changes", lifetime, lost, n)
			}
		}
	}
}
