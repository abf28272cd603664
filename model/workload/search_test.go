package workload_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
)

// looking is a front that sends 20 requests a second to a Service, perhaps in another namespace, and
// has a DNS server that answers in no time.
func looking(t *testing.T, dns workload.DNS, namespace, service string, timeout time.Duration) (r *rig, rates func() (lookups, back model.Traffic)) {
	call := calling("front", service, 1000, 0)
	call.Namespace, call.Home, call.Timeout = namespace, "default", timeout
	r, pods := shop(t, 1, call)
	dns.Namespace, dns.Service = "default", "dns"
	r.dns = &dns
	server := r.pod("dns", "dns-1", "n-2")
	r.works = map[model.Ref]workload.Work{server: {}}
	r.endpoints("dns", server)
	r.sends(t, append(pods, server), workload.Traffic{Service: "front", Rate: workload.Constant(20_000)})
	return r, func() (lookups, back model.Traffic) {
		of := model.Meta{Kind: model.KindService, Namespace: namespace, Name: service}
		return r.rates("dns", "lookups of "+of.Path()+" by "+call.From), r.rates(service, call.From)
	}
}

// Source: resolv.conf(5), ndots; RFC 1535, section 6; glibc's resolv/res_query.c
// __res_context_search; Go's net/dnsclient_unix.go nameList: a name with less dots than ndots is asked
// for in every search domain first, another one before that as it is. Zalando's postmortem of
// January 2019: "ndots:5 = 10 queries per external lookup". The first search domain is the own
// namespace's, the second the cluster's Services' (pkg/kubelet/network/dns/dns.go
// generateSearchesForDNSClusterFirst).
func TestANameIsSearchedForUnlessItHasNdotsDots(t *testing.T) {
	for _, c := range []struct {
		namespace, service       string
		lookups, external, ndots int64
		queries                  int64 // of a request, in thousandths
	}{
		{"default", "back", 1000, 0, 5, 2000},
		{"default", "back", 1000, 0, 1, 2000},
		{"default", "back", 1000, 0, 0, 4000}, // back., then in the first domain
		{"default", "back", 100, 0, 5, 200},
		{"default", "back", 0, 1000, 5, 10_000},
		{"default", "back", 0, 1000, 3, 10_000},
		{"default", "back", 0, 1000, 2, 2000},
		{"default", "back", 1000, 500, 5, 7000},
		{"default", "back-0.back", 1000, 0, 2, 2000},
		{"default", "back-0.back", 1000, 0, 1, 4000},
		{"default", "back-0.back", 1000, 0, 0, 4000},
		{"data", "back-0.back", 1000, 0, 3, 4000},
		{"data", "back-0.back", 1000, 0, 2, 6000},
		{"data", "back-0.back", 1000, 0, 1, 6000},
	} {
		_, rates := looking(t, workload.DNS{LookupsMilli: c.lookups, ExternalMilli: c.external, Ndots: c.ndots}, c.namespace, c.service, time.Second)
		if got, _ := rates(); got.OfferedMilliRPS != 20*c.queries || got.ServedMilliRPS != 20*c.queries {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}

// Source: glibc's resolv/res_query.c __res_context_search: "try next search element" after SERVFAIL, as
// after NXDOMAIN; after a timeout "stop searching up, but try the input name below"; nothing more
// after ECONNREFUSED; a name that is asked for as it is first is searched for whatever became of that.
// Each is asked for twice (resolv.conf(5), attempts 2), and A and AAAA together.
func TestAResolverGoesOnAfterAnErrorButNotAfterATimeout(t *testing.T) {
	servfail := func(ppm int64) workload.DNSHarm { return workload.DNSHarm{Errors: ppm} }
	for _, c := range []struct {
		name                     string
		lookups, external, ndots int64
		harm                     workload.DNSHarm
		refused                  bool
		sent, unresolved         int64 // queries and requests, in thousandths a second
	}{
		// all five names, 1.4 times each; the last decides
		{name: "SERVFAIL, external", external: 1000, ndots: 5, harm: servfail(400_000), sent: 20 * 14_000, unresolved: 3200},
		{name: "SERVFAIL, external, as it is", external: 1000, ndots: 1, harm: servfail(400_000), sent: 20 * 2800 * 164 / 100, unresolved: 3200},
		// the first decides, and 16 % ask for four more
		{name: "SERVFAIL, short", lookups: 1000, ndots: 5, harm: servfail(400_000), sent: 20 * 2800 * 164 / 100, unresolved: 3200},
		// as it is, then in the domain where it is
		{name: "SERVFAIL, short, as it is", lookups: 1000, harm: servfail(400_000), sent: 20 * 2800 * (200 + 3*16) / 100, unresolved: 3200},
		{name: "all SERVFAIL", lookups: 1000, ndots: 5, harm: servfail(1_000_000), sent: 20 * 20_000, unresolved: 20_000},
		{name: "NXDOMAIN, external", external: 1000, ndots: 5, harm: workload.DNSHarm{Denied: 400_000}, sent: 20 * 10_000, unresolved: 8000},
		{name: "NXDOMAIN, short", lookups: 1000, ndots: 5, harm: workload.DNSHarm{Denied: 400_000}, sent: 20 * 2000 * 26 / 10, unresolved: 8000},
		{name: "silent, external", external: 1000, ndots: 5, harm: workload.DNSHarm{Down: true}, sent: 20 * 8000, unresolved: 20_000},
		{name: "silent, short", lookups: 1000, ndots: 5, harm: workload.DNSHarm{Down: true}, sent: 20 * 8000, unresolved: 20_000},
		{name: "silent, short, as it is", lookups: 1000, harm: workload.DNSHarm{Down: true}, sent: 20 * 8000, unresolved: 20_000},
		{name: "refused, external", external: 1000, ndots: 5, refused: true, sent: 20 * 4000, unresolved: 20_000},
		{name: "refused, external, as it is", external: 1000, ndots: 1, refused: true, sent: 20 * 8000, unresolved: 20_000},
	} {
		r, rates := looking(t, workload.DNS{LookupsMilli: c.lookups, ExternalMilli: c.external, Ndots: c.ndots}, "default", "back", time.Minute)
		r.flows.HarmDNS(c.harm)
		if c.refused {
			r.endpoints("dns") // nobody is there
		}
		r.after(10 * time.Minute)
		lookups, back := rates()
		if lookups.OfferedMilliRPS != c.sent || back.UnresolvedMilliRPS != c.unresolved || back.ServedMilliRPS != 20_000-c.unresolved {
			t.Errorf("%s: %+v, and %+v", c.name, lookups, back)
		}
	}
}

// Source: v1.35 pkg/kubelet/network/dns/dns.go appendDNSConfig, mergeDNSOptions: options of a pod's
// dnsConfig override those that the cluster gives it; resolv.conf(5), ndots. Pods of one flow on one
// node with different ones, as during a rollout, each search by their own: of 20 requests a second,
// evenly spread, those of pods with ndots 1 ask 2 queries for a name of two dots, the others 10.
func TestAPodsOwnNdotsOverridesTheClusters(t *testing.T) {
	for _, exact := range []bool{false, true} {
		for _, calls := range []bool{true, false} {
			for old := range 5 {
				own := workload.Traffic{Service: "back", From: "deployment/front", Timeout: time.Second, Rate: workload.Constant(20_000)}
				from, sources := own.From, []workload.Traffic{own}
				r := newRig(t, 1, 3)
				if r.exact, r.dns = exact, (&workload.DNS{Namespace: "default", Service: "dns", ExternalMilli: 1000, Ndots: 5}); calls {
					r.calls = []workload.Call{calling("front", "back", 1000, 0)}
					from, sources = r.calls[0].From, []workload.Traffic{{Service: "front", Rate: workload.Constant(20_000)}}
				}
				r.store.Create(0, &model.Deployment{Meta: model.Meta{Kind: model.KindDeployment, Namespace: "default", Name: "front"}, Selector: model.SelectorOf(model.MakeLabels(map[string]string{"app": "front"}))})
				server, back := r.pod("dns", "dns-1", "n-2"), r.pod("back", "back-1", "n-1")
				r.endpoints("dns", server)
				r.endpoints("back", back)
				var fronts []model.Ref
				for i := range 4 {
					spec := &model.PodSpec{GraceSeconds: 30}
					if i >= old {
						spec.Ndots = new(int8(1))
					}
					fronts = append(fronts, r.podOf(spec, "front", fmt.Sprint("front-", i), fmt.Sprint("n-", i/3)))
				}
				r.endpoints("front", fronts...)
				r.sends(t, append(fronts, server, back), sources...)
				want := int64(5000*old*10 + 5000*(4-old)*2)
				if got := r.rates("dns", "lookups of service/back by "+from); got.OfferedMilliRPS != want || got.ServedMilliRPS != want {
					t.Errorf("exact %v, calls %v, %d old: %+v, want %d", exact, calls, old, got, want)
				}
				if got := r.rates("back", from); got.ServedMilliRPS != 20_000 {
					t.Errorf("exact %v, calls %v, %d old: %+v", exact, calls, old, got)
				}
			}
		}
	}
}

// What no server answers at once takes those longer that ask more often: of pods on one node those
// with ndots 5 ask for five names, each of which has 100 ms of delay, and those with ndots 1 for one.
func TestWhoAsksForMoreNamesWaitsLonger(t *testing.T) {
	for _, c := range []struct {
		timeout time.Duration
		served  int64 // in thousandths a second
	}{{time.Second, 20_000}, {300 * time.Millisecond, 10_000}, {50 * time.Millisecond, 0}} {
		r := newRig(t, 1, 3)
		r.dns = &workload.DNS{Namespace: "default", Service: "dns", ExternalMilli: 1000, Ndots: 5}
		r.calls = []workload.Call{calling("front", "back", 1000, 0)}
		r.calls[0].Timeout = c.timeout
		server, back := r.pod("dns", "dns-1", "n-2"), r.pod("back", "back-1", "n-1")
		r.endpoints("dns", server)
		r.endpoints("back", back)
		fronts := []model.Ref{r.pod("front", "front-0", "n-0"), r.podOf(&model.PodSpec{GraceSeconds: 30, Ndots: new(int8(1))}, "front", "front-1", "n-0")}
		r.endpoints("front", fronts...)
		r.sends(t, append(fronts, server, back), workload.Traffic{Service: "front", Rate: workload.Constant(20_000)})
		r.flows.HarmDNS(workload.DNSHarm{Slow: 100 * time.Millisecond})
		r.after(10 * time.Minute)
		if got := r.back(); got.ServedMilliRPS != c.served {
			t.Errorf("timeout %v: %+v", c.timeout, got)
		}
	}
}
