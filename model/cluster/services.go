package cluster

import (
	"cmp"
	"slices"

	"orrery/model"
	"orrery/model/fault"
	"orrery/model/network"
	"orrery/model/proxy"
	"orrery/model/runtime"
	"orrery/model/workload"
)

// routes is who hears of the rules of nodes: traffic, and the load balancers whose health
// checks the proxies answer.
type routes struct{ x *Cluster }

// RouteChanged implements proxy.Listener.
func (r routes) RouteChanged(node, namespace, service string) {
	r.x.flows.RouteChanged(node, namespace, service)
	for _, b := range r.x.balancers {
		b.RouteChanged(node, namespace, service)
	}
}

// checkedNodes is the cluster as load balancers meet it.
type checkedNodes struct{ x *Cluster }

// Site implements proxy.Nodes.
func (n checkedNodes) Site(node string) (network.Site, bool) { return trafficWorld(n).Site(node) }

// Passes implements proxy.Nodes. On a machine that is just being registered there is no
// kube-proxy yet.
func (n checkedNodes) Passes(node, namespace, service string) bool {
	p := n.x.proxies[node]
	return p != nil && p.Passes(namespace, service)
}

// addBalancers adds the load balancers that traffic comes through.
func (x *Cluster) addBalancers() {
	if x.config.Probes == (proxy.Probes{}) {
		x.config.Probes = proxy.DefaultProbes
	}
	for i := range x.config.Traffic {
		t := &x.config.Traffic[i]
		if t.From != workload.Internet || x.balancer(t.Namespace, t.Service) != nil {
			continue
		}
		if x.checks == nil {
			x.checks = []network.Site{x.net.AddSite("health checks", "ingress")}
		}
		namespace, service := t.Namespace, t.Service
		x.balancers = append(x.balancers, proxy.NewBalancer(x.Kernel, x.Store, x.net, proxy.BalancerConfig{
			Probes: x.config.Probes, Name: "load-balancer/" + namespace + "/" + service, Site: x.checks[0], Namespace: namespace, Service: service,
			Nodes: checkedNodes{x}, Literal: x.config.Literal, Note: x.Store.Note, Changed: func() { x.flows.TargetsChanged(namespace, service) },
		}))
	}
}

func (x *Cluster) balancer(namespace, service string) *proxy.Balancer {
	for _, b := range x.balancers {
		if b.Namespace == namespace && b.Service == service {
			return b
		}
	}
	return nil
}

// Balanced implements workload.World.
func (w trafficWorld) Balanced(namespace, service string) ([]string, bool) {
	return w.x.balancer(namespace, service).Targets()
}

// everyProxy tells whether it matters what all kube-proxies have seen, and not only those
// that a scenario's traffic passes.
func (c *Config) everyProxy() bool {
	return slices.ContainsFunc(c.Traffic, func(t workload.Traffic) bool { return t.From == workload.Internet }) ||
		slices.ContainsFunc(c.Faults, func(s fault.Spec) bool { return s.Fault == "proxy-stop" || s.Fault == "proxy-rules-lost" })
}

// Proxy implements fault.World.
func (w faultWorld) Proxy(node string) fault.Process { return proxyInFault{w.x.proxies[node]} }

// FlushProxy implements fault.World.
func (w faultWorld) FlushProxy(node string) { w.x.proxies[node].Flush() }

// proxyInFault is a kube-proxy as faults see it.
type proxyInFault struct{ *proxy.Proxy }

// Stop implements fault.Process.
func (p proxyInFault) Stop() { p.Halt() }

// Start implements fault.Process.
func (p proxyInFault) Start() { p.Resume() }

// Balancers implements fault.World.
func (w faultWorld) Balancers() []fault.Balancer {
	var out []fault.Balancer
	for _, b := range w.x.balancers {
		out = append(out, b)
	}
	return out
}

// DefaultNodeBandwidth is 10 Gbit/s, what many machines have: our estimate.
const DefaultNodeBandwidth = 1_250_000_000

// bandwidth is what nodes can send and receive, 0 if no request has a size.
func (c *Config) bandwidth() int64 {
	if !slices.ContainsFunc(c.Behaviors, func(b runtime.Behavior) bool { return b.RequestBytes+b.AnswerBytes > 0 }) {
		return 0
	}
	return cmp.Or(c.NodeBandwidth, DefaultNodeBandwidth)
}

// tables is how large nodes' tables of connections are, nil if nobody counts these.
func (x *Cluster) tables() func(node string) int64 {
	c := workload.DefaultConntrack
	switch filled := func(s fault.Spec) bool { return s.Fault == "conntrack-full" }; {
	case x.config.Conntrack != nil:
		c = *x.config.Conntrack
	case !slices.ContainsFunc(x.config.Faults, filled):
		return nil
	}
	return func(node string) int64 {
		n := x.Store.Lookup(model.KindNode, "", node).(*model.Node)
		return c.Size(n.Capacity.CPUMilli / 1000)
	}
}
