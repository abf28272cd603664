package kubelet_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
)

// TestAKubeletWithoutCPUIsLateAndThenNotReady: of 8 cores the agents need 16, so they
// fall behind by half a second in each; 25 s behind the runtime is as good as gone, and
// 30 s after its last good status the node says that it is not ready
// (pkg/kubelet/runtime.go runtimeErrors). The lease is renewed as ever.
func TestAKubeletWithoutCPUIsLateAndThenNotReady(t *testing.T) {
	r := newRig(t, 1)
	r.run(time.Minute)
	r.kubelet.Creep(16_000, 0, 0)
	r.run(40 * time.Second)
	if got := r.kubelet.Machine().Behind(); got < 18*time.Second || got > 20*time.Second {
		t.Errorf("40 s later it is %v behind", got)
	}
	from := r.Now()
	if !r.nodeReady() {
		t.Error("it is not ready so soon")
	}
	for r.nodeReady() {
		r.run(time.Second)
		if r.Now().Sub(from) > 2*time.Minute {
			t.Fatal("it never says that it is not ready")
		}
	}
	// 10 s more until the runtime is gone, 25 to 30 s after its last good status, up to
	// 10.4 s of the node's status
	if took := r.Now().Sub(from); took < 35*time.Second || took > 54*time.Second {
		t.Errorf("it says so %v later", took)
	}
	r.kubelet.Creep(-16_000, 0, 0)
	r.run(2 * time.Minute)
	if !r.nodeReady() || r.kubelet.Machine().Behind() != 0 {
		t.Errorf("with CPU enough again it is %v behind", r.kubelet.Machine().Behind())
	}
}

// nodeReady is what the node says of itself.
func (r *rig) nodeReady() bool {
	return r.shownNode().Ready.Status == model.True
}

// TestAPodStartsLateOnANodeWhoseAgentsAreLate: its sandbox and its container each by as
// much as they are behind.
func TestAPodStartsLateOnANodeWhoseAgentsAreLate(t *testing.T) {
	var took [2]time.Duration
	for i := range took {
		r := newRig(t, 1)
		r.run(time.Minute)
		if i == 1 {
			r.kubelet.Creep(16_000, 0, 0)
			r.run(20500 * time.Millisecond)
			r.kubelet.Creep(-8000, 0, 0) // enough, but no more: 10 s behind it stays
		} else {
			r.run(20500 * time.Millisecond)
		}
		p, from := r.pod("p", nil), r.Now()
		for !r.alive(p) {
			r.run(100 * time.Millisecond)
		}
		took[i] = r.Now().Sub(from)
	}
	if late := took[1] - took[0]; late < 15*time.Second || late > 25*time.Second {
		t.Errorf("a start takes %v, and %v on a node that is 10 s behind", took[0], took[1])
	}
}

// TestAStatusIsTwoRequestsOfTheKubeletsBudget: a GET and a PATCH of kubeAPIQPS, so with
// 5 a second, burst 10, 5 pods are shown at once and then 5 in every 2 seconds
// (pkg/kubelet/status/status_manager.go syncPod; Zalando, June 2019). Pods that need no
// token take none of it for their start.
func TestAStatusIsTwoRequestsOfTheKubeletsBudget(t *testing.T) {
	r := newRig(t, 1, func(r *rig) { r.config.QPS, r.config.Burst = 5, 10 })
	r.run(time.Minute)
	var pods []*model.Pod
	for i := range 20 {
		pods = append(pods, r.pod(fmt.Sprintf("p%d", i), tokenless))
	}
	shown := func() (n int) {
		for _, p := range pods {
			if q := r.get(p); q != nil && len(q.Containers) > 0 {
				n++
			}
		}
		return n
	}
	r.run(300 * time.Millisecond)
	if n := shown(); n < 4 || n > 6 {
		t.Errorf("at once %d are shown, want 5", n)
	}
	before := shown()
	r.run(4 * time.Second)
	if n := shown() - before; n < 9 || n > 11 {
		t.Errorf("in 4 s %d more are shown, want 10", n)
	}
}
