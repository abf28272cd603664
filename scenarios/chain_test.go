package scenarios_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Twelve services in a row, each of which tries five times again: while the last of them are
// not there yet, more calls come than are computed in an instant. The upper ones are computed
// all the same, and all is well once all are there.
func TestALongRowOfRetriesIsComputedToItsTop(t *testing.T) {
	var manifests, behavior strings.Builder
	for i := range 12 {
		name := fmt.Sprint("c", i)
		manifests.WriteString(service(name) + deploymentOf(name, 1, "{containers: [{name: c, image: x}]}"))
		calls := ""
		if i < 11 {
			calls = fmt.Sprintf(", calls: [{service: c%d, retries: 5, timeout: 10s}]", i+1)
		}
		fmt.Fprintf(&behavior, "    - {match: {app: c%d}, startup: 1s, latency: 1ms, workers: 50%s}\n", i, calls)
	}
	_, r := run(t, read(t, `apiVersion: orrery/v1
name: row
duration: 3m
cluster: {nodes: [{name: n, count: 4, cpu: 16, memory: 64Gi}]}
workload:
  manifests:
`+manifests.String()+`
  behavior:
`+behavior.String()+`
  traffic: [{service: c0, rps: 1000}]
expect: ["between 30s and 3m: availability(service/c0) >= 99.9%"]
`))
	checkHeld(t, "twelve in a row", r)
}

// A Service of 100 workers, of which each request is tried twice, makes 600 calls a second of
// 300 requests at most, also while its queue and that of those it calls chase one another.
func TestQueuesThatChaseOneAnotherMakeNoRequests(t *testing.T) {
	s := read(t, `apiVersion: orrery/v1
name: chase
duration: 10m
cluster: {nodes: [{name: n, count: 4, cpu: 16, memory: 64Gi}]}
workload:
  manifests:
`+service("a")+service("b")+deployment("a", 2, "")+deployment("b", 4, ", resources: {limits: {cpu: 500m}}")+`
  behavior:
    - {match: {app: a}, startup: 1s, workers: 50, queue: 5, calls: [{service: b, timeout: 1s, retries: 1}]}
    - {match: {app: b}, startup: 1s, cpu: 5m + 20m/rps, latency: 5ms}
  traffic: [{service: a, rps: 300}]
`)
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
