package scheduler

import (
	"fmt"
	"slices"
	"testing"

	"orrery/model"
	"orrery/sim"
)

// TestPoliciesDecideAsTheirPluginsAskedAnew compares decisions, which remember
// what plugins answered, with the best of the totals that Explain asks for anew.
func TestPoliciesDecideAsTheirPluginsAskedAnew(t *testing.T) {
	for _, policy := range Policies() {
		t.Run(policy.Name, func(t *testing.T) {
			luck := sim.NewLuck(3).Stream(policy.Name)
			profile := policy.Profile()
			specs := mixedSpecs(&luck)
			profile.Typical = TypicalPods(func(yield func(*model.PodSpec, int64) bool) {
				for i, s := range specs {
					yield(s, int64(i+1))
				}
			})
			p := NewPlanner(PlannerConfig{Profile: profile, PercentageOfNodesToScore: 100, Ties: TiesFirst, Luck: sim.NewLuck(1)})
			for i := range 40 {
				n := node(fmt.Sprint("n", i), "", int64(8+8*luck.Below(8))*1000, 64)
				n.GPU = model.GPUs{Devices: int64(luck.Below(5) * luck.Below(3)), Model: []string{"", "T4", "A100"}[luck.Below(3)]}
				p.AddNode(n)
			}
			var bound []*model.Pod
			placed := 0
			for i := range 1500 {
				if len(bound) > 0 && luck.Below(4) == 0 {
					k := int(luck.Below(uint64(len(bound))))
					p.search.cache.removePod(bound[k].NodeID, bound[k])
					bound = slices.Delete(bound, k, k+1)
				}
				pod := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: fmt.Sprint("p", i)}, Spec: specs[luck.Below(uint64(len(specs)))]}
				e := p.Explain(pod)
				best := ""
				top := int64(-1)
				for _, f := range e.Feasible {
					if f.Total > top {
						best, top = f.Node, f.Total
					}
				}
				if d := p.Decide(pod); d.Node != best || d.Node != e.Node {
					t.Fatalf("decision %d: %q, explained as %q, best of the totals is %q", i, d.Node, e.Node, best)
				}
				if best != "" {
					there := *pod
					there.NodeName = best
					p.Assign(&there)
					bound = append(bound, &there)
					placed++
				}
			}
			if placed < 300 || placed == 1500 {
				t.Errorf("%d of 1500 pods were placed: the test says little", placed)
			}
		})
	}
}

// mixedSpecs are pods with and without GPUs.
func mixedSpecs(luck *sim.Stream) (specs []*model.PodSpec) {
	for range 12 {
		s := *spec(int64(1+luck.Below(16))*500, 1<<30)
		switch luck.Below(3) {
		case 0:
			s.GPU = &model.GPURequest{Devices: 1, MilliEach: int64(1+luck.Below(9)) * 100}
		case 1:
			s.GPU = &model.GPURequest{Devices: int64(1 + luck.Below(3)), MilliEach: model.GPUMilli}
		}
		if s.GPU != nil && luck.Below(3) == 0 {
			s.GPU.Models = []string{"T4", "V100"}
		}
		specs = append(specs, &s)
	}
	return specs
}

func TestEachPolicyMakesAProfileOfItsOwn(t *testing.T) {
	for _, p := range Policies() {
		a := p.Profile()
		a.Plugins[0].Weight = 77
		if b := p.Profile(); b.Plugins[0].Weight == 77 {
			t.Errorf("%s: two profiles share their plugins", p.Name)
		}
		if p.About == "" || PolicyNamed(p.Name) == nil {
			t.Errorf("policy %q says nothing, or cannot be named", p.Name)
		}
	}
}
