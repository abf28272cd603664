package runtime

import (
	"math"

	"orrery/model"
	"orrery/sim"
)

// A pod follows an Inflow, from which what it uses can be computed whenever somebody
// asks. So its machine need not hear of every change of a load, as long as that cannot
// make requests wait for its cores: each pod that is trusted may want more than it wanted when
// the machine looked last, up to its limit or to its part of what is left. Pods whose
// memory depends on load, that burst or start up, and all pods of a busy machine are
// keen: they hear of everything. Asked at every change, a machine comes to the same
// (the slow twin: Config.Keen).

// follower is how a pod follows what arrives.
type follower struct {
	inflow  *model.Inflow // nil if nothing arrives
	heard   sim.Time      // when the machine looked at it last
	trusted bool
	most    int64 // Inflow.Working up to which it is
	granted int64 // milli-CPU that it may want besides what it wanted when it was looked at
}

// load is how many requests arrive, in thousandths per second, and with how many of
// those workers begin.
func (f *follower) load() (milliRPS, working int64) {
	if f.inflow == nil {
		return 0, 0
	}
	return f.inflow.MilliRPS, f.inflow.Working
}

// Load says that what arrives at a pod is this from now on, or has changed. Each of its
// containers that requests pass through uses what that costs it: memory, and CPU for what is
// worked at, as far as its limit allows. It is false if the pod is not there.
func (m *Machine) Load(pod uint32, in *model.Inflow) bool {
	s := m.Sandbox(pod)
	if s == nil {
		return false
	}
	if s.trusted && s.inflow == in && in.Working <= s.most {
		in.Most = min(in.Most, s.most)
		return true
	}
	m.distrust(s)
	if s.inflow != in {
		s.follow(in)
	}
	if in != nil && in.Peak > 0 {
		m.surge(s, in.Peak)
	}
	s.heard, m.roomy = m.kernel.Now(), !m.crowded
	milliRPS, working := s.load()
	for i := range s.Processes {
		p := &s.Processes[i]
		if p.Running && p.perRPS > 0 {
			m.use(s, p, working)
		}
		if p.Running && p.heap > 0 {
			m.fill(s, i)
		}
		if p.Running && p.extra != nil {
			m.fork(s, i, milliRPS)
		}
	}
	m.roomy = false
	m.trust(s)
	return true
}

// follow has a pod, which is keen, follow another inflow, or none.
func (f *follower) follow(in *model.Inflow) {
	if f.inflow != nil {
		f.inflow.Keen--
	}
	if f.inflow = in; in != nil {
		in.Keen++
	}
}

// trust has a pod's machine not be told of what arrives there, if that changes nothing
// but what the pod itself uses.
func (m *Machine) trust(s *Sandbox) {
	if s.inflow == nil || s.trusted || m.crowded || m.rooms.told || m.keen || m.account != nil || s.account != nil || s.Pod.Spec.PodCPULimit() > 0 {
		return
	}
	share := int64(math.MaxInt32)
	if m.cores > 0 {
		share = (m.rooms.quiet - m.wanted - m.granted) / (2 * max(m.running, 1))
	}
	most, granted := int64(math.MaxInt64), int64(0)
	for i := range s.Processes {
		p := &s.Processes[i]
		switch {
		case !p.Running || p.perRPS == 0 && p.heap == 0 && p.extra == nil:
			continue
		case p.pinned || p.heap > 0 || p.extra != nil || p.starting > 0 || len(p.bursts) > 0 || share <= 0:
			return
		}
		upTo := p.wants + share
		if p.limit > 0 && upTo >= p.limit {
			upTo = p.limit
		} else {
			most = min(most, scale(upTo-p.rest, 1_000_000, p.perRPS))
		}
		granted += upTo - p.wants
		if t := p.throttle; t != nil {
			if most = min(most, t.calm); t.told.PeriodsPPM > 0 {
				return // it is told when that changes
			}
		}
	}
	if _, working := s.load(); working > most {
		return
	}
	s.trusted, s.most, s.granted = true, most, granted
	m.granted += granted
	m.trusted++
	s.inflow.Keen--
	s.inflow.Most = min(s.inflow.Most, most)
	m.usesOther(s) // who sleeps has to know whom to listen to
}

// distrust looks at a pod, which is keen from now on.
func (m *Machine) distrust(s *Sandbox) {
	if !s.trusted {
		return
	}
	m.lookAt(s)
	m.granted -= s.granted
	m.trusted--
	s.trusted, s.granted = false, 0
	s.inflow.Keen++
	m.usesOther(s) // it may use less from now on than others who follow the inflow
}

// distrustAll does so with all pods.
func (m *Machine) distrustAll() {
	for _, s := range m.pods {
		if s != nil {
			m.distrust(s)
		}
	}
}

// costs is what a trusted pod uses, if it is a single container.
func (s *Sandbox) costs() model.Costs {
	if len(s.Processes) != 1 {
		return model.Costs{}
	}
	p := &s.Processes[0]
	return model.Costs{Known: true, Rest: p.rest, Each: p.perRPS, Limit: p.limit}
}

// lookAt brings what a pod that is trusted wants and has used up to date.
func (m *Machine) lookAt(s *Sandbox) {
	if !s.trusted {
		return
	}
	for _, x := range s.inflow.Since(s.heard) {
		for i := range s.Processes {
			p := &s.Processes[i]
			if !p.Running || p.perRPS == 0 {
				continue
			}
			wants := p.wantsFor(x.Working)
			p.meter.use(x.At, wants-p.meter.cpu)
			m.wanted += wants - p.wants
			m.granted -= wants - p.wants
			s.granted -= wants - p.wants
			p.wants = wants
		}
	}
	s.heard = m.kernel.Now()
}
