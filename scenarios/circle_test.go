package scenarios_test

import (
	"fmt"
	"testing"

	"orrery/scenarios"
)

// circle is three services: a calls b and c, and both call a.
const circle = `apiVersion: orrery/v1
name: circle
duration: 1m
cluster: {nodes: [{name: n, count: 3, cpu: 4, memory: 8Gi}]}
workload:
  manifests:
%s  behavior:
    - {match: {app: a}, calls: [{service: b, per_request: %s}, {service: c, per_request: %s}]%s}
    - {match: {app: b}, calls: [{service: a, per_request: %s}]%s}
    - {match: {app: c}, calls: [{service: a}]}
  traffic: [{service: a, rps: 10}]
expect: [restarts() == 0]
`

// What services that call each other in a circle send comes to a sum or to no end; the sum
// of a's calls that come back is what counts, not a single circle's.
func TestServicesThatCallEachOtherInACircleWithoutEndAreRefused(t *testing.T) {
	manifests := ""
	for _, app := range []string{"a", "b", "c"} {
		manifests += fmt.Sprintf("    - {apiVersion: v1, kind: Service, metadata: {name: %[1]s}, spec: {selector: {app: %[1]s}, ports: [{port: 80}]}}\n"+
			"    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: %[1]s}, spec: {selector: {matchLabels: {app: %[1]s}}, template: {metadata: {labels: {app: %[1]s}}, spec: {containers: [{name: main, image: x}]}}}}\n", app)
	}
	for _, c := range []struct {
		b, c, a  string // calls for each request
		atA, atB string
		never    bool
	}{
		{"2", "0.1", "2", "", "", true},
		{"0.6", "0.6", "1", "", "", true}, // neither circle alone
		{"0.5", "0.5", "1", "", "", true},
		{"0.5", "0.49", "1", "", "", false},
		{"0.9", "0.001", "0.9", "", "", false},
		{"2", "0.1", "2", ", workers: 10", "", false},
		{"2", "0.1", "2", "", ", cpu: 1m/rps", false},
		{"2", "0.1", "0.001", "", "", false},
	} {
		_, err := scenarios.Read("circle.yaml", []byte(fmt.Sprintf(circle, manifests, c.b, c.c, c.atA, c.a, c.atB)))
		want := ""
		if c.never {
			want = "circle.yaml:14:32: workload.behavior[0].calls: services call each other in a circle"
		}
		if !complains(err, want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A circle may go through other namespaces, and names that are the same are none.
func TestACircleOfCallsMayGoThroughOtherNamespaces(t *testing.T) {
	const text = `apiVersion: orrery/v1
name: circle
duration: 1m
cluster: {nodes: [{name: n, cpu: 4, memory: 8Gi}]}
workload:
  manifests:
    - {apiVersion: v1, kind: Service, metadata: {name: web, namespace: one}, spec: {selector: {app: web}, ports: [{port: 80}]}}
    - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: one, labels: {app: web}}, spec: {containers: [{name: main, image: x}]}}
    - {apiVersion: v1, kind: Service, metadata: {name: web, namespace: two}, spec: {selector: {app: web}, ports: [{port: 80}]}}
    - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: two, labels: {app: web}}, spec: {containers: [{name: main, image: x}]}}
  behavior:
    - {namespace: one, calls: [{service: web, namespace: two}]}
    - {namespace: two, cpu: 1m%s}
`
	for calls, never := range map[string]bool{", calls: [{service: web, namespace: one}]": true, "": false} {
		_, err := scenarios.Read("circle.yaml", []byte(fmt.Sprintf(text, calls)))
		want := ""
		if never {
			want = "services call each other in a circle"
		}
		if !complains(err, want) {
			t.Errorf("%q: %v", calls, err)
		}
	}
}
