package runtime

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// rig is machines and what they told.
type rig struct {
	*sim.Kernel
	registry *Registry
	machine  *Machine
	told     []string
	broke    []string // pods that lost what they had
	answers  []answer // to calls, that come at another time
}

// answer is one of them.
type answer struct {
	to *Sandbox
	Answer
}

// Changed implements Observer.
func (r *rig) Changed(s *Sandbox) { r.told = append(r.told, "changed "+s.Pod.Name) }

// MemoryChanged implements Observer.
func (r *rig) MemoryChanged() {}

// StartupChanged implements Observer.
func (r *rig) StartupChanged(*Sandbox) {}

// Panicked implements Observer.
func (r *rig) Panicked() { r.machine.PowerOff() }

// ProbesChanged implements Observer.
func (r *rig) ProbesChanged(*Sandbox) {}

// Broke implements Watcher.
func (r *rig) Broke(pod model.Ref, _ time.Duration, silent bool) {
	r.broke = append(r.broke, fmt.Sprintf("pod %d, silent: %v", pod.ID, silent))
}

// CapacityChanged implements Watcher.
func (r *rig) CapacityChanged(pod model.Ref) {
	rate, _ := capacity(r.machine, pod.ID)
	r.told = append(r.told, fmt.Sprintf("pod %d: %d", pod.ID, rate))
}

// DaemonsBehind implements Observer.
func (r *rig) SystemOOM()     { r.told = append(r.told, "system OOM") }
func (r *rig) DaemonsBehind() { r.told = append(r.told, fmt.Sprint("behind by ", r.machine.Behind())) }

// RuntimeChanged implements Observer.
func (r *rig) RuntimeChanged() {
	r.told = append(r.told, fmt.Sprint("runtime down: ", r.machine.RuntimeDown()))
}

// DiskChanged implements Observer.
func (r *rig) DiskChanged() {}

// CallChanged implements Observer.
func (r *rig) CallChanged(s *Sandbox, a Answer) { r.answers = append(r.answers, answer{s, a}) }

// Pulled implements Observer.
func (r *rig) Pulled(pod uint32, o Pull) {
	r.told = append(r.told, fmt.Sprintf("pulled %d %v", pod, [...]string{"now", "needless", "failed", "timed out", "limited", "not found", "too fast", "broken", "no space", "unwritten"}[o.Outcome]))
}

// ServingChanged implements Watcher.
func (r *rig) ServingChanged(pod model.Ref, serving bool) {
	r.told = append(r.told, fmt.Sprintf("pod %d serves: %v", pod.ID, serving))
}

func newRig(b ...Behavior) *rig {
	r := &rig{Kernel: sim.New(sim.Config{Seed: 1})}
	r.registry = NewRegistry(r.Kernel)
	node := &model.Node{Meta: model.Meta{Kind: model.KindNode, ID: 1, Name: "n-0"}, Images: []model.Image{{Name: "docker.io/library/here:latest"}}}
	r.machine = NewMachine(r.Kernel, node, Config{Behaviors: Behaviors(b), Registry: r.registry, Serving: r, Kubelet: r})
	return r
}

func (r *rig) run(t *testing.T, d time.Duration) {
	t.Helper()
	if err := r.Run(r.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
}

func pod(id uint32, containers ...model.Container) *model.Pod {
	return &model.Pod{
		Meta: model.Meta{Kind: model.KindPod, ID: id, Namespace: "default", Name: fmt.Sprintf("p-%d", id)},
		Spec: &model.PodSpec{Containers: containers},
	}
}

func (r *rig) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(r.told, want) {
		t.Errorf("told %q, want %q", r.told, want)
	}
	r.told = nil
}

// TestPullsAreSerialAndLayersThatAreHereAreNotLoadedAgain (the default
// serializeImagePulls; pkg/kubelet/images/puller.go).
func TestPullsAreSerialAndLayersThatAreHereAreNotLoadedAgain(t *testing.T) {
	r := newRig(Behavior{ImageBytes: 800_000_000})
	c := model.Container{Name: "main", Image: "big"}
	r.machine.Pull(pod(1, c), &c)
	r.machine.Pull(pod(2, c), &c)
	r.machine.Pull(pod(3, c), &model.Container{Name: "main", Image: "other"})
	first := r.machine.pulls[0].doneAt
	// 10 s to load and 16 s to unpack at the median
	if first < sim.Time(10*time.Second) || first > sim.Time(3*time.Minute) {
		t.Errorf("the first pull takes %v", first)
	}
	r.run(t, time.Hour)
	r.expect(t, "pulled 1 now", "pulled 2 needless", "pulled 3 now")
}

// TestARegistryThatGoesDownBreaksPullsOff and refuses new ones, quickly.
func TestARegistryThatGoesDownBreaksPullsOff(t *testing.T) {
	r := newRig(Behavior{ImageBytes: 8 << 30})
	c := model.Container{Name: "main", Image: "big"}
	r.machine.Pull(pod(1, c), &c)
	r.machine.Pull(pod(2, c), &c)
	r.run(t, 5*time.Second)
	r.registry.SetDown(AllRegistries, true)
	r.run(t, time.Second)
	r.expect(t, "pulled 1 failed", "pulled 2 failed")
	r.registry.SetDown(AllRegistries, false)
	r.machine.Pull(pod(1, c), &c)
	r.run(t, time.Hour)
	r.expect(t, "pulled 1 now")
}

// TestImageNamesAreCompleted as github.com/distribution/reference does.
func TestImageNamesAreCompleted(t *testing.T) {
	for name, want := range map[string]string{
		"redis":                        "docker.io/library/redis:latest",
		"redis:7":                      "docker.io/library/redis:7",
		"docker.io/redis:7":            "docker.io/library/redis:7",
		"index.docker.io/redis:7":      "docker.io/library/redis:7",
		"index.docker.io/shop/web:7":   "docker.io/shop/web:7",
		"bitnami/redis":                "docker.io/bitnami/redis:latest",
		"gcr.io/x/y:v1":                "gcr.io/x/y:v1",
		"localhost/y":                  "localhost/y:latest",
		"reg:5000/y":                   "reg:5000/y:latest",
		"gcr.io/x/y@sha256:0123456789": "gcr.io/x/y@sha256:0123456789",
	} {
		if got := ImageName(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if r := newRig(); !r.machine.Cached("here") || r.machine.Cached("there") {
		t.Error("the node's image is not here, or another one is")
	}
}

// TestServingIsToldWhenAllAppContainersHaveStartedUp and when one ends, or the
// power.
func TestServingIsToldWhenAllAppContainersHaveStartedUp(t *testing.T) {
	r := newRig(Behavior{Container: "slow", Startup: sim.Constant(5 * time.Second)}, Behavior{Startup: sim.Constant(time.Second)})
	p := pod(1, model.Container{Name: "fast"}, model.Container{Name: "slow"})
	s := r.machine.Add(p, p.NameHash())
	r.machine.MakeSandbox(s)
	r.machine.Start(s, 0)
	r.run(t, 10*time.Second)
	r.expect(t, "changed p-1", "changed p-1")
	r.machine.Start(s, 1)
	r.run(t, 4*time.Second)
	r.expect(t, "changed p-1")
	r.run(t, time.Second)
	r.expect(t, "pod 1 serves: true")
	r.machine.Crash(s, 0, 1)
	r.expect(t, "pod 1 serves: false", "changed p-1")
	r.machine.Start(s, 0)
	r.run(t, time.Second)
	r.expect(t, "changed p-1", "pod 1 serves: true")
	r.machine.PowerOff()
	r.run(t, time.Minute)
	r.expect(t, "pod 1 serves: false")
	r.machine.Boot()
	if c := s.Processes[1]; c.Running || c.ExitCode != 255 || c.FinishedAt != r.Now()-1 {
		t.Errorf("after the boot %+v", c)
	}
}

// TestOnlyTheFirstInstancesExitIfTheBehaviorSaysSo.
func TestOnlyTheFirstInstancesExitIfTheBehaviorSaysSo(t *testing.T) {
	r := newRig(Behavior{Run: sim.Constant(time.Second), ExitCode: 3, Exits: 2})
	p := pod(1, model.Container{Name: "main"})
	s := r.machine.Add(p, 1)
	for n := range 4 {
		r.machine.Start(s, 0)
		r.run(t, time.Hour)
		if want := n >= 2; s.Processes[0].Running != want {
			t.Fatalf("instance %d runs: %v", n, !want)
		}
		r.machine.Crash(s, 0, 1)
	}
}

func TestAProcessReachesItsLimitWhenALineSays(t *testing.T) {
	for _, c := range []struct {
		base, growth, limit int64
		want                time.Duration
	}{
		{100, 1, 0, time.Duration(sim.Never)},
		{100, 0, 200, time.Duration(sim.Never)},
		{100, -5, 200, time.Duration(sim.Never)},
		{100, 10, 200, 10 * time.Second},
		{200, 10, 200, 0},
		{0, 3, 10, 3333333333},
		{0, 1, 1 << 62, time.Duration(sim.Never)},
	} {
		p := Process{memory: c.base, growth: c.growth}
		if got := p.reaches(0, c.limit); got != sim.Time(c.want) {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestAddressesAreUniqueWhileTheSandboxLives, also after they have gone round.
func TestAddressesAreUniqueWhileTheSandboxLives(t *testing.T) {
	r := newRig()
	luck := r.Luck().Stream("test")
	live := map[uint32]uint32{}
	for id := uint32(1); id < 4000; id++ {
		p := pod(id, model.Container{Name: "main"})
		s := r.machine.Add(p, uint64(id))
		r.machine.MakeSandbox(s)
		if by, taken := live[s.IP]; taken {
			t.Fatalf("pods %d and %d have address %x", by, id, s.IP)
		}
		live[s.IP] = id
		if gone := uint32(luck.Below(uint64(id))) + 1; id > 100 {
			if s := r.machine.Sandbox(gone); s != nil {
				delete(live, s.IP)
				r.machine.StopSandbox(s)
				r.machine.Remove(gone)
			}
		}
		for len(live) > 110 {
			id := r.machine.pods[slices.IndexFunc(r.machine.pods, func(s *Sandbox) bool { return s != nil })].Pod.ID
			delete(live, r.machine.Sandbox(id).IP)
			r.machine.Remove(id)
		}
	}
}

// Source: mm/oom_kill.c oom_badness: the kernel kills the process with the most of
// rss + oom_score_adj * totalpages / 1000; pkg/kubelet/qos/policy.go has oom_score_adj.
func TestAFullMachineKillsTheProcessOfTheLargestBadness(t *testing.T) {
	const gi = 1 << 30
	burst := model.Resources{CPUMilli: 100, MemoryBytes: gi}
	all := model.Resources{CPUMilli: 100, MemoryBytes: 100 * gi}
	for _, c := range []struct {
		name   string
		pods   []*model.Pod
		grow   []int64 // bytes per second
		at     time.Duration
		victim int
	}{
		{"the largest of equals", []*model.Pod{pod(1, model.Container{Name: "a"}), pod(2, model.Container{Name: "b"})}, []int64{gi / 4, gi / 2}, 12 * time.Second, 1},
		{"best effort before burstable", []*model.Pod{pod(1, model.Container{Name: "a"}), pod(2, model.Container{Name: "b", Requests: burst})}, []int64{gi / 4, gi / 4}, 18 * time.Second, 0},
		{"over its request before best effort", []*model.Pod{pod(1, model.Container{Name: "a"}), pod(2, model.Container{Name: "b", Requests: burst})}, []int64{0, gi / 2}, 18 * time.Second, 1},
		{"guaranteed last", []*model.Pod{pod(1, model.Container{Name: "a"}), pod(2, model.Container{Name: "b", Requests: all, Limits: all})}, []int64{0, gi / 2}, 18 * time.Second, 0},
	} {
		r := newRig(Behavior{Container: "a", MemoryBytes: gi / 2, MemoryGrowth: c.grow[0]}, Behavior{Container: "b", MemoryBytes: gi / 2, MemoryGrowth: c.grow[1]})
		r.machine.memory = 10 * gi
		var boxes []*Sandbox
		for _, p := range c.pods {
			s := r.machine.Add(p, p.NameHash())
			r.machine.MakeSandbox(s)
			r.machine.Start(s, 0)
			boxes = append(boxes, s)
		}
		r.run(t, c.at-time.Millisecond)
		if !boxes[0].Alive() || !boxes[1].Alive() {
			t.Errorf("%s: killed before %v", c.name, c.at)
		}
		r.run(t, 2*time.Millisecond)
		p, other := boxes[c.victim].Processes[0], boxes[1-c.victim].Processes[0]
		if p.Running || p.Cause != OOMKilled || p.ExitCode != killedCode || !other.Running {
			t.Errorf("%s: victim %+v, other %+v", c.name, p, other)
		}
	}
}

// A process that starts in a full machine has only what was left, of all that it will want
// (mm/oom_kill.c oom_badness counts what a process has): here 1 GiB of 4, with 1000 more for
// asking for nothing, against 9 GiB and 900 for asking for 1.
func TestWhoStartsInAFullMachineIsJudgedByWhatItHas(t *testing.T) {
	const gi = 1 << 30
	r := newRig(Behavior{Container: "large", MemoryBytes: 9 * gi}, Behavior{Container: "new", MemoryBytes: 4 * gi})
	r.machine.memory = 10 * gi
	var boxes []*Sandbox
	for _, p := range []*model.Pod{
		pod(1, model.Container{Name: "large", Requests: model.Resources{MemoryBytes: gi}}),
		pod(2, model.Container{Name: "new"}),
	} {
		s := r.machine.Add(p, p.NameHash())
		r.machine.MakeSandbox(s)
		r.machine.Start(s, 0)
		boxes = append(boxes, s)
		r.run(t, time.Second)
	}
	if boxes[0].Alive() || !boxes[1].Alive() {
		t.Errorf("the large one runs: %v, the new one: %v; want the large one killed", boxes[0].Alive(), boxes[1].Alive())
	}
}

func TestAPodOfATraceRunsForItsOwnTime(t *testing.T) {
	runs := map[string]time.Duration{"pod/p-1": time.Minute, "pod/p-2": time.Hour}
	all := Behaviors{{Container: "long", Run: sim.Constant(2 * time.Hour), Runs: runs}, {Stop: sim.Constant(time.Second), Runs: runs}}
	for _, x := range []struct {
		id        uint32
		container string
		want      time.Duration
	}{
		{1, "main", time.Minute}, {2, "main", time.Hour}, {1, "long", 2 * time.Hour}, {3, "main", 0},
	} {
		if got := all.For(pod(x.id), x.container).Run; got.Median() != x.want {
			t.Errorf("p-%d %s runs for %v, want %v", x.id, x.container, got.Median(), x.want)
		}
	}
}

// A process without a handler of its own ends with 128 and the number of the signal; one
// that shuts down in order with what it likes.
func TestAfterSIGTERMAProcessEndsWith143UnlessItSaysOtherwise(t *testing.T) {
	zero, three := int32(0), int32(3)
	for _, c := range []struct {
		code *int32
		want int32
	}{{nil, 143}, {&zero, 0}, {&three, 3}} {
		r := newRig(Behavior{StopCode: c.code})
		s := r.machine.Add(pod(1, model.Container{Name: "main"}), 7)
		r.machine.MakeSandbox(s)
		r.machine.Start(s, 0)
		r.run(t, time.Second)
		r.machine.Stop(s, 0, 30*time.Second)
		r.run(t, time.Second)
		if p := &s.Processes[0]; p.Running || p.ExitCode != c.want || p.Cause != Exited {
			t.Errorf("running %v, exit code %d, want %d", p.Running, p.ExitCode, c.want)
		}
	}
}

// What is lost with a machine writes nothing while that is without power, although it
// is found to have ended only when it is back.
func TestNothingIsWrittenWithoutPower(t *testing.T) {
	r := newRig(Behavior{DiskBytes: 100, DiskGrowth: 10})
	s := r.machine.Add(pod(1, model.Container{Name: "main"}), 7)
	r.machine.MakeSandbox(s)
	r.machine.Start(s, 0)
	r.run(t, 20*time.Second)
	r.machine.PowerOff()
	r.run(t, time.Hour)
	r.machine.Boot()
	if used := s.Processes[0].DiskUsed(r.Now()); used != 300 {
		t.Errorf("%d bytes written, want 300", used)
	}
}
