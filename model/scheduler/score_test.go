package scheduler

import (
	"container/heap"
	"fmt"
	"slices"
	"testing"

	"orrery/model"
	"orrery/sim"
)

// Sampling: only 50 - n/125 % (at least 5 %, at least 100 nodes) of the nodes
// are searched for (pkg/scheduler/schedule_one.go numFeasibleNodesToFind).
func TestASearchStopsAtFiftyLessOnePer125NodesPercent(t *testing.T) {
	for _, c := range []struct{ nodes, want int }{
		{1, 1}, {99, 99}, {100, 100}, {200, 100}, {500, 230}, {1000, 420}, {2000, 680}, {5000, 500}, {5625, 281}, {10_000, 500}, {15_000, 750},
	} {
		if got := numFeasibleNodesToFind(0, c.nodes); got != c.want {
			t.Errorf("of %d nodes %d are searched for, want %d", c.nodes, got, c.want)
		}
	}
	if got := numFeasibleNodesToFind(100, 5000); got != 5000 {
		t.Errorf("with 100 %% of 5000 nodes %d are searched for", got)
	}
}

// "Best node of the cluster" is wrong above 100 nodes: the search goes from a
// rotating start over a zone-interleaved list, and the next one starts at the
// first feasible node that was not needed
// (pkg/scheduler/schedule_one.go, backend/cache/node_tree.go).
func TestTheBestNodeOutsideTheSampleIsNotFound(t *testing.T) {
	s := newSearch(1000, 0)
	p := pod("web", spec(1000, gib))
	for id := uint32(1); id <= 420; id++ { // the first sample is half full
		s.cache.charge(id, spec(16_000, 64*gib), 1)
	}
	c := s.classes.of(p)
	if d := s.decide(c); d.node > 420 || d.examined != 420 {
		t.Errorf("the pod went to node %d after %d nodes, want one of the 420 of the sample", d.node, d.examined)
	}
	if s.nextStartNodeIndex != 420 {
		t.Errorf("the next search starts at %d, want 420", s.nextStartNodeIndex)
	}
	if d := s.decide(c); d.node != 421 {
		t.Errorf("the next pod went to node %d, want 421, the first of the next sample", d.node)
	}
	s.nextStartNodeIndex = 900
	s.decide(c)
	if s.nextStartNodeIndex != 320 {
		t.Errorf("after a sample around the end the next search starts at %d, want 320", s.nextStartNodeIndex)
	}
}

// The list interleaves zones: the first node of every zone, then the second,
// skipping zones that have no more; a node that changes its zone goes to the
// end of the new one (pkg/scheduler/backend/cache/node_tree.go).
func TestNodesAreSearchedZoneByZoneInTurns(t *testing.T) {
	c := newCache()
	for i, zone := range []string{"b", "b", "a", "b", "", "a"} {
		n := node(fmt.Sprintf("n-%d", i+1), zone, 1000, 1)
		n.ID = uint32(i + 1)
		c.setNode(n.ID, n)
	}
	want := func(ids ...uint32) {
		t.Helper()
		if got := c.tree.list(); !slices.Equal(got, ids) {
			t.Errorf("nodes are searched in the order %v, want %v", got, ids)
		}
	}
	want(1, 3, 5, 2, 6, 4)
	moved := node("n-1", "a", 1000, 1)
	moved.ID = 1
	c.setNode(1, moved)
	want(2, 3, 5, 4, 6, 1)
	c.setNode(5, nil)
	want(2, 3, 4, 6, 1)
}

// Tie-break: no randomness since 1.35; the order of the score heap decides
// (pkg/scheduler/schedule_one.go newSortedNodeScores).
func TestTiesFallAsInTheScoreHeap(t *testing.T) {
	luck := sim.NewLuck(1).Stream("ties")
	for range 20_000 {
		totals := make([]int64, 1+luck.Below(60))
		levels := 1 + luck.Below(4)
		h := make(nodeScoreHeap, len(totals))
		for i := range totals {
			totals[i] = int64(luck.Below(levels))
			h[i] = nodeScore{uint32(i), totals[i]}
		}
		heap.Init(&h)
		if got, want := new(search).topOf(totals), int(heap.Pop(&h).(nodeScore).node); got != want {
			t.Fatalf("of %v the one at %d is taken, want %d", totals, got, want)
		}
	}
	if top := new(search).topOf(make([]int64, 500)); top != 0 {
		t.Errorf("of equals the one at %d is taken, want the first", top)
	}
}

// If exactly one node passes, nothing is scored: it is taken, however bad
// (pkg/scheduler/schedule_one.go schedulePod).
func TestTheOnlyFeasibleNodeIsTaken(t *testing.T) {
	s := newSearch(3, 0)
	for _, id := range []uint32{1, 3} {
		n := *s.cache.row(id).Node
		n.Unschedulable = true
		s.cache.setNode(id, &n)
	}
	s.cache.charge(2, spec(31_000, 127*gib), 1)
	if d := s.decide(s.classes.of(pod("web", spec(1000, gib)))); d.node != 2 || d.examined != 3 {
		t.Errorf("got node %d after %d, want node 2 after 3", d.node, d.examined)
	}
}

func plugin[T any](t *testing.T, name string) T {
	t.Helper()
	p, ok := registry[name](&Handle{framework: &Framework{names: []string{name}}, profile: DefaultProfile()}).(T)
	if !ok {
		t.Fatalf("%s is no %T", name, *new(T))
	}
	return p
}

// Node 4000m and 16 GiB with 1000m and 4 GiB used, pod 500m and 1 GiB: CPU 62,
// memory 68, LeastAllocated 65; shares 0.375 and 0.3125, so balanced 96
// (the worked check of pkg/scheduler/framework/plugins/noderesources).
func TestLeastAllocatedAndBalancedTruncateAtEachStep(t *testing.T) {
	n := &NodeInfo{Node: node("n", "", 4000, 16)}
	n.Requested.add(1, &model.Resources{CPUMilli: 1000, MemoryBytes: 4 * gib})
	n.NonZeroRequested = n.Requested
	p := pod("web", spec(500, gib))
	if got := plugin[ScorePlugin](t, "NodeResourcesFit").Score(p, n); got != 65 {
		t.Errorf("LeastAllocated is %d, want 65", got)
	}
	if got := plugin[ScorePlugin](t, "NodeResourcesBalancedAllocation").Score(p, n); got != 96 {
		t.Errorf("BalancedAllocation is %d, want 96", got)
	}
}

// The filter collects everything that is short; preemption could help unless
// the pod asks for more than the whole node has of something
// (pkg/scheduler/framework/plugins/noderesources/fit.go).
func TestFitSaysAllThatIsShortAndWhetherAnybodyCouldHelp(t *testing.T) {
	small := node("n", "", 4000, 16)
	small.Allocatable.Pods = 2
	small.Allocatable.Extended = []model.Extended{{Name: "nvidia.com/gpu", Count: 2}}
	for _, c := range []struct {
		pods       int
		used, want model.Resources
		code       Code
		reasons    []string
	}{
		{0, model.Resources{CPUMilli: 1}, model.Resources{CPUMilli: 4000}, Unschedulable, []string{"Insufficient cpu"}},
		{0, model.Resources{}, model.Resources{CPUMilli: 4001}, UnschedulableAndUnresolvable, []string{"Insufficient cpu"}},
		{0, model.Resources{CPUMilli: 1}, model.Resources{CPUMilli: 4000, MemoryBytes: 17 * gib}, UnschedulableAndUnresolvable, []string{"Insufficient cpu", "Insufficient memory"}},
		{2, model.Resources{}, model.Resources{}, Unschedulable, []string{"Too many pods"}},
		{2, model.Resources{}, model.Resources{EphemeralBytes: 101 * gib}, UnschedulableAndUnresolvable, []string{"Too many pods", "Insufficient ephemeral-storage"}},
		{0, model.Resources{Extended: []model.Extended{{Name: "nvidia.com/gpu", Count: 1}}},
			model.Resources{Extended: []model.Extended{{Name: "nvidia.com/gpu", Count: 2}}}, Unschedulable, []string{"Insufficient nvidia.com/gpu"}},
		{0, model.Resources{}, model.Resources{Extended: []model.Extended{{Name: "example.com/fpga", Count: 1}}},
			UnschedulableAndUnresolvable, []string{"Insufficient example.com/fpga"}},
	} {
		n := &NodeInfo{Node: small, Pods: make([]*model.Pod, c.pods)}
		n.Requested.add(1, &c.used)
		st := plugin[FilterPlugin](t, "NodeResourcesFit").Filter(&model.Pod{Spec: &model.PodSpec{Request: c.want}}, n)
		if st == nil || st.Code != c.code || !slices.Equal(st.Reasons, c.reasons) {
			t.Errorf("%+v on a node with %+v: got %+v, want %d %q", c.want, c.used, st, c.code, c.reasons)
		}
	}
}

// LeastAllocated counts 100m and 200 MiB for containers without requests; the
// filter and BalancedAllocation do not
// (pkg/scheduler/util/pod_resources.go, noderesources/resource_allocation.go).
func TestOnlyLeastAllocatedUsesDefaultsForMissingRequests(t *testing.T) {
	bare := pod("bare", spec(0, 0))
	n := &NodeInfo{Node: node("n", "", 200, 1)}
	if got := plugin[ScorePlugin](t, "NodeResourcesFit").Score(bare, n); got != (50+80)/2 {
		t.Errorf("LeastAllocated is %d, want 65: 100 of 200m and 200 of 1024 MiB are counted", got)
	}
	full := &NodeInfo{Node: node("n", "", 200, 1)}
	full.Requested.add(1, &model.Resources{CPUMilli: 200, MemoryBytes: gib})
	if st := plugin[FilterPlugin](t, "NodeResourcesFit").Filter(bare, full); st != nil {
		t.Errorf("a pod that asks for nothing is rejected by a full node: %v", st.Reasons)
	}
	half := pod("half", spec(100, 0))
	if got := plugin[ScorePlugin](t, "NodeResourcesBalancedAllocation").Score(half, n); got != 75 {
		t.Errorf("BalancedAllocation is %d, want 75: half of the CPU and no memory", got)
	}
}

// BalancedAllocation is skipped for best-effort pods
// (pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go).
func TestBestEffortPodsAreNotBalanced(t *testing.T) {
	s := newSearch(2, 0)
	scored := func(p *model.Pod) (names []string) {
		c := s.classes.of(p)
		for _, x := range slices.Concat(c.plain, c.relative) {
			names = append(names, fmt.Sprintf("%s*%d", x.Name(), x.weight))
		}
		return names
	}
	if got := scored(pod("bare", spec(0, 0))); !slices.Equal(got, []string{"NodeResourcesFit*1", "TaintToleration*3"}) {
		t.Errorf("a best-effort pod is scored by %v", got)
	}
	if got := scored(pod("web", spec(1, 0))); !slices.Equal(got, []string{"NodeResourcesFit*1", "NodeResourcesBalancedAllocation*1", "TaintToleration*3"}) {
		t.Errorf("a pod with requests is scored by %v", got)
	}
}

// A pod with no affinity, no taints and requests set: total = 3*100 (taints) +
// LeastAllocated + Balanced; NodeAffinity is skipped.
func TestAnOrdinaryPodsTotalIs300PlusLeastAllocatedPlusBalanced(t *testing.T) {
	s := newSearch(0, 0)
	for id := uint32(1); id <= 2; id++ {
		n := node(fmt.Sprintf("n-%d", id), "", 4000, 16)
		n.ID = id
		s.cache.setNode(id, n)
		s.cache.charge(id, spec(1000, 4*gib), 1)
	}
	c := s.classes.of(pod("web", spec(500, gib)))
	s.decide(c)
	out := make([]NodeScore, 2)
	if s.explain(c, []uint32{1, 2}, out); out[0].Total != 300+65+96 || out[1].Total != out[0].Total {
		t.Errorf("totals are %d and %d, want 461 each", out[0].Total, out[1].Total)
	}
}

// TaintToleration: 100 - 100*raw/max, and NodeAffinity: 100*raw/max, in
// integers, times 3 and 2 (pkg/scheduler/framework/plugins/helper).
func TestTaintsAndAffinityAreNormalisedOverTheFeasibleNodes(t *testing.T) {
	s := newSearch(3, 0)
	for id := uint32(1); id <= 3; id++ {
		n := *s.cache.row(id).Node
		for i := range id - 1 { // none, one and two
			n.Taints = append(n.Taints, model.Taint{Key: fmt.Sprint("soft-", i), Effect: model.PreferNoSchedule})
		}
		s.cache.setNode(id, &n)
	}
	prefer := func(name string, weight int64) model.PreferredTerm {
		return model.PreferredTerm{Weight: weight, Term: model.NodeTerm{Names: []model.Requirement{{Key: "metadata.name", Op: model.In, Values: []string{name}}}}}
	}
	c := s.classes.of(pod("web", spec(0, 0, func(p *model.PodSpec) {
		p.Preferred = []model.PreferredTerm{prefer("n-0", 20), prefer("n-1", 60)}
	})))
	s.decide(c)
	const least = 99
	want := []int64{3*100 + 2*33 + least, 3*50 + 2*100 + least, least}
	if !slices.Equal(s.totals, want) {
		t.Errorf("totals are %v, want %v", s.totals, want)
	}
}

// Pod requests: sidecars and the order of init containers matter, and overhead
// is added (k8s.io/component-helpers/resource/helpers.go PodRequests).
func TestSidecarsAndInitContainersCountInOrder(t *testing.T) {
	s := &model.PodSpec{
		InitContainers: []model.Container{
			{Requests: model.Resources{CPUMilli: 900}},
			{Requests: model.Resources{CPUMilli: 200}, Sidecar: true},
			{Requests: model.Resources{CPUMilli: 1000}},
		},
		Containers: []model.Container{{Requests: model.Resources{CPUMilli: 500}}},
		Overhead:   model.Resources{CPUMilli: 50},
	}
	s.SumRequests()
	if s.Request.CPUMilli != 1250 {
		t.Errorf("the pod asks for %dm, want 1250: the last init container beside the sidecar, and overhead", s.Request.CPUMilli)
	}
}

// A search that finds nothing is not repeated while nothing changes, and is
// repeated when something does.
func TestAFailureIsRememberedUntilSomethingChanges(t *testing.T) {
	s := newSearch(200, 0)
	c := s.classes.of(pod("big", spec(33_000, gib)))
	first := s.decide(c)
	if again := s.decide(c); again.failure != first.failure || again.examined != 200 {
		t.Errorf("the search was made again: %+v", again)
	}
	bigger := *s.cache.row(7).Node
	bigger.Allocatable.CPUMilli = 64_000
	s.cache.setNode(7, &bigger)
	if d := s.decide(c); d.node != 7 {
		t.Errorf("got %+v, want node 7, which has grown", d)
	}
}

// A placed pod that asks for something as a whole counts with defaults only for
// what nobody in it speaks of; its own score counts its containers
// (pkg/scheduler/framework/types.go getNonMissingContainerRequests).
func TestAPodWithRequestsOfItsOwnGetsDefaultsOnlyForWhatNobodySays(t *testing.T) {
	level := func(cpuSaid bool) *model.PodSpec {
		return spec(0, 0, func(s *model.PodSpec) {
			s.PodLevel = &model.PodLevel{MemoryBytes: 3 * gib, HasMemory: true, MemorySaid: true, CPUSaid: cpuSaid}
			s.Containers = []model.Container{{Requests: model.Resources{MemoryBytes: gib}}, {Requests: model.Resources{MemoryBytes: gib}}}
			if cpuSaid {
				s.Containers[1].Requests.CPUMilli = 333
			}
			s.SumRequests()
		})
	}
	for _, c := range []struct {
		said bool
		want int64
	}{{true, 333}, {false, 200}} {
		n := &NodeInfo{Node: node("n", "", 4000, 16)}
		p := pod("p", level(c.said))
		n.AddPod(p)
		if got := n.NonZeroRequested; got.MilliCPU != c.want || got.Memory != 3*gib {
			t.Errorf("CPU said %v: %d milli-CPU and %d bytes, want %d and 3 GiB", c.said, got.MilliCPU, got.Memory, c.want)
		}
		n.RemovePod(p)
		if got := n.NonZeroRequested; got.MilliCPU != 0 || got.Memory != 0 {
			t.Errorf("%+v stays", got)
		}
	}
}
