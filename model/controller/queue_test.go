package controller

import (
	"slices"
	"testing"
	"time"

	"orrery/sim"
)

// Source: k8s.io/client-go/util/workqueue/queue.go: "a single item will not be
// processed multiple times concurrently, and if an item is added multiple
// times before it can be processed, it will only be processed once"; an item
// added while it is processed is processed again afterwards.
func TestAnObjectIsLookedAtByOneWorkerAtATime(t *testing.T) {
	q := newWorkqueue(2)
	take := func() uint32 { id, _ := q.take(); return id }
	q.add(7)
	q.add(7)
	q.add(8)
	q.add(9)
	if got := []uint32{take(), take(), take()}; !slices.Equal(got, []uint32{7, 8, 0}) {
		t.Fatalf("two workers took %v", got)
	}
	q.add(7)
	q.add(7)
	q.release(8)
	if got := []uint32{take(), take()}; !slices.Equal(got, []uint32{9, 0}) {
		t.Fatalf("then %v", got)
	}
	q.release(7)
	q.release(9)
	if got := []uint32{take(), take()}; !slices.Equal(got, []uint32{7, 0}) {
		t.Fatalf("then %v", got)
	}
}

// Source: k8s.io/client-go/util/workqueue/default_rate_limiters.go.
func TestRetriesWaitFiveMillisecondsDoubling(t *testing.T) {
	q := newWorkqueue(1)
	for n, want := range []time.Duration{5, 10, 20, 40, 80} {
		if got := q.delay(sim.Time(time.Duration(n)*time.Minute), 1); got != want*time.Millisecond {
			t.Errorf("failure %d: %v", n, got)
		}
	}
	for range 40 {
		q.delay(sim.Time(time.Hour), 1)
	}
	if got := q.delay(sim.Time(2*time.Hour), 1); got != 1000*time.Second {
		t.Errorf("at last %v", got)
	}
}

// Source: k8s.io/client-go/util/workqueue/delaying_queue.go: of two delays for
// one item the earlier stands.
func TestTheEarlierDelayStands(t *testing.T) {
	q := newWorkqueue(1)
	if !q.later(10, 1) || q.later(20, 1) || !q.later(5, 1) {
		t.Fatal("a delay is posted if it is the earliest")
	}
	q.arrive(4, 1)
	if _, ok := q.take(); ok {
		t.Error("too early")
	}
	q.arrive(5, 1)
	q.arrive(10, 1)
	if id, _ := q.take(); id != 1 {
		t.Error("not there in time")
	}
	q.release(1)
	if _, ok := q.take(); ok {
		t.Error("there twice")
	}
}

// TestWaitsComeInOrder compares the heap with a sort.
func TestWaitsComeInOrder(t *testing.T) {
	luck := sim.NewLuck(1).Stream("test/waits")
	for range 100 {
		var h waits
		var all []sim.Time
		for range luck.Below(50) {
			at := sim.Time(luck.Below(30))
			all = append(all, at)
			if h.push(wait{at, uint32(luck.Below(9))}) && at != slices.Min(all) {
				t.Fatal("push says it is first and it is not")
			}
		}
		slices.Sort(all)
		for _, at := range all {
			if h[0].at != at {
				t.Fatalf("next is %v, want %v", h[0].at, at)
			}
			h.pop()
		}
	}
}

// Source: k8s.io/client-go/tools/record/events_cache.go, default burst 25 and
// one in 300 s.
func TestNotesAboutOneObjectAreLimited(t *testing.T) {
	var f spamFilter
	said := 0
	for range 100 {
		if f.allow(sim.Time(time.Second)) {
			said++
		}
	}
	if said != 25 || f.allow(sim.Time(300*time.Second)) || !f.allow(sim.Time(301*time.Second)) {
		t.Errorf("%d notes at once", said)
	}
}

func TestNames(t *testing.T) {
	want := []string{
		"deployment", "replicaset", "statefulset", "daemonset", "job", "cronjob", "ttl-after-finished", "endpointslice",
		"node-lifecycle", "taint-eviction", "pod-gc", "disruption", "resource-quota", "horizontal-pod-autoscaler", "namespace",
		"garbage-collector", "persistentvolume-binder", "ephemeral-volume", "csi-provisioner", "attach-detach", "csi-attacher",
		"pvc-protection", "pv-protection",
	}
	if got := Names(); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

// Source: pkg/controller/namespace/namespace_controller.go nsControllerRateLimiter: 5 ms to 60 s.
func TestANamespaceIsLookedAtAtLeastOnceAMinute(t *testing.T) {
	l := &loop{queue: newWorkqueue(1)}
	newNamespaces(l)
	now := sim.Time(0)
	for range 30 {
		d := l.queue.delay(now, 1)
		if d > time.Minute {
			t.Fatalf("after %v of failures it waits %v", now, d)
		}
		now = now.Add(d)
	}
	if now < sim.Time(10*time.Minute) {
		t.Errorf("30 failures took %v only: the delay does not grow", now)
	}
}
