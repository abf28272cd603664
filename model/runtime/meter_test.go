package runtime

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// TestTheMeterSaysWhatReadingsWouldHaveFound compares it with a counter of CPU
// time that is read every 15 s.
//
// Source: kubernetes-sigs/metrics-server pkg/storage/pod.go resourceUsage: the
// difference of the last two readings by the time between them.
func TestTheMeterSaysWhatReadingsWouldHaveFound(t *testing.T) {
	luck := sim.NewLuck(2).Stream("meter")
	m := &Machine{keen: true}
	var cpu, counter int64
	var means []int64 // of every window that is over
	now, read := sim.Time(0), int64(0)
	for range 20_000 {
		for left := luck.Duration(0, 12*time.Second); left > 0; {
			step := min(left, scrapeEvery-time.Duration(now)%scrapeEvery)
			counter += cpu * int64(step)
			now, left = now.Add(step), left-step
			if time.Duration(now)%scrapeEvery == 0 {
				means = append(means, (counter-read)/int64(scrapeEvery))
				read = counter
			}
		}
		if luck.Below(3) > 0 {
			more := int64(luck.Below(1000)) - min(cpu, 500)
			cpu += more
			m.meter.use(now, more)
		}
		got, ok := m.MeasuredCPU(now)
		n := len(means)
		if ok != (n > 1) {
			t.Fatalf("at %v, after %d readings, there is a sample: %v", now, n, ok)
		}
		if want := sim.Time(n-1) * sim.Time(scrapeEvery); ok && (got.CPUMilli != means[n-2] || got.At != want) {
			t.Fatalf("at %v the sample is %+v, want %d of %v", now, got, means[n-2], want)
		}
	}
}

// metered is a machine of 8 cores with a pod on it, of which nothing runs yet.
func metered(k *sim.Kernel, pod *model.Pod, b ...Behavior) (*Machine, *Sandbox) {
	m := NewMachine(k, &model.Node{Meta: model.Meta{ID: 1, Name: "n"}, Capacity: model.Resources{CPUMilli: 8000}},
		Config{Behaviors: Behaviors(b), Registry: NewRegistry(k), Kubelet: deaf{}, Keen: true})
	s := m.Add(pod, 1)
	m.MakeSandbox(s)
	without(m)
	return m, s
}

type deaf struct{}

func (deaf) MemoryChanged()               {}
func (deaf) DaemonsBehind()               {}
func (deaf) SystemOOM()                   {}
func (deaf) RuntimeChanged()              {}
func (deaf) StartupChanged(*Sandbox)      {}
func (deaf) Panicked()                    {}
func (deaf) ProbesChanged(*Sandbox)       {}
func (deaf) DiskChanged()                 {}
func (deaf) Changed(*Sandbox)             {}
func (deaf) Pulled(uint32, Pull)          {}
func (deaf) CallChanged(*Sandbox, Answer) {}

func containers(limits ...int64) *model.Pod {
	p := &model.Pod{Meta: model.Meta{Kind: model.KindPod, ID: 7}, Spec: &model.PodSpec{}}
	for i, l := range limits {
		p.Spec.Containers = append(p.Spec.Containers, model.Container{Name: string(rune('a' + i)), Limits: model.Resources{CPUMilli: l}})
	}
	return p
}

// Source: kubernetes-sigs/metrics-server pkg/storage/pod.go Store: what a reading did
// not find is dropped; and a kubelet knows nothing of containers of before its machine
// booted (pkg/kubelet/stats).
func TestAContainerThatWasLostWithItsMachineHasNoMetricsAfterTheBoot(t *testing.T) {
	k := sim.New(sim.Config{})
	m, s := metered(k, containers(0), Behavior{Container: "a", CPUMilli: 50})
	pass := func(d time.Duration) {
		if err := k.Run(k.Now().Add(d)); err != nil {
			t.Fatal(err)
		}
	}
	m.Start(s, 0)
	pass(time.Minute)
	for range 2 { // the second time it is not started in between
		m.PowerOff()
		pass(time.Minute)
		if got, ok := m.Measured(k.Now(), 7, ""); ok {
			t.Errorf("a minute after the power went: %+v", got)
		}
		m.Boot()
		for range 10 {
			if got, ok := m.Measured(k.Now(), 7, ""); ok {
				t.Errorf("after the boot: %+v", got)
			}
			pass(2 * time.Second)
		}
	}
	m.PowerOff()
	if got, ok := m.Measured(k.Now(), 7, ""); ok {
		t.Errorf("after another loss, %v: %+v", k.Now(), got)
	}
}

func TestAPodUsesWhatItsRequestsCostItUpToItsLimit(t *testing.T) {
	k := sim.New(sim.Config{})
	m, s := metered(k, containers(0, 300), Behavior{Container: "a", CPUMilli: 50, CPUMicroPerRPS: 2000}, Behavior{Container: "b", CPUMilli: 10, CPUMicroPerRPS: 1000, MemoryBytes: 1 << 20})
	for _, c := range []struct {
		load, a, b int64
	}{{0, 50, 10}, {100_000, 250, 110}, {500_000, 1050, 300}, {9_000_000, 7700, 300}} {
		load(m, 7, c.load)
		if c.load == 0 {
			m.Start(s, 0)
			m.Start(s, 1)
		}
		if err := k.Run(k.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		a, _ := m.Measured(k.Now(), 7, "a")
		b, _ := m.Measured(k.Now(), 7, "b")
		all, ok := m.Measured(k.Now(), 7, "")
		node, _ := m.MeasuredCPU(k.Now())
		if a.CPUMilli != c.a || b.CPUMilli != c.b || all.CPUMilli != c.a+c.b || node.CPUMilli != c.a+c.b || !ok || all.MemoryBytes != 1<<20 {
			t.Errorf("at %d milli-rps: %d and %d, together %+v of the node's %d; want %d and %d", c.load, a.CPUMilli, b.CPUMilli, all, node.CPUMilli, c.a, c.b)
		}
	}
	m.Crash(s, 0, 1)
	m.Crash(s, 1, 1)
	if err := k.Run(k.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if node, _ := m.MeasuredCPU(k.Now()); node.CPUMilli != 0 {
		t.Errorf("nothing runs and uses %d", node.CPUMilli)
	}
	if got, ok := m.Measured(k.Now(), 7, ""); ok {
		t.Errorf("metrics of a pod of which nothing runs: %+v", got)
	}
}

// Requests under way have memory of their own: what arrives decides when a limit is
// reached, also of what grows, and an instance that starts under a load is killed again.
func TestRequestsUseMemoryAndMayReachTheLimit(t *testing.T) {
	k := sim.New(sim.Config{})
	pod := containers(0)
	pod.Spec.Containers[0].Limits.MemoryBytes = 100
	m, s := metered(k, pod, Behavior{MemoryBytes: 30, MemoryGrowth: 1, MemoryPerRPS: 20})
	p := &s.Processes[0]
	m.Start(s, 0)
	for _, c := range []struct {
		load, after int64 // milli-rps; seconds until it is used
		used        int64 // 0: it was killed
	}{{2000, 20, 90}, {1000, 15, 85}, {0, 30, 95}, {1000, 1, 0}} {
		load(m, 7, c.load)
		if err := k.Run(k.Now().Add(time.Duration(c.after) * time.Second)); err != nil {
			t.Fatal(err)
		}
		if got := p.MemoryUsed(k.Now()); got != c.used {
			t.Errorf("at %v with %d milli-rps: %d bytes, want %d", k.Now(), c.load, got, c.used)
		}
	}
	load(m, 7, 4000)
	m.Start(s, 0)
	if err := k.Run(k.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if p.Running || p.Cause != OOMKilled || p.ExitCode != killedCode {
		t.Errorf("started under too much: %+v", p)
	}
	load(m, 7, 0)
	m.Start(s, 0)
	surge(m, 7, 3000, 1000)
	if err := k.Run(k.Now().Add(time.Second)); err != nil || !p.Running {
		t.Errorf("a moment of 90 bytes: %v, %+v", err, p)
	}
	surge(m, 7, 4000, 1000)
	at := k.Now()
	if err := k.Run(k.Now().Add(time.Second)); err != nil || p.Running {
		t.Errorf("a moment of 110 bytes: %v, %+v", err, p)
	}
	if d := p.FinishedAt.Sub(at); d < 750*time.Millisecond || d > 850*time.Millisecond { // 49 of 60 bytes
		t.Errorf("killed %v after all came", d)
	}
}

// The slow twin has requests come one after the other, each of which leaves its part of a
// second's memory: the kernel kills when the one has come that reaches the limit.
func TestASurgeKillsWhenSoManyHaveComeThatTheLimitIsReached(t *testing.T) {
	const limit, rest, heap = 1000_000, 300_000, 1000 // bytes; of heap, for each per second
	for _, c := range []struct{ before, peak int64 }{{0, 701}, {0, 1000}, {0, 5000}, {300, 800}, {300, 4000}, {600, 1200}, {0, 699}, {600, 690}} {
		k := sim.New(sim.Config{})
		pod := containers(0)
		pod.Spec.Containers[0].Limits.MemoryBytes = limit
		m, s := metered(k, pod, Behavior{MemoryBytes: rest, MemoryPerRPS: heap})
		p := &s.Processes[0]
		m.Start(s, 0)
		load(m, 7, c.before*1000)
		if err := k.Run(k.Now().Add(2 * time.Second)); err != nil {
			t.Fatal(err)
		}
		want := time.Duration(0) // 0: it lives
		for used, n := rest+heap*c.before, int64(1); n <= c.peak-c.before && want == 0; n++ {
			if used += heap; used >= limit {
				want = time.Duration(n) * time.Second / time.Duration(c.peak-c.before)
			}
		}
		at := k.Now()
		surge(m, 7, c.peak*1000, c.before*1000)
		if err := k.Run(k.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		switch got := p.FinishedAt.Sub(at); {
		case p.Running != (want == 0):
			t.Errorf("%d after %d a second: runs: %v; request by request killed after %v", c.peak, c.before, p.Running, want)
		case !p.Running && (got-want).Abs() > 2*time.Millisecond:
			t.Errorf("%d after %d a second: killed after %v, request by request %v", c.peak, c.before, got, want)
		}
	}
}

// Source: pkg/storage/pod.go Store: a container that started between the last
// reading and the one before has a mean if it had run for 10 s, and a pod has
// metrics if each of its containers has.
func TestANewPodHasNoMetricsUntilItsContainersWereReadTwice(t *testing.T) {
	for _, c := range []struct {
		start, from, window time.Duration // after 15 s; metrics are heard from, after another reading
	}{
		{0, 30 * time.Second, 15 * time.Second},
		{4 * time.Second, 30 * time.Second, 11 * time.Second},
		{6 * time.Second, 45 * time.Second, 15 * time.Second},
	} {
		k := sim.New(sim.Config{})
		m, s := metered(k, containers(0), Behavior{CPUMilli: 100})
		begin := sim.Time(15 * time.Second)
		if err := k.Run(begin.Add(c.start)); err != nil {
			t.Fatal(err)
		}
		m.Start(s, 0)
		heard := begin.Add(c.from)
		if got, ok := m.Measured(heard.Add(-1), 7, ""); ok {
			t.Errorf("started after %v: at %v there are metrics already: %+v", c.start, heard.Add(-1), got)
		}
		if got, ok := m.Measured(heard, 7, ""); !ok || got.CPUMilli != 100 || got.Window != c.window || got.At != heard.Add(-scrapeEvery) {
			t.Errorf("started after %v: at %v %+v %v, want window %v", c.start, heard, got, ok, c.window)
		}
	}
}

// Metrics of a pod end and begin with its container, whatever that uses: those who
// leave out looks at them have to be told.
func TestAContainerThatUsesNothingIsToldOfWhenItStartsAndEnds(t *testing.T) {
	k := sim.New(sim.Config{})
	m, s := metered(k, containers(0))
	told := 0
	m.used = func(pod uint32) {
		if told++; pod != 7 {
			t.Errorf("told of pod %d", pod)
		}
	}
	m.Start(s, 0)
	if told == 0 {
		t.Error("nobody is told of its start")
	}
	told = 0
	m.Crash(s, 0, 1)
	if told == 0 {
		t.Error("nobody is told of its end")
	}
}
