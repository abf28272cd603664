package workload_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
)

var keepers = []workload.DNSCache{workload.PodCache, workload.NodeCache}

// What may be wrong with all answers.
var (
	allWrong  = workload.DNSHarm{Wrong: 1_000_000}
	allDenied = workload.DNSHarm{Denied: 1_000_000}
	allErrors = workload.DNSHarm{Errors: 1_000_000}
	nobody    = workload.DNSHarm{Down: true}
)

// Source: RFC 1035, 3.2.1 (an answer is kept for its TTL), which does not ask whether it is right:
// a cache goes on with a right address until that is too old, then with a wrong one, and again for
// as long once servers give right ones. It asks as rarely as ever. Without a cache each request asks.
func TestAWrongAddressIsKeptForItsTTLAsARightOneIs(t *testing.T) {
	for _, cache := range append(keepers, workload.NoCache) {
		for _, wrong := range []int64{1_000_000, 500_000} {
			const ttl = 20 * time.Minute
			r, _ := named(t, workload.DNS{LookupsMilli: 1000, Ndots: 5, TTL: ttl, Cache: cache}, time.Second)
			asked, lost := r.lookups().OfferedMilliRPS, 20_000*wrong/1_000_000
			for _, c := range []struct {
				harm          workload.DNSHarm
				before, after int64
			}{{workload.DNSHarm{Wrong: wrong}, 0, lost}, {workload.DNSHarm{}, lost, 0}} {
				r.flows.HarmDNS(c.harm)
				r.after(time.Millisecond)
				if cache == workload.NoCache {
					c.before = c.after
				}
				got := r.back()
				if off := got.TimedOutMilliRPS - c.before; off < -10 || off > 10 {
					t.Errorf("cache %d, %+v: at once %+v, want %d", cache, c.harm, got, c.before)
				}
				for range 20 {
					r.after(ttl / 20)
					got := r.back()
					if low, high := min(c.before, c.after), max(c.before, c.after); got.TimedOutMilliRPS < low-10 || got.TimedOutMilliRPS > high+10 || got.ServedMilliRPS != 20_000-got.TimedOutMilliRPS {
						t.Errorf("cache %d, %+v: meanwhile %+v", cache, c.harm, got)
					}
				}
				got = r.back() // what asks and what does not are rounded each
				if off := got.TimedOutMilliRPS - c.after; off < -2 || off > 0 || got.ServedMilliRPS != 20_000-got.TimedOutMilliRPS {
					t.Errorf("cache %d, %+v: after the TTL %+v", cache, c.harm, got)
				}
				if got := r.lookups(); got.OfferedMilliRPS != asked || got.ServedMilliRPS != asked {
					t.Errorf("cache %d, %+v: %+v is asked, before %d", cache, c.harm, got, asked)
				}
			}
			before := r.Events()
			r.after(time.Hour)
			if n := r.Events() - before; n > 100 {
				t.Errorf("cache %d: %d events in an hour in which nothing changes", cache, n)
			}
		}
	}
}

// Source: RFC 1035, 3.2.1: of caches that ask once in a TTL, each at a time of its own, a quarter
// asks in a quarter of it, and keeps what it is told then for all of it.
func TestWhoDoesNotAskMeanwhileGetsNoWrongAddress(t *testing.T) {
	for _, cache := range keepers {
		const ttl = 20 * time.Minute
		r, _ := named(t, workload.DNS{LookupsMilli: 1000, Ndots: 5, TTL: ttl, Cache: cache}, time.Second)
		sum := int64(0)
		for k := range 20 {
			r.flows.HarmDNS(allWrong)
			r.after(ttl / 4)
			r.flows.HarmDNS()
			r.after(time.Second)
			lost := r.back().TimedOutMilliRPS
			sum += (lost + 50) / 100 * 100
			r.after(ttl*3/4 - 2*time.Second)
			if got := r.back().TimedOutMilliRPS; got < lost-10 || got > lost+10 {
				t.Errorf("cache %d: %d are kept, and before the TTL is over %d", cache, lost, got)
			}
			r.after(ttl/4 + 2*time.Second)
			if got := r.back(); got.ServedMilliRPS != 20_000 {
				t.Errorf("cache %d: healed %+v", cache, got)
			}
			r.after(time.Duration(k) * ttl / 20)
		}
		if each := sum / 20; each < 2000 || each > 8000 {
			t.Errorf("cache %d: of 20,000 thousandths on the average %d, want 5,000", cache, each)
		}
	}
}

// Source: what is known of outages of DNS: "existing connections fine; most apps fail at new
// connections", also if an address is given at which there is nobody.
func TestWhoOpensAConnectionNeedsAnAddressThatIsRight(t *testing.T) {
	for _, cache := range append(keepers, workload.NoCache) {
		r, backs, _ := keeping(t, workload.Connections{Each: 20}, workload.DNS{TTL: time.Minute, Cache: cache})
		r.flows.HarmDNS(allWrong)
		r.after(time.Hour)
		if got := r.kept(); got.ServedMilliRPS != 20_000 {
			t.Errorf("cache %d: connections are open: %+v", cache, got)
		}
		r.serve(false, backs[0])
		r.after(time.Minute)
		got := r.kept()
		if lost := got.TimedOutMilliRPS; lost < 5000 || lost > 15_000 || got.ServedMilliRPS != 20_000-lost {
			t.Errorf("cache %d: an endpoint has ended: %+v", cache, got)
		}
		if asked := r.asked().OfferedMilliRPS; (asked == 2*got.TimedOutMilliRPS) != (cache == workload.NoCache) {
			t.Errorf("cache %d: %d asked, %+v", cache, asked, got)
		}
		r.flows.HarmDNS()
		r.after(time.Second)
		if got := r.kept(); cache == workload.NoCache && got.ServedMilliRPS != 20_000 {
			t.Errorf("healed: %+v", got)
		}
		r.after(time.Minute)
		if got, asked := r.kept(), r.asked(); got.ServedMilliRPS != 20_000 || asked.OfferedMilliRPS > 10 {
			t.Errorf("cache %d: healed for a TTL: %+v, %+v", cache, got, asked)
		}
	}
}

// A connection that is closed because of its lifetime is opened again at a right address only:
// nine tenths to the power of ten are left after one lifetime.
func TestConnectionsWhoseLifetimeIsOverAreNotOpenedAtAWrongAddress(t *testing.T) {
	r, _, _ := keeping(t, workload.Connections{Lifetime: 10 * time.Minute}, workload.DNS{})
	r.flows.HarmDNS(allWrong)
	r.after(10*time.Minute + time.Second)
	if got := r.kept(); got.TimedOutMilliRPS < 13_000 || got.TimedOutMilliRPS > 13_100 || got.ServedMilliRPS != 20_000-got.TimedOutMilliRPS {
		t.Errorf("after a lifetime: %+v", got)
	}
	r.after(3 * time.Hour)
	if got := r.kept(); got.TimedOutMilliRPS != 20_000 {
		t.Errorf("after many: %+v", got)
	}
	r.flows.HarmDNS()
	r.after(time.Second)
	if got := r.kept(); got.ServedMilliRPS != 20_000 {
		t.Errorf("healed: %+v", got)
	}
}

// Source: RFC 8767, section 4: NOERROR and NXDOMAIN "MUST be considered to have refreshed the data",
// all other response codes are "failures to refresh" and "leave any previous state intact", as
// silence does. Of a server that is silent nobody learns what it would say.
func TestThatThereIsNoSuchNameIsAnAnswerForWhoServesStale(t *testing.T) {
	const served, unresolved, misled = 0, 1, 2
	type step struct {
		harm []workload.DNSHarm
		want int
	}
	for _, steps := range [][]step{
		{{[]workload.DNSHarm{nobody}, served}, {[]workload.DNSHarm{allDenied}, unresolved}, {nil, served}},
		{{[]workload.DNSHarm{allErrors}, served}, {[]workload.DNSHarm{nobody}, served}, {nil, served}},
		{{[]workload.DNSHarm{allDenied}, unresolved}, {[]workload.DNSHarm{nobody}, unresolved}, {nil, served}, {[]workload.DNSHarm{nobody}, served}},
		{{[]workload.DNSHarm{allDenied, nobody}, served}, {nil, served}},
		{{[]workload.DNSHarm{allDenied, {Errors: 500_000}}, unresolved}, {[]workload.DNSHarm{allErrors}, unresolved}, {nil, served}},
		{{[]workload.DNSHarm{allWrong}, misled}, {[]workload.DNSHarm{allWrong, nobody}, misled}, {[]workload.DNSHarm{nobody}, misled}, {nil, served}},
	} {
		for _, cache := range keepers {
			r, _ := named(t, workload.DNS{LookupsMilli: 1000, Ndots: 5, TTL: 30 * time.Second, Cache: cache, ServeStale: time.Hour}, 20*time.Second)
			for k, x := range steps {
				r.flows.HarmDNS(x.harm...)
				r.after(5 * time.Minute)
				b := r.back()
				if got := [...]int64{b.ServedMilliRPS, b.UnresolvedMilliRPS, b.TimedOutMilliRPS}; got[x.want] != 20_000 {
					t.Errorf("cache %d, step %d of %+v: %v", cache, k, steps, got)
				}
			}
		}
	}
}

// Source: the same, and CoreDNS' plugin/kubernetes: that a Service was deleted is known when a
// server says so.
func TestWhatWasDeletedIsServedStaleUntilAServerSaysSo(t *testing.T) {
	r, _ := named(t, workload.DNS{LookupsMilli: 1000, Ndots: 5, TTL: 30 * time.Second, Cache: workload.NodeCache, ServeStale: time.Hour}, 20*time.Second)
	r.flows.HarmDNS(nobody)
	r.after(time.Minute)
	r.store.Delete(0, r.store.Lookup(model.KindService, "default", "back").Head().Ref())
	r.after(5 * time.Minute)
	if got := r.back(); got.UnresolvedMilliRPS != 0 || got.OfferedMilliRPS != 20_000 {
		t.Errorf("nobody answers: %+v", got)
	}
	r.flows.HarmDNS()
	r.after(time.Second)
	if got := r.back(); got.UnresolvedMilliRPS != 20_000 {
		t.Errorf("a server says so: %+v", got)
	}
}

// Source: CoreDNS' plugin/cache: who has nothing left asks at every request. So as soon as somebody
// answers all have what is told then, whatever they were told before.
func TestWhoHasNothingLeftGetsWhatIsToldNow(t *testing.T) {
	for _, cache := range keepers {
		const ttl = 10 * time.Minute
		r, _ := named(t, workload.DNS{LookupsMilli: 1000, Ndots: 5, TTL: ttl, Cache: cache}, 20*time.Second)
		r.flows.HarmDNS(allWrong)
		r.after(2 * ttl)
		r.flows.HarmDNS(allWrong, nobody)
		r.after(2 * ttl)
		if got := r.back(); got.UnresolvedMilliRPS != 20_000 {
			t.Errorf("cache %d: nobody answers: %+v", cache, got)
		}
		r.flows.HarmDNS()
		r.after(time.Second)
		if got := r.back(); got.ServedMilliRPS != 20_000 {
			t.Errorf("cache %d: healed %+v", cache, got)
		}
		r.flows.HarmDNS(nobody)
		r.after(2 * ttl)
		r.flows.HarmDNS(allWrong)
		r.after(time.Second)
		if got := r.back(); got.TimedOutMilliRPS != 20_000 {
			t.Errorf("cache %d: who answers is wrong: %+v", cache, got)
		}
	}
}
