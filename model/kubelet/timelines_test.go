package kubelet_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// What comes of the constants of Kubernetes in some outages, second by second, on one node
// (pkg/kubelet/eviction/eviction_manager.go, pkg/kubelet/kuberuntime/kuberuntime_manager.go).

// TestDiskFull: within 20 s of the crossing the eviction manager has found it and
// images are gone; the node says so at the next status, 10.4 s later at most; one pod a pass, dead
// 2 s later; pressure 5 minutes beyond the last sight of it; meanwhile new pods fail.
func TestDiskFull(t *testing.T) {
	r := newRig(t, 1, diskOf(100*gib), behaving(writes("log", 20*gib, 0), writes("less", 10*gib, 0)))
	log, less := r.pod("log", wants(0, 0)), r.pod("less", wants(0, 0))
	r.ready(log)
	r.ready(less)
	r.run(3 * time.Minute)
	start := r.Now()
	wrote := r.kubelet.FillDisk(990_000)
	within := func(what string, most time.Duration, ok func() bool) sim.Time {
		at := r.until(what, most, ok)
		t.Logf("%v: %s", at.Sub(start), what)
		return at
	}
	seen := within("images are gone", 10*time.Second, func() bool { return !r.kubelet.Machine().Cached("unused") })
	within("DiskPressure", 20400*time.Millisecond, r.full)
	evicted := within("the first eviction", 20*time.Second, func() bool { return len(r.notes(log, "Evicted")) > 0 })
	if evicted < seen || len(r.notes(less, "Evicted")) > 0 {
		t.Error("a pod went before the images, or two in a pass")
	}
	dead := within("its end", 3*time.Second, func() bool { return !r.alive(log) })
	if dead.Sub(evicted) > 2500*time.Millisecond {
		t.Errorf("dead %v after its eviction", dead.Sub(evicted))
	}
	r.kubelet.FreeDisk(wrote)
	last := r.Now()
	late := r.pod("late", nil)
	within("the refusal", time.Minute, func() bool { return r.evicted(late) })
	over := within("the end of the pressure", 6*time.Minute, func() bool { return !r.full() })
	if d := over.Sub(last); d < 5*time.Minute-40*time.Second || d > 5*time.Minute+21*time.Second {
		t.Errorf("the pressure lasts %v longer than the shortage", d)
	}
}

// TestNodeMemoryExhaustion: what grows slowly is found within 20 s of less than
// 100Mi and evicted; what grows fast the kernel kills, and it starts again in place and
// comes back.
func TestNodeMemoryExhaustion(t *testing.T) {
	slow := newRig(t, 1, behaving(uses("leak", 31*gib+800<<20, 1<<20)))
	leak := slow.pod("leak", asks(gib, 0))
	machine := slow.kubelet.Machine()
	crossed := slow.until("less than 100Mi", 4*time.Minute, func() bool { return machine.MemoryFree(slow.Now()) < 100<<20 })
	found := slow.until("the eviction begins", 20*time.Second, func() bool { return len(slow.notes(leak, "Evicted")) > 0 })
	if d := found.Sub(crossed); d > 10*time.Second+20*time.Millisecond {
		t.Errorf("found %v after the crossing, want at the next look", d)
	}
	slow.until("the eviction", 20*time.Second, func() bool { return slow.evicted(leak) })
	if q := slow.get(leak); q.Restarts() > 0 {
		t.Errorf("what leaks slowly was started again %d times", q.Restarts())
	}
	fast := newRig(t, 1, behaving(uses("leak", 20*gib, 2*gib)))
	leak = fast.pod("leak", asks(gib, 0))
	fast.until("three starts more", 5*time.Minute, func() bool { q := fast.get(leak); return q != nil && q.Restarts() >= 3 })
	if q := fast.get(leak); !q.Containers[0].OOMKilled && q.Containers[0].Reason != "OOMKilled" && q.Containers[0].Reason != "CrashLoopBackOff" {
		t.Errorf("it ended because of %q", q.Containers[0].Reason)
	}
}

// TestSingleContainerOOM: exit 137 and OOMKilled; the first restart within a
// relist and the time of a start, then 10, 20 and 40 s and what the kubelet's looks add.
func TestSingleContainerOOM(t *testing.T) {
	r := newRig(t, 1, behaving(uses("leak", 0, 50<<20)))
	leak := r.pod("leak", func(s *model.PodSpec) {
		s.Containers[0].Requests.MemoryBytes, s.Containers[0].Limits.MemoryBytes = gib/4, gib/4
	})
	for n, wait := range []time.Duration{0, 10 * time.Second, 20 * time.Second, 40 * time.Second} {
		r.until(fmt.Sprintf("start %d", n+1), 3*time.Minute, func() bool { return r.alive(leak) })
		ended := r.until("its end", time.Minute, func() bool { return !r.alive(leak) })
		p := &r.kubelet.Machine().Sandbox(leak.ID).Processes[0]
		if p.ExitCode != 137 || p.Cause != runtime.OOMKilled {
			t.Errorf("it exited with %d, cause %v", p.ExitCode, p.Cause)
		}
		slow := 2 * time.Second // a relist, and a write
		r.until("shown OOMKilled", slow, func() bool { c := r.get(leak).Containers[0]; return c.OOMKilled && c.ExitCode == 137 })
		again := r.until("the next", 2*time.Minute, func() bool { return r.alive(leak) })
		if d := again.Sub(ended); d < wait || d > wait+wait/2+4*time.Second {
			t.Errorf("restart %d came after %v, want %v and what the looks add", n+1, d, wait)
		}
	}
}

// TestMassRestart: 100 pods at once on one node wait for the container runtime,
// which makes a few at a time, so that the last start after 10 to 60 s; and what the API
// shows of them is written by a budget of 25 a second.
func TestMassRestart(t *testing.T) {
	r := newRig(t, 1)
	r.run(time.Minute)
	start := r.Now()
	var pods []*model.Pod
	for i := range 100 {
		pods = append(pods, r.pod(fmt.Sprintf("p%d", i), nil))
	}
	count := func(ok func(*model.Pod) bool) (n int) {
		for _, p := range pods {
			if ok(p) {
				n++
			}
		}
		return n
	}
	ready := func(p *model.Pod) bool { q := r.get(p); return q != nil && q.IsReady() }
	running := r.until("all run", time.Minute, func() bool { return count(r.alive) == len(pods) }).Sub(start)
	shown := r.until("all are Ready", time.Minute, func() bool { return count(ready) == len(pods) }).Sub(start)
	if running < 10*time.Second || running > 60*time.Second || shown < running || shown > running+10*time.Second {
		t.Errorf("all run after %v, all are shown Ready after %v", running, shown)
	}
}
