package runtime

import (
	"math"
	"time"

	"orrery/model"
	"orrery/sim"
)

// What a pod uses, or the machine as a whole, goes into the history as notes whenever it
// changes, if somebody said before the run that it is to: Config.HasAccount and Config.WholeAccount.
// Nothing is told of others. Of memory a note tells a straight line, and the next note comes
// where that bends. CPU changes only at moments at which something happens. A pod that has an
// account is never trusted (see trust): its machine has to hear of every change of what arrives
// at the pod, or it could not tell of it.

// account is what was told last of what a pod or the machine uses.
type account struct {
	told   model.Usage
	at     sim.Time // since when that holds
	begun  bool     // something was told already
	posted bool     // a wake-up of this instant will look whether there is news
	bendAt sim.Time // for when a wake-up was posted because memory becomes another line then
	meter  meter    // of the CPU that the machine uses; unused in accounts of pods
	upAt   sim.Time // since when the meter has counted
}

// wholeMachine stands for the machine itself where otherwise the ID of a pod is, which is
// never 0.
const wholeMachine = 0

// usesOther tells those who read metrics that there will be others of a pod: it uses
// something else, or a container started or ended, of which there are metrics or none
// whatever it uses.
func (m *Machine) usesOther(s *Sandbox) {
	m.reckon(s.account, s.Pod.ID)
	m.reckonWhole()
	if m.used != nil {
		m.used(s.Pod.ID)
	}
}

// reckonWhole is reckon for the machine as a whole.
func (m *Machine) reckonWhole() { m.reckon(m.account, wholeMachine) }

// reckon posts a wake-up that looks what a pod uses when everything else of this instant has
// happened, if there is an account of it.
func (m *Machine) reckon(a *account, pod uint32) {
	if a != nil && !a.posted {
		a.posted = true
		m.kernel.Post(m.kernel.Now(), m.self, whyUsed, uint64(pod))
	}
}

// usedDue tells what a pod or the machine uses, if that is news.
func (m *Machine) usedDue(pod uint32) {
	if pod == wholeMachine {
		used, bends := m.usage(m.kernel.Now())
		m.tellUsage(m.account, m.meta, pod, used, bends)
	} else if s := m.Sandbox(pod); s != nil && s.account != nil {
		used, bends := s.usage(m.kernel.Now())
		m.tellUsage(s.account, &s.Pod.Meta, pod, used, bends)
	}
}

// tellUsage tells what is used from now on, and until when memory is a straight line, unless
// that follows from what was told last.
func (m *Machine) tellUsage(a *account, of *model.Meta, pod uint32, used model.Usage, bends sim.Time) {
	now := m.kernel.Now()
	a.posted = false
	if pod == wholeMachine {
		a.meter.use(now, used.MilliCPU-a.meter.cpu)
	}
	if bends != a.bendAt && bends != sim.Never {
		m.kernel.Post(bends, m.self, whyUsed, uint64(pod))
	}
	a.bendAt = bends
	if a.begun && a.expects(now) == used {
		return
	}
	a.told, a.at, a.begun = used, now, true
	m.note(m.self, model.Note{About: of, Reason: model.ReasonUsageChanged, Usage: &used})
}

// expects is what is used now if what was told last still holds.
func (a *account) expects(now sim.Time) model.Usage {
	u := a.told
	if u.MemoryGrowth < 0 {
		u.MemoryBytes -= scale(-u.MemoryGrowth, int64(now.Sub(a.at)), int64(time.Second))
	} else {
		u.MemoryBytes += scale(u.MemoryGrowth, int64(now.Sub(a.at)), int64(time.Second))
	}
	return u
}

// usage is what the containers of a pod use, and until when its memory is a straight line.
func (s *Sandbox) usage(now sim.Time) (used model.Usage, until sim.Time) {
	until = sim.Never
	for i := range s.Processes {
		p := &s.Processes[i]
		if !p.Running {
			continue
		}
		used.MilliCPU += p.meter.cpu
		used.MemoryBytes += p.resident(now)
		used.MemoryGrowth += p.grows(now)
		until = min(until, p.bends(now))
	}
	return used, until
}

// usage is what the machine uses, as its root cgroup counts it: the pods, the kubelet, the
// container runtime, and other processes that a fault has there. Until is as above.
func (m *Machine) usage(now sim.Time) (used model.Usage, until sim.Time) {
	until = sim.Never
	for _, s := range m.pods {
		if s == nil {
			continue
		}
		of, bends := s.usage(now)
		used.MilliCPU += of.MilliCPU
		used.MemoryBytes += of.MemoryBytes
		used.MemoryGrowth += of.MemoryGrowth
		until = min(until, bends)
	}
	used.MilliCPU += m.burns + m.daemons.gets + scale(m.unpackWants, m.unpackPace, full)
	bytes, growth := m.outsideLine(now)
	used.MemoryBytes, used.MemoryGrowth = used.MemoryBytes+bytes, used.MemoryGrowth+growth
	return used, min(until, m.hogs.bends(now))
}

// MeasuredWhole is what metrics say of the machine as a whole: nothing unless it has an account
// (Config.WholeAccount), is on, and has been so for two readings.
func (m *Machine) MeasuredWhole(now sim.Time) (s model.Sample, ok bool) {
	a, last := m.account, reading(now)
	if a == nil || !m.on || last < 2 || readAt(last-2) < a.upAt {
		return s, false
	}
	a.meter.catchUp(now)
	s = model.Sample{CPUMilli: a.meter.older, At: readAt(last - 1), Window: scrapeEvery}
	s.MemoryBytes, _ = m.outsideLine(s.At)
	for x, i := range m.processes() {
		if p := &x.Processes[i]; p.usedAt(s.At) {
			s.MemoryBytes += p.resident(s.At)
		}
	}
	return s, true
}

// usedAt tells whether the newest instance of a process had begun by a time and had not
// ended.
func (p *Process) usedAt(at sim.Time) bool {
	return p.Instances > 0 && p.StartedAt < at && (p.Running || p.FinishedAt > at)
}

// bends is when what a process that runs has in memory becomes another line, as things
// are: with what it uses, or where it begins or ceases to be swapped.
func (p *Process) bends(now sim.Time) sim.Time {
	used, growth, until := p.line(now)
	if p.swap == 0 || p.swapsFrom == math.MaxInt64 || growth == 0 {
		return until
	}
	for _, bound := range [...]int64{p.swapsFrom, p.swapsFrom + p.swap} {
		left, pace := bound-used, growth
		if growth < 0 {
			left, pace = used-bound+1, -growth
		}
		if left > 0 {
			until = min(until, now.Add(time.Duration(scale(left, int64(time.Second), pace))).Add(1))
		}
	}
	return until
}

// openAccount begins to measure what the machine uses, which has been off until now.
func (m *Machine) openAccount() {
	if now := m.kernel.Now(); m.account != nil {
		m.account.meter, m.account.upAt = startMeter(now), now
	}
}

// closeAccount tells what a pod uses that is going to be forgotten, if somebody was about
// to look.
func (m *Machine) closeAccount(s *Sandbox) {
	if s.account != nil && s.account.posted {
		m.usedDue(s.Pod.ID)
	}
}
