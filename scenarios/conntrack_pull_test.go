package scenarios_test

import (
	"fmt"
	"testing"
)

// On a node whose conntrack table is full no image can be pulled, nor asked for that is there
// already (imagePullPolicy: Always), because that opens a connection; the kubelet has its own
// to the API server, and what runs goes on (net/netfilter/nf_conntrack_core.c: only what is
// new needs an entry).
func TestANodeWhoseConntrackTableIsFullPullsNothing(t *testing.T) {
	scenario := `apiVersion: orrery/v1
name: full
duration: 20m
cluster:
  nodes: [{name: n, count: 1, cpu: 4, memory: 16Gi}]
workload:
  manifests:
` + service("web") + deployment("web", 2, ", imagePullPolicy: Always, resources: {requests: {cpu: 100m}}") + `
  traffic: [{service: web, rps: 10, from: node/n-0}]
timeline:
  - {at: 5m, for: 5m, fault: conntrack-full, target: node/n-0, fill: %s}
  - {at: 6m, fault: pod-kill, target: deployment/web, count: 1}
expect:
%s`
	holds(t, "full", fmt.Sprintf(scenario, "100%", `  - "between 6m10s and 10m: always(ready(deployment/web) == 1)"
  - "between 6m and 10m: pull_failures() >= 2"
  - "after 16m: always(ready(deployment/web) == 2)"
  - node_not_ready() == 0
  - restarts() == 0
`))
	holds(t, "half full", fmt.Sprintf(scenario, "50%", `  - "after 7m: always(ready(deployment/web) == 2)"
  - pull_failures() == 0
`))
}
