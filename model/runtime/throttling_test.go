package runtime

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// cfs is cpu.stat of a container as the kernel would count it, period by period: requests
// come by chance, each needs mean ms of CPU, exponentially distributed, on so many threads,
// and no more than model.Backlog are under way. Threads run on CPUs of their own, as far as there
// are enough; when the quota of limit cores is gone, all stand still. It returns the share
// of periods in which that happened, and on how many CPUs they stood still on the average.
func cfs(rho, limit, mean, threads, cores float64) (share, still float64) {
	luck := rand.New(rand.NewPCG(1, 2))
	var active []float64
	now, quota, end := 0.0, 100*limit, 100.0
	gap := func() float64 { return luck.ExpFloat64() * mean / (rho * limit) }
	next, throttled, stood := gap(), 0, 0.0
	const periods = 10_000
	hit := false
	for end <= periods*100 {
		cpus := min(float64(len(active))*threads, cores)
		runs := len(active) > 0 && quota > 1e-6
		t := min(next, end)
		if runs {
			t = min(t, now+quota/cpus, now+slices.Min(active)*float64(len(active))/cpus)
		}
		d := t - now
		now = t
		switch {
		case runs:
			for i := range active {
				active[i] -= d * cpus / float64(len(active))
			}
			active = slices.DeleteFunc(active, func(left float64) bool { return left <= 1e-6 })
			quota -= d * cpus
		case len(active) > 0 && d > 0:
			hit = true
			stood += d * cpus
		}
		if now >= end-1e-6 {
			if hit {
				throttled++
			}
			quota, end, hit = 100*limit, end+100, false
		}
		if now >= next {
			if len(active) < model.Backlog {
				active = append(active, luck.ExpFloat64()*mean)
			}
			next = now + gap()
		}
	}
	return float64(throttled) / periods, stood / (periods * 100)
}

// The closed form against the kernel's counters (kernel/sched/fair.c, cpu.stat nr_throttled
// and throttled_usec), period by period: within a tenth of all periods, and
// half of the time. Where more arrives than can be done, requests are not always as many
// as there can be, as here.
func TestAContainerIsThrottledAsOftenAsItUsesUpItsQuota(t *testing.T) {
	luck := rand.New(rand.NewPCG(3, 4))
	seen := 0
	for range 40 {
		limit, cost, threads := int64(100+luck.IntN(20)*100), int64(1000+luck.IntN(30)*1000), int64(1+luck.IntN(3))
		rho := []float64{0.1, 0.3, 0.5, 0.7, 0.9, 1.3}[luck.IntN(6)]
		r := newRig(Behavior{Startup: sim.Constant(time.Second), CPUMicroPerRPS: cost, Threads: threads})
		r.machine.cores = 64_000
		s := r.machine.Add(pod(1, model.Container{Name: "main", Limits: model.Resources{CPUMilli: limit}}), 1)
		r.machine.MakeSandbox(s)
		r.machine.Start(s, 0)
		load(r.machine, 1, int64(rho*float64(limit)*1e6/float64(cost)))
		ppm, milli := r.machine.throttling(s, 0)
		share, still := cfs(rho, float64(limit)/1000, float64(cost)/1000, float64(threads), 64)
		if off := float64(ppm)/1e6 - share; math.Abs(off) > 0.1 {
			t.Errorf("limit %dm, %d µs on %d threads, load %.1f: throttled in %.3f of all periods, the kernel counts %.3f", limit, cost, threads, rho, float64(ppm)/1e6, share)
		}
		within := 0.5
		if rho > 1 {
			within = 0.75
		}
		if got := float64(milli) / 1000; math.Abs(got-still) > max(0.03, still*within) {
			t.Errorf("limit %dm, %d µs on %d threads, load %.1f: %.3f s in each second, the kernel counts %.3f", limit, cost, threads, rho, got, still)
		}
		if ppm > 0 {
			seen++
		}
	}
	if seen < 20 {
		t.Errorf("only %d were throttled at all", seen)
	}
}

// even is cpu.stat of a container that would use so much CPU, in milli, of which nothing is made up
// later, counted tick by tick: threads that always run, and one that runs for a part of the time.
func even(wants, limit int64) (ppm, milli int64) {
	const ticks, periods = 1000, 100 // of 100 µs in a period
	throttled, stood := int64(0), int64(0)
	for range int64(periods) {
		quota, hit := limit, false // ticks of one CPU, as a period is as many as a core has thousandths
		for tick := range int64(ticks) {
			run := wants / 1000
			if part := wants % 1000; (tick+1)*part/1000 > tick*part/1000 {
				run++
			}
			runs := min(run, quota)
			quota -= runs
			hit = hit || run > runs
			stood += run - runs
		}
		if hit {
			throttled++
		}
	}
	return throttled * full / periods, stood * 1000 / (ticks * periods)
}

// Source: Documentation/scheduler/sched-bwc.rst: what would run on k CPUs under a quota for L stops
// after 100 L/k ms of a period of 100 ms, so it stands still for k-L seconds in each second on all
// CPUs together: as little more as is wanted, as little longer it stands still.
func TestWhatIsWantedBeyondAQuotaStandsStillAndNoMore(t *testing.T) {
	for _, c := range []struct{ wants, ppm, milli int64 }{
		{900, 0, 0}, {1000, 0, 0}, {1001, full, 1}, {1100, full, 100}, {1500, full, 500},
		{2000, full, 1000}, {3100, full, 2100}, {8000, full, 7000},
		{12_000, full, 7000}, // the machine has eight
	} {
		r := newRig(Behavior{Startup: sim.Constant(time.Second), CPUMilli: c.wants})
		r.machine.cores = 8000
		s := r.machine.Add(pod(1, model.Container{Name: "main", Limits: model.Resources{CPUMilli: 1000}}), 1)
		r.machine.MakeSandbox(s)
		r.machine.Start(s, 0)
		ppm, milli := r.machine.throttling(s, 0)
		if ppm != c.ppm || milli != c.milli {
			t.Errorf("%dm under 1000m: in %d of a million periods, %dm; want %d and %d", c.wants, ppm, milli, c.ppm, c.milli)
		}
		if p, m := even(min(c.wants, 8000), 1000); p != ppm || m != milli {
			t.Errorf("%dm under 1000m: in %d of a million periods, %dm; tick by tick %d and %d", c.wants, ppm, milli, p, m)
		}
	}
}

// Whoever stresses a container runs in its cgroup, beside what it does itself, and beside requests
// that are more than its quota allows.
func TestWhatStressesAContainerStandsStillWithIt(t *testing.T) {
	r := newRig(Behavior{Startup: sim.Constant(time.Second), CPUMilli: 100, CPUMicroPerRPS: 10_000, Workers: 2})
	r.machine.cores = 8000
	s := r.machine.Add(pod(1, model.Container{Name: "main", Limits: model.Resources{CPUMilli: 1000}}), 1)
	r.machine.MakeSandbox(s)
	r.machine.Start(s, 0)
	stood := func(want int64) {
		t.Helper()
		if ppm, milli := r.machine.throttling(s, 0); ppm != full || milli != want {
			t.Errorf("it stands still in %d of a million periods, for %dm; want %dm", ppm, milli, want)
		}
	}
	r.machine.Stress(1, "main", model.Stress{CPUMilli: 5000})
	stood(4100)
	load(r.machine, 1, 10_000)
	stood(5058) // it runs for (1-0.1)/5.1 of a period; by hand 5.1 of 1-0.18, 0.1 of 0.82/0.18, and ten a second half of 82 ms of 0.82: 5005, and by chance a little more
	r.machine.Unstress(1, "main", model.Stress{CPUMilli: 5000})
	load(r.machine, 1, 100_000) // more than two of 2.1 parts
	stood(1100)                 // both workers wait for it
}

// noted is what a rig's machine tells of throttling.
func noted(r *rig) *[]string {
	var all []string
	r.machine.note = func(_ sim.ActorID, n model.Note) { all = append(all, r.Now().String()+" "+n.Text()) }
	return &all
}

// Source: Documentation/scheduler/sched-bwc.rst: with k runnable threads on free CPUs a container
// stops after 100 L/k ms and sleeps to the end of the window; on each of its CPUs.
func TestThrottlingIsToldWhenItBeginsChangesAndEnds(t *testing.T) {
	r := newRig(Behavior{Startup: sim.Constant(10 * time.Second), StartupCPUMilli: 2000, CPUMilli: 100, CPUMicroPerRPS: 4000, Bursts: []Burst{{After: 2 * time.Minute, For: 10 * time.Second, CPUMilli: 900}}})
	r.machine.cores = 4000
	told := noted(r)
	s := r.machine.Add(pod(1, model.Container{Name: "main", Limits: model.Resources{CPUMilli: 500}}), 1)
	r.machine.MakeSandbox(s)
	r.machine.Start(s, 0)
	r.run(t, time.Minute)
	load(r.machine, 1, 20_000)
	r.run(t, 10*time.Second)
	load(r.machine, 1, 90_000)
	r.run(t, 10*time.Second)
	load(r.machine, 1, 90_100) // no news
	r.run(t, 10*time.Second)
	load(r.machine, 1, 200_000)
	r.run(t, 10*time.Second)
	load(r.machine, 1, 0)
	r.run(t, 40*time.Second)
	r.machine.Crash(s, 0, 1)
	want := []string{
		"0s container main is throttled in 100% of all periods of 100ms, for 1.50s in each second on all its CPUs together",
		"39.925s container main is not throttled any more",
		"1m10s container main is throttled in 66% of all periods of 100ms, for 0.72s in each second on all its CPUs together",
		"1m30s container main is throttled in 100% of all periods of 100ms, for 3.50s in each second on all its CPUs together",
		"1m40s container main is not throttled any more",
		"2m0s container main is throttled in 100% of all periods of 100ms, for 0.50s in each second on all its CPUs together",
		"2m10s container main is not throttled any more",
	}
	if !slices.Equal(*told, want) {
		t.Errorf("told\n%q, want\n%q", *told, want)
	}
}

func TestAContainerThatEndsIsNotThrottledAnyMore(t *testing.T) {
	for _, power := range []bool{false, true} {
		r := newRig(Behavior{Startup: sim.Constant(time.Second), CPUMilli: 900})
		told := noted(r)
		s := r.machine.Add(pod(1, model.Container{Name: "main", Limits: model.Resources{CPUMilli: 500}}), 1)
		r.machine.MakeSandbox(s)
		r.machine.Start(s, 0)
		r.run(t, time.Minute)
		if power {
			r.machine.PowerOff()
		} else {
			r.machine.Crash(s, 0, 1)
		}
		if len(*told) != 2 || (*told)[1] != "1m0s container main is not throttled any more" {
			t.Errorf("told %q", *told)
		}
	}
}

// Whom others leave less than his quota does not use it up.
func TestWhoGetsLessThanHisQuotaIsNotThrottled(t *testing.T) {
	r := newRig(Behavior{Startup: sim.Constant(time.Second), CPUMilli: 900})
	r.machine.cores = 1000
	without(r.machine)
	told := noted(r)
	s := r.machine.Add(pod(1, model.Container{Name: "main", Limits: model.Resources{CPUMilli: 500}}), 1)
	r.machine.MakeSandbox(s)
	r.machine.Start(s, 0)
	r.run(t, time.Minute)
	r.machine.Burn(4000)
	r.run(t, time.Minute)
	r.machine.Cool(4000)
	r.run(t, time.Minute)
	want := []string{
		"0s container main is throttled in 100% of all periods of 100ms, for 0.40s in each second on all its CPUs together",
		"1m0s container main is not throttled any more",
		"2m0s container main is throttled in 100% of all periods of 100ms, for 0.40s in each second on all its CPUs together",
	}
	if !slices.Equal(*told, want) {
		t.Errorf("told\n%q, want\n%q", *told, want)
	}
}

func TestALimitThatIsRaisedThrottlesNoMore(t *testing.T) {
	for _, to := range []int64{1000, 0} {
		r := newRig(Behavior{Startup: sim.Constant(time.Second), CPUMilli: 900})
		told := noted(r)
		s := r.machine.Add(pod(1, model.Container{Name: "main", Limits: model.Resources{CPUMilli: 500}}), 1)
		r.machine.MakeSandbox(s)
		r.machine.Start(s, 0)
		r.run(t, time.Minute)
		spec := *s.Pod.Spec
		spec.Containers = []model.Container{{Name: "main", Limits: model.Resources{CPUMilli: to}}}
		r.machine.Resize(s, &spec)
		r.run(t, time.Minute)
		if len(*told) != 2 || (*told)[1] != "1m0s container main is not throttled any more" {
			t.Errorf("to %d: told %q", to, *told)
		}
	}
}

// A container that uses up its quota in every period does so whatever more arrives.
func TestNobodyLooksWhereAThrottledContainerFaresAsBefore(t *testing.T) {
	r := newRig(Behavior{Startup: sim.Constant(time.Second), CPUMicroPerRPS: 10_000, Workers: 4})
	r.machine.cores = 64_000
	s := r.machine.Add(pod(1, model.Container{Name: "main", Limits: model.Resources{CPUMilli: 1000}}), 1)
	r.machine.MakeSandbox(s)
	r.machine.Start(s, 0)
	load(r.machine, 1, 200_000)
	r.run(t, time.Minute)
	if told := s.Processes[0].throttle.told; told.PeriodsPPM != full || told.MilliCPU != 3000 {
		t.Fatalf("told %+v", told)
	}
	before := r.Events()
	for i := range int64(10) {
		load(r.machine, 1, 200_000+i*10_000)
		r.run(t, time.Second)
	}
	if n := r.Events() - before; n > 0 {
		t.Errorf("%d events", n)
	}
	load(r.machine, 1, 1000)
	r.run(t, time.Second)
	if told := s.Processes[0].throttle.told; told.PeriodsPPM != 0 {
		t.Errorf("told %+v", told)
	}
}
