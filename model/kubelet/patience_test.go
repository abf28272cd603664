package kubelet_test

import (
	"testing"
	"time"

	"orrery/model"
)

// Source: k8s.io/cri-client/pkg/remote_runtime.go RunPodSandbox: a kubelet waits 4 minutes
// for a sandbox, and tries again after 10 to 15 s (pkg/kubelet/pod_workers.go completeWork).
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

// TestASandboxUnderWayGoesOnAtTheSpeedOfTheDisk: one that would take an hour is made soon
// after the disk is well, and one that began well on a disk that is slow since is given up.
// Source: as above.
func TestASandboxUnderWayGoesOnAtTheSpeedOfTheDisk(t *testing.T) {
	const slow = 100
	r := newRig(t, 1)
	r.kubelet.SlowDisk(slow)
	p := r.pod("web", nil)
	r.run(time.Minute)
	r.kubelet.QuickenDisk(slow)
	r.until("ready", 10*time.Second, func() bool { return r.get(p).IsReady() })
	if n := len(r.notes(p, "FailedCreatePodSandBox")); n > 0 {
		t.Errorf("given up %d times", n)
	}
	q := r.pod("late", nil)
	begun := r.Now()
	r.run(100 * time.Millisecond) // its volumes are mounted, or its sandbox is being made
	r.kubelet.SlowDisk(slow)
	failed := r.until("the sandbox is given up", 5*time.Minute, func() bool { return len(r.notes(q, "FailedCreatePodSandBox")) > 0 })
	if after := failed.Sub(begun); after < 4*time.Minute || after > 4*time.Minute+10*time.Second {
		t.Errorf("after %v", after)
	}
	if n := len(r.notes(q, "Failed")); n > 0 {
		t.Errorf("%d containers are given up without a sandbox:\n%s", n, r.story())
	}
	r.kubelet.QuickenDisk(slow)
	r.until("ready, too", time.Minute, func() bool { return r.get(q).IsReady() })
}

// TestAStartUnderWayGoesOnAtTheSpeedOfTheDisk is the same of containers.
func TestAStartUnderWayGoesOnAtTheSpeedOfTheDisk(t *testing.T) {
	const slow = 100
	r := newRig(t, 1)
	p := r.pod("web", nil)
	r.ready(p)
	r.kubelet.SlowDisk(slow)
	r.kubelet.CrashContainer(p.Ref(), "", 1)
	r.run(time.Minute)
	r.kubelet.QuickenDisk(slow)
	r.until("ready", 10*time.Second, func() bool { return r.get(p).IsReady() })
	if n := len(r.notes(p, "Failed")); n > 0 {
		t.Errorf("given up %d times", n)
	}
}

// Every tick as an event makes the same history, and so does a kubelet that ends in the
// middle of a call.
func TestCallsOnADiskThatChangesAreTheSameInLiteralMode(t *testing.T) {
	story := func(o ...option) string {
		r := newRig(t, 3, o...)
		for i := range 12 {
			r.pod("web-"+string(rune('a'+i)), func(s *model.PodSpec) {
				if i%3 == 0 {
					s.Containers[0].Image = "other"
				}
			})
			r.run(300 * time.Millisecond)
			if i == 5 {
				r.kubelet.SlowDisk(1000)
			}
		}
		r.run(30 * time.Second)
		r.kubelet.SlowDisk(100)
		r.run(30 * time.Second)
		r.kubelet.QuickenDisk(1000)
		r.kubelet.Stop()
		r.run(time.Second)
		r.kubelet.Resume()
		r.run(3 * time.Minute)
		r.kubelet.QuickenDisk(100)
		r.run(10 * time.Minute)
		return r.story()
	}
	a, b := story(), story(literal)
	if a != b {
		t.Errorf("elided:\n%s\nliteral:\n%s", a, b)
	}
}
