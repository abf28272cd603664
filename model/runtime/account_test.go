package runtime

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// books is a machine of which everything is told, and what was told last, by what it is about.
type books struct {
	*sim.Kernel
	machine *Machine
	pods    []uint32
	told    map[string]account
	notes   int
}

func newBooks(seed uint64, told func(*model.Pod) bool) *books {
	luck := sim.NewLuck(seed).Stream("books")
	b := &books{Kernel: sim.New(sim.Config{Seed: seed}), told: map[string]account{}}
	of := func(kind string) *model.Selector {
		return model.SelectorOf(model.MakeLabels(map[string]string{"kind": kind}))
	}
	const mib = 1 << 20
	behaviors := Behaviors{
		{Match: of("0"), Startup: sim.Constant(time.Second), CPUMilli: 20, CPUMicroPerRPS: 1000, MemoryBytes: 64 * mib, MemoryPerRPS: 100_001},
		{Match: of("1"), Startup: sim.Constant(4 * time.Second), StartupCPUMilli: 900, CPUMilli: 50, MemoryGrowth: 8*mib + 7},
		{Match: of("2"), CPUMicroPerRPS: 300, MemoryBytes: mib, MemoryPerRPS: 90_001, MemoryGrowth: 3_000_001},
		{Match: of("3"), CPUMicroPerRPS: 200, Bursts: []Burst{{After: 20 * time.Second, For: 5 * time.Second, Every: time.Minute, CPUMilli: 600, MemoryBytes: 30 * mib}}},
	}
	node := &model.Node{Meta: model.Meta{Kind: model.KindNode, ID: 1, Name: "a"}, Capacity: model.Resources{CPUMilli: 4000, MemoryBytes: 4 << 30}}
	node.Stock = &model.Stock{SwapBytes: 2 << 30}
	b.machine = NewMachine(b.Kernel, node, Config{
		Behaviors: behaviors, Registry: NewRegistry(b.Kernel), Kubelet: deaf{}, LimitedSwap: true, HasAccount: told, WholeAccount: told != nil,
		Note: func(_ sim.ActorID, n model.Note) {
			if n.Usage != nil {
				b.told[n.Path()] = account{told: *n.Usage, at: b.Now()}
				b.notes++
			}
		},
	})
	for i := range 8 {
		id := uint32(i + 1)
		c := busy(int64(100+luck.Below(500)), int64(luck.Below(2)*800))
		if c.Requests.MemoryBytes = 256 * mib; luck.Below(2) == 0 {
			c.Limits.MemoryBytes = 300 * mib
		}
		p := pod(id, c)
		p.Labels = model.MakeLabels(map[string]string{"kind": fmt.Sprint(luck.Below(4))})
		p.Spec.SumRequests()
		s := b.machine.Add(p, uint64(id))
		s.Ready = true
		b.machine.Start(s, 0)
		b.pods = append(b.pods, id)
	}
	return b
}

// happen has something of the kind that the luck says.
func (b *books) happen(luck *sim.Stream) {
	m, s := b.machine, b.machine.Sandbox(b.pods[luck.Below(uint64(len(b.pods)))])
	some := int64(luck.Below(900_000))
	switch what := luck.Below(24); {
	case !m.Powered():
		m.Boot()
	case what < 12:
		load(m, s.Pod.ID, some)
	case what < 15 && s.Processes[0].Running:
		m.Crash(s, 0, 1)
	case what < 15:
		m.Start(s, 0)
	case what < 18:
		m.Burn(some / 300)
	case what < 20:
		m.Cool(some / 200)
	case what < 21 && len(m.hogs.all) == 0:
		m.Take(900_000, 30*time.Second, 0)
	case what < 21:
		m.Return(m.hogs.all[0].number)
	case what < 23:
		m.Creep(some/10_000-40, 0, (some-400_000)*500)
	case some < 200_000:
		m.PowerOff()
	}
}

// differs tells how what was told about something differs from what it uses; memory may by
// a byte for each thing that grows, which is cut to whole bytes by itself.
func (b *books) differs(path string, used model.Usage, things int64) string {
	a, ok := b.told[path]
	told := a.expects(b.Now())
	off := used.MemoryBytes - told.MemoryBytes
	if ok && told.MilliCPU == used.MilliCPU && told.MemoryGrowth == used.MemoryGrowth && off <= things && -off <= things {
		return ""
	}
	return fmt.Sprintf("%s at %v: told %v (%v), uses %v", path, b.Now(), a.told, ok, used)
}

// What was told last, as a straight line from there, is what a look at any moment finds: the
// slow twin.
func TestWhatIsToldOfUsageIsWhatIsUsedAtEveryMoment(t *testing.T) {
	growing, swapped, crowded, off := 0, 0, 0, 0
	for seed := range uint64(60) {
		b := newBooks(seed, func(*model.Pod) bool { return true })
		luck := sim.NewLuck(seed).Stream("happens")
		for range 200 {
			b.Run(b.Now().Add(time.Duration(luck.Below(3000))*time.Millisecond + time.Duration(luck.Below(1000))))
			whole := model.Usage{MilliCPU: b.machine.burnt + b.machine.daemons.wants}
			whole.MemoryBytes, whole.MemoryGrowth = b.machine.outsideLine(b.Now())
			for _, id := range b.pods {
				s := b.machine.Sandbox(id)
				p := &s.Processes[0]
				used := model.Usage{MilliCPU: p.meter.cpu, MemoryBytes: p.MemoryUsed(b.Now())}
				if p.Running {
					used.MemoryGrowth = p.grows(b.Now())
					if p.used(b.Now()) > used.MemoryBytes {
						swapped++
					}
				}
				if s := b.differs(s.Pod.Path(), used, 3); s != "" {
					t.Fatal("seed ", seed, ": ", s)
				}
				whole.MilliCPU += used.MilliCPU
				whole.MemoryBytes += used.MemoryBytes
				whole.MemoryGrowth += used.MemoryGrowth
			}
			if b.machine.crowded && b.machine.Powered() { // of which nothing is left
				whole.MilliCPU = b.machine.cores
				crowded++
			}
			if s := b.differs("node/a", whole, 30); s != "" {
				t.Fatal("seed ", seed, ": ", s)
			}
			if whole.MemoryGrowth != 0 {
				growing++
			}
			if !b.machine.Powered() {
				off++
			}
			b.happen(&luck)
		}
	}
	if growing < 1000 || swapped < 100 || crowded < 100 || off < 100 {
		t.Errorf("memory grew %d times, was swapped %d times, and the machine was crowded %d times and off %d times: this shows little", growing, swapped, crowded, off)
	}
}

// A machine is measured from two readings after it was switched on until it is off: what it
// used before nobody counts any more (kubernetes-sigs/metrics-server pkg/storage/node.go).
func TestAMachineThatWasOffIsMeasuredAnew(t *testing.T) {
	b := newBooks(1, func(*model.Pod) bool { return true })
	known := func(at time.Duration) bool {
		b.Run(sim.Time(at))
		s, ok := b.machine.MeasuredWhole(b.Now())
		if ok && (s.CPUMilli == 0 || s.At > b.Now().Add(-15*time.Second)) {
			t.Errorf("at %v it is measured as %+v", at, s)
		}
		return ok
	}
	for _, c := range []struct {
		at, off, on time.Duration
		known       bool
	}{{at: 29 * time.Second}, {at: 30 * time.Second, known: true}, {at: 59 * time.Second, known: true}, {at: time.Minute + time.Second, off: time.Minute}, {at: 99 * time.Second, on: 61 * time.Second}, {at: 104 * time.Second}, {at: 105 * time.Second, known: true}} {
		if c.off > 0 {
			b.Run(sim.Time(c.off))
			b.machine.PowerOff()
		}
		if c.on > 0 {
			b.Run(sim.Time(c.on))
			b.machine.Boot()
		}
		if got := known(c.at); got != c.known {
			t.Errorf("at %v it is measured: %v, want %v", c.at, got, c.known)
		}
	}
	if _, ok := newBooks(1, nil).machine.MeasuredWhole(sim.Time(time.Hour)); ok {
		t.Error("one that is not told is measured")
	}
}
