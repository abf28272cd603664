package runtime

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// The closed form of a burst is what somebody sees who looks every second.
func TestABurstIsWhatALookEverySecondSees(t *testing.T) {
	luck := sim.NewLuck(1).Stream("bursts")
	for n := range 500 {
		b := Burst{After: time.Duration(luck.Below(100)) * time.Second, For: time.Duration(luck.Below(30)) * time.Second}
		if luck.Below(2) == 0 {
			b.Every = b.For + time.Duration(1+luck.Below(30))*time.Second
		}
		if b.For == 0 {
			b.Every = 0
		}
		was, next := b.at(0)
		for age := time.Second; age < 300*time.Second; age += time.Second {
			on := false
			for from := b.After; from <= age; from += b.Every {
				on = on || b.For == 0 || age < from+b.For
				if b.Every == 0 {
					break
				}
			}
			got, then := b.at(age)
			if got != on {
				t.Fatalf("case %d: %+v at %v: %v, want %v", n, b, age, got, on)
			}
			if changed := got != was; changed != (next == age) {
				t.Fatalf("case %d: %+v at %v: changed %v, but the next change was said to be at %v", n, b, age, changed, next)
			}
			was, next = got, then
		}
	}
}

// burster is a rig with one machine of four cores and 1 GiB, and one container.
func burster(c model.Container, bursts ...Burst) (*rig, *Process) {
	r := &rig{Kernel: sim.New(sim.Config{Seed: 1})}
	r.registry = NewRegistry(r.Kernel)
	node := &model.Node{Meta: model.Meta{Kind: model.KindNode, ID: 1, Name: "n-0"}, Capacity: model.Resources{CPUMilli: 4000, MemoryBytes: 1 << 30}}
	r.machine = NewMachine(r.Kernel, node, Config{
		Behaviors: Behaviors{{Startup: sim.Constant(time.Second), CPUMilli: 100, CPUMicroPerRPS: 1000, MemoryBytes: 100 << 20, Bursts: bursts}},
		Registry:  r.registry, Serving: r, Kubelet: r,
	})
	return r, r.runs(1, c)
}

func TestABurstOfCPUIsUsedWhileItLasts(t *testing.T) {
	r, p := burster(busy(100, 0), Burst{After: 10 * time.Second, For: 5 * time.Second, Every: time.Minute, CPUMilli: 400})
	for at, want := range map[int]int64{9: 100, 12: 500, 16: 100, 69: 100, 71: 500, 76: 100} {
		r, p = burster(busy(100, 0), Burst{After: 10 * time.Second, For: 5 * time.Second, Every: time.Minute, CPUMilli: 400})
		r.Run(sim.Time(time.Duration(at) * time.Second))
		if p.meter.cpu != want {
			t.Errorf("%d s after its start it uses %d milli-CPU, want %d", at, p.meter.cpu, want)
		}
	}
	r, _ = burster(busy(100, 500), Burst{After: 10 * time.Second, CPUMilli: 300})
	for _, want := range []int64{499_500, 498_007} { // of 500 a request of 1 each, a hundred beside a tenth of a thread, or 0.4
		if got, limited := capacity(r.machine, 1); got != want || !limited {
			t.Errorf("it can serve %d thousandths a second, want %d", got, want)
		}
		r.Run(sim.Time(11 * time.Second))
	}
}

func TestABurstOfMemoryBeyondTheLimitIsAnOOMKill(t *testing.T) {
	limited := busy(0, 0)
	limited.Limits.MemoryBytes = 200 << 20
	burst := Burst{After: time.Minute, For: time.Second, Every: time.Minute, MemoryBytes: 101 << 20}
	r, p := burster(limited, burst)
	r.Run(sim.Time(59 * time.Second))
	if !p.Running || p.MemoryUsed(r.Now()) != 100<<20 {
		t.Fatalf("before its burst it uses %d bytes, running %v", p.MemoryUsed(r.Now()), p.Running)
	}
	r.Run(sim.Time(2 * time.Minute))
	if p.Running || p.Cause != OOMKilled || p.FinishedAt != sim.Time(time.Minute) {
		t.Errorf("running %v, ended by %v at %v; want an OOM kill as the burst begins", p.Running, p.Cause, p.FinishedAt)
	}
	burst.MemoryBytes = 99 << 20
	r, p = burster(limited, burst)
	r.Run(sim.Time(10*time.Minute + 500*time.Millisecond))
	if !p.Running || p.MemoryUsed(r.Now()) != 199<<20 {
		t.Errorf("in a burst that fits it uses %d bytes, running %v", p.MemoryUsed(r.Now()), p.Running)
	}
}

// The machine's memory counts bursts, too: the largest process goes when all have
// theirs at once.
func TestBurstsOfAllContainersFillTheMachine(t *testing.T) {
	r, first := burster(busy(0, 0), Burst{After: time.Minute, For: time.Second, MemoryBytes: 500 << 20})
	second := r.runs(2, busy(0, 0))
	r.Run(sim.Time(2 * time.Minute))
	if first.Running == second.Running {
		t.Errorf("first running %v, second %v: want one of them killed", first.Running, second.Running)
	}
}

// A container whose memory grows is killed when it has its limit, also if fewer
// requests put that off: the look for the earlier moment asks for another one.
func TestAnOOMKillThatIsPutOffStillComesInTime(t *testing.T) {
	r := &rig{Kernel: sim.New(sim.Config{Seed: 1})}
	r.registry = NewRegistry(r.Kernel)
	node := &model.Node{Meta: model.Meta{Kind: model.KindNode, ID: 1, Name: "n-0"}, Capacity: model.Resources{CPUMilli: 4000, MemoryBytes: 8 << 30}}
	r.machine = NewMachine(r.Kernel, node, Config{
		Behaviors: Behaviors{{Startup: sim.Constant(time.Second), MemoryBytes: 10 << 20, MemoryPerRPS: 100 << 10, MemoryGrowth: 1 << 20}},
		Registry:  r.registry, Serving: r, Kubelet: r,
	})
	limited := busy(0, 0)
	limited.Limits.MemoryBytes = 300 << 20
	p := r.runs(1, limited)
	load(r.machine, 1, 1_000_000)
	for _, change := range []struct {
		at   time.Duration
		load int64 // 10 MiB and what these need, and 1 MiB a second
	}{{100 * time.Second, 500_000}, {150 * time.Second, 800_000}, {170 * time.Second, 400_000}} {
		r.Run(sim.Time(change.at))
		load(r.machine, 1, change.load)
	}
	r.Run(sim.Time(20 * time.Minute))
	if want := sim.Time(290*time.Second - 400*100*time.Second/1024); p.Running || p.Cause != OOMKilled || p.FinishedAt.Sub(want).Abs() > 10*time.Millisecond {
		t.Errorf("running %v, ended by %v at %v, want %v", p.Running, p.Cause, p.FinishedAt, want)
	}
}

// Whatever requests come and go, no container lives on beyond its limit.
func TestNoContainerOutlivesItsLimit(t *testing.T) {
	kills := 0
	for seed := range uint64(200) {
		luck := sim.NewLuck(seed).Stream("loads")
		r := &rig{Kernel: sim.New(sim.Config{Seed: seed})}
		r.registry = NewRegistry(r.Kernel)
		node := &model.Node{Meta: model.Meta{Kind: model.KindNode, ID: 1, Name: "n-0"}, Capacity: model.Resources{CPUMilli: 4000, MemoryBytes: 1 << 30}}
		r.machine = NewMachine(r.Kernel, node, Config{
			Behaviors: Behaviors{{
				Startup: sim.Constant(time.Second), MemoryBytes: 10 << 20, MemoryPerRPS: int64(luck.Below(200 << 10)), MemoryGrowth: int64(luck.Below(1 << 20)),
				Bursts: []Burst{{After: time.Minute, For: 10 * time.Second, Every: time.Minute, MemoryBytes: int64(luck.Below(100 << 20))}},
			}},
			Registry: r.registry, Serving: r, Kubelet: r,
		})
		var all []*Process
		for id := range uint32(3) {
			limited := busy(0, 0)
			limited.Limits.MemoryBytes = int64(200+luck.Below(300)) << 20
			all = append(all, r.runs(id+1, limited))
		}
		for range 100 {
			r.Run(r.Now().Add(time.Duration(1+luck.Below(20)) * time.Second))
			for id, p := range all {
				if p.Running && p.endsAt() < r.Now() {
					t.Fatalf("seed %d: at %v container %d should have ended at %v", seed, r.Now(), id, p.endsAt())
				}
				if p.Running && luck.Below(3) == 0 {
					rps := int64(luck.Below(1_000_000))
					load(r.machine, uint32(id+1), rps)
				}
			}
		}
		for _, p := range all {
			if p.Cause == OOMKilled {
				kills++
			}
		}
	}
	if kills < 100 {
		t.Errorf("%d kills only: this shows little", kills)
	}
}
