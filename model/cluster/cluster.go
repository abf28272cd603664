package cluster

import (
	"errors"
	"fmt"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/cloud"
	"orrery/model/controller"
	"orrery/model/fault"
	"orrery/model/kubelet"
	"orrery/model/network"
	"orrery/model/proxy"
	"orrery/model/runtime"
	"orrery/model/scheduler"
	"orrery/model/store"
	"orrery/model/workload"
	"orrery/sim"
)

// Cluster is one run: a kernel and everything on it.
type Cluster struct {
	Kernel *sim.Kernel
	Store  *store.Store

	config   Config
	net      *network.Network
	control  []network.Site
	etcd     *apiserver.Backend
	servers  []*apiserver.Server // by machine of the control plane
	ingress  network.Site
	kubelets []agent                 // by node ID
	sites    []network.Site          // by node ID
	hollow   int                     // how many of them are
	proxies  map[string]*proxy.Proxy // by node name, "" is the ingress's
	registry *runtime.Registry
	cloud    *cloud.Provider // nil if machines neither come nor go
	flows    *workload.Flows

	schedulers  []*scheduler.Scheduler // by machine of the control plane
	controllers []*controller.Process
}

// agent is a node's kubelet, real or hollow.
type agent interface {
	fault.Machine
	Start()
}

// New wires a cluster and lets everything in it start at the beginning of
// time: the nodes are registered and ready, and nothing runs on them yet.
func New(c Config) (*Cluster, error) {
	if len(c.Nodes) == 0 {
		return nil, errors.New("a cluster needs at least one node")
	}
	k := sim.New(sim.Config{Seed: c.Seed, Limits: c.Limits, ShuffleTies: c.ShuffleTies})
	x := &Cluster{Kernel: k, config: c, net: network.New(k, network.DefaultProfile()), proxies: map[string]*proxy.Proxy{}}
	x.registry = runtime.NewRegistry(k)
	x.Store = store.New(k, x.net)
	if c.Literal {
		x.Store.Leases().Literal()
	}
	x.addControlPlane()
	x.ingress = x.net.AddSite("ingress", "ingress")
	c.Scheduler.Literal, c.Scheduler.Profile = c.Literal, c.profile()
	c.Scheduler.Usage = x.usage
	x.addReplicas(c.Scheduler)
	x.flows = workload.NewTraffic(k, x.Store, x.net, workload.TrafficConfig{Sources: c.Traffic, Calls: c.calls(), DNS: c.DNS, World: trafficWorld{x}, Site: x.ingress})
	x.expectWebhooks()
	if err := x.addNodes(); err != nil {
		return nil, err
	}
	x.addCloud()
	x.schedulers[0].Start()
	x.controllers[0].Start()
	for _, n := range x.kubelets[1:] {
		n.Start()
	}
	x.flows.Start()
	breaks := fault.New(k, faultWorld{x}, c.Faults)
	breaks.Start()
	if c.NodeRepair.After > 0 {
		cloud.NewNodeRepair(k, x.Store, x.control[0], breaks, c.NodeRepair).Start()
	}
	people := workload.NewKubectl(k, x.Store, x.net, x.control[0], c.Actions)
	people.Etcdctl(x.etcd)
	people.Apply(c.Objects)
	people.Start()
	if len(c.Arrivals) > 0 {
		workload.NewReplay(k, x.Store, x.control[0], c.Arrivals).Start()
	}
	if len(c.Agents) > 0 {
		workload.NewFleet(k, x.Store, x.net, x.sites[1:], c.Agents)
	}
	x.sing()
	return x, nil
}

// Run lets the cluster live until the given time. The error is a
// *sim.StopError.
func (x *Cluster) Run(until sim.Time) error { return x.Kernel.Run(until) }

// defaultControlPlaneCores is the size of a control-plane machine nothing is
// said about.
const defaultControlPlaneCores = 4

// addControlPlane adds the machines of the control plane, an API server and a
// member of etcd on each. The scheduler and the controllers that lead
// run on the first.
func (x *Cluster) addControlPlane() {
	c := x.config.ControlPlane
	n := max(c.Replicas, 1)
	cores := defaultControlPlaneCores
	if c.CPUMilli > 0 {
		cores = int(max(c.CPUMilli/1000, 1))
	}
	for i := range n {
		zone := ""
		if len(c.Zones) > 0 {
			zone = c.Zones[i%len(c.Zones)]
		}
		site := x.net.AddSite(fmt.Sprintf("cp-%d", i), zone)
		x.control = append(x.control, site)
	}
	members := c.Etcd
	members.Sites, members.Literal = x.control, x.config.Literal
	x.etcd = apiserver.NewBackend(x.Kernel, x.Store, x.net, members)
	x.etcd.Servers = c.APIServer
	for _, site := range x.control {
		x.servers = append(x.servers, apiserver.New(x.Kernel, x.Store, x.etcd, x.net, site, cores))
	}
}

// addReplicas adds a scheduler and a controller manager on each machine of the
// control plane. Those on the first lead.
func (x *Cluster) addReplicas(c scheduler.Config) {
	for i, site := range x.control {
		if i > 0 {
			c.Replica = "@" + x.net.Name(site)
		}
		x.schedulers = append(x.schedulers, scheduler.New(x.Kernel, x.Store, site, c))
		x.controllers = append(x.controllers, controller.New(x.Kernel, x.Store, site, controller.Config{Literal: c.Literal, Usage: x.podUsage, Replica: c.Replica}))
	}
}

// installer is who put the first nodes there.
type installer struct{}

// Wake implements sim.Actor; an installer never waits for anything.
func (installer) Wake(sim.Time, sim.Why, uint64) {}

func (x *Cluster) addNodes() error {
	by := x.Kernel.Register("installer", installer{})
	x.kubelets = make([]agent, 1, len(x.config.Nodes)+1)
	x.sites = make([]network.Site, 1, len(x.config.Nodes)+1)
	for _, given := range x.config.Nodes {
		n := *given
		n.Meta.Kind = model.KindNode
		n.Ready = model.Condition{Status: model.True, Reason: "KubeletReady"}
		if x.Store.Create(by, &n) != store.Accepted {
			return fmt.Errorf("two nodes are called %q", n.Name)
		}
		x.addMachine(&n)
	}
	return nil
}

// addMachine puts a machine there, whose node has the next number.
func (x *Cluster) addMachine(n *model.Node) {
	site := x.net.AddSite(n.Name, n.Labels.Value(model.LabelZone))
	x.sites = append(x.sites, site)
	x.kubelets = append(x.kubelets, x.kubelet(n, site))
}

// kubelet is a node's agent. Hollow ones renew their leases by turns, evenly
// spread over the period.
func (x *Cluster) kubelet(n *model.Node, site network.Site) agent {
	if !x.config.Hollow[n.Name] {
		return kubelet.New(x.Kernel, x.Store, x.net, n, site, kubelet.Config{
			Literal: x.config.Literal, Behaviors: x.config.Behaviors, Registry: x.registry, Serving: told{x}, Used: x.used,
		})
	}
	turn := store.RenewEvery * time.Duration(x.hollow) / time.Duration(len(x.config.Hollow))
	x.hollow++
	return kubelet.NewHollow(x.Kernel, x.Store, x.net, n, site, kubelet.HollowConfig{
		Behaviors: x.config.Behaviors, Serving: told{x}, FirstLease: turn,
	})
}
