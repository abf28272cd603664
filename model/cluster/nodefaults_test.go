package cluster_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/fault"
	"orrery/model/store"
)

// table is when things happened after lossAt to node n-1 and to its pods.
type table struct {
	x        *cluster.Cluster
	notReady []time.Duration // the node's status is no longer True
	unknown  []time.Duration
	ready    []time.Duration // and is again
	taints   map[string]time.Duration
	lost     []time.Duration // pods of it are not Ready any more
	back     []time.Duration // and are again
	deleting []time.Duration
	gone     []time.Duration
	restarts int32 // of its pods
	fresh    []time.Duration
	drained  []time.Duration // an endpoint less is ready
	notes    map[string][]time.Duration
}

// watch runs a cluster of six nodes with twelve pods for half an hour.
func watch(t *testing.T, seed uint64, until time.Duration, faults ...fault.Spec) *table {
	t.Helper()
	return watchConfig(t, shop(seed, 6, 12, faults...), until)
}

func watchConfig(t *testing.T, c cluster.Config, until time.Duration) *table {
	t.Helper()
	x, err := cluster.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Run(lossAt.Add(until)); err != nil {
		t.Fatal(err)
	}
	w := &table{x: x, taints: map[string]time.Duration{}, notes: map[string][]time.Duration{}}
	for i := range x.Store.History().Len() {
		if r := x.Store.History().At(i); r.At >= lossAt {
			w.take(r, r.At.Sub(lossAt))
		}
	}
	return w
}

func (w *table) take(r *store.Record, at time.Duration) {
	if r.Note != nil {
		w.notes[r.Note.Reason] = append(w.notes[r.Note.Reason], at)
		return
	}
	switch now := r.Object().(type) {
	case *model.Node:
		if old, ok := r.Old.(*model.Node); ok && now.Name == "n-1" {
			w.node(old, now, at)
		}
	case *model.Pod:
		w.pod(r, now, at)
	case *model.EndpointSlice:
		if old, ok := r.Old.(*model.EndpointSlice); ok {
			for range readyEndpoints(old) - readyEndpoints(now) {
				w.drained = append(w.drained, at)
			}
		}
	}
}

func (w *table) node(old, now *model.Node, at time.Duration) {
	switch {
	case old.Ready.Status == now.Ready.Status:
	case now.Ready.Status == model.True:
		w.ready = append(w.ready, at)
	case now.Ready.Status == model.Unknown:
		w.unknown = append(w.unknown, at)
	case old.Ready.Status == model.True:
		w.notReady = append(w.notReady, at)
	}
	for _, t := range now.Taints {
		if !model.HasTaint(old.Taints, t.Key, t.Effect) {
			w.taints[t.Key+":"+t.Effect.String()] = at
		}
	}
}

func (w *table) pod(r *store.Record, now *model.Pod, at time.Duration) {
	old, _ := r.Old.(*model.Pod)
	switch {
	case r.Verb == store.Created:
		w.fresh = append(w.fresh, at)
	case now.NodeName != "n-1":
	case r.Verb == store.Deleted:
		w.gone = append(w.gone, at)
	case old.IsReady() && !now.IsReady():
		w.lost = append(w.lost, at)
	case !old.IsReady() && now.IsReady():
		w.back = append(w.back, at)
	case !old.Deleting() && now.Deleting():
		w.deleting = append(w.deleting, at)
	}
	if old != nil && now.NodeName == "n-1" {
		w.restarts += now.Restarts() - old.Restarts()
	}
}

// within wants that something happened so many times, all between two times.
func within(t *testing.T, seed uint64, what string, got []time.Duration, n int, from, to time.Duration) {
	t.Helper()
	if len(got) != n {
		t.Errorf("seed %d: %s at %v, want %d times", seed, what, got, n)
	}
	for _, at := range got {
		if at < from || at > to {
			t.Errorf("seed %d: %s at %v, want it from %v to %v", seed, what, at, from, to)
		}
	}
}

// alive is how many containers run on a node, whatever the API says.
func (w *table) alive(node string) (n int) {
	id := w.x.Store.Lookup(model.KindNode, "", node).Head().ID
	for _, s := range w.x.Kubelet(id).Machine().Sandboxes() {
		if s != nil && s.Alive() {
			n++
		}
	}
	return n
}

func onNode(id, name string, length time.Duration) fault.Spec {
	return fault.Spec{ID: id, Fault: name, At: lossAt, For: length, Target: fault.Target{Names: []string{"n-1"}}}
}

const second = time.Second

// Source: pkg/kubelet/kubelet.go (maxWaitForContainerRuntime 30 s, updateRuntimeUp
// every 5 s, syncLoop), pkg/kubelet/nodestatus/setters.go ReadyCondition: the last
// good status is 0 to 5 s old, the node's status comes within 10.4 s of the 30th
// second, and so does Ready again once a poll was good. The node controller marks no
// pods of a node that says by itself that it is not ready
// (kubernetes/kubernetes#125618: MarkPodsNotReady comes with the change to Unknown
// only), so that its pods stay in the Services until they are deleted.
func TestWithoutAContainerRuntimeANodeIsNotReadyAfter25To41SecondsAndItsPodsStayReady(t *testing.T) {
	const length = 10 * time.Minute
	for seed := range uint64(40) {
		w := watch(t, seed+1, length, onNode("f", "runtime-down", length+time.Hour))
		within(t, seed, "not ready", w.notReady, 1, 25*second, 40500*time.Millisecond)
		within(t, seed, "Unknown", w.unknown, 0, 0, 0)
		if len(w.notReady) == 0 {
			continue
		}
		at := w.notReady[0]
		within(t, seed, "NoSchedule", []time.Duration{w.taints[model.TaintNotReady+":NoSchedule"]}, 1, at, at+second)
		out := w.taints[model.TaintNotReady+":NoExecute"]
		within(t, seed, "NoExecute", []time.Duration{out}, 1, at, at+16*second)
		within(t, seed, "deletion", w.deleting, 2, out+300*second, out+301*second)
		within(t, seed, "endpoints drained", w.drained, 2, out+300*second, out+302*second)
		within(t, seed, "replacement", w.fresh, 2, out+300*second, out+301*second)
		if len(w.lost) != 0 || len(w.gone) != 0 || w.alive("n-1") != 2 {
			t.Errorf("seed %d: pods lost at %v, gone at %v, %d of them run", seed, w.lost, w.gone, w.alive("n-1"))
		}
	}
}

// Source: as above: the poll within 5 s, the main loop's sleep of at most 5 s, the
// node's status within 10.4 s; then the deletions are acted upon.
func TestAContainerRuntimeThatReturnsLateLetsPendingDeletionsGo(t *testing.T) {
	const length = 10 * time.Minute
	for seed := range uint64(40) {
		w := watch(t, seed+1, length+2*time.Minute, onNode("f", "runtime-down", length))
		within(t, seed, "ready", w.ready, 1, length, length+16*second)
		within(t, seed, "gone", w.gone, 2, length, length+14*second)
		if w.alive("n-1") != 0 || w.restarts != 0 {
			t.Errorf("seed %d: %d pods run, %d restarts", seed, w.alive("n-1"), w.restarts)
		}
	}
}

// Source: as above: nothing is 30 s old.
func TestAContainerRuntimeThatReturnsWithin25SecondsIsNotMissed(t *testing.T) {
	for seed := range uint64(40) {
		w := watch(t, seed+1, 15*time.Minute, onNode("f", "runtime-down", 25*second))
		if len(w.notReady)+len(w.unknown)+len(w.lost)+len(w.fresh)+len(w.deleting)+int(w.restarts) != 0 {
			t.Errorf("seed %d: %+v", seed, w)
		}
	}
}
