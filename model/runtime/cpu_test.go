package runtime

import (
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Source: pkg/kubelet/cm/helpers_linux.go MilliCPUToShares and
// cgroup_manager_linux.go getCPUWeight: 1 + (shares-2)*9999/262142.
func TestRequestsBecomeWeightsOfCgroups(t *testing.T) {
	for milli, want := range map[int64]int64{0: 1, 100: 4, 1000: 39, 8000: 313, 256_000: 10_000, 1_000_000: 10_000} {
		if got := weight(milli); got != want {
			t.Errorf("%d milli-CPU have the weight %d, want %d", milli, got, want)
		}
	}
}

// slowFill is fill as work-conserving weights mean it: in rounds, each unsatisfied group
// gets its part of what is left, and what is too much for somebody is for the next
// round. It computes with parts of a thousandth, so up to one thousandth a group is
// rounding.
func slowFill(groups []group, milli int64) []int64 {
	const fine = 1_000_000
	gets, left := make([]int64, len(groups)), milli*fine
	for {
		var weights int64
		for i, g := range groups {
			if gets[i] < g.wants*fine {
				weights += g.weight
			}
		}
		if weights == 0 {
			return gets
		}
		cut, round := false, left
		for i, g := range groups {
			if gets[i] >= g.wants*fine {
				continue
			}
			if part := round * g.weight / weights; gets[i]+part >= g.wants*fine {
				left -= g.wants*fine - gets[i]
				gets[i], cut = g.wants*fine, true
			}
		}
		if cut {
			continue
		}
		for i, g := range groups {
			if gets[i] < g.wants*fine {
				gets[i] = round * g.weight / weights
			}
		}
		return gets
	}
}

func TestFillIsTheRoundsOfFairSharing(t *testing.T) {
	luck := sim.NewLuck(1).Stream("fill")
	for n := range 3000 {
		groups := make([]group, 1+luck.Below(8))
		var wanted int64
		for i := range groups {
			groups[i] = group{wants: int64(luck.Below(4000)), weight: 1 + int64(luck.Below(400)), of: int32(i)}
			wanted += groups[i].wants
		}
		milli := int64(luck.Below(8000))
		slow := slowFill(groups, milli)
		fast := slices.Clone(groups)
		fill(fast, milli)
		var sum int64
		for _, g := range fast {
			sum += g.gets
			if d := g.gets*1_000_000 - slow[g.of]; d < -8_000_000 || d > 8_000_000 {
				t.Fatalf("case %d: %+v of %d: group %d gets %d, want %d millionths", n, groups, milli, g.of, g.gets, slow[g.of])
			}
			if g.gets > g.wants {
				t.Fatalf("case %d: group %d gets %d and wants %d", n, g.of, g.gets, g.wants)
			}
		}
		if want := min(milli, wanted); sum != want {
			t.Fatalf("case %d: %d of %d are given", n, sum, want)
		}
	}
}

// without has the machine's daemons need nothing, so that numbers are round.
func without(m *Machine) {
	m.daemons.rest, m.daemons.each = 0, 0
	m.need(0)
}

// busy is a container that asks for a request of CPU, and may be limited.
func busy(request, limit int64) model.Container {
	c := model.Container{Name: "busy"}
	c.Requests.CPUMilli, c.Limits.CPUMilli = request, limit
	return c
}

// cores is a rig whose machine has that many cores, and whose containers want
// demand each.
func cores(n, demand int64) *rig {
	r := &rig{Kernel: sim.New(sim.Config{Seed: 1})}
	r.registry = NewRegistry(r.Kernel)
	node := &model.Node{Meta: model.Meta{Kind: model.KindNode, ID: 1, Name: "n-0"}, Capacity: model.Resources{CPUMilli: 1000 * n}}
	r.machine = NewMachine(r.Kernel, node, Config{
		Behaviors: Behaviors{{Startup: sim.Constant(time.Second), CPUMilli: demand, CPUMicroPerRPS: 1000}}, Registry: r.registry, Serving: r, Kubelet: r,
	})
	without(r.machine)
	return r
}

func (r *rig) runs(id uint32, c model.Container) *Process {
	p := pod(id, c)
	p.Spec.SumRequests()
	s := r.machine.Add(p, uint64(id))
	s.Ready = true
	r.machine.Start(s, 0)
	return &s.Processes[0]
}

// Source: pkg/kubelet/cm/qos_container_manager_linux.go: requests are weights, so a floor under
// contention, never a ceiling; BestEffort pods together get weight 1 against everybody else.
func TestACrowdedMachineGivesByWeightAndAnIdleOneWhatIsWanted(t *testing.T) {
	r := cores(4, 4000)
	small := r.runs(1, busy(100, 0))
	if small.meter.cpu != 4000 {
		t.Errorf("alone, 100m of request get %dm of 4000m", small.meter.cpu)
	}
	large := r.runs(2, busy(1000, 0))
	// Both are Burstable: weights 4 and 39.
	if got := []int64{small.meter.cpu, large.meter.cpu}; !slices.Equal(got, []int64{373, 3627}) {
		t.Errorf("weights 4 and 39 share 4000m as %v", got)
	}
	poor := r.runs(3, busy(0, 0))
	// kubepods' children: burstable has weight 43, besteffort 1.
	if got := poor.meter.cpu; got < 85 || got > 95 {
		t.Errorf("a BestEffort pod gets %dm beside 1100m of requests", got)
	}
	capped := r.runs(4, busy(500, 500))
	if got := capped.meter.cpu; got > 500 {
		t.Errorf("a limit of 500m gets %dm", got)
	}
	r.machine.Crash(r.machine.Sandbox(2), 0, 1)
	if got := large.meter.cpu; got != 0 {
		t.Errorf("what has ended gets %dm", got)
	}
	r.machine.Crash(r.machine.Sandbox(3), 0, 1)
	r.machine.Crash(r.machine.Sandbox(4), 0, 1)
	if small.meter.cpu != 4000 {
		t.Errorf("alone again, it gets %dm", small.meter.cpu)
	}
}

// On a crowded machine a pod has CPU for fewer requests, and is told so.
func TestACrowdedMachineServesFewerRequests(t *testing.T) {
	r := cores(4, 500)
	r.runs(1, busy(1000, 0))
	if got, limited := capacity(r.machine, 1); limited {
		t.Errorf("alone: %d", got)
	}
	load(r.machine, 1, 4_000_000) // 4 cores and a half
	r.runs(2, busy(1000, 0))
	load(r.machine, 2, 4_000_000)
	for id := uint32(1); id <= 2; id++ {
		if got, limited := capacity(r.machine, id); got != 1_990_049 || !limited { // a hundred requests beside half a thread
			t.Errorf("pod %d has CPU for %d", id, got)
		}
	}
}

// What needs CPU to start up takes longer where it gets less, and by what it has
// done already less long.
func TestAStartUpThatNeedsCPUTakesLongerOnACrowdedMachine(t *testing.T) {
	r := cores(2, 0)
	r.machine.behaviors = Behaviors{{Startup: sim.Constant(10 * time.Second), StartupCPUMilli: 2000}}
	first := r.runs(1, busy(1000, 0))
	r.run(t, 5*time.Second)
	second := r.runs(2, busy(1000, 0))
	// Half is done; the rest goes at half the speed.
	if got, want := first.ServesAt, sim.Time(15*time.Second); got != want {
		t.Errorf("the first has started up at %v, want %v", got, want)
	}
	r.run(t, 11*time.Second)
	// From 15 s on the second is alone: it has done 5 s of its 10.
	if got, want := second.ServesAt, sim.Time(20*time.Second); got != want {
		t.Errorf("the second has started up at %v, want %v", got, want)
	}
}

// Source: pkg/kubelet/cm/qos_container_manager_linux.go setCPUCgroupConfig: the weight of all
// Burstable pods is of the requests of all that are active, whether they run or not.
func TestAPodThatWaitsForItsImageCountsInTheWeightOfTheBurstable(t *testing.T) {
	r := cores(4, 4000)
	sure := r.runs(1, model.Container{Name: "main", Requests: model.Resources{CPUMilli: 2000, MemoryBytes: 1}, Limits: model.Resources{CPUMilli: 2000, MemoryBytes: 1}})
	poor := r.runs(2, busy(500, 0))
	r.machine.Burn(100_000)
	all := sure.meter.cpu + poor.meter.cpu
	// Weights 79 and 20, then 79 and 79.
	if got, want := poor.meter.cpu, all*20/99; got < want-2 || got > want+2 {
		t.Errorf("alone, 500m of request get %dm of %dm", got, all)
	}
	p := pod(3, busy(1500, 0))
	p.Spec.SumRequests()
	waits := r.machine.Add(p, 3)
	if got, want := poor.meter.cpu, all*79/158; got < want-2 || got > want+2 {
		t.Errorf("beside one that waits, it gets %dm of %dm, want %d", got, all, want)
	}
	r.machine.Retire(waits)
	if got, want := poor.meter.cpu, all*20/99; got < want-2 || got > want+2 {
		t.Errorf("when that is over, it gets %dm of %dm", got, all)
	}
}

// cgroup is a node of the tree of cgroups, as the slow twin has it: in CPUs.
type cgroup struct {
	weight, quota float64 // quota 0 is none
	wants         float64 // of one without children
	kids          []*cgroup
	process       *Process // whose it is
	gets          float64
}

func (g *cgroup) demand() (sum float64) {
	if sum = g.wants; g.kids != nil {
		for _, k := range g.kids {
			sum += k.demand()
		}
	}
	if g.quota > 0 {
		sum = min(sum, g.quota)
	}
	return sum
}

// share shares by weight: in rounds, each child that wants more gets its part of
// what is left, and what is more than it wants goes back.
func (g *cgroup) share(cpus float64) {
	g.gets = min(cpus, g.demand())
	left, open := g.gets, slices.Clone(g.kids)
	for cut := true; cut; {
		var weights float64
		for _, k := range open {
			weights += k.weight
		}
		cut = false
		round := left
		open = slices.DeleteFunc(open, func(k *cgroup) bool {
			if d := k.demand(); d <= round*k.weight/weights {
				k.share(d)
				left, cut = left-d, true
				return true
			}
			return false
		})
		if !cut {
			for _, k := range open {
				k.share(left * k.weight / weights)
			}
		}
	}
}

// Source: pkg/kubelet/cm/qos_container_manager_linux.go: the tree is system.slice beside
// kubepods, in that Guaranteed pods beside the tiers burstable and besteffort, pods in these,
// containers in pods; what somebody does not want goes to the siblings first, and only then to
// others.
func TestAMachinesCPUIsSharedAsTheTreeOfCgroupsSaysIt(t *testing.T) {
	uses := map[string]int64{"idle": 0, "light": 150, "warm": 800, "hot": 3000}
	names := []string{"idle", "light", "warm", "hot"}
	var behaviors Behaviors
	for _, n := range names {
		behaviors = append(behaviors, Behavior{Container: n, CPUMilli: uses[n]})
	}
	luck, crowded := sim.NewLuck(1).Stream("tree"), 0
	for n := range 500 {
		r := cores(1+int64(luck.Below(8)), 0)
		m := r.machine
		m.behaviors = behaviors
		m.reservedCPU = int64(luck.Below(uint64(m.cores) / 2))
		best, burstable := &cgroup{weight: 1}, &cgroup{}
		pods := &cgroup{weight: float64(weight(m.cores - m.reservedCPU)), kids: []*cgroup{best, burstable}}
		var asked int64
		for id := range uint32(1 + luck.Below(10)) {
			p, class := pod(id+1), luck.Below(3)
			p.Spec.Containers = nil
			for _, name := range names[luck.Below(4):] {
				c := model.Container{Name: name}
				switch class {
				case 1:
					c.Requests = model.Resources{CPUMilli: int64(luck.Below(2000)), MemoryBytes: 1}
					if luck.Below(2) == 0 {
						c.Limits.CPUMilli = c.Requests.CPUMilli + 10 + int64(luck.Below(1000))
					}
				case 2:
					c.Requests = model.Resources{CPUMilli: 10 + int64(luck.Below(1500)), MemoryBytes: 1}
					c.Limits = c.Requests
				}
				c.AsksForNoCPU = c.Requests.CPUMilli == 0
				p.Spec.Containers = append(p.Spec.Containers, c)
			}
			p.Spec.SumRequests()
			s := m.Add(p, uint64(id))
			s.Ready = true
			g := &cgroup{weight: float64(weight(p.Spec.Request.CPUMilli))}
			for i, c := range p.Spec.Containers {
				m.Start(s, i)
				g.kids = append(g.kids, &cgroup{
					weight: float64(weight(c.Requests.CPUMilli)), quota: float64(c.Limits.CPUMilli),
					wants: float64(min(uses[c.Name], m.cores)), process: &s.Processes[i],
				})
			}
			switch p.Spec.QoS() {
			case model.BestEffort:
				best.kids = append(best.kids, g)
			case model.Burstable:
				burstable.kids = append(burstable.kids, g)
				asked += p.Spec.Request.CPUMilli
			default:
				pods.kids = append(pods.kids, g)
			}
		}
		burstable.weight = float64(weight(asked))
		burnt := int64(luck.Below(3)) * int64(luck.Below(4000))
		m.Burn(burnt)
		root := &cgroup{kids: []*cgroup{{weight: systemWeight, wants: float64(burnt)}, pods}}
		root.share(float64(m.cores))
		if m.crowded {
			crowded++
		}
		eachLeaf(pods, func(g *cgroup) {
			if d := float64(g.process.meter.cpu) - g.gets; d < -20 || d > 20 {
				t.Fatalf("machine %d: a container that wants %v gets %d, want %v", n, g.wants, g.process.meter.cpu, g.gets)
			}
		})
	}
	if crowded < 200 {
		t.Errorf("only %d machines were crowded", crowded)
	}
}

func eachLeaf(g *cgroup, f func(*cgroup)) {
	if g.process != nil {
		f(g)
	}
	for _, k := range g.kids {
		eachLeaf(k, f)
	}
}
