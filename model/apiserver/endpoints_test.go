package apiserver_test

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

// apart is a caller of an API server whose etcd is on three other machines.
type apart struct {
	*caller
	net     *network.Network
	server  network.Site
	members []network.Site
	backend *apiserver.Backend
}

func newApart(t *testing.T) *apart {
	k := sim.New(sim.Config{Seed: 1})
	net := network.New(k, network.DefaultProfile())
	a := &apart{caller: &caller{Kernel: k, t: t, store: store.New(k, net)}, net: net, server: net.AddSite("cp-0", "a")}
	for i := range 3 {
		a.members = append(a.members, net.AddSite(fmt.Sprint("etcd-", i), string(rune('a'+i))))
	}
	a.backend = apiserver.NewExternalBackend(k, a.store, net, etcd.Config{Sites: a.members}, []network.Site{a.server})
	apiserver.New(k, a.store, a.backend, net, a.server, 4)
	a.client = a.store.NewClient(store.ClientConfig{Name: "user", As: store.Admin("kubectl"), Actor: k.Register("caller", a), Site: a.server})
	return a
}

// took is how long each of some requests takes that are sent every 100 ms, and how
// many were refused.
func (a *apart) took(n int, ask func(i int)) (times []time.Duration, refused int) {
	a.t.Helper()
	a.replies, a.at = nil, nil
	sent := map[uint64]sim.Time{}
	for i := range n {
		sent[uint64(i)] = a.Now()
		ask(i)
		if err := a.Run(a.Now().Add(100 * time.Millisecond)); err != nil {
			a.t.Fatal(err)
		}
	}
	a.answer()
	for i, r := range a.replies {
		times = append(times, a.at[i].Sub(sent[r.Tag]))
		if r.Refusal != store.Accepted {
			refused++
		}
	}
	return times, refused
}

func slow(times []time.Duration) (n int, worst time.Duration) {
	for _, d := range times {
		if worst = max(worst, d); d > time.Second {
			n++
		}
	}
	return n, worst
}

// Source: gRPC's TCP_USER_TIMEOUT and etcd's client (see the package): of what is
// asked of etcd a third hangs when one of three machines is silent, until the
// connection is given up after 10 s. Reads are asked elsewhere then; of writes nobody
// knows what became of them.
func TestASilentMemberHoldsUpAThirdForTenSeconds(t *testing.T) {
	a := newApart(t)
	pod := a.create(newPod("p")).Head().Ref()
	get := func(i int) { a.client.Get(pod, uint64(i)) }
	write := func(i int) { a.client.Create(newPod(fmt.Sprint("p-", i)), uint64(i)) }
	if times, refused := a.took(30, get); len(times) != 30 || refused > 0 {
		t.Fatalf("while all is well %d are answered, %d refused", len(times), refused)
	} else if n, worst := slow(times); n > 0 || worst > 50*time.Millisecond {
		t.Errorf("while all is well the slowest takes %v", worst)
	}
	cut := a.net.Impair(network.Impairment{From: []network.Site{a.server}, To: a.members[1:2], Cut: true})
	times, refused := a.took(150, get)
	if n, worst := slow(times); len(times) != 150 || refused > 0 || n < 25 || n > 40 || worst < 9*time.Second || worst > 11*time.Second {
		t.Errorf("of %d reads %d are slow, the slowest %v, and %d refused; want those of the first 10 s that are a third", len(times), n, worst, refused)
	}
	if n, _ := slow(times[len(times)-30:]); n > 29 {
		t.Errorf("after that reads are slow still")
	}
	a.net.Lift(cut)
	cut = a.net.Impair(network.Impairment{From: []network.Site{a.server}, To: a.members[1:2], Cut: true})
	if times, refused = a.took(150, write); len(times) != 150 || refused < 25 || refused > 40 {
		t.Errorf("of %d writes %d are refused, want a third of the first 10 s", len(times), refused)
	}
	a.net.Lift(cut)
	if times, refused = a.took(30, get); refused > 0 {
		t.Errorf("when it is back %d are refused", refused)
	} else if n, _ := slow(times); n > 0 {
		t.Errorf("when it is back %d are slow", n)
	}
}

// What was on its way when a connection fell silent for less than 10 s arrives when
// it is back, as TCP sends it again.
func TestAShortSilenceLosesNothing(t *testing.T) {
	a := newApart(t)
	cut := a.net.Impair(network.Impairment{From: a.members[1:2], To: []network.Site{a.server}, Cut: true})
	for i := range 6 {
		a.client.Create(newPod(fmt.Sprint("p-", i)), uint64(i))
	}
	if err := a.Run(a.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if len(a.replies) != 4 {
		t.Errorf("%d of 6 are answered, of which two hear nothing", len(a.replies))
	}
	a.net.Lift(cut)
	a.answer()
	for _, r := range a.replies {
		if r.Refusal != store.Accepted {
			t.Errorf("%v", r.Refusal)
		}
	}
	if len(a.replies) != 6 || a.store.Existing(model.KindPod) != 6 {
		t.Errorf("%d answers, %d pods", len(a.replies), a.store.Existing(model.KindPod))
	}
}

// A member whose process has ended refuses at once: nothing hangs, and without any
// member the server says so.
func TestAMemberThatEndedHoldsNobodyUp(t *testing.T) {
	a := newApart(t)
	pod := a.create(newPod("p")).Head().Ref()
	get := func(i int) { a.client.Get(pod, uint64(i)) }
	a.backend.SetDown(1, true)
	if times, refused := a.took(30, get); refused > 0 {
		t.Errorf("%d of 30 refused", refused)
	} else if n, _ := slow(times); n > 0 {
		t.Errorf("%d of 30 are slow", n)
	}
	a.backend.SetDown(0, true)
	a.backend.SetDown(2, true)
	if _, refused := a.took(3, get); refused != 3 {
		t.Errorf("without any member %d of 3 are refused", refused)
	}
}
