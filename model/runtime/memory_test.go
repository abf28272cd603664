package runtime

import (
	"testing"
	"time"

	"orrery/model"
)

// Source: pkg/kubelet/qos/policy.go GetContainerOOMScoreAdjust and its test.
func TestASidecarIsSparedAsTheAppContainerThatAsksForLeast(t *testing.T) {
	const capacity = 8 << 30
	asks := func(bytes int64) model.Resources { return model.Resources{MemoryBytes: bytes} }
	spec := &model.PodSpec{
		InitContainers: []model.Container{
			{Name: "modest", Sidecar: true}, {Name: "greedy", Sidecar: true, Requests: asks(4 << 30)}, {Name: "init", Requests: asks(0)},
		},
		Containers: []model.Container{{Name: "one", Requests: asks(2 << 30)}, {Name: "two", Requests: asks(1 << 30)}},
	}
	for i, want := range []int64{875, 500, 999, 750, 875} {
		if got := scoreAdjust(spec, i, capacity); got != want {
			t.Errorf("container %d: %d, want %d", i, got, want)
		}
	}
	// What the pod asks for beyond them, 12 GiB less 7, is divided by five.
	spec.PodLevel = &model.PodLevel{MemoryBytes: 12 << 30, HasMemory: true}
	for i, want := range []int64{750, 375, 875, 625, 750} {
		if got := scoreAdjust(spec, i, capacity); got != want {
			t.Errorf("with a request of the pod, container %d: %d, want %d", i, got, want)
		}
	}
}

// Source: the same.
func TestTheKernelSparesGuaranteedAndNodeCriticalContainers(t *testing.T) {
	const capacity = 8 << 30
	pod := func(priority int32, requests, limits model.Resources) *model.PodSpec {
		s := &model.PodSpec{Priority: priority, Containers: []model.Container{{Name: "x", Requests: requests, Limits: limits}}}
		s.SumRequests()
		return s
	}
	all, memory := model.Resources{CPUMilli: 100, MemoryBytes: 1 << 30}, model.Resources{MemoryBytes: 2 << 30}
	for _, tc := range []struct {
		what string
		spec *model.PodSpec
		want int64
	}{
		{"best effort", pod(0, model.Resources{}, model.Resources{}), 1000},
		{"guaranteed", pod(0, all, all), -997},
		{"burstable with a quarter of the memory", pod(0, memory, model.Resources{}), 750},
		{"burstable without memory", pod(0, model.Resources{CPUMilli: 250}, model.Resources{}), 999},
		{"burstable with all of it", pod(0, model.Resources{MemoryBytes: capacity}, model.Resources{}), 3},
		{"burstable, system-cluster-critical", pod(2_000_000_000, memory, model.Resources{}), 750},
		{"burstable, system-node-critical", pod(2_000_001_000, model.Resources{CPUMilli: 250}, model.Resources{}), -997},
		{"best effort, system-node-critical", pod(2_000_001_000, model.Resources{}, model.Resources{}), -997},
	} {
		if got := scoreAdjust(tc.spec, 0, capacity); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.what, got, tc.want)
		}
	}
}

// Source: mm/oom_kill.c constrained_alloc: where a cgroup is full, a thousandth of its limit
// is what oom_score_adj counts in; pkg/kubelet/cm/node_container_manager_linux.go
// getCgroupConfig: kubepods has what is not reserved.
func TestWhenAllPodsHaveWhatIsNotReservedTheKernelGoesByThat(t *testing.T) {
	const mi = 1 << 20
	uses := func(app string, bytes int64) Behavior {
		return Behavior{Match: model.SelectorOf(model.MakeLabels(map[string]string{"app": app})), MemoryBytes: bytes}
	}
	for _, tc := range []struct {
		why      string
		reserved int64
		filled   int64 // by others, in millionths of the machine
		dies     string
	}{
		{"600+2048 against 1500+0.898*2048", 8 << 30, 0, "big"},
		{"600+10240 against 1500+0.898*10240", 0, 820_000, "small"},
	} {
		r := newRig(uses("small", 600*mi), uses("big", 1500*mi))
		m := r.machine
		m.memory, m.reservedMemory = 10<<30, tc.reserved
		m.Take(tc.filled, 0, 0)
		boxes := map[string]*Sandbox{}
		for i, app := range []string{"small", "big"} {
			p := pod(uint32(i+1), model.Container{Name: "c"})
			p.Labels = model.MakeLabels(map[string]string{"app": app})
			if app == "big" {
				p.Spec.Containers[0].Requests.MemoryBytes = 1 << 30
				p.Spec.SumRequests()
			}
			boxes[app] = m.Add(p, uint64(i))
			m.Start(boxes[app], 0)
		}
		r.run(t, 10*time.Second)
		for app, s := range boxes {
			if s.Alive() == (app == tc.dies) {
				t.Errorf("%s: %s runs: %v", tc.why, app, s.Alive())
			}
		}
	}
}

// Source: runc update, which has no oom_score_adj: a container that is resized keeps the one
// it was made with.
func TestAResizeLeavesTheOOMScoreAsItIs(t *testing.T) {
	r := newRig()
	r.machine.memory = 16 << 30
	c := model.Container{Name: "main", Requests: model.Resources{MemoryBytes: 4 << 30}}
	s := r.machine.Add(pod(1, c), 1)
	r.machine.MakeSandbox(s)
	r.machine.Start(s, 0)
	had := r.machine.badness(s, 0, r.Now(), 16<<30)
	more := *s.Pod.Spec
	more.Containers = []model.Container{{Name: "main", Requests: model.Resources{MemoryBytes: 8 << 30}}}
	more.SumRequests()
	r.machine.Resize(s, &more)
	if is := r.machine.badness(s, 0, r.Now(), 16<<30); is != had {
		t.Errorf("%d after %d", is, had)
	}
	r.machine.Crash(s, 0, 1)
	r.machine.Start(s, 0)
	if is := r.machine.badness(s, 0, r.Now(), 16<<30); is != had-250*((16<<30)/1000) {
		t.Errorf("started again: %d after %d", is, had)
	}
}

// Source: mm/oom_kill.c oom_evaluate_task: who has as many points as the worst so far takes
// its place, and processes and cgroups are gone through in the order in which they began.
func TestOfEqualsTheKernelKillsTheOneThatStartedLast(t *testing.T) {
	const gi = 1 << 30
	all := model.Resources{CPUMilli: 100, MemoryBytes: 100 * gi}
	for id := range uint32(4) { // whatever the luck of their names
		r := newRig(Behavior{Container: "a", MemoryBytes: 4 * gi}, Behavior{Container: "fills", MemoryGrowth: gi})
		r.machine.memory = 10 * gi
		old := r.start(pod(2*id+1, model.Container{Name: "a"}))
		r.run(t, time.Second)
		young := r.start(pod(2*id+2, model.Container{Name: "a"}))
		r.start(pod(100, model.Container{Name: "fills", Requests: all, Limits: all}))
		r.run(t, 3*time.Second)
		if !old.Alive() || young.Alive() {
			t.Errorf("on a machine: the older one runs: %v, the younger one: %v", old.Alive(), young.Alive())
		}
	}
	r := newRig(Behavior{MemoryBytes: 300 << 20})
	s := r.start(limited(1, 0, 500<<20, model.Resources{}, model.Resources{}))
	r.run(t, time.Second)
	if !s.Processes[0].Running || s.Processes[1].Running {
		t.Errorf("in a pod: %+v", s.Processes)
	}
}
