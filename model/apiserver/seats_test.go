package apiserver_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Source: k8s.io/apiserver/pkg/server/filters/priority-and-fairness.go. Of 600
// requests that one user sends at once 49 have a seat of global-default and 300
// wait in its hand of 6 queues; the rest is answered 429 and comes again, by
// itself, so that in the end all are done.
func TestABurstWaitsOrComesAgainAndIsDone(t *testing.T) {
	c := newCaller(t, "user", 4)
	for i := range 600 {
		c.client.Create(newPod(fmt.Sprint("p-", i)), uint64(i))
	}
	c.answer()
	if len(c.replies) != 600 {
		t.Fatalf("%d of 600 were answered", len(c.replies))
	}
	for _, r := range c.replies {
		if r.Refusal != store.Accepted {
			t.Fatalf("%+v", r)
		}
	}
	rejected := notes(c.store, "TooManyRequests")
	if last := c.at[len(c.at)-1]; len(rejected) != 251 || last < sim.Time(time.Second) || last > sim.Time(3*time.Second) {
		t.Errorf("%d were answered 429, want 251; the last was done at %v", len(rejected), last)
	}
}

// The same burst waits for nobody in the level of its neighbour.
func TestABurstKeepsNobodyElseFromItsSeat(t *testing.T) {
	c := newCaller(t, "user", 64)
	other := &caller{Kernel: c.Kernel, t: t, store: c.store}
	other.client = c.store.NewClient(store.ClientConfig{
		Name: "other", As: store.User("system:serviceaccount:kube-system:default"), Actor: c.Register("other", other), Site: c.client.Site,
	})
	for i := range 340 {
		c.client.Create(newPod(fmt.Sprint("p-", i)), 0)
	}
	other.client.Get(model.Ref{Kind: model.KindPod, ID: 1}, 0)
	c.answer()
	done := 0
	for _, at := range c.at {
		if at < other.at[0] {
			done++
		}
	}
	if done > 49 {
		t.Errorf("one of workload-high was answered after %d of 340 of global-default", done)
	}
}

func notes(s *store.Store, reason string) (out []*model.Note) {
	for i := range s.History().Len() {
		if n := s.History().At(i).Note; n != nil && n.Reason == reason {
			out = append(out, n)
		}
	}
	return out
}
