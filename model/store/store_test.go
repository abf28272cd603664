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

// rig is a cluster of one API server and clients that do nothing by
// themselves.
type rig struct {
	*sim.Kernel
	net     *network.Network
	store   *store.Store
	control network.Site
	server  *apiserver.Server
}

func newRig(seed uint64) *rig {
	k := sim.New(sim.Config{Seed: seed})
	net := network.New(k, network.DefaultProfile())
	r := &rig{Kernel: k, net: net, store: store.New(k, net), control: net.AddSite("cp-0", "")}
	r.server = apiserver.New(k, r.store, apiserver.NewBackend(k, r.store, net, etcd.Config{Sites: []network.Site{r.control}}), net, r.control, 4)
	return r
}

// seer records what its client's replies and watches tell, and when.
type seer struct {
	rig     *rig
	client  *store.Client
	watches map[uint32]*store.Watch
	replies []store.Reply
	log     []string
	seen    []int64 // resourceVersions, 0 for a deletion
	late    []time.Duration
}

func (r *rig) seer(name string, at network.Site) *seer {
	s := &seer{rig: r, watches: map[uint32]*store.Watch{}}
	id := r.Register(name, s)
	s.client = r.store.NewClient(store.ClientConfig{Name: name, As: store.Admin("kubectl"), Actor: id, Site: at})
	return s
}

func (s *seer) watch(kind model.Kind) *store.Watch {
	w := s.client.Watch(kind)
	s.watches[w.ID] = w
	return w
}

func (s *seer) Wake(now sim.Time, why sim.Why, about uint64) {
	switch why {
	case store.WhyReply:
		if r, ok := s.client.Reply(about); ok {
			s.replies = append(s.replies, r)
		}
	case store.WhyWatch:
		w := s.watches[uint32(about)]
		for ref, obj, ok := w.Next(); ok; ref, obj, ok = w.Next() {
			if obj == nil {
				s.log = append(s.log, fmt.Sprintf("%v gone %d", ref.Kind, ref.ID))
				s.seen = append(s.seen, 0)
				continue
			}
			s.seen = append(s.seen, obj.Head().ResourceVersion)
			s.log = append(s.log, fmt.Sprintf("%s@%d", obj.Head().Path(), obj.Head().ResourceVersion))
		}
	}
}

func pod(name string) *model.Pod {
	return &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: name}, Spec: &model.PodSpec{GraceSeconds: 30}}
}

func run(t *testing.T, r *rig, d time.Duration) {
	t.Helper()
	if err := r.Run(r.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
}

// Source: "a PUT that carries an outdated resourceVersion fails with 409
// Conflict" (k8s.io/apiserver/pkg/registry/generic/registry/store.go).
func TestAStaleResourceVersionIsRefused(t *testing.T) {
	r := newRig(1)
	a, b := r.seer("a", r.control), r.seer("b", r.control)
	a.client.Create(pod("web"), 1)
	run(t, r, time.Second)
	stored := a.replies[0].Object.(*model.Pod)

	first, second := *stored, *stored
	first.NominatedNode, second.NominatedNode = "x", "y"
	a.client.Update(&first, 2)
	run(t, r, time.Second)
	b.client.Update(&second, 3)
	run(t, r, time.Second)

	if got := a.replies[1].Refusal; got != store.Accepted {
		t.Errorf("first update: %v", got)
	}
	if got := b.replies[0]; got.Refusal != store.Conflict || got.Tag != 3 {
		t.Errorf("second update: %+v, want a conflict", got)
	}
	if now := r.store.Get(stored.Ref()).(*model.Pod); now.NominatedNode != "x" || now.ResourceVersion != 2 {
		t.Errorf("stored %q at %d, want x at 2", now.NominatedNode, now.ResourceVersion)
	}
}

// Source: "Create of existing key: 409 AlreadyExists"
// (k8s.io/apiserver/pkg/storage/etcd3/store.go).
func TestANameIsTakenOnce(t *testing.T) {
	r := newRig(1)
	a := r.seer("a", r.control)
	a.client.Create(pod("web"), 1)
	a.client.Create(pod("web"), 2)
	run(t, r, time.Second)
	refusals := map[store.Refusal]int{}
	for _, x := range a.replies {
		refusals[x.Refusal]++
	}
	if refusals[store.Accepted] != 1 || refusals[store.AlreadyExists] != 1 {
		t.Errorf("refusals %v", refusals)
	}
}

// Source: events of one kind are delivered in resourceVersion order to each
// watcher (k8s.io/apiserver/pkg/storage/cacher).
func TestAWatchIsLateAndInOrder(t *testing.T) {
	r := newRig(7)
	w := r.net.AddSite("n-0", "")
	a, b := r.seer("writer", r.control), r.seer("reader", w)
	b.watch(model.KindPod).Start()
	for i := range 300 {
		a.client.Create(pod(fmt.Sprint("web-", i)), 0)
	}
	run(t, r, 10*time.Second)
	if len(b.seen) != 300 {
		t.Fatalf("saw %d of 300", len(b.seen))
	}
	for i, rv := range b.seen {
		if rv != int64(i+1) {
			t.Fatalf("saw %d at place %d", rv, i)
		}
	}
}

func TestAWatchOfOneNodeSeesOnlyItsPods(t *testing.T) {
	r := newRig(3)
	site := r.net.AddSite("n-0", "")
	a, b := r.seer("writer", r.control), r.seer("kubelet/n-0", site)
	for _, n := range []string{"n-0", "n-1"} {
		a.client.Create(&model.Node{Meta: model.Meta{Kind: model.KindNode, Name: n}}, 0)
	}
	run(t, r, time.Second)
	w := b.client.WatchPodsOn(1)
	b.watches[w.ID] = w
	w.Start()
	a.client.Create(pod("one"), 0)
	a.client.Create(pod("two"), 0)
	run(t, r, time.Second)
	var refs []model.Ref
	for _, x := range a.replies[2:] {
		refs = append(refs, x.Object.Head().Ref())
	}
	a.client.Bind(refs[0], model.Ref{Kind: model.KindNode, ID: 1}, 0)
	a.client.Bind(refs[1], model.Ref{Kind: model.KindNode, ID: 2}, 0)
	run(t, r, time.Second)
	if len(b.log) != 1 || b.seen[0] == 0 {
		t.Fatalf("saw %v, want its one pod", b.log)
	}
	a.client.Delete(refs[0], 0, 0)
	run(t, r, time.Second)
	if len(b.seen) != 2 || b.seen[1] != 0 {
		t.Fatalf("saw %v, want the pod and its end", b.log)
	}
}

// Source: k8s.io/client-go/tools/cache/reflector.go: after a break the
// reflector resumes and misses nothing that lasts.
func TestACutWatchCatchesUp(t *testing.T) {
	for _, cut := range []time.Duration{time.Second, 20 * time.Second, 6 * time.Minute} {
		r := newRig(11)
		site := r.net.AddSite("n-0", "")
		a, b := r.seer("writer", r.control), r.seer("reader", site)
		b.watch(model.KindPod).Start()
		a.client.Create(pod("kept"), 0)
		a.client.Create(pod("lost"), 0)
		run(t, r, time.Second)
		kept := a.replies[0].Object.Head().Ref()
		lost := a.replies[1].Object.Head().Ref()
		h := r.net.Impair(network.Impairment{From: []network.Site{r.control}, To: []network.Site{site}, Cut: true})
		a.client.Delete(lost, 0, 0)
		a.client.Delete(kept, 30, 0)
		a.client.Create(pod("new"), 0)
		run(t, r, cut)
		if len(b.seen) != 2 {
			t.Fatalf("saw %v through a cut", b.log)
		}
		r.net.Lift(h)
		run(t, r, 2*time.Minute)
		final := map[string]bool{}
		for _, l := range b.log[2:] {
			final[l] = true
		}
		if len(final) < 2 || !final["Pod gone 2"] {
			t.Errorf("after a cut of %v: %v", cut, b.log)
		}
	}
}

// Source: an answer that does not come is a time-out of the client
// (k8s.io/client-go/rest/config.go). A connection of which one way is cut is none: TCP sends nothing new
// before what it has sent is acknowledged, and opens no other (RFC 9293, RFC 6298).
func TestARequestIntoACutTimesOut(t *testing.T) {
	for _, back := range []bool{false, true} {
		r := newRig(5)
		site := r.net.AddSite("n-0", "")
		a := r.seer("a", site)
		from, to := []network.Site{site}, []network.Site{r.control}
		if back {
			from, to = to, from
		}
		r.net.Impair(network.Impairment{From: from, To: to, Cut: true})
		a.client.Create(pod("web"), 9)
		run(t, r, 59*time.Second)
		if len(a.replies) != 0 {
			t.Fatal("answered too early")
		}
		run(t, r, 2*time.Second)
		if len(a.replies) != 1 || a.replies[0].Refusal != store.TimedOut {
			t.Fatalf("replies %+v", a.replies)
		}
		if r.store.Revision() != 0 {
			t.Errorf("the way back is cut %v: the request was done all the same", back)
		}
	}
}

func TestASnapshotIsOfOneRevision(t *testing.T) {
	r := newRig(5)
	a := r.seer("a", r.control)
	for i := range 50 {
		a.client.Create(pod(fmt.Sprint("web-", i)), 0)
	}
	run(t, r, time.Second)
	snap := r.store.Snapshot()
	for i := range 50 {
		a.client.Delete(model.Ref{Kind: model.KindPod, ID: uint32(i + 1)}, 0, 0)
	}
	run(t, r, time.Second)
	n := 0
	snap.Each(model.KindPod, func(o model.Object) bool {
		n++
		return o.Head().ID == uint32(n)
	})
	if n != 50 {
		t.Errorf("%d pods in the snapshot, want 50", n)
	}
}

func TestTheBucketGivesBurstThenRate(t *testing.T) {
	b := store.NewBucket(10, 3)
	var got []sim.Time
	for range 6 {
		got = append(got, b.Take(0))
	}
	want := []time.Duration{0, 0, 0, 100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond}
	for i := range want {
		if got[i] != sim.Time(want[i]) {
			t.Fatalf("token %d at %v, want %v", i, got[i], want[i])
		}
	}
	if at := b.Take(sim.Time(time.Hour)); at != sim.Time(time.Hour) {
		t.Errorf("after a rest: %v", at)
	}
}
