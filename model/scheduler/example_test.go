package scheduler_test

import (
	"fmt"

	"orrery/model"
	"orrery/model/scheduler"
)

// A policy is plugins with their weights.
func ExamplePolicyNamed() {
	for _, e := range scheduler.PolicyNamed("best-fit").Plugins {
		if e.Weight > 0 {
			fmt.Printf("%s*%d\n", e.Name, e.Weight)
		}
	}
	// Output:
	// TaintToleration*3
	// NodeAffinity*2
	// PodTopologySpread*2
	// InterPodAffinity*2
	// BestFit*1
}

// loneliest prefers the node with the fewest pods.
type loneliest struct{}

func (loneliest) Name() string { return "Loneliest" }

// SignPod appends everything of a pod that the score depends on: here, nothing.
func (loneliest) SignPod(key []byte, _ *model.Pod) []byte { return key }

func (loneliest) Score(_ *model.Pod, node *scheduler.NodeInfo) int64 {
	return max(0, scheduler.MaxNodeScore-int64(len(node.Pods)))
}

// A policy of one's own: the default profile, where the fewest pods count most.
func ExampleEnabled() {
	profile := scheduler.DefaultProfile()
	profile.Plugins = append(profile.Plugins, scheduler.Enabled{
		Name: "Loneliest", Weight: 100, New: func(*scheduler.Handle) scheduler.Plugin { return loneliest{} },
	})
	planner := scheduler.NewPlanner(scheduler.PlannerConfig{Profile: profile, PercentageOfNodesToScore: 100})
	for _, name := range []string{"a", "b"} {
		size := model.Resources{CPUMilli: 8000, MemoryBytes: 32 << 30, Pods: 110}
		planner.AddNode(&model.Node{Meta: model.Meta{Kind: model.KindNode, Name: name}, Capacity: size, Allocatable: size})
	}
	for i, cpu := range []int64{100, 4000, 100} {
		spec := &model.PodSpec{Containers: []model.Container{{Requests: model.Resources{CPUMilli: cpu}}}}
		spec.SumRequests()
		pod := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Name: fmt.Sprint("pod-", i)}, Spec: spec}
		node := planner.Decide(pod).Node
		planner.Place(pod, node)
		fmt.Println(pod.Name, "goes to", node)
	}
	// Output:
	// pod-0 goes to a
	// pod-1 goes to b
	// pod-2 goes to a
}
