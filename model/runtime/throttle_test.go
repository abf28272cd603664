package runtime

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Source: k8s-node.md 2.2: m = ceil(c/(100 L)) periods, (m-1) 100 + c - (m-1) 100 L;
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

func TestARequestOfManyThreadsStandsStillMore(t *testing.T) {
	b := Behavior{CPUMicroPerRPS: 40_000, Threads: 8}
	alone, even, stall := RequestTime(&b, 2000)
	if alone != 5*time.Millisecond || even != 20*time.Millisecond || stall != 75*time.Millisecond {
		t.Errorf("alone %v, evenly %v, it stands still for %v", alone, even, stall)
	}
	if alone, even, stall = RequestTime(&b, 0); alone != even || alone != 5*time.Millisecond || stall != 0 {
		t.Errorf("without a limit: alone %v, evenly %v, it stands still for %v", alone, even, stall)
	}
}
