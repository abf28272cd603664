package kubelet_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// resize asks for other resources of a pod's container.
func (r *rig) resize(p *model.Pod, cpuRequest, cpuLimit, memoryLimit int64) {
	c := model.ContainerPatch{Name: "main"}
	if cpuRequest > 0 {
		c.Requests.CPUMilli = &cpuRequest
	}
	if cpuLimit > 0 {
		c.Limits.CPUMilli = &cpuLimit
	}
	if memoryLimit > 0 {
		c.Limits.MemoryBytes = &memoryLimit
	}
	r.user.Patch(p.Ref(), &model.PodPatch{Containers: []model.ContainerPatch{c}}, 0)
}

// limited is a Burstable pod of 1 core and 1 GiB, with limits of twice that.
func limited(s *model.PodSpec) {
	s.Containers[0].Requests = model.Resources{CPUMilli: 1000, MemoryBytes: 1 << 30}
	s.Containers[0].Limits = model.Resources{CPUMilli: 2000, MemoryBytes: 2 << 30}
}

func (r *rig) has(p *model.Pod) *model.Container {
	return &r.kubelet.Machine().Sandbox(p.ID).Pod.Spec.Containers[0]
}

// Source: allocation_manager.go, kuberuntime_manager.go doPodResizeAction: what fits is
// set aside at once, the condition PodResizeInProgress holds until the pod has it and a
// relist has shown that, and no container restarts.
func TestAResizeThatFitsIsDoneWithinAStepAndARelist(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("web", limited)
	r.ready(p)
	r.run(3 * time.Second)
	from := r.Now()
	r.resize(p, 3000, 4000, 0)
	r.until("in progress", time.Second, func() bool {
		q := r.get(p)
		return q.Resize != nil && q.Resize.Progress && q.Resize.Allocated == q.Spec
	})
	done := r.until("done", 5*time.Second, func() bool { return r.get(p).Resize == nil })
	if d := done.Sub(from); d > 2*time.Second {
		t.Errorf("done after %v", d)
	}
	if c := r.has(p); c.Requests.CPUMilli != 3000 || c.Limits.CPUMilli != 4000 || r.get(p).Restarts() != 0 {
		t.Errorf("it has %+v after %d restarts", c, r.get(p).Restarts())
	}
	if q := r.pod("other", func(s *model.PodSpec) { s.Containers[0].Requests.CPUMilli = 6000 }); true {
		r.run(2 * time.Second)
		if q = r.get(q); q.Reason != "OutOfcpu" {
			t.Errorf("beside 3 of 8 cores a pod of 6 is %v %s", q.Phase, q.Reason)
		}
	}
}

// Source: allocation_manager.go canResizePod: more than the node has is infeasible; more
// than is free is deferred, and granted when somebody has gone.
func TestAResizeIsInfeasibleOnASmallNodeAndDeferredOnAFullOne(t *testing.T) {
	r := newRig(t, 1)
	p, other := r.pod("web", limited), r.pod("other", func(s *model.PodSpec) { s.Containers[0].Requests.CPUMilli = 5000 })
	r.ready(p)
	r.ready(other)
	pending := func(why string) {
		t.Helper()
		r.until(why, 5*time.Second, func() bool { q := r.get(p); return q.Resize != nil && q.Resize.Pending == why })
		if c := r.has(p); c.Requests.CPUMilli != 1000 {
			t.Errorf("%s, but it has %dm", why, c.Requests.CPUMilli)
		}
	}
	r.resize(p, 9000, 10000, 0)
	pending(model.ResizeInfeasible)
	if got := r.get(p).Counted().Request.CPUMilli; got != 1000 {
		t.Errorf("what is infeasible counts: %dm", got)
	}
	r.resize(p, 4000, 0, 0)
	pending(model.ResizeDeferred)
	if got := r.get(p).Counted().Request.CPUMilli; got != 4000 {
		t.Errorf("what is deferred counts as %dm, want the larger of what is wanted and what is set aside", got)
	}
	r.user.Delete(other.Ref(), -1, 0)
	r.until("granted", 40*time.Second, func() bool { return r.get(p).Resize == nil })
	if c := r.has(p); c.Requests.CPUMilli != 4000 || r.get(p).Restarts() != 0 {
		t.Errorf("it has %+v", c)
	}
}

// Source: kuberuntime_manager.go computePodResizeAction: resizePolicy RestartContainer
// restarts the container for that resource, and for no other.
func TestAResizePolicyRestartsTheContainerForItsResource(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("web", func(s *model.PodSpec) {
		limited(s)
		s.Containers[0].RestartForMemory = true
	})
	r.ready(p)
	r.run(3 * time.Second)
	r.resize(p, 2000, 0, 0)
	r.run(10 * time.Second)
	if n := r.get(p).Restarts(); n != 0 {
		t.Errorf("%d restarts for CPU", n)
	}
	r.resize(p, 0, 0, 3<<30)
	r.run(10 * time.Second)
	if n := r.get(p).Restarts(); n != 1 || r.has(p).Limits.MemoryBytes != 3<<30 || r.get(p).Resize != nil {
		t.Errorf("%d restarts for memory, which it has %d of", n, r.has(p).Limits.MemoryBytes)
	}
}

// Source: kuberuntime_manager.go validateMemoryResizeAction: a memory limit below what is
// used is an error, and tried again.
func TestAMemoryLimitBelowWhatIsUsedIsTriedAgain(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{MemoryBytes: 1500 << 20}))
	p := r.pod("web", limited)
	r.ready(p)
	r.run(3 * time.Second)
	r.resize(p, 0, 0, 1200<<20)
	r.run(time.Minute)
	if q := r.get(p); q.Resize == nil || !q.Resize.Failed || !q.IsReady() || r.has(p).Limits.MemoryBytes != 2<<30 {
		t.Errorf("%+v, limit %d", q.Resize, r.has(p).Limits.MemoryBytes)
	}
	const why = `"error":"cannot decrease memory limits: [attempting to set pod memory limit (1258291200) below current usage (1572864000), ` +
		`attempting to set container \"main\" memory limit (1258291200) below current usage (1572864000)]"}`
	told := slices.DeleteFunc(r.resizesTold(p), func(s string) bool { return !strings.Contains(s, "ResizeError") })
	if len(told) != 1 || !strings.HasSuffix(told[0], why) {
		t.Errorf("told %q, want one that ends with %s", told, why)
	}
	r.resize(p, 0, 0, 1600<<20)
	r.until("done", 20*time.Second, func() bool { return r.get(p).Resize == nil })
}

// Source: pkg/kubelet/allocation/state: what is set aside is on the machine's disk, so a
// kubelet that starts anew goes on; and a raised memory limit is what counts for the
// kernel.
func TestAResizeOutlivesTheKubeletAndCountsForTheKernel(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{MemoryBytes: 1 << 30, MemoryGrowth: 32 << 20}))
	p := r.pod("web", limited)
	r.ready(p)
	r.resize(p, 0, 0, 4<<30)
	r.until("granted", 5*time.Second, func() bool { return r.get(p).Resize != nil })
	r.kubelet.Stop()
	r.kubelet.Resume()
	r.run(50 * time.Second)
	if q := r.get(p); q.Resize != nil || q.Restarts() != 0 || r.has(p).Limits.MemoryBytes != 4<<30 {
		t.Errorf("%+v after %d restarts, limit %d", q.Resize, q.Restarts(), r.has(p).Limits.MemoryBytes)
	}
	r.run(time.Minute)
	if q := r.get(p); q.Restarts() != 1 {
		t.Errorf("%d restarts when it has used 4 GiB", q.Restarts())
	}
}

// Source: pkg/apis/core/validation/validation.go ValidatePodResize.
func TestAResizeMayNotChangeTheClass(t *testing.T) {
	spec := &model.PodSpec{Containers: []model.Container{{Name: "main"}}}
	limited(spec)
	spec.SumRequests()
	p := &model.Pod{Spec: spec, NodeID: 1}
	two, gib := int64(2000), int64(2<<30)
	c := model.ContainerPatch{Requests: model.AmountsPatch{CPUMilli: &two, MemoryBytes: &gib}}
	if err := (&model.PodPatch{Containers: []model.ContainerPatch{c}}).Wrong(p); err == nil {
		t.Error("a Burstable pod became Guaranteed")
	}
	c.Requests.MemoryBytes = nil
	if err := (&model.PodPatch{Containers: []model.ContainerPatch{c}}).Wrong(p); err != nil {
		t.Error(err)
	}
}

// Source: v1.35 pkg/kubelet/kuberuntime/kuberuntime_manager.go GetBackoffKey: the resources of a container are part
// of what its back-off is known by, so one that was killed for want of memory and gets more starts at once, and
// waits for ten seconds after the next two ends.
func TestAResizeEndsTheCrashBackOffOfItsContainer(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Run: sim.Constant(time.Second), ExitCode: 1}))
	p := r.pod("web", func(s *model.PodSpec) {
		limited(s)
		s.Containers = append(s.Containers, model.Container{Name: "other", Image: "web"})
	})
	r.until("the fifth back-off", 10*time.Minute, func() bool { return len(r.starts(p, "main")) == 6 })
	r.run(20 * time.Second)
	n, from := len(r.starts(p, "other")), r.Now()
	r.resize(p, 0, 0, 3<<30)
	r.run(15 * time.Second)
	starts := r.starts(p, "main")
	if len(starts) < 8 || starts[6].Sub(from) > 2*time.Second || starts[7].Sub(starts[6]) < 11*time.Second || len(r.starts(p, "other")) != n {
		t.Errorf("it started at %v, the resize was at %v, and the other container started %d times more", starts, from, len(r.starts(p, "other"))-n)
	}
}
