package scenarios

import (
	"slices"
	"strconv"
	"strings"

	"orrery/model/kubelet"
	"orrery/model/runtime"
	"orrery/model/workload"
	"orrery/scenarios/strict"
)

// Option is a key that a scenario may have. The loader knows no other keys and no other
// defaults, but for those of Kubernetes' own objects and configurations, for the columns
// of tables ([TraceColumns]), and for small maps, of which Example shows all keys.
type Option struct {
	Of      string // the map whose key it is, such as cluster.kubelet; "" is the scenario
	Name    string
	Default string // "" is nothing, or what Help says
	Unit    string
	Example string // a value, in YAML
	Help    string
}

// Path is the whole name of an option.
func (o Option) Path() string { return strings.TrimPrefix(o.Of+"."+o.Name, ".") }

// options is those of one map.
type options []Option

func (o options) names() []string {
	out := make([]string, len(o))
	for i := range o {
		out[i] = o[i].Name
	}
	return out
}

// read is the value of an option, or its default.
func (o options) read(m *strict.Map, name string) strict.Value {
	i := slices.IndexFunc(o, func(x Option) bool { return x.Name == name })
	if o[i].Default == "" {
		return m.Optional(name)
	}
	return m.Default(name, o[i].Default)
}

// KnownOptions is all of them, map by map. What nodes have, machines of node groups have, too.
func KnownOptions() []Option {
	return slices.Concat(scenarioOptions, schedulerOptions, policyOptions,
		clusterOptions, controlPlaneOptions, apiServerOptions, etcdOptions, externalEtcdOptions, kubeletOptions, conntrackOptions,
		machineOptions, nodeOptions, groupOptions, cloudOptions, autoscalerOptions, repairOptions, pullOptions, balancerOptions,
		traceOptions, tableOptions, columnOptions, spanOptions, wordsOptions, traceTimeOptions,
		workloadOptions, imageOptions, behaviorOptions, callOptions, probeOptions, probeMapOptions, burstOptions,
		trafficOptions, rateOptions, rateFileOptions, stepOptions, rampOptions, diurnalOptions, connectionOptions,
		dnsOptions, webhookOptions, mutateOptions, agentOptions,
		timelineOptions, expressionOptions, repeatOptions, expectOptions)
}

const (
	ofKubelet   = "cluster.kubelet"
	ofConntrack = "cluster.kubeProxy.conntrack"
	ofNodes     = "cluster.nodes[]"
	ofGroups    = "cluster.nodeGroups[]"
)

// kubeletOptions is about the kubelets of all nodes, by the names of a
// KubeletConfiguration.
var kubeletOptions = options{
	{ofKubelet, "kubeAPIQPS", strconv.Itoa(kubelet.DefaultQPS), "requests a second", "10", "of each kubelet to the API servers, besides heartbeats"},
	{ofKubelet, "kubeAPIBurst", strconv.Itoa(kubelet.DefaultBurst), "requests", "20", "and at once"},
	{ofKubelet, "registryPullQPS", strconv.FormatInt(runtime.DefaultPullRate.QPS, 10), "pulls a second", "20",
		"that a kubelet begins; who wants one more fails (pull QPS exceeded) and does not wait; 0 is no limit"},
	{ofKubelet, "registryBurst", strconv.FormatInt(runtime.DefaultPullRate.Burst, 10), "pulls", "50", "and at once"},
	{ofKubelet, "crashLoopBackOff", "", "a duration", "{maxContainerRestartPeriod: 30s}", "the longest wait before a container starts again, 1s to 300s; 300s unless said"},
	{ofKubelet, "imageGCHighThresholdPercent", strconv.FormatInt(kubelet.DefaultImageGC.High, 10), "percent", "90",
		"of the disk that are used, rounded up, when images that nobody uses begin to be removed, every 5 minutes; at 100 none are"},
	{ofKubelet, "imageGCLowThresholdPercent", strconv.FormatInt(kubelet.DefaultImageGC.Low, 10), "percent", "70", "and when that ends; less than the high one"},
	{ofKubelet, "imageMaximumGCAge", "", "a duration", "24h",
		"after which images that nobody uses are removed, whatever the disk has room for, " +
			"once the kubelet has run for so long; more than 2m; unless said, none are"},
	{ofKubelet, "podsPerCore", "0", "pods", "10", "that a kubelet takes for each core of its machine, if that is fewer than pods of nodes and node groups; 0 is no such limit"},
	{ofKubelet, "podPidsLimit", "", "processes", "4096", "that a pod may have; -1, the default, or 0: as many as there are"},
	{ofKubelet, "allowedUnsafeSysctls", "", "a list", "[kernel.msg*, net.core.somaxconn]",
		"kernel parameters, or their beginnings with *, that pods may set besides the safe ones; a pod that sets another one is rejected"},
	{ofKubelet, "failSwapOn", "true", "true or false", "false", "kubelets do not start on a machine with swap"},
	{ofKubelet, "memorySwap", "", "a behavior", "{swapBehavior: LimitedSwap}", "who may have swap: nobody (NoSwap, the default) or containers of Burstable pods (LimitedSwap)"},
	{ofKubelet, "containerLogMaxSize", "10Mi", "bytes", "50Mi", "of the file that a container logs to: one that has as much is rotated at the next look, one every 10s"},
	{ofKubelet, "containerLogMaxFiles", strconv.Itoa(runtime.DefaultLogs.MaxFiles), "2 to 100", "3", "that a container has of it; all but the newest two are gzipped"},
	{ofKubelet, "evictionHard", "", "amounts or shares", "{memory.available: 500Mi, nodefs.available: 10%}",
		"thresholds that replace all defaults: memory.available 100Mi, nodefs.available 10%, " +
			"nodefs.inodesFree 5%, imagefs.available 15%, imagefs.inodesFree 5%; there is pid.available, too"},
	{ofKubelet, "evictionSoft", "", "amounts or shares", "{memory.available: 1Gi}", "thresholds that count after a while; each needs its evictionSoftGracePeriod"},
	{ofKubelet, "evictionSoftGracePeriod", "", "durations", "{memory.available: 90s}", "that while, for each soft threshold"},
	{ofKubelet, "mergeDefaultEvictionSettings", "false", "true or false", "true", "evictionHard replaces only the defaults of what it names"},
	{ofKubelet, "evictionMinimumReclaim", "", "amounts or shares", "{imagefs.available: 2Gi}",
		"how much more than a threshold has to be free until a kubelet that acts upon it stops evicting and cleaning up; 0 unless said"},
	{ofKubelet, "evictionMaxPodGracePeriod", "", "a duration", "60s", "the grace of a pod that is evicted for a soft threshold; at least 1s"},
	{ofKubelet, "evictionPressureTransitionPeriod", "", "a duration", "30s", "how long a node says that it is short of something after it last was; 5m unless said"},
}

// conntrackOptions is about the kube-proxies of all nodes, by the names of a
// KubeProxyConfiguration.
var conntrackOptions = options{
	{ofConntrack, "maxPerCore", strconv.FormatInt(workload.DefaultConntrack.MaxPerCore, 10), "connections", "16384",
		"that a node remembers, for each core it has; without cluster.kubeProxy, and without the fault conntrack-full, nobody counts"},
	{ofConntrack, "min", strconv.FormatInt(workload.DefaultConntrack.Min, 10), "connections", "65536", "that it remembers at least"},
}

// machineOptions is what nodes and node groups say of their machines.
var machineOptions = options{
	{ofNodes, "name", "", "a name", "web", "required; with count machines are called web-0, web-1 and so on"},
	{ofNodes, "cpu", "", "cores", "500m", "required"},
	{ofNodes, "memory", "", "bytes", "64Gi", "required"},
	{ofNodes, "disk", "100Gi", "bytes", "200Gi", "of the one filesystem"},
	{ofNodes, "pods", "110", "pods", "250", "that a kubelet takes (maxPods)"},
	{ofNodes, "gpus", "0", "devices", "8", "GPUs, as nvidia.com/gpu"},
	{ofNodes, "gpuModel", "", "a name", "A100", "what they are"},
	{ofNodes, "swap", "", "bytes", "8Gi", "needs cluster.kubelet: {failSwapOn: false}; nobody uses it without memorySwap: {swapBehavior: LimitedSwap}"},
	{ofNodes, "zones", "", "labels", "[a, b, c]", "by turns"},
	{ofNodes, "labels", "", "labels", "{pool: web}", "besides those that kubelets set"},
	{ofNodes, "taints", "", "taints", `["dedicated=gpu:NoSchedule"]`, "as kubectl taint has them"},
	{ofNodes, "kubeReserved", "", "amounts", "{cpu: 500m, memory: 1Gi, ephemeral-storage: 5Gi, pid: 1000}", "what pods cannot have"},
	{ofNodes, "systemReserved", "", "amounts", "{cpu: 100m}", "the same, for others"},
	{ofNodes, "shutdownGracePeriod", "", "a duration", "60s", "how long a kubelet holds the machine's shutdown up to end its pods"},
	{ofNodes, "shutdownGracePeriodCriticalPods", "", "a duration", "20s", "of that, for critical ones"},
	{ofNodes, "shutdownGracePeriodByPodPriority", "", "a list", "[{priority: 0, shutdownGracePeriodSeconds: 20}, {priority: 100000, shutdownGracePeriodSeconds: 10}]",
		"instead of these two, the same for each band of priorities, the lowest first"},
	{ofNodes, "numaNodes", "1", "1 to 8", "2", "of which the machine is made, each a socket with an equal part of its CPUs and memory"},
	{ofNodes, "threadsPerCore", "1", "CPUs", "2", "that are one core"},
	{ofNodes, "cpuManagerPolicy", "none", "a policy", "static", "static: containers of Guaranteed pods that ask for whole CPUs have them for themselves; needs reserved CPU"},
	{ofNodes, "cpuManagerPolicyOptions", "", "options", "{full-pcpus-only: true}", "with that, only by whole cores"},
	{ofNodes, "memoryManagerPolicy", "None", "a policy", "Static", "Static: containers of Guaranteed pods have memory of NUMA nodes for themselves; needs reservedMemory"},
	{ofNodes, "reservedMemory", "", "a list", "[{numaNode: 0, limits: {memory: 1124Mi}}]",
		"of each NUMA node what nobody has for himself: together what kubeReserved, systemReserved and the hard threshold keep"},
	{ofNodes, "topologyManagerPolicy", kubelet.TopologyPolicies[kubelet.NoTopology], "a policy", "single-numa-node",
		"none, best-effort, restricted or single-numa-node: the last two refuse pods whose CPUs, memory and GPUs are not where they would rather be"},
	{ofNodes, "topologyManagerScope", "container", "a scope", "pod", "whether each container is looked at, or the pod as a whole"},
}

// nodeOptions is what only nodes have.
var nodeOptions = options{
	{ofNodes, "count", "1", "machines", "60", "equal ones"},
	{ofNodes, "inodes", "", "files", "6500000", "that the disk can have; unless said, what mkfs makes of it"},
	{ofNodes, "pids", "", "processes", "100000", "that there can be; unless said, what Linux makes of the memory"},
	{ofNodes, "hollow", "false", "true or false", "true", "nothing runs there, as on KWOK's nodes"},
	{ofNodes, "staticPods", "", "files", "[]",
		"manifests that lie on each machine, which its kubelet runs without being asked; " +
			"metrics count their pods for their namespace and node, not for the whole cluster"},
}

// groupOptions is what only node groups have.
var groupOptions = options{
	{ofGroups, "min", "0", "machines", "1", "that an autoscaler leaves"},
	{ofGroups, "max", "", "machines", "10", "required"},
	{ofGroups, "start", "", "machines", "2", "at the beginning; min unless said"},
	{ofGroups, "provision", defaultProvision, "a duration or a distribution", "90s", "from the request for a machine to the start of its kubelet"},
	{ofGroups, "price", "0", "per hour and machine", "0.2", "in any money"},
	{ofGroups, "priority", "0", "a number", "10", "for the expander priority: the highest is asked first"},
}
