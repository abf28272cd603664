package scenarios_test

import (
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
		if _, err := scenarios.Read("patching.yaml", []byte(patching(patch))); !complains(err, want) {
			t.Errorf("%s: %v, want %q", patch, err, want)
		}
	}
}

// Source: v1.35 pkg/registry/core/pod/strategy.go podResizeStrategy, which asks not whether
// the pod is on a node, and pkg/apis/core/validation/validation.go ValidatePodResize.
func TestResourcesOfAPodThatWaitsAndOfASidecarAreChanged(t *testing.T) {
	patch := func(side, main string) string {
		return `apiVersion: orrery/v1
name: waiting
duration: 5m
cluster: {controlPlane: {managed: true}, nodes: [{name: n, cpu: 4, memory: 8Gi}]}
workload:
  manifests:
    - apiVersion: v1
      kind: Pod
      metadata: {name: one}
      spec:
        initContainers: [{name: side, image: "s:1", restartPolicy: Always, resources: {requests: {cpu: 1}}}, {name: init, image: "i:1"}]
        containers: [{name: main, image: "m:1", resources: {requests: {cpu: 9}}}]
timeline:
  - {at: 1m, do: patch, target: pod/one, patch: {spec: {containers: [` + main + `]}}}
  - {at: 2m, do: patch, target: pod/one, patch: {spec: {initContainers: [` + side + `]}}}
`
	}
	x := ran(t, "waiting.yaml", patch("{name: side, resources: {requests: {cpu: 1500m}}}", "{name: main, resources: {requests: {cpu: 2}}}"))
	p := x.Store.Lookup(model.KindPod, "default", "one").(*model.Pod)
	if p.Spec.Request.CPUMilli != 3500 || p.Resize != nil || !p.IsReady() || p.Restarts() != 0 {
		t.Errorf("it asks for %dm, %+v, ready %v", p.Spec.Request.CPUMilli, p.Resize, p.IsReady())
	}
	x = ran(t, "waiting.yaml", patch("{name: init, resources: {requests: {cpu: 1500m}}}", "{name: main, resources: {requests: {cpu: 2}}}"))
	if p = x.Store.Lookup(model.KindPod, "default", "one").(*model.Pod); p.Spec.Request.CPUMilli != 3000 {
		t.Errorf("an init container was resized: %dm", p.Spec.Request.CPUMilli)
	}
	for _, wrong := range []string{"{name: side, image: \"s:2\"}", "{name: side}"} {
		text := patch(wrong, "{name: main, resources: {requests: {cpu: 2}}}")
		if _, err := scenarios.Read("waiting.yaml", []byte(text)); !complains(err, "changes the resources, and nothing else") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}
