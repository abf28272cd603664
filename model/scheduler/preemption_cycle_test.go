package scheduler

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

func urgent(priority int32) func(*model.PodSpec) {
	return func(s *model.PodSpec) { s.Priority = priority }
}

// leave lets pods that are asked to go end at once, as their kubelet would.
func (w *world) leave(pods ...*model.Pod) {
	for _, p := range pods {
		if o := w.store.Get(p.Ref()); o != nil && o.Head().Deleting() {
			w.remove(p)
		}
	}
}

// A victim is told why, is asked with the grace of its own spec, and the pod
// that it makes room for waits on a nominated node until it is gone
// (pkg/scheduler/framework/preemption/preemption.go prepareCandidateAsync).
func TestPreemptionIsGraceful(t *testing.T) {
	w := newWorld(t, Config{}, node("n-0", "", 4000, 16), node("n-1", "", 4000, 16))
	w.run(time.Second)
	var low []*model.Pod
	for i := range 4 {
		low = append(low, w.add(pod(fmt.Sprintf("low-%d", i), spec(2000, gib, func(s *model.PodSpec) { s.GraceSeconds = 7 }))))
	}
	w.run(2 * time.Second)
	high := w.add(pod("high", spec(1500, gib, urgent(100))))
	w.run(4 * time.Second)
	var victims []*model.Pod
	for _, p := range low {
		if w.pod(p).Deleting() {
			victims = append(victims, w.pod(p))
		}
	}
	if len(victims) != 1 {
		t.Fatalf("%d victims, want 1", len(victims))
	}
	v := victims[0]
	if v.Disrupted.Status != model.True || v.Disrupted.Reason != "PreemptionByScheduler" || v.GraceSeconds != 7 {
		t.Errorf("the victim has %+v and %d s", v.Disrupted, v.GraceSeconds)
	}
	if got := w.pod(high).NominatedNode; got != v.NodeName {
		t.Errorf("nominated for %q, want %q", got, v.NodeName)
	}
	wantNotes(t, w.notes(v)[1:], "Preempted: Preempted by pod "+w.pod(high).UID()+" on node "+v.NodeName)
	same := w.add(pod("same", spec(1500, gib, urgent(100))))
	w.run(6 * time.Second)
	if w.boundAt(high) != 0 {
		t.Error("bound before the victim was gone")
	}
	w.leave(v)
	w.run(8 * time.Second)
	w.wantNode(high, v.NodeName)
	if w.pod(high).NominatedNode != "" {
		t.Error("the nomination outlived the binding")
	}
	if w.pod(same).NominatedNode == "" || w.boundAt(same) != 0 {
		t.Errorf("another pod of that priority took the room, or found no victim: %s", strings.Join(w.notes(same), " | "))
	}
	w.checkCache()
}

// A pod that waits for its victims does not look for others; what it is told is
// PodEligibleToPreemptOthers'.
func TestAPodWaitsForItsVictims(t *testing.T) {
	w := newWorld(t, Config{}, node("n-0", "", 4000, 16), node("n-1", "", 4000, 16))
	w.run(time.Second)
	a, b := w.add(pod("a", spec(4000, gib))), w.add(pod("b", spec(3500, gib, urgent(1))))
	w.run(2 * time.Second)
	high := w.add(pod("high", spec(4000, gib, urgent(100))))
	w.run(3 * time.Second)
	little := w.add(pod("little", spec(100, gib))) // fits nowhere else than beside b
	w.run(4 * time.Second)
	w.remove(little)
	w.run(20 * time.Second)
	notes := w.notes(high)
	if !slices.Contains(notes, "FailedScheduling: 0/2 nodes are available: 2 Insufficient cpu. "+victimsLeave) {
		t.Errorf("notes: %s", strings.Join(notes, "\n"))
	}
	if !w.pod(a).Deleting() || w.pod(b).Deleting() {
		t.Error("a second victim, or none")
	}
	from := w.pod(a).NodeName
	w.leave(a)
	w.run(30 * time.Second)
	w.wantNode(high, from)
}

// preemptionPolicy Never puts a pod first in the queue and no more
// (PodEligibleToPreemptOthers).
func TestAPolitePodPreemptsNobody(t *testing.T) {
	w := newWorld(t, Config{}, node("n-0", "", 4000, 16))
	w.run(time.Second)
	low := w.add(pod("low", spec(3000, gib)))
	w.run(2 * time.Second)
	high := w.add(pod("high", spec(3000, gib, urgent(100), func(s *model.PodSpec) { s.NeverPreempts = true })))
	w.run(10 * time.Second)
	wantNotes(t, w.notes(high), "FailedScheduling: 0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.")
	if w.pod(low).Deleting() {
		t.Error("it was preempted")
	}
}

// A pod of higher priority ignores a nomination, takes the place, and the one
// that had made the room loses its nomination
// (pkg/scheduler/framework/preemption/preemption.go getLowerPriorityNominatedPods).
func TestAHigherPriorityTakesTheNominatedPlace(t *testing.T) {
	w := newWorld(t, Config{}, node("n-0", "", 4000, 16))
	w.run(time.Second)
	low := w.add(pod("low", spec(4000, gib)))
	w.run(2 * time.Second)
	middle := w.add(pod("middle", spec(4000, gib, urgent(10))))
	w.run(3 * time.Second)
	if w.pod(middle).NominatedNode != "n-0" {
		t.Fatalf("notes: %s", strings.Join(w.notes(middle), "\n"))
	}
	high := w.add(pod("high", spec(4000, gib, urgent(100))))
	w.run(4 * time.Second)
	if got := w.pod(high).NominatedNode + "," + w.pod(middle).NominatedNode; got != "n-0," {
		t.Errorf("nominations %q; notes: %s", got, strings.Join(w.notes(high), "\n"))
	}
	w.leave(low)
	w.run(10 * time.Second)
	w.wantNode(high, "n-0")
	if w.boundAt(middle) != 0 {
		t.Error("both are bound")
	}
	w.checkCache()
}

// Requests to victims take their turn at the client's limit; the pod stays out of
// the queue until the last was answered (IsPodRunningPreemption).
func TestPreemptionTakesItsTurnAtTheClient(t *testing.T) {
	w := newWorld(t, Config{}, node("n-0", "", 4000, 16))
	w.run(time.Second)
	a, b := w.add(pod("a", spec(1500, gib))), w.add(pod("b", spec(1500, gib)))
	w.run(2 * time.Second)
	w.scheduler.client.QPS, w.scheduler.client.Burst = 1, 1
	w.scheduler.client.Restart()
	high := w.add(pod("high", spec(4000, gib, urgent(100))))
	for at := 3 * time.Second; at < time.Minute; at += time.Second {
		w.run(at)
		w.leave(a, b)
	}
	w.wantNode(high, "n-0")
	if w.scheduler.rows.Row(high.ID).eviction != nil || len(w.scheduler.requests) > 0 {
		t.Error("the preemption never ended")
	}
	w.checkCache()
}

// The nodes are tried from a random one on, and of 2,000 no more than 200.
func TestCandidatesAreSampled(t *testing.T) {
	s := newSearch(2000, 0)
	for id := uint32(1); id <= 2000; id++ {
		p := pod(fmt.Sprintf("low-%d", id), spec(32_000, gib))
		p.ID, p.StartedAt = id, sim.Time(id)
		s.cache.addPod(id, p)
	}
	s.offset = func(n int) int { return n - 50 }
	high := pod("high", spec(1000, gib, urgent(1)))
	d := s.decide(s.classes.of(high))
	if d.failure == nil || len(d.failure.candidates) != 200 || d.failure.tried != 200 {
		t.Fatalf("decision %+v", d)
	}
	if c := ties(d.failure.candidates); len(c) != 1 || c[0].Node != 2000 {
		t.Errorf("the choice is %+v, want the node whose pod started last of those tried", c[0])
	}
}
