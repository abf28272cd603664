package apiserver_test

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

// lister is a caller of a server that is set up in some way.
func lister(t *testing.T, config apiserver.Config) (*caller, *apiserver.Server) {
	k := sim.New(sim.Config{Seed: 1})
	net := network.New(k, network.DefaultProfile())
	c := &caller{Kernel: k, t: t, store: store.New(k, net)}
	site := net.AddSite("cp-0", "")
	b := apiserver.NewBackend(k, c.store, net, etcd.Config{Sites: []network.Site{site}})
	b.Servers = config
	server := apiserver.New(k, c.store, b, net, site, 4)
	c.client = c.store.NewClient(store.ClientConfig{Name: "lister", As: store.Admin("kubectl"), Actor: k.Register("lister", c), Site: site})
	return c, server
}

// reasons is the notes of the history, with when they were said.
func (c *caller) reasons() (out []string) {
	for i := range c.store.History().Len() {
		if r := c.store.History().At(i); r.Note != nil {
			out = append(out, fmt.Sprintf("%v %s", r.At, r.Note.Reason))
		}
	}
	return out
}

// Nobody publishes it; our estimate is that a LIST takes about 1 ms and 20 to 50 us per object as
// JSON. Source: k8s.io/apiserver/pkg/storage/cacher: RV=0 and RV="" both come out of the watch
// cache, the latter after etcd was asked how far it is, which one member knows at once.
func TestAListTakesTimeByItsObjects(t *testing.T) {
	c, _ := lister(t, apiserver.Config{})
	took := func(q *store.List) time.Duration {
		from := c.Now()
		c.client.List(q, 0)
		if r := c.answer(); r.Refusal != store.Accepted {
			t.Fatalf("%+v", r)
		}
		return c.at[len(c.at)-1].Sub(from)
	}
	small := took(&store.List{Kind: model.KindPod, Objects: 10, ObjectBytes: 1867})
	large := took(&store.List{Kind: model.KindPod, Objects: 7130, ObjectBytes: 1867})
	latest := took(&store.List{Kind: model.KindPod, Objects: 10, ObjectBytes: 1867, Latest: true})
	if small < time.Millisecond || small > 3*time.Millisecond {
		t.Errorf("10 objects took %v", small)
	}
	if large < 7130*20*time.Microsecond || large > 7130*50*time.Microsecond {
		t.Errorf("7,130 objects took %v", large)
	}
	if latest < small || latest > 2*small {
		t.Errorf("what is true now took %v, what the cache has %v", latest, small)
	}
}

// Source: k8s.io/apiserver/pkg/server/config.go RequestTimeout: 60 s.
func TestAListThatWouldTakeLongerThanAMinuteTimesOut(t *testing.T) {
	c, _ := lister(t, apiserver.Config{})
	for range 5 { // four cores
		c.client.List(&store.List{Kind: model.KindPod, Objects: 1_500_000, ObjectBytes: 1}, 0)
	}
	c.answer()
	c.answer()
	late := 0
	for i, r := range c.replies {
		if r.Refusal == store.TimedOut {
			late++
			if at := c.at[i]; at < sim.Time(time.Minute) || at > sim.Time(61*time.Second) {
				t.Errorf("it timed out at %v", at)
			}
		}
	}
	if len(c.replies) != 5 || late != 1 {
		t.Errorf("%d of %d answers were too late", late, len(c.replies))
	}
}

// Source: KEP-3157 "Motivation": an answer read from etcd takes five times its size
// of the server's memory; KEP-5116: streamed out of the watch cache a twentieth of
// that. 20 answers of 13.3 MB are 1.3 GB, or 67 MB.
func TestWhatAListHoldsOfMemoryDependsOnWhereItComesFrom(t *testing.T) {
	for _, tc := range []struct {
		name   string
		config apiserver.Config
		latest bool
		dies   bool
	}{
		{"as servers do now", apiserver.Config{}, true, false},
		{"from etcd, as a whole", apiserver.Config{ListsFromEtcd: true, EncodesWhole: true}, true, true},
		{"from the cache, as a whole", apiserver.Config{ListsFromEtcd: true, EncodesWhole: true}, false, false},
	} {
		tc.config.MemoryBytes = 1 << 30
		tc.config.Unfair = true // or six of them are answered at a time
		c, _ := lister(t, tc.config)
		for range 20 {
			c.client.List(&store.List{Kind: model.KindPod, Objects: 7130, ObjectBytes: 1867, Latest: tc.latest}, 0)
		}
		if r := c.answer(); (r.Refusal == store.Disconnected) != tc.dies {
			t.Errorf("%s: %v", tc.name, r.Refusal)
		}
		if got := strings.Contains(strings.Join(c.reasons(), ","), "APIServerOOMKilled"); got != tc.dies {
			t.Errorf("%s: %v", tc.name, c.reasons())
		}
	}
}

// Source: pkg/kubelet/kubelet.go MaxContainerBackOff: a container is started again
// at once, then after 10 s, then twice as long each time.
func TestAServerThatIsKilledAgainAndAgainIsStartedEverLater(t *testing.T) {
	c, _ := lister(t, apiserver.Config{MemoryBytes: 1 << 30, ListsFromEtcd: true, EncodesWhole: true})
	q := &store.List{Kind: model.KindPod, Objects: 100_000, ObjectBytes: 2000, Latest: true}
	var killed, back []sim.Time
	for range 4 {
		c.client.List(q, 0)
		for !c.client.Refused() {
			c.step(10 * time.Millisecond)
		}
		killed = append(killed, c.Now())
		for c.client.Refused() {
			c.step(10 * time.Millisecond)
		}
		back = append(back, c.Now())
	}
	for i, wait := range []time.Duration{0, 10 * time.Second, 20 * time.Second, 40 * time.Second} {
		if took := back[i].Sub(killed[i]); took < wait || took > wait+15*time.Second {
			t.Errorf("death %d: it was back after %v, want %v and its start", i+1, took, wait)
		}
	}
}

func (c *caller) step(d time.Duration) {
	c.t.Helper()
	if err := c.Run(c.Now().Add(d)); err != nil {
		c.t.Fatal(err)
	}
}

// A server that is stopped while the kubelet waits to start it is not started by the
// kubelet.
func TestAServerThatIsStoppedStaysSo(t *testing.T) {
	c, server := lister(t, apiserver.Config{MemoryBytes: 1 << 30, ListsFromEtcd: true, EncodesWhole: true})
	c.client.List(&store.List{Kind: model.KindPod, Objects: 100_000, ObjectBytes: 2000, Latest: true}, 0)
	c.step(100 * time.Millisecond)
	server.Stop()
	c.step(10 * time.Minute)
	if !c.client.Refused() {
		t.Error("it runs")
	}
	server.Start()
	c.step(time.Minute)
	if c.client.Refused() {
		t.Error("it does not run")
	}
}

// Nobody lists without the right to.
func TestAListNeedsTheRightToList(t *testing.T) {
	c, _ := lister(t, apiserver.Config{})
	c.client.As = store.User("jane")
	c.client.List(&store.List{Kind: model.KindPod, ObjectBytes: 1}, 0)
	if r := c.answer(); r.Refusal != store.Forbidden {
		t.Errorf("%v", r.Refusal)
	}
}

// A small request stands in line behind lists that share the processors.
func TestListsSlowDownSmallRequests(t *testing.T) {
	took := func(lists int) time.Duration {
		c, _ := lister(t, apiserver.Config{})
		for range lists {
			c.client.List(&store.List{Kind: model.KindPod, Objects: 100_000, ObjectBytes: 1}, 0)
		}
		c.step(10 * time.Millisecond)
		from := c.Now()
		c.client.Create(newPod("web"), 1)
		for len(c.replies) == 0 || c.replies[len(c.replies)-1].Tag != 1 {
			c.step(time.Millisecond)
		}
		return c.Now().Sub(from)
	}
	if alone, beside, among := took(0), took(4), took(40); beside > 2*alone || among < 300*time.Millisecond {
		t.Errorf("a write took %v alone, %v beside 4 lists and %v among 40", alone, beside, among)
	}
}
