package kubelet_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/kubelet"
	"orrery/model/runtime"
	"orrery/sim"
)

// softly sets the soft threshold of memory.
func softly(bytes int64, grace, podGrace time.Duration) option {
	return func(r *rig) {
		e := &r.config.Eviction
		e.Soft[kubelet.MemoryAvailable], e.SoftGrace[kubelet.MemoryAvailable], e.MostPodGrace = kubelet.Threshold{Amount: bytes}, grace, podGrace
	}
}

// Source: pkg/kubelet/eviction/eviction_manager.go synchronize,
// eviction/helpers.go thresholdsMetGracePeriod: the condition holds as soon as a soft
// threshold is met, pods go when it was for its grace period, and they get the lesser of
// evictionMaxPodGracePeriod and their own grace.
func TestASoftThresholdHasTheNodeSayItAtOnceAndEvictAfterItsGrace(t *testing.T) {
	slow := uses("leak", 31*gib, 1<<10)
	slow.Stop = sim.Constant(time.Hour)
	r := newRig(t, 1, behaving(slow), softly(2*gib, 2*time.Minute, 20*time.Second))
	leak := r.pod("leak", asks(gib, 0))
	said := r.until("MemoryPressure", 40*time.Second, r.pressure)
	begins := r.until("the eviction begins", 3*time.Minute, func() bool { return len(r.notes(leak, "Evicted")) > 0 })
	if d := begins.Sub(said); d < 105*time.Second || d > 2*time.Minute+time.Second {
		t.Errorf("it is evicted %v after the node said it is short", d)
	}
	dead := r.until("the kill", time.Minute, func() bool { return !r.alive(leak) })
	if d := dead.Sub(begins); d < 19*time.Second || d > 21*time.Second {
		t.Errorf("killed after %v", d)
	}
}

// TestAShortageThatEndsWithinTheGraceCostsNobody, and the next one has all of the
// grace again.
func TestAShortageThatEndsWithinTheGraceCostsNobody(t *testing.T) {
	r := newRig(t, 1, behaving(uses("big", 28*gib, 0)), softly(2*gib, 2*time.Minute, 0))
	big := r.pod("big", asks(gib, 0))
	r.ready(big)
	for range 3 {
		taken := r.kubelet.TakeMemory(980_000, 0, 0)
		r.run(100 * time.Second)
		r.kubelet.ReturnMemory(taken)
		r.run(30 * time.Second)
	}
	if r.evicted(big) || !r.pressure() {
		t.Errorf("evicted: %v, under pressure: %v", r.evicted(big), r.pressure())
	}
	r.kubelet.TakeMemory(980_000, 0, 0)
	r.until("the eviction", 3*time.Minute, func() bool { return r.evicted(big) })
}

// Source: pkg/kubelet/eviction/helpers.go addAllocatableThresholds, makeSignalObservations:
// what pods may have is watched with the hard threshold of memory.available, of which a
// share is one of that; a soft one is about the machine only.
func TestWhatPodsMayHaveIsWatchedWithTheHardThresholdOnly(t *testing.T) {
	tenth := kubelet.Thresholds{kubelet.MemoryAvailable: {Part: 1 << 32 / 10}}
	for _, c := range []struct {
		why   string
		uses  int64
		kept  int64 // by the hard threshold, of the machine
		with  option
		short bool
	}{
		{"pods have 1 GiB left, others 4, and soft is 2", 27 * gib, 100 << 20, softly(2*gib, time.Minute, 0), false},
		{"of the machine 1 GiB is left", 31 * gib, 100 << 20, softly(6*gib, time.Minute, 0), true},
		{"pods have 50 MiB left, others 4 GiB", 28*gib - 50<<20, 100 << 20, softly(gib, time.Minute, 0), true},
		{"pods have 3 of 28 GiB left", 25 * gib, 1 << 32 / 10 * 8, hard(tenth), false},
		{"pods have 2.5 of 28 GiB left", 25*gib + gib/2, 1 << 32 / 10 * 8, hard(tenth), true},
	} {
		reserved := int64(4 * gib)
		if c.uses > 28*gib {
			reserved = 0
		}
		r := newRig(t, 1, behaving(uses("big", c.uses, 0)), c.with, withNode(func(n *model.Node) { n.Allocatable.MemoryBytes -= reserved + c.kept }))
		r.ready(r.pod("big", asks(gib, 0)))
		r.run(25 * time.Second)
		if r.pressure() != c.short {
			t.Errorf("%s: under pressure: %v", c.why, r.pressure())
		}
	}
}

// Source: v1.35 pkg/kubelet/eviction/eviction_manager.go synchronize, helpers.go thresholdsMet:
// evictionMinimumReclaim is how much more has to be free until a threshold that was acted
// upon is not met any more; before it is met it counts for nothing.
func TestPodsAreEvictedUntilTheMinimumIsReclaimed(t *testing.T) {
	for reclaim, evicted := range map[int64]int{0: 1, 5 * gib: 1, 8 * gib: 2} {
		for _, options := range [][]option{nil, {literal}} {
			minimum := func(r *rig) { r.config.Eviction.Reclaim[kubelet.MemoryAvailable] = kubelet.Threshold{Amount: reclaim} }
			r := newRig(t, 1, append(options, minimum, behaving(uses("six", 6*gib, 0), uses("four", 4*gib, 0), uses("base", 20*gib, 10<<20)))...)
			six, four, base := r.pod("six", asks(gib, 0)), r.pod("four", asks(gib, 0)), r.pod("base", asks(26*gib, 0))
			for _, p := range []*model.Pod{six, four, base} {
				r.ready(p)
			}
			r.run(time.Minute)
			if r.evicted(six) || r.pressure() {
				t.Errorf("%d: 1.4 GiB are free, evicted: %v", reclaim, r.evicted(six))
			}
			r.until("the eviction", 5*time.Minute, func() bool { return r.evicted(six) })
			r.run(30 * time.Second)
			if got := r.evicted(four); got != (evicted > 1) || r.evicted(base) {
				t.Errorf("%d bytes are to be reclaimed, the second is evicted: %v, the one within its request: %v", reclaim, got, r.evicted(base))
			}
		}
	}
}

// Source: v1.35 pkg/kubelet/eviction/eviction_manager.go reclaimNodeLevelResources
// (thresholdsMet of all thresholds, with their minimum reclaim): when images have gone, a pod
// goes, too, if any threshold is not met yet, be it a soft one in its grace, or one that was
// never met but for its minimum.
func TestWhenImagesAreGoneAPodGoesIfAnyThresholdWantsMore(t *testing.T) {
	for _, c := range []struct {
		why           string
		soft, reclaim kubelet.Threshold // of nodefs.available
		more          kubelet.Threshold // imagefs.available's minimum reclaim
		evicts        int
	}{
		{"24 % are free, and 15 and 10 are enough", kubelet.Threshold{}, kubelet.Threshold{}, kubelet.Threshold{}, 0},
		{"a soft threshold of 40 % is in its grace", kubelet.Threshold{Amount: 40 * gib}, kubelet.Threshold{}, kubelet.Threshold{}, 1},
		{"a soft one of 20 % is enough", kubelet.Threshold{Amount: 20 * gib}, kubelet.Threshold{}, kubelet.Threshold{}, 0},
		{"10 and 20 % more are to be free of nodefs, which was not short", kubelet.Threshold{}, kubelet.Threshold{Amount: 20 * gib}, kubelet.Threshold{}, 1},
		{"15 and 20 % more are to be free of imagefs, until when it goes on", kubelet.Threshold{}, kubelet.Threshold{}, kubelet.Threshold{Amount: 20 * gib}, 2},
		{"15 and 5 % more", kubelet.Threshold{}, kubelet.Threshold{}, kubelet.Threshold{Amount: 5 * gib}, 0},
	} {
		for _, options := range [][]option{nil, {literal}} {
			r := newRig(t, 1, append(options, diskOf(100*gib), func(r *rig) {
				e := &r.config.Eviction
				e.Soft[kubelet.NodeFsAvailable], e.SoftGrace[kubelet.NodeFsAvailable] = c.soft, time.Hour
				e.Reclaim[kubelet.NodeFsAvailable], e.Reclaim[kubelet.ImageFsAvailable] = c.reclaim, c.more
			})...)
			web, other := r.pod("web", nil), r.pod("other", nil)
			r.ready(web)
			r.ready(other)
			r.run(3 * time.Minute)
			r.kubelet.FillDisk(860_000) // of which the unused image has 10 %
			r.until("the image is gone", time.Minute, func() bool { return r.cached("unused") == 0 })
			r.run(8 * time.Second)
			if evicted := len(r.notes(web, "Evicted")) + len(r.notes(other, "Evicted")); evicted != c.evicts || !r.full() {
				t.Errorf("%s: %d evicted, under pressure: %v", c.why, evicted, r.full())
			}
		}
	}
}

// Source: pkg/kubelet/images/image_gc_manager.go: at 85 % images go, the oldest first,
// until 80 % are used; but the eviction manager, which takes all, begins at the same
// line and looks thirty times as often (every 10 s, and every 5 minutes).
func TestTheImageCollectorRemovesTheOldestDownTo80PercentIfItIsFirst(t *testing.T) {
	all, some := 0, 0
	for seed := range uint64(300) {
		r := newRig(t, seed, withNode(func(n *model.Node) {
			n.Capacity.EphemeralBytes, n.Allocatable.EphemeralBytes = 100*gib, 100*gib
			n.Images = []model.Image{{Name: "web"}, {Name: "old", Bytes: 3 * gib}, {Name: "older", Bytes: 3 * gib}, {Name: "oldest", Bytes: 3 * gib}}
		}))
		r.run(3 * time.Minute)
		r.kubelet.FillDisk(851_000) // 5.1 GiB too much, and an image counts as 3 GiB
		r.run(20 * time.Second)
		switch there := r.cached("old") + r.cached("older") + r.cached("oldest"); there {
		case 0:
			all++
		case 1:
			some++
		default:
			t.Errorf("seed %d: %d images are there", seed, there)
		}
	}
	if some == 0 || all < 10*some {
		t.Errorf("all images were removed %d times, some of them %d times", all, some)
	}
}

func (r *rig) cached(image string) int {
	if r.kubelet.Machine().Cached(image) {
		return 1
	}
	return 0
}

// Source: eviction/helpers.go buildSignalToNodeReclaimFuncs: under disk pressure dead
// containers go as images do, before any pod.
func TestUnderDiskPressureDeadContainersGoBeforePods(t *testing.T) {
	done := runtime.Behavior{Match: model.SelectorOf(model.MakeLabels(map[string]string{"app": "done"})), Run: sim.Constant(10 * time.Second), DiskBytes: 20 * gib}
	r := newRig(t, 1, behaving(done), withNode(func(n *model.Node) {
		n.Capacity.EphemeralBytes, n.Allocatable.EphemeralBytes = 100*gib, 100*gib
	}))
	p := r.pod("done", func(s *model.PodSpec) { s.RestartPolicy = model.RestartNever })
	web := r.pod("web", nil)
	r.ready(web)
	r.until("its end", 2*time.Minute, func() bool { return r.get(p).Phase == model.PodSucceeded })
	r.kubelet.FillDisk(860_000)
	r.run(time.Minute)
	if free := r.kubelet.Machine().DiskFree(r.Now()); free < 30*gib || r.evicted(web) {
		t.Errorf("%d bytes are free, evicted: %v", free, r.evicted(web))
	}
}

// Source: v1.35 pkg/kubelet/images/image_gc_manager.go GarbageCollect, pkg/kubelet/kubelet.go
// StartGarbageCollection: imageGCHighThresholdPercent and imageGCLowThresholdPercent are
// where the collector begins and ends; at 100 it never does.
func TestTheImageCollectorHeedsItsThresholds(t *testing.T) {
	for _, c := range []struct {
		gc     kubelet.ImageGC
		filled int64
		there  int
	}{
		{kubelet.ImageGC{}, 601_000, 3},
		{kubelet.ImageGC{High: 60, Low: 55}, 601_000, 1}, // 5.1 GiB too much, and an image counts as 3 GiB
		{kubelet.ImageGC{High: 60, Low: 45}, 601_000, 0},
		{kubelet.ImageGC{}, 901_000, 0},
		{kubelet.ImageGC{High: 100, Low: 80}, 901_000, 3},
	} {
		r := newRig(t, 1, hard(kubelet.Thresholds{}), withNode(func(n *model.Node) {
			n.Capacity.EphemeralBytes, n.Allocatable.EphemeralBytes = 100*gib, 100*gib
			n.Images = []model.Image{{Name: "web"}, {Name: "old", Bytes: 3 * gib}, {Name: "older", Bytes: 3 * gib}, {Name: "oldest", Bytes: 3 * gib}}
		}), func(r *rig) { r.config.ImageGC = c.gc })
		r.run(3 * time.Minute)
		r.kubelet.FillDisk(c.filled)
		r.run(6 * time.Minute)
		if there := r.cached("old") + r.cached("older") + r.cached("oldest"); there != c.there {
			t.Errorf("%+v, filled to %d ppm: %d images are left, want %d", c.gc, c.filled, there, c.there)
		}
	}
}
