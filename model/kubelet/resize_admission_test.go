package kubelet_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/kubelet"
	"orrery/model/runtime"
	"orrery/sim"
)

// deferredFor waits until a pod's resize is deferred, and is why its Event says that it is.
func (r *rig) deferredFor(p *model.Pod) string {
	r.t.Helper()
	r.until(p.Name+"'s resize is deferred", 5*time.Second, func() bool { x := r.get(p).Resize; return x != nil && x.Pending == model.ResizeDeferred })
	told := r.resizesTold(p)
	_, why, _ := strings.Cut(told[len(told)-1], `"error":"`)
	return strings.TrimSuffix(why, `"}`)
}

// granted waits until a pod has what it wants.
func (r *rig) granted(p *model.Pod, most time.Duration) sim.Time {
	r.t.Helper()
	return r.until(p.Name+" has what it wants", most, func() bool {
		q := r.get(p)
		return q.Resize == nil && r.has(p).Requests.CPUMilli == q.Spec.Containers[0].Requests.CPUMilli
	})
}

// relabel gives the node other labels and taints.
type relabel struct {
	labels model.Labels
	taints []model.Taint
}

// Apply implements store.Patch.
func (l relabel) Apply(cur model.Object) model.Object {
	n := *cur.(*model.Node)
	n.Labels, n.Taints = l.labels, l.taints
	return &n
}

// Source: v1.35 pkg/kubelet/allocation/allocation_manager.go canResizePod asks canAdmitPod,
// and so all handlers of admission; eviction_manager.go Admit is the first. A critical pod it
// lets in.
func TestAResizeIsDeferredWhileTheNodeIsShortOfSomething(t *testing.T) {
	r := newRig(t, 1, diskOf(100*gib))
	p, vip := r.pod("web", limited), r.pod("vip", func(s *model.PodSpec) { limited(s); s.Priority = model.SystemCritical })
	r.ready(p)
	r.ready(vip)
	low := r.pod("low", nil)
	r.ready(low)
	wrote := r.kubelet.FillDisk(950_000)
	r.until("low is evicted", time.Minute, func() bool { return r.evicted(low) })
	r.kubelet.FreeDisk(wrote)
	r.until("DiskPressure", time.Minute, r.full)
	over := r.Now().Add(5 * time.Minute)
	r.resize(p, 1500, 0, 0)
	if why := r.deferredFor(p); why != "The node had condition: [DiskPressure]. " {
		t.Errorf("deferred because of %q", why)
	}
	asked := r.Now()
	r.resize(vip, 1500, 0, 0)
	r.granted(vip, 5*time.Second)
	at := r.granted(p, 10*time.Minute)
	if at < over || at.Sub(over) > 3*time.Minute+10*time.Second {
		t.Errorf("granted at %v, and the pressure was over at %v", at, over)
	}
	if d := at.Sub(asked) % (3 * time.Minute); d > 5*time.Second {
		t.Errorf("granted %v after it was asked for, which is no retry", at.Sub(asked))
	}
}

// Source: lifecycle/predicate.go generalFilter: required node affinity and untolerated
// NoExecute taints, as the node has them by now, in the order of scheduler.AdmissionCheck.
func TestAResizeIsDeferredWhileTheNodeIsOneThatThePodMayNotBeOn(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("web", func(s *model.PodSpec) {
		limited(s)
		s.NodeSelector = model.Labels{{Key: "disk", Value: "ssd"}}
	})
	r.ready(p)
	had := r.node.Labels
	taint := []model.Taint{{Key: "maintenance", Effect: model.NoExecute}}
	milli := int64(1000)
	for _, c := range []struct {
		node relabel
		want string
	}{
		{relabel{had.With("disk", "hdd"), taint}, "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"},
		{relabel{had, taint}, "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate"},
	} {
		r.user.Patch(r.node.Ref(), c.node, 0)
		r.run(time.Second)
		milli += 100
		r.resize(p, milli, 0, 0)
		r.run(time.Second)
		if why := r.deferredFor(p); why != c.want {
			t.Errorf("deferred because of %q, want %q", why, c.want)
		}
	}
	asked := r.Now()
	r.user.Patch(r.node.Ref(), relabel{labels: had}, 0)
	if d := r.granted(p, 4*time.Minute).Sub(asked); d < 2*time.Minute {
		t.Errorf("granted %v after the taint was taken away, and nobody looks before the next retry", d)
	}
}

// Source: nodeshutdown_manager_linux.go Admit is the last handler.
func TestAResizeIsDeferredWhileTheNodeIsShutDown(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Stop: sim.Constant(time.Hour)}), func(r *rig) {
		r.config.Shutdown = kubelet.NewShutdown(40*time.Second, 20*time.Second)
	})
	p := r.pod("vip", func(s *model.PodSpec) { limited(s); s.Priority = model.SystemCritical })
	r.ready(p)
	r.ready(r.pod("other", nil))
	r.kubelet.ShutDown(false)
	r.resize(p, 1500, 0, 0)
	if why := r.deferredFor(p); why != "Pod was rejected as the node is shutting down." {
		t.Errorf("deferred because of %q", why)
	}
}

// Source: preemption.go HandleAdmissionFailure, which the predicates ask whatever the pod is
// admitted for: others end, and then the critical pod has it without another look. It runs
// all the while.
func TestAResizeOfACriticalPodPushesOthersOut(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Stop: sim.Constant(20 * time.Second)}))
	vip := r.pod("vip", func(s *model.PodSpec) { limited(s); s.Priority = model.SystemCritical })
	small, large := r.pod("small", sized(2000, false)), r.pod("large", sized(4500, false))
	for _, p := range []*model.Pod{vip, small, large} {
		r.ready(p)
	}
	asked := r.Now()
	r.resize(vip, 2000, 0, 0)
	r.run(10 * time.Second)
	if q := r.get(vip); r.has(vip).Requests.CPUMilli != 1000 || !q.IsReady() {
		t.Error("it has what others still use")
	}
	late := r.pod("late", sized(600, false))
	if at := r.granted(vip, time.Minute); at.Sub(asked) < 20*time.Second {
		t.Errorf("granted %v after it was asked for", at.Sub(asked))
	}
	if s, l, n := r.get(small), r.get(large), r.get(late); s.Reason != "Preempting" || !l.IsReady() || n.Reason != "OutOfcpu" || r.get(vip).Restarts() != 0 {
		t.Errorf("small %q, large %q, a pod that came meanwhile %q", s.Reason, l.Reason, n.Reason)
	}
	r.resize(vip, 2000, 9000, 0)
	r.granted(vip, 5*time.Second)
	r.resize(vip, 8000, 9000, 0)
	r.until("the other is gone, too", time.Minute, func() bool { return r.get(large).Reason == "Preempting" })
	r.granted(vip, time.Minute)
}

// Source: kubelet.go HandlePodRemoves: the object of a pod that is gone has all tried again,
// its end alone has not; allocation_manager.go retryPendingResizes: 3 minutes after the last
// time.
func TestADeferredResizeIsTriedWhenAPodIsGoneAndEveryThreeMinutes(t *testing.T) {
	run := behaving(runtime.Behavior{Match: model.SelectorOf(model.MakeLabels(map[string]string{"app": "job"})), Run: sim.Constant(time.Minute)})
	job := func(s *model.PodSpec) { sized(6500, false)(s); s.RestartPolicy = model.RestartNever }
	r := newRig(t, 1, run)
	p, other := r.pod("web", limited), r.pod("job", job)
	r.ready(p)
	r.ready(other)
	asked := r.Now()
	r.resize(p, 1800, 0, 0)
	r.deferredFor(p)
	if d := r.granted(p, 5*time.Minute).Sub(asked); r.get(other).Phase != model.PodSucceeded || d < 3*time.Minute || d > 3*time.Minute+5*time.Second {
		t.Errorf("granted after %v, and the job is %v", d, r.get(other).Phase)
	}
	r = newRig(t, 1, run)
	p, other = r.pod("web", limited), r.pod("job", job)
	r.ready(p)
	r.ready(other)
	r.resize(p, 1800, 0, 0)
	r.until("the job has ended", 2*time.Minute, func() bool { return r.get(other).Phase == model.PodSucceeded })
	r.run(10 * time.Second)
	if r.get(p).Resize == nil {
		t.Error("granted when the job ended")
	}
	from := r.Now()
	r.user.Delete(other.Ref(), 0, 0)
	if d := r.granted(p, time.Minute).Sub(from); d > 4*time.Second {
		t.Errorf("granted %v after the job was deleted", d)
	}
}

// Source: kubelet.go HandlePodReconcile, component-helpers/resource/helpers.go
// determineEffectiveRequests: what a pod gives up is free when its status shows that it has
// it no longer, and then resizes are tried at once.
func TestWhatAPodGivesUpIsFreeWhenItsStatusShowsThat(t *testing.T) {
	r := newRig(t, 1)
	p, other := r.pod("web", limited), r.pod("other", sized(6000, false))
	r.ready(p)
	r.ready(other)
	r.run(3 * time.Second)
	r.resize(other, 5000, 0, 0)
	r.resize(p, 3000, 4000, 0)
	if why := r.deferredFor(p); !strings.Contains(why, "used: 6000, capacity: 8000") {
		t.Errorf("deferred because of %q", why)
	}
	shown := r.until("5000m are shown", 5*time.Second, func() bool { return r.get(other).Resize == nil })
	if d := r.granted(p, 10*time.Second).Sub(shown); d > 4*time.Second {
		t.Errorf("granted %v after that", d)
	}
	if got := r.get(other).Counted().Request.CPUMilli; got != 5000 {
		t.Errorf("it counts for %dm", got)
	}
}

// Source: allocation_manager.go handlePodResourcesResize: what is wanted again as it is set
// aside is no resize.
func TestAResizeThatIsTakenBackChangesNothing(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("web", limited)
	r.ready(p)
	r.resize(p, 9000, 9000, 0)
	r.run(5 * time.Second)
	r.resize(p, 1000, 2000, 0)
	r.until("nothing waits", 5*time.Second, func() bool { return r.get(p).Resize == nil })
	if told := r.resizesTold(p); len(told) != 1 || !strings.Contains(told[0], "Infeasible") {
		t.Errorf("told %q", told)
	}
}

// Source: status_manager.go BackfillPodResizeConditions and SetPodResizePendingCondition: a
// kubelet that starts anew tells of no resize of which the one before has told, and tries it
// when it knows all pods.
func TestAKubeletThatStartsAnewDoesNotRepeatWhyAResizeWaits(t *testing.T) {
	r := newRig(t, 1)
	p, other := r.pod("web", limited), r.pod("other", sized(6500, false))
	r.ready(p)
	r.ready(other)
	r.resize(p, 1800, 0, 0)
	r.deferredFor(p)
	r.kubelet.Stop()
	r.run(10 * time.Second)
	r.kubelet.Resume()
	r.run(10 * time.Minute)
	if told := r.resizesTold(p); len(told) != 1 || r.get(p).Resize == nil || r.get(p).Resize.Pending != model.ResizeDeferred {
		t.Errorf("told %q, and it is %+v", told, r.get(p).Resize)
	}
	r.user.Delete(other.Ref(), 1, 0)
	r.granted(p, time.Minute)
}

// Source: pkg/kubelet/cm/node_container_manager_linux.go GetNodeAllocatableAbsolute, which
// canResizePod compares with: what is kept back for hard eviction is not taken off, so who
// wants a part of that waits for ever.
func TestWhatIsKeptBackForEvictionMakesAResizeDeferredNotInfeasible(t *testing.T) {
	r := newRig(t, 1, withNode(func(n *model.Node) { n.Allocatable.MemoryBytes = 32*gib - 100<<20 }))
	p := r.pod("web", func(s *model.PodSpec) { s.Containers[0].Requests.MemoryBytes = gib })
	r.ready(p)
	ask := func(bytes int64) {
		r.user.Patch(p.Ref(), &model.PodPatch{Containers: []model.ContainerPatch{{Requests: model.AmountsPatch{MemoryBytes: &bytes}}}}, 0)
	}
	ask(32 * gib)
	if why := r.deferredFor(p); why != "Node didn't have enough resource: memory, requested: 34359738368, used: 0, capacity: 34254880768" {
		t.Errorf("deferred because of %q", why)
	}
	ask(32*gib + 1)
	r.until("infeasible", 5*time.Second, func() bool { return r.get(p).Resize.Pending == model.ResizeInfeasible })
}

// Source: pkg/kubelet/kubelet.go initializeRuntimeDependentModules: the eviction manager is
// given getAllocatedPods: what a pod wants and cannot have does not spare it.
func TestWhoWantsMoreThanIsSetAsideForThemIsEvictedByWhatIs(t *testing.T) {
	r := newRig(t, 1, behaving(uses("wants", 16*gib, 0), uses("modest", 10*gib, 0), uses("leak", 0, 10<<20)))
	small := func(s *model.PodSpec) {
		s.Containers[0].Requests.MemoryBytes, s.Containers[0].Limits.MemoryBytes = gib, 60*gib
	}
	wants, modest, leak := r.pod("wants", small), r.pod("modest", small), r.pod("leak", asks(8*gib, 0))
	for _, p := range []*model.Pod{wants, modest, leak} {
		r.ready(p)
	}
	more := 25 * gib
	r.user.Patch(wants.Ref(), &model.PodPatch{Containers: []model.ContainerPatch{{Requests: model.AmountsPatch{MemoryBytes: &more}}}}, 0)
	r.deferredFor(wants)
	r.until("an eviction", time.Hour, func() bool { return r.evicted(wants) || r.evicted(modest) || r.evicted(leak) })
	if q := r.get(wants); !r.evicted(wants) || !strings.Contains(q.Message, "request is 1Gi") {
		t.Errorf("evicted: %v %v %v: %s", r.evicted(wants), r.evicted(modest), r.evicted(leak), q.Message)
	}
}

// TestElidedRetriesOfResizesMakeTheSameHistory compares the history with that of the literal
// mode, in which every retry is an event, on a full node whose labels and taints come and go.
func TestElidedRetriesOfResizesMakeTheSameHistory(t *testing.T) {
	deferred, granted := 0, 0
	for seed := range uint64(60) {
		fast := resizes(t, seed)
		if slow := resizes(t, seed, literal); fast != slow {
			t.Fatalf("seed %d: %s", seed, firstDifference(fast, slow))
		}
		deferred += strings.Count(fast, " ResizeDeferred: ")
		granted += strings.Count(fast, " ResizeStarted: ")
	}
	if deferred < 50 || granted < 100 {
		t.Errorf("%d deferred, %d granted in 60 runs", deferred, granted)
	}
}

// resizes is the story of a node whose pods want other resources all the time.
func resizes(t *testing.T, seed uint64, options ...option) string {
	luck := sim.NewLuck(seed).Stream("resizes")
	r := newRig(t, seed, append(options, diskOf(100*gib), behaving(runtime.Behavior{
		Match: model.SelectorOf(model.MakeLabels(map[string]string{"app": "job"})), Run: sim.Uniform(0, 20*time.Minute), Stop: sim.Uniform(0, 20*time.Second),
	}))...)
	var pods []*model.Pod
	had, wrote := r.node.Labels, int64(0)
	for i := range 40 {
		r.run(luck.Duration(0, 90*time.Second))
		switch luck.Below(10) {
		case 0, 1, 2:
			name := [...]string{"web", "job"}[luck.Below(2)]
			pods = append(pods, r.labeled(fmt.Sprintf("p%d", i), model.MakeLabels(map[string]string{"app": name}), func(s *model.PodSpec) {
				sized(int64(1+luck.Below(30))*100, false)(s)
				s.NodeSelector = had[:luck.Below(2)]
				if s.RestartPolicy = model.RestartNever; luck.Below(4) == 0 {
					s.Priority = model.SystemCritical
				}
			}))
		case 3:
			r.user.Patch(r.node.Ref(), relabel{labels: had.With("disk", [...]string{"ssd", "hdd"}[luck.Below(2)])}, 0)
		case 4:
			r.user.Patch(r.node.Ref(), relabel{had, []model.Taint{{Key: "x", Effect: model.NoExecute}}[:luck.Below(2)]}, 0)
		case 5:
			if r.kubelet.FreeDisk(wrote); luck.Below(2) == 0 {
				wrote = r.kubelet.FillDisk(880_000)
			} else {
				wrote = 0
			}
		case 6:
			r.kubelet.Stop()
			r.kubelet.Resume()
		default:
			if len(pods) > 0 {
				r.resize(pods[luck.Below(uint64(len(pods)))], int64(1+luck.Below(50))*100, 0, 0)
			}
		}
	}
	r.run(10 * time.Minute)
	return r.story()
}

// Source: allocation_manager.go getAllocatedPods, UpdatePodFromAllocation: a pod counts for
// what is set aside for it, also one that is deleted and wants what there is not, whether its
// kubelet was there then or has begun anew.
func TestAPodThatEndsCountsForWhatIsSetAsideForIt(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		r := newRig(t, 1, behaving(runtime.Behavior{Stop: sim.Constant(25 * time.Second)}))
		p, other := r.pod("web", sized(1000, false)), r.pod("other", sized(5000, false))
		r.ready(p)
		r.ready(other)
		if restarts {
			r.kubelet.Stop()
		}
		r.user.Delete(p.Ref(), 30, 0)
		r.resize(p, 6000, 0, 0)
		if r.run(time.Second); restarts {
			r.kubelet.Resume()
			r.until("the kubelet stops it", 30*time.Second, func() bool { return len(r.notes(p, "Killing")) > 0 })
		}
		fits := r.pod("fits", sized(2000, false))
		r.run(time.Second)
		late := r.pod("late", sized(1, false))
		r.run(time.Second)
		if f := r.get(fits); len(r.notes(fits, "OutOfcpu")) != 0 || len(r.notes(late, "OutOfcpu")) != 1 {
			t.Errorf("restarts %v: %v %q: %q", restarts, f.Phase, f.Reason, f.Message)
		}
	}
}

// Source: component-helpers/resource/helpers.go determineEffectiveRequests,
// status_manager.go syncBatch: a status from before a resize, which the kubelet writes again
// because the API shows another one, says what was set aside then; until a newer one shows
// what the pod has given up, that is not free.
func TestAStatusFromBeforeAResizeShowsWhatThePodHas(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Container: "second", PostStart: sim.Constant(30 * time.Second)}))
	p := r.pod("web", func(s *model.PodSpec) {
		sized(6000, false)(s)
		s.Containers = append(s.Containers, model.Container{Name: "second", Image: "web"})
	})
	r.until("its hook runs", 10*time.Second, func() bool { return len(r.notes(p, "Started")) == 2 })
	r.resize(p, 1000, 0, 0)
	r.run(15 * time.Second)
	if x := r.get(p).Resize; len(r.notes(p, "ResizeStarted")) != 1 || x == nil || x.Allocated.Request.CPUMilli != 6000 {
		t.Errorf("%+v", x)
	}
	late := r.pod("late", sized(4000, false))
	r.run(time.Second)
	if q := r.get(late); q.Reason != "OutOfcpu" {
		t.Errorf("admitted into what the other still has: %v %q", q.Phase, q.Reason)
	}
	r.granted(p, time.Minute)
}

// Source: allocation_manager.go retryPendingResizes does nothing before all sources are ready:
// what pods count for that a kubelet which begins has not seen yet is not free.
func TestAKubeletThatStartsTriesResizesWhenItKnowsAllPods(t *testing.T) {
	for seed := range uint64(10) {
		r := newRig(t, seed)
		p, other := r.pod("web", limited), r.pod("other", sized(6000, false))
		r.ready(p)
		r.ready(other)
		r.run(3 * time.Second)
		r.kubelet.StopRuntime()
		r.resize(other, 1000, 0, 0)
		r.until("the other is to have less", 5*time.Second, func() bool { x := r.get(other).Resize; return x != nil && x.Progress })
		r.kubelet.Stop()
		r.resize(p, 4000, 4000, 0)
		r.run(time.Second)
		r.kubelet.StartRuntime()
		r.kubelet.Resume()
		r.granted(p, time.Minute)
		if told := r.resizesTold(p); !strings.Contains(told[0], "used: 6000, capacity: 8000") {
			t.Errorf("seed %d: %q", seed, told)
		}
	}
}
