package workload_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
)

// Source: CoreDNS' plugin/kubernetes answers from its watch: NXDOMAIN for a Service that is
// not there; kubeadm's Corefile keeps neither answer (disable success and denial of the
// cluster's own domain). Who keeps answers goes on with them for the TTL (RFC 1035, 3.2.1),
// and no longer, whatever is said of servers that are silent (RFC 8767).
func TestANameThatIsNotThereIsNotFound(t *testing.T) {
	for _, cache := range []workload.DNSCache{workload.NoCache, workload.PodCache, workload.NodeCache} {
		r, _ := named(t, workload.DNS{LookupsMilli: 1000, Ndots: 5, TTL: 10 * time.Minute, Cache: cache, ServeStale: time.Hour}, 20*time.Second)
		svc := r.store.Lookup(model.KindService, "default", "back").(*model.Service)
		r.store.Delete(0, svc.Ref())
		r.after(5 * time.Second)
		back := r.back()
		if back.ServedMilliRPS != 0 || (back.UnresolvedMilliRPS == back.OfferedMilliRPS) != (cache == workload.NoCache) {
			t.Errorf("cache %d: just deleted: %+v", cache, back)
		}
		r.after(10 * time.Minute)
		if back := r.back(); back.UnresolvedMilliRPS != 20_000 || back.OfferedMilliRPS != 20_000 {
			t.Errorf("cache %d: deleted: %+v", cache, back)
		}
		r.store.Create(0, &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: "back"}, Ports: 1})
		r.after(5 * time.Second)
		if back := r.back(); back.UnresolvedMilliRPS != 0 || back.OfferedMilliRPS != 20_000 {
			t.Errorf("cache %d: there is another: %+v", cache, back)
		}
	}
}

func TestANameThatIsNotThereYetIsNotFound(t *testing.T) {
	for _, cache := range []workload.DNSCache{workload.NoCache, workload.PodCache, workload.NodeCache} {
		r, pods := shop(t, 1, calling("front", "later", 1000, 0))
		r.dns = &workload.DNS{Namespace: "default", Service: "dns", LookupsMilli: 1000, Ndots: 5, TTL: 10 * time.Minute, Cache: cache}
		server := r.pod("dns", "dns-1", "n-2")
		r.endpoints("dns", server)
		r.sends(t, append(pods, server), workload.Traffic{Service: "front", Rate: workload.Constant(20_000)})
		if got := r.rates("later", "calls of app=front"); got.UnresolvedMilliRPS != 20_000 || got.OfferedMilliRPS != 20_000 {
			t.Errorf("cache %d: not there yet: %+v", cache, got)
		}
		r.endpoints("later", pods[1])
		r.after(5 * time.Second)
		if got := r.rates("later", "calls of app=front"); got.ServedMilliRPS != 20_000 {
			t.Errorf("cache %d: it is there now: %+v", cache, got)
		}
	}
}
