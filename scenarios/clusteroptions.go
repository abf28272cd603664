package scenarios

import (
	"fmt"
	"strconv"

	"orrery/model/autoscaler"
	"orrery/model/cluster"
	"orrery/scenarios/strict"
)

// What a scenario may say of a cluster besides its machines and kubelets.

const (
	ofCluster      = "cluster"
	ofControlPlane = "cluster.controlPlane"
	ofAPIServer    = "cluster.controlPlane.apiServer"
	ofEtcd         = "cluster.controlPlane.etcd"
	ofExternalEtcd = "cluster.controlPlane.etcd.external"
	ofRepair       = "cluster.nodeRepair"
	ofPulls        = "cluster.imagePulls"
	ofBalancers    = "cluster.loadBalancers"
	ofCloud        = "cluster.cloud"
	ofAutoscaler   = "cluster.autoscaler"
)

var clusterOptions = options{
	{ofCluster, "controlPlane", "", "a map", "{replicas: 3}", "machines with API servers, etcd, the scheduler and the controllers"},
	{ofCluster, "nodes", "", "a list", "[{name: n, cpu: 4, memory: 16Gi}]", "machines; there must be some, here, in nodeGroups, in a snapshot or in a trace"},
	{ofCluster, "nodeGroups", "", "a list", "[{name: g, cpu: 4, memory: 16Gi, max: 10}]", "machines that come and go"},
	{ofCluster, "snapshot", "", "files", "nodes.yaml", "what kubectl get nodes,pods -A -o yaml (or json) printed, one file or a list"},
	{ofCluster, "kubelet", "", "a map", "{kubeAPIQPS: 10}", "how all kubelets are configured"},
	{ofCluster, "kubeProxy", "", "a map", "{conntrack: {min: 65536}}", "how all kube-proxies are"},
	{ofCluster, "imagePulls", "", "a map", "{parallel: 3}", "how images come to nodes"},
	{ofCluster, "loadBalancers", "", "a map", "{interval: 10s}", "how load balancers check the health of nodes"},
	{ofCluster, "cloud", "", "a map", "{quota: 50}", "who makes machines of node groups"},
	{ofCluster, "autoscaler", "", "a map", "{expander: most-pods}", "who asks for them; without it node groups keep their size"},
	{ofCluster, "nodeRepair", "", "a map", "{after: 5m}", "the provider gives nodes that are not ready another machine; unless said, it does not"},
	{ofCluster, "panicAfter", "", "a duration", "5m", "after which a kernel panics if so long more CPU is wanted than there is; unless said, none does"},
	{ofCluster, "nodeBandwidth", "", "bytes a second", "125Mi",
		"of requests and answers that a node sends, and receives, at most; 10 Gbit/s unless said; counts where a behavior says bytes"},
}

var controlPlaneOptions = options{
	{ofControlPlane, "replicas", "1", "machines", "3", "1, 3 or 5; with etcd on machines of its own 1 to 5"},
	{ofControlPlane, "cpu", strconv.Itoa(cluster.ControlPlaneCPUMilli / 1000), "cores", "4", "of each"},
	{ofControlPlane, "memory", fmt.Sprint(cluster.ControlPlaneMemoryBytes>>30, "Gi"), "bytes", "8Gi", "of each"},
	{ofControlPlane, "zones", "", "labels", "[a, b, c]", "by turns"},
	{ofControlPlane, "managed", "", "true or false", "true", "somebody else runs the machines, and they are no nodes; unless said, where a snapshot or a trace lists the nodes"},
	{ofControlPlane, "apiServer", "", "a map", "{memory: 2Gi}", "how API servers are set up"},
	{ofControlPlane, "etcd", "", "a map", "{quota: 8Gi}", "how etcd is"},
}

var apiServerOptions = options{
	{ofAPIServer, "memory", "", "bytes", "2Gi", "that one may have; unless said, what its machine has"},
	{ofAPIServer, "consistentListFromCache", "true", "true or false", "false", "lists of what is true now come out of the watch cache, not from etcd"},
	{ofAPIServer, "streamingEncoding", "true", "true or false", "false", "lists are encoded piece by piece, and not held whole"},
	{ofAPIServer, "priorityAndFairness", "true", "true or false", "false", "if not, requests in flight are only counted"},
}

var etcdOptions = options{
	{ofEtcd, "preVote", "true", "true or false", "false", "members ask whether they would win before they stand for election"},
	{ofEtcd, "checkQuorum", "true", "true or false", "false", "a leader that hears of no majority steps down"},
	{ofEtcd, "fsync", "", "a duration or a distribution", "10ms..20ms", "that a disk takes to sync"},
	{ofEtcd, "quota", "", "bytes", "8Gi", "of the database, after which it takes no more; 2Gi unless said"},
	{ofEtcd, "external", "", "a map", "{members: 3}", "machines of its own; unless said, it is on those of the control plane"},
}

var externalEtcdOptions = options{
	{ofExternalEtcd, "members", "", "machines", "3", "required: 1, 3, 5 or 7 machines that are only etcd's"},
	{ofExternalEtcd, "zones", "", "labels", "[a, b, c]", "by turns"},
}

var repairOptions = options{
	{ofRepair, "after", "10m", "a duration", "5m", "that a node is not ready, until it gets another machine, one at a time"},
	{ofRepair, "takes", "2m..4m", "a duration or a distribution", "90s", "until that boots"},
}

var pullOptions = options{
	{ofPulls, "parallel", "1", "images", "3", "that a node pulls at a time (maxParallelImagePulls)"},
	{ofPulls, "registryBandwidth", "", "bytes a second", "1Gi", "that the registry sends to all nodes together; without end unless said"},
}

var balancerOptions = options{
	{ofBalancers, "interval", "8s", "a duration", "10s", "between two checks of a node"},
	{ofBalancers, "timeout", "1s", "a duration", "2s", "of a check; less than the interval"},
	{ofBalancers, "healthy", "1", "checks", "2", "that pass until a node gets requests"},
	{ofBalancers, "unhealthy", "3", "checks", "2", "that fail until it gets none"},
	{ofBalancers, "lag", "10s", "a duration", "30s", "until a node is one of the balancer's"},
}

var cloudOptions = options{
	{ofCloud, "quota", "0", "machines", "50", "that there may be; 0 is no limit"},
	{ofCloud, "launchesPerMinute", "0", "machines", "10", "that are launched at most; 0 is no limit"},
	{ofCloud, "terminationHandler", "false", "true or false", "true", "drains spot machines of which notice is given"},
}

var autoscalerOptions = options{
	{ofAutoscaler, "expander", autoscaler.LeastWaste, "an expander", autoscaler.MostPods,
		"which group grows: " + autoscaler.LeastWaste + ", " + autoscaler.MostPods + ", price, priority or random"},
	{ofAutoscaler, "scanInterval", strict.FormatDuration(autoscaler.DefaultScanInterval), "a duration", "30s", "between two looks"},
	{ofAutoscaler, "scaleDown", "true", "true or false", "false", "nodes that are little used go"},
	{ofAutoscaler, "scaleDownUnneededTime", strict.FormatDuration(autoscaler.DefaultUnneededTime), "a duration", "5m", "after which they do"},
	{ofAutoscaler, "scaleDownDelayAfterAdd", strict.FormatDuration(autoscaler.DefaultDelayAfterAdd), "a duration", "5m", "after a machine came, in which none go"},
	{ofAutoscaler, "scaleDownUtilizationThreshold", "50%", "a share", "60%", "of a node's CPU or memory that is requested, up to which it is little used"},
	{ofAutoscaler, "maxNodeProvisionTime", strict.FormatDuration(autoscaler.DefaultMaxNodeProvisionTime), "a duration", "10m", "after which a machine that did not come is given up"},
}
