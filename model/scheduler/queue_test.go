package scheduler

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// bench is a queue alone, with pods that nobody schedules.
type queueBench struct {
	*queue
	t    *testing.T
	rows store.Table[podRow]
}

func newQueueBench(t *testing.T) *queueBench {
	b := &queueBench{t: t}
	b.queue = newQueue(newClasses(newFramework(DefaultProfile(), newCache(), nil)), &b.rows, Config{}.withDefaults())
	return b
}

func (b *queueBench) enqueue(now time.Duration, id uint32, priority int32) {
	r := b.rows.Row(id)
	p := pod(fmt.Sprint(id), spec(1, 1, func(s *model.PodSpec) { s.Priority = priority }))
	r.pod, r.exists = p, true
	b.add(sim.Time(now), id)
}

func (b *queueBench) fit() pluginSet { return b.framework.bit("NodeResourcesFit") }

func (b *queueBench) wantPops(ids ...uint32) {
	b.t.Helper()
	var got []uint32
	for id, ok := b.pop(); ok; id, ok = b.pop() {
		got = append(got, id)
		b.done()
	}
	if !slices.Equal(got, ids) {
		b.t.Errorf("popped %v, want %v", got, ids)
	}
}

// Backoff: min(10 s, 1 s * 2^(count-1)), aligned to whole seconds: a pod leaves
// at second floor(Timestamp + d) + 1
// (pkg/scheduler/backend/queue/backoff_queue.go).
func TestBackoffDoublesTo10SecondsAndEndsOnAWholeSecond(t *testing.T) {
	b := newQueueBench(t)
	at := sim.Time(300 * time.Millisecond)
	for i, seconds := range []int{1, 2, 4, 8, 10, 10} {
		r := b.rows.Row(1)
		r.pod = pod("1", spec(1, 1))
		b.back(at, 1, 0)
		want := window(at).Add(time.Duration(seconds+1) * time.Second)
		if due := b.backoffDue(); due != want {
			t.Errorf("failure %d at %v: leaves at %v, want %v", i+1, at, due, want)
		}
		b.flushBackoff(want - 1)
		if r.place != errorBackoff {
			t.Errorf("failure %d: left before the second was over", i+1)
		}
		b.flushBackoff(want)
		b.wantPops(1)
		at = want.Add(time.Duration(i) * 137 * time.Millisecond)
	}
}

// Pop when activeQ is empty takes the head of backoffQ at once, but not that of
// errorBackoffQ; while other pods are active, the backoff is waited out
// (pkg/scheduler/backend/queue/active_queue.go).
func TestTheBackoffIsBypassedWhenNothingIsActive(t *testing.T) {
	b := newQueueBench(t)
	for id := uint32(1); id <= 3; id++ {
		b.enqueue(0, id, 0)
	}
	for range 2 {
		id, _ := b.pop()
		b.happened(0, Event{ClusterEvent: AssignedPodDelete, Pod: pod("gone", spec(1, 1))}) // while it flies
		b.back(0, id, b.fit())
		if r := b.rows.Row(id); r.place != backoff {
			t.Fatalf("pod %d is in place %d, want in its backoff: something has happened meanwhile", id, r.place)
		}
	}
	b.rows.Row(4).pod = pod("4", spec(1, 1))
	b.back(0, 4, 0)
	b.wantPops(3, 1, 2)
	if b.rows.Row(4).place != errorBackoff {
		t.Error("a pod was taken out of its error backoff")
	}
}

// A rejection resets the count of errors, and its own count goes on
// (AddUnschedulableIfNotPresent).
func TestARejectionResetsTheErrorCount(t *testing.T) {
	b := newQueueBench(t)
	r := b.rows.Row(1)
	r.pod = pod("1", spec(1, 1))
	for i, c := range []struct {
		rejectors pluginSet
		seconds   time.Duration
	}{{0, 1}, {0, 2}, {0, 4}, {b.fit(), 1}, {0, 1}, {b.fit(), 2}, {b.fit(), 4}} {
		b.back(0, 1, c.rejectors)
		if want := sim.Time(c.seconds * time.Second); r.expiry != want {
			t.Errorf("failure %d: the backoff ends at %v, want %v", i+1, r.expiry, want)
		}
	}
}

// A pod still backs off in the second in which its backoff ends (isPodBackingoff).
func TestAnEventInTheLastSecondOfABackoffDoesNotEndIt(t *testing.T) {
	b := newQueueBench(t)
	for at, want := range map[time.Duration]place{1900 * time.Millisecond: backoff, 2 * time.Second: active} {
		b.rows.Row(1).pod, b.rows.Row(1).rejected = pod("1", spec(1, 1)), 0
		b.back(sim.Time(300*time.Millisecond), 1, b.fit())
		b.happened(sim.Time(at), Event{ClusterEvent: AssignedPodDelete, Pod: pod("gone", spec(1, 1))})
		if got := b.rows.Row(1).place; got != want {
			t.Errorf("after an event at %v the pod is in place %d, want %d", at, got, want)
		}
	}
}

// The flush moves pods that are unschedulable for more than 5 minutes
// (flushUnschedulablePodsLeftover).
func TestTheFlushMovesPodsAfterMoreThan5Minutes(t *testing.T) {
	b := newQueueBench(t)
	b.rows.Row(1).pod = pod("1", spec(1, 1))
	b.back(0, 1, b.fit())
	b.flushUnschedulable(sim.Time(5 * time.Minute))
	if got := b.rows.Row(1).place; got != unschedulable {
		t.Errorf("after 5 min the pod is in place %d", got)
	}
	b.flushUnschedulable(b.unschedulableDue())
	if got := b.rows.Row(1).place; got != active || b.unschedulableDue() != sim.Never {
		t.Errorf("after more than 5 min the pod is in place %d", got)
	}
}

// backoffQ order: by the second in which the backoff ends, then as activeQ
// (lessBackoffCompletedWithPriority).
func TestPodsOfOneBackoffWindowLeaveByPriority(t *testing.T) {
	b := newQueueBench(t)
	for id := uint32(1); id <= 3; id++ {
		b.enqueue(0, id, int32(id))
	}
	for _, ms := range []int{100, 400, 1300} {
		id, _ := b.pop() // 3, 2, 1
		b.happened(0, Event{ClusterEvent: AssignedPodDelete, Pod: pod("gone", spec(1, 1))})
		b.back(sim.Time(ms)*sim.Time(time.Millisecond), id, b.fit())
	}
	b.enqueue(0, 4, 9)
	b.wantPops(4, 3, 2, 1)
}

// Random operations keep the queue's books: every pod is in one place, lists
// and counts agree with a recount, and nothing is popped twice.
func TestTheQueueAgreesWithARecount(t *testing.T) {
	for seed := range uint64(20) {
		b := newQueueBench(t)
		luck := sim.NewLuck(seed).Stream("queue")
		now, made := sim.Time(0), uint32(0)
		for range 2000 {
			now = now.Add(luck.Duration(0, 700*time.Millisecond))
			id := uint32(1 + luck.Below(uint64(max(made, 1))))
			switch luck.Below(8) {
			case 0, 1:
				made++
				b.enqueue(time.Duration(now), made, int32(luck.Below(3)))
			case 2, 3:
				if id, ok := b.pop(); ok {
					if luck.Below(3) == 0 {
						b.happened(now, Event{ClusterEvent: AssignedPodDelete, Pod: pod("gone", spec(1, 1))})
					}
					b.back(now, id, pluginSet(luck.Below(3))*b.fit())
				}
			case 4:
				if made > 0 {
					b.remove(id)
				}
			case 5:
				b.happened(now, Event{ClusterEvent: AssignedPodDelete, Pod: pod("gone", spec(1, 1))})
			case 6:
				b.flushBackoff(now)
			case 7:
				b.flushUnschedulable(now)
			}
			b.recount(made)
		}
	}
}

func (b *queueBench) recount(made uint32) {
	var unschedulables, got []uint32
	alive := map[place]int{}
	for id := uint32(1); id <= made; id++ {
		r := b.rows.Row(id)
		alive[r.place]++
		if r.place == unschedulable {
			unschedulables = append(unschedulables, id)
		}
	}
	for i, g := range b.unschedulable {
		if g.at != i || len(g.pods) == 0 {
			b.t.Fatalf("group %d of %d pods says it is at %d", i, len(g.pods), g.at)
		}
		got = append(got, g.pods...)
		for _, id := range g.pods {
			if r := b.rows.Row(id); r.group != g || r.rejectors != g.rejectors {
				b.t.Fatalf("pod %d is in the group of another", id)
			}
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, unschedulables) {
		b.t.Fatalf("unschedulable are %v, recounted %v", got, unschedulables)
	}
	for p, h := range map[place]*podHeap{active: &b.activeQ, backoff: &b.backoffQ, errorBackoff: &b.errorBackoffQ} {
		n := 0
		for _, e := range h.entries {
			if r := b.rows.Row(e.Pod); r.stamp == e.stamp && r.place == p {
				n++
			}
		}
		if n != alive[p] {
			b.t.Fatalf("heap of place %d has %d living entries, recounted %d", p, n, alive[p])
		}
	}
}

// Failure does not mean retry after backoff: the pod waits for a relevant
// event, and for the 5-minute flush, every 30 s, otherwise
// (pkg/scheduler/backend/queue/scheduling_queue.go).
func TestARejectedPodWaitsForAnEventOrForTheFlush(t *testing.T) {
	w := newWorld(t, Config{}, node("n", "", 1000, 4))
	w.run(time.Second)
	running := w.add(pod("running", spec(600, gib)))
	w.run(2 * time.Second)
	p := w.add(pod("web", spec(600, gib)))
	w.run(12 * time.Minute)
	at := w.attempts(p)
	if len(at) != 3 {
		t.Fatalf("attempts at %v, want the first and two after the flush", at)
	}
	for i := range at[1:] {
		if d := at[i+1].Sub(at[i]); d <= 5*time.Minute || d > 5*time.Minute+30*time.Second {
			t.Errorf("an attempt %v after the last, want 5 min to 5 min 30 s", d)
		}
	}
	w.remove(running)
	w.run(13 * time.Minute)
	w.wantNode(p, "n")
	if d := w.boundAt(p).Sub(sim.Time(12 * time.Minute)); d > 100*time.Millisecond {
		t.Errorf("bound %v after there was room, want at once", d)
	}
}

// Requeue on event: only the plugins that rejected the pod are asked, and each
// hint says which events can help (the plugins' EventsToRegister).
func TestOnlyEventsThatCanHelpMoveARejectedPod(t *testing.T) {
	cordoned := func(n *model.Node) { n.Unschedulable = true }
	tainted := func(n *model.Node) {
		n.Taints = []model.Taint{{Key: "team", Value: "a", Effect: model.NoSchedule}}
	}
	full := func(n *model.Node) { n.Allocatable.CPUMilli = 1000 }
	unlabelled := func(n *model.Node) {}
	picky := func(s *model.PodSpec) { s.NodeSelector = model.Labels{{Key: "pool", Value: "x"}} }
	label := func(n *model.Node) { n.Labels = n.Labels.With("pool", "x") }
	for _, c := range []struct {
		name string
		node func(*model.Node)
		pod  func(*model.PodSpec)
		then func(*model.Node)
		want bool
	}{
		{"Fit: the node has grown", full, nil, func(n *model.Node) { n.Allocatable.CPUMilli = 3000 }, true},
		{"Fit: the node has grown, not enough", full, nil, func(n *model.Node) { n.Allocatable.CPUMilli = 1500 }, false},
		{"Fit: the node has grown in what it does not ask for", full, nil, func(n *model.Node) { n.Allocatable.EphemeralBytes *= 2 }, false},
		{"Fit: a label", full, nil, label, false},
		{"NodeAffinity: the label", unlabelled, picky, label, true},
		{"NodeAffinity: another label", unlabelled, picky, func(n *model.Node) { n.Labels = n.Labels.With("pool", "y") }, false},
		{"NodeAffinity: a taint", unlabelled, picky, tainted, false},
		{"TaintToleration: the taint is gone", tainted, nil, func(n *model.Node) { n.Taints = nil }, true},
		{"TaintToleration: one more taint", tainted, nil, func(n *model.Node) {
			n.Taints = model.WithTaint(n.Taints, model.Taint{Key: "x", Effect: model.NoExecute})
		}, false},
		{"NodeUnschedulable: uncordoned", cordoned, nil, func(n *model.Node) { n.Unschedulable = false }, true},
		{"NodeUnschedulable: ready again", cordoned, nil, func(n *model.Node) { n.Ready.Status = model.False }, false},
	} {
		n := node("n", "", 4000, 16)
		c.node(n)
		w := newWorld(t, Config{}, n)
		w.run(time.Second)
		var edits []func(*model.PodSpec)
		if c.pod != nil {
			edits = append(edits, c.pod)
		}
		p := w.add(pod("web", spec(2000, gib, edits...)))
		w.run(10 * time.Second)
		change(w, n, c.then)
		w.run(20 * time.Second)
		again := len(w.attempts(p)) > 1 || w.boundAt(p) != 0
		if again != c.want {
			t.Errorf("%s: tried again: %v, want %v (%q)", c.name, again, c.want, w.notes(p))
		}
	}
}

// A node add helps if the pod would fit the empty node, and it matches and is
// tolerated (isSchedulableAfterNodeChange of each plugin).
func TestANewNodeHelpsOnlyPodsThatWouldFitIt(t *testing.T) {
	w := newWorld(t, Config{}, node("n-0", "", 1000, 4))
	w.run(time.Second)
	p := w.add(pod("web", spec(2000, gib)))
	w.run(10 * time.Second)
	w.add1Node(node("n-1", "", 1500, 4))
	w.run(20 * time.Second)
	if n := len(w.attempts(p)); n != 1 {
		t.Errorf("%d attempts, want 1: the new node is too small", n)
	}
	w.add1Node(node("n-2", "", 2000, 4))
	w.run(30 * time.Second)
	w.wantNode(p, "n-2")
}

// Events that arrive while a pod is in flight are replayed when it comes back
// (pkg/scheduler/backend/queue/active_queue.go clusterEventsForPod).
func TestAnEventDuringTheCycleIsNotLost(t *testing.T) {
	w := newWorld(t, Config{CycleTime: time.Second}, node("n", "", 1000, 4))
	w.run(time.Second)
	running := w.add(pod("running", spec(600, gib)))
	w.run(3 * time.Second)
	p := w.add(pod("web", spec(600, gib)))
	w.run(3*time.Second + 500*time.Millisecond)
	w.remove(running) // p is being decided upon, without that
	w.run(10 * time.Second)
	w.wantNode(p, "n")
	if n := len(w.attempts(p)); n != 1 {
		t.Errorf("%d failed attempts, want 1", n)
	}
}

// What a cycle costs: a fixed part and one for each node that it examines, so a
// cluster ten times as large gets fewer pods placed in the same time; adaptive
// sampling keeps it from being ten times fewer.
func TestACycleCostsByTheNodesItExamines(t *testing.T) {
	placed := func(c Config, nodeCount int) (n int) {
		w := newWorld(t, c, nodes(nodeCount, 64_000, 256)...)
		w.scheduler.client.QPS, w.scheduler.client.Burst = 1e6, 1e6
		w.scheduler.client.Restart()
		w.run(time.Second)
		shape := spec(1, 1)
		for i := range 3000 {
			w.add(pod(fmt.Sprintf("p-%d", i), shape))
		}
		w.run(2 * time.Second)
		for id := range w.scheduler.rows.Len() {
			if r := w.scheduler.rows.Row(uint32(id)); r.placed != nil {
				n++
			}
		}
		return n
	}
	// A cycle of 0.7 ms and 6 us a node: of 5,000 nodes 10 % are enough.
	small, large, all := placed(Config{}, 50), placed(Config{}, 5000), placed(Config{PercentageOfNodesToScore: 100}, 5000)
	if small < 950 || small > 1020 || large < 255 || large > 275 || all < 30 || all > 34 {
		t.Errorf("in a second %d pods are placed on 50 nodes, %d on 5,000 and %d of those if all are scored; want about 1000, 270 and 32", small, large, all)
	}
}

// News are kept as long as a pod in flight may have to hear them, and not
// longer; whoever comes back hears what happened since it was popped.
func TestNewsAreForgottenWhenNobodyInFlightIsOlder(t *testing.T) {
	b := newQueueBench(t)
	gone := Event{ClusterEvent: AssignedPodDelete, Pod: pod("gone", spec(1, 1))}
	b.enqueue(0, 1, 0)
	b.pop()
	b.setAside()
	others := func(from, to uint32) {
		for id := from; id < to; id++ {
			b.enqueue(0, id, 0)
			b.pop()
			b.happened(0, gone)
			b.done()
		}
	}
	others(2, 3*minTrim)
	if n := len(b.news); n != 3*minTrim-2 {
		t.Errorf("%d news, want all %d: the first pod is still in flight", n, 3*minTrim-2)
	}
	const second = 3 * minTrim
	b.enqueue(0, second, 0)
	b.pop()
	b.setAside()
	b.back(0, 1, b.fit())
	if got := b.rows.Row(1).place; got != backoff {
		t.Errorf("the first pod is in place %d, want in its backoff: something has happened", got)
	}
	others(second+1, 5*minTrim)
	if n := len(b.news); n > 2*minTrim+2 {
		t.Errorf("%d news, want only those since the second pod was popped", n)
	}
	b.back(0, second, b.fit())
	if got := b.rows.Row(second).place; got != backoff {
		t.Errorf("the second pod is in place %d, want in its backoff", got)
	}
	if len(b.news) != 0 || len(b.aside) != 0 {
		t.Errorf("nobody flies, and there are %d news", len(b.news))
	}
}
