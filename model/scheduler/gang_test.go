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

func gangConfig() Config { return Config{Profile: PolicyNamed("gang")} }

// workload is a Workload with one group called workers, a gang of so many.
func workload(name string, minCount int32) *model.Workload {
	return &model.Workload{
		Meta:   model.Meta{Kind: model.KindWorkload, Namespace: "default", Name: name},
		Groups: []model.PodGroup{{Name: "workers", MinCount: minCount}},
	}
}

// gang is pods of the Workload's group that want so much CPU each.
func gang(name string, n int, cpuMilli int64) (out []*model.Pod) {
	s := spec(cpuMilli, 1<<20, func(s *model.PodSpec) { s.Workload = &model.WorkloadRef{Name: name, PodGroup: "workers"} })
	for i := range n {
		out = append(out, pod(fmt.Sprintf("%s-%d", name, i), s))
	}
	return out
}

// addGang makes the pods of a gang true at this instant.
func (w *world) addGang(name string, n int, cpuMilli int64) []*model.Pod {
	w.t.Helper()
	pods := gang(name, n, cpuMilli)
	for _, p := range pods {
		w.add(p)
	}
	return pods
}

func (w *world) create(o model.Object) {
	w.t.Helper()
	if r := w.store.Create(w.person, o); r != store.Accepted {
		w.t.Fatalf("%s: %v", o.Head().Name, r)
	}
}

// on counts the pods that are bound.
func (w *world) on(pods []*model.Pod) (n int) {
	for _, p := range pods {
		if w.pod(p).NodeID != 0 {
			n++
		}
	}
	return n
}

// checkGangs compares the books about groups with a recount from the truth, once
// everything has arrived.
func (w *world) checkGangs() {
	w.t.Helper()
	want := newWorkloads()
	w.store.Snapshot().Each(model.KindPod, func(o model.Object) bool {
		if p := o.(*model.Pod); !p.Phase.Terminal() {
			want.saw(nil, p)
		}
		return true
	})
	got := w.scheduler.cache.workloads.groups
	if len(got) != len(want.groups) {
		w.t.Errorf("%d groups, recounted %d", len(got), len(want.groups))
	}
	for name, g := range got {
		assumed := 0
		for _, m := range g.members {
			if row := w.scheduler.rows.Row(m.pod); (m.state == memberAssumed) != row.assumed {
				w.t.Errorf("%v: pod %d is in state %d, and assumed is %v", name, m.pod, m.state, row.assumed)
			}
			if m.state == memberAssumed {
				assumed++
			}
		}
		if r := want.groups[name]; r == nil || len(r.members) != len(g.members) || r.scheduled != g.scheduled-assumed {
			w.t.Errorf("%v: %+v, recounted %+v", name, g, r)
		}
	}
	for _, id := range w.scheduler.queue.aside {
		if r := w.scheduler.rows.Row(id); r.permit == nil || r.place != inFlight {
			w.t.Errorf("pod %d is aside and waits for nothing", id)
		}
	}
}

// PreEnqueue holds pods until the Workload exists and at least minCount pods of
// the group exist (pkg/scheduler/framework/plugins/gangscheduling).
func TestPodsOfAGangStayOutOfTheQueueUntilThereAreEnough(t *testing.T) {
	w := newWorld(t, gangConfig(), nodes(4, 4000, 16)...)
	w.run(time.Second)
	pods := gang("train", 3, 100)
	w.add(pods[0])
	w.add(pods[1])
	w.run(10 * time.Minute)
	w.create(workload("train", 3))
	w.run(11 * time.Minute)
	if n := w.on(pods[:2]); n != 0 || len(w.notes(pods[0])) != 0 {
		t.Errorf("%d are bound, notes: %v; want none: one pod is missing", n, w.notes(pods[0]))
	}
	w.add(pods[2])
	w.run(11*time.Minute + time.Second)
	if n := w.on(pods); n != 3 {
		t.Errorf("%d are bound, want 3 at once: the gang is there", n)
	}
	w.checkGangs()
	late := w.add(gang("late", 1, 100)[0])
	w.run(12 * time.Minute)
	w.wantNode(late, "")
	w.create(workload("late", 1))
	w.run(12*time.Minute + time.Second)
	if w.pod(late).NodeID == 0 {
		t.Error("the Workload came, and its pod was not bound")
	}
}

// Permit waits until assumed + bound >= minCount; then all are allowed. After
// 5 min all that wait are rejected and what they held is free
// (backend/workloadmanager SchedulingTimeout, runtime/waiting_pods_map.go).
func TestAGangIsBoundTogetherOrNotAtAll(t *testing.T) {
	w := newWorld(t, gangConfig(), nodes(2, 1000, 16)...)
	w.run(time.Second)
	w.create(workload("big", 3))
	pods := w.addGang("big", 3, 600)
	w.run(2 * time.Minute)
	if n := w.on(pods); n != 0 {
		t.Fatalf("%d are bound, want none: there is room for two of three", n)
	}
	if got := w.pod(pods[0]).NominatedNode; got != "n-0" {
		t.Errorf("while it waits the pod is nominated for %q, want n-0 (NominatedNodeNameForExpectation)", got)
	}
	small := w.add(pod("small", spec(600, 1<<20)))
	w.run(4 * time.Minute)
	w.wantNode(small, "") // the two hold their nodes
	w.checkGangs()
	w.run(5*time.Minute + 10*time.Second)
	if got := w.pod(small).NodeName; got == "" {
		t.Error("the two were to be rejected after 5 min, and the small one to get a node")
	}
	notes := w.notes(pods[0])
	if want := "FailedScheduling: 0/1 nodes are available: 1 rejected due to timeout after waiting 5m0s at plugin GangScheduling."; !slices.Contains(notes, want) {
		t.Errorf("notes %q, want %q", notes, want)
	}
	if got := w.pod(pods[0]); got.NominatedNode != "" || got.Scheduled.Reason != reasonUnschedulable {
		t.Errorf("a rejected pod is nominated for %q, its condition says %q", got.NominatedNode, got.Scheduled.Reason)
	}
	w.remove(small)
	w.add1Node(node("n-2", "", 1000, 16))
	w.run(12 * time.Minute)
	if n := w.on(pods); n != 3 {
		t.Errorf("%d are bound, want 3: there is room for all since 5 min, and the flush tries them", n)
	}
	w.checkGangs()
	w.checkCache()
}

// Two gangs that share what only one of them fits into: without the plugin each
// holds half for ever; with it the one that is complete first enters the queue
// whole.
func TestTwoGangsDoNotBlockEachOther(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string
	}{{Config{}, "2 and 2"}, {gangConfig(), "3 and 0"}} {
		w := newWorld(t, c.config, nodes(4, 1000, 16)...)
		w.run(time.Second)
		w.create(workload("a", 3))
		w.create(workload("b", 3))
		a, b := gang("a", 3, 600), gang("b", 3, 600)
		for i := range a { // in turns
			w.add(a[i])
			w.add(b[i])
		}
		w.run(6 * time.Minute)
		if got := fmt.Sprintf("%d and %d", w.on(a), w.on(b)); got != c.want {
			t.Errorf("bound are %s, want %s", got, c.want)
		}
	}
}

// A pod that is asked to go, or goes, while it waits gives back its node
// (pkg/scheduler/eventhandlers.go handleAssumedPodDeletion).
func TestAPodThatGoesWhileItWaitsForItsGangFreesItsNode(t *testing.T) {
	for _, how := range []func(w *world, p *model.Pod){
		func(w *world, p *model.Pod) { w.remove(p) },
		func(w *world, p *model.Pod) {
			change(w, p, func(p *model.Pod) { p.DeletionAt, p.GraceSeconds = sim.Time(time.Hour), 30 })
		},
	} {
		w := newWorld(t, gangConfig(), nodes(2, 1000, 16)...)
		w.run(time.Second)
		w.create(workload("big", 3))
		pods := w.addGang("big", 3, 600)
		w.run(10 * time.Second)
		small := w.add(pod("small", spec(600, 1<<20)))
		w.run(20 * time.Second)
		how(w, pods[0])
		w.run(30 * time.Second)
		// Its place is taken by the third of the gang, which was activated when the
		// second began to wait, or by the one that waits outside.
		if notes := w.notes(pods[0]); !slices.Contains(notes, "FailedScheduling: 0/1 nodes are available: 1 removed.") {
			t.Errorf("notes: %q", notes)
		}
		if w.pod(small).NodeName == "" && !w.scheduler.rows.Row(pods[2].ID).assumed {
			t.Error("nobody got the node that became free")
		}
		w.checkGangs()
	}
}

// A victim that waits for permission is sent back to the queue and not deleted
// (pkg/scheduler/framework/preemption/executor.go).
func TestPreemptionSendsBackAPodThatWaitsForItsGang(t *testing.T) {
	w := newWorld(t, gangConfig(), nodes(1, 1000, 16)...)
	w.run(time.Second)
	w.create(workload("big", 2))
	pods := w.addGang("big", 2, 600)
	w.run(10 * time.Second)
	urgent := w.add(pod("urgent", spec(600, 1<<20, func(s *model.PodSpec) { s.Priority = 9 })))
	w.run(20 * time.Second)
	w.wantNode(urgent, "n-0")
	victim := w.pod(pods[0])
	if victim.Deleting() || victim.NodeID != 0 {
		t.Errorf("the victim is deleted, or bound: %+v", victim)
	}
	if notes := strings.Join(w.notes(pods[0]), "\n"); !strings.Contains(notes, "0/1 nodes are available: 1 preempted.") || !strings.Contains(notes, "Preempted by pod "+urgent.UID()) {
		t.Errorf("notes:\n%s", notes)
	}
	w.checkGangs()
	w.checkCache()
}

// eager asks every pod to wait, for longer than is allowed.
type eager struct{ handle *Handle }

func (*eager) Name() string { return "DefaultBinder" } // any name of the profile
func (p *eager) Permit(*model.Pod, uint32) (*Status, time.Duration) {
	return p.handle.once(p.Name(), Wait, ""), time.Hour
}

// No pod waits for longer than 15 min, and it waits until all that asked for it
// allow it (pkg/scheduler/framework/runtime/framework.go RunPermitPlugins).
func TestAWaitIsOver15MinutesAtTheLatest(t *testing.T) {
	w := newWorld(t, gangConfig(), nodes(1, 1000, 16)...)
	f := w.scheduler.search.framework
	f.permits = append(f.permits, &eager{&Handle{framework: f}})
	w.create(workload("two", 2))
	w.run(time.Second)
	pods := gang("two", 2, 100)
	w.add(pods[0])
	w.add(pods[1])
	w.run(14 * time.Minute)
	if w.scheduler.rows.Row(pods[0].ID).permit == nil {
		t.Fatal("the gang is complete, but one plugin has not allowed it")
	}
	w.run(16*time.Minute + time.Second)
	const want = "FailedScheduling: 0/1 nodes are available: 1 rejected due to timeout after waiting 15m0s at plugin DefaultBinder."
	if notes := w.notes(pods[0]); len(notes) == 0 || notes[0] != want {
		t.Errorf("notes %q, want %q", notes, want)
	}
}

// If the Workload goes while its pods look for nodes, that is an error
// (gangscheduling.go Permit).
func TestAGangWhoseWorkloadGoesFailsWithAnError(t *testing.T) {
	w := newWorld(t, gangConfig(), nodes(1, 1000, 16)...)
	w.run(time.Second)
	x := workload("two", 2)
	w.create(x)
	w.run(2 * time.Second)
	pods := gang("two", 2, 100)
	w.add(pods[0])
	w.add(pods[1])
	w.scheduler.cache.workloads.known[workloadKey{"default", "two"}] = x
	w.scheduler.CycleTime = 100 * time.Millisecond
	w.run(2*time.Second + 50*time.Millisecond)
	w.remove(x)
	w.run(3 * time.Second)
	const want = `FailedScheduling: running Permit plugin "GangScheduling": failed to get workload default/two: ` +
		`workload.scheduling.k8s.io "two" not found`
	if notes := w.notes(pods[0]); !slices.Contains(notes, want) {
		t.Errorf("notes %q, want %q", notes, want)
	}
	w.checkGangs()
}

// Whatever comes and goes, fewer than minCount pods of a gang are never bound
// unless more of it were before, and the books agree with a recount.
func TestNoGangIsEverBoundInPart(t *testing.T) {
	for seed := range uint64(6) {
		w := newSeededWorld(t, seed, gangConfig(), nodes(6, 1000, 16)...)
		luck := sim.NewLuck(seed).Stream("gangs")
		var all [][]*model.Pod
		var least []int
		now := time.Second
		for i := range 60 {
			now += luck.Duration(0, 90*time.Second)
			w.run(now)
			n := 1 + int(luck.Below(4))
			switch name := fmt.Sprintf("g%d", i); luck.Below(3) {
			case 0, 1:
				pods := gang(name, n, 100+int64(luck.Below(700)))
				w.create(workload(name, int32(n)))
				for _, p := range pods {
					w.add(p)
				}
				all, least = append(all, pods), append(least, n)
			case 2:
				if len(all) > 0 {
					k := int(luck.Below(uint64(len(all))))
					for _, p := range all[k] {
						w.remove(p)
					}
					all, least = slices.Delete(all, k, k+1), slices.Delete(least, k, k+1)
				}
			}
		}
		w.run(now + 4*time.Second)
		w.checkGangs()
		for k, pods := range all {
			if n := w.on(pods); n != 0 && n < least[k] {
				t.Errorf("seed %d: %d of %d are bound", seed, n, least[k])
			}
		}
	}
}
