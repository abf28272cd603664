package scenarios_test

import (
	"fmt"
	"os"
	"time"

	"orrery/model/cluster"
	"orrery/report"
	"orrery/scenarios"
	"orrery/sim"
)

// What the command does with a scenario: read it, run what it means, and judge
// the history by what it promised.
func Example() {
	s, err := scenarios.Read("tiny.yaml", []byte(`apiVersion: orrery/v1
name: tiny
duration: 5m
cluster:
  nodes: [{name: n, count: 2, cpu: 2, memory: 4Gi}]
workload:
  manifests:
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web}
      spec:
        replicas: 2
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec: {containers: [{name: web, image: "web:1", resources: {requests: {cpu: 100m, memory: 64Mi}}}]}
expect:
  - converged() within 1m
`))
	fmt.Println(err)
	_, err = scenarios.Read("tiny.yaml", []byte(`apiVersion: orrery/v1
name: tiny
duration: 5m
cluster:
  nodes: [{name: n, cout: 2, cpu: 2, memory: 4Gi}]
`))
	fmt.Println(err)
	if s == nil {
		return
	}
	x, err := cluster.New(s.Config)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := x.Run(sim.Time(5 * time.Minute)); err != nil {
		fmt.Println(err)
	}
	report.New(report.Meta{Scenario: s.Config.Name, Seed: s.Config.Seed, End: x.Kernel.Now()}, x.Store.History(), s.Expect).WriteText(os.Stdout, false)
	// Output:
	// <nil>
	// tiny.yaml:5:21: unknown field "cout" in a group of nodes; did you mean "count"?
	//     5 |   nodes: [{name: n, cout: 2, cpu: 2, memory: 4Gi}]
	//       |                     ^
	// scenario tiny
	//
	// what happened
	//   3.747ms  deployment/web created with kubectl
	//    7.578s  deployment/web up for the first time
	//    7.578s  converged for the first time
	//
	// at the end, after 5m0s
	//   name            desired  ready  available  up to date  restarts  evicted
	//   deployment/web        2      2          2           2         0        0
	//   nodes: 3 (1 control-plane), all Ready
	//   pods: 2 Running, 2 Ready
	//
	// what was promised
	//   ✓ converged() within 1m  after 7.578s (from 7.578s on)
	//
	// held: 1 of 1 expectation
	//   seed 1, 0 events, 40 records
}
