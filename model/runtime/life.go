package runtime

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// How containers start, and what ends them: their own time, a signal, the kernel.

// Cause is how a process ended, as the container runtime reports it.
type Cause uint8

// The causes.
const (
	Exited    Cause = iota // by itself, or by a signal
	OOMKilled              // by the kernel: it reached its memory limit, or the machine was full
	Lost                   // with its machine: the runtime finds it gone after a reboot
)

// lostCode is the exit code containerd reports for a process whose shim is
// gone (containerd/internal/cri/server/restart.go).
const lostCode = 255

// The exit codes of processes that a signal ends: 128 and its number.
const (
	killedCode     = 137 // SIGKILL
	terminatedCode = 143 // SIGTERM
)

// doom is a container that exits after each start.
type doom struct {
	pod       uint32
	container string
	model.Doom
}

// Start runs a new instance of a container. The caller has waited for StartBy.
func (m *Machine) Start(s *Sandbox, i int) {
	now := m.kernel.Now()
	p := &s.Processes[i]
	c := container(s.Pod.Spec, i)
	b := m.stressed(s.Pod.ID, c, m.behaviors.For(s.Pod, c.Name))
	luck := m.costs.startup.Draw(s.Hash, uint64(i)<<32|uint64(p.Instances))
	m.distrust(s)
	p.dead = p.DiskUsed(now)
	p.StartedAt, p.Running, p.TermAt = now, true, 0
	p.ServesAt = now.Add(m.pace.StartUp(s.Pod, b.Startup.Draw(&luck)))
	p.dueAt, p.killAt, p.surgeAt, p.dueCode, p.dueCause = sim.Never, sim.Never, sim.Never, 0, Exited
	init := i < len(s.Pod.Spec.InitContainers)
	if p.asked = !init || c.Sidecar && b.asked(); !p.asked {
		b.CPUMicroPerRPS, b.MemoryPerRPS, b.PIDsMilliPerRPS = 0, 0, 0
	}
	if init && !c.Sidecar && b.Run.IsZero() {
		b.Run = DefaultInitRun
	}
	if !b.Run.IsZero() && (b.Exits == 0 || p.Instances < b.Exits) {
		p.dueAt, p.dueCode = now.Add(b.Run.Draw(&luck)), b.ExitCode
	}
	if d := m.doomed(s, i); d != nil {
		if at := now.Add(d.takes().Draw(&luck)); at < p.dueAt {
			p.dueAt, p.dueCode, p.dueCause = at, d.ExitCode, Exited
		}
		if d.Times > 0 {
			if d.Times--; d.Times == 0 {
				d.Times = spent
			}
		}
	}
	p.Instances++
	if m.memory > 0 {
		p.adjust = int16(scoreAdjust(s.Pod.Spec, i, m.memory))
	}
	if p.waits = b.NeedsAPI && m.api != nil; p.waits {
		m.api.Need(m, Asker{Pod: s.Pod.ID, Container: i, Instance: p.Instances})
	}
	p.memory, p.growth, p.heap, p.loaded = b.MemoryBytes, b.MemoryGrowth, b.MemoryPerRPS, loaded{}
	m.allowSwap(s, i)
	p.disk, p.diskGrowth, p.extra = b.DiskBytes, b.DiskGrowth, newExtra(&b)
	m.openLog(p, b.LogGrowth)
	load, working := s.load()
	p.loaded.move(now, scale(p.heap, load, 1000))
	m.open(s, i)
	m.startBursts(s, i, &b)
	m.need(1)
	m.fork(s, i, load)
	m.startUsing(s, p, &b, c, working)
	if p.starting > 0 {
		m.postStarted(s, p)
	}
	m.limitMemory(s, i)
	if p.usesMemory() {
		m.weigh()
	}
	if p.writes() || len(s.emptyDirs) > 0 { // which are measured while a container runs
		m.diskChanged()
	}
	if p.asked && m.serving != nil {
		m.postServing(s)
	}
	m.kubelet.Changed(s)
}

// Doom has a container of a pod exit after each start from now on. The pod may be
// unknown here, and the oldest of several dooms decides.
func (m *Machine) Doom(pod uint32, container string, d model.Doom) {
	m.dooms = append(m.dooms, doom{pod, container, d})
}

// spent is the Times of a doom that has happened as often as it is to.
const spent = -1

// takes is how long after its start a container under the doom ends.
func (d *doom) takes() sim.Dist {
	if d.After.IsZero() {
		return doomTime
	}
	return d.After
}

// Spare takes back the oldest such Doom. What has started under it still
// ends.
func (m *Machine) Spare(pod uint32, container string) {
	same := func(d doom) bool { return d.pod == pod && d.container == container }
	if i := slices.IndexFunc(m.dooms, same); i >= 0 {
		m.dooms = slices.Delete(m.dooms, i, i+1)
	}
}

// doomed is the doom that a container is under, nil if there is none.
func (m *Machine) doomed(s *Sandbox, i int) *doom {
	for j := range m.dooms {
		if d := &m.dooms[j]; d.pod == s.Pod.ID && d.Times != spent && d.container == container(s.Pod.Spec, i).Name {
			return d
		}
	}
	return nil
}

// postDue has the machine look at a container when it will end, as things are. A look
// that is posted for later is left alone; one that comes too early asks for another.
func (m *Machine) postDue(s *Sandbox, i int) {
	p := &s.Processes[i]
	at := p.endsAt()
	if p.lookAt > m.kernel.Now() && p.lookAt <= at {
		return
	}
	p.lookAt = at
	m.kernel.Post(at, m.self, whyDue, uint64(i)<<32|uint64(s.Pod.ID))
}

// MinimumKill is the least time between SIGTERM and SIGKILL
// (pkg/kubelet/kuberuntime/kuberuntime_manager.go
// minimumGracePeriodInSeconds).
const MinimumKill = 2 * time.Second

// Stop sends SIGTERM to a container, and SIGKILL after grace, which is at
// least MinimumKill. A container that was sent SIGTERM before only gets the
// earlier of both SIGKILLs.
func (m *Machine) Stop(s *Sandbox, i int, grace time.Duration) {
	p := &s.Processes[i]
	if !p.Running {
		return
	}
	now := m.kernel.Now()
	luck := m.costs.stop.Draw(s.Hash, uint64(i)<<32|uint64(p.Instances))
	kill := now.Add(max(grace, MinimumKill) + killTime.Draw(&luck))
	if p.TermAt == 0 {
		p.TermAt = now
		if !m.hangs(s) {
			m.heed(s, i, &luck)
		}
	}
	p.killAt = min(p.killAt, kill)
	m.postDue(s, i)
}

// heed has a container that was sent SIGTERM end by itself, as its process begins to do now.
func (m *Machine) heed(s *Sandbox, i int, luck *sim.Stream) {
	p, b := &s.Processes[i], m.behaviors.For(s.Pod, container(s.Pod.Spec, i).Name)
	takes := b.Stop.Draw(luck)
	if b.Stop.IsConstant() {
		takes += spreadTime.Draw(luck)
	}
	if at := m.kernel.Now().Add(takes); at < p.dueAt {
		p.dueAt, p.dueCode, p.dueCause = at, b.stopCode(), Exited
	}
}

// heedLate has the containers of a pod that hung end that were sent SIGTERM meanwhile.
func (m *Machine) heedLate(s *Sandbox) {
	for i := range s.Processes {
		if p := &s.Processes[i]; p.Running && p.TermAt > 0 {
			luck := m.costs.stop.Draw(s.Hash, uint64(i)<<32|uint64(p.Instances))
			m.heed(s, i, &luck)
			m.postDue(s, i)
		}
	}
}

// Crash ends a container at once. It tells whether it was running.
func (m *Machine) Crash(s *Sandbox, i int, code int32) bool {
	p := &s.Processes[i]
	if !p.Running {
		return false
	}
	p.dueCode, p.dueCause = code, Exited
	m.end(s, p)
	return true
}

// endsAt is when a process ends, as things are.
func (p *Process) endsAt() sim.Time { return min(p.dueAt, p.killAt, p.limitAt, p.surgeAt) }

// stopCode is what it exits with after SIGTERM.
func (b *Behavior) stopCode() int32 {
	if b.StopCode == nil {
		return terminatedCode
	}
	return *b.StopCode
}

func (m *Machine) end(s *Sandbox, p *Process) {
	m.distrust(s)
	m.lose(s, p)
	p.closeLog(m.kernel.Now())
	p.Running, p.FinishedAt, p.EndedBefore = false, m.kernel.Now(), p.FinishedAt
	m.need(-1)
	m.idle(s, p)
	p.ExitCode, p.Cause, p.dueAt, p.dead = p.dueCode, p.dueCause, sim.Never, 0
	if p.throttle != nil {
		m.tellThrottling(s, s.index(p))
	}
	if p.extra != nil {
		s.close(s.index(p), p)
	}
	if p.usesMemory() {
		m.limitPod(s)
		m.weigh()
	}
	if p.writes() || p.extra != nil {
		m.diskChanged()
	}
	m.checkServing(s)
	m.kubelet.Changed(s)
}

// endDue ends a container whose time has come.
func (m *Machine) endDue(s *Sandbox, i int, now sim.Time) {
	p := &s.Processes[i]
	switch at := p.endsAt(); {
	case !p.Running:
		return
	case now < at:
		m.postDue(s, i)
		return
	case at == p.dueAt:
	case at == p.killAt:
		p.dueCode, p.dueCause = killedCode, Exited
	default:
		p.dueCode, p.dueCause = killedCode, OOMKilled
	}
	m.end(s, p)
}
