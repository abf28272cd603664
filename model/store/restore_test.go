package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/etcd"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// restored is a rig in which a backup was taken at 10 s, when there were the
// pods kept and lost, and is restored at 60 s, after lost was deleted, new was created
// and 20 other things happened to pods that are gone again.
func restored(t *testing.T, bump bool) (r *rig, a *seer, w *store.Watch, before int64) {
	k := sim.New(sim.Config{Seed: 1})
	net := network.New(k, network.DefaultProfile())
	r = &rig{Kernel: k, net: net, store: store.New(k, net), control: net.AddSite("cp-0", "")}
	backend := apiserver.NewBackend(k, r.store, net, etcd.Config{Sites: []network.Site{r.control}})
	apiserver.New(k, r.store, backend, net, r.control, 4)
	a = r.seer("a", r.control)
	w = a.watch(model.KindPod)
	w.Start()
	a.client.Create(pod("kept"), 0)
	a.client.Create(pod("lost"), 1)
	run(t, r, 20*time.Second)
	a.client.Delete(r.store.Lookup(model.KindPod, "default", "lost").Head().Ref(), 0, 2)
	a.client.Create(pod("new"), 3)
	for i := range 10 {
		a.client.Create(pod(fmt.Sprint("other-", i)), 4)
	}
	run(t, r, 10*time.Second)
	for i := range 10 {
		a.client.Delete(r.store.Lookup(model.KindPod, "default", fmt.Sprint("other-", i)).Head().Ref(), 0, 5)
	}
	run(t, r, 20*time.Second)
	before = r.store.Revision()
	backend.SetDown(0, true)
	run(t, r, 10*time.Second)
	a.log = nil
	backend.Restore(sim.Time(10*time.Second), bump)
	backend.SetDown(0, false)
	return r, a, w, before
}

// Source: etcd.io/docs/v3.6/op-guide/recovery: the keys are those of the backup;
// "the revision must never decrease" for clients with caches, hence the bump.
func TestARestoredBackupIsTheTruthOfThen(t *testing.T) {
	for _, bump := range []bool{true, false} {
		r, a, _, before := restored(t, bump)
		get := func(name string) model.Object { return r.store.Lookup(model.KindPod, "default", name) }
		if get("kept") == nil || get("lost") == nil || get("new") != nil || get("other-1") != nil {
			t.Errorf("bump %v: kept %v, lost %v, new %v", bump, get("kept"), get("lost"), get("new"))
		}
		if back := r.store.Revision() < before; back == bump {
			t.Errorf("bump %v: revision %d after %d", bump, r.store.Revision(), before)
		}
		id := get("kept").Head().ID
		a.client.Create(pod("next"), 9)
		run(t, r, time.Minute)
		next := get("next").Head()
		if next.ResourceVersion != r.store.Revision() || next.ID <= id || get("kept").Head().ResourceVersion >= next.ResourceVersion {
			t.Errorf("bump %v: a new pod has number %d and revision %d", bump, next.ID, next.ResourceVersion)
		}
	}
}

// Source: etcdutl's --mark-compacted makes every revision of before "compacted", so
// that a client gets 410 and lists anew (etcd-io/etcd#16028).
func TestWithABumpedRevisionAWatchListsAnew(t *testing.T) {
	r, a, _, _ := restored(t, true)
	run(t, r, 2*time.Minute)
	if len(a.log) != 2 || !strings.HasPrefix(a.log[0], "Pod gone ") || !strings.HasPrefix(a.log[1], "pod/lost@") {
		t.Errorf("saw %v", a.log)
	}
}

// Source: k8s.io/apiserver/pkg/storage/cacher/cache_watcher.go process: an event
// whose resourceVersion is not above the one asked for is not sent.
func TestWithoutABumpAWatchGetsNothingUntilItsRevisionIsPassed(t *testing.T) {
	r, a, w, before := restored(t, false)
	run(t, r, 2*time.Minute)
	for i := 0; r.store.Revision() < before; i++ {
		a.client.Create(pod(fmt.Sprint("again-", i)), 9)
		run(t, r, time.Second)
	}
	if len(a.log) != 0 {
		t.Errorf("before revision %d it saw %v", before, a.log)
	}
	a.client.Create(pod("last"), 9)
	run(t, r, time.Second)
	if len(a.log) != 1 || a.log[0] != fmt.Sprintf("pod/last@%d", before+1) {
		t.Errorf("then it saw %v", a.log)
	}
	a.log = nil
	w.Start()
	run(t, r, time.Second)
	if len(a.log) < 10 {
		t.Errorf("a new process saw %v", a.log)
	}
}
