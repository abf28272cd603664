package scheduler

import (
	"fmt"
	"slices"
	"testing"

	"orrery/model"
	"orrery/sim"
)

// placeAll plans for pods in so many nodes of 1 CPU and says where they went.
func placeAll(nodeCount int, pods []*model.Pod, workloads ...*model.Workload) (out []string) {
	p := NewPlanner(PlannerConfig{Profile: PolicyNamed("gang"), PercentageOfNodesToScore: 100, Ties: TiesFirst})
	for _, n := range nodes(nodeCount, 1000, 16) {
		p.AddNode(n)
	}
	for _, w := range workloads {
		p.AddWorkload(w)
	}
	p.PlaceAll(pods, false, func(pod *model.Pod, e *Explanation) {
		where := e.Node
		if where == "" {
			where = e.Message
		}
		out = append(out, pod.Name+": "+where)
	})
	return out
}

// All or nothing: pods of a gang that does not come together have no node in the
// end, others get theirs, and both are told why.
func TestAGangIsPlacedWholeOrNotAtAll(t *testing.T) {
	late := "0/1 nodes are available: 1 rejected due to timeout after waiting 5m0s at plugin GangScheduling."
	full := "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod."
	pods := append(gang("big", 3, 600), pod("lone", spec(600, 1)))
	got := placeAll(2, append(pods, gang("lost", 1, 1)...), workload("big", 3))
	want := []string{
		"big-0: " + late, "big-1: " + late, "big-2: " + full, "lone: n-0",
		`lost-0: waiting for pods's workload "lost" to appear in scheduling queue`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if got := placeAll(3, gang("big", 3, 600), workload("big", 3)); !slices.Equal(got, []string{"big-0: n-0", "big-1: n-1", "big-2: n-2"}) {
		t.Errorf("with room for all: %q", got)
	}
	if got := placeAll(3, gang("big", 2, 600), workload("big", 3))[0]; got != "big-0: waiting for minCount pods from a gang to appear in scheduling queue" {
		t.Errorf("too few: %q", got)
	}
}

// Permit activates those of the gang that have failed: a pod that wants to be
// near one that comes after it is tried again once that has its node.
func TestAPodThatWantsToBeNearItsGangIsTriedAgain(t *testing.T) {
	near := pod("near", spec(100, 1, func(s *model.PodSpec) {
		s.Workload = &model.WorkloadRef{Name: "two", PodGroup: "workers"}
		s.Placement = &model.Placement{Affinity: []model.PodTerm{{
			TopologyKey: model.LabelHostname, Selector: model.SelectorOf(model.Labels{{Key: "app", Value: "db"}}),
		}}}
	}))
	db := gang("two", 1, 100)[0]
	db.Labels = model.Labels{{Key: "app", Value: "db"}}
	if got := placeAll(3, []*model.Pod{near, db}, workload("two", 2)); !slices.Equal(got, []string{"near: n-0", "two-0: n-0"}) {
		t.Errorf("placed %q", got)
	}
}

// Whatever the pods, no gang is placed in part, and no node is overcommitted.
func TestPlannedGangsAreWhole(t *testing.T) {
	for seed := range uint64(50) {
		luck := sim.NewLuck(seed).Stream("planned")
		var pods []*model.Pod
		var loads []*model.Workload
		least := map[string]int{}
		for i := range 6 {
			name, n := fmt.Sprintf("g%d", i), 1+int(luck.Below(5))
			least[name] = 1 + int(luck.Below(uint64(n)))
			loads = append(loads, workload(name, int32(least[name])))
			pods = append(pods, gang(name, n, 100+int64(luck.Below(800)))...)
		}
		for i := len(pods) - 1; i > 0; i-- {
			j := luck.Below(uint64(i + 1))
			pods[i], pods[j] = pods[j], pods[i]
		}
		p := NewPlanner(PlannerConfig{Profile: PolicyNamed("gang"), PercentageOfNodesToScore: 100})
		for _, n := range nodes(4, 1000, 16) {
			p.AddNode(n)
		}
		for _, w := range loads {
			p.AddWorkload(w)
		}
		placed := map[string]int{}
		p.PlaceAll(pods, seed%2 == 0, func(pod *model.Pod, e *Explanation) {
			if e.Node != "" {
				placed[pod.Spec.Workload.Name]++
			}
		})
		for name, n := range placed {
			if n < least[name] {
				t.Errorf("seed %d: %d of %s are placed, at least %d were to be", seed, n, name, least[name])
			}
		}
		for i := range p.search.cache.rows {
			if r := p.search.cache.row(uint32(i)); r.Requested.MilliCPU > 1000 {
				t.Errorf("seed %d: node %d holds %d m", seed, i, r.Requested.MilliCPU)
			}
		}
	}
}
