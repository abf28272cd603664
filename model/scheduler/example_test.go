package scheduler_test

import (
	"fmt"

	"orrery/model/scheduler"
)

// A policy is plugins with their weights.
func ExamplePolicies() {
	for _, p := range scheduler.Policies() {
		fmt.Printf("%s: %s\n", p.Name, p.About)
		for _, e := range p.Profile().Plugins {
			if e.Weight > 0 {
				fmt.Printf("  %s*%d\n", e.Name, e.Weight)
			}
		}
	}
	// Output:
	// default: the default profile of kube-scheduler v1.35
	//   TaintToleration*3
	//   NodeAffinity*2
	//   NodeResourcesFit*1
	//   PodTopologySpread*2
	//   InterPodAffinity*2
	//   NodeResourcesBalancedAllocation*1
	//   ImageLocality*1
	// gang: default, and the pods of a Workload's gang are bound together or not at all
	//   TaintToleration*3
	//   NodeAffinity*2
	//   NodeResourcesFit*1
	//   PodTopologySpread*2
	//   InterPodAffinity*2
	//   NodeResourcesBalancedAllocation*1
	//   ImageLocality*1
}
