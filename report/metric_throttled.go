package report

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// throttled follows how the containers of some pods fare under their CPU limits, of which
// the machines tell when it changes.
type throttled struct {
	selection
	share bool
	pods  []*underLimit
	byID  map[uint32]*underLimit

	at      sim.Time
	milli   int64 // CPUs that stand still, since at
	ppm     int64 // of a million periods, of all containers together
	limited int64 // containers that run and have a limit
	sum     time.Duration
	record  int // which made it so, -1 if none has yet
	found   series
}

// underLimit is a pod with containers that have limits.
type underLimit struct {
	pod     *model.Pod
	in      bool // it counts
	running int64
	told    []model.Throttling
}

// openThrottledTime measures for how long containers stood still because they had used up
// their quota, on all CPUs together.
func openThrottledTime(a about) instrument {
	return newThrottled(a, false)
}

// openThrottledShare measures in what part of all periods they did.
func openThrottledShare(a about) instrument {
	return newThrottled(a, true)
}

func newThrottled(a about, share bool) *throttled {
	return &throttled{selection: selection{about: a.target}, share: share, byID: map[uint32]*underLimit{}, record: -1}
}

func (m *throttled) see(s *state, now sim.Time, record int) {
	m.pass(now)
	milli, ppm, limited := m.milli, m.ppm, m.limited
	switch r := s.record; {
	case r == nil:
	case r.Note != nil && r.Note.Throttling != nil:
		if x := m.byID[r.Note.Object().ID]; x != nil {
			m.count(x, -1)
			x.take(r.Note.Throttling)
			m.count(x, 1)
		}
	case r.Note != nil:
	case s.pod != nil:
		m.follow(s, r.Object().(*model.Pod), r.New == nil)
	case m.moved(s):
		for _, x := range m.pods {
			m.count(x, -1)
			x.in = m.selects(x.pod)
			m.count(x, 1)
		}
	}
	if m.milli != milli || m.ppm != ppm || m.limited != limited {
		m.record = record
	}
	if m.share {
		m.found.add(now, m.ppm, max(m.limited*1_000_000, m.ppm), m.record)
	} else {
		m.found.add(now, int64(m.sum), 0, m.record)
	}
}

// follow takes in a version of a pod.
func (m *throttled) follow(s *state, p *model.Pod, gone bool) {
	x := m.byID[p.ID]
	if x == nil {
		if !hasCPULimit(p.Spec) {
			return
		}
		x = &underLimit{}
		m.byID[p.ID] = x
		m.pods = append(m.pods, x)
	}
	m.count(x, -1)
	x.pod, x.running = p, 0
	if x.in = !gone && m.has(s, p); x.in {
		x.running = running(p)
	}
	m.count(x, 1)
}

// hasCPULimit tells whether any container has one.
func hasCPULimit(spec *model.PodSpec) bool {
	limited := func(c model.Container) bool { return spec.CPULimit(&c) > 0 }
	return slices.ContainsFunc(spec.Containers, limited) || slices.ContainsFunc(spec.InitContainers, limited)
}

// running is how many containers of a pod run, as the API has it, and have a CPU limit.
func running(p *model.Pod) (n int64) {
	inits := len(p.Spec.InitContainers)
	for i := range p.Containers {
		c := &p.Spec.Containers[max(i-inits, 0)]
		if i < inits {
			c = &p.Spec.InitContainers[i]
		}
		if p.Containers[i].State == model.ContainerRunning && p.Spec.CPULimit(c) > 0 {
			n++
		}
	}
	return n
}

// take takes in what is told of a container.
func (x *underLimit) take(t *model.Throttling) {
	for i := range x.told {
		if x.told[i].Container == t.Container {
			x.told[i] = *t
			return
		}
	}
	x.told = append(x.told, *t)
}

// count adds what a pod adds, or takes it back.
func (m *throttled) count(x *underLimit, sign int64) {
	if !x.in {
		return
	}
	m.limited += sign * x.running
	for i := range x.told {
		m.milli += sign * x.told[i].MilliCPU
		m.ppm += sign * x.told[i].PeriodsPPM
	}
}

// pass lets containers stand still until now. What adds up between two records shows in
// steps of a second, or of a hundredth of the time if that is more.
func (m *throttled) pass(now sim.Time) {
	for step := max(time.Second, now.Sub(m.at)/100); m.at < now && m.milli > 0 && !m.share; {
		next := min(now, m.at.Add(step))
		m.sum += stoodStill(m.milli, next.Sub(m.at))
		m.at = next
		m.found.add(next, int64(m.sum), 0, m.record)
	}
	m.at = now
}

// stoodStill is the time that so many CPUs, in milli, stand still in d.
func stoodStill(milli int64, d time.Duration) time.Duration {
	return time.Duration(sim.Scale(milli, int64(d), 1000))
}

func (m *throttled) finish(s *state, end sim.Time) reading {
	if s.find(m.about) == nil {
		return reading{none: s.missing(m.about)}
	}
	if m.share && !slices.ContainsFunc(m.found, func(p point) bool { return p.Den > 0 }) {
		return reading{none: "no container had a CPU limit"}
	}
	m.pass(end)
	return reading{series: m.found}
}
