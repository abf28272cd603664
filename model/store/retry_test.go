package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// busyServer is an API server that answers 429, and says when to come again.
type busyServer struct {
	*sim.Kernel
	store   *store.Store
	after   time.Duration
	refuses int
	asked   []sim.Time
}

func (b *busyServer) Wake(now sim.Time, _ sim.Why, slot uint64) {
	b.asked = append(b.asked, now)
	if len(b.asked) > b.refuses {
		b.store.Answer(slot, store.Accepted, nil)
		return
	}
	b.store.Request(slot).RetryAfter = b.after
	b.store.Answer(slot, store.TooManyRequests, nil)
}

// asker keeps what it is told.
type asker struct {
	client *store.Client
	told   []string
}

func (a *asker) Wake(now sim.Time, _ sim.Why, about uint64) {
	if r, ok := a.client.Reply(about); ok {
		a.told = append(a.told, fmt.Sprint(now.Sub(0).Round(time.Second), " ", r.Tag, " ", r.Refusal))
	}
}

// Source: k8s.io/client-go/rest/with_retry.go: an answer 429 with Retry-After is
// not told to who asked: the request is sent again after that time, up to 10
// times, while its context lasts. One without Retry-After, as that of the eviction
// API, is told at once.
func TestAnAnswer429WithRetryAfterIsSentAgain(t *testing.T) {
	for _, tc := range []struct {
		after   time.Duration
		refuses int
		timeout time.Duration
		sent    int
		told    string
	}{
		{time.Second, 3, 0, 4, "3s 7 Accepted"},
		{time.Second, 99, 0, 11, "10s 7 TooManyRequests"},
		{time.Second, 99, 3500 * time.Millisecond, 4, "3s 7 TooManyRequests"},
		{0, 99, 0, 1, "0s 7 TooManyRequests"},
	} {
		k := sim.New(sim.Config{Seed: 1})
		net := network.New(k, network.DefaultProfile())
		s := store.New(k, net)
		site := net.AddSite("cp-0", "")
		b := &busyServer{Kernel: k, store: s, after: tc.after, refuses: tc.refuses}
		s.AddServer(site, k.Register("busy", b), nil)
		a := &asker{}
		a.client = s.NewClient(store.ClientConfig{Name: "asker", As: store.Admin("kubectl"), Actor: k.Register("asker", a), Site: site, Timeout: tc.timeout})
		a.client.Get(model.Ref{Kind: model.KindPod, ID: 1}, 7)
		if err := k.Run(sim.Time(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.told, []string{tc.told}) || len(b.asked) != tc.sent {
			t.Errorf("%+v: sent %d times, told %v", tc, len(b.asked), a.told)
		}
		for i := 1; i < len(b.asked); i++ {
			if gap := b.asked[i].Sub(b.asked[i-1]); gap < time.Second || gap > 1100*time.Millisecond {
				t.Errorf("sent again after %v", gap)
			}
		}
	}
}
