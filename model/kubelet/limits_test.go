package kubelet_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// scratch is a behavior that writes into the volume cache.
func scratch(name string, bytes, perSecond int64) runtime.Behavior {
	b := uses(name, 0, 0)
	b.Volumes = []runtime.VolumeUse{{Name: "cache", Bytes: bytes, Growth: perSecond}}
	return b
}

// holds gives a pod the volume cache.
func holds(limit int64, memory bool) func(*model.PodSpec) {
	return func(s *model.PodSpec) {
		s.EmptyDirs = []model.EmptyDir{{Name: "cache", SizeLimit: limit, Memory: memory}}
	}
}

// Source: pkg/kubelet/eviction/eviction_manager.go emptyDirLimitEviction, on volumes that
// are measured every one to two minutes (server/stats/volume_stat_calculator.go): an
// overshoot lasts up to that and a pass. The kubelet evicts for it without
// any pressure.
func TestAnEmptyDirOverItsSizeLimitIsFoundWithinTwoMinutesAndAPass(t *testing.T) {
	var least, most time.Duration = time.Hour, 0
	for seed := range uint64(20) {
		r := newRig(t, seed, diskOf(100*gib), behaving(scratch("cache", 0, 100<<20)))
		p, other := r.pod("cache", holds(gib, false)), r.pod("other", nil)
		r.ready(p)
		start := r.kubelet.Machine().Sandbox(p.ID).Processes[0].StartedAt
		at := r.until("the eviction", 4*time.Minute, func() bool { return len(r.notes(p, "Evicted")) > 0 })
		over := at.Sub(start) - 10240*time.Millisecond // 1 GiB at 100 MiB a second
		least, most = min(least, over), max(most, over)
		r.failed(p, "Evicted", `Usage of EmptyDir volume "cache" exceeds the limit "1Gi". `)
		if r.evicted(other) || r.full() {
			t.Error("another one was evicted, or the node is short")
		}
	}
	if least < 0 || most > 2*time.Minute+11*time.Second || most < time.Minute {
		t.Errorf("found %v to %v after the limit was passed", least, most)
	}
}

// Source: the same, localStorageEviction: first emptyDirs, then all containers and
// emptyDirs against the sum of the limits, then single containers; all violators go in
// one pass.
func TestLimitsAreCheckedVolumesFirstThenThePodThenContainers(t *testing.T) {
	both := func(limit, total, own int64) func(*model.PodSpec) {
		return func(s *model.PodSpec) {
			s.EmptyDirs = []model.EmptyDir{{Name: "cache", SizeLimit: limit}}
			s.Containers = append(s.Containers, model.Container{Name: "other", Image: "web"})
			s.Containers[0].Limits.EphemeralBytes, s.Containers[1].Limits.EphemeralBytes = own, total
		}
	}
	writer := func(name string) runtime.Behavior {
		b := scratch(name, 2*gib, 0)
		b.Container, b.DiskBytes = "main", 2*gib
		return b
	}
	r := newRig(t, 1, diskOf(100*gib), behaving(writer("volume"), writer("pod"), writer("container"), writer("fine")))
	volume, pod := r.pod("volume", both(gib, 2*gib, gib)), r.pod("pod", both(0, 2*gib, gib))
	container, fine := r.pod("container", both(3*gib, 9*gib, gib)), r.pod("fine", both(3*gib, 9*gib, 3*gib))
	r.failed(volume, "Evicted", `Usage of EmptyDir volume "cache" exceeds the limit "1Gi". `)
	r.failed(container, "Evicted", `Container main exceeded its local ephemeral storage limit "1Gi". `)
	r.failed(pod, "Evicted", "Pod ephemeral local storage usage exceeds the total limit of containers 3Gi. ")
	r.run(10 * time.Minute)
	if r.evicted(fine) {
		t.Error("one within its limits was evicted")
	}
}

// Source: pkg/kubelet/stats/cri_stats_provider.go removeTerminatedContainers, which leaves
// out what does not run "since they should not be used for usage calculations"; a pod of
// which nothing runs has no stats, so localStorageEviction passes it over. When the next
// container starts its volumes count again.
func TestWhatContainersThatHaveEndedWroteCountsForNoLimit(t *testing.T) {
	once := uses("layer", 0, 0)
	once.Container, once.DiskBytes, once.Run = "unpack", 2*gib, sim.Constant(300*time.Millisecond)
	into := once
	into.Match = uses("volume", 0, 0).Match
	into.DiskBytes, into.Volumes = 0, []runtime.VolumeUse{{Name: "cache", Bytes: 2 * gib}}
	crash := uses("crash", 0, 0)
	crash.DiskBytes, crash.Run, crash.ExitCode = 2*gib, sim.Constant(300*time.Millisecond), 1
	unpacks := func(s *model.PodSpec) {
		s.InitContainers = []model.Container{{Name: "unpack", Image: "web"}}
		s.Containers[0].Limits.EphemeralBytes = gib
	}
	r := newRig(t, 1, diskOf(100*gib), behaving(once, into, crash))
	layer, crashed := r.pod("layer", unpacks), r.pod("crash", unpacks)
	volume := r.pod("volume", func(s *model.PodSpec) {
		unpacks(s)
		s.Containers[0].Limits.EphemeralBytes = 0
		s.EmptyDirs = []model.EmptyDir{{Name: "cache", SizeLimit: gib}}
	})
	r.ready(layer)
	r.failed(volume, "Evicted", `Usage of EmptyDir volume "cache" exceeds the limit "1Gi". `)
	r.run(10 * time.Minute)
	if q := r.get(crashed); !r.alive(layer) || q.Restarts() < 5 || q.Phase.Terminal() {
		t.Errorf("%s: running %v; %s: %v %q after %d restarts", layer.Name, r.alive(layer), q.Name, q.Phase, q.Reason, q.Restarts())
	}
}

// Source: pkg/volume/emptydir/empty_dir.go: a volume of medium Memory is a tmpfs of at
// most its sizeLimit, so it is never over it; what is in it is the container's memory.
func TestAnEmptyDirInMemoryIsFullAtItsLimitAndCountsAsMemory(t *testing.T) {
	r := newRig(t, 1, behaving(scratch("cache", 100<<20, 10<<20)))
	p := r.pod("cache", holds(gib, true))
	r.ready(p)
	r.run(5 * time.Minute)
	box := r.kubelet.Machine().Sandbox(p.ID)
	if used := box.MemoryUsed(r.Now()); used < gib-1<<20 || used > gib+1<<20 || r.evicted(p) {
		t.Errorf("%d bytes of memory are used, evicted: %v", used, r.evicted(p))
	}
	// One that the container's limit of memory does not hold is an OOM kill, again and
	// again, as the volume stays.
	small := newRig(t, 1, behaving(scratch("cache", 0, 10<<20)))
	q := small.pod("cache", func(s *model.PodSpec) {
		holds(gib, true)(s)
		s.Containers[0].Limits.MemoryBytes = 512 << 20
	})
	small.until("two kills", 10*time.Minute, func() bool { return small.get(q).Restarts() >= 2 })
	if c := small.get(q).Containers[0]; !c.OOMKilled {
		t.Errorf("%+v", c)
	}
}

// Spec 1.17: over a reboot an emptyDir on the disk stays, one in memory does not; over a
// restart of the container both do.
func TestAnEmptyDirOutlivesContainersAndOnTheDiskReboots(t *testing.T) {
	r := newRig(t, 1, diskOf(100*gib), behaving(scratch("disk", 0, 10<<20), scratch("memory", 0, 10<<20)))
	onDisk, inMemory := r.pod("disk", holds(0, false)), r.pod("memory", holds(0, true))
	r.ready(onDisk)
	r.ready(inMemory)
	used := func() (disk, memory int64) {
		m := r.kubelet.Machine()
		return m.Sandbox(onDisk.ID).DiskMeasured(r.Now()), m.Sandbox(inMemory.ID).MemoryUsed(r.Now())
	}
	r.run(time.Minute)
	for _, p := range []*model.Pod{onDisk, inMemory} {
		r.kubelet.CrashContainer(p.Ref(), "", 1)
	}
	r.until("both run again", time.Minute, func() bool { return r.alive(onDisk) && r.alive(inMemory) })
	if disk, memory := used(); disk < 600<<20 || memory < 600<<20 {
		t.Errorf("%d and %d bytes are left after a restart", disk, memory)
	}
	r.kubelet.PowerOff()
	r.kubelet.PowerOn()
	r.until("both run again", 5*time.Minute, func() bool { return r.alive(onDisk) && r.alive(inMemory) })
	if disk, memory := used(); disk < 600<<20 || memory > 300<<20 {
		t.Errorf("%d and %d bytes are left after a reboot", disk, memory)
	}
}

// TestLocalStorageIsTheSameTickByTick with restarts that interrupt what is written.
func TestLocalStorageIsTheSameTickByTick(t *testing.T) {
	story := func(o ...option) string {
		var all []runtime.Behavior
		for i, name := range []string{"a", "b", "c", "d", "e", "f"} {
			b := scratch(name, int64(i)<<24, int64(i+1)*5_000_011)
			b.DiskGrowth = int64(6-i) * 1_000_003
			b.Run = sim.Uniform(20*time.Second, 200*time.Second)
			all = append(all, b)
		}
		r := newRig(t, 5, append(o, diskOf(100*gib), behaving(all...))...)
		for i, b := range all {
			r.pod(b.Match.Requirements[0].Values[0], func(s *model.PodSpec) {
				holds(int64(i%3)*2*gib, i == 4)(s)
				s.Containers[0].Limits.EphemeralBytes = int64(i%2) * 3 * gib
			})
		}
		r.run(30 * time.Minute)
		return r.story()
	}
	if a, b := story(), story(literal); a != b {
		t.Errorf("they differ:\n%s\nand tick by tick\n%s", a, b)
	}
}
