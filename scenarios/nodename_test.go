package scenarios_test

import (
	"fmt"
	"testing"

	"orrery/scenarios"
)

const onOneNode = `apiVersion: orrery/v1
name: on-one-node
duration: 5m
cluster: {nodes: [{name: a, cpu: 4, memory: 8Gi}, {name: b, cpu: 4, memory: 8Gi}]}
workload:
  manifests:
    - {apiVersion: %s, metadata: {name: d}, spec: {%s {metadata: {labels: {app: d}}, spec: {nodeName: %s, %s containers: [{name: c, image: "b:1", resources: {requests: {cpu: 3}}}]}}}}
%sexpect:
%s`

// Source: pkg/scheduler/eventhandlers.go assignedPod, pkg/kubelet/lifecycle/predicate.go: pods of a
// template that names a node are there without a scheduler; for the second there is no room, its kubelet
// rejects it, and the controller makes another as far as its own rules let it: a ReplicaSet at once
// (pkg/controller/replicaset/replica_set.go: to create them succeeds, so nothing backs off), a Job within
// its backoffLimit (pkg/controller/job/backoff_utils.go), a DaemonSet only where the name fits
// (pkg/controller/daemon/daemon_controller.go NodeShouldRunDaemonPod).
func TestPodsOfATemplateThatNamesANodeAreThereWithoutAScheduler(t *testing.T) {
	const some, rejected, never = "replicas: %d, selector: {matchLabels: {app: d}}, template:", "reached(pods_failed() >= 1000)", "restartPolicy: Never,"
	const lost = "timeline: [{at: 1m, fault: node-down, target: node/b}, {at: 1m, do: delete, target: node/b}]\n"
	two, one := fmt.Sprintf(some, 2), fmt.Sprintf(some, 1)
	for _, c := range []struct {
		kind, spec, more, timeline string
		expect                     []string
	}{
		{"apps/v1, kind: Deployment", one, "", "", []string{"at 1m: ready(node/b) == 1", "pods_created(deployment/d) == 1", "notes(Scheduled) == 0"}},
		{"apps/v1, kind: Deployment", two, "", "", []string{"at 1m: ready(node/b) == 1", rejected, "pods_unscheduled() == 0", "notes(Scheduled) == 0", "notes(OutOfcpu) >= 1000"}},
		{"apps/v1, kind: ReplicaSet", two, "", "", []string{rejected}},
		{"apps/v1, kind: StatefulSet", "serviceName: d, podManagementPolicy: Parallel, " + two, "", "", []string{"at 1m: ready(node/b) == 1", "pods_deleted() >= 100"}},
		{"apps/v1, kind: DaemonSet", "selector: {matchLabels: {app: d}}, template:", "", "", []string{"at 1m: ready(node/b) == 1", "pods_created() == 1"}},
		{"batch/v1, kind: Job", "parallelism: 2, completions: 2, backoffLimit: 2, template:", never, "", []string{"reached(pods_failed() >= 3)", "pods_created() <= 5", "jobs_failed() == 1"}},
		// Whoever is bound to a node that is gone is collected 40 s after the pass of the collector, every
		// 20 s, that missed it, and so is who comes after (pkg/controller/podgc/gc_controller.go gcOrphaned).
		{"apps/v1, kind: ReplicaSet", one, "", lost, []string{"at 1m39s: pods_created() == 1", "at 2m: pods_created() == 2", "pods_created() >= 6", "pods_created() <= 7"}},
	} {
		s := read(t, fmt.Sprintf(onOneNode, c.kind, c.spec, "b", c.more, c.timeline, promises(c.expect...)))
		if len(s.Notes) > 0 {
			t.Errorf("%s: notes %q", c.kind, s.Notes)
		}
		_, r := run(t, s)
		checkHeld(t, c.kind+" "+c.timeline, r)
	}
}

func TestATemplateThatNamesANodeThereIsNotIsAMistake(t *testing.T) {
	for _, c := range [][3]string{
		{"apps/v1, kind: DaemonSet", "selector: {matchLabels: {app: d}}, template:"},
		{"apps/v1, kind: ReplicaSet", "selector: {matchLabels: {app: d}}, template:"},
		{"batch/v1, kind: Job", "template:", "restartPolicy: Never,"},
	} {
		_, err := scenarios.Read("s.yaml", fmt.Appendf(nil, onOneNode, c[0], c[1], "bb", c[2], "", "  - pods_failed() == 0\n"))
		if want := `are to be on node "bb", and there is none; did you mean "b"?`; !complains(err, want) {
			t.Errorf("%s: %v, want %q", c[0], err, want)
		}
	}
}
