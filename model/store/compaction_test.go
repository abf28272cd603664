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

// Source: k8s.io/apiserver/pkg/storage/etcd3/compact.go: every 5 minutes, up to the
// revision of 5 minutes ago. An API server that was cut off from etcd for less
// resumes; one that missed more lists anew, and so do its clients.
func TestAServerThatMissedWhatWasCompactedEndsItsClientsWatches(t *testing.T) {
	for _, c := range []struct {
		cut     time.Duration
		relists bool
	}{{3 * time.Minute, false}, {4*time.Minute + 50*time.Second, false}, {11 * time.Minute, true}, {time.Hour, true}} {
		k := sim.New(sim.Config{Seed: 1})
		net := network.New(k, network.DefaultProfile())
		r := &rig{Kernel: k, net: net, store: store.New(k, net)}
		sites := []network.Site{net.AddSite("cp-0", "a"), net.AddSite("cp-1", "b"), net.AddSite("cp-2", "c")}
		backend := apiserver.NewBackend(k, r.store, net, etcd.Config{Sites: sites})
		for _, at := range sites {
			apiserver.New(k, r.store, backend, net, at, 4)
		}
		a, b := r.seer("a", sites[2]), r.seer("b", sites[0])
		a.watch(model.KindPod).Start()
		run(t, r, 7*time.Minute)
		backend.SetDown(2, true)
		run(t, r, 10*time.Second)
		for i, end := 0, r.Now().Add(c.cut); r.Now() < end; i++ {
			b.client.Create(pod(fmt.Sprint("web-", i)), 0)
			run(t, r, 10*time.Second)
		}
		if len(a.log) != 0 {
			t.Fatalf("cut off for %v it saw %v", c.cut, a.log)
		}
		backend.SetDown(2, false)
		for !notedSince(r, "EtcdServing") {
			run(t, r, time.Millisecond)
		}
		run(t, r, 100*time.Millisecond)
		if resumed := len(a.log) > 0; resumed == c.relists {
			t.Errorf("cut off for %v: it resumes %v", c.cut, resumed)
		}
		run(t, r, 2*time.Second)
		if len(a.log) == 0 {
			t.Errorf("cut off for %v: no list within 2 s", c.cut)
		}
	}
}

// notedSince tells whether a reason was noted.
func notedSince(r *rig, reason string) bool {
	h := r.store.History()
	for i := range h.Len() {
		if n := h.At(i).Note; n != nil && n.Reason == reason {
			return true
		}
	}
	return false
}
