// Package cluster puts a cluster together: sites, store, API servers,
// components and machines, wired as a Config says. It has no behaviour of its
// own; it is where a new part is plugged in.
package cluster

import (
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/autoscaler"
	"orrery/model/cloud"
	"orrery/model/etcd"
	"orrery/model/fault"
	"orrery/model/kubelet"
	"orrery/model/proxy"
	"orrery/model/runtime"
	"orrery/model/scheduler"
	"orrery/model/workload"
	"orrery/sim"
)

// Config is everything a run depends on. Equal configs make equal histories.
type Config struct {
	Name     string
	Seed     uint64
	Duration time.Duration

	ControlPlane ControlPlane
	Scheduler    scheduler.Config
	Nodes        []*model.Node           // not stored yet: Name, Labels, Taints, Capacity, Allocatable
	Cloud        *cloud.Config           // nil if machines neither come nor go; the first ones of its groups are among Nodes
	Autoscaler   *autoscaler.Config      // nil if there is none; it needs a Cloud
	Hollow       map[string]bool         // by name, the nodes whose kubelet only plays one; see kubelet.Hollow
	NodeRepair   cloud.RepairConfig      // none without After
	Static       map[string][]*model.Pod // by node name, the static pods in files of its machine
	Shutdown     Shutdowns
	// Topology is what machines are made of and what their kubelets let pods have for
	// themselves, by the name of their node, or of their node group.
	Topology  map[string]kubelet.Topology
	Objects   []model.Object     // applied at the start, in order; pods may be bound already (snapshot)
	Arrivals  []workload.Arrival // pods of a trace, sorted by At
	Behaviors runtime.Behaviors
	Webhooks  []apiserver.WebhookBehavior

	// Kubelet is what all kubelets are told, and their machines. What another field of this
	// Config says, and what a run gives them to talk to, New fills in.
	Kubelet kubelet.Config
	Images  []runtime.Image // that are described

	RegistryBandwidth int64 // bytes a second that the registry sends to all nodes together; 0 is without limit

	// Conntrack is how large nodes' tables of connections are; nil: nobody counts
	// connections, unless a fault fills tables.
	Conntrack *workload.Conntrack
	// NodeBandwidth is how many bytes a second of requests and answers a node sends and
	// receives at most; default DefaultNodeBandwidth. It counts if a behavior says how
	// large requests are.
	NodeBandwidth int64

	Traffic []workload.Traffic
	Probes  proxy.Probes      // of load balancers; the zero value is proxy.DefaultProbes
	DNS     *workload.DNS     // nil: whoever sends knows all addresses
	Actions []workload.Action // sorted by At
	Agents  []workload.Agents
	Faults  []fault.Spec // sorted by At

	// TellUsage is whose CPU and memory the history is to have whenever they change.
	TellUsage []model.UsageOf

	// Literal runs every tick as an event; the history must be the same.
	Literal bool
	// ExactTraffic has every change of traffic go all the way at once, every pod computed
	// by itself, and every node have a kube-proxy of its own.
	ExactTraffic bool
	// ShuffleTies permutes events of one instant; 0 keeps their order.
	ShuffleTies uint64
	Limits      sim.Limits
}

// topology is that of a node's machine.
func (c *Config) topology(n *model.Node) kubelet.Topology {
	if n.Group != "" {
		return c.Topology[n.Group]
	}
	return c.Topology[n.Name]
}

// Shutdowns is how kubelets end their pods when their machine is shut down, by the name
// of their node, or for all machines of a node group by that. Others do not.
type Shutdowns struct{ Nodes, Groups map[string]kubelet.Shutdown }

func (s *Shutdowns) of(n *model.Node) kubelet.Shutdown {
	if n.Group != "" {
		return s.Groups[n.Group]
	}
	return s.Nodes[n.Name]
}

// ControlPlane is the machines the API servers, etcd, the scheduler and the
// controllers run on.
type ControlPlane struct {
	Replicas int      // 1 to 5; default 1. Without ExternalEtcd 1, 3 or 5
	Zones    []string // by turns; empty is one zone ""
	// Nodes makes the machines nodes of the cluster, named cp-0 and so on, with a
	// kubelet and the control plane as static pods. If not, somebody else runs
	// them, as in a managed cluster.
	Nodes       bool
	Cloud       bool        // cloud-controller-manager runs on them; New says so
	Autoscaler  bool        // cluster-autoscaler does; New says so
	CPUMilli    int64       // of each; whole cores work on requests; default 2 cores, or 4 if they are no nodes
	MemoryBytes int64       // of each that is a node; default 4 GiB
	PodsPerCore int64       // that the kubelet of each takes (kubelet.PodCapacity); 0 is no such limit
	Etcd        etcd.Config // of the member on each; Sites and Literal are the cluster's
	// ExternalEtcd is how many members there are on machines of their own, which are
	// no nodes, named etcd-0 and so on; 0 is one on each machine of the control plane.
	ExternalEtcd int
	EtcdZones    []string // of these, by turns; empty is one zone ""

	APIServer apiserver.Config // of the one on each
}
