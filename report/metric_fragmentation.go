package report

import (
	"iter"
	"math/bits"

	"orrery/model"
	"orrery/sim"
)

// fragmentation follows what part of the GPUs that are free is of no use to a
// typical pod: summed up over the nodes, in GPU milli, on average over the typical
// pods (Weng et al., "Beware of Fragmentation", USENIX ATC 2023). Which pods are
// typical is only known at the end of the run, so what nodes had free is kept.
type fragmentation struct {
	about   target
	nodes   map[string]*gpuNode
	held    map[uint32]gpuHold // by the pod's ID
	made    map[*model.PodSpec]int64
	specs   []*model.PodSpec // the keys of made, in the order in which they came
	changes []gpuChange
	free    []int64 // of changes, one after another
}

// gpuNode is a node with GPUs.
type gpuNode struct {
	object *model.Node // nil once it is gone
	number int         // of all there were, from 0
	used   int64       // milli-CPU
	free   []int64     // milli of each device
}

// gpuHold is what a pod has of a node.
type gpuHold struct {
	node    *gpuNode
	devices uint64
	spec    *model.PodSpec // as it was when it came
}

// gpuChange is how a node is from some moment on.
type gpuChange struct {
	at       sim.Time
	record   int
	node     *gpuNode
	model    string
	cpuMilli int64
	devices  int // how many of free are its own
}

func openFragmentation(a about) instrument {
	return &fragmentation{about: a.target, nodes: map[string]*gpuNode{}, held: map[uint32]gpuHold{}, made: map[*model.PodSpec]int64{}}
}

func (m *fragmentation) see(s *state, now sim.Time, record int) {
	if s.record == nil || s.record.Note != nil {
		return
	}
	var node *gpuNode
	switch o := s.record.Object().(type) {
	case *model.Node:
		node = m.seeNode(s, o)
	case *model.Pod:
		node = m.seePod(s, o)
	}
	if node == nil {
		return
	}
	c := gpuChange{at: now, record: record, node: node}
	if n := node.object; n != nil {
		c.model, c.cpuMilli, c.devices = n.GPU.Model, n.Allocatable.CPUMilli-node.used, len(node.free)
		m.free = append(m.free, node.free...)
	}
	m.changes = append(m.changes, c)
}

// seeNode is the node with GPUs that the record changes.
func (m *fragmentation) seeNode(s *state, o *model.Node) *gpuNode {
	if !m.about.none() && o.Name != m.about.name {
		return nil
	}
	node := m.nodes[o.Name]
	if node == nil {
		if o.GPU.Devices == 0 {
			return nil
		}
		node = &gpuNode{number: len(m.nodes)}
		m.nodes[o.Name] = node
	}
	old := node.object
	node.object, _ = s.record.New.(*model.Node)
	if now := node.object; now != nil {
		for int64(len(node.free)) < now.GPU.Devices {
			node.free = append(node.free, model.GPUMilli)
		}
		node.free = node.free[:now.GPU.Devices]
		if old != nil && old.GPU == now.GPU && old.Allocatable.CPUMilli == now.Allocatable.CPUMilli {
			return nil
		}
	}
	return node
}

// seePod counts new pods and is the node with GPUs where the record makes one
// come or go.
func (m *fragmentation) seePod(s *state, o *model.Pod) *gpuNode {
	if s.record.Old == nil {
		if m.made[o.Spec] == 0 {
			m.specs = append(m.specs, o.Spec)
		}
		m.made[o.Spec]++
	}
	hold, known := m.held[o.ID]
	now, _ := s.record.New.(*model.Pod)
	switch here := now != nil && holds(now); {
	case here && !known:
		node := m.nodes[now.NodeName]
		if node == nil {
			return nil
		}
		hold = gpuHold{node, now.Devices, o.Spec}
		if want := now.Spec.GPU; want != nil && hold.devices == 0 {
			hold.devices = node.tightest(want)
		}
		m.held[o.ID] = hold
		node.charge(hold.devices, o.Spec, 1)
	case !here && known:
		delete(m.held, o.ID)
		hold.node.charge(hold.devices, hold.spec, -1)
	default:
		return nil
	}
	return hold.node
}

// charge takes what a pod asks for, or gives it back.
func (n *gpuNode) charge(devices uint64, spec *model.PodSpec, sign int64) {
	n.used += sign * spec.Request.CPUMilli
	for ; devices != 0; devices &= devices - 1 {
		if i := bits.TrailingZeros64(devices); i < len(n.free) {
			n.free[i] -= sign * spec.GPU.MilliEach
		}
	}
}

// tightest is the devices of a pod whose binding does not say which, as it is with
// pods that were there at the start: those with the least free that have enough.
func (n *gpuNode) tightest(want *model.GPURequest) (set uint64) {
	for range want.Devices {
		best := -1
		for i, f := range n.free {
			if set&(1<<i) == 0 && f >= want.MilliEach && (best < 0 || f < n.free[best]) {
				best = i
			}
		}
		if best >= 0 {
			set |= 1 << best
		}
	}
	return set
}

func (m *fragmentation) finish(s *state, _ sim.Time) reading {
	switch {
	case s.find(m.about) == nil:
		return reading{none: s.missing(m.about)}
	case len(m.nodes) == 0:
		return reading{none: "no node has GPUs"}
	case len(m.made) == 0:
		return reading{none: "no pod was created"}
	}
	var found series
	var total, sumLost, sumFree int64
	typical, _ := model.TypicalPods(m.pods())
	for i := range typical {
		total += typical[i].Pods
	}
	lost, free := make([]int64, len(m.nodes)), make([]int64, len(m.nodes))
	rest := m.free
	for _, c := range m.changes {
		i := c.node.number
		sumLost, sumFree = sumLost-lost[i], sumFree-free[i]
		lost[i], free[i] = c.fragments(rest[:c.devices], typical)
		sumLost, sumFree = sumLost+lost[i], sumFree+free[i]
		rest = rest[c.devices:]
		found.add(c.at, sumLost, sumFree*total, c.record)
	}
	return reading{series: found}
}

// pods is the specs of the pods that were created, and how many had each.
func (m *fragmentation) pods() iter.Seq2[*model.PodSpec, int64] {
	return func(yield func(*model.PodSpec, int64) bool) {
		for _, spec := range m.specs {
			if !yield(spec, m.made[spec]) {
				return
			}
		}
	}
}

// fragments is what of a node is of no use, summed up over the typical pods, and
// what is free, in GPU milli.
func (c *gpuChange) fragments(devices []int64, typical []model.TypicalPod) (lost, free int64) {
	for _, f := range devices {
		free += max(f, 0)
	}
	for i := range typical {
		lost += typical[i].Pods * typical[i].Unusable(c.model, c.cpuMilli, devices)
	}
	return lost, free
}
