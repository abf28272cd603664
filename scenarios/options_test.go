package scenarios_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"orrery/model/fault"
	"orrery/model/workload"
	"orrery/scenarios"
)

// everything is a scenario in which most options may be said.
const everything = `
apiVersion: orrery/v1
name: s
duration: 10m
scheduler: {}
policies: [{name: packed}]
cluster:
  nodes: [{name: n, cpu: 4, memory: 16Gi}]
  nodeGroups: [{name: g, cpu: 4, memory: 16Gi, max: 20}]
  cloud: {}
  autoscaler: {}
  nodeRepair: {}
  imagePulls: {}
  loadBalancers: {}
  kubelet: {}
  kubeProxy: {conntrack: {}}
  controlPlane: {apiServer: {}, etcd: {}}
trace:
  pods: {file: pods.csv, columns: {arrival: seconds, duration: seconds, cpu: cores, memory: bytes}}
  time: {}
workload:
  manifests: [web.yaml]
  images: [{name: other, layers: [{name: base, size: 80Mi}]}]
  behavior:
  - {match: {app: web}, probes: {readiness: {needs: web}}, calls: [{service: db, timeout: 1s}], bursts: [{for: 20s, cpu: 1}], bytes: 1Ki}
  traffic: [{service: web, rps: 10, connections: {}}]
  dns: {}
  webhooks: [{name: policy.example.com, mutate: {labels: {a: b}}}]
  agents: [{name: a, kind: pod}]
timeline:
- {at: 5m, fault: pod-kill, target: deployment/web, matchExpressions: [{key: app, operator: Exists}], repeat: {every: 1m}}
expect: [{expr: restarts() == 0}]
`

// beside is what else has to be said with an option, or instead of what is said above:
// everything in the map whose key it is;
// with .* it is beside all keys of a map.
var beside = map[string]string{
	"cluster.*":                                       `{nodes: [{name: n, cpu: 4, memory: 16Gi}]}`,
	"cluster.autoscaler":                              `{nodeGroups: [{name: g, cpu: 4, memory: 16Gi, max: 20}]}`,
	"cluster.controlPlane.etcd.external.*":            `{members: 3}`,
	"cluster.nodes[].cpuManagerPolicy":                `{name: n, cpu: 4, memory: 16Gi, kubeReserved: {cpu: 1}}`,
	"cluster.nodes[].cpuManagerPolicyOptions":         `{name: n, cpu: 4, memory: 16Gi, kubeReserved: {cpu: 1}, cpuManagerPolicy: static}`,
	"cluster.nodes[].memoryManagerPolicy":             `{name: n, cpu: 4, memory: 16Gi, kubeReserved: {memory: 1Gi}, reservedMemory: [{numaNode: 0, limits: {memory: 1124Mi}}]}`,
	"cluster.nodes[].gpuModel":                        `{name: n, cpu: 4, memory: 16Gi, gpus: 1}`,
	"cluster.nodes[].shutdownGracePeriodCriticalPods": `{name: n, cpu: 4, memory: 16Gi, shutdownGracePeriod: 60s}`,
	"cluster.kubelet.evictionSoft":                    `{evictionSoftGracePeriod: {memory.available: 90s}}`,
	"cluster.kubelet.evictionSoftGracePeriod":         `{evictionSoft: {memory.available: 1Gi}}`,
	"trace.pods.header":                               `{file: bare.csv, columns: {arrival: 1, cpu: 3, memory: 4}}`,
	"trace.pods.delimiter":                            `{file: one.csv, columns: {arrival: 1, cpu: 1, memory: 1}}`,
	"trace.pods.columns.cpu.*":                        `{column: cores}`,
	"trace.pods.columns.cpu.value":                    `{}`,
	"trace.pods.columns.gpuModels.*":                  `{column: models}`,
	"trace.pods.columns.duration.*":                   `{from: seconds, to: ended}`,
	"workload.behavior[].exitCode":                    `{match: {app: web}, run: 1h}`,
	"workload.behavior[].exits":                       `{match: {app: web}, run: 1h}`,
	"workload.behavior[].preStopFails":                `{match: {app: web}, preStop: 1s}`,
	"workload.behavior[].postStartFails":              `{match: {app: web}, postStart: 1s}`,
	"workload.behavior[].queue":                       `{match: {app: web}, workers: 8}`,
	"workload.traffic[].rps.every":                    `{steps: [{at: 0s, rps: 1}, {at: 5m, rps: 9}]}`,
	"workload.traffic[].rps.file":                     `{columns: {at: seconds, rps: requests}}`,
	"workload.traffic[].rps.columns":                  `{file: load.csv}`,
	"workload.traffic[].rps.origin":                   `{file: load.csv, columns: {at: seconds, rps: requests}}`,
	"workload.traffic[].rps.*":                        `{}`,
	"workload.traffic[].rps.steps[].*":                `{at: 0s, rps: 1}`,
	"workload.traffic[].rps.ramp.*":                   `{from: 1, to: 2, start: 1m, end: 9m}`,
	"workload.traffic[].rps.diurnal.*":                `{low: 1, high: 200}`,
	"workload.dns.serveStale":                         `{cache: node}`,
	"timeline[].matchExpressions[].values":            `{key: app, operator: In}`,
	"timeline[].matchExpressions[].operator":          `{key: app, values: [web]}`,
}

// filesOfOptions is what the examples of options name.
var filesOfOptions = map[string]string{
	"nodes.csv":  "cores,bytes\n4,1000000000\n",
	"pods.csv":   "seconds,ended,cores,bytes,models\n0,5,1,1000,\n5,9,1,1000,a|b\n",
	"bare.csv":   "0,5,1,1000,\n5,9,1,1000,\n",
	"one.csv":    "1\n1\n",
	"load.csv":   "seconds,requests\n0,5\n60,6\n",
	"nodes.yaml": `{apiVersion: v1, kind: Node, metadata: {name: real}, status: {allocatable: {cpu: "4", memory: 16Gi, pods: "110"}}}`,
	"web.yaml": `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {selector: {app: db}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec: {selector: {app: web}, ports: [{port: 53, protocol: UDP}]}
---
apiVersion: v1
kind: Service
metadata: {name: coredns, namespace: kube-system}
spec: {selector: {app: web}, ports: [{port: 53, protocol: UDP}]}
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns}
spec: {selector: {app: web}, ports: [{port: 53, protocol: UDP}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: main, image: web, volumeMounts: [{name: cache, mountPath: /cache}], readinessProbe: {httpGet: {port: 80}}, livenessProbe: {httpGet: {port: 80}}, startupProbe: {httpGet: {port: 80}}}
      volumes: [{name: cache, emptyDir: {}}, {name: app, configMap: {name: app}}, {name: db, secret: {secretName: db}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: policy}
webhooks:
- name: policy.example.com
  clientConfig: {service: {name: web, namespace: default}}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  sideEffects: None
  admissionReviewVersions: [v1]
`,
}

// put sets what is at a path such as workload.behavior[].calls[].service, where [] is the
// first of a list; maps that are not there are made.
func put(root map[string]any, path string, value any) {
	keys := strings.Split(path, ".")
	for i, key := range keys {
		key, list := strings.CutSuffix(key, "[]")
		last := i == len(keys)-1
		if last && !list {
			root[key] = value
			return
		}
		var next map[string]any
		if items, _ := root[key].([]any); list && len(items) > 0 {
			next, _ = items[0].(map[string]any)
		} else {
			next, _ = root[key].(map[string]any)
		}
		if next == nil {
			next = map[string]any{}
		}
		if last {
			next = value.(map[string]any)
		}
		root[key] = next
		if list {
			root[key] = []any{next}
		}
		root = next
	}
}

func parsed[T any](t *testing.T, text string) (out T) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return out
}

// withOption is what comes of a scenario in which an option has a value, with what else
// it needs.
func withOption(t *testing.T, dir string, o *scenarios.Option, value any) error {
	t.Helper()
	root := parsed[map[string]any](t, everything)
	for _, path := range []string{o.Of + ".*", o.Path()} {
		if with, ok := beside[path]; ok {
			put(root, o.Of, parsed[map[string]any](t, with))
		}
	}
	if o.Name == "swap" || o.Name == "memorySwap" {
		put(root, "cluster.kubelet.failSwapOn", false)
	}
	put(root, o.Path(), value)
	text, err := yaml.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/s.yaml", text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = scenarios.Load(dir+"/s.yaml", scenarios.Options{})
	return err
}

// Every option is read: its example is taken, and so is its default, and what is neither
// a value, nor a list, nor a map of any use is a mistake where it is. What a timeline may
// say depends on the fault, and is tested there.
func TestEveryOptionIsRead(t *testing.T) {
	dir := folder(t, filesOfOptions)
	seen := map[string]bool{}
	for _, o := range scenarios.KnownOptions() {
		if seen[o.Path()] || o.Help == "" || o.Unit == "" || o.Example == o.Default {
			t.Errorf("%s is there twice, says nothing, or its example changes nothing: %+v", o.Path(), o)
		}
		seen[o.Path()] = true
		if o.Of == "timeline[]" {
			continue
		}
		for _, value := range []string{o.Example, o.Default} {
			if value == "" {
				continue
			}
			if err := withOption(t, dir, &o, parsed[any](t, value)); err != nil {
				t.Errorf("%s: %s:\n%v", o.Path(), value, err)
			}
		}
		err := withOption(t, dir, &o, parsed[any](t, "{no such: [thing]}"))
		if !complains(err, o.Name) && !complains(err, `"no such"`) {
			t.Errorf("%s is not read: %v", o.Path(), err)
		}
	}
}

// Every key of the timeline is an option, and every such option is a key of some action
// or fault.
func TestEveryKeyOfTheTimelineIsAnOption(t *testing.T) {
	keys := map[string]bool{"at": true, "do": true, "as": true, "fault": true, "id": true, "repeat": true,
		"match": true, "matchExpressions": true, "namespace": true, "zone": true, "node": true, "nodeMatch": true, "count": true}
	for _, c := range workload.Commands {
		for _, p := range c.Params {
			keys[p] = true
		}
	}
	for i := range fault.Kinds {
		for _, p := range scenarios.FaultKeys(&fault.Kinds[i]) {
			keys[p] = true
		}
	}
	for _, o := range scenarios.KnownOptions() {
		if o.Of == "timeline[]" && !keys[o.Name] {
			t.Errorf("nothing has the option %s", o.Path())
		}
		if o.Of == "timeline[]" {
			delete(keys, o.Name)
		}
	}
	for key := range keys {
		t.Errorf("timeline[].%s is no option", key)
	}
}

// notOurs is the files that read what Kubernetes, and not a scenario, gives its names.
var notOurs = []string{"patch.go", "schedulerargs.go", "schedulerconfig.go", "schedulerplugins.go"}

// The loader reads no key that the options do not show: the keys of a map come from their
// tables, or stand in an example.
func TestTheLoaderReadsOnlyOptions(t *testing.T) {
	shown := map[string]bool{"at": true, "do": true, "as": true, "fault": true, "id": true, "repeat": true}
	for _, o := range scenarios.KnownOptions() {
		shown[o.Name] = true
		var example yaml.Node
		if err := yaml.Unmarshal([]byte(o.Example), &example); err != nil {
			t.Fatalf("%s: %v", o.Path(), err)
		}
		showKeys(&example, shown)
	}
	for _, file := range goFiles(t) {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if method, ok := call.Fun.(*ast.SelectorExpr); !ok || method.Sel.Name != "Map" || len(call.Args) == 0 {
				return true
			}
			for _, arg := range call.Args[1:] {
				checkShown(t, file, arg, shown)
			}
			return true
		})
	}
}

// goFiles is the files of the loader.
func goFiles(t *testing.T) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && !slices.Contains(notOurs, name) {
			out = append(out, name)
		}
	}
	return out
}

// showKeys marks all keys of an example.
func showKeys(n *yaml.Node, shown map[string]bool) {
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			shown[c.Value] = true
		}
		showKeys(c, shown)
	}
}

// checkShown complains about the words in an expression that nothing shows.
func checkShown(t *testing.T, file string, e ast.Expr, shown map[string]bool) {
	t.Helper()
	ast.Inspect(e, func(n ast.Node) bool {
		if word, ok := n.(*ast.BasicLit); ok && word.Kind == token.STRING {
			if key, err := strconv.Unquote(word.Value); err != nil || !shown[key] {
				t.Errorf("%s reads %s, which orrery list options does not show", file, word.Value)
			}
		}
		return true
	})
}
