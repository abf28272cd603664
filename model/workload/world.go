package workload

import (
	"orrery/model"
	"orrery/model/network"
)

// What traffic needs to know of everything else, and whom it tells: a cluster implements
// this, and so does the rig of tests.

// Router is a machine's rules about Services: its kube-proxy.
type Router interface {
	Route(namespace, service string) model.Route
	// External is what it does with what a load balancer sends to the machine.
	External(namespace, service string) model.Route
	// Seat is the machine that Flows.RouteChanged is told of: one, if several have the
	// same rules at the same time.
	Seat() string
}

// World is what traffic meets on its way: machines, not API objects. Node ""
// is the ingress, outside of all nodes.
type World interface {
	// Site is where a machine is in the network; false if there is no such node.
	Site(node string) (network.Site, bool)
	// Proxy is the machine's proxy, started when it is first asked for. It must
	// call Flows.RouteChanged after every change of its rules.
	Proxy(node string) Router
	// Balanced is the nodes that a Service's load balancer sends to, each an equal
	// share; false if it has none. When that changes, Flows.TargetsChanged must be called.
	Balanced(namespace, service string) ([]string, bool)
	// Work is what a request costs a pod. It is asked once per pod;
	// on a machine that is crowded it has CPU for fewer.
	Work(pod model.Ref) Work
	// Probes is the pod's that may fail although it runs. It is asked once per pod.
	Probes(pod model.Ref) []Probe
	// Machine is the node's machine, nil if nothing really runs there.
	Machine(node string) Machine
	// Flowed is told that an inflow is another one, for those who listen to it.
	Flowed(in *model.Inflow)
}

// Machine is told how many requests arrive at a pod from now on.
type Machine interface {
	// Load says that this arrives, or that it has changed (Inflow.NeedsTelling). It is
	// false if the pod is not there.
	Load(pod uint32, in *model.Inflow) bool
	// Probed is told how many of a million probes of a container fail from now on,
	// because the answer is late or because there is none. It may not know the pod yet.
	Probed(pod uint32, container int, kind model.ProbeKind, late, refused uint32)
	// Untracked is told how many of a million new connections the machine's kernel drops from
	// now on, because its conntrack table is full.
	Untracked(ppm uint32)
	// Capacity is how many requests it has CPU for on that machine. When that changes,
	// Flows.CapacityChanged must be called.
	Capacity(pod uint32) model.Capacity
	// Room is how many requests there is room for on the machine's cores as others use them, none
	// if Capacity says it, and how many those do at a time, in thousandths; 0 if
	// nobody waits for cores. When that changes, Flows.CapacityChanged must be called.
	Room(pod uint32) (room model.Capacity, cores int64)
}
