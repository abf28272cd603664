package scenarios_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

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

// A Service of 100 workers, of which each request is tried twice, makes 600 calls a second of
// 300 requests at most, also while its queue and that of those it calls chase one another.
func TestQueuesThatChaseOneAnotherMakeNoRequests(t *testing.T) {
	const text = `apiVersion: orrery/v1
name: chase
duration: 10m
cluster: {nodes: [{name: n, count: 4, cpu: 16, memory: 64Gi}]}
workload:
  manifests:
    - {apiVersion: v1, kind: Service, metadata: {name: a}, spec: {selector: {app: a}, ports: [{port: 80}]}}
    - {apiVersion: v1, kind: Service, metadata: {name: b}, spec: {selector: {app: b}, ports: [{port: 80}]}}
    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 2, selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: a}}, spec: {containers: [{name: a, image: a}]}}}}
    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: b}, spec: {replicas: 4, selector: {matchLabels: {app: b}}, template: {metadata: {labels: {app: b}}, spec: {containers: [{name: b, image: b, resources: {limits: {cpu: 500m}}}]}}}}
  behavior:
    - {match: {app: a}, startup: 1s, workers: 50, queue: 5, calls: [{service: b, timeout: 1s, retries: 1}]}
    - {match: {app: b}, startup: 1s, cpu: 5m + 20m/rps, latency: 5ms}
  traffic: [{service: a, rps: 300}]
`
	s, err := scenarios.Read("chase.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	x, _ := run(t, s)
	made, rate, since := int64(0), int64(0), time.Minute
	for i := range x.Store.History().Len() {
		r := x.Store.History().At(i)
		if r.Note == nil || r.Note.Traffic == nil || r.Note.Path() != "service/b" {
			continue
		}
		if at := r.At.Sub(0); at > since {
			made, since = made+rate*(at-since).Milliseconds(), at
		}
		rate = r.Note.Traffic.OfferedMilliRPS
	}
	made += rate * (s.Config.Duration - since).Milliseconds()
	if most := int64(600_000 * 9 * 60_000); made > most+most/100 {
		t.Errorf("%d millionths of calls in 9 minutes, at most %d", made, most)
	}
}
