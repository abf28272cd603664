package scenarios_test

import (
	"testing"

	"orrery/scenarios"
)

// probing is a shop of four pods on two machines with these probes, and a database; more is
// the rest of the shop's behavior.
func probing(probes, more, timeline string, expect ...string) string {
	return `apiVersion: orrery/v1
name: probing
duration: 30m
cluster: {nodes: [{name: n, count: 2, cpu: 8, memory: 32Gi}]}
workload:
  manifests:
` + deployment("shop", 4, ", "+probes) + deployment("db", 1, "") + service("shop") + service("db") + `
  behavior: [{match: {app: shop}, startup: 2s, latency: 10ms` + more + `}]
  traffic: [{service: shop, rps: 100}]
timeline: [` + timeline + `]
expect:
  - "after 1m: reached(ready(deployment/shop) == 4)"
` + promises(expect...)
}

const (
	readinessProbe = "readinessProbe: {httpGet: {path: /, port: 80}}"
	livenessProbe  = "livenessProbe: {httpGet: {path: /, port: 80}}"
)

// Each fault of pods has the signature that people know it by, and is over when it ends.
func TestFaultsOfPodsHaveTheirSignatureAndHeal(t *testing.T) {
	for _, c := range []struct {
		name, probes, behavior, timeline string
		expect                           []string
	}{
		{"readiness that fails takes pods out of the Service and restarts nothing", readinessProbe + ", " + livenessProbe, "",
			"{at: 10m, for: 5m, fault: probe-failure, target: deployment/shop, probe: readiness}",
			[]string{
				"between 1m and 10m20s: always(ready(deployment/shop) == 4)", "between 10m32s and 15m: always(ready(deployment/shop) == 0)",
				"between 10m40s and 15m: availability(service/shop) == 0%", "after 15m15s: availability(service/shop) == 100%", "restarts() == 0",
			}},
		{"liveness that fails restarts what is well, later and later", readinessProbe + ", " + livenessProbe, "",
			"{at: 10m, for: 5m, fault: probe-failure, target: deployment/shop, probe: liveness, count: 1}",
			[]string{
				"before 10m20s: restarts() == 0", "before 10m33s: reached(restarts() == 1)", "before 15m: restarts() >= 4", "after 1m: always(ready(deployment/shop) >= 3)",
				"after 18m: always(ready(deployment/shop) == 4)", "restarts() <= 8",
			}},
		{"three probes in a row that a fifth of all fails are rare", readinessProbe, "",
			"{at: 10m, for: 15m, fault: probe-failure, target: deployment/shop, errors: 20%}",
			[]string{"between 10m and 25m: always(ready(deployment/shop) >= 2)", "after 26m: always(ready(deployment/shop) == 4)", "restarts() == 0"}},
		{"pods that hang let requests time out until readiness finds out, and stay", readinessProbe, "",
			"{at: 10m, for: 5m, fault: pod-failure, target: deployment/shop, count: 2}",
			[]string{
				"between 10m and 10m20s: error_rate(service/shop) >= 49%", "between 10m35s and 15m: availability(service/shop) == 100%",
				"between 10m35s and 15m: always(ready(deployment/shop) == 2)", "after 15m15s: always(ready(deployment/shop) == 4)", "pods_created(deployment/shop) == 4", "restarts() == 0",
			}},
		{"pods that hang are killed by liveness, with all of their grace", livenessProbe, "",
			"{at: 10m, for: 3m, fault: pod-failure, target: deployment/shop, count: 1}",
			[]string{
				"between 10m and 10m50s: error_rate(service/shop) >= 24%", "before 10m50s: restarts() == 0", "before 11m5s: reached(restarts() == 1)",
				"after 16m: always(ready(deployment/shop) == 4)", "after 16m: availability(service/shop) == 100%",
			}},
		{"requests to slow pods take longer", readinessProbe, "",
			"{at: 10m, for: 5m, fault: pod-slow, target: deployment/shop, latency: 300ms}",
			[]string{
				"between 1m and 9m59s: always(latency_p50(service/shop) <= 20ms)", "between 10m1s and 14m59s: always(latency_p50(service/shop) >= 300ms)",
				"after 15m1s: always(latency_p50(service/shop) <= 20ms)", "after 1m: availability(service/shop) == 100%",
			}},
		{"containers that are killed again and again loop, and stop when that ends", readinessProbe, "",
			"{at: 10m, for: 5m, fault: container-crash, target: deployment/shop, count: 1, exitCode: 137}",
			[]string{"reached(crash_loops(deployment/shop) >= 3)", "after 22m: always(ready(deployment/shop) == 4)", "before 10m: restarts() == 0"}},
		{"a pod whose volumes stay mounted is Terminating for as long, and replaced meanwhile", readinessProbe, "",
			"{at: 10m, for: 5m, fault: stuck-terminating, target: deployment/shop}, {at: 11m, fault: pod-kill, target: deployment/shop, count: 1}",
			[]string{
				"before 10m59s: always(pods_terminating() == 0)", "between 11m40s and 14m59s: always(pods_terminating() == 1)", "after 15m5s: always(pods_terminating() == 0)",
				"after 12m: always(ready(deployment/shop) == 4)", "pods_created(deployment/shop) == 5",
			}},
		{"readiness that needs a database is lost with it", readinessProbe, ", probes: {readiness: {needs: db}}",
			"{at: 10m, for: 5m, fault: pod-failure, target: deployment/db}",
			[]string{
				"between 2m and 10m: always(ready(deployment/shop) == 4)", "between 10m40s and 15m: always(ready(deployment/shop) == 0)",
				"after 15m20s: always(ready(deployment/shop) == 4)", "restarts() == 0",
			}},
		{"readiness that only needs itself is not", readinessProbe, "",
			"{at: 10m, for: 5m, fault: pod-failure, target: deployment/db}",
			[]string{"after 2m: always(ready(deployment/shop) == 4)", "after 2m: availability(service/shop) == 100%"}},
		{"a pod under too much load sheds it when readiness asks for a page", readinessProbe, ", workers: 10, queue: 100, probes: {readiness: request}",
			"{at: 10m, for: 5m, fault: pod-slow, target: deployment/shop, count: 1, latency: 2s}",
			[]string{
				"between 2m and 10m: always(ready(deployment/shop) == 4)", "between 10m35s and 15m: reached(ready(deployment/shop) == 3)",
				"between 10m and 10m20s: error_rate(service/shop) >= 14%", "between 10m20s and 15m: availability(service/shop) >= 99%", "after 15m20s: always(ready(deployment/shop) == 4)",
			}},
	} {
		holdsLiterally(t, c.name, read(t, probing(c.probes, c.behavior, c.timeline, c.expect...)))
	}
}

// What is wrong about probes is said where it is.
func TestMistakesAboutProbesAreSaidWhereTheyAre(t *testing.T) {
	for _, c := range []struct{ probes, behavior, timeline, want string }{
		{readinessProbe, ", queue: 5", "", "without workers nobody waits for one"},
		{readinessProbe, ", probes: {readyness: own}", "", `unknown field "readyness"`},
		{readinessProbe, ", probes: {readiness: page}", "", `unknown path "page"`},
		{readinessProbe, ", probes: {readiness: {needs: bd}}", "", `there is no "service/bd"`},
		{readinessProbe, ", probes: {readiness: {path: own}}", "", "needs"},
		{readinessProbe, ", probes: {liveness: own}", "", "no container that it is about has a livenessProbe"},
		{readinessProbe, "", "{at: 1m, fault: probe-failure, target: deployment/shop, probe: ready}", `unknown probe "ready"`},
		{readinessProbe, "", "{at: 1m, fault: probe-failure, target: deployment/shop, errors: 120%}", "120%"},
		{readinessProbe, "", "{at: 1m, fault: probe-failure, target: deployment/shop, probe: liveness}", "timeline[0].probe: no container that is selected has such a probe"},
		{readinessProbe, "", "{at: 1m, fault: probe-slow, target: deployment/db, latency: 2s}", "timeline[0].fault: no container that is selected has a probe"},
		{"readinessProbe: {httpGet: {path: /, port: 80}, terminationGracePeriodSeconds: 5}", "", "", "must not be set in a readinessProbe"},
		{"livenessProbe: {httpGet: {path: /, port: 80}, terminationGracePeriodSeconds: 0}", "", "", "0 is less than 1"},
		{"livenessProbe: {httpGet: {path: /, port: 80}, timeoutSeconds: -1}", "", "", "-1 is negative"},
	} {
		_, err := scenarios.Read("s.yaml", []byte(probing(c.probes, c.behavior, c.timeline, "restarts() == 0")))
		if !complains(err, c.want) {
			t.Errorf("%s %s %s\nwant %q, got\n%v", c.probes, c.behavior, c.timeline, c.want, err)
		}
	}
}

// A hook fails only where there is one that runs something: how often is no answer to what.
func TestHowOftenAHookFailsThatNobodyHasIsAMistake(t *testing.T) {
	const sleep, runs = "lifecycle: {preStop: {sleep: {seconds: 2}}}", `lifecycle: {preStop: {exec: {command: ["stop-it"]}}}`
	for _, c := range []struct{ hook, behavior, want string }{
		{readinessProbe, ", preStopFails: 5%", "preStopFails: no container that it is about has a preStop hook that runs anything: give it one, or write preStop: 1s"},
		{sleep, ", preStopFails: 5%", "no container that it is about has a preStop hook that runs anything"},
		{runs, ", postStartFails: 5%", "no container that it is about has a postStart hook that runs anything"},
		{runs, ", preStopFails: 5%", ""},
		{readinessProbe, ", preStop: 2s, preStopFails: 5%", ""},
	} {
		_, err := scenarios.Read("s.yaml", []byte(probing(c.hook, c.behavior, "", "restarts() == 0")))
		if (err != nil) != (c.want != "") || c.want != "" && !complains(err, c.want) {
			t.Errorf("%s %s\nwant %q, got\n%v", c.hook, c.behavior, c.want, err)
		}
	}
}

// needing is two pods of a worker to which nobody sends anything. A probe of a kind asks a
// database of so many pods, and a second container beside the worker starts up as long as said.
// Sources of the rules: pkg/kubelet/prober/prober.go (a probe is what its handler answers),
// pkg/kubelet/prober/worker.go.
func needing(kind string, databases int, beside, timeline string, expect ...string) string {
	return `apiVersion: orrery/v1
name: needing
duration: 20m
cluster: {nodes: [{name: n, count: 2, cpu: 8, memory: 32Gi}]}
workload:
  manifests:
` + deploymentOf("worker", 2, `{containers: [{name: worker, image: "worker:1", `+kind+`Probe: {httpGet: {path: /, port: 80}}}, {name: beside, image: "beside:1"}]}`) +
		deployment("db", databases, "") + service("db") + `
  behavior:
    - {match: {app: worker}, container: worker, startup: 1s, probes: {` + kind + `: {path: own, needs: db}}}
    - {match: {app: worker}, container: beside, startup: ` + beside + `}
timeline: [` + timeline + `]
expect:
` + promises(expect...)
}

// A probe asks the Service that it needs although nobody sends requests to its pod: also if
// that has no pods, while it comes and goes, and while another container of the pod has
// not started up.
func TestAProbeAsksTheServiceItNeedsWithoutAnyTraffic(t *testing.T) {
	for _, c := range []struct {
		name, probe      string
		databases        int
		beside, timeline string
		expect           []string
	}{
		{"a Service without pods", "readiness", 0, "1s", "", []string{"always(ready(deployment/worker) == 0)", "restarts() == 0"}},
		{"a Service with pods", "readiness", 1, "1s", "", []string{"after 1m: always(ready(deployment/worker) == 2)", "restarts() == 0"}},
		{
			"pods that come and go", "readiness", 1, "1s",
			"{at: 5m, do: scale, target: deployment/db, replicas: 0}, {at: 10m, do: scale, target: deployment/db, replicas: 1}",
			[]string{
				"between 1m and 5m: always(ready(deployment/worker) == 2)", "between 5m35s and 10m: always(ready(deployment/worker) == 0)",
				"after 10m45s: always(ready(deployment/worker) == 2)", "restarts() == 0",
			},
		},
		{
			"pods that are replaced meanwhile", "readiness", 1, "1s",
			"{at: 5m, do: scale, target: deployment/db, replicas: 0}, {at: 6m, fault: pod-kill, target: deployment/worker, count: 1}, {at: 7m, do: scale, target: deployment/worker, replicas: 3}",
			[]string{"between 1m and 5m: always(ready(deployment/worker) == 2)", "after 5m35s: always(ready(deployment/worker) == 0)"},
		},
		{
			"a database that hangs", "readiness", 1, "1s", "{at: 5m, for: 5m, fault: pod-failure, target: deployment/db}",
			[]string{"between 5m35s and 10m: always(ready(deployment/worker) == 0)", "after 10m15s: always(ready(deployment/worker) == 2)"},
		},
		{
			"liveness", "liveness", 1, "1s", "{at: 5m, do: scale, target: deployment/db, replicas: 0}",
			[]string{"before 5m20s: restarts() == 0", "before 6m10s: reached(restarts() == 2)"},
		},
		{
			"liveness, while another container has not started up", "liveness", 0, "15m", "",
			[]string{"before 30s: restarts() == 0", "before 1m20s: reached(restarts() == 2)"},
		},
	} {
		holdsLiterally(t, c.name, read(t, needing(c.probe, c.databases, c.beside, c.timeline, c.expect...)))
	}
}

// A probe that does all that a request does takes as long as one, although nobody sends any
// to its pod, and as soon as that changes.
func TestAProbeTakesAsLongAsARequestWithoutAnyTraffic(t *testing.T) {
	for _, c := range []struct {
		latency, timeline string
		expect            []string
	}{
		{"2s", "", []string{"always(ready(deployment/db) == 0)"}},
		{"100ms", "{at: 5m, for: 5m, fault: pod-slow, target: deployment/db, latency: 2s}", []string{
			"between 1m and 5m: always(ready(deployment/db) == 1)", "between 5m35s and 10m: always(ready(deployment/db) == 0)", "after 10m15s: always(ready(deployment/db) == 1)",
		}},
	} {
		holdsLiterally(t, c.latency, read(t, `apiVersion: orrery/v1
name: slow
duration: 15m
cluster: {nodes: [{name: n, cpu: 8, memory: 32Gi}]}
workload:
  manifests:
`+deployment("db", 1, ", "+readinessProbe)+`
  behavior: [{match: {app: db}, latency: `+c.latency+`, probes: {readiness: request}}]
timeline: [`+c.timeline+`]
expect:
`+promises(c.expect...)))
	}
}
