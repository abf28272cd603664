package cluster

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/fault"
	"orrery/model/kubelet"
	"orrery/model/network"
	"orrery/model/proxy"
	"orrery/model/runtime"
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

// EtcdSites implements fault.World.
func (w faultWorld) EtcdSites() []network.Site { return w.x.members }

// NodeSite implements fault.World.
func (w faultWorld) NodeSite(node uint32) network.Site { return w.x.sites[node] }

// Machine implements fault.World.
func (w faultWorld) Machine(node uint32) fault.Machine { return w.x.kubelets[node] }

// Registry implements fault.World.
func (w faultWorld) Registry() fault.Registry { return w.x.registry }

// SlowStarts implements fault.World.
func (w faultWorld) SlowStarts(of func(*model.Pod) bool, ppm int64) (end func()) {
	return w.x.pace.Slow(of, ppm)
}

// DelayStarts implements fault.World.
func (w faultWorld) DelayStarts(by func(*model.Pod) time.Duration) (end func()) {
	return w.x.pace.Delay(by)
}

// Etcd implements fault.World.
func (w faultWorld) Etcd() fault.Etcd { return etcdWorld{w.x.etcd, w.x} }

// DNS implements fault.World.
func (w faultWorld) DNS() fault.DNS { return dnsWorld(w) }

// Requests implements fault.World.
func (w faultWorld) Requests() fault.Requests { return w.x.flows }

// Outside implements fault.World.
func (w faultWorld) Outside() network.Site { return w.x.ingress }

// Checks implements fault.World.
func (w faultWorld) Checks() []network.Site { return w.x.checks }

// dnsWorld is the DNS servers as faults see them.
type dnsWorld struct{ x *Cluster }

// Harm implements fault.DNS.
func (w dnsWorld) Harm(all []fault.DNSHarm) {
	harms := make([]workload.DNSHarm, len(all))
	for i := range all {
		h := &all[i]
		harms[i] = workload.DNSHarm{Names: h.Names, Down: h.Down, Errors: h.Errors, Denied: h.Denied, Wrong: h.Wrong, Slow: h.Slow}
	}
	w.x.flows.HarmDNS(harms...)
}

// Gateway implements fault.World.
func (w faultWorld) Gateway() fault.Gateway { return w.x.etcd }

// Cloud implements fault.World.
func (w faultWorld) Cloud() fault.Cloud {
	if w.x.cloud == nil {
		return nil
	}
	return w.x.cloud
}

// APIServer implements fault.World.
func (w faultWorld) APIServer(machine int) fault.APIServer {
	return serverInFault{inFault{w.x.gates[machine][apiServerPod]}, w.x.servers[machine]}
}

// Webhooks implements fault.World.
func (w faultWorld) Webhooks() fault.Webhooks { return w.x.etcd.Webhooks() }

// SetClock implements fault.World.
func (w faultWorld) SetClock(machine int, by time.Duration) { w.x.managers[machine].SetClock(by) }

// Replica implements fault.World.
func (w faultWorld) Replica(component string, machine int) fault.Replica {
	all := w.x.replicas[component]
	if len(all) == 0 {
		return nil
	}
	return replicaInFault{inFault{w.x.gates[machine][component]}, all[machine]}
}

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

// Usage is what metrics-server would say now of a pod, or of one of its containers if that
// is named; nothing runs on a hollow node. It implements controller.Usage.
func (x *Cluster) Usage(pod *model.Pod, container string) (model.Sample, bool) {
	if k, real := x.kubelets[pod.NodeID].(*kubelet.Kubelet); real {
		return k.Measured(pod.Ref(), container)
	}
	return model.Sample{}, false
}

// NodeUsage is what metrics-server would say now of a node as a whole, if the history is
// to have that: Config.TellUsage.
func (x *Cluster) NodeUsage(node *model.Node) (model.Sample, bool) {
	if k, real := x.kubelets[node.ID].(*kubelet.Kubelet); real {
		return k.MeasuredWhole()
	}
	return model.Sample{}, false
}

// attachable is the volume of a claim, as kubelets read it, and whether it has to be
// attached.
func (x *Cluster) attachable(claim string) (volume string, attached bool) {
	namespace, name, _ := strings.Cut(claim, "/")
	c, ok := x.Store.Lookup(model.KindPersistentVolumeClaim, namespace, name).(*model.Claim)
	if !ok || x.config.Scheduler.Storage == nil {
		return "", false
	}
	v, ok := x.Store.Lookup(model.KindPersistentVolume, "", c.Volume).(*model.Volume)
	return c.Volume, c.Phase == model.ClaimLost || ok && x.config.Scheduler.Storage.Attaches(v)
}

// lostDisk tells whether there is nothing behind a volume any more.
func (x *Cluster) lostDisk(volume string) bool { return slices.Contains(x.lostDisks, volume) }

// LoseDisk implements fault.World.
func (w faultWorld) LoseDisk(volume string) { w.x.lostDisks = append(w.x.lostDisks, volume) }

// Flowed implements workload.World.
func (w trafficWorld) Flowed(in *model.Inflow) {
	for _, p := range w.x.managers {
		p.Flowed(in.ID)
	}
}

// used tells the controllers that metrics will say something else of a pod.
func (x *Cluster) used(pod uint32) {
	for _, p := range x.managers {
		p.Used(pod)
	}
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
	if node == "" {
		return w.x.proxy(node, proxy.Config{Name: "ingress", Site: w.x.ingress, Listener: w.x.flows})
	}
	n := w.x.Store.Lookup(model.KindNode, "", node).(*model.Node)
	if !w.x.config.sharesProxies() {
		return w.x.nodeProxy(n, w.x.sites[n.ID])
	}
	return w.x.sharedProxy(n)
}

// proxiesPerZone is how many kube-proxies of a zone have luck of their own: when news
// arrives, and how long a sync takes. More nodes take turns in sharing theirs, or every
// change of endpoints would have a thousand machines woken up.
const proxiesPerZone = 6

// sharedProxy is a proxy for a node that others may share: it is on no node's machine.
func (x *Cluster) sharedProxy(n *model.Node) *proxy.Proxy {
	zone := n.Labels.Value(model.LabelZone)
	all := x.shared[zone]
	turn := all.next % proxiesPerZone
	all.next++
	if turn == len(all.proxies) {
		all.proxies = append(all.proxies, x.nodeProxy(n, x.net.AddSite("kube-proxy/"+n.Name, zone)))
	}
	x.shared[zone] = all
	x.proxies[n.Name] = all.proxies[turn]
	return all.proxies[turn]
}

// inTurn is the proxies that the nodes of a zone share.
type inTurn struct {
	proxies []*proxy.Proxy
	next    int
}

// sharesProxies tells whether nodes of a zone may share a proxy: nothing is going to
// happen to a machine or its links, and no rules are about single nodes.
func (c *Config) sharesProxies() bool {
	if c.ExactTraffic || len(c.Faults) > 0 || c.NodeRepair.After > 0 || c.everyProxy() {
		return false
	}
	of := func(o model.Object) bool {
		s, ok := o.(*model.Service)
		return ok && (s.LocalInternal || s.PreferSameNode)
	}
	return !slices.ContainsFunc(c.Objects, of) && !slices.ContainsFunc(c.Actions, func(a workload.Action) bool { return slices.ContainsFunc(a.Objects, of) })
}

// proxy is a new one, under a name.
func (x *Cluster) proxy(name string, c proxy.Config) *proxy.Proxy {
	c.Rules, c.Literal = &x.rules, x.config.Literal
	if d := x.config.DNS; d != nil {
		c.AnswerTTL, c.Uncached = d.TTL, d.Cache == workload.NoCache
	}
	p := proxy.New(x.Kernel, x.Store, x.net, c)
	x.proxies[name] = p
	p.Start()
	return p
}

// nodeProxy is the kube-proxy on a node.
func (x *Cluster) nodeProxy(n *model.Node, site network.Site) *proxy.Proxy {
	return x.proxy(n.Name, proxy.Config{Name: "kube-proxy/" + n.Name, Site: site, Node: n.Name, Zone: n.Labels.Value(model.LabelZone), Listener: routes{x}})
}

// hearers is who hears which pods answer: traffic, and the webhooks that renewals of
// leases have to pass. Of rules it hears those of the control plane's machines.
type hearers struct{ x *Cluster }

// RouteChanged implements proxy.Listener.
func (h hearers) RouteChanged(string, string, string) { h.x.etcd.Webhooks().Reconsider() }

// ServingChanged implements runtime.Watcher.
func (h hearers) ServingChanged(pod model.Ref, serving bool) {
	h.x.flows.ServingChanged(pod, serving)
	h.x.etcd.Webhooks().Reconsider()
}

// Broke implements runtime.Watcher.
func (h hearers) Broke(pod model.Ref, ending time.Duration, silent bool) {
	h.x.flows.Broke(pod, ending, silent)
}

// CapacityChanged implements runtime.Watcher.
func (h hearers) CapacityChanged(pod model.Ref) { h.x.flows.CapacityChanged(pod) }

// webhookWorld is the cluster as calls of webhooks meet it.
type webhookWorld struct{ x *Cluster }

// Route implements apiserver.WebhookWorld, by the rules of the kube-proxy on
// the server's machine.
func (w webhookWorld) Route(server network.Site, service model.ObjectName) model.Route {
	return w.x.controlProxy(server).Route(service.Namespace, service.Name)
}

// controlProxy is the kube-proxy on a machine of the control plane. It exists
// only where webhooks are called.
func (x *Cluster) controlProxy(at network.Site) *proxy.Proxy {
	name := x.net.Name(at)
	if p := x.proxies[name]; p != nil {
		return p
	}
	return x.proxy(name, proxy.Config{Name: "kube-proxy/" + name, Site: at, Node: name, Zone: x.net.Zone(at), Listener: hearers{x}})
}

// PodSite implements apiserver.WebhookWorld.
func (w webhookWorld) PodSite(pod model.Ref, node string) (network.Site, bool) {
	if at, ok := w.x.flows.PlaceOf(pod); ok {
		return at, true
	}
	return trafficWorld(w).Site(node)
}

// Serves implements apiserver.WebhookWorld. A pod of a hollow kubelet answers
// while it is Ready.
func (w webhookWorld) Serves(pod model.Ref) bool {
	p, ok := w.x.Store.Get(pod).(*model.Pod)
	if !ok || p.NodeID == 0 {
		return false
	}
	if k, ok := w.x.kubelets[p.NodeID].(*kubelet.Kubelet); ok {
		return k.Serving(pod)
	}
	return p.IsReady()
}

// expectWebhooks has the machines of the control plane know the Services, as
// they long do, if webhooks are going to be configured that are behind some.
func (x *Cluster) expectWebhooks() {
	x.etcd.Webhooks().Behave(webhookWorld{x}, x.config.Webhooks)
	objects := x.config.Objects
	for i := range x.config.Actions {
		objects = append(objects[:len(objects):len(objects)], x.config.Actions[i].Objects...)
	}
	for _, o := range objects {
		c, ok := o.(*model.WebhookConfiguration)
		if !ok || !slices.ContainsFunc(c.Webhooks, func(w model.Webhook) bool { return w.Service.Name != "" }) {
			continue
		}
		for _, site := range x.control {
			x.controlProxy(site)
		}
	}
}

// Work implements workload.World.
func (w trafficWorld) Work(pod model.Ref) workload.Work {
	out := workload.Work{CapacityMilliRPS: -1}
	p, ok := w.x.Store.Get(pod).(*model.Pod)
	if !ok {
		return out
	}
	node, _ := w.x.Store.Get(model.Ref{Kind: model.KindNode, ID: p.NodeID}).(*model.Node)
	static := node != nil && w.x.config.topology(node).StaticCPUs
	cpus := int64(0)
	if node != nil {
		cpus = node.Capacity.CPUMilli
	}
	limits := runtime.LimitedCapacity(p, w.x.behaviors, cpus)
	if static && p.Spec.PodExclusiveCPUs() > 0 { // no container of it has a quota
		limits.Quota = false
	}
	out.Has(limits)
	for _, c := range p.Spec.Lasting() {
		b := w.x.behaviors.For(p, c.Name)
		if cpus > 0 {
			b.Threads = runtime.ThreadsOn(&b, cpus)
		}
		alone, stall := runtime.RequestTime(&b, p.Spec.CPULimit(c))
		if n := p.Spec.ExclusiveCPUs(c); static && n > 0 {
			alone, stall = runtime.ExclusiveTime(&b, n), 0
		}
		out.CPU += alone
		out.Stall = max(out.Stall, stall)
		out.Latency += b.Latency
		out.RequestBytes += b.RequestBytes
		out.AnswerBytes += b.AnswerBytes
		if b.Workers > 0 && (out.Workers == 0 || b.Workers < out.Workers) {
			out.Workers, out.Queue = b.Workers, b.Queue
		}
	}
	return out
}

// Probes implements workload.World.
func (w trafficWorld) Probes(pod model.Ref) (out []workload.Probe) {
	p, ok := w.x.Store.Get(pod).(*model.Pod)
	if !ok {
		return nil
	}
	for i, c := range p.Spec.Lasting() {
		b := w.x.behaviors.For(p, c.Name)
		out = append(out, probesOf(c, i, &b)...)
	}
	return out
}

// probesOf is a container's probes that may fail although it runs. One that requests
// cost nothing has no load that they could wait for.
func probesOf(c *model.Container, i int, b *runtime.Behavior) (out []workload.Probe) {
	loaded := b.CPUMicroPerRPS > 0 || b.Latency > 0 || b.Workers > 0 || len(b.Calls) > 0
	for kind := range model.ProbeKinds {
		p, does := c.Probe(kind), b.Probes[kind]
		if p == nil {
			continue
		}
		if does.Path == runtime.ByHandler && p.Handler <= model.GRPC {
			does.Path = runtime.QueuePath
		}
		x := workload.Probe{
			Container: i, Kind: kind, Timeout: p.Waits(), Period: cmp.Or(p.Period, 10*time.Second), Needs: does.Needs,
			Queues: loaded && does.Path == runtime.QueuePath, Works: loaded && does.Path == runtime.RequestPath,
		}
		if x.Queues || x.Works || x.Needs != "" {
			out = append(out, x)
		}
	}
	return out
}

// probing tells which pods have a probe that does all that a request does. It is nil if no
// behavior says so.
func (x *Cluster) probing() func(*model.Pod) bool {
	does := func(b runtime.Behavior) bool {
		return slices.ContainsFunc(b.Probes[:], func(p runtime.ProbeBehavior) bool { return p.Path == runtime.RequestPath })
	}
	if !slices.ContainsFunc(x.config.Behaviors, does) {
		return nil
	}
	return func(p *model.Pod) bool {
		for _, c := range p.Spec.Lasting() {
			if does(x.behaviors.For(p, c.Name)) {
				return true
			}
		}
		return false
	}
}

// needs is what probes ask of other Services, as behaviors say.
func (x *Cluster) needs() (out []workload.Call) {
	for i := range x.config.Behaviors {
		b := &x.config.Behaviors[i]
		for _, does := range b.Probes {
			call := workload.Call{Home: b.Home(), Namespace: b.Home(), Service: does.Needs, Probes: true}
			same := func(o workload.Call) bool { return o.Namespace == call.Namespace && o.Service == call.Service }
			if does.Needs == "" || slices.ContainsFunc(out, same) {
				continue
			}
			call.From = "probes that need service/" + does.Needs
			call.Makes = func(p *model.Pod) bool { return x.probesNeed(p, call.Service) }
			out = append(out, call)
		}
	}
	return out
}

// probesNeed tells whether a probe of a pod asks a Service.
func (x *Cluster) probesNeed(p *model.Pod, service string) bool {
	for _, c := range p.Spec.Lasting() {
		b := x.behaviors.For(p, c.Name)
		for kind := range model.ProbeKinds {
			if c.Probe(kind) != nil && b.Probes[kind].Needs == service {
				return true
			}
		}
	}
	return false
}

// calls is what behaviors say that pods ask of other Services. A behavior for all
// namespaces is about the default one.
func (x *Cluster) calls() []workload.Call {
	var out []workload.Call
	for i := range x.config.Behaviors {
		b := &x.config.Behaviors[i]
		makes := func(p *model.Pod) bool {
			for _, c := range p.Spec.Lasting() {
				if x.behaviors.Deciding(p, c.Name) == i {
					return true
				}
			}
			return false
		}
		for _, to := range b.Calls {
			call := workload.Call{
				Home: b.Home(), Namespace: cmp.Or(to.Namespace, b.Home()), From: "calls of " + b.Name(), Makes: makes,
				Service: to.Service, PerRequestMilli: to.PerRequestMilli, Timeout: to.Timeout, Retries: to.Retries,
			}
			if call.Namespace != call.Home {
				call.From += " in " + call.Home
			}
			out = append(out, call)
		}
	}
	return out
}

// Machine implements workload.World. On a hollow node nothing uses anything.
func (w trafficWorld) Machine(node string) workload.Machine {
	n := w.x.Store.Lookup(model.KindNode, "", node)
	if n == nil {
		return nil
	}
	if k, real := w.x.kubelets[n.Head().ID].(*kubelet.Kubelet); real {
		return k
	}
	return nil
}

// starts is where processes on a machine ask for what they need before they serve.
type starts struct {
	x    *Cluster
	site network.Site
}

// Need implements runtime.API.
func (s starts) Need(m *runtime.Machine, by runtime.Asker) { s.x.starts.Ask(starter{m, by, s}) }

// starter is a process that waits.
type starter struct {
	machine *runtime.Machine
	runtime.Asker
	starts
}

// Waits implements workload.Starter.
func (s starter) Waits() (*model.Pod, bool) { return s.machine.Waits(s.Asker) }

// Site implements workload.Starter.
func (s starter) Site() network.Site {
	if at, ok := s.x.flows.PlaceOf(model.Ref{Kind: model.KindPod, ID: s.Pod}); ok {
		return at
	}
	return s.site
}

// Answered implements workload.Starter.
func (s starter) Answered() { s.machine.Answered(s.Asker) }
