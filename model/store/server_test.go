package store_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/etcd"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// replicas is a rig of three API servers, and a machine to be a client on.
func replicas(seed uint64) (r *rig, servers []*apiserver.Server, node network.Site) {
	k := sim.New(sim.Config{Seed: seed})
	net := network.New(k, network.DefaultProfile())
	r = &rig{Kernel: k, net: net, store: store.New(k, net)}
	var sites []network.Site
	for i := range 3 {
		sites = append(sites, net.AddSite(fmt.Sprint("cp-", i), ""))
	}
	r.control = sites[0]
	backend := apiserver.NewBackend(k, r.store, net, etcd.Config{Sites: sites})
	for _, site := range sites {
		servers = append(servers, apiserver.New(k, r.store, backend, net, site, 4))
	}
	return r, servers, net.AddSite("n-0", "")
}

// own is the server a client is connected to.
func own(c *store.Client, servers []*apiserver.Server) *apiserver.Server { return servers[c.Server] }

// Source: k8s.io/client-go/tools/cache/reflector.go: of one API server of several the requests in
// flight fail; clients reconnect through the balancer; watches resume from the last
// resourceVersion.
func TestWhenAServerEndsRequestsInFlightFailAtOnceAndWatchesGoOnElsewhere(t *testing.T) {
	r, servers, node := replicas(1)
	a, b := r.seer("a", node), r.seer("b", r.control)
	a.watch(model.KindPod).Start()
	b.client.Create(pod("before"), 0)
	run(t, r, time.Second)
	first := a.client.Server
	a.client.Create(pod("in-flight"), 7)
	run(t, r, time.Millisecond)
	own(a.client, servers).Stop()
	run(t, r, 100*time.Millisecond)
	if len(a.replies) != 1 || a.replies[0].Refusal != store.Disconnected {
		t.Fatalf("replies %+v", a.replies)
	}
	if a.client.Server == first {
		t.Fatal("the client did not move")
	}
	a.client.Create(pod("after"), 8)
	run(t, r, time.Second)
	if len(a.replies) != 2 || a.replies[1].Refusal != store.Accepted {
		t.Fatalf("replies %+v", a.replies)
	}
	if n := len(a.log); n < 2 || a.log[0] != "pod/before@1" || a.log[n-1] != fmt.Sprintf("pod/after@%d", r.store.Revision()) {
		t.Errorf("saw %v", a.log)
	}
}

// Source: cmd/kubeadm/app/phases/kubeconfig/kubeconfig.go: the scheduler's and the
// controller manager's configurations name the local endpoint.
func TestTheControlPlanesOwnClientsKnowOnlyTheServerOnTheirMachine(t *testing.T) {
	r, servers, _ := replicas(1)
	a := r.seer("a", r.control)
	a.client.Local = true
	w := a.watch(model.KindPod)
	w.Start()
	servers[0].Stop()
	a.client.Create(pod("web"), 0)
	run(t, r, time.Minute)
	if len(a.replies) != 1 || a.replies[0].Refusal != store.Disconnected || !a.client.Refused() {
		t.Fatalf("replies %+v", a.replies)
	}
	b := r.seer("b", r.net.AddSite("n-1", ""))
	b.client.Create(pod("other"), 0)
	run(t, r, time.Minute)
	if len(a.log) != 0 {
		t.Fatalf("saw %v without a server", a.log)
	}
	servers[0].Start()
	run(t, r, time.Minute)
	if len(a.log) != 1 || a.client.Refused() {
		t.Errorf("saw %v after it started", a.log)
	}
}

// Source: client-go's reflector: back-off from 800 ms to 30 s while connections are
// refused (k8s.io/client-go/tools/cache/reflector.go).
func TestWithNoServerWatchesComeBackWithinTheBackOff(t *testing.T) {
	for seed := range uint64(20) {
		r, servers, node := replicas(seed)
		a := r.seer("a", node)
		w := a.watch(model.KindPod)
		w.Start()
		run(t, r, time.Second)
		for _, s := range servers {
			s.Stop()
		}
		run(t, r, 5*time.Minute)
		for _, s := range servers {
			s.Start()
		}
		from := r.Now()
		for !w.Drained() {
			run(t, r, 100*time.Millisecond)
			if r.Now().Sub(from) > 75*time.Second {
				t.Fatalf("seed %d: no watch 75 s after the servers started", seed)
			}
		}
		if took := r.Now().Sub(from); took < time.Second {
			t.Errorf("seed %d: a watch after %v, before a server can have started", seed, took)
		}
	}
}

// Source: k8s.io/apimachinery/pkg/util/net/http.go: a connection is given up after
// 30 s of silence and 15 s without an answer to a ping.
func TestAClientOfAMachineWithoutPowerMovesWhenItHasNoticed(t *testing.T) {
	r, _, node := replicas(1)
	a := r.seer("a", node)
	a.watch(model.KindPod).Start()
	run(t, r, time.Second)
	first := a.client.Server
	r.net.SetPower(first, false)
	run(t, r, 44*time.Second)
	if a.client.Server != first {
		t.Fatal("it moved before it could notice")
	}
	run(t, r, 2*time.Second)
	if a.client.Server == first {
		t.Fatal("it did not move")
	}
	b := r.seer("b", node)
	b.client.Create(pod("web"), 0)
	run(t, r, 10*time.Second)
	if len(a.log) != 1 {
		t.Errorf("saw %v", a.log)
	}
}

// HAProxy's defaults: a check every 2 s, out after 3 failures, back after 2 answers.
func TestTheBalancerTakesAServerBackAfterTwoChecks(t *testing.T) {
	r, servers, node := replicas(1)
	servers[1].Stop()
	servers[2].Stop()
	run(t, r, 10*time.Second)
	servers[1].Start()
	ready := sim.Time(0)
	for ready == 0 {
		run(t, r, 10*time.Millisecond)
		if n := r.store.History().Len(); r.store.History().At(n-1).Note.Reason == "APIServerReady" {
			ready = r.Now()
		}
	}
	for {
		c := r.seer(fmt.Sprint("c", r.Now()), node).client // its turn is server 1 of two
		if took := r.Now().Sub(ready); c.Server == 1 {
			if took < 2*time.Second-20*time.Millisecond || took > 4*time.Second+20*time.Millisecond {
				t.Errorf("it was taken back after %v", took)
			}
			return
		} else if took > 10*time.Second {
			t.Fatal("it was not taken back")
		}
		run(t, r, 10*time.Millisecond)
	}
}

// Source: k8s.io/apiserver/pkg/storage/cacher/watch_cache.go: a version older than the buffer is
// 410 Gone, too old resource version, and the client lists anew; a server that has just started
// has no events from before.
func TestAWatchThatTheCacheIsTooYoungForBeginsAnew(t *testing.T) {
	for _, tc := range []struct {
		name    string
		restart bool
		changes int
		away    time.Duration
		relists bool
	}{
		{"few changes, long ago", false, 50, 20 * time.Minute, false},
		{"many changes, just now", false, 500, time.Minute, false},
		{"many changes, long ago", false, 500, 20 * time.Minute, true},
		{"a new process", true, 50, time.Minute, true},
	} {
		r := newRig(3)
		site := r.net.AddSite("n-0", "")
		a, b := r.seer("a", site), r.seer("b", r.control)
		w := a.watch(model.KindPod)
		w.Start()
		b.client.Create(pod("first"), 0)
		run(t, r, time.Minute)
		cut := r.net.Impair(network.Impairment{From: []network.Site{site}, To: []network.Site{r.control}, Cut: true})
		for i := range tc.changes {
			b.client.Create(pod(fmt.Sprint("web-", i)), 0)
		}
		if tc.restart {
			r.server.Stop()
			r.server.Start()
		}
		run(t, r, tc.away)
		seen := len(a.log)
		r.net.Lift(cut)
		for connected := false; !connected; _, connected = w.ListedAt() {
			run(t, r, time.Millisecond)
		}
		tried := r.Now()
		for len(a.log) < seen+tc.changes && r.Now() < tried.Add(time.Minute) {
			run(t, r, time.Millisecond)
		}
		// After a 410 the reflector waits for 0.8 s or more.
		if took := r.Now().Sub(tried); (took > 800*time.Millisecond) != tc.relists {
			t.Errorf("%s: it saw what had changed %v after it was connected, relists: %v", tc.name, took, tc.relists)
		}
	}
}
