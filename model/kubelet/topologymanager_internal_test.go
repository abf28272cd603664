package kubelet

import (
	"testing"

	"orrery/model"
	"orrery/sim"
)

// literalMerge is v1.35 pkg/kubelet/cm/topologymanager/policy.go word by word: all
// combinations of hints, one after the other.
func literalMerge(p TopologyPolicy, all nodeSet, of []hints) (best hint, admits bool) {
	if p == SingleNUMANode { // filterSingleNumaHints
		filtered := make([]hints, len(of))
		for i, list := range of {
			for _, h := range list {
				if h.preferred && h.nodes.count() <= 1 {
					filtered[i] = append(filtered[i], h)
				}
			}
		}
		of = filtered
	}
	want := 0 // maxOfMinAffinityCounts
	for _, list := range of {
		least := nodeSet(0)
		for _, h := range list {
			if h.nodes != 0 && (least == 0 || h.nodes.narrower(least)) {
				least = h.nodes
			}
		}
		want = max(want, least.count())
	}
	var found *hint
	var combine func(i int, so []hint)
	combine = func(i int, so []hint) {
		if i < len(of) {
			for _, h := range of[i] {
				combine(i+1, append(so, h))
			}
			return
		}
		merged, first := hint{all, true}, nodeSet(0) // mergePermutation
		for _, h := range so {
			if h.nodes != 0 {
				if first == 0 {
					first = h.nodes
				}
				merged.nodes &= h.nodes
				merged.preferred = merged.preferred && h.nodes == first
			}
			merged.preferred = merged.preferred && h.preferred
		}
		found = literalCompare(found, &merged, want)
	}
	combine(0, nil)
	if found == nil {
		found = &hint{nodes: all}
	}
	if best = *found; p == SingleNUMANode && best.nodes == all {
		best.nodes = 0
	}
	return best, p == BestEffort || best.preferred
}

// literalCompare is HintMerger.compare.
func literalCompare(current, candidate *hint, want int) *hint {
	narrower := func() *hint {
		if current.nodes == candidate.nodes || current.nodes.narrower(candidate.nodes) {
			return current
		}
		return candidate
	}
	if candidate.nodes == 0 {
		return current
	}
	if current == nil || !current.preferred && candidate.preferred {
		return candidate
	}
	if current.preferred && !candidate.preferred {
		return current
	}
	a, b := current.nodes.count(), candidate.nodes.count()
	switch {
	case current.preferred, a > want:
		return narrower()
	case a == want && b != want:
		return current
	case a == want:
		return narrower()
	case b > want:
		return current
	case b == want, b > a:
		return candidate
	case b < a:
		return current
	}
	return narrower()
}

// The slow twin.
func TestMergingSetsOfNodesIsGoingOverAllCombinations(t *testing.T) {
	luck := sim.New(sim.Config{Seed: 1}).Luck().Stream("test/hints")
	kinds := map[string]int{}
	for range 20_000 {
		nodes := 1 + int(luck.Below(5))
		masks, all := masksOf(nodes), nodeSet(1<<nodes-1)
		of := make([]hints, 1+luck.Below(3))
		for i := range of {
			switch luck.Below(8) {
			case 0:
				of[i] = anywhere
			case 1:
				of[i] = nowhere
			default:
				least := 1 + int(luck.Below(uint64(nodes)))
				for _, m := range masks {
					if luck.Below(3) == 0 {
						of[i] = append(of[i], hint{m, m.count() == least})
					}
				}
				if of[i] == nil {
					of[i] = nowhere
				}
			}
		}
		for p := BestEffort; p <= SingleNUMANode; p++ {
			got, admits := p.merge(all, of)
			want, ok := literalMerge(p, all, of)
			if admits != ok || ok && got != want {
				t.Fatalf("%s, %d nodes, %v: %v %v, want %v %v", TopologyPolicies[p], nodes, of, got, admits, want, ok)
			}
			switch {
			case ok && want.preferred:
				kinds["preferred"]++
			case ok:
				kinds["bad"]++
			default:
				kinds["refused"]++
			}
		}
	}
	if kinds["preferred"] < 1000 || kinds["bad"] < 1000 || kinds["refused"] < 1000 {
		t.Errorf("it was only %v", kinds)
	}
}

// Source: v1.35 pkg/kubelet/cm/topologymanager/bitmask/bitmask.go IterateBitMasks.
func TestSetsOfNodesAreGoneOverFromTheSmallestOn(t *testing.T) {
	want := []nodeSet{1, 2, 4, 8, 3, 5, 9, 6, 10, 12, 7, 11, 13, 14, 15}
	for i, m := range masksOf(4) {
		if len(want) != len(masksOf(4)) || m != want[i] {
			t.Fatalf("got %v, want %v", masksOf(4), want)
		}
	}
}

// machine is a layout of a machine that keeps one CPU and a gibibyte of each NUMA node.
func machine(t Topology, cpus, gibs int64) *layout {
	t.StaticCPUs, t.StaticMemory = true, true
	for n := range max(t.NUMANodes, 1) {
		t.ReservedMemory[n] = 1 << 30
	}
	size := model.Resources{CPUMilli: cpus * 1000, MemoryBytes: gibs << 30}.WithExtended(model.ResourceGPU, 4)
	return newLayout(t, &model.Node{Capacity: size, Allocatable: size}, 600)
}

// guaranteed is a pod of containers that want so many CPUs and gibibytes; the first are
// init containers.
func guaranteed(inits int, each ...[2]int64) *model.PodSpec {
	s := &model.PodSpec{}
	for i, x := range each {
		c := model.Container{Requests: model.Resources{CPUMilli: x[0] * 1000, MemoryBytes: x[1] << 30}}
		c.Limits = c.Requests
		if i < inits {
			s.InitContainers = append(s.InitContainers, c)
		} else {
			s.Containers = append(s.Containers, c)
		}
	}
	s.SumRequests()
	return s
}

// where is how many CPUs a pod has of each NUMA node.
func (l *layout) where(pod uint32) (on [MaxNUMANodes]int) {
	for c, p := range l.cpus.holder {
		if p == pod {
			on[l.cpus.nodeOf(c)]++
		}
	}
	return on
}

// Source: v1.35 pkg/kubelet/cm/cpumanager/cpu_assignment.go takeByTopologyNUMAPacked and
// its test: whole NUMA nodes first, then whole cores, then what is left; where least is
// left first.
func TestCPUsAreTakenWholeAndWhereLeastIsLeft(t *testing.T) {
	for _, c := range []struct {
		what string
		free [][]int // of each NUMA node, how many threads of each core
		n    int
		want [][]int // are left
	}{
		{"one CPU is of a core, of the first node", [][]int{{2, 2, 2}, {2, 2, 2}}, 1, [][]int{{1, 2, 2}, {2, 2, 2}}},
		{"one CPU is of the core that is not whole", [][]int{{2, 2, 1}, {2, 2, 2}}, 1, [][]int{{2, 2, 0}, {2, 2, 2}}},
		{"a core is whole", [][]int{{2, 1, 1}, {2, 2, 2}}, 2, [][]int{{0, 1, 1}, {2, 2, 2}}},
		{"a node is whole, though the other one has room for more", [][]int{{2, 2, 1}, {2, 2, 2}}, 6, [][]int{{2, 2, 1}, {0, 0, 0}}},
		{"least is left", [][]int{{2, 2, 2}, {2, 2, 1}}, 2, [][]int{{2, 2, 2}, {0, 2, 1}}},
		{"a node and what is left of the other", [][]int{{2, 2, 2}, {2, 1, 2}}, 7, [][]int{{0, 0, 0}, {2, 0, 2}}},
		{"whole cores before parts, and then where least is left", [][]int{{1, 1, 1}, {2, 1, 1}}, 3, [][]int{{1, 1, 1}, {0, 0, 1}}},
	} {
		l := &layout{Topology: Topology{NUMANodes: 2, ThreadsPerCore: 2}}
		var available []bool
		for _, node := range c.free {
			for _, threads := range node {
				available = append(available, threads > 0, threads > 1)
			}
		}
		got := l.take(available, c.n)
		for n, node := range c.want {
			for core, threads := range node {
				if at := (n*len(node) + core) * 2; howMany(available[at:at+2]) != threads || len(got) != c.n {
					t.Errorf("%s: core %d of node %d has %d left, want %d", c.what, core, n, howMany(available[at:at+2]), threads)
				}
			}
		}
	}
}

// Source: v1.35 pkg/kubelet/cm/cpumanager/policy_static.go generateCPUTopologyHints,
// allocateCPUs; cm/topologymanager/policy_*.go: of 8 CPUs on two NUMA nodes, one of which
// is kept, pods of 2, 2 and 3 fit; the third is on both, though it would fit on one.
func TestEachPolicyDealsWithAPodThatNoLongerFitsOnOneNode(t *testing.T) {
	for p := NoTopology; p <= SingleNUMANode; p++ {
		l := machine(Topology{NUMANodes: 2, Policy: p}, 8, 66)
		for pod, cpus := range []int64{2, 2, 3} {
			reason, message := l.settle(uint32(pod+1), guaranteed(0, [2]int64{cpus, 1}))
			if refused := pod == 2 && p >= Restricted; (reason == topologyAffinity && message == misplaced) != refused || (reason == "") == refused {
				t.Errorf("%s: pod %d: %s: %s", TopologyPolicies[p], pod, reason, message)
			}
		}
		want := [3][2]int{{2, 0}, {0, 2}, {1, 2}}
		switch {
		case p == NoTopology: // nobody looks for nodes: where least is left
			want = [3][2]int{{2, 0}, {1, 1}, {0, 3}}
		case p >= Restricted:
			want[2] = [2]int{}
		}
		for pod, on := range want {
			if got := l.where(uint32(pod + 1)); got[0] != on[0] || got[1] != on[1] {
				t.Errorf("%s: pod %d is on %v, want %v", TopologyPolicies[p], pod, got, on)
			}
		}
	}
}

// Source: the same, minAffinitySize and mergePermutation: what needs two nodes anyhow is
// at home on two, but single-numa-node wants one; and its memory, if that is managed, too,
// would rather be on one, so that they are not at one.
func TestAPodThatNeedsTwoNodesIsRefusedBySingleNUMANodeOrForItsMemory(t *testing.T) {
	for p := BestEffort; p <= SingleNUMANode; p++ {
		for _, memory := range []bool{false, true} {
			l := machine(Topology{NUMANodes: 2, Policy: p}, 8, 66)
			l.StaticMemory = memory
			reason, _ := l.settle(1, guaranteed(0, [2]int64{5, 1}))
			if (reason == "") != (p == BestEffort || p == Restricted && !memory) {
				t.Errorf("%s, memory %v: %q", TopologyPolicies[p], memory, reason)
			}
		}
	}
}

// Source: v1.35 pkg/kubelet/cm/memorymanager/policy_static.go calculateHints, topologymanager/policy.go
// filterProvidersHints: memory that is nowhere has no hints, which is no preference: nobody refuses the
// pod for its topology, but Allocate does. Of 8 bytes each node has 3 free, and gives none together.
func TestAPodWhoseMemoryIsNowhereIsUnexpectedNotMisplaced(t *testing.T) {
	for cpus, why := range map[int64]string{
		1: "Allocate failed due to [memorymanager] failed to find NUMA nodes to extend the current topology hint, which is unexpected",
		0: "Allocate failed due to [memorymanager] preferred hint violates NUMA node allocation, which is unexpected",
	} {
		l := machine(Topology{NUMANodes: 2, Policy: Restricted, StaticMemory: true}, 8, 16)
		for pod := range uint32(2) {
			if reason, message := l.settle(pod+1, guaranteed(0, [2]int64{1, 5})); reason != "" {
				t.Fatalf("pod %d: %s: %s", pod+1, reason, message)
			}
		}
		spec := guaranteed(0, [2]int64{1, 4})
		if cpus == 0 {
			spec.Containers[0].Requests.CPUMilli, spec.Containers[0].Limits.CPUMilli = 500, 500
		}
		if reason, message := l.settle(3, spec); reason != unexpected || message != why {
			t.Errorf("%d CPUs: %s: %s", cpus, reason, message)
		}
	}
}

// Source: v1.35 pkg/kubelet/cm/topologymanager/scope_pod.go, scope_container.go: two
// containers of 2 CPUs fit on a node each of which has 3 and 4 free; as a pod on the
// second one.
func TestThePodScopeHasAllContainersOnTheSameNodes(t *testing.T) {
	for _, pod := range []bool{false, true} {
		l := machine(Topology{NUMANodes: 2, Policy: SingleNUMANode, PodScope: pod}, 8, 66)
		if reason, _ := l.settle(1, guaranteed(0, [2]int64{2, 1}, [2]int64{2, 1})); reason != "" {
			t.Fatalf("refused: %s", reason)
		}
		want := [2]int{2, 2}
		if pod {
			want = [2]int{0, 4}
		}
		if on := l.where(1); on[0] != want[0] || on[1] != want[1] {
			t.Errorf("pod scope %v: on %v", pod, on)
		}
		reason, _ := l.settle(2, guaranteed(0, [2]int64{3, 1}))
		if (reason == "") != pod {
			t.Errorf("pod scope %v: the next one, of 3 CPUs: %q", pod, reason)
		}
	}
}

// Source: v1.35 pkg/kubelet/cm/cpumanager/policy_static.go Allocate,
// GetAvailablePhysicalCPUs: with full-pcpus-only CPUs are given away by whole cores, and
// those of which a part is reserved are not.
func TestFullPCPUsOnlyRefusesWhatIsNoWholeCores(t *testing.T) {
	l := machine(Topology{ThreadsPerCore: 2, FullCores: true}, 8, 65)
	for _, c := range []struct {
		cpus            int64
		reason, message string
	}{
		{3, "SMTAlignmentError", "SMT Alignment Error: requested 3 cpus not multiple cpus per core = 2"},
		{4, "", ""},
		{4, "SMTAlignmentError", "SMT Alignment Error: not enough free physical CPUs: available physical CPUs = 2, requested CPUs = 4, CPUs per core = 2"},
		{2, "", ""},
	} {
		if reason, message := l.settle(uint32(10*c.cpus)+uint32(len(c.reason)), guaranteed(0, [2]int64{c.cpus, 1})); reason != c.reason || message != c.message {
			t.Errorf("%d CPUs: %s: %s", c.cpus, reason, message)
		}
	}
}

// Source: v1.35 pkg/kubelet/cm/devicemanager/topology_hints.go, manager.go
// devicesToAllocate: devices have hints like CPUs, and a pod's GPUs and CPUs are on the
// same node.
func TestGPUsAndCPUsAreOnTheSameNode(t *testing.T) {
	with := func(gpus, cpus int64) *model.PodSpec {
		s := guaranteed(0, [2]int64{cpus, 1})
		s.Containers[0].Requests.Extended = []model.Extended{{Name: model.ResourceGPU, Count: gpus}}
		s.SumRequests()
		return s
	}
	l := machine(Topology{NUMANodes: 2, Policy: SingleNUMANode}, 16, 66)
	for pod, c := range []struct {
		gpus, cpus int64
		on         int
		reason     string
	}{
		{0, 6, 0, ""},               // leaves one CPU there
		{1, 2, 1, ""},               // of the first node's GPUs none is near two CPUs
		{2, 2, 0, topologyAffinity}, // two are on the first node, and one on the second
		{1, 6, 1, ""},
	} {
		reason, _ := l.settle(uint32(pod+1), with(c.gpus, c.cpus))
		if on := l.where(uint32(pod + 1)); reason != c.reason || reason == "" && int64(on[c.on]) != c.cpus {
			t.Errorf("pod %d: %q, on %v", pod, reason, on)
		}
		for d, p := range l.gpus.holder {
			if p == uint32(pod+1) && l.gpus.nodeOf(d) != c.on {
				t.Errorf("pod %d has GPU %d", pod, d)
			}
		}
	}
	l = machine(Topology{NUMANodes: 2, Policy: BestEffort}, 16, 66)
	l.settle(1, with(3, 1))
	const missing = "Allocate failed due to requested number of devices unavailable for nvidia.com/gpu. Requested: 2, Available: 1, which is unexpected"
	if reason, message := l.settle(2, with(2, 1)); reason != unexpected || message != missing || l.holds(2) {
		t.Errorf("%s: %s", reason, message)
	}
}

// Source: v1.35 pkg/kubelet/cm/cpumanager/policy_static.go updateCPUsToReuse,
// memorymanager/policy_static.go updatePodReusableMemory: what an init container had those
// after it use again, but not what a sidecar has.
func TestWhatInitContainersHadIsUsedAgain(t *testing.T) {
	for _, c := range []struct {
		sidecar     bool
		cpus, bytes int64
	}{{false, 4, 10 << 30}, {true, 7, 18 << 30}} {
		l := machine(Topology{NUMANodes: 2, Policy: SingleNUMANode}, 16, 34)
		s := guaranteed(1, [2]int64{4, 10}, [2]int64{3, 8})
		s.InitContainers[0].Sidecar = c.sidecar
		reason, _ := l.settle(1, s)
		if bytes := l.banks[0].taken + l.banks[1].taken; reason != "" || l.cpus.held() != c.cpus || bytes != c.bytes {
			t.Errorf("sidecar %v: %q, %d CPUs and %d bytes are taken", c.sidecar, reason, l.cpus.held(), bytes)
		}
		l.release(1)
		if l.cpus.held() != 0 || l.banks[0].free != 16<<30 || l.banks[1].free != 16<<30 || len(l.blocks) != 0 {
			t.Errorf("sidecar %v: after it %+v", c.sidecar, l.banks[:2])
		}
	}
}

// Source: v1.35 pkg/kubelet/cm/memorymanager/policy_static.go calculateHints,
// updateMachineState: a node that gives to one alone gives to none together with another,
// and the other way round, until it has back what it gave.
func TestMemoryNodesGiveAloneOrTogether(t *testing.T) {
	l := machine(Topology{NUMANodes: 2, Policy: Restricted}, 16, 34)
	gib := func(n int64) *model.PodSpec {
		s := guaranteed(0, [2]int64{1, n})
		s.Containers[0].Requests.CPUMilli, s.Containers[0].Limits.CPUMilli = 500, 500 // of which nobody has one for himself
		return s
	}
	expect := func(pod uint32, n int64, want string) {
		t.Helper()
		if reason, _ := l.settle(pod, gib(n)); reason != want {
			t.Errorf("%d GiB: %q, want %q", n, reason, want)
		}
	}
	expect(1, 6, "")
	if l.banks[0].free != 10<<30 {
		t.Errorf("the first node has %d", l.banks[0].free)
	}
	expect(2, 20, unexpected) // it would be together with the first
	l.release(1)
	expect(3, 20, "")
	if l.banks[0].free != 0 || l.banks[1].free != 12<<30 || l.banks[1].group != 3 {
		t.Errorf("together they have %+v", l.banks[:2])
	}
	expect(4, 6, topologyAffinity) // alone the second gives no more
	l.release(3)
	expect(5, 16, "")
	expect(6, 16, "")
	expect(7, 1, unexpected)
}

// Source: v1.35 pkg/kubelet/cm/memorymanager/memory_manager.go AddContainer: what an init container has and
// nobody uses again is back when the next container starts, but for a sidecar's.
func TestMemoryOfAnInitContainerIsBackWhenTheNextContainerStarts(t *testing.T) {
	for _, sidecar := range []bool{false, true} {
		l := machine(Topology{}, 16, 17)
		spec := guaranteed(1, [2]int64{1, 10}, [2]int64{1, 2})
		if spec.InitContainers[0].Sidecar = sidecar; sidecar {
			spec.InitContainers[0].Requests.MemoryBytes, spec.InitContainers[0].Limits.MemoryBytes = 8<<30, 8<<30
		}
		if reason, message := l.settle(1, spec); reason != "" || l.banks[0].taken != 10<<30 {
			t.Fatalf("%s: %s: %+v", reason, message, l.banks[0])
		}
		l.releaseInits(1, spec, 0)
		if l.banks[0].taken != 10<<30 {
			t.Error("it is back when the init container itself starts")
		}
		l.releaseInits(1, spec, 1)
		want := int64(2 << 30)
		if sidecar {
			want = 10 << 30
		}
		if l.banks[0].taken != want {
			t.Errorf("sidecar %v: %d bytes are taken when the app starts", sidecar, l.banks[0].taken)
		}
		if l.release(1); l.banks[0].taken != 0 || l.banks[0].assignments != 0 {
			t.Errorf("sidecar %v: at the end %+v", sidecar, l.banks[0])
		}
	}
}

// Source: the same, Allocate: without a topology manager the memory manager looks for
// itself, and is the only one to refuse.
func TestTheMemoryManagerLooksForItselfWithoutATopologyManager(t *testing.T) {
	l := machine(Topology{NUMANodes: 2}, 16, 34)
	if reason, _ := l.settle(1, guaranteed(0, [2]int64{1, 10})); reason != "" || l.banks[0].free != 6<<30 {
		t.Errorf("%q, %+v", reason, l.banks[:2])
	}
	const full = "Allocate failed due to [memorymanager] failed to get the default NUMA affinity, " +
		"no NUMA nodes with enough memory is available, which is unexpected"
	if reason, message := l.settle(2, guaranteed(0, [2]int64{1, 20})); reason != unexpected || message != full {
		t.Errorf("%s: %s", reason, message)
	}
	if l.holds(2) || l.cpus.held() != 1 {
		t.Error("who is refused keeps its CPUs")
	}
}

// What is given is given once, and comes back: random pods come and go under every
// policy.
func TestRandomPodsHaveTheirOwnAndGiveItBack(t *testing.T) {
	for seed := uint64(1); seed <= 40; seed++ {
		luck := sim.New(sim.Config{Seed: seed}).Luck().Stream("test/layout")
		nodes := 1 + int(luck.Below(4))
		l := machine(Topology{NUMANodes: nodes, ThreadsPerCore: 2, Policy: TopologyPolicy(luck.Below(4)), PodScope: luck.Below(2) == 0}, int64(nodes)*8, int64(nodes)*17)
		there := map[uint32]*model.PodSpec{}
		for pod := uint32(1); pod < 200; pod++ {
			if gone := uint32(luck.Below(uint64(pod))); there[gone] != nil {
				l.release(gone)
				delete(there, gone)
			}
			each := make([][2]int64, 1+luck.Below(3))
			for i := range each {
				each[i] = [2]int64{1 + int64(luck.Below(6)), 1 + int64(luck.Below(12))}
			}
			s := guaranteed(int(luck.Below(uint64(len(each)))), each...)
			free := l.banks
			if reason, _ := l.settle(pod, s); reason == "" {
				there[pod] = s
			} else if l.holds(pod) || l.banks != free {
				t.Fatalf("seed %d: pod %d is refused (%s) and has something", seed, pod, reason)
			}
			check(t, seed, l, there)
		}
	}
}

func check(t *testing.T, seed uint64, l *layout, there map[uint32]*model.PodSpec) {
	t.Helper()
	cpus := int64(0)
	for pod, s := range there {
		on := l.where(pod)
		has := int64(0)
		for _, n := range on {
			has += int64(n)
		}
		if cpus += has; has < s.PodExclusiveCPUs() {
			t.Fatalf("seed %d: pod %d has %d CPUs of %d", seed, pod, has, s.PodExclusiveCPUs())
		}
	}
	if cpus != l.cpus.held() {
		t.Fatalf("seed %d: %d CPUs are given away, %d to pods that are there", seed, l.cpus.held(), cpus)
	}
	var bytes, taken int64
	for _, b := range l.blocks {
		bytes += b.bytes
	}
	for n := range l.NUMANodes {
		b := &l.banks[n]
		taken += b.taken
		if b.free < 0 || b.free+b.taken != b.allocatable || b.assignments < 0 || b.assignments == 0 && (b.group != 1<<n || len(l.blocks) == 0 && b.taken != 0) {
			t.Fatalf("seed %d: node %d: %+v", seed, n, *b)
		}
	}
	// With best-effort a node may give alone although it gives together with others
	// (isAffinityViolatingNUMAAllocations lets it), and what it gets back is then another's.
	if bytes != taken && l.Policy != BestEffort {
		t.Fatalf("seed %d: blocks of %d bytes, %d are taken", seed, bytes, taken)
	}
	for c, spare := range l.spare {
		if spare && l.cpus.holder[c] != 0 {
			t.Fatalf("seed %d: CPU %d is reserved", seed, c)
		}
	}
}
