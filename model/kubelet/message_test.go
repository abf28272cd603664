package kubelet_test

import (
	"strings"
	"testing"
	"time"
	"unsafe"

	"orrery/model"
	"orrery/model/kubelet"
	"orrery/model/runtime"
	"orrery/sim"
)

// failed waits until a pod has failed, and checks what its status says of it.
func (r *rig) failed(p *model.Pod, reason, message string) {
	r.t.Helper()
	r.until(p.Name+" failed", 30*time.Minute, func() bool { q := r.get(p); return q != nil && q.Phase == model.PodFailed })
	if q := r.get(p); q.Reason != reason || q.Message != message {
		r.t.Errorf("%s: %s, %q; want %s, %q", p.Name, q.Reason, q.Message, reason, message)
	}
}

// Source: pkg/kubelet/kubelet.go rejectPod: the status of a pod that is not admitted says
// that it was rejected, and what the Event says.
func TestAPodThatIsNotAdmittedSaysThatItWasRejectedAndWhy(t *testing.T) {
	r := newRig(t, 1)
	r.failed(r.pod("big", func(s *model.PodSpec) { s.Containers[0].Requests.CPUMilli = 9000 }),
		"OutOfcpu", "Pod was rejected: Node didn't have enough resource: cpu, requested: 9000, used: 0, capacity: 8000")
	r.failed(r.pod("elsewhere", func(s *model.PodSpec) {
		s.NodeSelector = model.MakeLabels(map[string]string{"disk": "hdd"})
	}), "NodeAffinity", "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector")
	full := newRig(t, 1, diskOf(100*gib))
	full.ready(full.pod("web", nil))
	full.kubelet.FillDisk(950_000)
	full.until("DiskPressure", time.Minute, full.full)
	full.failed(full.pod("late", nil), "Evicted", "Pod was rejected: The node had condition: [DiskPressure]. ")
}

// Source: pkg/kubelet/eviction/helpers.go evictionMessage.
func TestAnEvictedPodSaysWhatTheNodeLackedAndWhichContainersTookMoreThanTheyAskedFor(t *testing.T) {
	r := newRig(t, 1, behaving(uses("greedy", 31*gib, 0)))
	greedy := r.pod("greedy", asks(gib, 0))
	r.ready(greedy)
	r.kubelet.TakeMemory(998_000, 0, 0) // some 66 MiB are free
	r.until("failed", time.Minute, func() bool { return r.evicted(greedy) })
	text := r.get(greedy).Message
	if begin := "The node was low on resource: memory. Threshold quantity: 100Mi, available: "; !strings.HasPrefix(text, begin) {
		t.Errorf("%q does not begin with %q", text, begin)
	}
	if end := ". Container main was using 31Gi, request is 1Gi, has larger consumption of memory. "; !strings.HasSuffix(text, end) {
		t.Errorf("%q does not end with %q", text, end)
	}
	if notes := r.notes(greedy, "Evicted"); len(notes) != 1 {
		t.Errorf("%d Events", len(notes))
	}
}

// Source: the same: what the pod itself asks for is told before its containers, also of one
// that uses no more than that.
func TestAnEvictedPodThatAsksForMemoryAsAWholeSaysSo(t *testing.T) {
	r := newRig(t, 1, behaving(uses("greedy", 31*gib, 0)))
	greedy := r.pod("greedy", func(s *model.PodSpec) {
		s.PodLevel = &model.PodLevel{MemoryBytes: 32 * gib, HasMemory: true}
	})
	r.ready(greedy)
	r.kubelet.TakeMemory(998_000, 0, 0)
	r.until("failed", time.Minute, func() bool { return r.evicted(greedy) })
	const end = ". Pod greedy was using 31Gi, request is 32Gi, has larger consumption of memory. " +
		"Container main was using 31Gi, request is 0, has larger consumption of memory. "
	if text := r.get(greedy).Message; !strings.HasSuffix(text, end) {
		t.Errorf("%q does not end with %q", text, end)
	}
}

// Source: eviction_manager.go localStorageEviction: an eviction for a limit sets no
// condition DisruptionTarget.
func TestAPodOverItsOwnLimitOfStorageIsNoTargetOfADisruption(t *testing.T) {
	r := newRig(t, 1, diskOf(100*gib), behaving(writes("chatty", 0, 100<<20)))
	chatty := r.pod("chatty", wants(0, gib))
	r.until("failed", 5*time.Minute, func() bool { return r.evicted(chatty) })
	if q := r.get(chatty); q.Disrupted.Status == model.True || !strings.Contains(q.Message, `exceed`) {
		t.Errorf("%q, DisruptionTarget %v", q.Message, q.Disrupted.Status)
	}
}

// Source: pkg/kubelet/nodeshutdown/nodeshutdown_manager.go nodeShutdownMessage,
// preemption/preemption.go, active_deadline.go: what a kubelet itself says of pods it ends.
func TestWhoAKubeletEndsIsToldWhy(t *testing.T) {
	r := newRig(t, 1, func(r *rig) { r.config.Shutdown = kubelet.NewShutdown(30*time.Second, 0) })
	web := r.pod("web", nil)
	late := r.pod("late", func(s *model.PodSpec) { s.ActiveDeadline = time.Minute })
	r.ready(web)
	r.failed(late, "DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
	if n := len(r.notes(late, "DeadlineExceeded")); n != 1 {
		t.Errorf("%d Events of the deadline", n)
	}
	r.kubelet.ShutDown(false)
	r.failed(web, "Terminated", "Pod was terminated in response to imminent node shutdown.")

	r = newRig(t, 1, behaving(runtime.Behavior{Stop: sim.Constant(time.Second)}))
	all := r.pod("all", func(s *model.PodSpec) { s.Containers[0].Requests.CPUMilli = 8000 })
	r.ready(all)
	r.pod("critical", func(s *model.PodSpec) {
		s.Containers[0].Requests.CPUMilli, s.Priority = 1000, model.SystemCritical
	})
	r.failed(all, "Preempting", "Preempted in order to admit critical pod")
}

// TestAPodThatIsWellPaysNothingForMessages: it fits what the allocator had for a pod
// without, 480 bytes.
func TestAPodThatIsWellPaysNothingForMessages(t *testing.T) {
	if size := unsafe.Sizeof(model.Pod{}); size > 480 {
		t.Errorf("a pod has %d bytes", size)
	}
}

// Source: kuberuntime_manager.go computePodActions, kuberuntime_container.go
// computeInitContainerActions: what is said of a container that a probe has killed.
func TestAContainerThatAProbeKillsIsSaidToBeRestartedIfItIs(t *testing.T) {
	for _, c := range []struct {
		policy model.RestartPolicy
		init   bool
		want   string
	}{
		{model.RestartAlways, false, "Container x failed startup probe, will be restarted"},
		{model.RestartNever, false, "Stopping container x"}, // with nothing else to run: see the next test
		{model.RestartAlways, true, "Init container x failed startup probe"},
	} {
		r := newRig(t, 1, behaving(runtime.Behavior{Container: "x", Startup: sim.Constant(time.Hour)}))
		p := r.pod("p", func(s *model.PodSpec) {
			s.RestartPolicy = c.policy
			x := model.Container{Name: "x", Image: "web", Sidecar: c.init, Startup: &model.Probe{Period: time.Second, FailureThreshold: 3}}
			if c.init {
				s.InitContainers = []model.Container{x}
			} else {
				s.Containers = []model.Container{x}
			}
		})
		r.until("the kill", time.Minute, func() bool { return len(r.notes(p, "Killing")) > 0 })
		if !strings.Contains(r.story(), "Killing: "+c.want+"\n") {
			t.Errorf("not said: %q\n%s", c.want, r.story())
		}
	}
}

// Source: v1.35 kuberuntime_manager.go computePodActions (keepCount), killContainersWithSyncResult,
// kuberuntime_container.go setTerminationGracePeriod: when the last container that runs is not
// started again after a probe's failure the pod is stopped as a whole. Then the Event does not
// speak of the probe, and the probe's own grace does not count.
func TestTheLastContainerIsKilledByItsProbeAsItsPodIsStopped(t *testing.T) {
	for _, c := range []struct {
		others  runtime.Behavior
		says    string
		seconds time.Duration
	}{
		{runtime.Behavior{Container: "other"}, "Container x failed liveness probe", 5},
		{runtime.Behavior{Container: "other", Run: sim.Constant(time.Second)}, "Stopping container x", 20},
	} {
		r := newRig(t, 1, behaving(runtime.Behavior{Container: "x", Startup: sim.Constant(time.Hour), Stop: sim.Constant(time.Hour)}, c.others))
		p := r.pod("p", func(s *model.PodSpec) {
			s.RestartPolicy, s.GraceSeconds = model.RestartNever, 20
			x := model.Container{Name: "x", Image: "web", Liveness: &model.Probe{Period: 5 * time.Second, FailureThreshold: 2, Grace: 5 * time.Second}}
			s.Containers = []model.Container{x, {Name: "other", Image: "web"}}
		})
		told := r.until("the kill", time.Minute, func() bool { return len(r.notes(p, "Killing")) > 0 })
		if len(r.said(p, "Killing", c.says)) != 1 {
			t.Errorf("not said: %q\n%s", c.says, r.story())
		}
		killed := r.until("SIGKILL", time.Minute, func() bool { return !r.kubelet.Machine().Sandbox(p.ID).Processes[0].Running })
		if d := killed.Sub(told).Truncate(time.Second); d != c.seconds*time.Second {
			t.Errorf("%q: killed after %v", c.says, d)
		}
	}
}

// Source: images/image_manager.go EnsureImageExists, imageNotPresentOnNeverPolicyError:
// who cannot be pulled at all says so once, and is looked at again and again.
func TestAnImageThatIsNotAskedForIsAnEvent(t *testing.T) {
	for image, want := range map[string]string{
		"Registry/UPPER:1:2": `InvalidImageName InspectFailed: Failed to apply default image tag "Registry/UPPER:1:2": ` +
			`couldn't parse image name "Registry/UPPER:1:2": invalid reference format`,
		"far": `ErrImageNeverPull ErrImageNeverPull: Container image "far" is not present with pull policy of Never`,
	} {
		r := newRig(t, 1)
		p := r.pod("p", func(s *model.PodSpec) { s.Containers[0].Image, s.Containers[0].PullPolicy = image, model.PullNever })
		r.run(time.Minute)
		waits, said, _ := strings.Cut(want, " ")
		if got := r.get(p).Containers[0].Reason; got != waits {
			t.Errorf("%s: it waits because of %q", image, got)
		}
		if n := strings.Count(r.story(), said); n != 1 {
			t.Errorf("%s: said %d times: %s", image, n, said)
		}
	}
}

// Source: pkg/kubelet/kubelet.go SyncTerminatingPod, whose last status is made without the
// podStatusFn of who ended the pod, and kubelet_pods.go getPhase, generateAPIPodStatus:
// Succeeded if all app containers exited with 0, whatever sidecars did, and the reason is
// kept only with the phase. A deadline is asked about again (active_deadline.go ShouldEvict).
func TestAPodThatIsOustedAndExitsWithZeroHasSucceeded(t *testing.T) {
	code := func(name string, bytes int64, code int32) runtime.Behavior {
		b := uses(name, bytes, 0)
		b.StopCode = &code
		return b
	}
	ended := func(r *rig, p *model.Pod, phase model.Phase, reason string, disrupted model.ConditionStatus) {
		t.Helper()
		r.until(p.Name+" ended", 10*time.Minute, func() bool { return r.get(p).Phase.Terminal() })
		if q := r.get(p); q.Phase != phase || q.Reason != reason || (q.Message == "") != (reason == "") || q.Disrupted.Status != disrupted {
			t.Errorf("%s: %v %q %q, DisruptionTarget %v", q.Name, q.Phase, q.Reason, q.Message, q.Disrupted.Status)
		}
	}
	never := func(s *model.PodSpec) { s.RestartPolicy = model.RestartNever }
	large := code("large", 0, 0)
	large.DiskBytes = 2 * gib
	sidecar := code("sidecar", 20*gib, 0)
	sidecar.Container = "main"
	r := newRig(t, 1, diskOf(100*gib), behaving(code("zero", 31*gib, 0), uses("signal", 31*gib, 0), sidecar, large, code("late", 0, 0)),
		func(r *rig) { r.config.Shutdown = kubelet.NewShutdown(30*time.Second, 0) })
	over := r.pod("large", wants(0, gib))
	ended(r, over, model.PodSucceeded, "", model.False)
	late := r.pod("late", func(s *model.PodSpec) { s.ActiveDeadline = time.Minute })
	ended(r, late, model.PodFailed, "DeadlineExceeded", model.False)

	for _, c := range []struct {
		name   string
		phase  model.Phase
		reason string
	}{{"zero", model.PodSucceeded, ""}, {"signal", model.PodFailed, "Evicted"}} {
		p := r.pod(c.name, never)
		r.ready(p)
		hold := r.kubelet.TakeMemory(998_000, 0, 0)
		ended(r, p, c.phase, c.reason, model.True)
		if n := len(r.notes(p, "Evicted")); n != 1 {
			t.Errorf("%s: %d Events", c.name, n)
		}
		r.kubelet.ReturnMemory(hold)
		r.run(6 * time.Minute)
	}
	p := r.pod("sidecar", func(s *model.PodSpec) {
		s.InitContainers = []model.Container{{Name: "proxy", Image: "web", Sidecar: true}}
		s.Containers[0].Requests.CPUMilli = 8000
	})
	r.ready(p)
	r.pod("critical", func(s *model.PodSpec) { s.Containers[0].Requests.CPUMilli, s.Priority = 1000, model.SystemCritical })
	ended(r, p, model.PodSucceeded, "", model.True)
	if c := r.get(p).Containers; c[0].ExitCode != 143 || c[1].ExitCode != 0 {
		t.Errorf("%+v", c)
	}
	calm := r.labeled("calm", model.MakeLabels(map[string]string{"app": "late"}), nil)
	none := r.pod("none", func(s *model.PodSpec) { s.Containers[0].Image, s.Containers[0].PullPolicy = "none", model.PullNever })
	r.ready(calm)
	r.kubelet.ShutDown(false)
	ended(r, calm, model.PodSucceeded, "", model.True)
	ended(r, none, model.PodFailed, "Terminated", model.True)
}
