package scenarios_test

import (
	"testing"

	"orrery/model"
	"orrery/model/store"
	"orrery/scenarios"
	"orrery/sim"
)

const emptied = `apiVersion: orrery/v1
name: emptied
duration: 5m
cluster:
  nodes:
    - {name: n, count: 2, cpu: 4, memory: 16Gi}
workload:
  manifests:
    - {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
    - {apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, ports: [{port: 80}]}}
    - {apiVersion: v1, kind: LimitRange, metadata: {name: sizes, namespace: shop}, spec: {limits: [{type: Pod, max: {cpu: 2}}]}}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, namespace: shop}
      spec:
        replicas: 3
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec:
            containers: [{name: web, image: "web:1", resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {cpu: 1}}}]
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web}
      spec:
        replicas: 1
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec:
            containers: [{name: web, image: "web:1"}]
  behavior:
    - {match: {app: web}, stop: 8s}
timeline:
  - {at: 1m, do: delete, target: namespace/shop}
  - at: 62s
    do: apply
    manifests: [{apiVersion: v1, kind: Service, metadata: {name: late, namespace: shop}, spec: {selector: {app: web}, ports: [{port: 80}]}}]
  - at: 2m
    do: apply
    manifests: [{apiVersion: v1, kind: Service, metadata: {name: later, namespace: shop}, spec: {selector: {app: web}, ports: [{port: 80}]}}]
expect:
  - at 64s: ready(namespace/shop) == 3
  - at 70s: ready(namespace/shop) == 0
  - notes(FailedCreate) == 0
  - notes(ActionFailed) == 2
  - at 5m: ready(deployment/web) == 1
`

// Source: pkg/controller/namespace: 5 s after the deletion the pods are deleted;
// while there are any, the next look is half the longest grace period and 1 s
// later, here 16 s; then the rest goes, and the namespace.
func TestANamespaceGoesAfterItsPodsAndEverythingElseInIt(t *testing.T) {
	s, err := scenarios.Load(folder(t, map[string]string{"s.yaml": emptied})+"/s.yaml", scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x, r := run(t, s)
	checkHeld(t, s.Config.Name, r)
	said := messages(x.Store.History(), "ActionFailed")
	for i, want := range []string{
		`apply: Error from server (Forbidden): services "late" is forbidden: unable to create new content in namespace shop because it is being terminated`,
		`apply: Error from server (NotFound): namespaces "shop" not found`,
	} {
		if i >= len(said) || said[i] != want {
			t.Errorf("kubectl says %q, not %q", said, want)
		}
	}
	left, gone := 0, sim.Time(0)
	for kind := model.KindNode; kind < model.Kinds; kind++ {
		x.Store.Snapshot().Each(kind, func(o model.Object) bool {
			if o.Head().Namespace == "shop" {
				left++
			}
			return true
		})
	}
	for i := range x.Store.History().Len() {
		if rec := x.Store.History().At(i); rec.Verb == store.Deleted && rec.Old.Head().Kind == model.KindNamespace {
			gone = rec.At
		}
	}
	if from, to := sim.Time(81e9), sim.Time(82e9); left > 0 || gone < from || gone > to {
		t.Errorf("%d objects left; gone at %v, not between %v and %v", left, gone, from, to)
	}
}
