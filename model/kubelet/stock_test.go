package kubelet_test

import (
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/kubelet"
	"orrery/model/runtime"
	"orrery/sim"
)

// forks is how many processes the pods labeled app=name have, and how many thousandths
// more every second.
func forks(name string, pids, milliPerSecond int64) runtime.Behavior {
	b := uses(name, 0, 0)
	b.PIDs, b.PIDsGrowth = pids, milliPerSecond
	return b
}

// files is the same of files.
func files(name string, inodes, milliPerSecond int64) runtime.Behavior {
	b := uses(name, 0, 0)
	b.Inodes, b.InodesGrowth = inodes, milliPerSecond
	return b
}

// hard sets thresholds in place of all defaults.
func hard(t kubelet.Thresholds) option {
	return func(r *rig) { r.config.Eviction.Hard = &t }
}

func (r *rig) pidPressure() bool {
	return r.shownNode().PIDPressure.Status == model.True
}

// Source: pkg/kubelet/eviction/helpers.go rankPIDPressure: lower priority first, also before
// a pod of which nothing is measured, then who has most processes; requests do not count.
// Condition PIDPressure and its Events (nodestatus/setters.go PIDPressureCondition);
// Admit: no pod at all meanwhile.
func TestUnderPIDPressureTheLowestPriorityGoesFirstThenWhoHasMostProcesses(t *testing.T) {
	// 32 GiB of memory are 262,144 processes, less 2,144.
	r := newRig(t, 1, hard(kubelet.Thresholds{kubelet.PIDAvailable: {Amount: 2144}}), behaving(
		forks("many", 200_000, 0), forks("more", 20_000, 0), forks("few", 5_000, 0), forks("bomb", 0, 600_000)))
	many, none := r.pod("many", asks(0, 10)), r.pod("none", func(s *model.PodSpec) {
		s.Priority, s.Containers[0].Image, s.Containers[0].PullPolicy = 7, "none", model.PullNever // nothing runs
	})
	more, few := r.pod("more", asks(0, 0)), r.pod("few", asks(0, 0))
	for _, p := range []*model.Pod{many, more, few} {
		r.ready(p)
	}
	bomb := r.pod("bomb", asks(0, 5))
	r.until("the first eviction", 2*time.Minute, func() bool { return r.evicted(more) })
	if r.evicted(few) || r.evicted(bomb) || r.evicted(many) {
		t.Error("not the one of the lowest priority with most processes went first")
	}
	r.until("PIDPressure", 11*time.Second, r.pidPressure)
	text := r.get(more).Message
	if !strings.HasPrefix(text, "The node was low on resource: pids. Threshold quantity: 2144, available: ") || strings.Contains(text, "Container") {
		t.Errorf("%q", text)
	}
	r.failed(r.pod("late", asks(gib, 100)), "Evicted", "Pod was rejected: The node had condition: [PIDPressure]. ")
	r.until("few goes next", 2*time.Minute, func() bool { return r.evicted(few) })
	r.until("then the bomb", 5*time.Minute, func() bool { return r.evicted(bomb) })
	r.run(6 * time.Minute)
	if r.pidPressure() || r.evicted(many) || r.evicted(none) {
		t.Errorf("pressure %v, many evicted %v, none %v", r.pidPressure(), r.evicted(many), r.evicted(none))
	}
	if n := strings.Count(r.story(), "NodeHasInsufficientPID: "); n != 1 {
		t.Errorf("%d Events of pressure", n)
	}
}

// Source: eviction/defaults_linux.go: 5 % of the inodes must be free, and running out of
// them is DiskPressure; rankDiskPressureFunc.
func TestAFileSystemWithoutInodesIsDiskPressure(t *testing.T) {
	// 100 GiB are 6,553,600 inodes of 16 KiB, of which 327,680 must be free.
	r := newRig(t, 1, diskOf(100*gib), behaving(files("some", 3_000_000, 0), files("sessions", 3_000_000, 5_000_000)))
	some, sessions := r.pod("some", nil), r.pod("sessions", nil)
	r.ready(some)
	start := r.ready(sessions)
	at := r.until("the eviction", 3*time.Minute, func() bool { return r.evicted(sessions) })
	if d := at.Sub(start); d < 40*time.Second || d > 60*time.Second { // 225,920 more, 5,000 a second
		t.Errorf("evicted after %v", d)
	}
	r.until("DiskPressure", 11*time.Second, r.full)
	if text := r.get(sessions).Message; !strings.HasPrefix(text, "The node was low on resource: inodes. Threshold quantity: 320Ki, available: ") {
		t.Errorf("%q", text)
	}
	if r.evicted(some) {
		t.Error("the other one was evicted, too")
	}
}

// Source: pkg/kubelet/apis/config/v1beta1/defaults.go: EvictionHard has defaults only if it is
// nil, so a map that is given replaces them all.
func TestAGivenEvictionHardReplacesAllDefaults(t *testing.T) {
	r := newRig(t, 1, diskOf(100*gib), hard(kubelet.Thresholds{kubelet.MemoryAvailable: {Amount: 2 * gib}}), behaving(uses("big", 31*gib, 0)))
	web := r.pod("web", nil)
	r.ready(web)
	r.kubelet.FillDisk(990_000)
	r.run(time.Minute)
	if r.evicted(web) || r.full() {
		t.Error("the default threshold of the disk still holds")
	}
	r.failed(r.pod("big", asks(gib, 0)), "Evicted", "The node was low on resource: memory. Threshold quantity: 2Gi, available: 1Gi. "+
		"Container main was using 31Gi, request is 1Gi, has larger consumption of memory. ")
}

// Source: eviction/helpers.go thresholdsMet: with one filesystem the higher of the
// thresholds of nodefs and imagefs is met first.
func TestOfTwoThresholdsOfOneDiskTheHigherIsMetFirst(t *testing.T) {
	for _, c := range []struct {
		signal kubelet.Signal
		amount int64
	}{{kubelet.NodeFsAvailable, 30 * gib}, {kubelet.ImageFsAvailable, 30 * gib}} {
		hardest := kubelet.Thresholds{kubelet.NodeFsAvailable: {Amount: 5 * gib}, kubelet.ImageFsAvailable: {Amount: 5 * gib}}
		hardest[c.signal].Amount = c.amount
		r := newRig(t, 1, diskOf(100*gib), hard(hardest))
		web := r.pod("web", nil)
		r.ready(web)
		r.kubelet.FillDisk(800_000)
		r.until("the eviction", time.Minute, func() bool { return r.evicted(web) })
		if text := r.get(web).Message; !strings.Contains(text, "Threshold quantity: 30Gi") {
			t.Errorf("%q", text)
		}
	}
}

// Source: pkg/kubelet/cm/pod_container_manager_linux.go: podPidsLimit is pids.max of the
// pod's cgroup, so fork fails with EAGAIN: what runs goes on, and nothing new starts.
func TestInAPodWithAllItsProcessesNothingStarts(t *testing.T) {
	bomb := forks("bomb", 10, 1_000)
	r := newRig(t, 1, behaving(bomb), func(r *rig) { r.config.PodPIDsLimit = 100 })
	p := r.pod("bomb", func(s *model.PodSpec) {
		s.Containers = append(s.Containers, model.Container{Name: "other", Image: "web"})
	})
	r.ready(p)
	box := r.kubelet.Machine().Sandbox(p.ID)
	r.run(2 * time.Minute)
	if n := r.kubelet.Machine().PIDsUsed(box, r.Now()); n != 100 {
		t.Errorf("it has %d processes", n)
	}
	r.kubelet.CrashContainer(p.Ref(), "other", 1)
	r.until("the start fails", time.Minute, func() bool { return len(r.notes(p, "Failed")) > 0 })
	if q := r.get(p); q.Restarts() != 0 || !box.Processes[0].Running {
		t.Errorf("%d restarts, the first container runs: %v", q.Restarts(), box.Processes[0].Running)
	}
	r.until("the reason is shown", 30*time.Second, func() bool { return r.get(p).Containers[1].Reason == "RunContainerError" })
	r.kubelet.CrashContainer(p.Ref(), "main", 1) // and its processes are gone
	r.until("both run", 2*time.Minute, func() bool { return box.Processes[0].Running && box.Processes[1].Running })
}

// TestOnAMachineWithoutProcessesNoSandboxIsMade, and pods that run are left alone, as
// there is no default threshold of pid.available.
func TestOnAMachineWithoutProcessesNoSandboxIsMade(t *testing.T) {
	r := newRig(t, 1)
	web := r.pod("web", nil)
	r.ready(web)
	taken := r.kubelet.TakePIDs(1_000_000)
	late := r.pod("late", nil)
	r.until("the failure", time.Minute, func() bool { return len(r.notes(late, "FailedCreatePodSandBox")) > 0 })
	r.run(time.Minute)
	if r.pidPressure() || r.evicted(web) || r.get(late).IsReady() {
		t.Error("it is under pressure, or something started")
	}
	r.kubelet.ReturnPIDs(taken)
	r.ready(late)
}

// keeping has the kubelet keep all processes but so many from pods.
func keeping(all, forPods int64) option {
	return withNode(func(n *model.Node) { n.Stock = &model.Stock{PIDs: all, KeptPIDs: all - forPods} })
}

// Source: v1.35 pkg/kubelet/cm/node_container_manager_linux.go createNodeAllocatableCgroups,
// getCgroupConfigInternal: what is kept is not in pids.max of kubepods, so pods together have
// no more, nothing of theirs starts when they have it, and what is kept stays available.
func TestPodsTogetherHaveNoMoreProcessesThanTheirNodeLeavesThem(t *testing.T) {
	var bombs []runtime.Behavior
	for _, name := range []string{"a", "b"} {
		bombs = append(bombs, forks(name, 10, 1_000))
	}
	r := newRig(t, 1, behaving(bombs...), keeping(1000, 200), hard(kubelet.Thresholds{kubelet.PIDAvailable: {Amount: 800}}))
	a, b := r.pod("a", asks(0, 0)), r.pod("b", asks(0, 0))
	r.ready(a)
	r.ready(b)
	r.run(10 * time.Minute)
	if n := r.kubelet.Machine().PIDsFree(r.Now()); n != 800 || r.pidPressure() {
		t.Errorf("%d processes are left, pressure %v", n, r.pidPressure())
	}
	late := r.pod("late", asks(0, 0))
	r.until("its sandbox fails", time.Minute, func() bool { return len(r.notes(late, "FailedCreatePodSandBox")) > 0 })
	r.kubelet.TakePIDs(201_000) // others may have what is kept
	r.until("an eviction", time.Minute, func() bool { return r.evicted(a) || r.evicted(b) })
	less := newRig(t, 1, behaving(bombs...), keeping(1000, 201), hard(kubelet.Thresholds{kubelet.PIDAvailable: {Amount: 800}}))
	a, b = less.pod("a", asks(0, 0)), less.pod("b", asks(0, 0))
	less.until("an eviction", 10*time.Minute, func() bool { return less.evicted(a) || less.evicted(b) })
}

// TestLimitsAreTheSameTickByTick: what is foreseen is what every tick finds.
func TestLimitsAreTheSameTickByTick(t *testing.T) {
	story := func(kept int64, o ...option) string {
		leaks := []runtime.Behavior{forks("a", 1000, 977_123), forks("b", 20_000, 313_007), files("c", 100, 37_000_003), forks("d", 7, 3)}
		leaks[0].Run = sim.Constant(97 * time.Second)
		r := newRig(t, 3, append(o, diskOf(100*gib), behaving(leaks...),
			hard(kubelet.Thresholds{kubelet.PIDAvailable: {Part: 1 << 29}, kubelet.NodeFsInodesFree: {Amount: 1_000_000}}),
			func(r *rig) { r.config.PodPIDsLimit = 200_000 }, keeping(262_144, 262_144-kept))...)
		for _, name := range []string{"a", "b", "c", "d"} {
			r.pod(name, asks(0, 0))
		}
		r.run(20 * time.Minute)
		return r.story()
	}
	for _, kept := range []int64{0, 100_000, 131_072, 200_000} {
		if a, b := story(kept), story(kept, literal); a != b {
			t.Errorf("with %d they differ:\n%s\nand tick by tick\n%s", kept, a, b)
		}
	}
}
