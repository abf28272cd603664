package scenarios_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Source: pkg/registry/batch/job/strategy.go generateSelector: a Job's pods have its name as a label, whatever
// its template says, and scenarios may select them by that.
func TestABehaviorAndAFaultSelectTheLabelsThatAJobGivesItsPods(t *testing.T) {
	x := ran(t, "job.yaml", `apiVersion: orrery/v1
name: job
duration: 5m
cluster: {nodes: [{name: n, count: 1, cpu: 4, memory: 8Gi}]}
workload:
  manifests:
    - {apiVersion: batch/v1, kind: Job, metadata: {name: sums}, spec: {backoffLimit: 0, template: {spec: {restartPolicy: Never, containers: [{name: main, image: "m:1"}]}}}}
  behavior: [{match: {job-name: sums}, run: 4m}]
timeline: [{at: 2m, fault: container-crash, match: {batch.kubernetes.io/job-name: sums}, exitCode: 3}]
`)
	failed := when(x, func(r *store.Record) bool {
		p, ok := r.New.(*model.Pod)
		return ok && p.Phase == model.PodFailed
	})
	if len(failed) == 0 || failed[0] < sim.Time(2*time.Minute) || failed[0] > sim.Time(2*time.Minute+2*time.Second) {
		t.Errorf("failed at %v, want at the fault", failed)
	}
}
