package kubelet_test

import (
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// Source: containerd internal/cri/server/restart.go: containers are children
// of shims and run on; one that ends meanwhile has the exit code and the time that its shim
// has kept, and is started anew when the runtime is back.
func TestAContainerThatEndsWithoutItsRuntimeHasItsOwnExitCode(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Run: sim.Constant(20 * time.Second), ExitCode: 7}))
	p := r.pod("web", nil)
	r.ready(p)
	r.run(5 * time.Second)
	r.kubelet.StopRuntime()
	r.run(20 * time.Second)
	if q := r.get(p); r.alive(p) || !q.IsReady() {
		t.Fatalf("it runs: %v, shown ready: %v, which nobody can have seen", r.alive(p), q.IsReady())
	}
	begun := r.get(p).Containers[0].StartedAt
	r.kubelet.StartRuntime()
	r.until("a restart", 5*time.Second, func() bool { return r.get(p).Restarts() == 1 })
	if c := r.get(p).Containers[0]; c.ExitCode != 7 || c.FinishedAt.Sub(begun) != 20*time.Second {
		t.Errorf("exit code %d after %v", c.ExitCode, c.FinishedAt.Sub(begun))
	}
}

// Source: k8s.io/cri-client/pkg/remote_runtime.go, to whose calls there is no answer: without a
// runtime nothing is started or stopped, and what was under way is broken off and tried again.
func TestWhatARuntimeWasDoingIsBrokenOffWhenItEnds(t *testing.T) {
	slow := uses("stops", 0, 0)
	slow.Stop = sim.Constant(20 * time.Second)
	far := uses("pulls", 0, 0)
	far.ImageBytes = 4_000_000_000
	r := newRig(t, 1, behaving(slow, far))
	stops, crashes := r.pod("stops", nil), r.pod("crashes", nil)
	r.ready(stops)
	r.ready(crashes)
	pulls := r.pod("pulls", func(s *model.PodSpec) { s.Containers[0].Image = "far" })
	r.until("the pull", 10*time.Second, func() bool { return len(r.notes(pulls, "Pulling")) > 0 })
	r.user.Delete(stops.Ref(), -1, 0)
	r.kubelet.SlowDisk(10_000) // so that it takes a while to make a sandbox and a container
	made := r.pod("made", nil)
	r.kubelet.CrashContainer(crashes.Ref(), "", 1)
	r.run(3 * time.Second)
	r.kubelet.QuickenDisk(10_000)
	r.kubelet.StopRuntime()
	r.run(20 * time.Second)
	for _, c := range []struct {
		p              *model.Pod
		reason, begins string
	}{
		{pulls, "Failed", `Failed to pull image "far": rpc error: code = Unavailable`},
		{made, "FailedCreatePodSandBox", "Failed to create pod sandbox: rpc error: code = Unavailable"},
		{crashes, "Failed", "Error: connection error"},
		{stops, "FailedKillPod", "error killing pod: rpc error: code = Unavailable"},
	} {
		if len(r.said(c.p, c.reason, c.begins)) == 0 {
			t.Errorf("%s: no %s", c.p.Name, c.begins)
		}
	}
	if !r.alive(stops) && r.get(stops) == nil {
		t.Error("a pod went that nobody could stop")
	}
	r.kubelet.StartRuntime()
	for _, p := range []*model.Pod{made, crashes} {
		r.ready(p)
	}
	r.until("stopped", time.Minute, func() bool { return r.get(stops) == nil })
	r.until("pulled", 5*time.Minute, func() bool { return r.get(pulls).IsReady() })
	if n := r.get(crashes).Restarts(); n != 1 {
		t.Errorf("%d restarts", n)
	}
}

// Source: the same: whom a runtime has sent SIGTERM it kills when the grace is over, and if it
// is not there nobody does; the next one begins anew, with all of the grace.
func TestAGraceBeginsAnewWithAnotherRuntime(t *testing.T) {
	deaf := uses("deaf", 0, 0)
	deaf.Stop = sim.Constant(time.Hour)
	r := newRig(t, 1, behaving(deaf))
	p := r.pod("deaf", func(s *model.PodSpec) { s.GraceSeconds = 20 })
	r.ready(p)
	r.run(3 * time.Second)
	r.user.Delete(p.Ref(), -1, 0)
	r.run(10 * time.Second)
	r.kubelet.StopRuntime()
	r.run(20 * time.Second)
	if !r.alive(p) {
		t.Fatal("killed by nobody")
	}
	r.kubelet.StartRuntime()
	back := r.Now()
	dead := r.until("the kill", time.Minute, func() bool { return !r.alive(p) })
	if d := dead.Sub(back); d < 20*time.Second || d > 37*time.Second {
		t.Errorf("killed %v after the runtime is back", d)
	}
}

// Source: v1.35 cmd/kubelet/app/server.go run, pkg/kubelet/kubelet.go PreInitRuntimeService,
// k8s.io/cri-client/pkg/remote_runtime.go validateServiceConnection: a kubelet that starts and finds no
// runtime ends, is started again by systemd 10 s later, and nobody renews the lease of its node meanwhile.
func TestAKubeletDoesNotStartWithoutAContainerRuntime(t *testing.T) {
	for seed := range uint64(10) {
		r := newRig(t, seed)
		p := r.pod("web", nil)
		r.ready(p)
		r.kubelet.StopRuntime()
		r.kubelet.Stop()
		r.kubelet.Resume()
		r.run(5 * time.Minute)
		if n := r.shownNode(); n.Ready.Status != model.True || !r.alive(p) {
			t.Errorf("seed %d: somebody has written that the node is %v ready, or the pod was stopped", seed, n.Ready.Status)
		}
		r.user.Delete(p.Ref(), 0, 0)
		r.run(time.Minute)
		if !r.alive(p) {
			t.Errorf("seed %d: somebody has stopped a pod that is gone", seed)
		}
		r.kubelet.StartRuntime()
		back := r.Now()
		at := r.until("the pod that is gone is stopped", time.Minute, func() bool { return !r.alive(p) })
		if d := at.Sub(back); d < time.Second || d > 20*time.Second { // 10 s, a start of 1 to 3 s, 2 to 4 s until the first housekeeping, 2 s of grace
			t.Errorf("seed %d: %v after the runtime was back", seed, d)
		}
	}
}

// Source: v1.35 pkg/kubelet/images/image_manager.go imagePullPrecheck: a runtime is not asked whether it has an
// image that is always pulled, so without one it is the pull that fails, with its back-off; of others
// it is the look, of which the message does not name the image.
func TestWithoutARuntimeAnImageThatIsAlwaysPulledFailsToBe(t *testing.T) {
	for policy, want := range map[model.PullPolicy]string{
		model.PullAlways:       `ErrImagePull Failed: Failed to pull image "web": rpc error: code = Unavailable desc = connection error`,
		model.PullIfNotPresent: `ImageInspectError InspectFailed: Failed to inspect image "": rpc error: code = Unavailable desc = connection error`,
	} {
		r := newRig(t, 1, behaving(runtime.Behavior{Run: sim.Constant(10 * time.Second), ExitCode: 1}))
		p := r.pod("p", func(s *model.PodSpec) { s.Containers[0].PullPolicy = policy })
		r.until("crashes", time.Minute, func() bool { return len(r.notes(p, "BackOff")) > 0 })
		r.run(3 * time.Second) // until a relist is newer than that
		r.kubelet.StopRuntime()
		r.run(20 * time.Second)
		waits, said, _ := strings.Cut(want, " ")
		if !strings.Contains(r.story(), said) {
			t.Errorf("not said: %s\n%s", said, r.story())
		}
		r.kubelet.StartRuntime()
		r.until(waits, time.Minute, func() bool { return r.get(p).Containers[0].Reason == waits })
	}
}
