package kubelet

import (
	"math/bits"
	"slices"

	"orrery/model"
)

// The topology manager (pkg/kubelet/cm/topologymanager): each manager of CPUs, memory and
// devices says on which NUMA nodes it could give a container, or a pod, what it wants for
// itself, and where it would rather; what suits them all is the best, and if nothing does
// the policies restricted and single-numa-node refuse the pod. Whoever scheduled it knows
// nothing of that. On NUMA nodes there is the same number of CPUs, of bytes and, as good
// as that goes, of GPUs; each is a socket. Nothing is slower because it is on another one.

// MaxNUMANodes is the most that a topology manager deals with
// (topologymanager/policy_options.go defaultMaxAllowableNUMANodes).
const MaxNUMANodes = 8

// TopologyPolicy is how much the topology manager insists.
type TopologyPolicy uint8

// The policies.
const (
	NoTopology TopologyPolicy = iota // nobody is asked
	BestEffort
	Restricted     // all have to be where they would rather be
	SingleNUMANode // and that has to be one node
)

// TopologyPolicies is their names, in order.
var TopologyPolicies = [...]string{"none", "best-effort", "restricted", "single-numa-node"}

// Topology is what a machine is made of and what its kubelet lets pods have for
// themselves, as its configuration says.
type Topology struct {
	NUMANodes      int // 1 to MaxNUMANodes; 0 is 1
	ThreadsPerCore int // CPUs that are one core; 0 is 1
	StaticCPUs     bool
	FullCores      bool // full-pcpus-only of cpuManagerPolicyOptions
	StaticMemory   bool
	ReservedMemory [MaxNUMANodes]int64 // bytes of each that pods cannot have, with StaticMemory
	Policy         TopologyPolicy
	PodScope       bool // pods are looked at as a whole, not container by container
}

// nodeSet is NUMA nodes, a bit each.
type nodeSet uint8

func (n nodeSet) count() int { return bits.OnesCount8(uint8(n)) }

// narrower tells whether n is to be preferred to o: less nodes, or lower ones (bitmask
// IsNarrowerThan).
func (n nodeSet) narrower(o nodeSet) bool {
	return n.count() < o.count() || n.count() == o.count() && n < o
}

// hint is NUMA nodes that a manager could take something from; none is any.
type hint struct {
	nodes     nodeSet
	preferred bool
}

// hints is all of a manager for one thing: one without nodes, or some with.
type hints []hint

var (
	anywhere = hints{{preferred: true}}
	nowhere  = hints{{}}
)

// merge is the hint that suits all managers best, and whether the policy takes it
// (HintMerger.Merge). That goes over all combinations of theirs; but what they come to
// follows from the sets of nodes that they have in common, which are few.
func (p TopologyPolicy) merge(all nodeSet, of []hints) (best hint, admits bool) {
	most := all.count()
	if p == SingleNUMANode {
		most = 1
	}
	if nodes, ok := unanimous(all, of, most); ok {
		if p == SingleNUMANode && nodes == all {
			nodes = 0
		}
		return hint{nodes, true}, true
	}
	if p != BestEffort {
		return hint{}, false
	}
	return hint{nodes: leastBad(all, of)}, true
}

// unanimous is the narrowest set of nodes that all who care prefer, of those that have no
// more than most; all nodes if nobody cares.
func unanimous(all nodeSet, of []hints, most int) (best nodeSet, ok bool) {
	var votes [1 << MaxNUMANodes]uint8
	care := uint8(0)
	for _, list := range of {
		if list[0].nodes == 0 {
			if !list[0].preferred {
				return 0, false
			}
			continue
		}
		care++
		for _, h := range list {
			if h.preferred {
				votes[h.nodes]++
			}
		}
	}
	if care == 0 {
		return all, true
	}
	for i, n := range votes {
		if nodes := nodeSet(i); n == care && nodes.count() <= most && (!ok || nodes.narrower(best)) {
			best, ok = nodes, true
		}
	}
	return best, ok
}

// leastBad is what comes next: as many nodes as whoever needs most of them needs, or else
// less, or else more (HintMerger.compare).
func leastBad(all nodeSet, of []hints) nodeSet {
	var common [1 << MaxNUMANodes]bool
	common[all] = true
	want := 0
	for _, list := range of {
		least := 0
		var next [1 << MaxNUMANodes]bool
		for _, h := range list {
			if h.nodes == 0 {
				h.nodes = all
			} else if n := h.nodes.count(); least == 0 || n < least {
				least = n
			}
			for i, there := range common {
				if there {
					next[nodeSet(i)&h.nodes] = true
				}
			}
		}
		common, want = next, max(want, least)
	}
	best := nodeSet(0)
	for i, there := range common {
		if n := nodeSet(i); there && n > 0 && (best == 0 || n.lessBad(best, want)) {
			best = n
		}
	}
	if best == 0 {
		return all
	}
	return best
}

func (n nodeSet) lessBad(o nodeSet, want int) bool {
	a, b := n.count(), o.count()
	switch {
	case a == b:
		return n < o
	case a == want || b == want:
		return a == want
	case a < want && b < want:
		return a > b
	}
	return a < b
}

// layout is a machine's CPUs, memory and GPUs, and who has which for himself. The
// managers keep that on its disk, so it outlives the kubelet's process.
type layout struct {
	Topology
	masks  []nodeSet // all, in the order in which managers go over them
	cpus   pool
	spare  []bool // CPUs that are reserved
	gpus   pool
	banks  [MaxNUMANodes]bank
	blocks []block
	pinned int64 // how many CPUs are exclusive, as the machine knows
}

// newLayout is that of a node of which so much CPU is reserved; nil if pods have nothing
// for themselves.
func newLayout(t Topology, node *model.Node, reservedMilli int64) *layout {
	gpus := int(node.Allocatable.ExtendedCount(model.ResourceGPU))
	if !t.StaticCPUs && !t.StaticMemory && gpus == 0 {
		return nil
	}
	t.NUMANodes, t.ThreadsPerCore = max(t.NUMANodes, 1), max(t.ThreadsPerCore, 1)
	l := &layout{Topology: t, masks: masksOf(t.NUMANodes)}
	if t.StaticCPUs {
		l.cpus = newPool(int(node.Capacity.CPUMilli/1000), t.NUMANodes)
		l.reserveCPUs(int((reservedMilli + 999) / 1000))
	}
	l.gpus = newPool(gpus, t.NUMANodes)
	if t.StaticMemory {
		l.fillBanks(node.Capacity.MemoryBytes)
	}
	return l
}

// masksOf is all sets of so many nodes: the small ones first, and of equals those with
// lower nodes (bitmask.IterateBitMasks).
func masksOf(nodes int) (all []nodeSet) {
	for size := 1; size <= nodes; size++ {
		for reversed := 255; reversed > 0; reversed-- {
			if n := nodeSet(bits.Reverse8(uint8(reversed))); n.count() == size && bits.Len8(uint8(n)) <= nodes {
				all = append(all, n)
			}
		}
	}
	return all
}

func (l *layout) allNodes() nodeSet { return nodeSet(1<<l.NUMANodes - 1) }

// fitting is a pod that is being given what it is to have.
type fitting struct {
	*layout
	pod        uint32
	spec       *model.PodSpec
	cpus, gpus []bool  // that its init containers had, which are used again
	memory     []reuse // of the same kind
}

// settle gives a pod what it is to have for itself, all or nothing; what it has already it
// keeps, if it may. If it cannot have it, that is why.
func (l *layout) settle(pod uint32, spec *model.PodSpec) (reason, message string) {
	if l.holds(pod) {
		f := fitting{layout: l, pod: pod, spec: spec}
		return f.keeps()
	}
	f := fitting{layout: l, pod: pod, spec: spec, cpus: make([]bool, len(l.cpus.holder)), gpus: make([]bool, len(l.gpus.holder))}
	if reason, message = f.place(); reason != "" {
		l.release(pod)
	}
	return reason, message
}

const (
	unexpected       = "UnexpectedAdmissionError"
	topologyAffinity = "TopologyAffinityError"
	misplaced        = "Resources cannot be allocated with Topology locality"
)

// place goes from container to container (scope_container.go, scope_pod.go Admit).
func (f *fitting) place() (reason, message string) {
	whole, admits := hint{}, true
	if f.PodScope && f.Policy != NoTopology {
		if whole, admits = f.Policy.merge(f.allNodes(), f.podHints()); !admits {
			return topologyAffinity, misplaced
		}
	}
	for i := range len(f.spec.InitContainers) + len(f.spec.Containers) {
		h := whole
		if !f.PodScope && f.Policy != NoTopology {
			if h, admits = f.Policy.merge(f.allNodes(), f.hints(i)); !admits {
				return topologyAffinity, misplaced
			}
		}
		if reason, message := f.give(i, h); reason != "" {
			return reason, message
		}
	}
	return "", ""
}

// hints is what the managers say of a container, and podHints what of the pod.
func (f *fitting) hints(i int) []hints {
	c := containerOf(f.spec, i)
	return []hints{
		f.layout.gpus.hints(f.masks, int(c.Requests.ExtendedCount(model.ResourceGPU)), f.gpus, nil),
		f.layout.cpus.hints(f.masks, int(f.spec.ExclusiveCPUs(c)), f.cpus, f.spare),
		f.memoryHints(f.exclusiveMemory(c)),
	}
}

// podHints is documented with hints.
func (f *fitting) podHints() []hints {
	return []hints{
		f.layout.gpus.hints(f.masks, int(f.spec.Request.ExtendedCount(model.ResourceGPU)), f.gpus, nil),
		f.layout.cpus.hints(f.masks, int(f.spec.PodExclusiveCPUs()), f.cpus, f.spare),
		f.memoryHints(f.podExclusiveMemory()),
	}
}

// give lets each manager give a container what it wants, near a hint as far as that goes.
func (f *fitting) give(i int, h hint) (reason, message string) {
	if reason, message := f.giveGPUs(i, h.nodes); reason != "" {
		return reason, message
	}
	if reason, message := f.giveCPUs(i, h.nodes); reason != "" {
		return reason, message
	}
	if message := f.giveMemory(i, h); message != "" {
		return unexpected, "Allocate failed due to " + message + ", which is unexpected"
	}
	return "", ""
}

// holds tells whether a pod has anything for itself, and release takes it away.
func (l *layout) holds(pod uint32) bool {
	return l.cpus.holds(pod) || l.gpus.holds(pod) || l.holdsMemory(pod)
}

// release is documented with holds.
func (l *layout) release(pod uint32) {
	l.cpus.release(pod)
	l.gpus.release(pod)
	l.releaseMemory(pod)
}

// forget takes from pods what they have that are not there any more (removeStaleState).
func (l *layout) forget(there func(pod uint32) bool) {
	known := uint32(0)
	look := func(pod uint32) {
		if pod == known || pod == 0 {
			return
		}
		if known = pod; !there(pod) {
			l.release(pod)
		}
	}
	for _, of := range [...]*pool{&l.cpus, &l.gpus} {
		for _, pod := range of.holder {
			look(pod)
		}
	}
	for _, b := range slices.Clone(l.blocks) {
		look(b.pod)
	}
}
