package runtime

import (
	"math"
	"time"

	"orrery/model"
	"orrery/sim"
)

// meter is the CPU of a machine or a container as metrics-server knows it. Every
// 15 s it reads a counter of CPU time, and what it shows is the mean between its
// last two readings (kubernetes-sigs/metrics-server pkg/storage/pod.go,
// --metric-resolution). Here anybody hears of a reading one reading later, so
// samples are 15 to 30 s old and tell of 15 s more.
// Use changes only at moments that are known, so no reading has to happen.
type meter struct {
	cpu          int64    // used now, in milli
	area         int64    // used since from, in milli times nanoseconds, until since
	from, since  sim.Time // from is the last reading, or the start if that is later
	older, newer int64    // the means that the last two readings found
	newest       int64    // the number of the last reading
}

const scrapeEvery = 15 * time.Second

// freshest is the least that a container which was not there at the reading
// before has to have run to have a mean of its own (pkg/storage/pod.go
// freshContainerMinMetricsResolution).
const freshest = 10 * time.Second

// startMeter is the meter of what starts now.
func startMeter(now sim.Time) meter {
	return meter{from: now, since: now, newest: reading(now)}
}

// reading is the number of the last reading that is over.
func reading(now sim.Time) int64 { return int64(now) / int64(scrapeEvery) }

func readAt(n int64) sim.Time { return sim.Time(n * int64(scrapeEvery)) }

// catchUp makes the readings that would have happened by now.
func (m *meter) catchUp(now sim.Time) {
	last := reading(now)
	missed := last - m.newest
	if missed == 0 {
		return
	}
	next := readAt(m.newest + 1)
	mean := (m.area + m.cpu*int64(next-m.since)) / int64(next-m.from)
	switch missed {
	case 1:
		m.older, m.newer = m.newer, mean
	case 2:
		m.older, m.newer = mean, m.cpu
	default:
		m.older, m.newer = m.cpu, m.cpu
	}
	m.newest, m.area = last, 0
	m.from, m.since = readAt(last), readAt(last)
}

// use adds to what is used from now on.
func (m *meter) use(now sim.Time, milli int64) {
	m.catchUp(now)
	m.area += m.cpu * int64(now-m.since)
	m.since = now
	m.cpu += milli
}

// MeasuredCPU is the CPU that metrics say the machine uses. Before the second
// reading there are none.
// Only a keen machine knows.
func (m *Machine) MeasuredCPU(now sim.Time) (s model.Sample, ok bool) {
	m.meter.catchUp(now)
	if !m.keen || m.meter.newest < 2 {
		return s, false
	}
	return model.Sample{CPUMilli: m.meter.older, At: readAt(m.meter.newest - 1), Window: scrapeEvery}, true
}

// Measured is what metrics say of a pod, or of one of its containers if that is
// named. A container that started less than 10 s before the reading, and after the
// one before, has no mean yet; then there is none of its pod, either. Of a container
// that was started again since the reading nothing is known, nor of one that was lost
// with its machine, whatever time the runtime says it ended: nobody could be asked.
func (m *Machine) Measured(now sim.Time, pod uint32, only string) (sum model.Sample, ok bool) {
	s := m.Sandbox(pod)
	at := readAt(reading(now) - 1)
	if s == nil || at <= 0 {
		return sum, false
	}
	if m.lookAt(s); s.trusted {
		sum.Inflow, sum.Costs = s.inflow, s.costs()
	}
	for i := range s.Processes {
		p := &s.Processes[i]
		if !p.usedAt(at) || !p.Running && p.Cause == Lost && p.FinishedAt != m.offAt {
			continue
		}
		window := min(at.Sub(p.StartedAt), scrapeEvery)
		if window < freshest {
			return sum, false
		}
		if only != "" && container(s.Pod.Spec, i).Name != only {
			continue
		}
		p.meter.catchUp(now)
		sum.CPUMilli += p.meter.older
		sum.MemoryBytes += p.resident(at)
		sum.Growing = sum.Growing || p.growth > 0
		if !ok || window < sum.Window {
			sum.Window = window
		}
		sum.At, ok = at, true
	}
	return sum, ok
}

// startUsing has a new instance of a container use CPU. More than its limit, or than
// the machine has, it cannot use.
func (m *Machine) startUsing(s *Sandbox, p *Process, b *Behavior, c *model.Container, milliRPS int64) {
	quota := s.Pod.Spec.CPULimit(c)
	p.rest, p.perRPS, p.limit, p.pinned = b.CPUMilli, b.CPUMicroPerRPS, quota, m.exclusive(s.Pod.Spec, c)
	if p.pinned {
		quota = 0
	}
	if m.cores > 0 && (p.limit == 0 || p.limit > m.cores) {
		p.limit = m.cores
	}
	p.threads = int16(ThreadsOn(b, min(m.cores, 1000*math.MaxInt16)))
	p.abreast = int32(abreast(b))
	if threads := int64(p.threads); p.perRPS > 0 && threads > m.rooms.threads {
		m.rooms.threads = threads
		m.quieten()
	}
	p.meter = startMeter(m.kernel.Now())
	m.limitCPU(s, p, b, c)
	p.starting = b.StartupCPUMilli
	if p.limit > 0 && p.starting > p.limit {
		p.ServesAt = m.kernel.Now().Add(p.startsUp(p.ServesAt.Sub(m.kernel.Now()), quota))
		p.starting = p.limit
	}
	p.pace = p.starting
	m.use(s, p, milliRPS)
	m.usesOther(s)
}

// startsUp is how long a start-up takes that wants more than the process can have:
// in periods of its quota, or evenly if it is the machine that has no more.
func (p *Process) startsUp(d time.Duration, quota int64) time.Duration {
	if quota == p.limit {
		return Throttled(d, p.starting, quota)
	}
	return stretch(d, p.starting, p.limit)
}

// idle has a process that ended use nothing any more.
func (m *Machine) idle(s *Sandbox, p *Process) {
	m.want(s, p, 0)
	m.usesOther(s)
}
