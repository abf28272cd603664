package kubelet_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/kubelet"
	"orrery/model/runtime"
	"orrery/sim"
)

const gib = int64(1) << 30

// uses is how much memory the container main of the pods labeled app=name
// uses, and how fast that grows.
func uses(name string, bytes, perSecond int64) runtime.Behavior {
	return runtime.Behavior{
		Match:       model.SelectorOf(model.MakeLabels(map[string]string{"app": name})),
		MemoryBytes: bytes, MemoryGrowth: perSecond,
	}
}

// asks makes a pod's container ask for memory.
func asks(bytes int64, priority int32) func(*model.PodSpec) {
	return func(s *model.PodSpec) {
		s.Containers[0].Requests.MemoryBytes = bytes
		s.Priority = priority
	}
}

func (r *rig) evicted(p *model.Pod) bool {
	q := r.get(p)
	return q.Phase == model.PodFailed && q.Reason == "Evicted"
}

func (r *rig) pressure() bool {
	return r.shownNode().MemoryPressure.Status == model.True
}

// Source: pkg/kubelet/eviction/helpers.go rankMemoryPressure: usage above the
// request first, then lower priority, then the larger excess; and
// eviction_manager.go synchronize: one pod a pass, critical ones never.
func TestUnderMemoryPressureWhoUsesMostBeyondTheirRequestGoesFirst(t *testing.T) {
	r := newRig(t, 1, behaving(
		uses("modest", 9*gib, 0), uses("important", 6*gib, 0), uses("greedy", 6*gib, 0), uses("greedier", 7*gib, 0),
		uses("critical", 2*gib, 0), uses("leak", 0, 5<<20),
	))
	modest := r.pod("modest", asks(10*gib, 0))
	important := r.pod("important", asks(1*gib, 1000))
	greedy := r.pod("greedy", asks(1*gib, 0))
	greedier := r.pod("greedier", asks(1*gib, 0))
	critical := r.pod("critical", asks(0, model.SystemCritical))
	for _, p := range []*model.Pod{modest, important, greedy, greedier, critical} {
		r.ready(p)
	}
	leak := r.pod("leak", asks(17*gib, 0))
	r.until("the first eviction", 60*time.Minute, func() bool { return r.evicted(greedier) })
	if r.evicted(greedy) || r.evicted(important) || r.evicted(modest) || r.evicted(leak) {
		t.Error("more than one pod was evicted in a pass")
	}
	q := r.get(greedier)
	if q.Disrupted.Status != model.True || q.Disrupted.Reason != model.ReasonKubeletTerminates {
		t.Errorf("DisruptionTarget is %+v", q.Disrupted)
	}
	r.until("the second", 60*time.Minute, func() bool { return r.evicted(greedy) })
	r.until("the third", 60*time.Minute, func() bool { return r.evicted(important) })
	r.until("the fourth, by now beyond its request", 30*time.Minute, func() bool { return r.evicted(leak) })
	if r.evicted(critical) || r.evicted(modest) {
		t.Error("a critical pod, or one without need, was evicted")
	}
}

// Source: pkg/kubelet/eviction/helpers.go exceedMemoryRequests, exceedDiskRequests ("prioritize
// evicting the pod for which no stats were found"), and stats/cri_stats_provider.go
// listPodStatsPartiallyFromCRI: a pod has stats while a container of it runs. So those that
// crash, or have no image, go before the one that is to blame, whatever they ask for and
// whatever their priority is, the lower one first.
func TestPodsOfWhichNothingRunsAreEvictedFirst(t *testing.T) {
	crash := uses("crash", 0, 0)
	crash.Run, crash.ExitCode = sim.Constant(100*time.Millisecond), 1
	hog := uses("hog", 30*gib, 5<<20)
	hog.Startup, hog.DiskBytes = sim.Constant(time.Second), 80*gib
	for _, short := range []string{"memory", "disk"} {
		r := newRig(t, 1, diskOf(100*gib), behaving(crash, hog))
		crashed := r.pod("crash", asks(gib, 1_000_000))
		without := r.pod("without", func(s *model.PodSpec) {
			s.Containers[0].Image, s.Containers[0].PullPolicy, s.Priority = "none", model.PullNever, 1000
		})
		r.until("a long back-off", 20*time.Minute, func() bool { return r.get(crashed).Restarts() >= 5 })
		b := r.pod("hog", nil)
		r.ready(b)
		if short == "disk" {
			r.kubelet.FillDisk(900_000)
		}
		r.until("the first", 20*time.Minute, func() bool { return r.evicted(without) })
		if r.evicted(crashed) || r.evicted(b) {
			t.Errorf("%s: not one after the other", short)
		}
		if m := r.get(without).Message; strings.Contains(m, "Container") {
			t.Errorf("%s: %q blames what was not measured", short, m)
		}
		r.until("the second", time.Minute, func() bool { return r.evicted(crashed) })
		if r.evicted(b) {
			t.Errorf("%s: not one after the other", short)
		}
		r.until("who is to blame", time.Minute, func() bool { return r.evicted(b) })
	}
}

// Source: eviction_manager.go: evictionPressureTransitionPeriod 5 min; new
// BestEffort pods are refused meanwhile (Admit), others are not.
func TestANodeSaysMemoryPressureForFiveMinutesAndTakesNoBestEffortPods(t *testing.T) {
	r := newRig(t, 1, behaving(uses("leak", 31*gib, 5<<20)))
	leak := r.pod("leak", asks(gib, 0))
	gone := r.until("the eviction", 10*time.Minute, func() bool { return r.evicted(leak) })
	r.until("MemoryPressure", 11*time.Second, r.pressure)
	best, burstable := r.pod("best", nil), r.pod("burstable", asks(gib, 0))
	r.ready(burstable)
	if !r.evicted(best) {
		t.Errorf("a BestEffort pod is %v %s", r.get(best).Phase, r.get(best).Reason)
	}
	over := r.until("the end of the pressure", 6*time.Minute, func() bool { return !r.pressure() })
	if d := over.Sub(gone); d < 5*time.Minute-15*time.Second || d > 5*time.Minute+25*time.Second {
		t.Errorf("the node said MemoryPressure for %v", d)
	}
	r.ready(r.pod("late", nil))
}

// Source: eviction_manager.go Admit: critical pods are always taken; BestEffort ones on a node
// that is short of memory alone if they tolerate that; on one that is short of disk, or of
// processes, nobody else is.
func TestWhoANodeUnderPressureTakes(t *testing.T) {
	tolerates := func(s *model.PodSpec) {
		s.Tolerations = []model.Toleration{{Key: model.TaintMemoryPressure, Exists: true, Effect: model.NoSchedule}}
	}
	for _, c := range []struct {
		short string
		taken [4]bool // critical, BestEffort, BestEffort that tolerates it, Burstable
	}{
		{"memory", [4]bool{true, false, true, true}},
		{"disk", [4]bool{true, false, false, false}},
		{"memory and disk", [4]bool{true, false, false, false}},
		{"processes", [4]bool{true, false, false, false}},
	} {
		least := kubelet.DefaultHard
		least[kubelet.PIDAvailable] = kubelet.Threshold{Amount: 1000}
		r := newRig(t, 1, diskOf(100*gib), hard(least))
		if strings.Contains(c.short, "memory") {
			r.kubelet.TakeMemory(998_000, 0, 0)
		}
		if strings.Contains(c.short, "disk") {
			r.kubelet.FillDisk(870_000)
		}
		if c.short == "processes" {
			r.kubelet.TakePIDs(999_900)
		}
		r.run(time.Minute)
		for i, f := range []func(*model.PodSpec){asks(0, model.SystemCritical), nil, tolerates, asks(gib, 0)} {
			p := r.pod("p"+string(rune('0'+i)), f)
			r.run(time.Second)
			if got := !r.evicted(p); got != c.taken[i] {
				t.Errorf("short of %s: pod %d is taken: %v: %s", c.short, i, got, r.get(p).Message)
			}
		}
	}
}

// Source: eviction_manager.go: a hard threshold's grace is 1 s, SIGKILL comes
// after the kubelet's minimum of 2 s whatever the pod's own grace is.
func TestAnEvictedPodHasTwoSeconds(t *testing.T) {
	slow := uses("leak", 31*gib, 5<<20)
	slow.Stop = sim.Constant(time.Minute)
	r := newRig(t, 1, behaving(slow))
	leak := r.pod("leak", asks(gib, 0))
	at := r.until("the eviction begins", 10*time.Minute, func() bool { return len(r.notes(leak, "Evicted")) > 0 })
	dead := r.until("the kill", time.Minute, func() bool { return !r.alive(leak) })
	if d := dead.Sub(at); d < 1900*time.Millisecond || d > 2100*time.Millisecond {
		t.Errorf("killed after %v", d)
	}
}

// It follows from passes that are 10 s apart (pkg/kubelet/eviction/eviction_manager.go
// synchronize): memory that grows by more than the threshold between two passes is out before the
// kubelet looks, and the kernel kills.
func TestMemoryThatGrowsFasterThanTheKubeletLooksEndsInAnOOMKill(t *testing.T) {
	r := newRig(t, 1, behaving(uses("leak", 20*gib, 500<<20)))
	leak := r.pod("leak", asks(gib, 0))
	r.until("the kill", 5*time.Minute, func() bool {
		q := r.get(leak)
		return len(q.Containers) > 0 && q.Containers[0].Reason == "OOMKilled" || q.Restarts() > 0
	})
	if r.evicted(leak) {
		t.Error("evicted, too")
	}
}

// diskOf gives the node a disk of that size.
func diskOf(bytes int64) option {
	return withNode(func(n *model.Node) {
		n.Capacity.EphemeralBytes, n.Allocatable.EphemeralBytes = bytes, bytes
		n.Images = append(n.Images, model.Image{Name: "unused", Bytes: 4 * gib})
	})
}

// writes is how much the container main of the pods labeled app=name writes.
func writes(name string, bytes, perSecond int64) runtime.Behavior {
	b := uses(name, 0, 0)
	b.DiskBytes, b.DiskGrowth = bytes, perSecond
	return b
}

// wants makes a pod's container ask for disk, and perhaps limits it.
func wants(request, limit int64) func(*model.PodSpec) {
	return func(s *model.PodSpec) {
		s.Containers[0].Requests.EphemeralBytes, s.Containers[0].Limits.EphemeralBytes = request, limit
	}
}

func (r *rig) full() bool {
	return r.shownNode().DiskPressure.Status == model.True
}

// Source: pkg/kubelet/eviction/eviction_manager.go reclaimNodeLevelResources: all
// unused images go before any pod; rankDiskPressureFunc; Admit: a node under disk
// pressure takes no pod at all.
func TestUnderDiskPressureImagesGoFirstThenWhoWritesMostBeyondTheirRequest(t *testing.T) {
	// 100 GiB, of which 15 must be free. The unused image takes 10.
	r := newRig(t, 1, diskOf(100*gib), behaving(writes("log", 30*gib, 0), writes("asked", 40*gib, 0), writes("leak", 0, 50<<20)))
	log, asked := r.pod("log", wants(0, 0)), r.pod("asked", wants(50*gib, 0))
	r.ready(log)
	r.ready(asked)
	r.run(3 * time.Minute) // an image younger than two minutes is kept
	leak := r.pod("leak", wants(20*gib, 0))
	r.until("DiskPressure", time.Hour, r.full)
	if r.kubelet.Machine().Cached("unused") {
		t.Error("the unused image is still there")
	}
	if r.evicted(log) || r.evicted(leak) || r.evicted(asked) {
		t.Error("evicted although the image was enough")
	}
	r.until("the eviction", time.Hour, func() bool { return r.evicted(log) })
	if r.evicted(leak) || r.evicted(asked) {
		t.Error("more than one was evicted, or the wrong one")
	}
	late := r.pod("late", nil)
	r.until("the refusal", time.Minute, func() bool { return r.evicted(late) })
}

// Source: eviction_manager.go localStorageEviction: limits of ephemeral storage
// are enforced by polling, without pressure, and without touching others.
func TestAContainerThatWroteMoreThanItsLimitIsEvictedWithinTenSeconds(t *testing.T) {
	r := newRig(t, 1, diskOf(100*gib), behaving(writes("chatty", 0, 100<<20)))
	chatty, other := r.pod("chatty", wants(0, gib)), r.pod("other", nil)
	start := r.ready(chatty)
	at := r.until("the eviction", time.Minute, func() bool { return len(r.notes(chatty, "Evicted")) > 0 })
	if d := at.Sub(start); d < 8*time.Second || d > 22*time.Second {
		t.Errorf("evicted %v after its start", d)
	}
	r.run(time.Minute)
	if r.full() || r.evicted(other) {
		t.Error("the node was short, or another pod went")
	}
}

// Source: the same: a kubelet that starts looks at what it finds.
func TestWhatWasWrittenWhileNoKubeletRanIsFoundByTheNext(t *testing.T) {
	r := newRig(t, 1, diskOf(100*gib), behaving(writes("chatty", 0, 20<<20)))
	chatty := r.pod("chatty", wants(0, gib))
	r.ready(chatty)
	r.kubelet.Stop()
	r.run(2 * time.Minute)
	r.kubelet.Resume()
	r.until("the eviction", 20*time.Second, func() bool { return len(r.notes(chatty, "Evicted")) > 0 })
}

// Source: the same: when a disk is filled by something that is no pod, evictions
// do not help, and all pods go, one a pass.
func TestADiskThatSomethingElseFillsCostsEveryPod(t *testing.T) {
	r := newRig(t, 1, diskOf(100*gib))
	a, b := r.pod("a", nil), r.pod("b", nil)
	r.ready(a)
	r.ready(b)
	wrote := r.kubelet.FillDisk(950_000)
	r.until("the evictions", time.Minute, func() bool { return r.evicted(a) && r.evicted(b) })
	r.until("DiskPressure", time.Minute, r.full)
	r.kubelet.FreeDisk(wrote)
	r.until("the end of the pressure", 6*time.Minute, func() bool { return !r.full() })
	r.ready(r.pod("late", nil))
}

// Source: pkg/kubelet/kubelet_pods.go GetActivePods, isPodInactive: a pod that is being
// terminated is in the ranking until it has been. Its stop goes on as it was (kubelet.go
// SyncTerminatingPod), so it is evicted again as one that cannot be killed, nobody else is,
// and its status says nothing of that.
func TestAPodThatIsTerminatingIsEvictedInVainAndNobodyElse(t *testing.T) {
	slow := uses("hog", 30*gib, 0)
	slow.Stop = sim.Constant(time.Hour)
	r := newRig(t, 1, behaving(slow, uses("web", gib/2, 0)))
	hog := r.pod("hog", func(s *model.PodSpec) { s.GraceSeconds = 100 })
	web := r.pod("web", nil)
	r.ready(hog)
	r.ready(web)
	r.user.Delete(hog.Ref(), -1, 0)
	from := r.Now()
	r.kubelet.TakeMemory(998_000, 0, 0)
	gone := r.until("gone", 3*time.Minute, func() bool { return r.get(hog) == nil || r.evicted(hog) })
	if d := gone.Sub(from); d < 100*time.Second || d > 105*time.Second {
		t.Errorf("gone after %v, or shown as evicted", d)
	}
	if got := since(r.notes(hog, "Evicted")); !slices.Equal(got, []time.Duration{0, 40 * time.Second, 80 * time.Second}) {
		t.Errorf("evicted at %v from the first time", got)
	}
	if len(r.notes(web, "Evicted")) > 0 {
		t.Error("an innocent pod was evicted")
	}
}

// Source: the same, localStorageEviction.
func TestAPodThatIsTerminatingIsEvictedForWhatItWritesInVain(t *testing.T) {
	slow := writes("chatty", 0, 100<<20)
	slow.Stop = sim.Constant(time.Hour)
	r := newRig(t, 1, diskOf(100*gib), behaving(slow))
	chatty := r.pod("chatty", func(s *model.PodSpec) { wants(0, gib)(s); s.GraceSeconds = 100 })
	r.ready(chatty)
	r.user.Delete(chatty.Ref(), -1, 0)
	from := r.Now()
	r.until("the eviction", time.Minute, func() bool { return len(r.notes(chatty, "Evicted")) > 0 })
	if d := r.until("gone", 2*time.Minute, func() bool { return r.get(chatty) == nil || r.evicted(chatty) }).Sub(from); d < 100*time.Second || d > 105*time.Second {
		t.Errorf("gone after %v, or shown as evicted", d)
	}
}

// Source: pkg/kubelet/kuberuntime/kuberuntime_gc.go evictContainers with
// evictNonDeletedPods, container_gc.go DeleteAllUnusedContainers: the containers of a pod
// that has ended go, and so its image can.
func TestUnderDiskPressureImagesOfPodsThatHaveEndedGo(t *testing.T) {
	done := uses("done", 0, 0)
	done.Run, done.ImageBytes = sim.Constant(10*time.Second), 8*gib
	r := newRig(t, 1, diskOf(100*gib), behaving(done))
	ended := r.pod("done", func(s *model.PodSpec) { s.RestartPolicy, s.Containers[0].Image = model.RestartNever, "big" })
	web := r.pod("web", nil)
	r.until("the end", 10*time.Minute, func() bool { return r.get(ended).Phase == model.PodSucceeded })
	r.run(3 * time.Minute)
	r.kubelet.FillDisk(880_000)
	r.until("DiskPressure", time.Minute, r.full)
	r.run(time.Minute)
	if r.kubelet.Machine().Cached("big") {
		t.Error("its image is still there")
	}
	if r.evicted(web) {
		t.Error("a pod was evicted although the image was enough")
	}
}

// Source: the same, enforceMaxContainersPerEvictUnit (MaxPerPodContainer is 1): of a live
// pod the last dead instance of each container stays, with what it wrote.
func TestUnderDiskPressureDeadContainersOfLivePodsStay(t *testing.T) {
	init := runtime.Behavior{Container: "init", Run: sim.Constant(10 * time.Second), DiskBytes: 30 * gib}
	r := newRig(t, 1, diskOf(100*gib), behaving(init))
	p := r.pod("web", func(s *model.PodSpec) { s.InitContainers = []model.Container{{Name: "init", Image: "web"}} })
	r.ready(p)
	r.run(3 * time.Minute)
	r.kubelet.FillDisk(980_000)
	r.until("the eviction", time.Minute, func() bool { return r.evicted(p) })
}

// Source: pkg/kubelet/pod_workers.go completeWork (the time between tries): on a full disk images
// cannot be pulled and containers not be made, which is tried again every 10 to 15 s.
func TestOnAFullDiskPullsAndCreatesFail(t *testing.T) {
	r := newRig(t, 1, diskOf(100*gib))
	critical := func(image string) func(*model.PodSpec) {
		return func(s *model.PodSpec) { s.Priority, s.Containers[0].Image = model.SystemCritical, image }
	}
	old := r.pod("old", critical("web"))
	r.ready(old)
	wrote := r.kubelet.FillDisk(1_000_000)
	pulls, creates := r.pod("pulls", critical("far")), r.pod("creates", critical("web"))
	r.run(time.Minute)
	if c := r.get(creates).Containers; len(c) == 0 || c[0].Reason != "CreateContainerError" {
		t.Errorf("a pod without room for its container is shown as %+v", c)
	}
	if n := len(r.notes(creates, "Failed")); n < 4 || n > 6 {
		t.Errorf("tried %d times in a minute", n)
	}
	if c := r.get(pulls).Containers; len(c) == 0 || c[0].Reason != "ErrImagePull" && c[0].Reason != "ImagePullBackOff" {
		t.Errorf("a pod without room for its image is shown as %+v", c)
	}
	r.kubelet.FreeDisk(wrote)
	r.ready(creates)
	r.until("the pull", 3*time.Minute, func() bool { return r.get(pulls).IsReady() })
}

// Source: containerd plugins/content/local Store.Writer: what an image is made of is written
// to the disk first; pkg/kubelet/images/image_manager.go: ErrImagePull, then ImagePullBackOff.
func TestAPullToAReadOnlyDiskFails(t *testing.T) {
	r := newRig(t, 1, diskOf(100*gib))
	p := r.pod("far", func(s *model.PodSpec) { s.Containers[0].Image = "far" })
	r.until("the sandbox", 10*time.Second, func() bool {
		return r.kubelet.Machine().Sandbox(p.ID) != nil && r.kubelet.Machine().Sandbox(p.ID).Ready
	})
	r.kubelet.BreakDisk("EROFS")
	r.run(time.Minute)
	if c := r.get(p).Containers; len(c) == 0 || c[0].Reason != "ErrImagePull" && c[0].Reason != "ImagePullBackOff" {
		t.Errorf("shown as %+v", c)
	}
	if n := r.notes(p, "Failed"); len(n) < 2 {
		t.Errorf("tried %d times", len(n))
	}
	r.kubelet.MendDisk("EROFS")
	r.ready(p)
}

// Source: pkg/kubelet/eviction/eviction_manager.go reclaimNodeLevelResources: an image that
// fits only when those that nobody uses are gone has them removed while it is unpacked.
func TestRoomIsMadeForAnImageWhileItIsUnpacked(t *testing.T) {
	big := uses("big", 0, 0)
	big.ImageBytes = 12 * gib // 30 unpacked, of 40, 10 of which the unused one has
	r := newRig(t, 1, diskOf(40*gib), behaving(big))
	r.run(3 * time.Minute)
	p := r.pod("big", func(s *model.PodSpec) { s.Containers[0].Image = "big" })
	r.until("DiskPressure", 20*time.Minute, r.full)
	if r.kubelet.Machine().Cached("unused") || r.kubelet.Machine().Cached("big") {
		t.Error("the unused image is still there, or the other one already")
	}
	r.until("ready", 20*time.Minute, func() bool { return r.get(p).IsReady() })
	if n := len(r.notes(p, "Failed")); n != 0 {
		t.Errorf("%d pulls failed", n)
	}
}
