package store_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/store"
)

// labelled is a patch that leaves a trace.
type labelled struct{ key string }

func (l labelled) Apply(cur model.Object) model.Object {
	next := cur.Copy()
	next.Head().Labels = model.MakeLabels(map[string]string{l.key: "true"})
	return next
}

// Source: k8s.io/client-go/tools/record/event.go StartRecordingToSink: one
// goroutine per recorder sends Events, through the component's own client; k8s.io/
// client-go/util/flowcontrol/throttle.go: what waits for tokens is served in the
// order in which it came.
func TestAClientsEventsTakeItsTokensOneAfterTheOther(t *testing.T) {
	took := func(events bool) time.Duration {
		r := newRig(1)
		s := &seer{rig: r}
		id := r.Register("controller", s)
		s.client = r.store.NewClient(store.ClientConfig{Name: "controller", As: store.Admin("kubectl"), Actor: id, Site: r.control, QPS: 20, Burst: 30, Events: events})
		for i := range 30 {
			p := pod(fmt.Sprint("web-", i))
			r.store.Create(id, p)
			s.client.Note(p, false, "Said", "something")
		}
		run(t, r, 200*time.Millisecond) // the Events of 30 notes take the 30 tokens that there are
		for range 10 {
			s.client.Get(model.Ref{Kind: model.KindPod, ID: 1}, 0)
		}
		for len(s.replies) < 10 {
			run(t, r, 10*time.Millisecond)
		}
		return time.Duration(r.Now())
	}
	with, without := took(true), took(false)
	if without > 220*time.Millisecond {
		t.Errorf("10 reads were done after %v, though the bucket held 30 tokens", without)
	}
	if with < 500*time.Millisecond || with > 750*time.Millisecond {
		t.Errorf("10 reads after 30 Events were done after %v, at 20 a second", with)
	}
}

// Source: pkg/controller/controller_utils.go AddOrUpdateTaintOnNode: a GET, and
// then a PATCH.
func TestAReadPatchIsTwoRequestsAndOneAnswer(t *testing.T) {
	r := newRig(1)
	s := &seer{rig: r}
	id := r.Register("controller", s)
	s.client = r.store.NewClient(store.ClientConfig{Name: "controller", As: store.Admin("kubectl"), Actor: id, Site: r.control, QPS: 1, Burst: 1})
	p := pod("web")
	r.store.Create(id, p)
	s.client.ReadPatch(p.Ref(), store.Whole, labelled{"seen"}, 7)
	s.client.ReadPatch(model.Ref{Kind: model.KindPod, ID: 99}, store.Whole, labelled{"seen"}, 8)
	run(t, r, 1500*time.Millisecond) // the read of the pod and that of none
	if len(s.replies) != 1 || s.replies[0].Refusal != store.NotFound || s.replies[0].Tag != 8 {
		t.Fatalf("replies %+v, want that there is no pod 99", s.replies)
	}
	run(t, r, time.Second)
	if len(s.replies) != 2 || s.replies[1].Refusal != store.Accepted || s.replies[1].Tag != 7 {
		t.Fatalf("replies %+v, want the patch's", s.replies)
	}
	if got := r.store.Get(p.Ref()).Head().Labels.Value("seen"); got != "true" {
		t.Errorf("the label is %q", got)
	}
}
