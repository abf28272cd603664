package scenarios_test

import (
	"fmt"
	"strings"
	"testing"

	"orrery/scenarios"
)

// Twelve services in a row, each of which tries five times again: while the last of them are
// not there yet, more calls come than are computed in an instant. The upper ones are computed
// all the same, and all is well once all are there.
func TestALongRowOfRetriesIsComputedToItsTop(t *testing.T) {
	var manifests, behavior strings.Builder
	for i := range 12 {
		fmt.Fprintf(&manifests, "    - {apiVersion: v1, kind: Service, metadata: {name: c%[1]d}, spec: {selector: {app: c%[1]d}, ports: [{port: 80}]}}\n"+
			"    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: c%[1]d}, spec: {selector: {matchLabels: {app: c%[1]d}}, template: {metadata: {labels: {app: c%[1]d}}, spec: {containers: [{name: c%[1]d, image: x}]}}}}\n", i)
		calls := ""
		if i < 11 {
			calls = fmt.Sprintf(", calls: [{service: c%d, retries: 5, timeout: 10s}]", i+1)
		}
		fmt.Fprintf(&behavior, "    - {match: {app: c%d}, startup: 1s, latency: 1ms, workers: 50%s}\n", i, calls)
	}
	s, err := scenarios.Read("row.yaml", []byte("apiVersion: orrery/v1\nname: row\nduration: 3m\ncluster: {nodes: [{name: n, count: 4, cpu: 16, memory: 64Gi}]}\n"+
		"workload:\n  manifests:\n"+manifests.String()+"  behavior:\n"+behavior.String()+"  traffic: [{service: c0, rps: 1000}]\n"+
		"expect: [\"between 30s and 3m: availability(service/c0) >= 99.9%\"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, r := run(t, s); !r.Held() {
		t.Errorf("%+v", r.Verdicts)
	}
}
