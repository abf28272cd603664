package runtime

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

func TestMemoryForRequestsComesAndGoesWithinASecondOfThem(t *testing.T) {
	var l loaded
	for _, c := range []struct {
		at   time.Duration
		move int64 // -1: nothing else arrives
		want int64 // then
	}{
		{time.Second, 1000, 0}, {1250 * time.Millisecond, -1, 250}, {1500 * time.Millisecond, 1000, 500}, {2 * time.Second, -1, 1000}, {time.Hour, -1, 1000},
		{time.Hour, 0, 1000}, {time.Hour + time.Millisecond, -1, 999}, {time.Hour + 600*time.Millisecond, 2000, 400}, {time.Hour + 1100*time.Millisecond, -1, 1200},
		{time.Hour + 1600*time.Millisecond, -1, 2000}, {time.Hour, -1, 400},
	} {
		if now := sim.Time(c.at); c.move >= 0 {
			l.move(now, c.move)
		}
		if got := l.at(sim.Time(c.at)); got != c.want {
			t.Errorf("at %v: %d bytes, want %d", c.at, got, c.want)
		}
	}
}

// The per-second memory of requests is what a second of them brings: a burst of a
// millisecond brings a thousandth, and what stays kills where its line meets the limit.
func TestAMomentOfRequestsKillsNobodyAndALoadThatStaysDoes(t *testing.T) {
	const mib = 1 << 20
	r := newRig(Behavior{MemoryBytes: 120 * mib, MemoryPerRPS: mib})
	p := r.runs(1, asks("main", 0, 256*mib))
	load(r.machine, 1, 50_000)
	r.run(t, time.Minute)
	load(r.machine, 1, 20_000_000)
	r.run(t, time.Millisecond)
	if got := p.MemoryUsed(r.Now()); got != (170*1000+19950)*mib/1000 {
		t.Errorf("%d bytes after a millisecond", got)
	}
	load(r.machine, 1, 50_000)
	r.run(t, time.Minute)
	if got := p.MemoryUsed(r.Now()); !p.Running || got != 170*mib {
		t.Errorf("running %v, %d bytes after a burst", p.Running, got)
	}
	since := r.Now()
	load(r.machine, 1, 200_000)
	r.run(t, time.Minute)
	if want := time.Second * 86 / 150; p.Cause != OOMKilled || p.FinishedAt.Sub(since) != want {
		t.Errorf("cause %v, ended after %v, want %v", p.Cause, p.FinishedAt.Sub(since), want)
	}
}

// Source: kubernetes-sigs/metrics-server pkg/storage/pod.go: memory is what the last
// reading found, here the one before.
func TestMetricsFollowTheMemoryOfRequests(t *testing.T) {
	k := sim.New(sim.Config{})
	m, s := metered(k, containers(0), Behavior{MemoryBytes: 100, MemoryPerRPS: 10})
	m.Start(s, 0)
	k.Run(sim.Time(59500 * time.Millisecond))
	load(m, 7, 20_000)
	for _, c := range []struct{ now, at, bytes int64 }{{61, 45, 100}, {76, 60, 200}, {91, 75, 300}} {
		k.Run(sim.Time(c.now) * sim.Time(time.Second))
		if got, ok := m.Measured(k.Now(), 7, ""); !ok || got.At != sim.Time(c.at)*sim.Time(time.Second) || got.MemoryBytes != c.bytes {
			t.Errorf("at %v: %+v, want %d bytes at %d s", k.Now(), got, c.bytes, c.at)
		}
	}
}

// alert is a kubelet that hears when the machine's memory is used otherwise.
type alert struct {
	*rig
	least    int64
	scarceAt sim.Time
}

func (a *alert) MemoryChanged() { a.scarceAt = a.machine.MemoryScarceAt(a.Now(), a.least) }

// fullOf tells whether a container has its limit at a time, its pod, and the machine; slack
// is for what is rounded down.
func (a *alert) fullOf(s *Sandbox, i int, at sim.Time, slack int64) (own, pod, machine bool) {
	p, has := &s.Processes[i], func(p *Process) bool { return p.Running || p.Instances > 0 && p.FinishedAt >= at }
	limit := s.Pod.Spec.MemoryLimit(container(s.Pod.Spec, i))
	own = limit > 0 && p.used(at) >= p.mayHave(limit)-slack
	var sum, all int64
	for _, o := range a.machine.pods {
		for j := range o.Processes {
			if q := &o.Processes[j]; has(q) {
				all += max(q.used(at)-q.swap, 0)
				if o == s {
					sum += q.used(at)
				}
			}
		}
	}
	limit = s.Pod.Spec.PodMemoryLimit()
	return own, limit > 0 && sum >= limit-slack, all >= a.machine.memory-slack
}

// When a container, a pod or a machine is full, or memory scarce, is computed where its
// lines bend; a look every millisecond sees it there.
func TestMemoryIsFullWhereALookEveryMillisecondSeesIt(t *testing.T) {
	const mib, slack = 1 << 20, 32
	var byOwn, byPod, byMachine, scarce int
	for seed := range uint64(60) {
		luck := sim.NewLuck(seed).Stream("loads")
		some := func(least, most uint64) int64 { return int64(least+luck.Below(most-least)) * mib }
		uses := func(name string, growth uint64) Behavior {
			return Behavior{Container: name, MemoryBytes: some(5, 40), MemoryPerRPS: int64(luck.Below(400 << 10)), MemoryGrowth: int64(luck.Below(growth))}
		}
		a := &alert{rig: newRig(uses("a", 1), uses("b", 8*mib), uses("c", 2)), least: 300 * mib, scarceAt: sim.Never}
		m := a.machine
		m.kubelet, m.memory, m.limitedSwap, m.swap = a, some(400, 900), true, 400*mib
		for id := range uint32(2) {
			a.starts(limited(id+1, 0, some(200, 500), model.Resources{}, model.Resources{MemoryBytes: some(100, 400)}))
			a.starts(pod(id+3, asks("c", 100*mib, some(150, 500))))
		}
		for range 6000 {
			a.run(t, time.Millisecond)
			now := a.Now()
			if m.MemoryFree(now) < a.least-slack {
				if scarce++; a.scarceAt > now {
					t.Fatalf("seed %d: at %v %d bytes are free, and were said to be scarce at %v", seed, now, m.MemoryFree(now), a.scarceAt)
				}
			}
			for _, s := range m.pods {
				for i := range s.Processes {
					p := &s.Processes[i]
					own, inPod, machine := a.fullOf(s, i, now+1, -slack) // without who was killed now
					if p.Running && (own || inPod || machine) {
						t.Fatalf("seed %d: at %v pod %d, container %d lives on in what is full: %v %v %v", seed, now, s.Pod.ID, i, own, inPod, machine)
					}
					if !p.Running && p.FinishedAt > now.Add(-time.Millisecond) {
						switch own, inPod, machine := a.fullOf(s, i, p.FinishedAt, slack); {
						case own:
							byOwn++
						case inPod:
							byPod++
						case machine:
							byMachine++
						default:
							t.Fatalf("seed %d: pod %d, container %d was killed at %v, where nothing is full", seed, s.Pod.ID, i, p.FinishedAt)
						}
					}
				}
			}
			for _, s := range m.pods {
				for i := range s.Processes {
					if !s.Processes[i].Running && luck.Below(300) == 0 {
						m.Start(s, i)
					}
				}
				if luck.Below(400) == 0 {
					load(m, s.Pod.ID, int64(luck.Below(800_000)))
				}
			}
		}
	}
	if byOwn < 30 || byPod < 30 || byMachine < 30 || scarce < 1000 {
		t.Errorf("killed at their own limit %d, their pod's %d, the machine's %d, memory scarce %d times: this shows little", byOwn, byPod, byMachine, scarce)
	}
}
