package kubelet_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/runtime"
	"orrery/sim"
)

// TestElidedTicksMakeTheSameHistory compares, on random pods and random
// trouble, the history with that of the literal mode, in which every tick is
// an event.
func TestElidedTicksMakeTheSameHistory(t *testing.T) {
	seeds := uint64(400)
	if testing.Short() {
		seeds = 40
	}
	uncreated, unmounted := 0, 0
	for seed := range seeds {
		fast, few := trouble(t, seed)
		slow, many := trouble(t, seed, literal)
		uncreated += strings.Count(fast, "CreateContainerConfigError")
		unmounted += strings.Count(fast, `failed for volume "v"`)
		if fast != slow {
			t.Fatalf("seed %d: %s", seed, firstDifference(fast, slow))
		}
		if many <= few {
			t.Errorf("seed %d: %d events in literal mode, %d otherwise", seed, many, few)
		}
	}
	if uncreated < 10 || unmounted < 10 {
		t.Errorf("in all runs only %d records of containers that lack a ConfigMap, and %d of volumes", uncreated, unmounted)
	}
}

// TestElidedLooksForPressureMakeTheSameHistory does the same on a node that
// is often short of memory.
func TestElidedLooksForPressureMakeTheSameHistory(t *testing.T) {
	small := withNode(func(n *model.Node) { n.Capacity.MemoryBytes, n.Capacity.EphemeralBytes = 1500<<20, 12<<30 })
	evictions := 0
	for seed := range uint64(150) {
		fast, _ := trouble(t, seed, small)
		slow, _ := trouble(t, seed, small, literal)
		if fast != slow {
			t.Fatalf("seed %d: %s", seed, firstDifference(fast, slow))
		}
		evictions += strings.Count(fast, " Evicted: ")
	}
	if evictions < 30 {
		t.Errorf("only %d evictions in 150 runs", evictions)
	}
}

// TestAnExitNeverTiesWithAProbe: a container is killed at a tick of its probe, and a
// constant number of seconds later, when the probes of the others tick, it ends or its
// preStop hook fails. The literal mode posts these ticks at other moments, which must not
// matter.
func TestAnExitNeverTiesWithAProbe(t *testing.T) {
	main := runtime.Behavior{Container: "main", Startup: sim.Constant(time.Millisecond), Stop: sim.Constant(10 * time.Second)}
	second := runtime.Behavior{Container: "second", Startup: sim.Constant(time.Millisecond), Stop: sim.Constant(5 * time.Second)}
	hooked := main
	hooked.PreStop, hooked.PreStopFails = sim.Constant(10*time.Second), 1_000_000
	story := func(seed uint64, main runtime.Behavior, options ...option) string {
		r := newRig(t, seed, append(options, behaving(main, second))...)
		p := r.pod("web", func(s *model.PodSpec) {
			s.GraceSeconds = 12
			s.Containers = append(s.Containers, model.Container{Name: "second", Image: "web"})
			s.Containers[0].Liveness, s.Containers[1].Liveness, s.Containers[1].Readiness = every(5*time.Second, 1), every(5*time.Second, 3), every(5*time.Second, 3)
		})
		r.ready(p)
		harm := model.ProbeHarm{Kinds: [model.ProbeKinds]bool{true, true, true}, Lost: 1_000_000}
		r.kubelet.HarmProbes(p.Ref(), "", harm)
		r.run(4 * time.Minute)
		r.kubelet.HealProbes(p.Ref(), "", harm)
		r.run(time.Minute)
		r.kubelet.Hang(p.Ref())
		r.run(2 * time.Minute)
		r.kubelet.Unhang(p.Ref())
		r.run(time.Minute)
		if n := r.get(p).Restarts(); n < 6 {
			t.Errorf("seed %d: %d restarts", seed, n)
		}
		return r.story()
	}
	for seed := range uint64(8) {
		for _, b := range []runtime.Behavior{main, hooked} {
			if fast, slow := story(seed, b), story(seed, b, literal); fast != slow {
				t.Errorf("seed %d, hook %v: %s", seed, b.PreStop, firstDifference(fast, slow))
			}
		}
	}
}

// TestASleepBeforeAStopNeverEndsOnATickOfAProbe: a container that has ended is stopped for its liveness probe,
// and its image pulled again whole seconds later, when its readiness probe ticks.
func TestASleepBeforeAStopNeverEndsOnATickOfAProbe(t *testing.T) {
	story := func(seed uint64, options ...option) string {
		r := newRig(t, seed, append(options, behaving(runtime.Behavior{Startup: sim.Constant(time.Millisecond)}))...)
		p := r.pod("web", func(s *model.PodSpec) {
			c := &s.Containers[0]
			c.PreStop, c.PullPolicy = &model.Hook{Sleep: 4 * time.Second}, model.PullAlways
			c.Startup, c.Liveness, c.Readiness = every(2*time.Second, 3), every(time.Second, 1), every(2*time.Second, 3)
		})
		r.ready(p)
		r.run(time.Minute + time.Duration(seed)*37*time.Millisecond)
		r.kubelet.CrashContainer(p.Ref(), "", 1)
		r.run(time.Minute)
		return r.story()
	}
	for seed := range uint64(64) {

		if fast, slow := story(seed), story(seed, literal); fast != slow {
			t.Fatalf("seed %d: %s", seed, firstDifference(fast, slow))
		}
	}
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("record %d:\nelided:  %s\nliteral: %s\nbefore:  %s", i, x[i], y[i], x[max(i-1, 0)])
		}
	}
	return "one is longer"
}

// randomConfigs has a pod need the ConfigMap app, or not.
func randomConfigs(s *model.PodSpec, luck *sim.Stream) {
	use := model.ConfigUse{Kind: model.KindConfigMap, Name: "app", Keys: []string{"a", "b"}[:luck.Below(3)], Optional: luck.Below(8) == 0, Known: true}
	switch luck.Below(6) {
	case 0:
		s.Containers[0].Env = []model.ConfigUse{use}
	case 1:
		use.Volume = "v"
		s.Configs = []model.ConfigUse{use}
	}
}

// turnConfig makes or deletes that ConfigMap, now and then.
func (r *rig) turnConfig(luck *sim.Stream) {
	there := r.store.Lookup(model.KindConfigMap, "default", "app")
	switch draw := luck.Below(6); {
	case draw == 0 && there != nil:
		r.user.Delete(there.Head().Ref(), 0, 0)
	case draw <= 2 && there == nil:
		r.user.Create(&model.Config{Meta: model.Meta{Kind: model.KindConfigMap, Namespace: "default", Name: "app"}, Keys: []string{"a"}, Immutable: luck.Below(4) == 0}, 0)
	}
}

// trouble is the story of a node with random pods in random trouble, and how
// many events it took.
func trouble(t *testing.T, seed uint64, options ...option) (string, uint64) {
	luck, configs := sim.NewLuck(seed).Stream("trouble"), sim.NewLuck(seed).Stream("configs")
	r := newRig(t, seed, append(options, behaving(randomBehaviors(&luck)...))...)
	var pods []*model.Pod
	cut := network.Handle(-1)
	for i := range 60 {
		r.run(luck.Duration(0, 25*time.Second))
		r.turnConfig(&configs)
		switch luck.Below(25) {
		case 0, 1, 2, 3:
			pods = append(pods, r.pod(fmt.Sprintf("p%d", i), func(s *model.PodSpec) { randomSpec(s, &luck); randomConfigs(s, &configs) }))
		case 4:
			if len(pods) > 0 {
				r.user.Delete(pods[luck.Below(uint64(len(pods)))].Ref(), int32(luck.Below(3))*15-1+int32(luck.Below(2)), 0)
			}
		case 5:
			if len(pods) > 0 {
				r.kubelet.CrashContainer(pods[luck.Below(uint64(len(pods)))].Ref(), "", int32(luck.Below(2)))
			}
		case 6:
			r.kubelet.Stop()
		case 7, 8:
			r.kubelet.Resume()
			r.kubelet.PowerOn()
		case 9:
			r.kubelet.PowerOff()
		case 10:
			r.registry.SetSilent(runtime.AllRegistries, luck.Below(2) == 0)
			r.registry.SetDown(runtime.AllRegistries, luck.Below(2) == 0)
		case 15:
			if !r.kubelet.Machine().RuntimeDown() {
				r.kubelet.StopRuntime()
			}
		case 18:
			r.kubelet.Creep(int64(luck.Below(20_000)), 0, 0)
		case 19, 20:
			r.kubelet.Creep(-20_000, 0, 0)
		case 21, 22:
			if len(pods) > 0 {
				r.resize(pods[luck.Below(uint64(len(pods)))], int64(luck.Below(3000)), 0, int64(luck.Below(2))<<30)
			}
		case 23, 24:
			if len(pods) > 0 {
				r.set(pods[luck.Below(uint64(len(pods)))], "example.com/gate", model.ConditionStatus(luck.Below(3)))
			}
		case 16, 17:
			if r.kubelet.Machine().RuntimeDown() {
				r.kubelet.StartRuntime()
			}
		case 12, 13, 14:
			if len(pods) > 0 {
				risk := [...][2]uint32{{0, 0}, {1_000_000, 0}, {0, 1_000_000}, {300_000, 300_000}, {800_000, 0}}[luck.Below(5)]
				pod := pods[luck.Below(uint64(len(pods)))].ID
				if s := r.kubelet.Machine().Sandbox(pod); s != nil {
					r.kubelet.Machine().Probed(pod, int(luck.Below(uint64(len(s.Processes)))), model.ProbeKind(luck.Below(3)), risk[0], risk[1])
				}
			}
		case 11:
			if cut >= 0 {
				r.net.Lift(cut)
				cut = -1
			} else {
				cut = r.net.Impair(network.Impairment{From: []network.Site{r.site}, To: []network.Site{0}, Cut: true})
			}
		}
	}
	r.run(2 * time.Minute)
	return r.story(), r.Events()
}

func randomBehaviors(luck *sim.Stream) []runtime.Behavior {
	var b []runtime.Behavior
	for _, name := range []string{"main", "second", "init", "sidecar"} {
		x := runtime.Behavior{Container: name, ImageBytes: int64(luck.Below(300)) << 20}
		if luck.Below(2) == 0 {
			x.Startup = sim.Uniform(0, luck.Duration(time.Second, time.Minute))
		}
		if luck.Below(2) == 0 {
			x.Run, x.ExitCode = sim.Uniform(0, luck.Duration(time.Second, 2*time.Minute)), int32(luck.Below(2))
			x.Exits = int32(luck.Below(4))
		}
		if luck.Below(3) == 0 {
			x.Stop = sim.Uniform(0, luck.Duration(time.Second, time.Minute))
		}
		if luck.Below(3) == 0 {
			x.PreStop, x.PostStart = sim.Uniform(0, luck.Duration(time.Second, time.Minute)), sim.Uniform(0, luck.Duration(time.Second, time.Minute))
			x.PreStopFails, x.PostStartFails = int64(luck.Below(2))*500_000, int64(luck.Below(2))*500_000
		}
		if luck.Below(5) == 0 {
			x.DiskBytes, x.DiskGrowth = int64(luck.Below(4))<<30, int64(luck.Below(50))<<20
		}
		if luck.Below(4) == 0 {
			x.MemoryBytes, x.MemoryGrowth = 100<<20, int64(luck.Below(20))<<20
		}
		b = append(b, x)
	}
	return b
}

func randomSpec(s *model.PodSpec, luck *sim.Stream) {
	s.RestartPolicy = model.RestartPolicy(luck.Below(3))
	s.GraceSeconds = int32(luck.Below(40))
	s.Containers[0].Limits.MemoryBytes = 1 << 30
	s.Containers[0].Requests.CPUMilli = int64(luck.Below(1500))
	randomContainer(&s.Containers[0], luck)
	if luck.Below(3) == 0 {
		s.Containers = append(s.Containers, model.Container{Name: "second", Image: "second"})
		randomContainer(&s.Containers[1], luck)
	}
	if luck.Below(4) == 0 {
		s.InitContainers = append(s.InitContainers, model.Container{Name: "init", Image: "web"})
	}
	if luck.Below(4) == 0 {
		s.InitContainers = append(s.InitContainers, model.Container{Name: "sidecar", Image: "sidecar", Sidecar: true})
		randomContainer(&s.InitContainers[len(s.InitContainers)-1], luck)
	}
	if luck.Below(8) == 0 {
		s.ReadinessGates = []string{"example.com/gate"}
	}
	if luck.Below(8) == 0 {
		s.ActiveDeadline = luck.Duration(time.Second, 3*time.Minute)
	}
}

func randomContainer(c *model.Container, luck *sim.Stream) {
	c.PullPolicy = model.PullPolicy(luck.Below(4) / 2)
	probe := func() *model.Probe {
		if luck.Below(2) == 0 {
			return nil
		}
		p := &model.Probe{
			InitialDelay: time.Duration(luck.Below(20)) * time.Second, Period: time.Duration(1+luck.Below(10)) * time.Second,
			SuccessThreshold: 1, FailureThreshold: int(1 + luck.Below(4)),
			Timeout: time.Duration(luck.Below(15)) * time.Second, Grace: time.Duration(luck.Below(2)) * 5 * time.Second,
		}
		if p.FailureThreshold%2 == 0 {
			p.Handler = model.Exec
		}
		return p
	}
	c.Readiness, c.Liveness, c.Startup = probe(), probe(), probe()
}
