package scenarios_test

import (
	"fmt"
	"testing"

	"orrery/scenarios"
)

// Source: KEP 753: a sidecar stands beside the app containers, and what passes through it costs
// there what it does. By hand: 50m are enough for 10 of 20 requests of 5m; a worker that takes 100
// ms and has no queue does 10 a second, and Erlang's formula lets 10/(10+20) of 20 in; 10 MiB and
// 20 times 5 are more than 50 MiB.
func TestRequestsPassThroughASidecarAsThroughAnAppContainer(t *testing.T) {
	for _, c := range []struct{ name, more, behavior, expect string }{
		{"CPU", "resources: {limits: {cpu: 50m}}", "cpu: 5m/rps", `"between 5m and 20m: availability(service/p) >= 49%", "between 5m and 20m: availability(service/p) <= 51%"`},
		{"workers", "resources: {limits: {cpu: 1}}", "workers: 1, latency: 100ms", `"between 5m and 20m: availability(service/p) >= 32%", "between 5m and 20m: availability(service/p) <= 35%"`},
		{"memory", "resources: {limits: {memory: 50Mi}}", "memory: 10Mi + 5Mi/rps", `"restarts(pod/p) >= 5", "availability(service/p) <= 5%"`},
		{"calls", "resources: {limits: {cpu: 1}}", "calls: [{service: db, per_request: 2}]", `"between 5m and 10m: always(offered_rate(service/db) == 40rps)"`},
		{"probes", "resources: {limits: {cpu: 10m}}, livenessProbe: {httpGet: {port: 80}}", "cpu: 5m/rps", `"restarts(pod/p) >= 3"`},
	} {
		second := `{name: s, image: "x:1", ` + c.more
		for _, spec := range []string{
			`containers: [{name: c, image: "x:1"}, ` + second + `}]`,
			`initContainers: [` + second + `, restartPolicy: Always}], containers: [{name: c, image: "x:1"}]`,
		} {
			text := fmt.Sprintf(`apiVersion: orrery/v1
name: sidecar
duration: 20m
cluster: {nodes: [{name: a, cpu: 8, memory: 8Gi}]}
workload:
  manifests:
    - {apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: p}}, spec: {%s}}
%s%s%s  behavior:
    - {match: {app: p}, container: c, startup: 0s, cpu: 1m/rps}
    - {match: {app: p}, container: s, startup: 0s, %s}
  traffic: [{service: p, rps: 20}]
expect:
  [%s]
`, spec, service("p"), deployment("db", 1, ""), service("db"), c.behavior, c.expect)
			holdsLiterally(t, c.name, read(t, text))
		}
	}
}

// What a limit leaves for requests is the same after a restart: 50m are enough for half of them.
func TestACPULimitLimitsAContainerThatIsStartedAgain(t *testing.T) {
	holdsLiterally(t, "restart", read(t, `apiVersion: orrery/v1
name: restart
duration: 20m
cluster: {nodes: [{name: a, cpu: 8, memory: 8Gi}]}
workload:
  manifests:
`+deployment("p", 1, ", resources: {limits: {cpu: 50m}}")+service("p")+`  behavior: [{match: {app: p}, startup: 1s, cpu: 5m/rps}]
  traffic: [{service: p, rps: 20}]
timeline: [{at: 5m, fault: container-crash, target: deployment/p, count: 1}]
expect:
`+promises("restarts() == 1", "between 1m and 5m: availability(service/p) <= 51%", "after 6m: availability(service/p) <= 51%", "after 6m: availability(service/p) >= 49%")))
}

// What orrery list says of container: unless it is said, processes of app containers crash or are
// stressed, and those of sidecars only if they are named. Source: Chaos Mesh's containerNames and Litmus'
// TARGET_CONTAINER, which without a name take one of spec.containers.
func TestSidecarsCrashAndAreStressedOnlyByName(t *testing.T) {
	scenario := func(fault, promise string) string {
		return `apiVersion: orrery/v1
name: by-name
duration: 10m
cluster: {nodes: [{name: a, cpu: 8, memory: 8Gi}]}
workload:
  manifests:
    - apiVersion: v1
      kind: Pod
      metadata: {name: p, labels: {app: p}}
      spec:
        initContainers: [{name: s, image: "x:1", restartPolicy: Always, resources: {limits: {memory: 50Mi, ephemeral-storage: 1Gi}}}]
        containers: [{name: c, image: "x:1"}, {name: d, image: "x:1"}]
timeline: [{at: 5m, target: pod/p, ` + fault + `}]
expect:
` + promises(promise)
	}
	for fault, promise := range map[string]string{ //tidy:commutative each by itself
		"fault: container-crash":                                        "restarts(pod/p) == 2",
		"fault: container-crash, container: s":                          "restarts(pod/p) == 1",
		"fault: container-crash, container: [c, s]":                     "restarts(pod/p) == 2",
		"fault: container-stress, memory: 100Mi, for: 1m":               "restarts(pod/p) == 0",
		"fault: container-stress, memory: 100Mi, for: 1m, container: s": "restarts(pod/p) >= 1",
	} {
		holdsLiterally(t, fault, read(t, scenario(fault, promise)))
	}
	const fill = "fault: container-stress, fill: 50%, for: 1m"
	if _, err := scenarios.Read("by-name.yaml", []byte(scenario(fill, "restarts() == 0"))); !complains(err, "no container that is selected has a limit of ephemeral-storage") {
		t.Errorf("no app container has a limit: %v", err)
	}
	holdsLiterally(t, fill, read(t, scenario(fill+", container: s", "restarts() == 0")))
}
