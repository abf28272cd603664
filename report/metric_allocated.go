package report

import (
	"slices"

	"orrery/model"
	"orrery/sim"
)

// allocation follows what part of the nodes' resources is given to pods: what the
// pods that are bound and have not finished ask for, of what the nodes have for
// pods. Machines of the control plane and what is on them count only if they are
// asked for: they are not there for pods.
type allocation struct {
	about      target
	ofNode     func(*model.Node) int64
	ofPod      func(*model.PodSpec) int64
	used, size int64
	found      series
}

func openAllocated(ofNode func(*model.Node) int64, ofPod func(*model.PodSpec) int64) func(about) instrument {
	return func(a about) instrument { return &allocation{about: a.target, ofNode: ofNode, ofPod: ofPod} }
}

func cpuOfNode(n *model.Node) int64      { return n.Allocatable.CPUMilli }
func cpuOfPod(s *model.PodSpec) int64    { return s.Request.CPUMilli }
func memoryOfNode(n *model.Node) int64   { return n.Allocatable.MemoryBytes }
func memoryOfPod(s *model.PodSpec) int64 { return s.Request.MemoryBytes }
func gpusOfNode(n *model.Node) int64     { return n.GPU.Devices * model.GPUMilli }
func gpusOfPod(s *model.PodSpec) int64   { return s.GPU.Milli() }

func (m *allocation) see(s *state, now sim.Time, record int) {
	if s.record == nil || s.record.Note != nil {
		return
	}
	switch s.record.Object().(type) {
	case *model.Node:
		m.size += m.node(s.record.New) - m.node(s.record.Old)
	case *model.Pod:
		m.used += m.pod(s, s.record.New) - m.pod(s, s.record.Old)
	default:
		return
	}
	m.found.add(now, m.used, m.size, record)
}

// node is what a version of a node has, 0 if there is none or it is another node.
func (m *allocation) node(o model.Object) int64 {
	n, ok := o.(*model.Node)
	if !ok || m.about.none() && n.ControlPlane() || !m.about.none() && n.Name != m.about.name {
		return 0
	}
	return m.ofNode(n)
}

// pod is what a version of a pod holds.
func (m *allocation) pod(s *state, o model.Object) int64 {
	p, ok := o.(*model.Pod)
	if !ok || !holds(p) || !m.about.none() && p.NodeName != m.about.name {
		return 0
	}
	if n := *s.nodes.Row(p.NodeID); m.about.none() && n != nil && n.controlPlane {
		return 0
	}
	return m.ofPod(p.Counted())
}

// holds tells whether the pod has a place on a node: until it has finished or is
// gone, as the scheduler sees it (pkg/scheduler/eventhandlers.go assignedPod).
func holds(p *model.Pod) bool { return p.NodeID != 0 && !p.Phase.Terminal() }

func (m *allocation) finish(s *state, _ sim.Time) reading {
	switch {
	case s.find(m.about) == nil:
		return reading{none: s.missing(m.about)}
	case !slices.ContainsFunc(m.found, func(p point) bool { return p.Den > 0 }):
		return reading{none: "no node has any"}
	}
	return reading{series: m.found}
}
