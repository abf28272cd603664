package scenarios_test

import (
	"fmt"
	"strings"
	"testing"

	"orrery/model"
	"orrery/scenarios"
)

// finalized is two pods, one that nobody can place and one that runs, and a Deployment
// in a namespace of its own, with finalizers; a timeline and promises.
const finalized = `apiVersion: orrery/v1
name: finalized
duration: 20m
cluster: {nodes: [{name: n, count: 2, cpu: 4, memory: 16Gi}]}
workload:
  manifests:
    - {apiVersion: v1, kind: Pod, metadata: {name: big, finalizers: [example.com/a]}, spec: {containers: [{name: big, image: "big:1", resources: {requests: {cpu: 40}}}]}}
    - {apiVersion: v1, kind: Pod, metadata: {name: small, finalizers: [example.com/a, example.com/b]}, spec: {terminationGracePeriodSeconds: 20, containers: [{name: small, image: "small:1"}]}}
    - {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, namespace: shop}
      spec:
        replicas: 1
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}, finalizers: [example.com/a]}
          spec: {containers: [{name: web, image: "web:1"}]}
  behavior: [{startup: 1s, stop: 5s}]
timeline: [%s]
expect:
%s`

// Source: k8s.io/apiserver/pkg/registry/generic/registry/store.go: an object with
// finalizers that is deleted gets a deletionTimestamp and no grace, and goes with the
// last of them; pkg/controller/controller_utils.go GetPodFromTemplate: pods have those
// of their template; pkg/controller/namespace: a namespace waits for its content. What
// ran of a pod has ended as ever.
func TestAPodWithFinalizersStaysTerminatingUntilTheLastIsTakenOff(t *testing.T) {
	for _, c := range []struct {
		name, timeline string
		expect         []string
	}{
		{"one that was never placed", "{at: 5m, do: delete, target: pod/big}, {at: 10m, do: patch, target: pod/big, patch: {metadata: {finalizers: null}}}",
			[]string{"between 5m1s and 10m: always(pods_terminating() == 1)", "after 10m1s: always(pods_terminating() == 0)", "pods_deleted() == 1"}},
		{"one that runs ends first", "{at: 5m, do: delete, target: pod/small}, {at: 10m, do: patch, target: pod/small, patch: {metadata: {finalizers: null}}}",
			[]string{"between 5m10s and 10m: always(pods_terminating() == 1)", "after 10m1s: always(pods_terminating() == 0)"}},
		{"even by force", "{at: 5m, do: delete, target: pod/small, force: true}",
			[]string{"after 5m10s: always(pods_terminating() == 1)", "pods_deleted() == 0"}},
		{"over a restart of its kubelet", "{at: 5m, do: delete, target: pod/small}, {at: 7m, fault: kubelet-restart, count: all}, {at: 10m, do: patch, target: pod/small, patch: {metadata: {finalizers: null}}}",
			[]string{"between 5m10s and 10m: always(pods_terminating() == 1)", "after 10m1s: always(pods_terminating() == 0)", "pods_deleted() == 1"}},
		{"a Deployment does not wait for it", "{at: 5m, fault: pod-kill, target: shop/deployment/web}",
			[]string{"pods_created(shop/deployment/web) == 2", "after 5m20s: always(pods_terminating() == 1)", "after 5m20s: always(ready(shop/deployment/web) == 1)"}},
		{"a namespace does", "{at: 5m, do: delete, target: namespace/shop}",
			[]string{"after 6m: always(pods_terminating(namespace/shop) == 1)", "after 6m: always(pods(namespace/shop) == 0)"}},
	} {
		s := read(t, fmt.Sprintf(finalized, c.timeline, promises(c.expect...)))
		for i, x := range holdsLiterally(t, c.name, s) {
			if p, ok := x.Store.Lookup(model.KindPod, "default", "small").(*model.Pod); ok && p.Deleting() && p.GraceSeconds != 0 {
				t.Errorf("%s: seed %d: at the end it has a grace of %d s", c.name, i+1, p.GraceSeconds)
			}
		}
	}
}

// What is wrong about finalizers is said where it is.
func TestMistakesAboutFinalizersAreSaidWhereTheyAre(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"[example.com/a, example.com/b]", "[a]", "write a domain in front, such as example.com/a"},
		{"timeline: []", "timeline: [{at: 1m, do: patch, target: pod/small, patch: {metadata: {finalizers: [a]}}}]", "write a domain in front, such as example.com/a"},
		{"timeline: []", "timeline: [{at: 1m, do: patch, target: pod/small, patch: {metadata: {finalizers: []}}}]", "it changes nothing"},
	} {
		text := strings.Replace(fmt.Sprintf(finalized, "", "  - restarts() == 0\n"), c.from, c.to, 1)
		if _, err := scenarios.Read("f.yaml", []byte(text)); !complains(err, c.want) {
			t.Errorf("%s: %v", c.to, err)
		}
	}
}
