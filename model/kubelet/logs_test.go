package kubelet_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// logger is a behavior that logs.
func logger(name string, perSecond int64) runtime.Behavior {
	b := uses(name, 0, 0)
	b.LogGrowth = perSecond
	return b
}

// Spec 1.18, 3.4, 5.1: logs are rotated by the kubelet, through the runtime, so a runaway
// log fills the disk only while one of them is stopped; and then the kubelet that comes back
// evicts who wrote it.
func TestARunawayLogFillsTheDiskOnlyWhileNobodyRotatesIt(t *testing.T) {
	for name, c := range map[string]struct {
		begin, end func(*rig)
		fills      bool
	}{
		"all runs":           {func(*rig) {}, func(*rig) {}, false},
		"no kubelet":         {func(r *rig) { r.kubelet.Stop() }, func(r *rig) { r.kubelet.Resume() }, true},
		"no runtime":         {func(r *rig) { r.kubelet.StopRuntime() }, func(r *rig) { r.kubelet.StartRuntime() }, true},
		"a kubelet restarts": {func(r *rig) { r.kubelet.Stop(); r.kubelet.Resume() }, func(*rig) {}, false},
	} {
		r := newRig(t, 1, diskOf(30*gib), behaving(logger("loud", 20<<20)))
		p := r.pod("loud", nil)
		r.ready(p)
		c.begin(r)
		r.run(30 * time.Minute) // 35 GiB
		m := r.kubelet.Machine()
		if used := m.Sandbox(p.ID).DiskMeasured(r.Now()); m.DiskFull() != c.fills || c.fills != (used > 20*gib) {
			t.Errorf("%s: the log has %d bytes, disk full: %v", name, used, m.DiskFull())
		}
		c.end(r)
		r.run(2 * time.Minute)
		if r.evicted(p) != c.fills || len(r.notes(p, "Evicted")) > 0 != c.fills {
			t.Errorf("%s: evicted: %v", name, r.evicted(p))
		}
	}
}

// Source: v1.35 pkg/kubelet/eviction/helpers.go containerUsage, localEphemeralVolumeNames:
// logs are ephemeral storage of their container, those that were rotated, too.
func TestLogsCountAsEphemeralStorage(t *testing.T) {
	const rate = 5 << 20 // rotated at each look: 50 MiB, twice, and three of 5
	for limit, evicts := range map[int64]bool{90 << 20: true, 116 << 20: false} {
		r := newRig(t, 1, diskOf(100*gib), behaving(logger("loud", rate)))
		p := r.pod("loud", func(s *model.PodSpec) { s.Containers[0].Limits.EphemeralBytes = limit })
		r.run(10 * time.Minute)
		if r.evicted(p) != evicts {
			t.Errorf("limit %d: evicted: %v", limit, r.evicted(p))
		}
	}
}

// Nobody looks at a log that cannot become too much.
func TestRotationIsNoEvent(t *testing.T) {
	events := func(b runtime.Behavior) uint64 {
		r := newRig(t, 1, diskOf(100*gib), behaving(b))
		r.pod("loud", func(s *model.PodSpec) { s.Containers[0].Limits.EphemeralBytes = gib })
		r.run(24 * time.Hour)
		return r.Events()
	}
	if loud, quiet := events(logger("loud", 5<<20)), events(uses("loud", 0, 0)); loud > quiet+2 {
		t.Errorf("%d events, %d without logs", loud, quiet)
	}
}

// Source: v1.35 pkg/kubelet/eviction/eviction_manager.go containerEphemeralStorageLimitEviction:
// each container has a limit of its own, whatever all of them have together.
func TestAContainerThatGrowsOverItsLimitIsFoundThoughThePodIsNot(t *testing.T) {
	b := writes("both", 0, 10<<20)
	b.Container = "main"
	r := newRig(t, 1, diskOf(100*gib), behaving(b))
	p := r.pod("both", func(s *model.PodSpec) {
		s.Containers = append(s.Containers, model.Container{Name: "other", Image: "web"})
		s.Containers[0].Limits.EphemeralBytes, s.Containers[1].Limits.EphemeralBytes = gib, 50*gib
	})
	r.ready(p)
	at := r.until("the eviction", 3*time.Minute, func() bool { return len(r.notes(p, "Evicted")) > 0 })
	if over := at.Sub(r.kubelet.Machine().Sandbox(p.ID).Processes[0].StartedAt) - 102400*time.Millisecond; over < 0 || over > 11*time.Second {
		t.Errorf("found after %v", over)
	}
	r.failed(p, "Evicted", `Container main exceeded its local ephemeral storage limit "1Gi". `)
}

// TestLogsAreTheSameTickByTick with limits and a disk that they may come to, and a kubelet
// and a runtime that are not always there.
func TestLogsAreTheSameTickByTick(t *testing.T) {
	evictions := 0
	for seed := range uint64(20) {
		story := func(o ...option) string {
			luck := sim.NewLuck(seed).Stream("logs")
			var all []runtime.Behavior
			for i := range 6 {
				b := logger(fmt.Sprint("p", i), int64(luck.Below(8<<20)))
				b.DiskGrowth = int64(luck.Below(2) * luck.Below(1<<20))
				b.Run = sim.Uniform(20*time.Second, 2000*time.Second)
				all = append(all, b)
			}
			r := newRig(t, seed, append(o, diskOf(14*gib), behaving(all...),
				func(r *rig) { r.config.Logs = runtime.Logs{MaxBytes: int64(1 + luck.Below(50<<20))} })...)
			var pods []*model.Pod
			for i := range all {
				pods = append(pods, r.pod(fmt.Sprint("p", i), func(s *model.PodSpec) {
					s.Containers[0].Limits.EphemeralBytes = int64(i%3) * int64(1+luck.Below(200<<20))
				}))
			}
			for range 12 {
				r.run(luck.Duration(time.Minute, 5*time.Minute))
				switch luck.Below(6) {
				case 0:
					r.kubelet.Stop()
				case 1:
					if !r.kubelet.Machine().RuntimeDown() {
						r.kubelet.StopRuntime()
					}
				case 2, 3:
					r.kubelet.Resume()
				case 4, 5:
					if r.kubelet.Machine().RuntimeDown() {
						r.kubelet.StartRuntime()
					}
				}
			}
			for _, p := range pods {
				evictions += len(r.notes(p, "Evicted"))
			}
			return r.story()
		}
		if a, b := story(), story(literal); a != b {
			t.Fatalf("seed %d: %s", seed, firstDifference(a, b))
		}
	}
	if evictions < 20 {
		t.Errorf("only %d evictions", evictions)
	}
}
