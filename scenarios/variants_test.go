package scenarios_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// fixes is what the second of a pair of replays does otherwise, as paths that what
// differs begins with. A replay that goes well proves a fix only if nothing else differs.
var fixes = map[string][]string{
	"registry-always": {
		"workload.manifests.0.spec.template.spec.containers.0.imagePullPolicy",
		"workload.manifests.0.spec.template.spec.containers.1.imagePullPolicy",
		"workload.manifests.0.spec.template.spec.containers.2.imagePullPolicy",
	},
	"registry-outage":                  {"workload.manifests.0.spec.template.spec.containers.0.imagePullPolicy"},
	"registry-silent":                  {"workload.manifests.0.spec.template.spec.containers.0.imagePullPolicy"},
	"dns-oom":                          {"workload.manifests.0.spec.template.spec.containers.0.resources.limits.memory"},
	"log-rotation":                     {"cluster.kubelet"},
	"minimum-reclaim":                  {"cluster.kubelet"},
	"nested-retries":                   {"workload.traffic.0.retries"},
	"retry-storm":                      {"workload.behavior.1.workers"},
	"connection-pool":                  {"workload.behavior.0.workers"},
	"kubelet-qps":                      {"cluster.kubelet"},
	"poison-pod":                       {"timeline.0.manifests.0.spec.template.spec.containers.0.resources"},
	"target-cascade":                   {"cluster.nodes.0.kubeReserved"},
	"liveness-cascade":                 {"workload.manifests.0.spec.template.spec.containers.0.livenessProbe", "workload.behavior.0.probes.liveness"},
	"readiness-cascade":                {"workload.manifests.0.spec.template.spec.containers.0.readinessProbe", "workload.behavior.0.probes.readiness"},
	"slack-autoscaler-gray":            {"workload.behavior.0.calls.0.timeout"},
	"stale-endpoints":                  {"timeline.2"}, // a drain
	"stale-conntrack":                  {"workload.manifests.2.spec.ports.0.protocol"},
	"conntrack-full":                   {"workload.traffic.0.connections"},
	"conntrack-burst":                  {"cluster.kubeProxy"},
	"keep-alive":                       {"workload.traffic.0.connections"},
	"endpoint-race":                    {"workload.manifests.0.spec.template.spec.containers.0.lifecycle"},
	"noisy-neighbor":                   {"workload.manifests.0.spec.template.spec.containers.0.resources"},
	"cpu-throttling":                   {"workload.manifests.0.spec.template.spec.containers.0.resources"},
	"memory-leak":                      {"workload.manifests.1.spec.template.spec.containers.0.resources"},
	"spot-reclaim":                     {"cluster.cloud.terminationHandler"},
	"graceful-reboot":                  {"cluster.nodes.0.shutdownGracePeriod"},
	"shared-link":                      {"workload.manifests.1.spec.template.spec.nodeSelector"},
	"lb-health-fail":                   {"workload.manifests.1.spec.externalTrafficPolicy"},
	"stale-endpoints-no-control-plane": {"workload.behavior.0.calls.0.retries"},
	"agent-level":                      {"workload.manifests.2"},
	"api-overload-2000":                {"timeline.0.as", "timeline.0.groups", "timeline.0.resourceVersion", "workload.manifests.1"},
	"autoscaler-out-of-capacity":       {"cluster.nodeGroups"},
	"client-flood":                     {"timeline.0.as", "timeline.0.groups"},
	"control-plane-node-loss":          {"cluster.controlPlane", "timeline.1.target"}, // there is one machine, or another one
	"cronjob-pileup":                   cronFixes(),
	"etcd-half-dead-switch":            {"cluster.controlPlane.etcd"},
	"etcd-restore":                     {"timeline.2.bumpRevision"},
	"etcd-slow-disk":                   {"timeline.0.member"},
	"hpa":                              {"workload.manifests.0.spec.template.spec.containers.0.resources"},
	"image-age":                        {"timeline.11"}, // restarts
	"image-gc":                         {"cluster.kubelet"},
	"image-layers":                     {"workload.images"},
	"missing-secret":                   {"workload.manifests.0.spec.strategy", "timeline.0.manifests.0.spec.strategy"},
	"image-missing":                    {"workload.manifests.0.spec.strategy"},
	"lb-rollout":                       {"workload.manifests.0.spec.template.spec.containers.0.lifecycle"},
	"numa-rejects":                     {"workload.manifests.0.spec.template.spec.containers.0.resources"},
	"pdb-blocked-drain":                {"workload.manifests.1.spec.m", "workload.manifests.3.spec.unhealthyPodEvictionPolicy"},
	"relist-storm":                     {"workload.agents.0.jitter", "workload.agents.0.resourceVersion"},
	"report-burst":                     {"workload.manifests.0.spec.template.spec.containers.0.resources"},
	"job-sidecar":                      {"workload.manifests.0.spec.template.spec.containers", "workload.manifests.0.spec.template.spec.initContainers"},
	"serial-pulls":                     {"cluster.imagePulls"},
	"session-affinity":                 {"workload.manifests.0.spec.sessionAffinity"},
	"node-local-dns":                   {"workload.dns"},
	"ndots":                            {"workload.manifests.2.spec.template.spec.dnsConfig"},
	"restart-rules":                    {"workload.manifests.0.spec.template.spec.containers.0.restartPolicyRules"},
	"statefulset-lost-node":            {"timeline.1"},
	"telemetry-dns-2000":               {"workload.dns.serveStale"},
	"volume-lost-node":                 {"timeline.1"},
}

// others is why more than the fix differs in the other pairs.
var others = map[string]string{
	"config-push":              "a push that is slower takes another time to watch",
	"emptydir-overflow":        "the fix also shows an emptyDir of memory",
	"etcd-external":            "the fix also loses a member that the other has not",
	"etcd-replace-member":      "the fix is what people do, between what both do",
	"gang-deadlock":            "jobs end that have begun",
	"leader-failover":          "the fix also loses the scheduler's leader, of which the other has one",
	"pid-exhaustion":           "the fix also shows processes of the system",
	"preemption-cascade":       "a class is there before everything or after it",
	"rolling-update":           "another version, and how it starts",
	"statefulset-zonal-volume": "the fix also makes a pod anew",
	"telemetry-dns-1000":       "what is slower takes another time to watch",
	"webhook-deadlock":         "the fix also adds a budget",
}

// Every pair of the library is in one of the tables.
func TestEveryPairSaysWhatItsFixIs(t *testing.T) {
	broken, err := filepath.Glob("library/*-broken.yaml")
	if err != nil || len(broken) == 0 {
		t.Fatal(err, broken)
	}
	for _, file := range broken {
		name := strings.TrimSuffix(filepath.Base(file), "-broken.yaml")
		if (fixes[name] == nil) == (others[name] == "") {
			t.Errorf("%s is in none of the tables, or in both", name)
		}
	}
}

// cronFixes is what is said of every CronJob, of those of the start and of those to come.
func cronFixes() (paths []string) {
	for _, of := range []string{"timeline.0.manifests", "workload.manifests"} {
		for i := range 5 {
			paths = append(paths, fmt.Sprintf("%s.%d.spec.concurrencyPolicy", of, i), fmt.Sprintf("%s.%d.spec.jobTemplate.spec.activeDeadlineSeconds", of, i))
		}
	}
	return paths
}

func TestVariantsOfAReplayDifferOnlyInTheFix(t *testing.T) {
	for name, fix := range fixes {
		broken, fixed := leaves(t, name+"-broken"), leaves(t, name)
		differ := 0
		for _, path := range union(broken, fixed) {
			if broken[path] == fixed[path] {
				continue
			}
			differ++
			if !slices.ContainsFunc(fix, func(f string) bool { return strings.HasPrefix(path, f) }) {
				t.Errorf("%s: %s is %q, and %q in %s-broken", name, path, fixed[path], broken[path], name)
			}
		}
		if differ == 0 {
			t.Errorf("%s: nothing differs", name)
		}
	}
}

// leaves is what a built-in scenario says, path by path, but for its name, what people
// read, and its promises.
func leaves(t *testing.T, name string) map[string]string {
	t.Helper()
	text, err := os.ReadFile("library/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"name", "about", "x-source", "expect"} {
		delete(doc, key)
	}
	out := map[string]string{}
	var walk func(path string, x any)
	walk = func(path string, x any) {
		switch x := x.(type) {
		case map[string]any:
			for k, v := range x {
				walk(path+"."+k, v)
			}
		case []any:
			for k, v := range x {
				walk(fmt.Sprintf("%s.%d", path, k), v)
			}
		default:
			out[strings.TrimPrefix(path, ".")] = fmt.Sprint(x)
		}
	}
	walk("", doc)
	return out
}

func union(a, b map[string]string) (all []string) {
	for k := range a {
		all = append(all, k)
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			all = append(all, k)
		}
	}
	slices.Sort(all)
	return all
}
