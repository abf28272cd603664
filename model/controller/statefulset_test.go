package controller

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

func statefulSet(name string, replicas int32, edit func(*model.StatefulSet)) *model.StatefulSet {
	s := &model.StatefulSet{
		Meta:           model.Meta{Kind: model.KindStatefulSet, Namespace: "default", Name: name},
		Replicas:       replicas,
		Selector:       model.SelectorOf(model.MakeLabels(map[string]string{"app": name})),
		Template:       template(name, "1"),
		MaxUnavailable: model.CountOrPercent{Value: 1},
		HistoryLimit:   10,
	}
	if edit != nil {
		edit(s)
	}
	return s
}

func (r *rig) statefulSet(name string) *model.StatefulSet {
	s, _ := r.store.Lookup(model.KindStatefulSet, "default", name).(*model.StatefulSet)
	return s
}

func (r *rig) changeSet(s *model.StatefulSet, f func(*model.StatefulSet)) {
	r.user.client.Patch(s.Ref(), change[*model.StatefulSet]{f}, 0)
}

// podEvents is what happened to pods, in order: "+db-0" was created, "-db-0"
// asked to go, "*db-0" became ready.
func (r *rig) podEvents(from sim.Time) (out []string) {
	for i := range r.store.History().Len() {
		rec := r.store.History().At(i)
		if rec.At < from || rec.Verb == store.Noted || rec.Object().Head().Kind != model.KindPod {
			continue
		}
		old, _ := rec.Old.(*model.Pod)
		next, _ := rec.New.(*model.Pod)
		switch {
		case old == nil:
			out = append(out, "+"+next.Name)
		case next == nil && !old.Deleting(), next != nil && next.Deleting() && !old.Deleting():
			out = append(out, "-"+old.Name)
		case next != nil && next.IsReady() && !old.IsReady():
			out = append(out, "*"+next.Name)
		}
	}
	return out
}

func (r *rig) wantEvents(t *testing.T, from sim.Time, want ...string) {
	t.Helper()
	if got := r.podEvents(from); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// "OrderedReady: from lowest ordinal up: missing → create and stop; not
// Running+Ready → wait. Then condemned pods from the highest, delete one, stop."
// Source: pkg/controller/statefulset/stateful_set_control.go.
func TestAnOrderedSetStartsItsPodsUpwardsAndStopsThemDownwards(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.user.client.Create(statefulSet("db", 3, nil), 0)
	r.run(t, time.Minute)
	r.wantEvents(t, 0, "+db-0", "*db-0", "+db-1", "*db-1", "+db-2", "*db-2")
	at := r.Now()
	r.changeSet(r.statefulSet("db"), func(s *model.StatefulSet) { s.Replicas = 1 })
	r.run(t, time.Minute)
	r.wantEvents(t, at, "-db-2", "-db-1")
	if s := r.statefulSet("db"); s.ReadyReplicas != 1 || s.StatusReplicas != 1 || s.AvailableReplicas != 1 || s.UpdatedReplicas != 1 || s.ObservedGeneration != s.Generation {
		t.Errorf("%+v", s)
	}
	p := r.podList()[0]
	if p.Labels.Value(model.LabelPodName) != "db-0" || p.Labels.Value(model.LabelPodIndex) != "0" || p.Labels.Value(model.LabelRevision) != r.statefulSet("db").UpdateRevision {
		t.Errorf("labels %v", p.Labels)
	}
}

// "Parallel: create/delete all without waiting (slow-start batches)".
// Source: pkg/controller/statefulset/stateful_set_control.go runForAll.
func TestAParallelSetWaitsForNobody(t *testing.T) {
	r := newRig(t, rigConfig{start: sim.Constant(20 * time.Second)})
	r.user.client.Create(statefulSet("db", 7, func(s *model.StatefulSet) { s.Parallel = true; s.Start = 5 }), 0)
	r.run(t, 5*time.Second)
	if got := r.podEvents(0); len(got) != 7 || got[0] != "+db-5" {
		t.Errorf("%v", got)
	}
	at := r.Now()
	r.changeSet(r.statefulSet("db"), func(s *model.StatefulSet) { s.Replicas = 2 })
	r.run(t, 2*time.Second)
	gone := r.podEvents(at)
	slices.Sort(gone)
	if want := []string{"-db-10", "-db-11", "-db-7", "-db-8", "-db-9"}; !slices.Equal(gone, want) {
		t.Errorf("%v", gone)
	}
}

// "Then update: from highest ordinal ≥ partition: pod with old revision → delete;
// if an updated pod is unhealthy → wait."
// Source: pkg/controller/statefulset/stateful_set_control.go.
func TestARollingUpdateGoesDownwardsToThePartition(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.user.client.Create(statefulSet("db", 4, nil), 0)
	r.run(t, time.Minute)
	old, at := r.statefulSet("db").CurrentRevision, r.Now()
	r.changeSet(r.statefulSet("db"), func(s *model.StatefulSet) { s.Template, s.Partition = template("db", "2"), 2 })
	r.run(t, time.Minute)
	r.wantEvents(t, at, "-db-3", "+db-3", "*db-3", "-db-2", "+db-2", "*db-2")
	s := r.statefulSet("db")
	if s.UpdatedReplicas != 2 || s.CurrentReplicas != 2 || s.CurrentRevision != old || s.UpdateRevision == old {
		t.Errorf("%+v", s)
	}
	// A pod below the partition that is lost comes back with the old revision.
	lost := r.store.Lookup(model.KindPod, "default", "db-0").Head().Ref()
	r.user.client.Delete(lost, 0, 0)
	r.run(t, time.Minute)
	if p := r.store.Lookup(model.KindPod, "default", "db-0"); p == nil || p.Head().Labels.Value(model.LabelRevision) != old {
		t.Errorf("db-0 is %v", p)
	}
	r.changeSet(r.statefulSet("db"), func(s *model.StatefulSet) { s.Partition = 0 })
	r.run(t, time.Minute)
	if s := r.statefulSet("db"); s.UpdatedReplicas != 4 || s.CurrentRevision != s.UpdateRevision || s.CurrentReplicas != 4 {
		t.Errorf("%+v", s)
	}
}

// "deletes up to (max − currently unavailable) old pods per sync, highest first".
// Source: pkg/controller/statefulset/stateful_set_control.go
// updateStatefulSetAfterInvariantEstablished; pkg/features/kube_features.go
// MaxUnavailableStatefulSet.
func TestMaxUnavailableLetsSeveralPodsBeReplacedAtOnce(t *testing.T) {
	for percent, want := range map[int32][]string{59: {"-db-4", "-db-3"}, 39: {"-db-4"}, 10: {"-db-4"}} { // rounded down, but at least 1
		r := newRig(t, rigConfig{})
		r.user.client.Create(statefulSet("db", 5, func(s *model.StatefulSet) { s.MaxUnavailable = model.CountOrPercent{Value: percent, Percent: true} }), 0)
		r.run(t, time.Minute)
		at := r.Now()
		r.changeSet(r.statefulSet("db"), func(s *model.StatefulSet) { s.Template = template("db", "2") })
		r.run(t, time.Second)
		if got := r.podEvents(at); !slices.Equal(got, want) {
			t.Errorf("%d %%: %v, want %v", percent, got, want)
		}
		r.run(t, time.Minute)
		if s := r.statefulSet("db"); s.UpdatedReplicas != 5 || s.ReadyReplicas != 5 {
			t.Errorf("%d %%: %+v", percent, s)
		}
	}
}

// Source: pkg/controller/statefulset/stateful_set_control.go: "for the OnDelete
// strategy we short circuit. Pods will be updated when they are manually deleted."
func TestOnDeleteWaitsForSomebodyToDeletePods(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.user.client.Create(statefulSet("db", 2, func(s *model.StatefulSet) { s.OnDelete = true }), 0)
	r.run(t, time.Minute)
	at := r.Now()
	r.changeSet(r.statefulSet("db"), func(s *model.StatefulSet) { s.Template = template("db", "2") })
	r.run(t, time.Minute)
	r.wantEvents(t, at)
	r.user.client.Delete(r.store.Lookup(model.KindPod, "default", "db-0").Head().Ref(), store.DefaultGrace, 0)
	r.run(t, time.Minute)
	if s := r.statefulSet("db"); s.UpdatedReplicas != 1 || r.store.Lookup(model.KindPod, "default", "db-0").Head().Labels.Value(model.LabelRevision) != s.UpdateRevision {
		t.Errorf("%+v", s)
	}
}

// A pod that is ready is available after minReadySeconds; until then an ordered
// set waits. It looks again every minReadySeconds, and a look that is due earlier
// stands for one that would be due when the pod is available
// (k8s.io/client-go/util/workqueue/delaying_queue.go), so it may notice as much
// later.
func TestAnOrderedSetWaitsForMinReadySeconds(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.user.client.Create(statefulSet("db", 2, func(s *model.StatefulSet) { s.MinReady = 10 * time.Second }), 0)
	r.run(t, time.Minute)
	first := r.store.Lookup(model.KindPod, "default", "db-0").(*model.Pod)
	second := r.store.Lookup(model.KindPod, "default", "db-1").(*model.Pod)
	if d := second.CreatedAt.Sub(first.Ready.SinceAt); d < 10*time.Second || d > 20*time.Second {
		t.Errorf("db-1 is made %v after db-0 is ready", d)
	}
	if s := r.statefulSet("db"); s.AvailableReplicas != 2 {
		t.Errorf("%+v", s)
	}
}

// "Failed or Succeeded pod → delete and recreate".
func TestAPodThatEndedIsMadeAnew(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.user.client.Create(statefulSet("db", 2, nil), 0)
	r.run(t, time.Minute)
	p := *r.store.Lookup(model.KindPod, "default", "db-0").(*model.Pod)
	p.Phase, p.Ready.Status = model.PodFailed, model.False
	at := r.Now()
	r.store.Update(r.user.id, &p)
	r.run(t, 10*time.Second)
	r.wantEvents(t, at, "-db-0", "+db-0", "*db-0")
}

// "A pod on a dead node (Terminating) blocks its ordinal until the object
// disappears: stable identity."
func TestATerminatingPodBlocksItsNumber(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.user.client.Create(statefulSet("db", 2, nil), 0)
	r.run(t, time.Minute)
	p := r.store.Lookup(model.KindPod, "default", "db-1").(*model.Pod)
	r.silence(p.NodeID)
	r.run(t, 20*time.Minute)
	now, _ := r.store.Lookup(model.KindPod, "default", "db-1").(*model.Pod)
	if now == nil || now.ID != p.ID || !now.Deleting() {
		t.Fatalf("db-1 is %+v", now)
	}
	r.user.client.Delete(now.Ref(), 0, 0)
	r.run(t, time.Minute)
	if now, _ := r.store.Lookup(model.KindPod, "default", "db-1").(*model.Pod); now == nil || now.ID == p.ID || !now.IsReady() {
		t.Errorf("db-1 is %+v", now)
	}
}

// revisionHistoryLimit revisions are kept besides those in use, and going back
// raises the old revision instead of making another
// (pkg/controller/history/controller_history.go, truncateHistory).
func TestRevisionsAreKeptRaisedAndTruncated(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.user.client.Create(statefulSet("db", 1, func(s *model.StatefulSet) { s.HistoryLimit = 2 }), 0)
	r.run(t, time.Minute)
	first := r.statefulSet("db").CurrentRevision
	for i := 2; i <= 6; i++ {
		r.changeSet(r.statefulSet("db"), func(s *model.StatefulSet) { s.Template = template("db", fmt.Sprint(i)) })
		r.run(t, time.Minute)
	}
	var kept []int64
	revisions := func() {
		kept = nil
		r.store.Snapshot().Each(model.KindControllerRevision, func(o model.Object) bool {
			kept = append(kept, o.(*model.ControllerRevision).Revision)
			return true
		})
	}
	if revisions(); !slices.Equal(kept, []int64{4, 5, 6}) {
		t.Errorf("revisions %v", kept)
	}
	r.changeSet(r.statefulSet("db"), func(s *model.StatefulSet) { s.Template = template("db", "5") })
	r.run(t, time.Minute)
	if revisions(); !slices.Equal(kept, []int64{4, 7, 6}) || r.statefulSet("db").CurrentRevision == first {
		t.Errorf("revisions %v", kept)
	}
	r.user.client.Delete(r.statefulSet("db").Ref(), 0, 0)
	r.run(t, time.Minute)
	if revisions(); len(kept) != 0 || len(r.podList()) != 0 {
		t.Errorf("after the deletion: revisions %v, %d pods", kept, len(r.podList()))
	}
}

// "slow-start batches": 1, 2, 4 and so on, of at most 500
// (pkg/controller/statefulset/stateful_set_control.go slowStartBatch, MaxBatchSize).
func TestBatchesDoubleUpToFiveHundred(t *testing.T) {
	sizes := map[int]int{}
	for i := range 2000 {
		sizes[batchOf(i)]++
	}
	for batch, want := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 500, 500, 489} {
		if sizes[batch+1] != want {
			t.Errorf("batch %d has %d pods, want %d", batch+1, sizes[batch+1], want)
		}
	}
}
