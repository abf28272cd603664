package kubelet_test

import (
	"testing"
	"time"

	"orrery/model"
)

// Source: k8s.io/cri-client/pkg/remote_runtime.go RunPodSandbox: a kubelet waits 4 minutes
// for a sandbox (k8s-node.md 3.1), and tries again after 10 to 15 s.
func TestASandboxThatTakesLongerThanFourMinutesIsGivenUp(t *testing.T) {
	const slow = 100 // ppm: 350 ms become an hour
	r := newRig(t, 1)
	r.kubelet.SlowDisk(slow)
	p := r.pod("web", nil)
	begun := r.Now()
	r.run(9 * time.Minute)
	const words = "Failed to create pod sandbox: rpc error: code = DeadlineExceeded desc = context deadline exceeded"
	failed := r.said(p, "FailedCreatePodSandBox", words)
	if len(failed) != 2 {
		t.Fatalf("given up %d times:\n%s", len(failed), r.story())
	}
	if first := failed[0].Sub(begun); first < 4*time.Minute || first > 4*time.Minute+10*time.Second {
		t.Errorf("first after %v", first)
	}
	if again := failed[1].Sub(failed[0]); again < 4*time.Minute+10*time.Second || again > 4*time.Minute+30*time.Second {
		t.Errorf("again after %v", again)
	}
	if q := r.get(p); q.Phase != model.PodPending || q.Sandbox.Status == model.True {
		t.Errorf("shown as %v, with a sandbox: %v", q.Phase, q.Sandbox.Status)
	}
	r.kubelet.QuickenDisk(slow)
	r.until("ready", 5*time.Minute, func() bool { return r.get(p).IsReady() })
}

// Source: the same, CreateContainer: 2 minutes; kuberuntime_container.go startContainer: the
// Event says only what the error says.
func TestAContainerThatTakesLongerThanTwoMinutesIsGivenUp(t *testing.T) {
	const slow = 500 // ppm: 150 ms become 300 s
	r := newRig(t, 1)
	p := r.pod("web", nil)
	r.ready(p)
	r.kubelet.SlowDisk(slow)
	r.kubelet.CrashContainer(p.Ref(), "", 1)
	begun := r.Now()
	failed := r.until("the container is given up", 3*time.Minute, func() bool { return len(r.said(p, "Failed", "Error: context deadline exceeded")) > 0 })
	if after := failed.Sub(begun); after < 2*time.Minute || after > 2*time.Minute+3*time.Second {
		t.Errorf("after %v", after)
	}
	r.run(15 * time.Second) // until the next look at it
	if c := r.get(p).Containers[0]; c.State != model.ContainerWaiting || c.Reason != "CreateContainerError" {
		t.Errorf("shown as %+v", c)
	}
	r.kubelet.QuickenDisk(slow)
	r.until("ready", 3*time.Minute, func() bool { return r.get(p).IsReady() })
}

// TestWhoWaitsInLineForTooLongGivesUpToo: a disk at a hundredth lets four sandboxes be made
// in 35 s, and 60 that come together take longer than their kubelet waits.
func TestWhoWaitsInLineForTooLongGivesUpToo(t *testing.T) {
	r := newRig(t, 1)
	r.kubelet.SlowDisk(10_000)
	var pods []*model.Pod
	for i := range 60 {
		pods = append(pods, r.pod("web-"+string(rune('a'+i/26))+string(rune('a'+i%26)), nil))
	}
	r.run(5 * time.Minute)
	given := 0
	for _, p := range pods {
		given += len(r.notes(p, "FailedCreatePodSandBox"))
	}
	if given < 20 || given > 55 {
		t.Errorf("%d are given up", given)
	}
	r.until("all are up", time.Hour, func() bool {
		for _, p := range pods {
			if !r.get(p).IsReady() {
				return false
			}
		}
		return true
	})
}
