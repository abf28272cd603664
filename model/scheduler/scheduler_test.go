package scheduler

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

func wantNotes(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("notes:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// On an idle homogeneous cluster ties go by the score heap's order from the
// start index (pkg/scheduler/schedule_one.go): 0, 1, 3, 4, 2 of five.
func TestPodsAreBoundAndTold(t *testing.T) {
	w := newWorld(t, Config{}, nodes(5, 4000, 16)...)
	shape := spec(500, gib)
	w.run(time.Second)
	var pods []*model.Pod
	for i := range 5 {
		pods = append(pods, w.add(pod(fmt.Sprintf("web-%d", i), shape)))
	}
	w.run(2 * time.Second)
	for i, n := range []string{"n-0", "n-1", "n-3", "n-4", "n-2"} {
		w.wantNode(pods[i], n)
		wantNotes(t, w.notes(pods[i]), fmt.Sprintf("Scheduled: Successfully assigned default/web-%d to %s", i, n))
	}
}

// Nothing is scheduled before the first lists of nodes and of pods are in, in
// whatever order they come (pkg/scheduler/eventhandlers.go
// WaitForHandlersSync).
func TestSchedulingBeginsWhenBothListsAreIn(t *testing.T) {
	for seed := range uint64(20) {
		w := newSeededWorld(t, seed, Config{}, nodes(30, 4000, 16)...)
		taken := pod("taken", spec(3000, gib))
		taken.NodeName, taken.NodeID = "n-0", 1
		w.add(taken)
		p := w.add(pod("web", spec(3000, gib)))
		w.scheduler.Start() // again: now that these are there
		w.run(time.Second)
		wantNotes(t, w.notes(p), "Scheduled: Successfully assigned default/web to n-1")
	}
}

// The write of a failed attempt's condition is part of its cycle: the next pod
// waits until it is answered, and so for the client's tokens
// (pkg/scheduler/schedule_one.go handleSchedulingFailure is synchronous).
func TestTheNextCycleWaitsForTheWriteOfAFailure(t *testing.T) {
	w := newWorld(t, Config{}, node("n", "", 1000, 4))
	w.run(time.Second)
	w.scheduler.client.QPS, w.scheduler.client.Burst = 1, 1
	w.scheduler.client.Restart()
	first := w.add(pod("first", spec(1, 1)))
	w.run(time.Second + 100*time.Millisecond)
	w.wantNode(first, "n")
	w.add(pod("big", spec(2000, gib)))
	w.run(time.Second + 200*time.Millisecond)
	second := w.add(pod("second", spec(1, 1)))
	w.run(time.Second + 900*time.Millisecond)
	if w.scheduler.rows.Row(second.ID).assumed {
		t.Error("the second pod was decided upon before the condition of the one before was written")
	}
	w.run(5 * time.Second)
	w.wantNode(second, "n")
	w.checkCache()
}

// The words of FailedScheduling are kube-scheduler's: reasons counted over
// nodes and sorted as text, then what preemption has to say
// (pkg/scheduler/framework/types.go FitError.Error, framework/preemption).
func TestFailedSchedulingIsWordedAsByKubeScheduler(t *testing.T) {
	tainted := nodes(5, 4000, 16)
	for _, n := range tainted[3:] {
		n.Taints = []model.Taint{{Key: "team", Value: "a", Effect: model.NoSchedule}}
	}
	tainted[0].Unschedulable = true
	w := newWorld(t, Config{}, tainted...)
	w.run(time.Second)
	w.add(pod("first", spec(2500, gib)))
	w.add(pod("second", spec(2500, gib)))
	w.run(2 * time.Second)
	big := w.add(pod("big", spec(2500, 15*gib+1)))
	huge := w.add(pod("huge", spec(5000, 17*gib)))
	picky := w.add(pod("picky", spec(1, 1, func(s *model.PodSpec) { s.NodeSelector = model.Labels{{Key: "pool", Value: "x"}} })))
	pinned := w.add(pod("pinned", spec(5000, 1, func(s *model.PodSpec) {
		s.Required = []model.NodeTerm{{Names: []model.Requirement{{Key: "metadata.name", Op: model.In, Values: []string{"n-1"}}}}}
	})))
	conflicting := w.add(pod("conflicting", spec(1, 1, func(s *model.PodSpec) {
		s.Required = []model.NodeTerm{{Names: []model.Requirement{
			{Key: "metadata.name", Op: model.In, Values: []string{"n-1"}}, {Key: "metadata.name", Op: model.In, Values: []string{"n-2"}},
		}}}
	})))
	w.run(3 * time.Second)
	const ofNodes = "FailedScheduling: 0/5 nodes are available: 1 node(s) were unschedulable, "
	wantNotes(t, w.notes(big), ofNodes+"2 Insufficient cpu, 2 Insufficient memory, 2 node(s) had untolerated taint(s). "+
		"no new claims to deallocate, preemption: 0/5 nodes are available: 2 No preemption victims found for incoming pod, 3 Preemption is not helpful for scheduling.")
	wantNotes(t, w.notes(huge), ofNodes+"2 Insufficient cpu, 2 Insufficient memory, 2 node(s) had untolerated taint(s). "+
		"no new claims to deallocate, preemption: 0/5 nodes are available: 5 Preemption is not helpful for scheduling.")
	wantNotes(t, w.notes(picky), ofNodes+"2 node(s) didn't match Pod's node affinity/selector, 2 node(s) had untolerated taint(s). "+
		"no new claims to deallocate, preemption: 0/5 nodes are available: 5 Preemption is not helpful for scheduling.")
	wantNotes(t, w.notes(pinned), "FailedScheduling: 0/5 nodes are available: 1 Insufficient cpu, 4 node(s) didn't satisfy plugin(s) [NodeAffinity]. "+
		"no new claims to deallocate, preemption: 0/5 nodes are available: 5 Preemption is not helpful for scheduling.")
	wantNotes(t, w.notes(conflicting), "FailedScheduling: 0/5 nodes are available: pod affinity terms conflict. not found")
	if c := w.pod(big).Scheduled; c.Status != model.False || c.Reason != "Unschedulable" || c.SinceAt == 0 {
		t.Errorf("PodScheduled is %+v", c)
	}
}

// With no node at all the pod fails as by an error: it is tried again after its
// backoff (pkg/scheduler/schedule_one.go ErrNoNodesAvailable).
func TestWithoutNodesPodsTryAgainAfterTheirBackoff(t *testing.T) {
	w := newWorld(t, Config{})
	w.run(100 * time.Millisecond)
	p := w.add(pod("web", spec(1, 1)))
	w.run(9 * time.Second)
	if got := w.notes(p); len(got) != 3 || got[0] != "FailedScheduling: no nodes available to schedule pods" {
		t.Errorf("notes: %q, want three attempts: at once, 2 s and 5 s", got)
	}
	w.add1Node(node("n", "", 1000, 1))
	w.run(20 * time.Second)
	w.wantNode(p, "n")
}

func (w *world) add1Node(n *model.Node) { w.store.Create(w.person, n) }

// Pods that ask for another scheduler are left alone, but what they take on
// their nodes counts (pkg/scheduler/eventhandlers.go responsibleForPod).
func TestPodsOfOtherSchedulersAreOnlyCounted(t *testing.T) {
	w := newWorld(t, Config{}, node("n", "", 1000, 4))
	w.run(time.Second)
	theirs := w.add(pod("theirs", spec(600, gib, func(s *model.PodSpec) { s.SchedulerName = "other" })))
	w.run(2 * time.Second)
	w.wantNode(theirs, "")
	change(w, theirs, func(p *model.Pod) { p.NodeName, p.NodeID = "n", 1 })
	w.run(3 * time.Second)
	mine := w.add(pod("mine", spec(600, gib)))
	w.run(4 * time.Second)
	w.wantNode(mine, "")
}

// Terminal pods leave the cache; terminating ones count until they are gone
// (pkg/scheduler/scheduler.go, the informer's selector).
func TestFinishedPodsAreNotCountedAndTerminatingOnesAre(t *testing.T) {
	w := newWorld(t, Config{}, node("n", "", 1000, 4))
	w.run(time.Second)
	first := w.add(pod("first", spec(600, gib)))
	w.run(2 * time.Second)
	second := w.add(pod("second", spec(600, gib)))
	w.run(3 * time.Second)
	change(w, first, func(p *model.Pod) { p.DeletionAt, p.GraceSeconds = sim.Time(33*time.Second), 30 })
	w.run(10 * time.Second)
	w.wantNode(second, "")
	change(w, first, func(p *model.Pod) { p.Phase = model.PodSucceeded })
	w.run(11 * time.Second)
	w.wantNode(second, "n")
}

// A pod with scheduling gates is never enqueued, until all are gone
// (pkg/scheduler/framework/plugins/schedulinggates).
func TestGatedPodsWaitForTheirGates(t *testing.T) {
	w := newWorld(t, Config{}, nodes(1, 1000, 4)...)
	w.run(time.Second)
	p := pod("gated", spec(1, 1))
	p.Gates = []string{"a", "b"}
	w.add(p)
	w.run(20 * time.Minute)
	change(w, p, func(p *model.Pod) { p.Gates = []string{"a"} })
	w.run(21 * time.Minute)
	w.wantNode(p, "")
	wantNotes(t, w.notes(p))
	change(w, p, func(p *model.Pod) { p.Gates = nil })
	w.run(22 * time.Minute)
	w.wantNode(p, "n-0")
	if at := w.boundAt(p); at.Sub(sim.Time(21*time.Minute)) > time.Second {
		t.Errorf("bound at %v, want at once: a gate counts no backoff", at)
	}
}

// activeQ: higher priority first, then who has waited longer
// (pkg/scheduler/framework/plugins/queuesort/priority_sort.go).
func TestHigherPriorityIsScheduledFirst(t *testing.T) {
	w := newWorld(t, Config{CycleTime: 100 * time.Millisecond}, nodes(1, 10_000, 64)...)
	w.run(time.Second)
	var pods []*model.Pod
	for i, priority := range []int32{0, 0, 0, 5, 9, 5} {
		pods = append(pods, w.add(pod(fmt.Sprintf("p-%d", i), spec(1, 1, func(s *model.PodSpec) { s.Priority = priority }))))
	}
	w.run(5 * time.Second)
	slices.SortStableFunc(pods, func(a, b *model.Pod) int { return int(w.boundAt(a) - w.boundAt(b)) })
	var order []string
	for _, p := range pods {
		order = append(order, p.Name)
	}
	if want := []string{"p-0", "p-4", "p-3", "p-5", "p-1", "p-2"}; !slices.Equal(order, want) {
		t.Errorf("bound in the order %v, want %v: the first was alone in the queue", order, want)
	}
}

// The scheduler is capped by QPS 50 and burst 100, whatever its speed: bind is
// asynchronous (pkg/scheduler/apis/config/v1/defaults.go).
func TestBindingsAreCappedAt50ASecondAfterABurstOf100(t *testing.T) {
	w := newWorld(t, Config{}, nodes(10, 64_000, 256)...)
	w.run(time.Second)
	var pods []*model.Pod
	shape := spec(1, 1)
	for i := range 1000 {
		pods = append(pods, w.add(pod(fmt.Sprintf("p-%d", i), shape)))
	}
	bound := func() (n int) {
		for _, p := range pods {
			if w.pod(p).NodeID != 0 {
				n++
			}
		}
		return n
	}
	w.run(2 * time.Second)
	assumed := 0
	for i := range w.scheduler.rows.Len() {
		if w.scheduler.rows.Row(uint32(i)).assumed {
			assumed++
		}
	}
	if n := bound(); n < 140 || n > 155 || assumed < 840 {
		t.Errorf("after 1 s %d pods are bound and %d assumed, want about 150 bound and all others assumed", n, assumed)
	}
	w.run(12 * time.Second)
	if n := bound(); n < 640 || n > 655 {
		t.Errorf("after 11 s %d pods are bound, want about 650", n)
	}
}

// Assumed pods never expire: what they take stays taken until the binding is
// seen or refused (pkg/scheduler/backend/cache/cache.go).
func TestAssumedPodsDoNotExpire(t *testing.T) {
	w := newWorld(t, Config{}, node("n", "", 1000, 4))
	w.run(time.Second)
	w.scheduler.client.Timeout = time.Hour
	first, second := w.add(pod("first", spec(600, gib))), w.add(pod("second", spec(600, gib)))
	w.run(time.Second + 3*time.Millisecond)
	w.net.SetPower(w.site, false)
	w.run(50 * time.Minute)
	w.wantNode(first, "")
	w.net.SetPower(w.site, true)
	w.run(2 * time.Hour)
	if one, two := w.pod(first), w.pod(second); (one.NodeID != 0) == (two.NodeID != 0) {
		t.Errorf("bound: %q and %q, want one of them", one.NodeName, two.NodeName)
	}
}

// Forgetting an assumed pod frees its node and helps others: AssignedPodDelete
// (pkg/scheduler/eventhandlers.go handleAssumedPodDeletion).
func TestAPodThatGoesWhileItsBindingTravelsFreesItsNode(t *testing.T) {
	w := newWorld(t, Config{}, node("n", "", 1000, 4))
	w.run(time.Second)
	w.scheduler.client.Burst = 1
	w.scheduler.client.QPS = 1
	w.scheduler.client.Restart() // a bucket with one token a second
	warm := w.add(pod("warm", spec(1, 1)))
	w.run(time.Second + 100*time.Millisecond)
	w.wantNode(warm, "n")
	first := w.add(pod("first", spec(900, gib)))
	second := w.add(pod("second", spec(900, gib)))
	w.run(time.Second + 200*time.Millisecond)
	w.remove(first)
	w.run(10 * time.Second)
	w.wantNode(second, "n")
	wantNotes(t, w.notes(first), `FailedScheduling: running Bind plugin "DefaultBinder": pods "first" not found`)
}

// A refused binding: the pod is forgotten, what it held is free, and it goes
// through the error backoff (pkg/scheduler/schedule_one.go
// handleBindingCycleError).
func TestARefusedBindingTakesTheErrorBackoff(t *testing.T) {
	w := newWorld(t, Config{}, node("n-0", "", 1000, 4))
	w.run(time.Second)
	p := w.add(pod("web", spec(900, gib)))
	w.run(time.Second + 200*time.Microsecond)
	change(w, p, func(p *model.Pod) { p.Gates = []string{"a"} }) // until it is decided upon, the scheduler does not see it
	w.run(time.Second + 40*time.Millisecond)
	notes := w.notes(p)
	if len(notes) != 1 || !strings.HasPrefix(notes[0], `FailedScheduling: running Bind plugin "DefaultBinder": Operation cannot be fulfilled on pods/binding "web"`) {
		t.Fatalf("notes: %q", notes)
	}
	if n := w.scheduler.cache.row(1); len(n.Pods) != 0 || n.Requested.MilliCPU != 0 {
		t.Errorf("the node still holds %+v", n)
	}
	change(w, p, func(p *model.Pod) { p.Gates = nil })
	w.run(time.Minute)
	w.wantNode(p, "n-0")
	if r := w.scheduler.rows.Row(p.ID); r.assumed || r.errors != 1 {
		t.Errorf("the pod's row is %+v", r)
	}
}

// The condition is written only when it changes: repeated identical failures
// cost no write, only a note (pkg/scheduler/schedule_one.go
// handleSchedulingFailure).
func TestTheConditionIsWrittenOnlyWhenItChanges(t *testing.T) {
	w := newWorld(t, Config{}, node("n", "", 1000, 4))
	w.run(time.Second)
	p := w.add(pod("web", spec(2000, gib)))
	w.run(time.Hour)
	writes := 0
	h := w.store.History()
	for i := range h.Len() {
		if r := h.At(i); r.Verb == store.Updated && r.New.Head().Ref() == p.Ref() {
			writes++
		}
	}
	n := len(w.attempts(p))
	if writes != 1 || n < 10 {
		t.Errorf("%d writes and %d attempts, want 1 write and an attempt every 5 to 5.5 min", writes, n)
	}
	before := w.kernel.Events()
	w.run(2 * time.Hour)
	if events, more := int(w.kernel.Events()-before), len(w.attempts(p))-n; events != 2*more {
		t.Errorf("%d events for %d attempts, want a flush and a cycle each, and no request", events, more)
	}
}

// What is counted in the cache is what a recount from the truth gives, once
// everything has arrived.
func (w *world) checkCache() {
	w.t.Helper()
	if q := w.scheduler.queue; !w.scheduler.busy && (q.flying != 0 || len(q.news) > 0) {
		w.t.Errorf("pod %d is still in flight", q.flying)
	}
	want := newCache()
	w.store.Snapshot().Each(model.KindPod, func(o model.Object) bool {
		if p := o.(*model.Pod); p.NodeID != 0 && !p.Phase.Terminal() {
			want.addPod(p.NodeID, p)
		}
		return true
	})
	for id := range w.scheduler.cache.rows {
		got, want := w.scheduler.cache.row(uint32(id)), want.row(uint32(id))
		if len(got.Pods) != len(want.Pods) || got.Requested.MilliCPU != want.Requested.MilliCPU || got.Requested.Memory != want.Requested.Memory ||
			got.NonZeroRequested.MilliCPU != want.NonZeroRequested.MilliCPU {
			w.t.Errorf("node %d: %+v, recounted %+v", id, got, want)
		}
	}
}
