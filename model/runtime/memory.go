package runtime

import (
	"cmp"
	"slices"
	"time"

	"orrery/sim"
)

// A machine's memory is the sum of what its containers use, each a straight
// line in time that bends a second after other requests arrive, so when it will be full is
// known whenever one starts, ends or bends.
// Then the kernel kills the process of the largest badness, whatever its
// limit is; and so it does when all pods have what is not reserved, the limit of their
// cgroup, though then nobody else is in danger. What the system itself uses is not
// modeled.

// usedByPods is how much memory they use, and by how much more every second.
func (m *Machine) usedByPods(now sim.Time) (used, growth int64) {
	m.eachUser(func(_ *Sandbox, _ int, p *Process) {
		used += p.resident(now)
		growth += p.grows(now)
	})
	return used, growth
}

// usesMemory tells whether anything is known of what a process uses.
func (p *Process) usesMemory() bool { return p.memory > 0 || p.growth > 0 || p.heap > 0 || p.surges }

// used is how much memory a process that runs has, in bytes.
func (p *Process) used(now sim.Time) int64 {
	return p.memory + p.loaded.at(now) + p.burstMemory(now) + scale(p.growth, int64(now.Sub(p.StartedAt)), int64(time.Second))
}

// asks is how much more memory a process that runs wants at once, as it starts or begins a burst.
func (p *Process) asks(now sim.Time) int64 {
	if p.StartedAt == now {
		return p.used(now)
	}
	return p.used(now) - p.used(now-1)
}

// line is what a process that runs uses, in bytes, by how much more every second, and
// until when; Never if that goes on.
func (p *Process) line(now sim.Time) (used, growth int64, until sim.Time) {
	growth, until = p.loaded.line(now)
	return p.used(now), p.growth + growth, until
}

// reaches is when a process that runs has a limit's bytes, which is when the kernel
// kills it; Never if it does not come to that, or there is no limit (0).
func (p *Process) reaches(now sim.Time, limit int64) sim.Time {
	if limit == 0 {
		return sim.Never
	}
	used, growth, until := p.line(now)
	if at := meets(now, used, growth, limit); at <= until {
		return at
	}
	return p.reaches(until, limit)
}

// meets is when a straight line of bytes has those of a limit; Never if it does not come
// to that.
func meets(now sim.Time, used, growth, limit int64) sim.Time {
	switch {
	case used >= limit:
		return now
	case growth <= 0:
		return sim.Never
	}
	return now.Add(time.Duration(scale(limit-used, int64(time.Second), growth)))
}

// fill has a process use memory for other requests than before.
func (m *Machine) fill(s *Sandbox, i int) {
	p := &s.Processes[i]
	if p.limitAt == m.kernel.Now() {
		return // it is being killed
	}
	load, _ := s.load()
	p.loaded.move(m.kernel.Now(), scale(p.heap, load, 1000))
	m.limitMemory(s, i)
	m.weigh()
	m.usesOther(s)
}

// surge has all arrive at a pod who have been trying in vain. They do so over the time in
// which they wait for an answer, about a loadedIn or more, of which rates know nothing: so
// what they need counts as whole, but comes in a loadedIn, also of those who were refused at
// once and do not wait. A container is killed when so much has come that it reaches its limit,
// although it would soon be free.
func (m *Machine) surge(s *Sandbox, milliRPS int64) {
	now := m.kernel.Now()
	for i := range s.Processes {
		p := &s.Processes[i]
		limit := s.memoryFor(i, now)
		if !p.Running || p.heap == 0 || limit == 0 {
			continue
		}
		more := scale(p.heap, milliRPS, 1000) - p.loaded.at(now)
		if room := max(limit-p.used(now), 0); more > 0 && more >= room {
			p.surgeAt = min(p.surgeAt, now.Add(time.Duration(scale(room, int64(loadedIn), more))))
			m.postDue(s, i)
		}
	}
}

// weigh computes when the machine's memory will be full.
func (m *Machine) weigh() {
	m.reckonWhole()
	if m.memory == 0 {
		return
	}
	now := m.kernel.Now()
	used, growth, at := m.pressing(now)
	others, more := m.others(now)
	used, growth = used+others, growth+more
	if len(m.hogs.all) > 0 {
		m.watchHogs(now)
	}
	switch {
	case used >= m.memory:
		at = now
	case growth > 0:
		at = min(at, now.Add(time.Duration(scale(m.memory-used, int64(time.Second), growth))).Add(1))
	}
	if at != m.fullAt {
		m.fullAt = at
		m.kernel.Post(at, m.self, whyFull, 0)
	}
	m.kubelet.MemoryChanged()
}

// MemoryFree is how much of the machine's memory nobody uses, in bytes (the signal
// memory.available; pkg/kubelet/eviction/helpers.go makeSignalObservations).
func (m *Machine) MemoryFree(now sim.Time) int64 {
	used, _ := m.usedByPods(now)
	outside, _ := m.outsideLine(now)
	return m.memory - outside - used
}

// MemoryScarceAt is the first instant, now or later, at which less than this is
// free, as things are; Never if it does not come to that.
func (m *Machine) MemoryScarceAt(now sim.Time, least int64) sim.Time {
	if m.memory == 0 {
		return sim.Never
	}
	used, growth := m.usedByPods(now)
	outside, more := m.outsideLine(now)
	return scarceAt(now, m.memory-outside-used, growth+more, least)
}

// PodMemory is what all pods together may have, in bytes, the limit of kubepods: what is not
// reserved.
func (m *Machine) PodMemory() int64 { return m.memory - m.reservedMemory }

// PodMemoryFree is how much they may still have (allocatableMemory.available).
func (m *Machine) PodMemoryFree(now sim.Time) int64 {
	used, _ := m.usedByPods(now)
	return m.PodMemory() - used
}

// PodMemoryScarceAt is the first instant, now or later, at which that is less than this, as
// things are; Never if it does not come to that.
func (m *Machine) PodMemoryScarceAt(now sim.Time, least int64) sim.Time {
	if m.memory == 0 {
		return sim.Never
	}
	used, growth := m.usedByPods(now)
	return scarceAt(now, m.PodMemory()-used, growth, least)
}

// MemoryUsed is what the containers of a pod use, in bytes.
func (s *Sandbox) MemoryUsed(now sim.Time) int64 {
	var used int64
	for i := range s.Processes {
		used += s.Processes[i].MemoryUsed(now)
	}
	return used
}

// MemoryUsed is what the process has in memory, in bytes; 0 if it does not run.
func (p *Process) MemoryUsed(now sim.Time) int64 {
	if !p.Running {
		return 0
	}
	return p.resident(now)
}

func (m *Machine) eachUser(f func(s *Sandbox, i int, p *Process)) {
	for s, i := range m.processes() {
		if p := &s.Processes[i]; p.Running && p.usesMemory() {
			f(s, i, p)
		}
	}
}

// itselfFull tells whether it is the machine that is full, and not only kubepods, whose limit
// is what is not reserved: others have as much as is reserved for them, or nothing is. If both
// are full at the same time, it is the machine, as the kernel has a page before it charges
// a cgroup for it (mm/memory.c alloc_anon_folio).
func (m *Machine) itselfFull(now sim.Time) bool {
	outside, _ := m.outsideLine(now)
	return outside >= m.reservedMemory
}

// oomTotal is how much memory and swap there is altogether where it is full
// (mm/oom_kill.c constrained_alloc, mm/memcontrol.c mem_cgroup_get_max).
func (m *Machine) oomTotal(now sim.Time) int64 {
	if m.itselfFull(now) {
		return m.memory + m.swap
	}
	return m.memory - m.reservedMemory + m.swap
}

// full is the kernel's OOM killer (mm/oom_kill.c): one process, and if that is
// not enough another one; among equals that which started last, as it goes through them from
// the oldest on and keeps the last of them (oom_evaluate_task). Who asks for much at once has
// of it what there was. What was rounded down may still have to grow.
func (m *Machine) full(now sim.Time) {
	if now != m.fullAt {
		return
	}
	m.fullAt = -1
	used, _ := m.others(now)
	m.eachUser(func(_ *Sandbox, _ int, p *Process) { used += max(p.used(now)-p.swap, 0) })
	if used < m.memory {
		m.weigh()
		return
	}
	total, worst := m.oomTotal(now), int64(0)
	var box *Sandbox
	var victim *Process
	m.eachUser(func(s *Sandbox, i int, p *Process) {
		bad := m.badness(s, i, now, total) - min(used-m.memory, p.asks(now))
		if victim == nil || cmp.Or(cmp.Compare(bad, worst), cmp.Compare(p.StartedAt, victim.StartedAt), cmp.Compare(box.Hash, s.Hash)) > 0 {
			worst, box, victim = bad, s, p
		}
	})
	h, bad := m.worstHog(now)
	system := m.itselfFull(now)
	switch {
	case system && h != nil && (victim == nil || bad > worst):
		h.from = now.Add(hogAgain)
		m.weigh()
	case system && m.outside > 0 && (victim == nil || m.outside > worst): // its oom_score_adj is 0
		m.outside = 0
		m.weigh()
	case victim != nil:
		m.kill(box, victim)
	default:
		return
	}
	if system {
		m.kubelet.SystemOOM()
	}
}

// kill is what the kernel does to a process when there is no memory.
func (m *Machine) kill(s *Sandbox, p *Process) {
	p.dueCode, p.dueCause = killedCode, OOMKilled
	m.end(s, p)
}

// OutOfMemory has the kernel kill all processes of a sandbox that run, whose memory
// somebody else keeps account of.
func (m *Machine) OutOfMemory(s *Sandbox) {
	for i := range s.Processes {
		if p := &s.Processes[i]; p.Running {
			m.kill(s, p)
		}
	}
}

// Use says how much memory the app container of a sandbox uses, in bytes, of which
// somebody else keeps account. It is the machine's, and has no limit here.
func (m *Machine) Use(s *Sandbox, bytes int64) {
	if p := &s.Processes[len(s.Pod.Spec.InitContainers)]; p.Running && p.memory != bytes {
		p.memory = bytes
		m.reckon(s.account, s.Pod.ID)
		m.weigh()
	}
}

// OOMKilledAt tells whether the kernel killed a process of a sandbox at a time.
func (s *Sandbox) OOMKilledAt(at sim.Time) bool {
	return slices.ContainsFunc(s.Processes, func(p Process) bool { return !p.Running && p.Cause == OOMKilled && p.FinishedAt == at })
}
