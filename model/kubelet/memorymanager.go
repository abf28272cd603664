package kubelet

import (
	"slices"

	"orrery/model"
)

// The memory manager with the policy Static (pkg/kubelet/cm/memorymanager/policy_static.go):
// containers of Guaranteed pods have their memory on NUMA nodes for themselves. A node that
// gives to a container alone gives to none together with others, and those that give
// together give only so. It is an account: whose memory really is where makes no
// difference here. Huge pages are not on it.

// bank is the memory of one NUMA node.
type bank struct {
	allocatable, free, taken int64 // bytes
	assignments              int
	group                    nodeSet // the nodes that it gives together with
}

// block is memory that a container has on some nodes.
type block struct {
	pod       uint32
	container int
	nodes     nodeSet
	bytes     int64
}

// reuse is memory on some nodes that init containers had.
type reuse struct {
	nodes nodeSet
	bytes int64
}

func (l *layout) fillBanks(bytes int64) {
	for n := range l.NUMANodes {
		size := bytes / int64(l.NUMANodes)
		if n == 0 {
			size += bytes % int64(l.NUMANodes)
		}
		size = max(size-l.ReservedMemory[n], 0)
		l.banks[n] = bank{allocatable: size, free: size, group: 1 << n}
	}
}

// exclusiveMemory is how many bytes a container is to have for itself.
func (f *fitting) exclusiveMemory(c *model.Container) int64 {
	if !f.StaticMemory || f.spec.PodLevel != nil || f.spec.QoS() != model.Guaranteed {
		return 0
	}
	return c.Requests.MemoryBytes
}

// podExclusiveMemory is how many all of them are (getPodRequestedResources).
func (f *fitting) podExclusiveMemory() int64 {
	if f.exclusiveMemory(&f.spec.Containers[0]) == 0 {
		return 0
	}
	return f.spec.ContainersRequest().MemoryBytes
}

// memoryHints is where there is so much (calculateHints). If that is nowhere the real one has no hints
// at all, which counts as having no preference (topologymanager/policy.go filterProvidersHints), so the
// pod is refused only when it is to be given its memory.
func (f *fitting) memoryHints(want int64) (out hints) {
	if want == 0 {
		return anywhere
	}
	least := f.NUMANodes
	for _, m := range f.masks {
		var free, allocatable int64
		for n := range f.NUMANodes {
			if m>>n&1 == 1 {
				free += f.banks[n].free
				allocatable += f.banks[n].allocatable
			}
		}
		if allocatable < want {
			continue
		}
		least = min(least, m.count())
		if !f.mixes(m) && free+f.reusable(m) >= want {
			out = append(out, hint{nodes: m})
		}
	}
	if out == nil {
		return anywhere
	}
	for i := range out {
		out[i].preferred = out[i].nodes.count() == least
	}
	return out
}

// mixes tells whether nodes cannot give together, or the one alone, for what they have
// given before.
func (f *fitting) mixes(m nodeSet) bool {
	for n := range f.NUMANodes {
		switch b := &f.banks[n]; {
		case m>>n&1 == 0:
		case m.count() == 1 && b.group != m, m.count() > 1 && b.assignments > 0 && b.group != m:
			return true
		}
	}
	return false
}

// reusable is how much init containers had on exactly these nodes.
func (f *fitting) reusable(m nodeSet) int64 {
	if i := slices.IndexFunc(f.memory, func(r reuse) bool { return r.nodes == m }); i >= 0 {
		return f.memory[i].bytes
	}
	return 0
}

// giveMemory gives a container its memory (Allocate); a message if it cannot.
func (f *fitting) giveMemory(i int, h hint) (message string) {
	want := f.exclusiveMemory(containerOf(f.spec, i))
	if want == 0 {
		return ""
	}
	all := f.memoryHints(want)
	if h.nodes == 0 {
		if all[0].nodes == 0 {
			return "[memorymanager] failed to get the default NUMA affinity, no NUMA nodes with enough memory is available"
		}
		best := narrowest(all, 0)
		if !best.preferred && h.preferred {
			return "[memorymanager] failed to find the default preferred hint"
		}
		h = best
	}
	if f.freeOn(h.nodes) < want {
		best := narrowest(all, h.nodes)
		if best.nodes == 0 {
			return "[memorymanager] failed to find NUMA nodes to extend the current topology hint"
		}
		if !best.preferred && h.preferred {
			return "[memorymanager] failed to find the extended preferred hint"
		}
		h = best
	}
	if h.nodes.count() > 1 && f.mixes(h.nodes) { // isAffinityViolatingNUMAAllocations
		return "[memorymanager] preferred hint violates NUMA node allocation"
	}
	f.charge(h.nodes, max(want-f.reusable(h.nodes), 0))
	f.reuse(i, h.nodes, want)
	f.blocks = append(f.blocks, block{f.pod, i, h.nodes, want})
	f.shrink(i, h.nodes, want)
	return ""
}

// narrowest is the best hint of those that have certain nodes among theirs: a preferred
// one, of few nodes (findBestHint).
func narrowest(all hints, with nodeSet) (best hint) {
	for _, h := range all {
		switch {
		case with&^h.nodes != 0 || h.nodes == 0:
		case best.nodes == 0, h.preferred && !best.preferred, h.preferred == best.preferred && h.nodes.narrower(best.nodes):
			best = h
		}
	}
	return best
}

func (f *fitting) freeOn(m nodeSet) (free int64) {
	for n := range f.NUMANodes {
		if m>>n&1 == 1 {
			free += f.banks[n].free
		}
	}
	return free
}

// charge takes bytes from nodes, the lowest first (updateMachineState).
func (l *layout) charge(m nodeSet, bytes int64) {
	for n := range l.NUMANodes {
		if b := &l.banks[n]; m>>n&1 == 1 {
			b.assignments++
			b.group = m
			take := min(bytes, b.free)
			b.free, b.taken, bytes = b.free-take, b.taken+take, bytes-take
		}
	}
}

// reuse keeps account of what init containers leave to those after them
// (updatePodReusableMemory).
func (f *fitting) reuse(i int, m nodeSet, bytes int64) {
	at := slices.IndexFunc(f.memory, func(r reuse) bool { return r.nodes == m })
	if at < 0 {
		at = len(f.memory)
		f.memory = append(f.memory, reuse{nodes: m})
	}
	r := &f.memory[at]
	if plainInit(f.spec, i) {
		r.bytes = max(r.bytes, bytes)
	} else {
		r.bytes = max(r.bytes-bytes, 0)
	}
}

// shrink takes what a container uses again out of the blocks of init containers
// (updateInitContainersMemoryBlocks).
func (f *fitting) shrink(i int, m nodeSet, bytes int64) {
	for j := range f.blocks {
		b := &f.blocks[j]
		if b.pod == f.pod && b.container < i && plainInit(f.spec, b.container) && b.nodes == m {
			less := min(b.bytes, bytes)
			b.bytes, bytes = b.bytes-less, bytes-less
		}
	}
}

func (l *layout) holdsMemory(pod uint32) bool {
	return slices.ContainsFunc(l.blocks, func(b block) bool { return b.pod == pod })
}

// releaseMemory gives a pod's memory back.
func (l *layout) releaseMemory(pod uint32) {
	l.releaseBlocks(func(b block) bool { return b.pod == pod })
}

// releaseInits gives back what init containers have that nobody uses again when a container after them
// starts (memory_manager.go AddContainer). The real one then asks for it again when it admits the pod
// anew, after a restart of the kubelet.
func (l *layout) releaseInits(pod uint32, spec *model.PodSpec, i int) {
	l.releaseBlocks(func(b block) bool { return b.pod == pod && b.container < i && plainInit(spec, b.container) })
}

// releaseBlocks gives some blocks back (RemoveContainer).
func (l *layout) releaseBlocks(which func(block) bool) {
	for _, x := range l.blocks {
		if !which(x) {
			continue
		}
		bytes := x.bytes
		for n := range l.NUMANodes {
			b := &l.banks[n]
			if x.nodes>>n&1 == 0 {
				continue
			}
			if b.assignments--; b.assignments == 0 {
				b.group = 1 << n
			}
			give := min(bytes, b.taken)
			b.free, b.taken, bytes = b.free+give, b.taken-give, bytes-give
		}
	}
	l.blocks = slices.DeleteFunc(l.blocks, which)
}
