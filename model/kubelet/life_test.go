package kubelet_test

import (
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/kubelet"
	"orrery/model/network"
	"orrery/model/runtime"
	"orrery/model/store"
	"orrery/sim"
)

// TestRestartsOfACrashingContainerComeAfter0_10_20_40_80_160_300Seconds looks
// at the machine: from the finish of one instance to the start of the next
// (k8s.io/kubernetes v1.35 pkg/kubelet/kuberuntime doBackOff; the worker looks
// again after what is left of the wait, at most 60 s, times 1 to 1.5).
func TestRestartsOfACrashingContainerComeAfter0_10_20_40_80_160_300Seconds(t *testing.T) {
	for seed := range uint64(5) {
		r := newRig(t, seed, behaving(runtime.Behavior{Run: sim.Constant(time.Second), ExitCode: 1}))
		p := r.pod("web", nil)
		r.run(time.Hour)
		starts := r.notes(p, "Started")
		for i, wait := range []time.Duration{0, 10, 20, 40, 80, 160, 300, 300, 300} {
			wait *= time.Second
			gap := starts[i+1].Sub(starts[i]) - time.Second
			// noticed within 1 s, looked at within half as long again and a
			// second, created and started within 2 s
			most := wait + min(wait, time.Minute)/2 + 5*time.Second
			if wait > time.Minute {
				most += 30 * time.Second
			}
			if gap < wait || gap > most {
				t.Errorf("seed %d: restart %d came %v after the finish, want %v to %v", seed, i+1, gap, wait, most)
			}
		}
		if q := r.get(p); q.Phase != model.PodRunning || q.IsReady() || int(q.Restarts()) != len(starts)-1 {
			t.Errorf("it is shown %v, ready %v, %d restarts after %d starts", q.Phase, q.Ready.Status, q.Restarts(), len(starts))
		}
	}
}

// TestALongLifeResetsTheCrashLoop: more than ten minutes from a restart to the
// next finish (flowcontrol backoff, 2 x 300 s).
func TestALongLifeResetsTheCrashLoop(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Run: sim.Constant(11 * time.Minute), ExitCode: 1}))
	p := r.pod("web", nil)
	r.run(3 * time.Hour)
	starts := r.notes(p, "Started")
	if len(starts) < 16 {
		t.Fatalf("%d starts", len(starts))
	}
	for i := range starts[1:] {
		if gap := starts[i+1].Sub(starts[i]) - 11*time.Minute; gap > 4*time.Second {
			t.Errorf("restart %d came %v after the finish", i+1, gap)
		}
	}
}

// TestACrashBackOffIsForgottenTenMinutesAfterTheRestartAlsoWhileItIsWaitedFor: v1.35
// pkg/kubelet/kubelet_pods.go HandlePodCleanups calls GC of the back-offs at each housekeeping,
// k8s.io/client-go v0.35 util/flowcontrol/backoff.go GC deletes what is older than kubelet.go
// HasExpiredFunc says, 600 s. So the waits of a container that lives for 5 to 10 minutes go up
// and down. (That they only grow while it lives for less than 10 minutes, as is often told, holds
// up to 5, where none ends later than that.)
func TestACrashBackOffIsForgottenTenMinutesAfterTheRestartAlsoWhileItIsWaitedFor(t *testing.T) {
	for _, c := range []struct {
		lives time.Duration
		waits []time.Duration // at least, after the finish
	}{
		{3 * time.Minute, []time.Duration{0, 10, 20, 40, 80, 160, 300, 300, 300}},
		// The wait that would end later than 600 s after the restart, which was decided up to 2 s
		// before the start, is cut short, and the next is 10 s.
		{7 * time.Minute, []time.Duration{0, 10, 20, 40, 80, 160, 178, 10, 20, 40, 80, 160, 178, 10}},
		{8*time.Minute + 50*time.Second, []time.Duration{0, 10, 20, 40, 68, 10, 20, 40, 68, 10}},
	} {
		for seed := range uint64(5) {
			for i, gap := range crashGaps(t, seed, c.lives, len(c.waits)) {
				wait := c.waits[i] * time.Second
				most := wait + min(wait/2, 90*time.Second) + 5*time.Second
				if gap < wait || gap > most {
					t.Errorf("lives %v, seed %d: restart %d came %v after the finish, want %v to %v", c.lives, seed, i+1, gap, wait, most)
				}
			}
		}
	}
	for i, gap := range crashGaps(t, 1, 9*time.Minute+50*time.Second, 20) {
		if gap > 36*time.Second { // a housekeeping may come after the look at 10 s, but not after one at 20
			t.Errorf("restart %d came %v after the finish", i+1, gap)
		}
	}
}

// crashGaps is how long after its finish each of n instances that live that long is started again.
func crashGaps(t *testing.T, seed uint64, lives time.Duration, n int) []time.Duration {
	r := newRig(t, seed, behaving(runtime.Behavior{Run: sim.Constant(lives), ExitCode: 1}))
	p := r.pod("web", nil)
	r.run(time.Duration(n) * (lives + 6*time.Minute))
	starts, gaps := r.notes(p, "Started"), make([]time.Duration, n)
	for i := range gaps {
		gaps[i] = starts[i+1].Sub(starts[i]) - lives
	}
	return gaps
}

// Source: the same. HandlePodCleanups ends early if there is no runtime to list containers, and a
// sync raises the back-off before it finds that it cannot look for the image
// (kuberuntime_manager.go SyncPod).
func TestNoBackOffIsForgottenWithoutARuntime(t *testing.T) {
	for seed := range uint64(10) {
		for _, down := range []bool{false, true} {
			r := newRig(t, seed)
			p := r.pod("web", nil)
			started := func(n int) { // the back-off of the third start is 20 s
				r.until("started", time.Minute, func() bool { return len(r.notes(p, "Started")) == n })
			}
			for n := range 2 {
				started(n + 1)
				r.kubelet.CrashContainer(p.Ref(), "", 1)
			}
			started(3)
			r.run(583 * time.Second)
			r.kubelet.CrashContainer(p.Ref(), "", 1)
			crash := r.Now()
			r.run(3 * time.Second)
			if down {
				r.kubelet.StopRuntime()
			}
			r.run(29 * time.Second)
			r.kubelet.StartRuntime()
			started(4)
			if d := r.notes(p, "Started")[3].Sub(crash); down != (d > 40*time.Second) {
				t.Errorf("seed %d, runtime down %v: restarted after %v", seed, down, d)
			}
		}
	}
}

// TestCompletedContainersBackOffToo: exit code 0 is a crash loop under
// restartPolicy Always, and the end of the pod under the others.
func TestCompletedContainersBackOffToo(t *testing.T) {
	for policy, want := range map[model.RestartPolicy]model.Phase{
		model.RestartAlways: model.PodRunning, model.RestartOnFailure: model.PodSucceeded, model.RestartNever: model.PodSucceeded,
	} {
		r := newRig(t, 1, behaving(runtime.Behavior{Run: sim.Constant(time.Second)}))
		p := r.pod("web", func(s *model.PodSpec) { s.RestartPolicy = policy })
		r.run(time.Minute)
		if q := r.get(p); q.Phase != want || policy == model.RestartAlways && len(r.notes(p, "BackOff")) == 0 {
			t.Errorf("policy %d: %v", policy, q.Phase)
		}
	}
}

// TestPullAttemptsDuringARegistryOutageComeAtAbout0_12_37_87_175_340Seconds
// (back-off 10 s doubling to 300 s from the
// failure, per pod and image, looked at every 10 to 15 s;
// pkg/kubelet/images/image_manager.go, pod_workers.go).
func TestPullAttemptsDuringARegistryOutageComeAtAbout0_12_37_87_175_340Seconds(t *testing.T) {
	const runs = 40
	want := []time.Duration{0, 12, 37, 87, 175, 340}
	sums := make([]time.Duration, len(want))
	for seed := range uint64(runs) {
		r := newRig(t, seed)
		r.registry.SetDown(runtime.AllRegistries, true)
		p := r.pod("web", func(s *model.PodSpec) { s.Containers[0].Image = "far" })
		r.run(10 * time.Minute)
		fails := r.said(p, "Failed", "Failed to pull")
		for i := range want {
			sums[i] += fails[i].Sub(fails[0])
		}
		if q := r.get(p); q.Phase != model.PodPending || q.Containers[0].Reason != "ImagePullBackOff" {
			t.Errorf("seed %d: it is shown %v, %s", seed, q.Phase, q.Containers[0].Reason)
		}
	}
	for i, s := range sums {
		mean := s / runs
		if slack := 2*time.Second + want[i]*time.Second/15; mean < want[i]*time.Second-slack || mean > want[i]*time.Second+slack {
			t.Errorf("attempt %d came after %v on average, want about %v", i+1, mean, want[i]*time.Second)
		}
	}
}

// TestACachedImageNeedsNoRegistryUnlessThePolicyIsAlways (image_manager.go).
func TestACachedImageNeedsNoRegistryUnlessThePolicyIsAlways(t *testing.T) {
	r := newRig(t, 1)
	r.registry.SetDown(runtime.AllRegistries, true)
	r.ready(r.pod("here", nil))
	p := r.pod("always", func(s *model.PodSpec) { s.Containers[0].PullPolicy = model.PullAlways })
	r.run(5 * time.Second)
	if len(r.notes(p, "Failed")) == 0 {
		t.Error("policy Always did not ask the registry")
	}
	q := r.pod("never", func(s *model.PodSpec) {
		s.Containers[0].PullPolicy, s.Containers[0].Image = model.PullNever, "far"
	})
	r.run(20 * time.Second)
	if got := r.get(q).Containers[0].Reason; got != "ErrImageNeverPull" {
		t.Errorf("policy Never: %s", got)
	}
}

// TestAStoppedKubeletLeavesContainersRunningAndRestartsNone: on its return it takes
// them over as they are and restarts what crashed meanwhile (pkg/kubelet/kubelet_pods.go
// HandlePodCleanups).
func TestAStoppedKubeletLeavesContainersRunningAndRestartsNone(t *testing.T) {
	r := newRig(t, 1)
	p, crashed := r.pod("web", nil), r.pod("crashed", nil)
	r.ready(p)
	r.ready(crashed)
	r.run(5 * time.Second)
	started := r.kubelet.Machine().Sandbox(p.ID).Processes[0].StartedAt
	r.kubelet.Stop()
	if !r.kubelet.CrashContainer(crashed.Ref(), "", 1) {
		t.Fatal("nothing crashed")
	}
	before := r.store.Revision()
	r.run(5 * time.Minute)
	if r.store.Revision() != before {
		t.Error("a stopped kubelet wrote something")
	}
	if !r.kubelet.Serving(p.Ref()) || r.kubelet.Serving(crashed.Ref()) {
		t.Error("the one that ran does not serve, or the one that crashed does")
	}
	r.kubelet.Resume()
	r.until("restarted", 10*time.Second, func() bool { q := r.get(crashed); return q.IsReady() && q.Restarts() == 1 })
	if now := r.kubelet.Machine().Sandbox(p.ID).Processes[0]; now.StartedAt != started || r.get(p).Restarts() != 0 {
		t.Error("the one that ran was restarted")
	}
}

// TestAPodThatEndedGoesAlsoAfterTheKubeletOrTheMachineRestarts: a terminal pod
// goes through the worker again and its object is deleted
// (pkg/kubelet/status/status_manager.go canBeDeleted).
func TestAPodThatEndedGoesAlsoAfterTheKubeletOrTheMachineRestarts(t *testing.T) {
	for _, restart := range []func(k *kubelet.Kubelet){
		func(k *kubelet.Kubelet) { k.Stop(); k.Resume() },
		func(k *kubelet.Kubelet) { k.PowerOff(); k.PowerOn() },
	} {
		r := newRig(t, 1)
		p := r.pod("web", nil)
		r.ready(p)
		r.user.Delete(p.Ref(), 5, 0)
		r.until("ended", time.Minute, func() bool { return r.get(p).Phase.Terminal() })
		restart(r.kubelet)
		r.until("gone", 3*time.Minute, func() bool { return r.store.Get(p.Ref()) == nil })
	}
}

// TestARunningPodThatWasDeletedMeanwhileIsKilledAsAnOrphan: with a second of
// grace, so SIGKILL after two (kubelet_pods.go HandlePodCleanups), and sidecars as all others, as
// nobody knows any more that they are (container/runtime.go ToAPIPod).
func TestARunningPodThatWasDeletedMeanwhileIsKilledAsAnOrphan(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Stop: sim.Constant(time.Hour)}))
	p := r.pod("web", func(s *model.PodSpec) {
		s.InitContainers = []model.Container{{Name: "side", Image: "web", Sidecar: true}}
	})
	r.ready(p)
	r.kubelet.Stop()
	r.user.Delete(p.Ref(), 0, 0)
	r.run(time.Minute)
	s := r.kubelet.Machine().Sandbox(p.ID)
	r.kubelet.Resume()
	r.run(20 * time.Second)
	for _, c := range s.Processes {
		if d := c.FinishedAt.Sub(c.TermAt); c.Running || d < 2*time.Second || d > 2100*time.Millisecond || c.TermAt != s.Processes[0].TermAt {
			t.Errorf("running %v, killed %v after SIGTERM at %v", c.Running, d, c.TermAt)
		}
	}
	if r.kubelet.Machine().Sandbox(p.ID) != nil {
		t.Error("it was not cleaned up")
	}
}

// TestSIGKILLComesAfterTheGraceAndNeverWithin2SecondsOfSIGTERM
// (pkg/kubelet/kuberuntime minimumGracePeriodInSeconds).
func TestSIGKILLComesAfterTheGraceAndNeverWithin2SecondsOfSIGTERM(t *testing.T) {
	for _, c := range []struct {
		spec, asked int32
		least       time.Duration
	}{{30, -1, 30 * time.Second}, {30, 5, 5 * time.Second}, {30, 1, 2 * time.Second}, {1, -1, 2 * time.Second}} {
		r := newRig(t, 1, behaving(runtime.Behavior{Stop: sim.Constant(time.Hour)}))
		p := r.pod("web", func(s *model.PodSpec) { s.GraceSeconds = c.spec })
		r.ready(p)
		s := r.kubelet.Machine().Sandbox(p.ID)
		r.user.Delete(p.Ref(), c.asked, 0)
		r.until("gone", time.Minute, func() bool { return r.get(p) == nil })
		got := s.Processes[0].FinishedAt.Sub(s.Processes[0].TermAt)
		if got < c.least || got > c.least+time.Second || s.Processes[0].ExitCode != 137 {
			t.Errorf("grace %d, asked for %d: killed after %v with code %d", c.spec, c.asked, got, s.Processes[0].ExitCode)
		}
	}
}

// Source: v1.35 pkg/kubelet/kubelet.go SyncTerminatingPod, whose calls nobody cancels
// (kubernetes/kubernetes#83916): a shorter grace changes nothing of a stop under way, nor of
// its hook. It counts for one that has not begun.
func TestAShorterGraceChangesNothingOfAStopUnderWay(t *testing.T) {
	for _, hook := range []sim.Dist{{}, sim.Constant(time.Hour)} {
		r := newRig(t, 1, behaving(runtime.Behavior{PreStop: hook, Stop: sim.Constant(time.Hour)}))
		p := r.pod("web", func(s *model.PodSpec) { s.GraceSeconds = 100 })
		r.ready(p)
		r.user.Delete(p.Ref(), -1, 0)
		from := r.Now()
		r.run(20 * time.Second)
		r.user.Delete(p.Ref(), 5, 0)
		if d := r.until("gone", 2*time.Minute, func() bool { return r.get(p) == nil }).Sub(from); d < 100*time.Second || d > 105*time.Second {
			t.Errorf("gone after %v", d)
		}
	}
	r := newRig(t, 1, behaving(runtime.Behavior{PostStart: sim.Constant(30 * time.Second), Stop: sim.Constant(time.Hour)}))
	p := r.pod("web", func(s *model.PodSpec) { s.GraceSeconds = 100 })
	r.until("its hook runs", 10*time.Second, func() bool { return len(r.notes(p, "Started")) > 0 })
	r.user.Delete(p.Ref(), -1, 0)
	r.run(5 * time.Second)
	r.user.Delete(p.Ref(), 5, 0)
	told := r.until("it is stopped", 40*time.Second, func() bool { return len(r.notes(p, "Killing")) > 0 })
	if d := r.until("gone", time.Minute, func() bool { return r.get(p) == nil }).Sub(told); d < 5*time.Second || d > 8*time.Second {
		t.Errorf("gone %v after its stop began", d)
	}
}

// TestSidecarsStopAfterTheOthersTheLastFirst
// (kuberuntime_termination_order.go).
func TestSidecarsStopAfterTheOthersTheLastFirst(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Stop: sim.Constant(3 * time.Second)}))
	p := r.pod("web", func(s *model.PodSpec) {
		s.InitContainers = []model.Container{{Name: "a", Image: "web", Sidecar: true}, {Name: "b", Image: "web", Sidecar: true}}
	})
	r.ready(p)
	s := r.kubelet.Machine().Sandbox(p.ID)
	r.user.Delete(p.Ref(), -1, 0)
	r.until("gone", time.Minute, func() bool { return r.get(p) == nil })
	c := s.Processes
	if c[1].TermAt < c[2].FinishedAt || c[0].TermAt < c[1].FinishedAt {
		t.Errorf("not in order: %+v", c)
	}
}

// Source: v1.35 kuberuntime_termination_order.go newTerminationOrdering: of init containers sidecars wait for
// the next sidecar only, if that runs when the stop begins.
func TestASidecarThatIsStoppedWaitsForNoOtherInitContainer(t *testing.T) {
	r := newRig(t, 1, behaving(
		runtime.Behavior{Container: "init", Run: sim.Constant(time.Hour), Stop: sim.Constant(time.Hour)},
		runtime.Behavior{Container: "last", Run: sim.Constant(time.Hour)},
	))
	p := r.pod("web", func(s *model.PodSpec) {
		s.InitContainers = []model.Container{{Name: "first", Image: "web", Sidecar: true}, {Name: "init", Image: "web"}, {Name: "last", Image: "web", Sidecar: true}}
	})
	r.until("the init container runs", 20*time.Second, func() bool {
		s := r.kubelet.Machine().Sandbox(p.ID)
		return s != nil && s.Processes[1].Running
	})
	r.user.Delete(p.Ref(), -1, 0)
	told := r.until("the stop", 10*time.Second, func() bool { return len(r.notes(p, "Killing")) > 0 })
	c := r.kubelet.Machine().Sandbox(p.ID).Processes
	first := r.until("the sidecar has ended", time.Minute, func() bool { return !c[0].Running })
	init := r.until("the init container has ended", time.Minute, func() bool { return !c[1].Running })
	if a, b := first.Sub(told), init.Sub(told); a > time.Second || b < 30*time.Second {
		t.Errorf("the sidecar has ended after %v, the init container after %v", a, b)
	}
}

// TestForcedDeletionStillGivesTheContainersTheirGrace: the object is gone at
// once, the containers end as their spec says (pkg/kubelet/kubelet.go SyncTerminatingPod).
func TestForcedDeletionStillGivesTheContainersTheirGrace(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Stop: sim.Constant(20 * time.Second)}))
	p := r.pod("web", nil)
	r.ready(p)
	r.run(3 * time.Second)
	r.user.Delete(p.Ref(), 0, 0)
	r.run(10 * time.Second)
	if r.get(p) != nil || !r.kubelet.Serving(p.Ref()) {
		t.Error("the object stayed, or the containers did not")
	}
	r.run(20 * time.Second)
	if r.kubelet.Machine().Sandbox(p.ID) != nil {
		t.Error("it still runs")
	}
}

// TestContainersOfAPodWithTheSameImageHaveOneBackOff: its key is the pod's UID and the
// image (image_manager.go pullImage), so the second does not even try.
func TestContainersOfAPodWithTheSameImageHaveOneBackOff(t *testing.T) {
	r := newRig(t, 1)
	r.registry.SetDown(runtime.AllRegistries, true)
	p := r.pod("two", func(s *model.PodSpec) {
		s.Containers = []model.Container{{Name: "a", Image: "far"}, {Name: "b", Image: "far"}, {Name: "c", Image: "other"}}
	})
	r.run(10 * time.Second)
	if n := len(r.said(p, "Failed", "Failed to pull")); n != 2 {
		t.Errorf("%d pulls failed, want one of each image", n)
	}
	if c := r.get(p).Containers; c[0].Reason != "ErrImagePull" || c[1].Reason != "ImagePullBackOff" || c[2].Reason != "ErrImagePull" {
		t.Errorf("shown as %+v", c)
	}
	r.registry.SetDown(runtime.AllRegistries, false)
	r.until("ready", 2*time.Minute, func() bool { return r.get(p).IsReady() })
}

// TestAfterARebootContainersRunAgainWithANewAddressAndNoPull: no sandbox is ready then
// (pkg/kubelet/kuberuntime/util PodSandboxChanged).
func TestAfterARebootContainersRunAgainWithANewAddressAndNoPull(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("web", func(s *model.PodSpec) { s.Containers[0].Image = "far" })
	once := r.pod("once", func(s *model.PodSpec) { s.RestartPolicy = model.RestartNever })
	r.ready(p)
	r.ready(once)
	ip := r.get(p).IP
	r.kubelet.PowerOff()
	off := r.Now()
	r.registry.SetDown(runtime.AllRegistries, true)
	if r.kubelet.Serving(p.Ref()) {
		t.Error("it serves without power")
	}
	r.run(10 * time.Second)
	r.kubelet.PowerOn()
	r.until("restarted", 3*time.Minute, func() bool { q := r.get(p); return q.IsReady() && q.Restarts() == 1 })
	if d := r.Now().Sub(off); d < 40*time.Second {
		t.Errorf("ready %v after the power went", d)
	}
	if q := r.get(p); q.IP == ip || q.Containers[0].ExitCode != 255 {
		t.Errorf("address %x after %x, last exit code %d", q.IP, ip, q.Containers[0].ExitCode)
	}
	if n := len(r.said(p, "Pulled", "Successfully")); n != 1 {
		t.Errorf("%d pulls", n)
	}
	if q := r.get(once); q.Phase != model.PodFailed {
		t.Errorf("restartPolicy Never: %v", q.Phase)
	}
}

// TestTheKubeletRewritesWhatOthersWroteAboutItsPods: after the node controller
// has marked the node and its pods, the node is Ready again within its next
// status tick and the pods within the next status pass (pkg/kubelet/status/status_manager.go).
func TestTheKubeletRewritesWhatOthersWroteAboutItsPods(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("web", nil)
	r.ready(p)
	cut := r.net.Impair(network.Impairment{From: []network.Site{r.site}, To: []network.Site{0}, Cut: true})
	r.run(20 * time.Second)
	node := *r.shownNode()
	node.Ready = model.Condition{Status: model.Unknown, SinceAt: r.Now()}
	r.store.Update(r.user.Actor, &node)
	pod := *r.get(p)
	pod.Ready = model.Condition{SinceAt: r.Now()}
	r.store.Update(r.user.Actor, &pod)
	r.run(time.Minute)
	if r.get(p).IsReady() {
		t.Fatal("a kubelet that is cut off wrote")
	}
	r.net.Lift(cut)
	// each watch comes back within 60 s, the tick within 10.4 s
	healed := r.Now()
	r.until("node ready", 75*time.Second, r.nodeReady)
	r.until("pod ready", 75*time.Second-r.Now().Sub(healed), func() bool { return r.get(p).IsReady() })
}

// TestAPodThatTheAPISaysIsTerminalIsNotReadyAndStops: somebody else said so, and
// the kubelet sees it in its watch, or before in the answer to a write of its own
// (pkg/kubelet/kubelet_pods.go generateAPIPodStatus, "API phase was terminal,
// updating phase to match"; status/generate.go GeneratePodReadyCondition).
func TestAPodThatTheAPISaysIsTerminalIsNotReadyAndStops(t *testing.T) {
	for _, late := range []time.Duration{0, 5 * time.Second} {
		r := newRig(t, 1, behaving(runtime.Behavior{Stop: sim.Constant(25 * time.Second)}))
		p := r.pod("web", nil)
		r.ready(p)
		r.run(time.Minute)
		r.store.Delay(func(*store.Client) bool { return true }, func(k model.Kind) bool { return k == model.KindPod }, late)
		pod := *r.get(p)
		pod.Phase, pod.Ready = model.PodFailed, model.Condition{SinceAt: r.Now()}
		r.store.Update(r.user.Actor, &pod)
		if late > 0 {
			r.kubelet.CrashContainer(p.Ref(), "", 1)
		}
		r.until("stops", late+time.Second, func() bool { return len(r.notes(p, "Killing")) > 0 })
		r.until("ended", 30*time.Second, func() bool { return !r.alive(p) })
		r.run(30 * time.Second)
		before := r.store.Revision()
		r.run(time.Minute)
		if q := r.get(p); q.Phase != model.PodFailed || q.IsReady() || r.store.Revision() != before {
			t.Errorf("%v late: %v, ready %v, %d writes more", late, q.Phase, q.Ready, r.store.Revision()-before)
		}
	}
}

// TestAPodPastItsActiveDeadlineFails (v1.35 pkg/kubelet/active_deadline.go, which the main loop asks
// every second; it counts from the start time in the pod's status, which is in whole seconds).
func TestAPodPastItsActiveDeadlineFails(t *testing.T) {
	for seed := range uint64(10) {
		r := newRig(t, seed)
		r.run(900 * time.Millisecond)
		p := r.pod("web", func(s *model.PodSpec) { s.ActiveDeadline = time.Minute })
		r.ready(p)
		r.until("failed", 2*time.Minute, func() bool { return r.get(p).Phase == model.PodFailed })
		if q := r.get(p); q.Reason != "DeadlineExceeded" {
			t.Errorf("seed %d: %s", seed, q.Reason)
		}
		if told := r.notes(p, "DeadlineExceeded"); told[0] < sim.Time(time.Minute) || told[0] > sim.Time(61*time.Second) {
			t.Errorf("seed %d: a pod that started at 0.9 s is over its minute at %v", seed, told)
		}
	}
}

// TestReachingTheMemoryLimitIsAnOOMKill and a restart in place
// (pkg/kubelet/kuberuntime/kuberuntime_container_linux.go: the limit is memory.max).
func TestReachingTheMemoryLimitIsAnOOMKill(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{MemoryBytes: 100 << 20, MemoryGrowth: 1 << 20}))
	p := r.pod("web", func(s *model.PodSpec) { s.Containers[0].Limits.MemoryBytes = 130 << 20 })
	r.ready(p)
	s := r.kubelet.Machine().Sandbox(p.ID)
	r.until("restarted", time.Minute, func() bool { return r.get(p).Restarts() == 1 && s.Processes[0].Running })
	if c := s.Processes[0]; c.Cause != runtime.OOMKilled || c.ExitCode != 137 {
		t.Errorf("%+v", c)
	}
	if q := r.get(p); q.Containers[0].ExitCode != 137 {
		t.Errorf("the API shows %+v", q.Containers)
	}
}

// Source: v1.35 pkg/kubelet/pod_workers.go completeWork, container/sync_result.go MinBackoffExpiration: a
// pod is looked at again when a back-off will be over as of the end of the pass, however long that
// has pulled other images after it had found the back-off.
func TestABackOffIsWaitedForFromTheEndOfThePass(t *testing.T) {
	seen := 0
	for seed := range uint64(4) {
		r := newRig(t, seed, behaving(runtime.Behavior{Container: "main", Run: sim.Constant(time.Second), ExitCode: 1}))
		r.registry.SetSilent("registry.example", true)
		r.registry.SetDown("registry.example", true)
		p := r.pod("web", func(s *model.PodSpec) {
			s.Containers = append(s.Containers, model.Container{Name: "far", Image: "registry.example/far:1"})
		})
		r.run(20 * time.Minute)
		starts, failed := r.starts(p, "main"), r.said(p, "Failed", "Failed to pull")
		wait := 10 * time.Second
		for i := 2; i < len(starts); i++ {
			over := starts[i-1].Add(time.Second + wait)
			for _, end := range failed {
				if end < over && over.Sub(end) < wait && end > starts[i-1] && end < starts[i] {
					seen++
					if most := over.Add(over.Sub(end)/2 + 2*time.Second); starts[i] > most && !slices.ContainsFunc(failed, func(at sim.Time) bool { return at > end && at < starts[i] }) {
						t.Errorf("seed %d: start %d at %v, want it by %v, as a pass ended at %v and the back-off at %v", seed, i, starts[i], most, end, over)
					}
				}
			}
			wait = min(2*wait, kubelet.DefaultMostBackoff)
		}
	}
	if seen == 0 {
		t.Error("no pass ended during a back-off")
	}
}

// Source: v1.35 pkg/kubelet/config/config.go podsDifferSemantically, kubelet.go HandlePodUpdates: a pod whose labels
// have changed is looked at now, not when the wait after its last error is over.
func TestAPodWhoseLabelsChangeIsLookedAtAtOnce(t *testing.T) {
	late := map[bool]int{}
	for seed := range uint64(10) {
		r := newRig(t, seed/2, behaving(runtime.Behavior{Run: sim.Constant(5 * time.Second), ExitCode: 1}))
		p := r.pod("web", nil)
		r.until("the fifth back-off", 10*time.Minute, func() bool { return len(r.starts(p, "main")) == 6 })
		over := r.starts(p, "main")[5].Add(165 * time.Second) // 5 s and 160
		if err := r.Run(over.Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		patched := seed%2 == 1
		if patched {
			r.user.Patch(p.Ref(), &model.PodPatch{Labels: []model.LabelPatch{{Key: "a", Value: "b"}}}, 0)
		}
		if r.run(time.Second); len(r.starts(p, "main")) == 6 {
			late[patched]++
		}
	}
	if late[true] > 0 || late[false] == 0 {
		t.Errorf("%d of 5 were late, and %d of 5 whose labels changed", late[false], late[true])
	}
}

// Source: v1.35 pkg/kubelet/pod_workers.go SyncKnownPods, removeTerminatedWorker: the worker of a pod whose object is gone
// and that could not be stopped is told to try again at each housekeeping, every 2 s; one whose object
// is there tries again after 10 to 15 s (completeWork).
func TestAPodWhoseObjectIsGoneIsStoppedAgainAtEachHousekeeping(t *testing.T) {
	for _, forced := range []bool{false, true} {
		r := newRig(t, 1)
		p := r.pod("web", nil)
		r.ready(p)
		r.kubelet.StopCNI()
		grace := int32(-1)
		if forced {
			grace = 0
		}
		r.user.Delete(p.Ref(), grace, 0)
		r.run(32 * time.Second)
		if n := len(r.notes(p, "FailedKillPod")); forced != (n > 8) || n > 17 || n < 2 {
			t.Errorf("forced %v: it could not be stopped %d times in half a minute", forced, n)
		}
		r.kubelet.StartCNI()
		if r.run(5 * time.Second); forced && r.kubelet.Machine().Sandbox(p.ID) != nil {
			t.Error("it is there 5 s after the network is well")
		}
	}
}
