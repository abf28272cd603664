package scenarios_test

import (
	"strings"
	"testing"

	"orrery/model"
	"orrery/scenarios"
)

// patching is a scenario that patches a pod.
func patching(patch string) string {
	return `apiVersion: orrery/v1
name: patching
duration: 2m
cluster: {controlPlane: {managed: true}, nodes: [{name: n, cpu: 4, memory: 8Gi}]}
workload: {manifests: [{apiVersion: v1, kind: Pod, metadata: {name: one, labels: {app: web, old: x}}, spec: {containers: [{name: c, image: "c:1"}]}}]}
timeline: [{at: 1m, do: patch, target: pod/one, patch: ` + patch + `}]
`
}

func TestAPatchOfAPodChangesItsLabelsAndItsDeletionCost(t *testing.T) {
	x := ran(t, "patching.yaml", patching(`{metadata: {labels: {app: debug, old: null}, annotations: {controller.kubernetes.io/pod-deletion-cost: "-7"}}}`))
	p := x.Store.Lookup(model.KindPod, "default", "one").(*model.Pod)
	if _, has := p.Labels.Get("old"); has || p.Labels.Value("app") != "debug" || p.DeletionCost != -7 {
		t.Errorf("labels %v, cost %d", p.Labels, p.DeletionCost)
	}
	for patch, want := range map[string]string{
		`{metadata: {annotations: {controller.kubernetes.io/pod-deletion-cost: "cheap"}}}`: "a deletion cost is a whole number of 32 bits",
		`{metadata: {annotations: {other: "1"}}}`:                                          "unknown field",
		`{spec: {replicas: 3}}`: "unknown field",
		`{metadata: {}}`:        "it changes nothing",
	} {
		if _, err := scenarios.Read("patching.yaml", []byte(patching(patch))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", patch, err, want)
		}
	}
}
