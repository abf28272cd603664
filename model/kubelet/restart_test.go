package kubelet_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/model/store"
	"orrery/sim"
)

// Source: pkg/api/v1/pod/util.go ContainerShouldRestart (feature ContainerRestartRules,
// beta and on in v1.35): a rule that applies restarts the container, else its own
// policy decides, else the pod's.
func TestAContainersOwnRestartPolicyAndRulesGoBeforeThePods(t *testing.T) {
	on := func(policy model.RestartPolicy, rules ...model.RestartRule) *model.ContainerRestart {
		return &model.ContainerRestart{Policy: policy, Rules: rules}
	}
	for _, c := range []struct {
		name string
		pod  model.RestartPolicy
		own  *model.ContainerRestart
		code int32
		want bool
	}{
		{"the pod's policy, if it says nothing", model.RestartOnFailure, nil, 1, true},
		{"its own instead of the pod's", model.RestartAlways, on(model.RestartNever), 1, false},
		{"its own Always in a pod that never restarts", model.RestartNever, on(model.RestartAlways), 0, true},
		{"its own OnFailure, of success", model.RestartAlways, on(model.RestartOnFailure), 0, false},
		{"a rule that has the code", model.RestartNever, on(model.RestartNever, model.RestartRule{Codes: []int32{42, 43}}), 42, true},
		{"a rule that has not", model.RestartAlways, on(model.RestartNever, model.RestartRule{Codes: []int32{42, 43}}), 1, false},
		{"a rule for all others", model.RestartNever, on(model.RestartNever, model.RestartRule{NotIn: true, Codes: []int32{1}}), 2, true},
		{"a rule for all others, and the code", model.RestartNever, on(model.RestartNever, model.RestartRule{NotIn: true, Codes: []int32{1}}), 1, false},
		{"the second of two rules", model.RestartNever, on(model.RestartNever, model.RestartRule{Codes: []int32{1}}, model.RestartRule{Codes: []int32{2}}), 2, true},
	} {
		r := newRig(t, 1, behaving(runtime.Behavior{Run: sim.Constant(5 * time.Second), ExitCode: c.code}))
		p := r.pod("p", func(s *model.PodSpec) { s.RestartPolicy, s.Containers[0].Restart = c.pod, c.own })
		r.run(2 * time.Minute)
		switch q := r.get(p); {
		case c.want && (q.Restarts() < 2 || q.Phase != model.PodRunning):
			t.Errorf("%s: %v after %d restarts, want it to go on", c.name, q.Phase, q.Restarts())
		case !c.want && (q.Restarts() != 0 || !q.Phase.Terminal()):
			t.Errorf("%s: %v after %d restarts, want it to be over", c.name, q.Phase, q.Restarts())
		}
	}
}

// Source: kubelet_pods.go getPhase, kuberuntime_container.go computeInitContainerActions:
// an init container whose failure is final fails the pod, and one that restarts by a rule
// does not, in a pod that never restarts.
func TestARuleOfAnInitContainerRestartsItInAPodThatNeverDoes(t *testing.T) {
	for code, want := range map[int32]model.Phase{42: model.PodRunning, 1: model.PodFailed} {
		r := newRig(t, 1, behaving(runtime.Behavior{Container: "init", Run: sim.Constant(20 * time.Second)}))
		p := r.pod("p", func(s *model.PodSpec) {
			s.RestartPolicy = model.RestartNever
			s.InitContainers = []model.Container{{Name: "init", Image: "web", Restart: &model.ContainerRestart{
				Policy: model.RestartNever, Rules: []model.RestartRule{{Codes: []int32{42}}},
			}}}
		})
		r.run(10 * time.Second)
		r.kubelet.CrashContainer(p.Ref(), "init", code)
		r.run(2 * time.Minute)
		if q := r.get(p); q.Phase != want {
			t.Errorf("exit code %d: %v, want %v\n%+v", code, q.Phase, want, q.Containers)
		}
	}
}

// Source: kuberuntime_manager.go computePodActions: one that a liveness probe kills has
// no exit code yet, so that its policy decides and its rules do not count.
func TestALivenessProbeRestartsByPolicyAndNotByRule(t *testing.T) {
	for _, policy := range []model.RestartPolicy{model.RestartAlways, model.RestartNever} {
		r := newRig(t, 1, behaving(runtime.Behavior{Startup: sim.Constant(time.Hour)}))
		p := r.pod("p", func(s *model.PodSpec) {
			s.RestartPolicy = model.RestartNever
			s.Containers[0].Liveness = &model.Probe{Period: time.Second, FailureThreshold: 3}
			s.Containers[0].Restart = &model.ContainerRestart{Policy: policy}
		})
		r.run(30 * time.Second)
		if q := r.get(p); (policy == model.RestartAlways) != (q.Restarts() > 0) || (policy == model.RestartNever) != q.Phase.Terminal() {
			t.Errorf("policy %v: %v after %d restarts", policy, q.Phase, q.Restarts())
		}
	}
}

// Source: v1.35 pkg/kubelet/kuberuntime/kuberuntime_manager.go
// doBackOff: it is asked once for each start, and each restart that it lets through makes
// the next one wait longer. The kubelet has it in memory only: after a reboot the first
// restart waits for nothing and the second for 10 s, whether a registry has to be asked
// for the image or not.
func TestAfterARebootTheSecondRestartWaits10SecondsWhateverThePullPolicy(t *testing.T) {
	for _, policy := range []model.PullPolicy{model.PullIfNotPresent, model.PullAlways} {
		r := newRig(t, 1, behaving(runtime.Behavior{Container: "main", Run: sim.Constant(2 * time.Minute), ExitCode: 1}))
		p := r.pod("p", func(s *model.PodSpec) { s.Containers[0].PullPolicy = policy })
		r.ready(p)
		r.run(30 * time.Second)
		r.kubelet.PowerOff()
		r.kubelet.PowerOn()
		r.until("restarted", 2*time.Minute, func() bool { return r.get(p).Restarts() == 1 && r.get(p).IsReady() })
		if said := r.notes(p, "BackOff"); len(said) > 0 {
			t.Errorf("policy %v: the first start is refused at %v", policy, said)
		}
		r.until("ended", 3*time.Minute, func() bool { return !r.alive(p) })
		from := r.Now()
		if d := r.until("restarted again", time.Minute, func() bool { return r.alive(p) }).Sub(from); d < 10*time.Second || d > 18*time.Second {
			t.Errorf("policy %v: it runs again after %v, want 10 to 15 s and a pull", policy, d)
		}
	}
}

// Source: v1.35 pkg/kubelet/kuberuntime/kuberuntime_manager.go computePodActions,
// shouldRestartOnFailure: a pod whose policy is Never gets no second sandbox once
// anything of it was created, whatever its containers' policies and rules say; as they
// say that it is not over (kubelet_pods.go getPhase), it hangs in its phase. In a new
// sandbox all containers run but those that succeeded under OnFailure, also one that
// never restarts; after init containers it is asked again whether they restart
// (container/helpers.go ShouldContainerBeRestarted).
func TestInANewSandboxOnlyPoliciesOfPodsAndOnFailureCount(t *testing.T) {
	own := func(p model.RestartPolicy, rules ...model.RestartRule) *model.ContainerRestart {
		return &model.ContainerRestart{Policy: p, Rules: rules}
	}
	for _, c := range []struct {
		name        string
		pod         model.RestartPolicy
		main, once  *model.ContainerRestart
		init        bool
		up, onceRan bool
	}{
		{"Never, and a container with Always", model.RestartNever, own(model.RestartAlways), own(model.RestartAlways), false, false, false},
		{"Never, and a rule for 255", model.RestartNever, own(model.RestartNever, model.RestartRule{Codes: []int32{255}}), nil, false, false, false},
		{"Always, and a container with Never", model.RestartAlways, nil, own(model.RestartNever), false, true, true},
		{"the same after an init container", model.RestartAlways, nil, own(model.RestartNever), true, true, false},
		{"Always, and a container with OnFailure that succeeded", model.RestartAlways, nil, own(model.RestartOnFailure), false, true, false},
		{"OnFailure, and a container that succeeded", model.RestartOnFailure, nil, nil, false, true, false},
	} {
		r := newRig(t, 1, behaving(runtime.Behavior{Container: "once", Run: sim.Constant(5 * time.Second)}, runtime.Behavior{Container: "init", Run: sim.Constant(time.Second)}))
		p := r.pod("p", func(s *model.PodSpec) {
			s.RestartPolicy, s.Containers[0].Restart = c.pod, c.main
			s.Containers = append(s.Containers, model.Container{Name: "once", Image: "web", Restart: c.once})
			if c.init {
				s.InitContainers = []model.Container{{Name: "init", Image: "web"}}
			}
		})
		r.run(30 * time.Second)
		before := r.kubelet.Machine().Sandbox(p.ID).Processes
		ran := before[len(before)-1].Instances
		r.kubelet.PowerOff()
		r.kubelet.PowerOn()
		r.run(5 * time.Minute)
		q, box := r.get(p), r.kubelet.Machine().Sandbox(p.ID)
		main, once := box.Processes[len(before)-2], box.Processes[len(before)-1]
		if up := main.Running; up != c.up || q.Phase != model.PodRunning || up != (box.Attempts == 2) {
			t.Errorf("%s: it runs: %v, in phase %v with %d sandboxes", c.name, up, q.Phase, box.Attempts)
		}
		if again := once.Instances > ran; again != c.onceRan {
			t.Errorf("%s: the one that had ended ran again: %v", c.name, again)
		}
		if s := q.Containers[len(before)-2]; !c.up && (s.State != model.ContainerTerminated || s.Reason != "Unknown") {
			t.Errorf("%s: shown as %+v", c.name, s)
		}
	}
}

// Source: v1.35 pkg/printers/internalversion/printers.go printPod, pkg/kubelet/kubelet_pods.go
// convertToAPIContainerStatuses: kubectl counts from the end of lastState, the instance
// before the last restart. While a container is Terminated that is not the end that is
// shown; it becomes that when it waits in CrashLoopBackOff.
func TestTheLastRestartIsAsLongAgoAsTheEndOfTheInstanceBefore(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Container: "main", Run: sim.Constant(5 * time.Second), ExitCode: 1}))
	p := r.pod("p", nil)
	r.ready(p)
	var ends []sim.Time
	for range 3 {
		r.until("ended", time.Minute, func() bool { return !r.alive(p) })
		ends = append(ends, r.Now())
		r.until("shown", 5*time.Second, func() bool { return r.get(p).Containers[0].State == model.ContainerTerminated })
		l, want := r.get(p).Line(), sim.Time(0)
		if len(ends) > 1 {
			want = ends[len(ends)-2]
		}
		if l.Restarts != int32(len(ends)-1) || l.RestartedAt.Sub(want).Abs() > 10*time.Millisecond {
			t.Errorf("Terminated: %d restarts, the last counted from %v, want %v", l.Restarts, l.RestartedAt, want)
		}
		r.until("it runs", time.Minute, func() bool { return r.alive(p) })
		r.until("shown", 5*time.Second, func() bool { return r.get(p).IsReady() })
		if l := r.get(p).Line(); l.RestartedAt.Sub(ends[len(ends)-1]).Abs() > 10*time.Millisecond {
			t.Errorf("Running: counted from %v, want %v", l.RestartedAt, ends[len(ends)-1])
		}
	}
	loops := 0
	h := r.store.History()
	for i := range h.Len() {
		q, _ := h.At(i).Object().(*model.Pod)
		if q == nil || len(q.Containers) == 0 || q.Containers[0].Reason != "CrashLoopBackOff" {
			continue
		}
		loops++
		if l := q.Line(); l.RestartedAt != q.Containers[0].FinishedAt || l.RestartedAt == 0 {
			t.Errorf("CrashLoopBackOff: counted from %v, want %v", l.RestartedAt, q.Containers[0].FinishedAt)
		}
	}
	if loops == 0 {
		t.Error("it is never shown waiting")
	}
}

// patches counts what kubelets write of pods, and of that what changes nothing.
type patches struct{ all, idle int }

// Recorded implements store.Observer.
func (p *patches) Recorded(rec *store.Record) {
	if old, ok := rec.Old.(*model.Pod); ok && rec.Verb == store.Updated && rec.New != nil {
		p.all++
		if len(model.Diff(old, rec.New)) == 0 {
			p.idle++
		}
	}
}

// Source: v1.35 pkg/kubelet/status/status_manager.go syncPod, pkg/util/pod/pod.go
// PatchPodStatus: after the GET a patch that would change nothing is not sent. A kubelet
// that starts anew knows of no status that it has written, and looks at all of them.
func TestAfterARestartAStatusThatIsRightIsNotWrittenAgain(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("p", nil)
	r.run(time.Minute)
	before, seen := r.get(p).ResourceVersion, &patches{}
	r.store.Observe(seen)
	r.kubelet.Stop()
	r.kubelet.Resume()
	r.run(2 * time.Minute)
	if q := r.get(p); q.ResourceVersion != before || !q.IsReady() {
		t.Errorf("resourceVersion %d after %d, %d writes (ready: %v)", q.ResourceVersion, before, seen.all, q.IsReady())
	}
	q := r.pod("q", nil)
	r.run(3 * time.Minute)
	if !r.get(q).IsReady() || seen.all == 0 || seen.idle != 0 {
		t.Errorf("of another pod: ready %v, %d writes, %d of them of nothing", r.get(q).IsReady(), seen.all, seen.idle)
	}
}

// Source: v1.35 pkg/kubelet/apis/config/types.go CrashLoopBackOffConfig: the longest wait
// between two restarts, 300 s unless said.
func TestWithAShorterMaxContainerRestartPeriodAContainerThatCrashesComesBackMoreOften(t *testing.T) {
	restarts := func(most time.Duration) int32 {
		r := newRig(t, 1, behaving(runtime.Behavior{Run: sim.Constant(5 * time.Second), ExitCode: 1}), func(r *rig) { r.config.RestartMost = most })
		p := r.pod("p", nil)
		r.run(20 * time.Minute)
		return r.get(p).Restarts()
	}
	if usual, soon := restarts(0), restarts(20*time.Second); usual < 7 || usual > 9 || soon < 40 || soon > 50 {
		t.Errorf("%d restarts in 20 minutes, and %d with waits of 20 s at most", usual, soon)
	}
}

// Source: pkg/kubelet/volumemanager/reconciler/reconstruct.go reconstructVolumes: after a boot the kubelet finds
// the directories of a pod's volumes, takes these for attached and perhaps mounted, and so mounts them anew.
func TestAfterABootAttachedVolumesAreMountedAnewWhichTakesAsLongAsEver(t *testing.T) {
	var longer time.Duration
	for seed := range uint64(10) {
		r := newRig(t, seed, withNode(func(n *model.Node) { n.VolumesAttached = []string{"disk"} }), func(r *rig) {
			r.config.Volumes = func(string) (string, bool) { return "disk", true }
		})
		host := func(s *model.PodSpec) { s.HostNetwork = true }
		bare := r.pod("bare", host)
		disk := r.pod("disk", func(s *model.PodSpec) {
			host(s)
			s.Placement = &model.Placement{Claims: []model.ClaimUse{{Name: "data"}}}
		})
		r.ready(bare)
		r.ready(disk)
		r.kubelet.PowerOff()
		r.run(time.Second)
		r.kubelet.PowerOn()
		r.until("both run again", 2*time.Minute, func() bool { return len(r.starts(bare, "main")) == 2 && len(r.starts(disk, "main")) == 2 })
		longer += r.starts(disk, "main")[1].Sub(r.starts(bare, "main")[1])
	}
	if longer < 10*time.Second || longer > 80*time.Second {
		t.Errorf("ten mounts take %v, want 1 to 8 s each", longer)
	}
}
