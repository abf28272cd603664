package report

import (
	"orrery/model"
	"orrery/sim"
)

// utilization follows what nodes use as a whole, as a part of what they have for pods: the
// percents of "kubectl top node" (k8s.io/kubectl/pkg/cmd/top/top_node.go: of what is
// allocatable). Machines of the control plane count only if they are asked for, as in
// allocation. A node counts from the first note of what it uses on.
type utilization struct {
	about  target
	of     func(*model.Usage) ramp
	ofNode func(*model.Node) int64
	nodes  map[string]*nodeInUse

	total ramp
	size  int64
	found series
}

// nodeInUse is a node that may count.
type nodeInUse struct {
	uses ramp
	size int64 // 0 if it does not count
	told bool  // what it uses was noted
}

func openUtilization(of func(*model.Usage) ramp, ofNode func(*model.Node) int64) func(about) instrument {
	return func(a about) instrument {
		return &utilization{about: a.target, of: of, ofNode: ofNode, nodes: map[string]*nodeInUse{}}
	}
}

func (m *utilization) see(s *state, now sim.Time, record int) {
	if s.record == nil {
		return
	}
	switch r := s.record; {
	case r.Note != nil && r.Note.Usage != nil && r.Note.About.Kind == model.KindNode:
		m.change(now, r.Note.About.Name, func(x *nodeInUse) {
			x.told, x.uses = true, m.of(r.Note.Usage)
			x.uses.since = now
		})
	case r.Note != nil:
		return
	default:
		n, ok := r.Object().(*model.Node)
		if !ok {
			return
		}
		m.change(now, n.Name, func(x *nodeInUse) {
			if x.size = m.ofNode(n); r.New == nil || m.about.none() && n.ControlPlane() || !m.about.none() && n.Name != m.about.name {
				x.size = 0
			}
		})
	}
	m.found.slope(now, m.total.n, m.total.growth, m.size, record)
}

// change changes something about a node.
func (m *utilization) change(now sim.Time, name string, f func(*nodeInUse)) {
	x := m.nodes[name]
	if x == nil {
		x = &nodeInUse{}
		m.nodes[name] = x
	}
	m.total.pass(now)
	x.uses.pass(now)
	if x.told && x.size > 0 {
		m.total.take(x.uses)
		m.size -= x.size
	}
	f(x)
	if x.told && x.size > 0 {
		m.total.add(x.uses)
		m.size += x.size
	}
}

func (m *utilization) finish(s *state, _ sim.Time) reading {
	if s.find(m.about) == nil {
		return reading{none: s.missing(m.about)}
	}
	for _, p := range m.found {
		if p.Den > 0 {
			return reading{series: m.found}
		}
	}
	return reading{none: untold}
}
