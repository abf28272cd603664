package report

import (
	"slices"

	"orrery/sim"
)

// Shape is what a metric yields over time.
type Shape string

// The shapes.
const (
	Level     Shape = "level"     // a number at every moment
	Total     Shape = "count"     // how often something happened
	Share     Shape = "share"     // a part of something that flows, or that there is, over time
	Durations Shape = "durations" // how long each of several things took
)

// Metric is one thing an expectation can speak of.
type Metric struct {
	Name  string
	Unit  Unit
	Shape Shape
	// Takes is the kinds of object it is asked about, "a|b"; in brackets if it
	// may also be asked about the whole cluster; "" if it is only about that.
	Takes string
	Word  string // its own argument in front of the object, such as REASON, in brackets if it may be left out; "" if none
	Help  string

	target      bool // takes the option target=
	needsFaults bool // has nothing to measure if nothing breaks
	needsUsage  bool // it is about what is used, which the history has only if that is asked for before the run: TellUsage
	ofNodes     bool // of that, what nodes use as a whole; else what pods use, or whatever the object is
	doubts      func(*state) string
	open        func(about) instrument
}

// watcher is shown the whole history, step by step.
type watcher interface {
	// see looks at the state after a record, or after time passed; record is
	// the index of the newest record.
	see(s *state, now sim.Time, record int)
}

// instrument measures one metric about one thing while the history passes.
type instrument interface {
	watcher
	// finish is called when the run ended and yields what was measured.
	finish(s *state, end sim.Time) reading
}

// reading is what an instrument measured: a series or samples.
type reading struct {
	series  series
	samples []sample
	clip    bool   // samples count with the part of them that lies in the window
	none    string // why there is neither
	gap     string // why a series has no value at some moments; "" if it always has one
}

const (
	keepers = "deployment|statefulset|daemonset"
	owners  = "namespace|deployment|replicaset|statefulset|daemonset|job|cronjob"
	places  = owners + "|node"
	anyPods = places + "|pod"

	scopes          = "[" + anyPods + "]"
	podGroups       = "[" + places + "]"
	podMakers       = "[" + owners + "]"
	jobGroups       = "[namespace|job|cronjob]"
	containerGroups = "[" + anyPods + "|service]"
)

// Selection is kinds of object that many metrics are asked about, under one name.
type Selection struct {
	Name  string
	Kinds string // "a|b"
}

// Selections is the names that Metric.Brief uses. One whose kinds include those of another
// comes before it.
func Selections() []Selection {
	return []Selection{{"PODS", anyPods}, {"GROUP", places}, {"OWNER", owners}, {"WORKLOAD", keepers}}
}

// metrics is every metric, by name. To add one, write a file with its
// instrument and add its line here; the parser, the list command and help read
// this table. A metric that only counts what a tally counts needs no file.
var metrics = []Metric{
	{Name: "amplification", Unit: Times, Shape: Share, Takes: "service",
		Help: "attempts at requests to the service for each request: 1x without retries", open: openAmplification},
	{Name: "api_evictions", Unit: Count, Shape: Total, Takes: scopes,
		Help: "pods deleted through the eviction API, as kubectl drain does", open: openTotal(podSentAway)},
	{Name: "api_rejected", Unit: Count, Shape: Total, Word: levelWord,
		Help: "requests of a priority level that the API servers answered 429", open: openRejected},
	{Name: "api_seconds", Unit: Duration, Shape: Level,
		Help: "how long half of the small requests (not lists) take at most at the API server that is slowest, " +
			"from when they have a seat: 8ms as a rule, an estimate; measured by the minute while any takes more than 100ms; " +
			"no value while no API server answers; see api_seconds_p99",
		open: openLatency},
	{Name: "api_seconds_p99", Unit: Duration, Shape: Level,
		Help: "how long 99 of a hundred of them take at most: 30ms as a rule, an estimate; no value while no API server answers; Kubernetes' objective is 1s", open: openLateness},
	{Name: "apiserver_restarts", Unit: Count, Shape: Total,
		Help: "how often an API server's process was ready again after it had ended", open: openSaid("APIServerReady")},
	{Name: "availability", Unit: Percent, Shape: Share, Takes: "service",
		Help: "requests to the service that are served, of those that are sent; " +
			"those that are lost under way, when their endpoint ends, count against it over a time, but not at one moment",
		open: openShare(answered, -1)},
	{Name: "available_replicas", Unit: Count, Shape: Level, Takes: keepers,
		Help: "status.availableReplicas, as its controller wrote it last", open: openWorkload(statusAvailable)},
	{Name: "congestion_error_rate", Unit: Percent, Shape: Share, Takes: "service",
		Help: "requests to the service that are lost because the connection of a node has no room for them or for their answers, of those that are sent", open: openShare(congested, 0)},
	{Name: "conntrack_error_rate", Unit: Percent, Shape: Share, Takes: "service",
		Help: "requests to the service whose new connection a node drops because its conntrack table is full, of those that are sent", open: openShare(untracked, 0)},
	{Name: "converged", Unit: YesNo, Shape: Level,
		Help:   "no fault in force, an API server answers, every workload complete (every pod available and up to date), no pod Pending or Terminating, every node ready",
		doubts: doubtsConverged, open: openCluster((*state).converged)},
	{Name: "cpu_allocated", Unit: Percent, Shape: Share, Takes: "[node]",
		Help: "CPU that the pods on nodes asked for, of what the nodes have for pods", open: openAllocated(cpuOfNode, cpuOfPod)},
	{Name: "cpu_used", Unit: Cores, Shape: Level, Takes: containerGroups, needsUsage: true,
		Help: "CPU that the containers of pods use, static pods included; of a node as a whole: " +
			"what all its pods, the kubelet, the container runtime and faults use",
		open: openUsed(cpuUsed)},
	{Name: "cpu_utilization", Unit: Percent, Shape: Share, Takes: "[node]", needsUsage: true, ofNodes: true,
		Help: "CPU that nodes use as a whole, of what they have for pods: CPU(%) of kubectl top node; of all, without those of the control plane",
		open: openUtilization(cpuUsed, cpuOfNode)},
	{Name: "crash_looping", Unit: Count, Shape: Level, Takes: scopes,
		Help: "pods with a container waiting in CrashLoopBackOff", open: openLevel(isLooping)},
	{Name: "crash_loops", Unit: Count, Shape: Total, Takes: scopes,
		Help: "how often a container went into CrashLoopBackOff", open: openTotal(podLooped)},
	{Name: "dns_error_rate", Unit: Percent, Shape: Share, Takes: "service",
		Help: "requests to the service for which DNS told no address in time, of those that are sent", open: openLookups},
	{Name: "error_rate", Unit: Percent, Shape: Share, Takes: "service", Word: causeWord,
		Help: "requests to the service that are lost, of those that are sent; for any cause, or for one: unresolved (DNS told no address), " +
			"no-endpoint (refused: the service has none), refused (nothing listens there), conntrack (a full table dropped the connection), " +
			"congestion (no bandwidth), timeout (any other), error (a pod answered with one), overloaded (turned away), failed-call (what is called for it was lost), " +
			"broken (lost under way by a pod that ended: of a time, not of a moment)",
		open: openErrors},
	{Name: "evictions", Unit: Count, Shape: Total, Takes: scopes,
		Help: "pods deleted because of a taint of their node", open: openTotal(podEvicted)},
	{Name: "gpu_allocated", Unit: Percent, Shape: Share, Takes: "[node]",
		Help: "GPUs, and shares of them, that the pods on nodes asked for, of what the nodes have", open: openAllocated(gpusOfNode, gpusOfPod)},
	{Name: "gpu_fragmentation", Unit: Percent, Shape: Share, Takes: "[node]",
		Help: "GPUs that are free but of no use to a typical pod of the run, of those that are free", open: openFragmentation},
	{Name: "jobs_active", Unit: Count, Shape: Level, Takes: jobGroups,
		Help: "Jobs that are neither complete nor failed", open: openLevel(isJobActive)},
	{Name: "jobs_completed", Unit: Count, Shape: Total, Takes: jobGroups,
		Help: "Jobs that finished, complete", open: openTotal(jobCompleted)},
	{Name: "jobs_failed", Unit: Count, Shape: Total, Takes: jobGroups,
		Help: "Jobs that finished, failed", open: openTotal(jobFailed)},
	{Name: "latency_p50", Unit: Duration, Shape: Level, Takes: "service",
		Help: "how long half of the service's requests take at most, with what faults add to the way there and without the way itself; " +
			"of the requests of all sources together; no value while none is served",
		open: openServiceTime(500_000)},
	{Name: "latency_p99", Unit: Duration, Shape: Level, Takes: "service",
		Help: "how long 99 of a hundred of the service's requests take at most, with what faults add to the way there " +
			"and without the way itself; of the requests of all sources together; no value while none is served",
		open: openServiceTime(990_000)},
	{Name: "leader_changes", Unit: Count, Shape: Total, Word: componentWord,
		Help: "how often a replica of the component took over as the one that leads, not counting the first; " +
			"without a component, of all that have a Lease, which are all but etcd",
		open: openLeaders},
	{Name: "memory_allocated", Unit: Percent, Shape: Share, Takes: "[node]",
		Help: "memory that the pods on nodes asked for, of what the nodes have for pods", open: openAllocated(memoryOfNode, memoryOfPod)},
	{Name: "memory_used", Unit: Bytes, Shape: Level, Takes: containerGroups, needsUsage: true,
		Help: "working set of the containers of pods, static pods included; of a node as a whole: of all its pods, and what faults fill", open: openUsed(memoryUsed)},
	{Name: "memory_utilization", Unit: Percent, Shape: Share, Takes: "[node]", needsUsage: true, ofNodes: true,
		Help: "memory that nodes use as a whole, of what they have for pods: " +
			"MEMORY(%) of kubectl top node; of all, without those of the control plane",
		open: openUtilization(memoryUsed, memoryOfNode)},
	{Name: "node_not_ready", Unit: Count, Shape: Level, Takes: "[node]",
		Help: "nodes whose Ready condition is not True", open: openLevel(isNodeNotReady)},
	{Name: "node_pressure_evictions", Unit: Count, Shape: Total, Takes: scopes,
		Help: "pods that their kubelet failed or refused because the node was short of memory, disk, inodes or processes, " +
			"or because they wrote more than they may; one whose containers exit with 0 at SIGTERM has succeeded, and is none",
		open: openTotal(podPressed)},
	{Name: "node_price", Unit: Count, Shape: Level,
		Help: "what the nodes there are cost in an hour, in thousandths of the unit of their prices", open: openPrice},
	{Name: "nodes", Unit: Count, Shape: Level,
		Help: "nodes there are, ready or not, without those of the control plane", open: openLevel(isWorker)},
	{Name: "notes", Unit: Count, Shape: Total, Takes: scopes, Word: "REASON",
		Help: "notes (Kubernetes Events) with that reason, about the object or its pods", open: openNotes},
	{Name: "offered_rate", Unit: Rate, Shape: Level, Takes: "service",
		Help: "requests that are sent to the service, retries included", open: openRate(offered)},
	{Name: "oom_kills", Unit: Count, Shape: Total, Takes: scopes,
		Help: "containers that the kernel killed for want of memory: at their limit, or because the node had none left", open: openTotal(podOOMKilled)},
	{Name: "pending_max", Unit: Duration, Shape: Durations, Takes: podMakers,
		Help: "how long pods were Pending; the longest unless .p50 etc. is said", open: openPending},
	{Name: "pod_scheduling_seconds", Unit: Duration, Shape: Durations, Takes: podMakers,
		Help: "from a pod's creation until it was bound to a node; pods that are not yet, or never were, count with their age", open: openScheduling},
	{Name: "pod_start_seconds", Unit: Duration, Shape: Durations, Takes: podMakers,
		Help: "from a pod's creation until it was Ready for the first time; pods that are not yet count with their age", open: openStart},
	{Name: "pod_status_lag", Unit: Duration, Shape: Durations, Takes: scopes,
		Help: "from the start or the end of a container until the API showed it; the longest unless .p50 etc. is said", open: openLag},
	{Name: "pods", Unit: Count, Shape: Level, Takes: podGroups,
		Help: "pods that have neither finished nor are being deleted", open: openLevel(isActive)},
	{Name: "pods_created", Unit: Count, Shape: Total, Takes: podMakers,
		Help: "pods created", open: openTotal(podCreated)},
	{Name: "pods_deleted", Unit: Count, Shape: Total, Takes: podGroups,
		Help: "pods that are gone for good", open: openTotal(podDeleted)},
	{Name: "pods_failed", Unit: Count, Shape: Level, Takes: podGroups,
		Help: "pods in phase Failed", open: openLevel(isFailed)},
	{Name: "pods_pending", Unit: Count, Shape: Level, Takes: podGroups,
		Help: "pods in phase Pending", open: openLevel(isPending)},
	{Name: "pods_running", Unit: Count, Shape: Level, Takes: podGroups,
		Help: "pods in phase Running", open: openLevel(isRunning)},
	{Name: "pods_shown", Unit: Count, Shape: Level, Word: statusWord, Takes: scopes,
		Help: "pods with that STATUS in kubectl get pods, such as CrashLoopBackOff, Terminating, OutOfcpu or Init:1/2; see orrery get", open: openShown},
	{Name: "pods_succeeded", Unit: Count, Shape: Level, Takes: podGroups,
		Help: "pods in phase Succeeded", open: openLevel(isSucceeded)},
	{Name: "pods_terminating", Unit: Count, Shape: Level, Takes: podGroups,
		Help: "pods that are being deleted", open: openLevel(isLeaving)},
	{Name: "pods_unscheduled", Unit: Count, Shape: Level, Takes: podMakers,
		Help: "pods without a node", open: openLevel(isUnbound)},
	{Name: "preemptions", Unit: Count, Shape: Total, Takes: scopes,
		Help: "pods deleted by the scheduler in favour of pods of higher priority", open: openTotal(podPreempted)},
	{Name: "pull_failures", Unit: Count, Shape: Total, Takes: scopes,
		Help: "how often an image could not be pulled", open: openTotal(podPullFailed)},
	{Name: "ready", Unit: Count, Shape: Level, Takes: scopes,
		Help: "pods that are Ready and not being deleted", open: openLevel(isReady)},
	{Name: "rescheduled", Unit: Count, Shape: Total, Takes: podGroups,
		Help: "pods made in place of evicted ones and bound to a node", open: openTotal(podMoved)},
	{Name: "restarts", Unit: Count, Shape: Total, Takes: scopes,
		Help: "containers restarted", open: openTotal(podRestarted)},
	{Name: "scale_ups", Unit: Count, Shape: Total,
		Help: "how often the cluster autoscaler made a node group larger", open: openSaid("ScaledUpGroup")},
	{Name: "scheduled", Unit: Count, Shape: Total, Takes: podGroups,
		Help: "pods bound to a node", open: openTotal(podBound)},
	{Name: "served_rate", Unit: Rate, Shape: Level, Takes: "service",
		Help: "requests to the service that are served", open: openRate(answered)},
	{Name: "surge", Unit: Count, Shape: Level, Takes: keepers,
		Help: "pods beyond those wanted", open: openWorkload((*workload).surplus)},
	{Name: "throttled_seconds", Unit: Duration, Shape: Total, Takes: containerGroups,
		Help: "how long containers stood still because they had used up their CPU limit's quota of a period, " +
			"on all their CPUs together, as cpu.stat's throttled_usec counts it",
		open: openThrottledTime},
	{Name: "throttled_share", Unit: Percent, Shape: Share, Takes: containerGroups,
		Help: "periods of 100ms in which a container used up its CPU limit's quota, of those in which containers with a CPU limit ran", open: openThrottledShare},
	{Name: "time_to_detect", Unit: Duration, Shape: Durations, Takes: "[node]", needsFaults: true,
		Help: "from the start of a fault until a node was seen to be not Ready", open: openDetect},
	{Name: "time_to_recover", Unit: Duration, Shape: Durations, Takes: keepers + "|service", needsFaults: true, target: true,
		Help: "from the start of each fault until the workload had all its pods available again, or the service served target= " +
			"(99.9%) of its requests; 0s if the fault cost it nothing; a workload deleted while short of pods never recovered",
		open: openRecover},
	{Name: "time_to_replace", Unit: Duration, Shape: Durations, Takes: "[namespace|" + keepers + "]", needsFaults: true,
		Help: "from the start of a fault until an evicted pod's replacement was created", open: openReplace},
	{Name: "traffic_cross_zone", Unit: Percent, Shape: Share, Takes: "service",
		Help: "requests to the service that go to an endpoint in another zone, " + ofThose, open: openNearness(crossZone)},
	{Name: "traffic_same_node", Unit: Percent, Shape: Share, Takes: "service",
		Help: "requests to the service whose endpoint is on the node they come from, " + ofThose, open: openNearness(sameNode)},
	{Name: "traffic_same_zone", Unit: Percent, Shape: Share, Takes: "service",
		Help: "requests to the service whose endpoint is in the zone they come from, on the same node or another, " + ofThose, open: openNearness(sameZone)},
	{Name: "unavailable", Unit: Count, Shape: Level, Takes: keepers,
		Help: "pods wanted less those that are available (Ready for minReadySeconds)", open: openWorkload((*workload).missing)},
	{Name: "updated_replicas", Unit: Count, Shape: Level, Takes: keepers,
		Help: "ready pods of the newest template", open: openWorkload(func(d *workload) int64 { return d.upToDate(isReady) })},
	{Name: "utilization", Unit: Percent, Shape: Level, Takes: "service",
		Help: "how much of their CPU (the limit, or what others leave) or their workers, whichever is scarcer, " +
			"the service's endpoints are asked for, at most all, on the average of the requests that come to each " +
			"(to an idle one come none); of the source whose requests meet the busiest",
		open: openBusy},
	{Name: "workloads_ready", Unit: YesNo, Shape: Level,
		Help:   "every workload complete (every pod available and up to date) and no pod Pending, whatever nodes and faults do",
		doubts: doubtsWorkloads, open: openCluster((*state).workloadsReady)},
}

// Metrics lists every metric, by name.
func Metrics() []Metric { return slices.Clone(metrics) }

// OnlyIfAsked is the names of the metrics of what is used. They need no object, but
// DefaultMeasures leaves them out: the history has what they need only if somebody asks for it.
func OnlyIfAsked() (names []string) {
	for i := range metrics {
		if metrics[i].needsUsage {
			names = append(names, metrics[i].Name)
		}
	}
	return names
}

// metricNames is the names of all metrics, sorted.
func metricNames() []string {
	var names []string
	for i := range metrics {
		names = append(names, metrics[i].Name)
	}
	return names
}

// lookup is the metric of that name, nil if there is none.
func lookup(name string) *Metric {
	for i := range metrics {
		if metrics[i].Name == name {
			return &metrics[i]
		}
	}
	return nil
}
