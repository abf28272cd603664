package runtime

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Source: chaos-mesh/memStress main.go: a process that ends is started again within a
// second, and touches its memory anew. Among pods that have what they ask for its badness
// is the largest (mm/oom_kill.c oom_badness).
func TestAHogThatTheKernelKillsBeginsAnew(t *testing.T) {
	r := newRig(Behavior{MemoryBytes: 1 << 30})
	r.machine.memory = 8 << 30
	p := pod(1, model.Container{Name: "main", Requests: model.Resources{CPUMilli: 100, MemoryBytes: 2 << 30}, Limits: model.Resources{CPUMilli: 100, MemoryBytes: 2 << 30}})
	p.Spec.SumRequests()
	s := r.machine.Add(p, 1)
	r.machine.MakeSandbox(s)
	r.machine.Start(s, 0)
	number := r.machine.Take(1_000_000, 0, 0)
	for _, x := range []struct {
		at   time.Duration
		free int64
	}{{time.Second, 6 << 30}, {6 * time.Second, 1 << 30}, {7*time.Second + 500*time.Millisecond, 7 << 30}, {9 * time.Second, 6 << 30}, {15*time.Second + 500*time.Millisecond, 7 << 30}} {
		r.run(t, x.at-time.Duration(r.Now()))
		if free := r.machine.MemoryFree(r.Now()); free>>20 < x.free>>20-1 || free>>20 > x.free>>20+1 {
			t.Errorf("at %v %d MiB are free, want %d", r.Now(), free>>20, x.free>>20)
		}
	}
	if !s.Processes[0].Running {
		t.Error("the pod was killed")
	}
	r.machine.Return(number)
	r.run(t, time.Minute)
	if free := r.machine.MemoryFree(r.Now()); free != 7<<30 {
		t.Errorf("after it %d bytes are free", free)
	}
}

// A slow hog takes the time it is given, and the machine is full that late.
func TestAHogTakesItsTime(t *testing.T) {
	r, _, poor := stressed()
	r.machine.Take(1_000_000, 5*time.Minute, 0)
	r.run(t, 299*time.Second)
	if used, _ := r.machine.outsideLine(r.Now()); !poor.Running || used/1_000_000 != 7973 {
		t.Errorf("a second before, running: %v, %d bytes", poor.Running, used)
	}
	r.run(t, 2*time.Second)
	if poor.Running {
		t.Error("it still runs")
	}
}

// plainMemory is memory the plain way, millisecond by millisecond: containers and hogs
// grow, and at the last byte the kernel kills the worst.
type plainMemory struct {
	total int64
	pods  []plainUser
	hogs  []plainUser
	log   []killed
}

type killed struct {
	at  time.Duration
	who string
}

type plainUser struct {
	base, each, most, adjust int64
	from                     time.Duration
	dead                     bool
}

func (u *plainUser) used(now time.Duration) int64 {
	if u.dead || now < u.from {
		return 0
	}
	return min(u.base+scale(u.each, int64(now-u.from), int64(time.Second)), u.most)
}

func (m *plainMemory) step(now time.Duration) {
	var used, worst int64
	var victim *plainUser
	name := ""
	look := func(all []plainUser, kind string) {
		for i := range all {
			u := &all[i]
			b := u.used(now)
			used += b
			if bad := b + u.adjust*(m.total/1000); b > 0 && (victim == nil || bad > worst) {
				victim, worst, name = u, bad, fmt.Sprint(kind, i+1)
			}
		}
	}
	look(m.pods, "pod ")
	look(m.hogs, "hog ")
	if used < m.total || victim == nil {
		return
	}
	m.log = append(m.log, killed{now, name})
	if victim.from = now + hogAgain; name[0] == 'p' {
		victim.dead = true
	}
}

// The closed form against memory millisecond by millisecond.
func TestHogsAndPodsGrowUntilTheKernelKillsTheWorst(t *testing.T) {
	pods, hogs := 0, 0
	for seed := range uint64(40) {
		luck := sim.NewLuck(seed).Stream("hogs")
		below := func(n int64) int64 { return int64(luck.Below(uint64(n))) }
		plain := &plainMemory{total: 8 << 30}
		var behaviors Behaviors
		for i := range 4 {
			base, each := (1+below(8))<<27, below(4)<<24
			behaviors = append(behaviors, Behavior{Container: fmt.Sprint("c", i), MemoryBytes: base, MemoryGrowth: each})
		}
		r := newRig(behaviors...)
		r.machine.memory = plain.total
		for i := range 4 {
			c := model.Container{Name: fmt.Sprint("c", i)}
			if i > 0 {
				c.Requests.MemoryBytes = below(8) << 28
			}
			p := pod(uint32(i+1), c)
			p.Spec.SumRequests()
			s := r.machine.Add(p, uint64(i))
			r.machine.MakeSandbox(s)
			r.machine.Start(s, 0)
			b := &behaviors[i]
			plain.pods = append(plain.pods, plainUser{base: b.MemoryBytes, each: b.MemoryGrowth, most: 1 << 40, adjust: scoreAdjust(p.Spec, 0, plain.total)})
		}
		var log []killed
		for i := range 2 {
			over, adjust := time.Duration(1+below(30))*time.Second, below(2001)-1000
			bytes, _ := r.machine.outsideLine(0)
			used, _ := r.machine.usedByPods(0)
			more := scale(plain.total, 900_000+below(100_000), full) - bytes - used
			r.machine.hogs.last++
			h := hog{r.machine.hogs.last, more / (1 + int64(i)), max(scale(more, int64(time.Second), int64(over)), 1), max(adjust, -999), 0}
			r.machine.hogs.all = append(r.machine.hogs.all, h)
			plain.hogs = append(plain.hogs, plainUser{each: h.each, most: h.bytes, adjust: h.adjust})
		}
		r.machine.weigh()
		was := make([]sim.Time, 2)
		for now := time.Duration(0); now < time.Minute; now += time.Millisecond {
			plain.step(now)
			r.run(t, now-time.Duration(r.Now()))
			for i, s := range r.machine.pods {
				if p := &s.Processes[0]; !p.Running && p.FinishedAt > sim.Time(now-time.Millisecond) {
					log, pods = append(log, killed{now, fmt.Sprint("pod ", i+1)}), pods+1
				}
			}
			for i := range r.machine.hogs.all {
				if h := &r.machine.hogs.all[i]; h.from != was[i] {
					was[i] = h.from
					was[i] = h.from
					log, hogs = append(log, killed{now, fmt.Sprint("hog ", i+1)}), hogs+1
				}
			}
		}
		near := func(a, b killed) bool { return a.who == b.who && max(a.at-b.at, b.at-a.at) < 100*time.Millisecond }
		if !slices.EqualFunc(log, plain.log, near) {
			t.Errorf("seed %d: killed\n%v, want\n%v", seed, log, plain.log)
		}
	}
	if pods < 20 || hogs < 20 {
		t.Errorf("%d pods and %d hogs were killed: this shows little", pods, hogs)
	}
}
