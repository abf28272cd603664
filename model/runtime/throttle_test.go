package runtime

import (
	"math"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// It follows from the kernel's bandwidth control (Documentation/scheduler/sched-bwc.rst) and its
// period of 100 ms: m = ceil(c/(100 L)) periods, (m-1) 100 + c - (m-1) 100 L;
// and the same for k threads that burn k times as fast.
func TestALimitLetsAThreadRunUntilItsQuotaIsGone(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		d              time.Duration
		threads, limit int64
		want           time.Duration
	}{
		{5 * ms, 1000, 100, 5 * ms},                // less than a quota: nobody notices
		{10 * ms, 1000, 100, 10 * ms},              // all of it
		{11 * ms, 1000, 100, 101 * ms},             // 1 ms more is 90 ms later
		{50 * ms, 1000, 200, 210 * ms},             // 20 + 20 + 10 of 3 periods
		{500 * ms, 1000, 1000, 500 * ms},           // one thread, one core
		{500 * ms, 1000, 2500, 500 * ms},           // more than it can use
		{30 * ms, 4000, 1000, 105 * ms},            // four threads: 25 ms, and 5 in the next
		{10 * time.Second, 2000, 500, 39_925 * ms}, // 2 cores wanted for 10 s, half a core allowed
		{1 * ms, 1000, 1, ms},                      // the least quota is 1 ms
		{2 * ms, 1000, 1, 101 * ms},
		{60 * 24 * time.Hour, 20_000, 10, math.MaxInt64}, // 328 years, which have no place in a time
	} {
		if got := Throttled(c.d, c.threads, c.limit); got != c.want {
			t.Errorf("%v on %d under %d take %v, want %v", c.d, c.threads, c.limit, got, c.want)
		}
	}
}

// TestAStartUpUnderALimitTakesItsPeriods, and not those of the machine.
func TestAStartUpUnderALimitTakesItsPeriods(t *testing.T) {
	r := newRig(Behavior{Startup: sim.Constant(10 * time.Second), StartupCPUMilli: 2000})
	r.machine.cores = 4000
	p := pod(1, model.Container{Name: "main", Limits: model.Resources{CPUMilli: 500}})
	s := r.machine.Add(p, 1)
	r.machine.MakeSandbox(s)
	r.machine.Start(s, 0)
	if at := s.Processes[0].ServesAt; at.Sub(r.Now()) != 39_925*time.Millisecond {
		t.Errorf("it serves after %v", at.Sub(r.Now()))
	}
}

// Source: KEP 1287: a CPU limit that is changed in place holds at once, as for who starts up
// with more than it runs with (the startup boost of its user stories). What is left goes on at
// the speed of what it has then.
func TestAStartUpGoesOnAsALimitThatIsChangedInPlaceAllows(t *testing.T) {
	for _, c := range []struct {
		limit, to int64 // 0 is none
		serves    time.Duration
	}{
		{500, 2000, 17500 * time.Millisecond}, // 7.5 of its 10 s are left after 10 s at a quarter of its speed
		{500, 0, 17500 * time.Millisecond},
		{500, 1000, 25 * time.Second},
		{2000, 1000, 10 * time.Second}, // it has started up
		{1000, 500, 30 * time.Second},  // half is left, at a quarter of its speed
		{1000, 4000, 15 * time.Second},
	} {
		r := newRig(Behavior{Startup: sim.Constant(10 * time.Second), StartupCPUMilli: 2000})
		r.machine.cores = 4000
		limited := func(milli int64) []model.Container {
			return []model.Container{{Name: "main", Limits: model.Resources{CPUMilli: milli}}}
		}
		s := r.machine.Add(pod(1, limited(c.limit)...), 1)
		r.machine.MakeSandbox(s)
		r.machine.Start(s, 0)
		r.run(t, 10*time.Second)
		spec := *s.Pod.Spec
		spec.Containers = limited(c.to)
		r.machine.Resize(s, &spec)
		r.run(t, time.Minute)
		if d := s.Processes[0].ServesAt.Sub(0) - c.serves; d < -100*time.Millisecond || d > 100*time.Millisecond {
			t.Errorf("from %d to %d: it serves %v later than after %v", c.limit, c.to, d, c.serves)
		}
	}
}

func TestARequestOfManyThreadsStandsStillMore(t *testing.T) {
	b := Behavior{CPUMicroPerRPS: 40_000, Threads: 8}
	alone, stall := RequestTime(&b, 2000)
	if alone != 5*time.Millisecond || stall != 75*time.Millisecond {
		t.Errorf("alone %v, it stands still for %v", alone, stall)
	}
	if alone, stall = RequestTime(&b, 0); alone != 5*time.Millisecond || stall != 0 {
		t.Errorf("without a limit: alone %v, it stands still for %v", alone, stall)
	}
}

// No more threads run at a time than a machine has CPUs, of which a part counts for one.
func TestNoMoreThreadsRunThanThereAreCPUs(t *testing.T) {
	for _, c := range []struct{ threads, milliCPU, want int64 }{{0, 4000, 1}, {3, 4000, 3}, {64, 4000, 4}, {64, 500, 1}, {2, 1500, 2}, {64, 0, 64}} {
		if got := ThreadsOn(&Behavior{Threads: c.threads}, c.milliCPU); got != c.want {
			t.Errorf("%d threads on %d milli-CPU: %d, not %d", c.threads, c.milliCPU, got, c.want)
		}
	}
}
