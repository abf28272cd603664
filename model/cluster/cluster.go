package cluster

import (
	"errors"
	"fmt"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/cloud"
	"orrery/model/controller"
	"orrery/model/election"
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

	config       Config
	net          *network.Network
	control      []network.Site
	members      []network.Site // of etcd: control, unless it has machines of its own
	etcd         *apiserver.Backend
	memberGates  []*gate
	etcdMachines []*etcdMachine      // none if members are on machines of the control plane
	gates        []map[string]*gate  // by machine of the control plane and name of the pod
	servers      []*apiserver.Server // by machine of the control plane
	ingress      network.Site
	checks       []network.Site          // where load balancers check from, if there are any
	outside      network.Site            // where people are, and programs on machines that are no nodes
	kubelets     []agent                 // by node ID
	sites        []network.Site          // by node ID
	hollow       int                     // how many of them are
	proxies      map[string]*proxy.Proxy // by node name, "" is the ingress's
	shared       map[string]inTurn       // by zone, the proxies of nodes that share some
	rules        proxy.Rulebook          // of all proxies
	balancers    []*proxy.Balancer
	registry     *runtime.Registry
	behaviors    *runtime.BehaviorIndex
	pace         runtime.Pace    // of start-ups
	lostDisks    []string        // volumes behind which nothing is any more
	cloud        *cloud.Provider // nil if machines neither come nor go
	flows        *workload.Flows
	starts       *workload.Starts

	elections []*election.Election
	replicas  map[string][]*election.Candidate // by name of the pod and machine of the control plane
	machines  []*kubelet.Kubelet               // of the control plane, if they are nodes
	managers  []*controller.Process
}

// agent is a node's kubelet, real or hollow.
type agent interface {
	fault.Machine
	Start()
}

// What runs on a node that is not hollow can break.
var _ fault.Host = (*kubelet.Kubelet)(nil)

// New wires a cluster and lets everything in it start at the beginning of
// time: the nodes are registered and ready, and nothing runs on them yet.
func New(c Config) (*Cluster, error) {
	if len(c.Nodes) == 0 {
		return nil, errors.New("a cluster needs at least one node")
	}
	k := sim.New(sim.Config{Seed: c.Seed, Limits: c.Limits, ShuffleTies: c.ShuffleTies})
	x := &Cluster{
		Kernel: k, config: c, net: network.New(k, network.DefaultProfile()), behaviors: c.Behaviors.Index(),
		proxies: map[string]*proxy.Proxy{}, shared: map[string]inTurn{}, replicas: map[string][]*election.Candidate{},
	}
	x.config.ControlPlane.Cloud, x.config.ControlPlane.Autoscaler = c.Cloud != nil, c.Cloud != nil && c.Autoscaler != nil
	x.registry = runtime.NewRegistry(k)
	x.registry.Bandwidth = c.RegistryBandwidth
	x.registry.Describe(c.Images)
	x.Store = store.New(k, x.net)
	if c.Literal {
		x.Store.Leases().Literal()
	}
	x.addControlPlane()
	x.ingress = x.net.AddSite("ingress", "ingress")
	x.addOutside()
	c.Scheduler.Literal, c.Scheduler.Profile = c.Literal, c.profile()
	c.Scheduler.Usage = x.usage
	x.addReplicas(c.Scheduler)
	x.addBalancers()
	x.flows = workload.NewTraffic(k, x.Store, x.net, workload.TrafficConfig{
		Sources: c.Traffic, Calls: append(x.calls(), x.needs()...), DNS: c.DNS, Probing: x.probing(), Exact: c.ExactTraffic,
		World: trafficWorld{x}, Site: x.ingress, Tables: x.tables(), Bandwidth: c.bandwidth(),
	})
	x.starts = workload.NewStarts(k, x.Store, x.net)
	x.expectWebhooks()
	if err := x.addNodes(); err != nil {
		return nil, err
	}
	x.addCloud()
	for _, e := range x.elections {
		e.Begin()
	}
	for _, n := range x.kubelets[1:] {
		n.Start()
	}
	for _, b := range x.balancers {
		b.Start()
	}
	x.flows.Start()
	breaks := fault.New(k, faultWorld{x}, c.Faults)
	breaks.Start()
	if c.NodeRepair.After > 0 {
		cloud.NewNodeRepair(k, x.Store, x.outside, breaks, c.NodeRepair).Start()
	}
	people := workload.NewKubectl(k, x.Store, x.net, x.outside, c.Actions)
	people.Etcdctl(x.etcd)
	people.Apply(c.Objects)
	people.Start()
	if len(c.Arrivals) > 0 {
		workload.NewReplay(k, x.Store, x.outside, c.Arrivals).Start()
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

// addReplicas adds a scheduler and a controller manager on each machine of the
// control plane. Those on the first lead at first.
func (x *Cluster) addReplicas(c scheduler.Config) {
	literal := x.config.Literal
	schedulers := election.New(x.Kernel, x.Store, election.Config{
		Name: "kube-scheduler", As: scheduler.As, QPS: scheduler.QPS, Burst: scheduler.Burst, Releases: true, Literal: literal,
	})
	controllers := election.New(x.Kernel, x.Store, election.Config{
		Name: "kube-controller-manager", As: controller.As, QPS: controller.QPS, Burst: controller.Burst, Literal: literal,
	})
	x.elections = []*election.Election{schedulers, controllers}
	ledger := &controller.Ledger{}
	for i, site := range x.control {
		machine := x.net.Name(site)
		if i > 0 {
			c.Replica = "@" + machine
		}
		x.replica(schedulerPod, i, schedulers.Add(machine, site, scheduler.New(x.Kernel, x.Store, site, c)))
		manager := controller.New(x.Kernel, x.Store, site, controller.Config{
			Literal: literal, Usage: x.Usage, LostDisk: x.lostDisk, Replica: c.Replica, Ledger: ledger, Storage: c.Storage,
		})
		x.managers = append(x.managers, manager)
		x.replica(controllerManagerPod, i, controllers.Add(machine, site, manager))
	}
}

// installer is who put the first nodes there.
type installer struct{}

// Wake implements sim.Actor; an installer never waits for anything.
func (installer) Wake(sim.Time, sim.Why, uint64) {}

// addNodes adds the nodes that were given, and after them the machines of the
// control plane if they are nodes. All are registered and ready, and their static
// pods run.
func (x *Cluster) addNodes() error {
	by := x.Kernel.Register("installer", installer{})
	machines := x.config.ControlPlane.Machines(&x.config.Kubelet.Eviction)
	x.kubelets = make([]agent, 1, len(x.config.Nodes)+len(machines)+1)
	x.sites = make([]network.Site, 1, cap(x.kubelets))
	for _, given := range x.config.Nodes {
		site := x.net.AddSite(given.Name, given.Labels.Value(model.LabelZone))
		if err := x.addNode(by, given, site, x.statics(given.Name)); err != nil {
			return err
		}
	}
	for i, given := range machines {
		if err := x.addNode(by, given, x.control[i], x.controlPlaneStatics(i)); err != nil {
			return err
		}
		if k, real := x.kubelets[len(x.kubelets)-1].(*kubelet.Kubelet); real {
			x.servers[i].SetRunner(container{k, inContainer{x.gates[i][apiServerPod]}})
			x.machines = append(x.machines, k)
			x.contain(schedulerPod, i)
			x.contain(controllerManagerPod, i)
		}
	}
	return nil
}

func (x *Cluster) addNode(by sim.ActorID, given *model.Node, site network.Site, static []kubelet.Static) error {
	n := *given
	n.Meta.Kind = model.KindNode
	n.Ready = model.Condition{Status: model.True, Reason: "KubeletReady"}
	if x.Store.Create(by, &n) != store.Accepted {
		return fmt.Errorf("two nodes are called %q", n.Name)
	}
	k, real := x.place(&n, site, static).(*kubelet.Kubelet)
	if !real {
		return nil
	}
	for _, mirror := range k.Mirrors() {
		if x.Store.Create(by, mirror) != store.Accepted {
			return fmt.Errorf("two static pods of node %q are called %q", n.Name, mirror.Name)
		}
	}
	return nil
}

// addMachine puts a machine there, whose node has the next number.
func (x *Cluster) addMachine(n *model.Node) {
	x.place(n, x.net.AddSite(n.Name, n.Labels.Value(model.LabelZone)), nil)
}

// place gives a node its agent at a site.
func (x *Cluster) place(n *model.Node, site network.Site, static []kubelet.Static) agent {
	var a agent
	if x.config.Hollow[n.Name] {
		a = x.hollowKubelet(n, site)
	} else {
		a = kubelet.New(x.Kernel, x.Store, x.net, n, site, x.kubeletConfig(n, site, static))
	}
	x.sites = append(x.sites, site)
	x.kubelets = append(x.kubelets, a)
	if x.config.everyProxy() && x.proxies[n.Name] == nil {
		x.nodeProxy(n, site)
	}
	return a
}

// kubeletConfig is what a node's kubelet depends on.
func (x *Cluster) kubeletConfig(n *model.Node, site network.Site, static []kubelet.Static) kubelet.Config {
	c := x.config.Kubelet
	c.Literal = x.config.Literal
	c.Static, c.Shutdown, c.Topology = static, x.config.Shutdown.of(n), x.config.topology(n)
	c.Volumes, c.LostDisk = x.attachable, x.lostDisk
	c.Behaviors, c.Registry, c.Pace = x.behaviors, x.registry, &x.pace
	c.Serving, c.Used, c.API, c.Note = hearers{x}, x.used, starts{x, site}, x.Store.Note
	c.Keen = x.config.ExactTraffic || x.config.Scheduler.Profile.ReadsUsage()
	c.HasAccount, c.WholeAccount = x.accounts(), x.config.wholeAccount(n.Name)
	return c
}

// hollowKubelet is a node's agent that only plays one. They renew their leases by
// turns, evenly spread over the period and never at its beginning, when timelines
// like to do things.
func (x *Cluster) hollowKubelet(n *model.Node, site network.Site) agent {
	turn := store.RenewEvery * time.Duration(2*x.hollow+1) / time.Duration(2*len(x.config.Hollow))
	x.hollow++
	return kubelet.NewHollow(x.Kernel, x.Store, x.net, n, site, kubelet.HollowConfig{
		Behaviors: x.behaviors, Pace: &x.pace, Serving: hearers{x}, FirstLease: turn,
	})
}
