package kubelet_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/kubelet"
)

// onTwoNodes has 8 CPUs on two NUMA nodes, one of which is reserved, and a policy.
func onTwoNodes(p kubelet.TopologyPolicy) option {
	return func(r *rig) {
		exclusively(r)
		r.config.Topology.NUMANodes, r.config.Topology.Policy = 2, p
	}
}

// Source: v1.35 pkg/kubelet/cm/topologymanager/topology_manager.go TopologyAffinityError,
// policy_restricted.go: three CPUs are free, on two NUMA nodes, and the pod is refused for
// good; when one of the others has gone the next one is not.
func TestAPodWhoseCPUsWouldBeOnMoreNUMANodesThanItNeedsIsRefused(t *testing.T) {
	r := newRig(t, 1, onTwoNodes(kubelet.Restricted))
	first, second := r.pod("first", whole(2000)), r.pod("second", whole(2000))
	r.ready(first)
	r.ready(second)
	r.failed(r.pod("third", whole(3000)), "TopologyAffinityError", "Pod was rejected: Resources cannot be allocated with Topology locality")
	r.ready(r.pod("small", whole(1000)))
	r.user.Delete(second.Ref(), 0, 0)
	r.until("second is gone", time.Minute, func() bool { return r.get(second) == nil })
	r.run(5 * time.Second)
	r.ready(r.pod("again", whole(3000)))
}

// Source: v1.35 pkg/kubelet/cm/cpumanager/policy_static.go Allocate: with full-pcpus-only it is looked
// whether there are whole cores before it is looked whether a container has some already, so a restart of
// the kubelet costs pods that have more than are free (kubernetes/kubernetes#129078); and what they had
// is back only when all pods are listed (cpu_manager.go removeStaleState).
func TestARestartOfTheKubeletRefusesWhoHasMoreWholeCoresThanAreFree(t *testing.T) {
	r := newRig(t, 1, exclusively, func(r *rig) { r.config.Topology.FullCores = true })
	four, two := r.pod("four", whole(4000)), r.pod("two", whole(2000)) // of 7
	r.ready(four)
	r.ready(two)
	r.kubelet.Stop()
	r.run(5 * time.Second)
	r.kubelet.Resume()
	r.failed(four, "SMTAlignmentError", "Pod was rejected: SMT Alignment Error: not enough free physical CPUs: available physical CPUs = 1, requested CPUs = 4, CPUs per core = 1")
	r.failed(two, "SMTAlignmentError", "Pod was rejected: SMT Alignment Error: not enough free physical CPUs: available physical CPUs = 1, requested CPUs = 2, CPUs per core = 1")
	r.run(10 * time.Second)
	three := r.pod("three", whole(3000))
	r.ready(three)
	r.kubelet.Stop()
	r.run(5 * time.Second)
	r.kubelet.Resume()
	r.run(30 * time.Second)
	if q := r.get(three); !q.IsReady() {
		t.Errorf("4 are free, and 3 are refused: %s", q.Message)
	}
}

// Source: v1.35 pkg/kubelet/cm/cpumanager/state/state_checkpoint.go, policy_static.go
// Allocate ("container already present in state, skipping"): who has CPUs keeps them over
// a restart of the kubelet, and over a reboot, and nobody gets them meanwhile; those of a
// pod that was deleted meanwhile come back.
func TestExclusiveCPUsOutliveARestartOfTheKubelet(t *testing.T) {
	for what, again := range map[string]func(*rig){
		"restart": func(r *rig) { r.kubelet.Stop(); r.run(5 * time.Second) },
		"reboot":  func(r *rig) { r.kubelet.PowerOff(); r.run(5 * time.Second); r.kubelet.PowerOn() },
	} {
		r := newRig(t, 1, onTwoNodes(kubelet.SingleNUMANode))
		four, gone := r.pod("four", whole(4000)), r.pod("gone", whole(2000))
		r.ready(four)
		r.ready(gone)
		fresh := r.pod("fresh", whole(1000)) // admitted, and nothing of it is there yet
		r.run(50 * time.Millisecond)
		again(r)
		r.user.Delete(gone.Ref(), 0, 0)
		r.kubelet.Resume()
		r.until(what+": gone is gone", 5*time.Minute, func() bool { return r.get(gone) == nil })
		r.until(what+": the others run", 5*time.Minute, func() bool { return r.get(four).Phase == model.PodRunning && r.get(fresh).Phase == model.PodRunning })
		r.run(time.Minute)
		r.failed(r.pod("more", whole(3000)), "TopologyAffinityError", "Pod was rejected: Resources cannot be allocated with Topology locality")
		r.ready(r.pod("two", whole(2000)))
	}
}

// Source: v1.35 pkg/kubelet/kubelet.go HandlePodAdditions: the managers give before the
// predicates look; who is refused by those has nothing in the end.
func TestWhoIsRefusedForSomethingElseHasNoCPUs(t *testing.T) {
	r := newRig(t, 1, onTwoNodes(kubelet.SingleNUMANode))
	p := r.pod("picky", func(s *model.PodSpec) {
		whole(4000)(s)
		s.NodeSelector = model.MakeLabels(map[string]string{"disk": "tape"})
	})
	r.failed(p, "NodeAffinity", "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector")
	r.ready(r.pod("four", whole(4000)))
}

// Source: v1.35 pkg/kubelet/allocation/allocation_manager.go canResizePod: beside the
// policy Static of the memory manager the memory of Guaranteed pods stays as it is.
func TestTheMemoryOfAGuaranteedPodIsNotResizedUnderThePolicyStatic(t *testing.T) {
	for _, static := range []bool{true, false} {
		r := newRig(t, 1, func(r *rig) {
			r.config.Topology.StaticMemory = static
			r.config.Topology.ReservedMemory[0] = gib
		})
		p := r.pod("web", whole(2000))
		r.ready(p)
		more := int64(2 * gib)
		bytes := model.AmountsPatch{MemoryBytes: &more}
		r.user.Patch(p.Ref(), &model.PodPatch{Containers: []model.ContainerPatch{{Name: "main", Requests: bytes, Limits: bytes}}}, 0)
		r.run(10 * time.Second)
		if x := r.get(p).Resize; static != (x != nil && x.Pending == model.ResizeInfeasible) || static == (r.has(p).Requests.MemoryBytes == more) {
			t.Errorf("static %v: %+v, it has %d bytes", static, x, r.has(p).Requests.MemoryBytes)
		}
	}
}
