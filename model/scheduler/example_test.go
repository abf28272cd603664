package scheduler_test

import (
	"fmt"

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
