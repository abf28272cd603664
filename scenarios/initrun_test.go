package scenarios_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const leakingInit = `apiVersion: orrery/v1
name: leaking-init
duration: 10m
cluster: {nodes: [{name: n, cpu: 4, memory: 8Gi}]}
workload:
  manifests:
    - apiVersion: v1
      kind: Pod
      metadata: {name: p, labels: {app: p}}
      spec:
        initContainers: [{name: i, image: "b:1", resources: {limits: {memory: 100Mi}}%s}]
        containers: [{name: c, image: "b:1"}]
  behavior: [{match: {app: p}, container: i, startup: 0s, memory: 50Mi + 1Mi/s%s}]
expect:
%s`

// An init container of which nobody says how long it runs ends soon, or no manifest with one would
// ever be up. Who says that its memory grows, and not how long it runs, is told; a sidecar runs on.
// Source: pkg/kubelet/kuberuntime/kuberuntime_container.go computeInitContainerActions: the next
// container starts when it has exited with 0.
func TestAnInitContainerEndsByItselfUnlessItsBehaviorSaysWhen(t *testing.T) {
	for _, c := range []struct {
		container, behavior string
		expect              []string
		noted               bool
	}{
		{"", "", []string{"oom_kills() == 0", "at 30s: ready(pod/p) == 1"}, true},
		{"", ", run: 30s", []string{"oom_kills() == 0", "at 30s: ready(pod/p) == 0", "at 1m: ready(pod/p) == 1"}, false},
		{"", ", run: 1h", []string{"reached(oom_kills() >= 3)", "ready(pod/p) == 0"}, false},
		{", restartPolicy: Always", "", []string{"reached(oom_kills() >= 3)"}, false},
	} {
		s := read(t, fmt.Sprintf(leakingInit, c.container, c.behavior, promises(c.expect...)))
		noted := slices.ContainsFunc(s.Notes, func(n string) bool {
			return strings.Contains(n, "workload.behavior[0]: init container i exits after 1s to 3s, whatever grows in it")
		})
		if noted != c.noted {
			t.Errorf("%q: notes %q", c.container+c.behavior, s.Notes)
		}
		_, r := run(t, s)
		checkHeld(t, fmt.Sprintf("%q", c.container+c.behavior), r)
	}
}
