package report

import (
	"orrery/model"
	"orrery/sim"
)

// used follows what the containers of some pods use, or a node as a whole. The machines note
// that whenever it changes, because a promise asks. It has no value before the first such note
// about any of them. Without an object, and of their namespace, static pods count, too: nobody
// asked the cluster for them, but they use CPU and memory as others do.
type used struct {
	selection
	of     func(*model.Usage) ramp
	pods   []*user
	byID   map[uint32]*user
	static map[string]*user // static pods, by path, as their machine does not know the ID that the API gave them

	total ramp
	told  bool // something was noted of one that counts
	found series
}

// user is a pod that uses something.
type user struct {
	pod  *model.Pod // as the API has it, nil if it does not
	in   bool       // it counts
	told bool       // something was noted of it
	uses ramp
}

func openUsed(of func(*model.Usage) ramp) func(about) instrument {
	return func(a about) instrument {
		return &used{selection: selection{about: a.target}, of: of, byID: map[uint32]*user{}, static: map[string]*user{}}
	}
}

func cpuUsed(u *model.Usage) ramp    { return ramp{n: u.MilliCPU} }
func memoryUsed(u *model.Usage) ramp { return ramp{n: u.MemoryBytes, growth: u.MemoryGrowth} }

func (m *used) see(s *state, now sim.Time, record int) {
	if s.record == nil {
		return
	}
	was := m.total
	m.total.pass(now)
	switch r := s.record; {
	case r.Note != nil && r.Note.Usage != nil:
		m.take(now, r.Note)
	case r.Note != nil:
	case s.pod != nil:
		m.follow(s, now, r.Object().(*model.Pod), r.New == nil)
	case m.moved(s):
		for _, x := range m.pods {
			m.count(x, now, x.pod != nil && m.selects(x.pod))
		}
	}
	if !m.told {
		return
	}
	if was.growth != m.total.growth || was.at(now) != m.total.n || len(m.found) == 0 {
		m.found.slope(now, m.total.n, m.total.growth, 0, record)
	}
}

// take takes in what a pod or a node uses from now on.
func (m *used) take(now sim.Time, n *model.Note) {
	uses := m.of(n.Usage)
	uses.since = now
	if about := n.About; about.Kind == model.KindNode {
		if m.about.kind == model.KindNode && m.about.name == about.Name {
			m.total, m.told = uses, true
		}
		return
	}
	x := m.user(n.About)
	in := x.in
	m.count(x, now, false)
	x.uses, x.told = uses, true
	m.count(x, now, in)
}

// follow takes in a version of a pod, the last one if it is gone.
func (m *used) follow(s *state, now sim.Time, p *model.Pod, gone bool) {
	if m.about.kind == model.KindNode && !m.about.namespaced {
		return // the notes about the node say it
	}
	x := m.user(&p.Meta)
	if x.pod = p; gone {
		x.pod = nil
	}
	m.count(x, now, !gone && (m.about.none() || m.has(s, p)))
}

// count has what a pod uses count from now on, or not.
func (m *used) count(x *user, now sim.Time, in bool) {
	x.uses.pass(now)
	if x.in {
		m.total.take(x.uses)
	}
	if x.in = in; in {
		m.total.add(x.uses)
		m.told = m.told || x.told
	}
}

// user is a pod, as the API or its machine knows it.
func (m *used) user(pod *model.Meta) *user {
	x := m.byID[pod.ID]
	isStatic := pod.ID >= model.FirstStaticID || pod.Owner.Kind == model.KindNode
	if isStatic {
		x = m.static[pod.Path()]
	}
	if x != nil {
		return x
	}
	x = &user{}
	m.pods = append(m.pods, x)
	if isStatic {
		m.static[pod.Path()] = x
	} else {
		m.byID[pod.ID] = x
	}
	return x
}

// untold is why nothing is known of what something uses.
const untold = "nothing is told of what any of it uses; on a hollow node nothing runs"

func (m *used) finish(s *state, _ sim.Time) reading {
	switch {
	case s.find(m.about) == nil:
		return reading{none: s.missing(m.about)}
	case !m.told:
		return reading{none: untold}
	}
	return reading{series: m.found}
}

// ramp is a number that grows, or shrinks, by the same amount every second. It is n and rest
// billionths at since. Sums of ramps are exact.
type ramp struct {
	n, rest, growth int64
	since           sim.Time
}

// pass makes it the same ramp, as of a later time.
func (r *ramp) pass(now sim.Time) {
	if r.growth != 0 {
		seconds, nanos := int64(now-r.since)/billion, int64(now-r.since)%billion
		part := r.growth % billion * nanos
		r.n += r.growth*seconds + r.growth/billion*nanos + part/billion
		r.carry(part % billion)
	}
	r.since = now
}

// carry adds so many billionths, of either sign.
func (r *ramp) carry(rest int64) {
	r.rest += rest
	switch {
	case r.rest < 0:
		r.rest, r.n = r.rest+billion, r.n-1
	case r.rest >= billion:
		r.rest, r.n = r.rest-billion, r.n+1
	}
}

// at is its whole number at a later time.
func (r ramp) at(now sim.Time) int64 {
	r.pass(now)
	return r.n
}

// add adds another ramp of the same time, and take takes one away.
func (r *ramp) add(o ramp) {
	r.n, r.growth = r.n+o.n, r.growth+o.growth
	r.carry(o.rest)
}

func (r *ramp) take(o ramp) {
	r.n, r.growth = r.n-o.n, r.growth-o.growth
	r.carry(-o.rest)
}
