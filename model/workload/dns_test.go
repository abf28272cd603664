package workload_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/workload"
	"orrery/sim"
)

// named is a shop of two fronts that call a back, 10 times a second each, on three
// nodes, with two DNS servers, on n-1 and n-2, which answer in no time.
func named(t *testing.T, dns workload.DNS, timeout time.Duration) (*rig, []model.Ref) {
	return namedAt(t, 20_000, dns, timeout)
}

// namedAt is that with so many thousandths of a request a second in all.
func namedAt(t *testing.T, milli int64, dns workload.DNS, timeout time.Duration) (*rig, []model.Ref) {
	call := calling("front", "back", 1000, 0)
	call.Timeout = timeout
	r, pods := shop(t, 2, call)
	dns.Namespace, dns.Service = "default", "dns"
	r.dns = &dns
	servers := []model.Ref{r.pod("dns", "dns-1", "n-1"), r.pod("dns", "dns-2", "n-2")}
	r.works = map[model.Ref]workload.Work{servers[0]: {}, servers[1]: {}}
	r.endpoints("dns", servers...)
	r.sends(t, append(pods, servers...), workload.Traffic{Service: "front", Rate: workload.Constant(milli)})
	return r, servers
}

func (r *rig) back() model.Traffic { return r.rates("back", "calls of app=front") }
func (r *rig) lookups() model.Traffic {
	return r.rates("dns", "lookups of service/back by calls of app=front")
}

func TestEveryRequestLooksUpItsNamesUnlessSomebodyKeepsThem(t *testing.T) {
	for _, c := range []struct {
		cache workload.DNSCache
		want  int64 // thousandths of a query per second
	}{
		{workload.NoCache, 20_000 * 4},
		{workload.PodCache, 2 * 133}, // two pods, each 10/(1+10*30) a second
		{workload.NodeCache, 2 * 133},
	} {
		r, _ := named(t, workload.DNS{LookupsMilli: 2000, Ndots: 5, TTL: 30 * time.Second, Cache: c.cache}, time.Second)
		if got := r.lookups(); got.OfferedMilliRPS != c.want || got.ServedMilliRPS != c.want {
			t.Errorf("cache %d: %+v, want %d", c.cache, got, c.want)
		}
		if got := r.back(); got.ServedMilliRPS != 20_000 {
			t.Errorf("cache %d: %+v", c.cache, got)
		}
	}
}

// lookedUp is how many of the requests that come by chance, so many a second, one by one,
// find no answer in a cache that keeps one for the TTL: the part of all of them. A lookup
// takes so many seconds, drawn from some, or fails (-1).
func lookedUp(perSecond, ttl float64, takes ...float64) float64 {
	luck := rand.New(rand.NewPCG(1, 2))
	now, until, next, asked, n := 0.0, 0.0, math.Inf(1), 0, 300_000
	for range n {
		if now += luck.ExpFloat64() / perSecond; now >= next {
			until, next = next+ttl, math.Inf(1)
		}
		if now < until {
			continue
		}
		asked++
		if took := takes[luck.IntN(len(takes))]; took >= 0 {
			next = min(next, now+took)
		}
	}
	return float64(asked) / float64(n)
}

// Source: a cache keeps an answer for its TTL (RFC 1035, 3.2.1), and the next request after
// that asks: of requests that come by chance at a rate λ these are 1/(1+λ·TTL).
func TestACacheAsksAtTheFirstRequestAfterItsAnswerIsTooOld(t *testing.T) {
	for _, ttl := range []time.Duration{10 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, time.Second} {
		for _, cache := range []workload.DNSCache{workload.PodCache, workload.NodeCache} {
			r, _ := named(t, workload.DNS{LookupsMilli: 1000, Ndots: 5, TTL: ttl, Cache: cache}, time.Second)
			got, want := r.lookups().OfferedMilliRPS, int64(40_000*lookedUp(10, ttl.Seconds(), 0))
			if exact := int64(40_000 / (1 + 10*ttl.Seconds())); got < exact-2 || got > exact+2 || got < want*98/100 || got > want*102/100 {
				t.Errorf("cache %d, TTL %v: %d, one by one %d", cache, ttl, got, want)
			}
		}
	}
}

// Source: CoreDNS' plugin/cache/handler.go ServeDNS: who finds no answer asks, whoever asked
// before. So as long as a lookup takes, all requests ask, and wait as long.
func TestWhileALookupTakesAllRequestsAsk(t *testing.T) {
	for _, c := range []struct {
		milli int64 // from each node
		ttl   time.Duration
		slow  time.Duration // or one of two servers is dead
		takes []float64
	}{
		{10_000, 30 * time.Second, 4 * time.Second, []float64{4}},
		{200, 30 * time.Second, 4 * time.Second, []float64{4}},
		{10_000, time.Second, 500 * time.Millisecond, []float64{.5}},
		{10_000, time.Second, 0, []float64{0, 0, 5, -1}}, // half of all attempts fail
		{400, 5 * time.Second, 0, []float64{0, 0, 5, -1}},
		{1000, 5 * time.Second, 0, []float64{0, 0, 5, -1}},
	} {
		r, _ := namedAt(t, 2*c.milli, workload.DNS{LookupsMilli: 1000, Ndots: 5, TTL: c.ttl, Cache: workload.NodeCache}, 20*time.Second)
		each := 2.0 // queries of a lookup
		if c.slow > 0 {
			r.flows.HarmDNS(workload.DNSHarm{Slow: c.slow})
		} else {
			r.power("n-2", false)
			each = 3.75 // half again, and a quarter of all ask for the name itself then
		}
		r.after(2 * time.Minute)
		part := lookedUp(float64(c.milli)/1000, c.ttl.Seconds(), c.takes...)
		got, want := r.lookups().OfferedMilliRPS, int64(each*part*float64(r.back().OfferedMilliRPS))
		if got < want*98/100 || got > want*102/100 {
			t.Errorf("%+v: %d, one by one %d", c, got, want)
		}
		if p99 := r.rates("front", "ingress").P99; c.slow == 4*time.Second && (p99 < c.slow || p99 > c.slow+100*time.Millisecond) {
			t.Errorf("%+v: 99 %% are served within %v", c, p99)
		}
	}
}

// A cache asks for itself: it gets an answer that comes after who wanted it has given up,
// and the requests after that find it.
func TestACacheGetsAnAnswerThatNobodyWaitsForAnyMore(t *testing.T) {
	r, _ := named(t, workload.DNS{LookupsMilli: 1000, Ndots: 5, TTL: 30 * time.Second, Cache: workload.NodeCache}, time.Second)
	r.flows.HarmDNS(workload.DNSHarm{Slow: 1500 * time.Millisecond})
	r.after(10 * time.Minute)
	want := int64(20_000 * lookedUp(10, 30, 1.5))
	if got := r.back(); got.UnresolvedMilliRPS < want*97/100 || got.UnresolvedMilliRPS > want*103/100 || got.ServedMilliRPS != got.OfferedMilliRPS-got.UnresolvedMilliRPS {
		t.Errorf("%+v, one by one %d are not resolved", got, want)
	}
}

// Source: NodeLocal DNSCache: one cache on each node, whichever of its pods ask.
func TestAllPodsOfANodeShareWhatItKeeps(t *testing.T) {
	for _, c := range []struct {
		cache       workload.DNSCache
		all, bigger float64 // requests that ask, of ten apps, and when one of them sends 30 times as much
	}{
		{workload.NodeCache, 10.0 / 11, 39.0 / 40},
		{workload.PodCache, 10 * 1.0 / 2, 9*1.0/2 + 30.0/31},
	} {
		var calls []workload.Call
		var sources []workload.Traffic
		for i := range 10 {
			app := fmt.Sprint("app-", i)
			calls = append(calls, calling(app, "back", 1000, 0))
			rate := workload.Constant(1000)
			if i == 3 {
				rate = workload.Rate{Steps: []workload.Step{{At: 0, MilliRPS: 1000}, {At: time.Minute, MilliRPS: 30_000}}}
			}
			sources = append(sources, workload.Traffic{Service: app, Rate: rate})
		}
		r, pods := shop(t, 1, calls...)
		r.dns = &workload.DNS{Namespace: "default", Service: "dns", LookupsMilli: 1000, Ndots: 5, TTL: time.Second, Cache: c.cache}
		for i := range 10 {
			pod := r.pod(fmt.Sprint("app-", i), fmt.Sprint("app-", i, "-0"), "n-1")
			r.endpoints(fmt.Sprint("app-", i), pod)
			pods = append(pods, pod)
		}
		server := r.pod("dns", "dns-1", "n-2")
		r.works = map[model.Ref]workload.Work{server: {}}
		r.endpoints("dns", server)
		r.sends(t, append(pods, server), sources...)
		asked := func() (sum int64) {
			for i := range 10 {
				sum += r.rates("dns", fmt.Sprint("lookups of service/back by calls of app=app-", i)).OfferedMilliRPS
			}
			return sum
		}
		if got, want := asked(), int64(2000*c.all); got < want-10 || got > want+10 {
			t.Errorf("cache %d: %d, want %d", c.cache, got, want)
		}
		r.after(2 * time.Minute)
		if got, want := asked(), int64(2000*c.bigger); got < want-10 || got > want+10 {
			t.Errorf("cache %d, one sends more: %d, want %d", c.cache, got, want)
		}
		r.power("n-0", false) // everybody's senders are found anew
		r.after(2 * time.Minute)
		r.power("n-0", true)
		r.after(2 * time.Minute)
		if got, want := asked(), int64(2000*c.bigger); got < want-10 || got > want+10 {
			t.Errorf("cache %d, found anew: %d, want %d", c.cache, got, want)
		}
	}
}

// Source: resolv.conf(5), timeout 5 s, attempts 2: of two replicas one that is dead, but
// still among the endpoints, stalls half of all lookups for 5 s. A and AAAA go to one
// server: those who wait less lose half of them, others a quarter; of queries there is half
// as many again. Nobody who is served waits longer than once.
func TestADeadReplicaStallsAShareOfLookups(t *testing.T) {
	for _, c := range []struct {
		timeout    time.Duration
		unresolved int64
	}{{time.Second, 10_000}, {time.Minute, 5000}} {
		r, _ := named(t, workload.DNS{LookupsMilli: 1000, Ndots: 5}, c.timeout)
		r.power("n-2", false)
		r.after(time.Second)
		back, lookups := r.back(), r.lookups()
		sent := back.OfferedMilliRPS
		want := c.unresolved * sent / 20_000
		if d := back.UnresolvedMilliRPS - want; sent == 0 || d < -2 || d > 2 {
			t.Errorf("timeout %v: %+v, want %d", c.timeout, back, want)
		}
		if lookups.OfferedMilliRPS != sent*15/4 || lookups.TimedOutMilliRPS != sent*15/8 {
			t.Errorf("timeout %v: %+v", c.timeout, lookups)
		}
		if front := r.rates("front", "ingress"); c.timeout > 5*time.Second && (front.P99 < 5*time.Second || front.P99 > 5100*time.Millisecond || front.P50 > 20*time.Millisecond) {
			t.Errorf("half are served within %v, 99 %% within %v", front.P50, front.P99)
		}
		r.power("n-2", true)
		r.after(time.Second)
		if back := r.back(); back.ServedMilliRPS != back.OfferedMilliRPS {
			t.Errorf("healed: %+v", back)
		}
	}
}

// Source: spec of DNS failures: what is kept is used until its TTL, and no longer.
func TestWhatIsKeptIsUsedUntilItIsTooOld(t *testing.T) {
	for _, cache := range []workload.DNSCache{workload.NoCache, workload.PodCache, workload.NodeCache} {
		r, servers := named(t, workload.DNS{LookupsMilli: 1000, Ndots: 5, TTL: 20 * time.Minute, Cache: cache}, 30*time.Second)
		for _, s := range servers {
			r.flows.ServingChanged(s, false)
		}
		r.after(time.Second)
		lost := int64(0)
		if cache == workload.NoCache {
			lost = 20_000
		}
		if got := r.back().UnresolvedMilliRPS; got != lost {
			t.Errorf("cache %d: at once %d", cache, got)
		}
		var halves int
		for range 20 {
			r.after(time.Minute)
			if u := r.back().UnresolvedMilliRPS; u > 0 && u < 20_000 {
				halves++
			}
		}
		if cache != workload.NoCache && halves == 0 {
			t.Errorf("cache %d: all answers end together", cache)
		}
		if got := r.back(); got.UnresolvedMilliRPS != 20_000 || got.ServedMilliRPS != 0 {
			t.Errorf("cache %d: after the TTL %+v", cache, got)
		}
		if got := r.lookups(); got.RefusedMilliRPS != 80_000 {
			t.Errorf("cache %d: whoever has no answer asks at every request, twice: %+v", cache, got)
		}
		r.flows.ServingChanged(servers[0], true)
		r.flows.ServingChanged(servers[1], true)
		r.after(time.Second)
		if got := r.back(); got.ServedMilliRPS != 20_000 {
			t.Errorf("cache %d: healed %+v", cache, got)
		}
	}
}

func TestADNSServerThatIsHarmedFailsWhoAsks(t *testing.T) {
	for _, c := range []struct {
		harm       workload.DNSHarm
		unresolved int64
	}{
		{workload.DNSHarm{Down: true}, 20_000},
		{workload.DNSHarm{Denied: 500_000}, 10_000},               // NXDOMAIN, which is not asked again
		{workload.DNSHarm{Errors: 500_000}, 5000},                 // both attempts
		{workload.DNSHarm{Slow: 5 * time.Second}, 20_000},         // is no answer
		{workload.DNSHarm{Slow: 100 * time.Millisecond}, 0},       // 0.1 s for A and AAAA together
		{workload.DNSHarm{Slow: 1500 * time.Millisecond}, 20_000}, // longer than the caller waits
	} {
		r, _ := named(t, workload.DNS{LookupsMilli: 1000, Ndots: 5}, time.Second)
		r.flows.HarmDNS(c.harm)
		r.after(time.Second)
		back := r.back()
		if back.UnresolvedMilliRPS != c.unresolved || back.OfferedMilliRPS != 20_000 {
			t.Errorf("%+v: %+v", c.harm, back)
		}
		if p50 := r.rates("front", "ingress").P50; c.harm.Slow == 100*time.Millisecond && (p50 < 50*time.Millisecond || p50 > 300*time.Millisecond) {
			t.Errorf("%+v: half within %v", c.harm, p50)
		}
		r.flows.HarmDNS(workload.DNSHarm{})
		r.after(time.Second)
		if back := r.back(); back.ServedMilliRPS != 20_000 {
			t.Errorf("%+v: healed %+v", c.harm, back)
		}
	}
}

// Source: a server whose program hangs answers no query, and a client of any Service counts
// one that takes longer than it waits, or is answered with an error, as not served. NXDOMAIN
// and a wrong address are answers. Who asks waits for a slow answer once, not twice. Who gets none
// sends four queries for the name in the first search domain and four for the name itself; of
// those whom both attempts gave an error, a quarter, and of those who are told that there is no
// such name, half, each asks for it in the other domains and by itself.
func TestTheServiceOfDNSShowsWhatIsWrongWithItsServers(t *testing.T) {
	for _, c := range []struct {
		harm                                 []workload.DNSHarm
		sent, served, timedOut, errors, lost int64 // queries, and requests that get no address
		slow                                 time.Duration
	}{
		{nil, 40_000, 40_000, 0, 0, 0, 0},
		{[]workload.DNSHarm{{Down: true}}, 160_000, 0, 160_000, 0, 20_000, 0},
		{[]workload.DNSHarm{{Down: true}, {Errors: 1_000_000, Slow: time.Second}}, 160_000, 0, 160_000, 0, 20_000, 0},
		{[]workload.DNSHarm{{Slow: 100 * time.Millisecond}}, 40_000, 40_000, 0, 0, 0, 100 * time.Millisecond},
		{[]workload.DNSHarm{{Slow: 6 * time.Second}}, 160_000, 0, 160_000, 0, 20_000, 0},
		{[]workload.DNSHarm{{Errors: 500_000}}, 120_000, 60_000, 0, 60_000, 5_000, 0},
		{[]workload.DNSHarm{{Errors: 500_000, Slow: 100 * time.Millisecond}}, 120_000, 60_000, 0, 60_000, 5_000, 100 * time.Millisecond},
		{[]workload.DNSHarm{{Denied: 500_000}}, 120_000, 120_000, 0, 0, 10_000, 0},
		{[]workload.DNSHarm{{Wrong: 500_000}}, 40_000, 40_000, 0, 0, 0, 0},
		{[]workload.DNSHarm{{Names: []string{"other"}, Down: true}}, 40_000, 40_000, 0, 0, 0, 0},
	} {
		r, _ := named(t, workload.DNS{LookupsMilli: 1000, Ndots: 5}, 20*time.Second)
		before := r.rates("front", "ingress").P50
		r.flows.HarmDNS(c.harm...)
		r.after(time.Second)
		got, back := r.lookups(), r.back()
		if got.OfferedMilliRPS != c.sent || got.ServedMilliRPS != c.served || got.TimedOutMilliRPS != c.timedOut || got.ErrorMilliRPS != c.errors || back.UnresolvedMilliRPS != c.lost {
			t.Errorf("%+v: %+v, and %+v", c.harm, got, back)
		}
		if least, most := c.slow, c.slow+10*time.Millisecond; got.P50 < least || got.P99 > most {
			t.Errorf("%+v: half of the queries within %v, 99 %% within %v", c.harm, got.P50, got.P99)
		}
		if p50 := r.rates("front", "ingress").P50 - before; c.served > 0 && c.slow > 0 && c.errors == 0 && (p50 < c.slow || p50 > c.slow+10*time.Millisecond) {
			t.Errorf("%+v: half of who ask take %v more", c.harm, p50)
		}
		r.flows.HarmDNS()
		r.after(time.Second)
		if got := r.lookups(); got.ServedMilliRPS != 40_000 || got.P99 > 10*time.Millisecond {
			t.Errorf("%+v: healed %+v", c.harm, got)
		}
	}
}

// Source: Zalando's postmortem: DNS servers that come back meet all at once those who
// have been trying in vain, although each of them asks less once it has an answer.
func TestAServerThatComesBackMeetsEverybodyWhoTried(t *testing.T) {
	r, servers := named(t, workload.DNS{LookupsMilli: 1000, Ndots: 5}, time.Second)
	for _, s := range servers {
		r.flows.ServingChanged(s, false)
	}
	r.after(time.Second)
	r.endpoints("dns", servers[0])
	r.after(5 * time.Second)
	r.flows.ServingChanged(servers[0], true)
	r.after(time.Second)
	if load, surge := r.load[servers[0].ID], r.surge[servers[0].ID]; load != 40_000 || surge != 80_000 {
		t.Errorf("%d thousandths a second, at first %d", load, surge)
	}
}

// A wrong address answers nobody, and names of other Services are answered as ever.
func TestDNSIsHarmedBySomeNamesOnly(t *testing.T) {
	for _, c := range []struct {
		names    []string
		timedOut int64
	}{
		{nil, 5_000}, {[]string{"back"}, 5_000}, {[]string{"pay*", "b*.default"}, 5_000}, {[]string{"back.shop", "front"}, 0},
	} {
		r, _ := named(t, workload.DNS{LookupsMilli: 1000, Ndots: 5}, time.Second)
		r.flows.HarmDNS(workload.DNSHarm{Names: c.names, Wrong: 250_000}, workload.DNSHarm{Names: []string{"other"}, Down: true})
		r.after(time.Second)
		if got := r.back(); got.TimedOutMilliRPS != c.timedOut || got.ServedMilliRPS != 20_000-c.timedOut {
			t.Errorf("%q: %+v", c.names, got)
		}
		r.flows.HarmDNS()
		r.after(time.Second)
		if got := r.back(); got.ServedMilliRPS != 20_000 {
			t.Errorf("%q: healed %+v", c.names, got)
		}
	}
}

// Two causes that have nothing to do with each other: of half of what the other leaves half
// is left, as with two filters of netem on one way. Delays add up.
func TestHarmsOfOneKindAreIndependent(t *testing.T) {
	r, _ := named(t, workload.DNS{LookupsMilli: 1000, Ndots: 5}, time.Second)
	half, slow := workload.DNSHarm{Denied: 500_000}, workload.DNSHarm{Slow: 600 * time.Millisecond}
	for _, c := range []struct {
		harms      []workload.DNSHarm
		unresolved int64
	}{
		{[]workload.DNSHarm{half}, 10_000}, {[]workload.DNSHarm{half, half}, 15_000}, {[]workload.DNSHarm{half, half, half}, 17_500},
		{[]workload.DNSHarm{slow}, 0}, {[]workload.DNSHarm{slow, slow}, 20_000}, {nil, 0},
	} {
		r.flows.HarmDNS(c.harms...)
		r.after(time.Second)
		if back := r.back(); back.UnresolvedMilliRPS != c.unresolved {
			t.Errorf("%+v: %+v", c.harms, back)
		}
	}
}

// Source: glibc's resolver asks the next server, or for the next name, after SERVFAIL, and gives up after
// ECONNREFUSED (resolv/res_send.c, resolv/res_query.c): whoever is answered with an error was not refused.
func TestAServerOfDNSThatAnswersWithErrorsIsNotOneThatRefuses(t *testing.T) {
	r, servers := named(t, workload.DNS{LookupsMilli: 1000, Ndots: 5}, 20*time.Second)
	r.flows.HarmDNS(workload.DNSHarm{Errors: 500_000})
	r.after(time.Second)
	want, lost := r.lookups(), r.back().UnresolvedMilliRPS
	r.flows.HarmDNS()
	r.flows.Fail(servers[0].ID, 500_000)
	r.flows.Fail(servers[1].ID, 500_000)
	r.after(time.Second)
	got := r.lookups()
	if got.OfferedMilliRPS != want.OfferedMilliRPS || got.ErrorMilliRPS != want.ErrorMilliRPS || got.ErrorMilliRPS != 60_000 || got.RefusedMilliRPS != 0 {
		t.Errorf("servers whose pods answer half with an error: %+v, and with SERVFAIL: %+v", got, want)
	}
	if got := r.back().UnresolvedMilliRPS; got != lost {
		t.Errorf("%d get no address, want %d", got, lost)
	}
}

func TestErrorsOfOnePodAreIndependent(t *testing.T) {
	r, pods := shop(t, 1, calling("front", "back", 1000, 0))
	r.sends(t, pods, workload.Traffic{Service: "front", Rate: workload.Constant(20_000)})
	for _, c := range []struct{ ppm, served int64 }{{500_000, 5000}, {500_000, 2500}, {200_000, 2000}, {-500_000, 4000}, {-200_000, 5000}, {-500_000, 10_000}} {
		r.flows.Fail(pods[0].ID, c.ppm)
		r.after(time.Second)
		if x := r.rates("front", "ingress"); x.ServedMilliRPS*10_000 != c.served*x.OfferedMilliRPS {
			t.Errorf("%+d: %+v", c.ppm, x)
		}
	}
}

// Source: resolv.conf(5): a lookup takes as long as its answer, whatever that takes, and
// after 5 s (timeout) the query is sent again, once (attempts 2).
func TestALookupTakesAsLongAsItsAnswer(t *testing.T) {
	all := []string{"dns-1", "dns-2"}
	for _, c := range []struct {
		name       string
		slow       map[string]time.Duration // servers' work
		delay      time.Duration            // of each message to and from them
		capacity   int64                    // of each server, thousandths a second
		p50        time.Duration
		unresolved int64 // of 20 a second
	}{
		{name: "slow program", slow: map[string]time.Duration{all[0]: 400 * time.Millisecond, all[1]: 400 * time.Millisecond}, p50: 400 * time.Millisecond},
		{name: "slow network", delay: 300 * time.Millisecond, p50: 600 * time.Millisecond},
		{name: "slower than the resolver waits", delay: 3 * time.Second, unresolved: 20_000},
		{name: "one of two is too slow", slow: map[string]time.Duration{all[1]: 6 * time.Second}, unresolved: 5000},
		{name: "overloaded", capacity: 10_000, unresolved: 14_142}, // 20 of 40·(1+f)·(1+f²) queries are answered if f are not, so f⁴ is a half
	} {
		r, servers := named(t, workload.DNS{LookupsMilli: 1000, Ndots: 5}, 20*time.Second)
		for i, s := range servers {
			r.flows.Slow(s.ID, c.slow[all[i]])
			if c.capacity > 0 {
				r.capacity[s] = c.capacity
				r.flows.CapacityChanged(s)
			}
		}
		if c.delay > 0 {
			var there, others []network.Site
			for i, s := range servers {
				place, _ := r.flows.Place(s, all[i], fmt.Sprint("n-", i+1))
				there, others = append(there, place), append(others, r.sites[fmt.Sprint("n-", i)])
			}
			r.net.Impair(network.Impairment{From: there, To: others, Delay: sim.Constant(c.delay)})
			r.net.Impair(network.Impairment{From: others, To: there, Delay: sim.Constant(c.delay)})
		}
		r.after(10 * time.Minute)
		back := r.back()
		if p50 := r.rates("front", "ingress").P50; c.p50 > 0 && (p50 < c.p50 || p50 > c.p50+10*time.Millisecond) {
			t.Errorf("%s: half within %v", c.name, p50)
		}
		if d := back.UnresolvedMilliRPS - c.unresolved; d < -10 || d > 10 || back.ServedMilliRPS != back.OfferedMilliRPS-back.UnresolvedMilliRPS {
			t.Errorf("%s: %+v", c.name, back)
		}
	}
}
