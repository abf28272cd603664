// Package scenarios finds out what the user meant. Its one idea: a scenario is
// read whole before anything runs, and every mistake in it is told at once with
// its place and what would be right. What it makes is a cluster.Config, which
// is everything a run depends on, and the promises to judge the run by. It
// refuses to run anything, and to read any file outside the folder it was
// allowed.
//
// Everything a scenario can say:
//
//	apiVersion: orrery/v1
//	name: zone-outage                # required
//	about: What happens, and why it is worth a test.
//	duration: 45m                    # required, 1s to 366d
//	seed: 1
//	scheduler: {policy: packed, ties: heap} # how it chooses: one of policies, or of those that orrery list policies shows
//	policies:                        # own ones, each like a profile of a KubeSchedulerConfiguration
//	  - {name: packed, about: Fill up., percentageOfNodesToScore: 100, plugins: {score: {disabled: [{name: "*"}],
//	     enabled: [{name: BestFit, weight: 2}]}}, pluginConfig: [{name: PodTopologySpread, args: {defaultingType: List}}]}
//	cluster:
//	  controlPlane: {replicas: 3, cpu: 2, memory: 4Gi, zones: [a, b, c], # nodes cp-0, cp-1, ... with the control plane as static pods;
//	     managed: false,             # true: no nodes, somebody else's machines; so it is by default with a snapshot or a trace of nodes
//	     etcd: {preVote: true, checkQuorum: true, fsync: 1ms..4ms, quota: 2Gi,
//	       external: {members: 3, zones: [a, b, c]}}, # on machines of their own, etcd-0, etcd-1, ...; unless said, a member on each of the control plane's
//	     apiServer: {memory: 4Gi, consistentListFromCache: true, streamingEncoding: true, priorityAndFairness: true}} # without memory, what the machine has
//	  nodes:                         # web-0, web-1, ... in zones by turns; without count, one called web
//	    - {name: web, count: 60, cpu: 16, memory: 64Gi, disk: 100Gi, inodes: 6500000, pids: 100000, pods: 110, gpus: 8, gpuModel: A100,
//	       zones: [a, b, c], labels: {pool: web}, taints: ["a=b:NoSchedule"], staticPods: [agent.yaml], hollow: true}
//	                                 # staticPods: pods in files on each of the machines, which its kubelet runs without being asked
//	                                 # inodes: files the disk can have, pids: processes there can be; unless said, what Linux makes of disk and memory
//	                                 # kubeReserved, systemReserved: {cpu: 500m, memory: 1Gi, pid: 1000}: what pods cannot have
//	                                 # cpuManagerPolicy: static, cpuManagerPolicyOptions: {full-pcpus-only: true}: with that, CPUs of their own
//	                                 # numaNodes: 2, threadsPerCore: 2: of what it is made; memoryManagerPolicy: Static, reservedMemory: [{numaNode: 0, limits: {memory: 1124Mi}}],
//	                                 # topologyManagerPolicy: single-numa-node (none, best-effort, restricted), topologyManagerScope: pod (container)
//	                                 # swap: 8Gi: of which containers may have some with kubelet: {failSwapOn: false, memorySwap: {swapBehavior: LimitedSwap}}
//	                                 # all of these, with their defaults, and those of kubelet and kubeProxy: orrery list options
//	                                 # hollow: nothing runs; pods are ready a startup after they were seen and gone a stop after their deletion
//	  kubeProxy: {conntrack: {maxPerCore: 32768, min: 131072}} # counts connections; without it, and without the fault conntrack-full, nobody does
//	  nodeBandwidth: 1250M           # bytes of requests and answers a second that a node sends, and receives, at most
//	  imagePulls: {parallel: 3, registryBandwidth: 500Mi} # images a node pulls at a time, 1 unless said; bytes a second for all nodes together
//	  kubelet:                       # of every node, by the names of a KubeletConfiguration
//	     {kubeAPIQPS: 50, kubeAPIBurst: 100, podPidsLimit: 4096, allowedUnsafeSysctls: [kernel.msg*, net.core.somaxconn],
//	     evictionHard: {memory.available: 100Mi, nodefs.available: 10%,
//	       nodefs.inodesFree: 5%, imagefs.available: 15%, imagefs.inodesFree: 5%, pid.available: 10%}, # which replaces all defaults: those, without pid.available
//	     evictionSoft: {memory.available: 1Gi}, evictionSoftGracePeriod: {memory.available: 90s}, evictionMaxPodGracePeriod: 60s,
//	     evictionPressureTransitionPeriod: 5m, containerLogMaxSize: 10Mi, containerLogMaxFiles: 5}
//	  loadBalancers: {interval: 8s, timeout: 1s, healthy: 1, unhealthy: 3, lag: 10s} # their health checks, and how late they know nodes
//	  nodeRepair: {after: 10m, takes: 2m..4m} # a node that is not ready for so long gets another machine
//	  panicAfter: 30s                # kernels that panic when more CPU is wanted than there is for so long; unless said, none does
//	  nodeGroups:                    # machines that come and go: web-0, web-1, ... ; start is min unless said, price is per hour and machine
//	    - {name: web, min: 3, max: 10, start: 3, cpu: 4, memory: 16Gi, disk: 100Gi, pods: 110, gpus: 8, gpuModel: A100,
//	       zones: [a, b, c], labels: {pool: web}, taints: ["a=b:NoSchedule"],
//	       provision: "lognormal(90s, p99 4m)", price: 0.2, priority: 10}
//	  cloud: {quota: 100, launchesPerMinute: 50, terminationHandler: true}
//	  autoscaler: {expander: least-waste, scanInterval: 10s, scaleDown: true, scaleDownUnneededTime: 10m, scaleDownDelayAfterAdd: 10m,
//	     scaleDownUtilizationThreshold: 50%, maxNodeProvisionTime: 15m}
//	                                 # expander: least-waste, most-pods, price, priority or random; without autoscaler groups keep their size
//	  snapshot: nodes.yaml           # or a list; what kubectl get nodes,pods -A -o yaml (or json) printed
//	trace:                           # nodes, pods or both from CSV tables; see below
//	  nodes:
//	    file: nodes.csv
//	    columns: {name: sn, cpu: {column: cpu_milli, unit: 1m}, memory: {column: memory_mib, unit: 1Mi}, disk: gb, pods: n, gpus: gpu, gpuModel: model, zone: rack}
//	  pods:
//	    {file: pods.csv, delimiter: comma, header: true, rows: 5000, where: {status: [Pass, Failed]}, labels: {from: trace}, columns: {...}}
//	  time: {origin: first, faster: 60, denser: 2}
//	workload:
//	  manifests: [shop.yaml, folder, "*.yaml", {apiVersion: v1, kind: Service, ...}]
//	  behavior:                      # the first that matches a container decides
//	    - {match: {app: web}, namespace: shop, container: main, startup: 2s..5s, run: 1h, exitCode: 1, exits: 3,
//	       stop: 1s, stopExitCode: 0,  # from SIGTERM to its exit, and with what; 143 unless said
//	       preStop: 5s, postStart: 1s, cpu: 50m + 2m/rps, image: 250Mi,
//	       memory: 50Mi + 20Ki/rps + 1Mi/s, # from the start, for requests, whose rate it follows within a second, and more every second
//	       disk: 1Gi + 10Ki/s, volumes: {cache: 1Gi + 1Mi/s}, # what it writes: into its own layer, and into emptyDirs of its pod
//	       logs: 100Ki/s,              # what it logs, into files that its kubelet rotates
//	       inodes: 1000 + 2.5/s, pids: 20 + 1/rps + 0.5/s, # files, and processes with their threads
//	       startupCPU: 2, threads: 4,  # needed while it starts up, which takes longer with less; that work on a request at a time
//	       preStopFails: 5%, postStartFails: 5%, # how often the hooks do, after their time
//	       probes: {readiness: queue, liveness: own, startup: {path: request, needs: db}}, # what answers them: the process, a worker, a request; and a Service it needs
//	       queue: 100,                 # requests that wait for a worker
//	       needsAPI: true,             # it lists what it works with from an API server before it serves, as CoreDNS does
//	       latency: 5ms, workers: 64,  # of a request besides its CPU and calls; how many requests a pod handles at a time
//	       bytes: {request: 2Ki, answer: 100Ki}, # on the network; 100Ki is of an answer; unless said, too little to count
//	       calls: [{service: db, namespace: data, per_request: 2, timeout: 1s, retries: 2}], # what each request asks of others, one after the other
//	       bursts: [{after: 1m, for: 20s, every: 10m, cpu: 600m, memory: 150Mi}]} # besides; after is from the container's start
//	  dns: {service: kube-dns, namespace: kube-system, ttl: 30s, ndots: 5, # who answers; without dns all know all addresses
//	       lookups: 1, external: 0.5, cache: none, serveStale: 1h} # names of Services and others that a request of a pod needs;
//	                                 # kept by nobody, the pod or the node, and after ttl for serveStale while nobody answers, or with SERVFAIL only
//	  agents:                        # programs on every node that list again when their connection was lost
//	    - {name: log-shipper, as: "system:serviceaccount:logs:shipper", kind: pod, lists: 60, resourceVersion: "0",
//	       objects: 7130, objectBytes: 1867, jitter: 1m}
//	  traffic:                       # from: ingress, internet, node/NAME, deployment/NAME or NAMESPACE/deployment/NAME
//	    - {service: checkout, namespace: shop, rps: 800, from: ingress}
//	                                 # rps over time: {steps: [{at: 0s, rps: 100}, {at: 10m, rps: 900}], every: 1h},
//	                                 # {ramp: {from: 100, to: 900, start: 5m, end: 15m, step: 15s}},
//	                                 # {diurnal: {low: 100, high: 900, period: 24h, peak: 14h, step: 5m}} or
//	                                 # {file: load.csv, columns: {at: seconds, rps: requests}, every: 24h} or, with moments,
//	                                 # {file: load.csv, columns: {at: {column: time, unit: date}, rps: requests}, origin: first}
//	timeline:
//	  - {at: 5m, do: scale, target: deployment/web, replicas: 30}
//	  - {at: 6m, do: apply, manifests: [shop-v2.yaml]}
//	  - {at: 10m, for: 20m, fault: node-down, id: zone-b, zone: b}
//	  - {at: 12m, for: 5m, fault: partition, match: {pool: web}, count: 30%, peer: {zone: c}, direction: out}
//	  - {at: 14m, fault: container-crash, target: deployment/web, container: main, exitCode: 137}
//	  - {at: 14m, for: 5m, fault: container-crash, target: deployment/web, signal: SIGKILL, after: 20s..40s, times: 3}
//	  - {at: 14m, fault: pod-kill, matchExpressions: [{key: app, operator: In, values: [web, db]}], nodeMatch: {pool: web}, count: "<=30%",
//	     repeat: {every: 5m, times: 3}}
//	  - {at: 15m, for: 5m, fault: token-expiry, component: deployment-controller}
//	  - {at: 16m, do: scale, target: deployment/web, replicas: 5, as: "system:serviceaccount:default:deployer"}
//	expect:                          # see package report
//	  - availability(service/checkout) >= 99.9%
//	  - {id: back, why: It must be., expr: converged() within 10m after faults}
//
// What people do is done with the rights of the cluster's administrator, or of the
// user that as names: those that roles and bindings of the manifests give.
//
// A fault's targets are those to which all of target, match, matchExpressions,
// namespace and zone apply, and to pods node and nodeMatch, too; and of them as many as
// count says: a number, a share or all, with <= in front any number up to that. It is
// chosen among them when the fault begins. repeat has a fault happen again and again,
// each time with other luck, under the names ID, ID-2, ID-3. Which fields an action or a
// fault has besides is in the registries of the packages workload and fault; [KnownOptions]
// says what each is. Fields that
// start with x- are the user's own.
//
// # Traces
//
// A trace is what some cluster had and was asked for, in tables that are nobody's
// in particular: columns says which column holds what; [TraceColumns] lists what
// may be said of nodes and pods. Each is the name of a column or its number from 1, or a map:
//
//	cpu: {column: plan_cpu, unit: 10m}             # what 1 in the column is worth: 1m, 1Mi, 0.01 of a GPU, 1us;
//	                                               # unless said a core, a byte, a whole GPU, a second
//	memory: {column: mem, unit: 256Gi, default: 0} # what an empty cell stands for
//	cpu: {value: 4}                                # the same for all rows
//	arrival: {column: submitted, unit: date}       # 2017-10-03 06:42:17, RFC 3339
//	duration: {from: started, to: ended, unit: 1s} # the time between two moments
//	name: [job, task]                              # two columns, with a dash between
//	gpuModels: {column: spec, separator: "|"}      # any of them will do
//
// A number times its unit is exact and rounded up. A pod asks for gpus whole ones,
// or for a share of one: gpuMilli thousandths, or gpus less than 1. Names are made
// Kubernetes names: small letters, dashes for what is not allowed.
//
// A pod is created at its arrival by a client called trace, and deleted at its
// deletion, wherever it is then, with or without a node. With a duration it ends
// by itself, with success, when its container has run for so long, as a Job's pod
// does; nobody makes it anew if it is evicted or preempted. With neither it stays.
// Its one container is called main, and asks for what the row says without a
// limit; behavior and labels are for the rest.
//
// origin is the moment of the trace at which the run begins: first is that of the
// first arrival. Pods that arrived before and are not gone by then arrive at the
// start. faster divides all times, denser only those between arrivals, so that
// more pods are there at once.
//
// The times of a file of rates are those of the run, unless it has an origin, too: first is
// that of its first row. The rate of that moment is what there is at the start.
//
// A row of a table is a line, lines that begin with # are comments, and at most
// 64 MiB are read.
package scenarios

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"orrery/model/cluster"
	"orrery/model/scheduler"
	"orrery/report"
	"orrery/scenarios/manifest"
	"orrery/scenarios/strict"
)

// Version is the apiVersion of the scenarios we read.
const Version = "orrery/v1"

// Scenario is a file that was read.
type Scenario struct {
	About  string
	Config cluster.Config
	// Policies are the scenario's own, besides those that are built in.
	Policies []scheduler.Policy
	Expect   []report.Expect
	Notes    []string // what the manifests say that is not modeled: "FILE:LINE: OBJECT: ..."
	Levels   []string // the priority levels of its API servers: those of every cluster, and those of its manifests
}

// Options is what the command line may say about reading.
type Options struct {
	// Root is the folder that manifests, snapshots and traces may come from, "" for the
	// scenario's own. Paths in a scenario are relative to its folder anyway.
	Root string
}

// Open reads the scenario of that name: a built-in one, or a file. Whatever has
// a "/" or ends in .yaml or .yml is a file.
func Open(name string, o Options) (*Scenario, error) {
	isFile := strings.ContainsRune(name, filepath.Separator) || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
	if isFile {
		return Load(name, o)
	}
	if isBuiltIn(name) {
		return Embedded(name)
	}
	if info, err := os.Stat(name); err == nil && !info.IsDir() {
		return Load(name, o)
	}
	return nil, fmt.Errorf("there is no scenario %s, built in or as a file%s", strict.Quote(name), strict.DidYouMean(name, Names()))
}

// Load reads a scenario from a file, and the files it names. An error about
// what is in the files is a *strict.Errors.
func Load(file string, o Options) (*Scenario, error) {
	data, err := readScenario(file)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	inc := &includes{here: ".", shown: filepath.ToSlash(filepath.Dir(file)), root: dir, chosen: o.Root != ""}
	if inc.chosen {
		if inc.root, err = filepath.Abs(o.Root); err != nil {
			return nil, err
		}
		if inc.here, err = filepath.Rel(inc.root, dir); err != nil {
			return nil, err
		}
		inc.here, inc.shown = filepath.ToSlash(inc.here), filepath.ToSlash(o.Root)
	}
	root, err := os.OpenRoot(inc.root)
	if err != nil {
		return nil, fmt.Errorf("--root: %s", strict.Escape(err.Error()))
	}
	defer root.Close()
	inc.files = root.FS()
	return read(file, data, inc)
}

// readScenario reads a file that the user named, unless it is too large.
func readScenario(file string) ([]byte, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no file %s", strict.Quote(file))
	case err != nil:
		return nil, errors.New(strict.Escape(err.Error()))
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder, not a scenario", strict.Quote(file))
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", strict.Quote(file))
	case info.Size() > int64(strict.DefaultLimits.Bytes):
		return nil, fmt.Errorf("%s:1:1: the file has %d bytes: at most %d are read", strict.Escape(file), info.Size(), strict.DefaultLimits.Bytes)
	}
	return os.ReadFile(file)
}

// Read reads a scenario that includes no files, for instance one that a test or
// a fuzzer made up. The name is for messages.
func Read(name string, data []byte) (*Scenario, error) {
	return read(name, data, &includes{files: noFiles{}, here: "."})
}

type noFiles struct{}

func (noFiles) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func read(name string, data []byte, inc *includes) (*Scenario, error) {
	doc, err := strict.Parse(name, data)
	if err != nil {
		return nil, err
	}
	l := &loader{decoder: manifest.NewDecoder(), includes: inc, scenario: &Scenario{}, suggestions: 20, comparisons: 1_000_000}
	l.top(doc.Root())
	if doc.Err() == nil && l.decoder.Err() == nil && len(l.scenario.Config.Nodes) == 0 {
		doc.Root().Peek("cluster").Peek("snapshot").Errorf("there is no node in it: print nodes, too, with kubectl get nodes,pods -A -o yaml")
	}
	if err := strict.Join(append([]error{doc.Err(), l.decoder.Err()}, l.errs...)...); err != nil {
		return nil, err
	}
	l.decoder.NoteHooks(l.scenario.Config.Behaviors.TellsHook)
	for _, n := range l.decoder.Notes() {
		l.scenario.Notes = append(l.scenario.Notes, n.String())
	}
	return l.scenario, nil
}

// IsScenario tells whether the file says that it is a scenario, so that
// manifests in the same folder can be told apart. A file that cannot be read is
// taken for one, to be told why when it is loaded.
func IsScenario(file string) bool {
	data, err := readScenario(file)
	if err != nil {
		return true
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "apiVersion:"); ok {
			return strings.HasPrefix(strings.Trim(strings.TrimSpace(rest), `"'`), path.Dir(Version)+"/")
		}
	}
	return false
}

// DidYouMean is `; did you mean "run"?` if one of the known words is close to
// word, or "".
func DidYouMean(word string, known []string) string { return strict.DidYouMean(word, known) }
