package scenarios_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// fixes is what the second of a pair of replays does otherwise, as paths that what
// differs begins with. A replay that goes well proves a fix only if nothing else differs.
var fixes = map[string][]string{
	"registry-always":                  {"workload.manifests.0.spec.template.spec.containers.0.imagePullPolicy", "workload.manifests.0.spec.template.spec.containers.1.imagePullPolicy", "workload.manifests.0.spec.template.spec.containers.2.imagePullPolicy"},
	"registry-outage":                  {"workload.manifests.0.spec.template.spec.containers.0.imagePullPolicy"},
	"registry-silent":                  {"workload.manifests.0.spec.template.spec.containers.0.imagePullPolicy"},
	"dns-oom":                          {"workload.manifests.0.spec.template.spec.containers.0.resources.limits.memory"},
	"retry-storm":                      {"workload.behavior.1.workers"},
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
