package cluster

import (
	"orrery/model"
	"orrery/model/fault"
	"orrery/model/kubelet"
	"orrery/model/network"
	"orrery/model/proxy"
	"orrery/model/store"
	"orrery/model/workload"
	"orrery/sim"
)

// faultWorld is the cluster as faults see it: the truth itself.
type faultWorld struct{ x *Cluster }

// Truth implements fault.World.
func (w faultWorld) Truth() *store.Store { return w.x.Store }

// Network implements fault.World.
func (w faultWorld) Network() *network.Network { return w.x.net }

// ControlPlane implements fault.World.
func (w faultWorld) ControlPlane() []network.Site { return w.x.control }

// NodeSite implements fault.World.
func (w faultWorld) NodeSite(node uint32) network.Site { return w.x.sites[node] }

// Machine implements fault.World.
func (w faultWorld) Machine(node uint32) fault.Machine { return w.x.kubelets[node] }

// Registry implements fault.World.
func (w faultWorld) Registry() fault.Registry { return w.x.registry }

// Etcd implements fault.World.
func (w faultWorld) Etcd() fault.Etcd { return w.x.etcd }

// Scheduler implements fault.World.
func (w faultWorld) Scheduler(machine int) fault.Replica { return w.x.schedulers[machine] }

// ControllerManager implements fault.World.
func (w faultWorld) ControllerManager(machine int) fault.Replica { return w.x.controllers[machine] }

// usage implements scheduler.Usage: metrics are read where they are made, one
// scrape late; the requests that carry them are not modeled.
func (x *Cluster) usage(node uint32) (cpuMilli int64, at sim.Time, ok bool) {
	k, ok := x.kubelets[node].(*kubelet.Kubelet)
	if !ok {
		return 0, 0, false // nothing runs there
	}
	s, ok := k.Machine().MeasuredCPU(x.Kernel.Now())
	return s.CPUMilli, s.At, ok
}

// trafficWorld is the cluster as requests meet it.
type trafficWorld struct{ x *Cluster }

// Site implements workload.World.
func (w trafficWorld) Site(node string) (network.Site, bool) {
	if node == "" {
		return w.x.ingress, true
	}
	n := w.x.Store.Lookup(model.KindNode, "", node)
	if n == nil {
		return 0, false
	}
	return w.x.sites[n.Head().ID], true
}

// Proxy implements workload.World: proxies nobody sends through have no
// effect, so they exist from the first request on.
func (w trafficWorld) Proxy(node string) workload.Router {
	if p := w.x.proxies[node]; p != nil {
		return p
	}
	c := proxy.Config{Name: "ingress", Site: w.x.ingress, Listener: w.x.flows}
	if node != "" {
		n := w.x.Store.Lookup(model.KindNode, "", node).(*model.Node)
		c = proxy.Config{
			Name: "kube-proxy/" + node, Site: w.x.sites[n.ID], Node: node,
			Zone: n.Labels.Value(model.LabelZone), Listener: w.x.flows,
		}
	}
	p := proxy.New(w.x.Kernel, w.x.Store, w.x.net, c)
	w.x.proxies[node] = p
	p.Start()
	return p
}

// CapacityMilliRPS implements workload.World.
func (w trafficWorld) CapacityMilliRPS(pod model.Ref) (int64, bool) {
	p, ok := w.x.Store.Get(pod).(*model.Pod)
	if !ok {
		return 0, false
	}
	return workload.CapacityMilliRPS(p.Spec, func(container string) (int64, int64) {
		b := w.x.config.Behaviors.For(p, container)
		return b.CPUMilli, b.CPUMicroPerRPS
	})
}

// Machine implements workload.World. On a hollow node nothing uses anything.
func (w trafficWorld) Machine(node string) workload.Machine {
	n := w.x.Store.Lookup(model.KindNode, "", node)
	if n == nil {
		return nil
	}
	if k, real := w.x.kubelets[n.Head().ID].(*kubelet.Kubelet); real {
		return k.Machine()
	}
	return nil
}
