package kubelet_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// once is a pod whose container "main" runs for ten seconds, once.
func once(s *model.PodSpec) { s.RestartPolicy = model.RestartNever }

// onceWithSidecar is that with a sidecar "proxy".
func onceWithSidecar(s *model.PodSpec) {
	once(s)
	s.InitContainers = []model.Container{{Name: "proxy", Image: "web", Sidecar: true}}
}

var tenSeconds = runtime.Behavior{Container: "main", Run: sim.Constant(10 * time.Second)}

// Source: pkg/kubelet/pod_workers.go podWorkerLoop: the step that stops a pod comes after the
// one that found it over, so it needs a newer relist, a second later; until it has, the phase
// is not shown (status_manager.go mergePodStatus), but that the container has ended is.
func TestThatAPodIsOverShowsARelistLaterThanThatItsContainerHasEnded(t *testing.T) {
	for seed := range uint64(5) {
		r := newRig(t, seed, behaving(tenSeconds))
		p := r.pod("job", once)
		ended := r.until("its end is shown", time.Minute, func() bool {
			q := r.get(p)
			return len(q.Containers) == 1 && q.Containers[0].State == model.ContainerTerminated
		})
		if q := r.get(p); q.Phase != model.PodRunning || q.Ready.Reason != "PodCompleted" {
			t.Errorf("seed %d: %v, ready %q", seed, q.Phase, q.Ready.Reason)
		}
		if c := r.get(p).Initialized; c.Status != model.True || c.Reason != "PodCompleted" { // status/generate.go GeneratePodInitializedCondition
			t.Errorf("seed %d: initialized %+v", seed, c)
		}
		over := r.until("it has succeeded", 10*time.Second, func() bool { return r.get(p).Phase == model.PodSucceeded })
		if d := over.Sub(ended); d < time.Second || d > 1500*time.Millisecond {
			t.Errorf("seed %d: %v after that", seed, d)
		}
	}
}

// Source: kuberuntime_manager.go computePodActions, SyncPod (KillPod), kubelet_pods.go
// getPhase: a pod of which only sidecars run is Running; a pass stops them, hooks, order and
// grace as ever, the next look finds the pod over, and the one after that ends it.
func TestSidecarsStopWhenAllElseHasEndedAndThenThePodIsOver(t *testing.T) {
	sidecar := runtime.Behavior{Container: "proxy", PreStop: sim.Constant(4 * time.Second), Stop: sim.Constant(3 * time.Second)}
	for seed := range uint64(5) {
		r := newRig(t, seed, behaving(tenSeconds, sidecar))
		p := r.pod("job", onceWithSidecar)
		told := r.until("the sidecar is stopped", time.Minute, func() bool { return len(r.notes(p, "Killing")) > 0 })
		r.run(6 * time.Second)
		if q := r.get(p); q.Phase != model.PodRunning || q.IsReady() || !r.alive(p) {
			t.Errorf("seed %d: %v, ready %v, runs %v", seed, q.Phase, q.IsReady(), r.alive(p))
		}
		over := r.until("it has succeeded", 10*time.Second, func() bool { return r.get(p).Phase == model.PodSucceeded })
		if d := over.Sub(told) - 7*time.Second; d < time.Second || d > 2500*time.Millisecond {
			t.Errorf("seed %d: %v after the sidecar's end", seed, d)
		}
	}
}

// Source: kubelet.go SyncPod gives the runtime a context of its own, so that who deletes a pod
// whose sidecars are being stopped changes nothing of that; with a runtime that fails they are
// stopped anew.
func TestSidecarsOfAPodThatIsOverAreStoppedOnceOrAgainIfThatFails(t *testing.T) {
	sidecar := runtime.Behavior{Container: "proxy", Stop: sim.Constant(20 * time.Second)}
	start := func() (*rig, *model.Pod) {
		r := newRig(t, 1, behaving(tenSeconds, sidecar))
		p := r.pod("job", onceWithSidecar)
		r.until("the sidecar is stopped", time.Minute, func() bool { return len(r.notes(p, "Killing")) > 0 })
		r.run(time.Second)
		return r, p
	}
	r, p := start()
	told := r.Now()
	r.user.Delete(p.Ref(), 2, 0)
	gone := r.until("it is gone", time.Minute, func() bool { return r.get(p) == nil })
	if d := gone.Sub(told); d < 19*time.Second || d > 23*time.Second || len(r.notes(p, "Killing")) != 1 {
		t.Errorf("gone after %v, told %v", d, r.notes(p, "Killing"))
	}
	r, p = start()
	r.kubelet.StopRuntime()
	r.run(2 * time.Second)
	r.kubelet.StartRuntime()
	r.until("it has succeeded", 2*time.Minute, func() bool { return r.get(p).Phase == model.PodSucceeded })
	if n := len(r.notes(p, "Killing")); n != 2 || len(r.notes(p, "FailedKillPod")) != 0 {
		t.Errorf("told %d times", n)
	}
}

// Source: status_manager.go TerminatePod, hasPodInitialized, initializedContainers;
// kubelet_pods.go convertToAPIContainerStatuses, which has a container wait that is in
// back-off until the pod is deleted: when a pod has ended, what still waits has failed, with
// a reason of its own, but for app containers of a pod that was not initialized and init
// containers after the last that has begun.
func TestContainersThatWaitWhenTheirPodHasEndedAreOfUnknownStatus(t *testing.T) {
	const unknown, waits, never = "ContainerStatusUnknown", "PodInitializing", "ErrImageNeverPull"
	const stays, exits, fails, missing = "stays", "exits", "fails", "missing"
	short := func(name string, code int32) runtime.Behavior {
		return runtime.Behavior{Container: name, Run: sim.Constant(time.Second), ExitCode: code}
	}
	for _, c := range []struct {
		inits  []string
		app    string
		want   []string // reasons
		status string
	}{
		{nil, missing, []string{unknown}, unknown},
		{nil, exits, []string{unknown}, unknown}, // in back-off after it exited with 0
		{nil, stays, []string{"Error"}, "Error"},
		{[]string{fails}, stays, []string{unknown, waits}, "Init:" + unknown},
		{[]string{missing, exits}, stays, []string{unknown, waits, waits}, "Init:" + unknown},
		{[]string{exits, missing}, stays, []string{"Completed", never, waits}, "Init:" + never},
		{[]string{exits}, missing, []string{"Completed", unknown}, unknown},
	} {
		container := func(name string) model.Container {
			one := model.Container{Name: name, Image: "web"}
			if name == missing {
				one.Image, one.PullPolicy = "none", model.PullNever
			}
			return one
		}
		r := newRig(t, 1, behaving(short(exits, 0), short(fails, 1)))
		p := r.pod("web", func(s *model.PodSpec) {
			s.ActiveDeadline = 55 * time.Second
			s.Containers = []model.Container{container(c.app)}
			for _, name := range c.inits {
				s.InitContainers = append(s.InitContainers, container(name))
			}
		})
		r.until("the end", 2*time.Minute, func() bool { return r.get(p).Phase == model.PodFailed })
		q := r.get(p)
		for i := range q.Containers {
			s := &q.Containers[i]
			if s.Reason != c.want[i] || s.Reason == unknown && (s.State != model.ContainerTerminated || s.ExitCode != 137) {
				t.Errorf("%v %v: container %d: %+v, want %s", c.inits, c.app, i, *s, c.want[i])
			}
		}
		if got := q.Line().Status; got != c.status {
			t.Errorf("%v %v: STATUS is %s, want %s", c.inits, c.app, got, c.status)
		}
	}
}

// Source: v1.35 kubelet_pods.go getPhase, kuberuntime_manager.go computePodActions: how sidecars have
// ended does not matter, also while the pod has no sandbox: one that never starts again has failed
// after a reboot, with a sidecar as without.
func TestAPodThatNeverStartsAgainHasFailedAfterARebootWithASidecarAsWithout(t *testing.T) {
	for _, sidecars := range []int{0, 1, 2} {
		r := newRig(t, 1)
		p := r.pod("job", func(s *model.PodSpec) {
			s.RestartPolicy = model.RestartNever
			for i := range sidecars {
				s.InitContainers = append(s.InitContainers, model.Container{Name: fmt.Sprint("side-", i), Image: "web", Sidecar: true})
			}
		})
		r.ready(p)
		r.kubelet.PowerOff()
		r.kubelet.PowerOn()
		r.until("it has failed", 2*time.Minute, func() bool { return r.get(p).Phase == model.PodFailed })
	}
}

// Source: the same: of one whose app containers had not begun, nothing has failed but a sidecar, and there
// is no other sandbox, as something of it was created: it is Pending for good. Only an init container
// that has failed is a failure of the pod.
func TestAPodThatNeverStartsAgainIsPendingForGoodAfterARebootBeforeItsAppBegan(t *testing.T) {
	for _, sidecar := range []bool{true, false} {
		r := newRig(t, 1, behaving(runtime.Behavior{Container: "first", Startup: sim.Constant(time.Minute)}))
		p := r.pod("job", func(s *model.PodSpec) {
			s.RestartPolicy = model.RestartNever
			s.InitContainers = []model.Container{{Name: "first", Image: "web", Sidecar: sidecar}}
			if sidecar {
				s.InitContainers[0].Startup = every(time.Second, 100)
			}
		})
		r.until("the first runs", time.Minute, func() bool {
			q := r.get(p)
			return q != nil && len(q.Containers) == 2 && q.Containers[0].State == model.ContainerRunning
		})
		r.kubelet.PowerOff()
		r.kubelet.PowerOn()
		r.run(time.Hour)
		want, status := model.PodFailed, "Init:Unknown"
		if sidecar {
			want = model.PodPending
		}
		if q := r.get(p); q.Phase != want || q.Line().Status != status || len(r.notes(p, "SandboxChanged")) > 0 {
			t.Errorf("sidecar %v: %v, STATUS %s\n%s", sidecar, q.Phase, q.Line().Status, r.story())
		}
	}
}
