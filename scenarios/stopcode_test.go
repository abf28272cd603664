package scenarios_test

import (
	"fmt"
	"testing"

	"orrery/scenarios"
)

const evictedJob = `apiVersion: orrery/v1
name: evicted-job
duration: 30m
cluster: {nodes: [{name: n, cpu: 4, memory: 8Gi, disk: 100Gi}]}
workload:
  manifests:
    - apiVersion: batch/v1
      kind: Job
      metadata: {name: work}
      spec:
        backoffLimit: 2
        template:
          metadata: {labels: {app: work}}
          spec:
            restartPolicy: Never
            volumes: [{name: v, emptyDir: {sizeLimit: 100Mi}}]
            containers: [{name: c, image: "x:1", volumeMounts: [{name: v, mountPath: /v}]}]
  behavior: [{match: {app: work}, run: 20m, volumes: {v: 1Gi}%s}]
expect:
%s`

// Source: pkg/kubelet/kubelet.go SyncTerminatingPod: what a Job makes of a pod that its
// kubelet evicts is up to the exit code (kubernetes/kubernetes#118310): of a process that
// SIGTERM ends, 143, it is a failure, and a process that exits with 0 has done its work.
func TestAJobWhosePodIsEvictedFailsUnlessTheProcessExitsWithZero(t *testing.T) {
	for _, c := range []struct {
		code   string
		expect []string
	}{
		{"", []string{"jobs_failed() == 1", "node_pressure_evictions() == 3"}},
		{", stopExitCode: 0", []string{"jobs_completed() == 1", "pods_created(job/work) == 1", "node_pressure_evictions() == 0"}},
	} {
		_, r := run(t, read(t, fmt.Sprintf(evictedJob, c.code, promises(c.expect...))))
		checkHeld(t, fmt.Sprintf("%q", c.code), r)
	}
	_, err := scenarios.Read("evicted-job.yaml", fmt.Appendf(nil, evictedJob, ", stopExitCode: 256", "  - jobs_failed() == 0\n"))
	if !complains(err, "stopExitCode") {
		t.Errorf("256 is no exit code: %v", err)
	}
}
