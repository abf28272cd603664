package runtime

import (
	"math"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Throttled is how long something takes that runs on so many threads for d, each on a
// free core, under a limit, both in milli-CPU: in each period it may use so much CPU
// time, and when that is gone it stands still until the next, of which the first
// begins with it.
func Throttled(d time.Duration, threads, limit int64) time.Duration {
	limit = max(limit, model.LeastCPULimit)
	if limit >= threads || d <= 0 {
		return d
	}
	// In a period it runs for QuotaPeriod*limit/threads.
	runs := time.Duration(scale(int64(model.QuotaPeriod), limit, threads))
	full := (d - 1) / runs
	if full >= math.MaxInt64/model.QuotaPeriod-1 {
		return math.MaxInt64
	}
	return full*model.QuotaPeriod + d - full*runs
}

// ThreadsOn is on how many CPUs at a time a container works on a request on a machine that has so
// many milli-CPU, 0 for without end.
func ThreadsOn(b *Behavior, milliCPU int64) int64 {
	threads := max(b.Threads, 1)
	if milliCPU > 0 {
		threads = min(threads, max((milliCPU+999)/1000, 1))
	}
	return threads
}

// RequestTime is how long a request keeps a container's threads busy on free cores, and how long
// it stands still each time it has used up a quota. limit is in milli-CPU, 0 for none.
func RequestTime(b *Behavior, limit int64) (alone, stall time.Duration) {
	threads := max(b.Threads, 1)
	alone = time.Duration(b.CPUMicroPerRPS) * time.Microsecond / time.Duration(threads)
	if limit == 0 || limit >= 1000*threads {
		return alone, 0
	}
	limit = max(limit, model.LeastCPULimit)
	return alone, model.QuotaPeriod - time.Duration(scale(int64(model.QuotaPeriod), limit, 1000*threads))
}

// throttle is how a container that has a quota of CPU, and that of its newest instance,
// fares under it. Who throttles it is the kernel; here it is known from what the
// container would use: all of its quota in every period if that is more than the quota,
// else what requests by chance use up (model.Quota). Besides them it uses CPU evenly.
type throttle struct {
	limit    int64       // milli-CPU
	requests model.Quota // what is left of it for them
	threads  int64       // that work on one of them
	most     int64       // threads that would run while more arrives than it can do
	calm     int64       // of what arrives: up to here fewer than noticeable periods are throttled
	startup  int64       // milli-CPU it would use to start up
	told     model.Throttling
	posted   bool // somebody looks at it, still at this instant
}

// noticeable is how many of a million periods have to be throttled for anybody to be
// told.
const noticeable = 10_000

// limitCPU has a new instance of a container live under a quota, if it has one.
func (m *Machine) limitCPU(s *Sandbox, p *Process, b *Behavior, c *model.Container) {
	p.throttle = nil
	if limit := s.Pod.Spec.CPULimit(c); limit > 0 && !p.pinned {
		p.throttle = &throttle{startup: b.StartupCPUMilli, threads: ThreadsOn(b, m.cores), told: model.Throttling{Container: c.Name}}
		p.throttle.most = p.throttle.threads * model.Backlog
		if b.Workers > 0 {
			p.throttle.most = p.throttle.threads * b.Workers
		}
		p.throttle.set(p, limit)
	}
}

// limitAnew has a container that runs live under another quota, or none.
func (m *Machine) limitAnew(s *Sandbox, i int) {
	p, c := &s.Processes[i], container(s.Pod.Spec, i)
	was := p.throttle
	b := m.behaviors.For(s.Pod, c.Name)
	switch m.limitCPU(s, p, &b, c); {
	case was == nil:
	case p.throttle != nil:
		p.throttle.told, p.throttle.posted = was.told, was.posted
	case was.told.PeriodsPPM > 0:
		m.noteThrottling(s, model.Throttling{Container: c.Name})
	}
}

// set gives it another quota.
func (t *throttle) set(p *Process, limit int64) {
	t.limit, t.calm = limit, 0
	if p.perRPS == 0 {
		return
	}
	_, stall := RequestTime(&Behavior{CPUMicroPerRPS: p.perRPS, Threads: t.threads}, limit)
	t.requests = model.Quota{MilliRPS: scale(max(0, limit-p.rest), 1_000_000, p.perRPS), Stall: stall}
	most := t.requests.MilliRPS // which is spent every time
	for t.calm < most {
		if half := t.calm + (most-t.calm+1)/2; t.requests.Spent(half) < noticeable {
			t.calm = half
		} else {
			most = half - 1
		}
	}
}

// reconsider has somebody look how a container is throttled, if it may be otherwise than
// was told, once all that happens at this instant has.
func (m *Machine) reconsider(s *Sandbox, i int) {
	p := &s.Processes[i]
	t := p.throttle
	if t == nil || t.posted || !p.Running {
		return
	}
	if _, working := s.load(); t.told.PeriodsPPM == 0 && working <= t.calm && p.rest+p.burstCPU <= t.limit && (p.starting == 0 || t.startup <= t.limit) {
		return
	}
	if now := m.throttled(s, i); !now.Differs(&t.told) {
		return
	}
	t.posted = true
	m.kernel.Post(m.kernel.Now(), m.self, whyThrottled, uint64(i)<<32|uint64(s.Pod.ID))
}

// throttledDue looks.
func (m *Machine) throttledDue(s *Sandbox, i int) {
	if t := s.Processes[i].throttle; t != nil && t.posted {
		t.posted = false
		m.tellThrottling(s, i)
	}
}

// tellThrottling tells how a container is throttled, if that is news.
func (m *Machine) tellThrottling(s *Sandbox, i int) {
	p := &s.Processes[i]
	t := p.throttle
	if t == nil {
		return
	}
	if now := m.throttled(s, i); now.Differs(&t.told) {
		t.told = now
		m.noteThrottling(s, now)
	}
}

func (m *Machine) noteThrottling(s *Sandbox, t model.Throttling) {
	if m.note != nil {
		m.note(m.self, model.Note{About: &s.Pod.Meta, Reason: model.ReasonThrottlingChanged, Throttling: &t})
	}
}

// throttled is how a container is throttled.
func (m *Machine) throttled(s *Sandbox, i int) model.Throttling {
	now := model.Throttling{Container: s.Processes[i].throttle.told.Container}
	now.PeriodsPPM, now.MilliCPU = m.throttling(s, i)
	return now
}

// throttling is in how many of a million periods a container uses up its quota, and on how
// many CPUs it stands still on the average, in milli.
//
// What would run on so many CPUs is through with a quota for fewer at that part of each period
// (Documentation/scheduler/sched-bwc.rst), and for the rest of it all of that stands still: the
// difference, in seconds of each second. It may be a part of a CPU. Requests stand still as long as
// they wait, each on its threads' CPUs (Little).
func (m *Machine) throttling(s *Sandbox, i int) (ppm, milli int64) {
	p := &s.Processes[i]
	t := p.throttle
	if !p.Running || m.crowded && p.meter.cpu < min(p.wants, t.limit) {
		return 0, 0 // others use the CPU
	}
	_, working := s.load()
	even := p.rest + p.burstCPU
	quota := t.requests
	quota.MilliRPS = 0
	if p.perRPS > 0 {
		quota.MilliRPS = scale(max(0, t.limit-even), 1_000_000, p.perRPS)
	}
	most := t.most * 1000
	runs := even
	if p.starting > 0 {
		runs = max(runs, t.startup)
	}
	serves := p.perRPS > 0 && working > 0
	d := s.demandOf(i)
	switch {
	case !serves:
	case working >= d.serves(t.limit).MilliRPS:
		runs += most
	case working >= quota.MilliRPS:
		return full, min(t.stands(runs, p.perRPS, working), max(most+runs-t.limit, 0))
	}
	if m.cores > 0 {
		cpus := (m.cores + 999) / 1000 * 1000
		runs, most = min(runs, cpus), min(most, cpus)
	}
	if runs > t.limit {
		return full, runs - t.limit
	}
	if ppm = quota.Spent(working); !serves || ppm < noticeable {
		return 0, 0
	}
	mean, _ := quota.Waits(working)
	if even > 0 { // which gives way
		return ppm, min(t.stands(even, p.perRPS, working), scale(working*t.threads, mean, 1_000_000))
	}
	return ppm, min(scale(working*t.threads, mean, 1_000_000), scale(max(most-t.limit, 0), ppm, full))
}

// stands is on how many CPUs, in milli, a container stands still that uses its quota up beside so many
// requests, which by themselves need less: as many as it runs otherwise for the time that is left, and
// those that wait meanwhile, half as long (Little). It is the mean over what comes in a period by
// chance (Gauss and Hermite).
func (t *throttle) stands(even, each, working int64) (milli int64) {
	sway := int64(sim.Root(uint64(60_000 * min(working, full*full)))) // √3 of the deviation of what exponential times need
	runs := func(rate int64) int64 {
		return min(scale(max(t.limit-scale(max(rate, 0), each, 1_000_000), 0), full, max(even, 1)), full)
	}
	least := max(runs(working)/3, 1) // as what is not done in a period is in the next
	for k, weight := range [...]int64{1, 4, 1} {
		r := max(runs(working+int64(k-1)*sway), least)
		waits := scale(scale(int64(model.QuotaPeriod/time.Microsecond)/2, full-r, full), full-r, full)
		milli += weight * (scale(even, full-r, full) + scale(scale(working, each, 1_000_000), full-r, r) + scale(working*t.threads, waits, 1_000_000))
	}
	mean, _ := model.Quota{MilliRPS: scale(t.limit, 1_000_000, each)}.WaitsForUndone(working, model.ByChance) // of their own doing
	return milli/6 + scale(working*t.threads, mean, 1_000_000)
}
