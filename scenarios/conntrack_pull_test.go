package scenarios_test

import (
	"fmt"
	"strings"
	"testing"

	"orrery/scenarios"
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

// Who is dropped by a full table calls others less, so that their tables are not full any more,
// and then they are again: at constant traffic that must not go on without end.
func TestConntrackTablesThatFillOneAnotherDoNotChaseEachOther(t *testing.T) {
	manifests := ""
	for _, name := range []string{"front", "shop", "db"} {
		manifests += strings.ReplaceAll(`    - {apiVersion: v1, kind: Service, metadata: {name: APP}, spec: {selector: {app: APP}, ports: [{port: 80}]}}
    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: APP}, spec: {replicas: 4, selector: {matchLabels: {app: APP}}, template: {metadata: {labels: {app: APP}}, spec: {containers: [{name: c, image: "web:1", resources: {requests: {cpu: 100m}}}]}}}}
`, "APP", name)
	}
	s, err := scenarios.Read("chase.yaml", []byte(`apiVersion: orrery/v1
name: chase
duration: 10m
cluster:
  nodes: [{name: n, count: 4, cpu: 4, memory: 16Gi}]
  kubeProxy: {conntrack: {maxPerCore: 1000, min: 5000}}
workload:
  manifests:
`+manifests+`  behavior:
    - {match: {app: front}, calls: [{service: shop, timeout: 1s, retries: 1}]}
    - {match: {app: shop}, calls: [{service: db, timeout: 500ms}]}
  traffic:
    - {service: shop, from: deployment/front, rps: 60}
    - {service: front, rps: 50, timeout: 3s, retries: 1}
expect: ["reached(conntrack_error_rate(service/shop) >= 10%)"]
`))
	if err != nil {
		t.Fatal(err)
	}
	c, r := run(t, s)
	if n := c.Kernel.Events(); !r.Held() || n > 2500 {
		t.Errorf("%d events", n)
	}
}
