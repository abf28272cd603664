package workload_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/etcd"
	"orrery/model/network"
	"orrery/model/proxy"
	"orrery/model/store"
	"orrery/model/workload"
	"orrery/sim"
)

// rig is an API server, nodes n-0, n-1, ... with kube-proxies, and a hand that
// writes what controllers and kubelets would.
type rig struct {
	*sim.Kernel
	t        *testing.T
	net      *network.Network
	store    *store.Store
	server   *apiserver.Server
	control  network.Site
	sites    map[string]network.Site // by node; "" is the ingress
	proxies  map[string]*proxy.Proxy
	rules    proxy.Rulebook
	capacity map[model.Ref]int64
	work     workload.Work               // of every pod, but for its capacity
	works    map[model.Ref]workload.Work // of these instead
	calls    []workload.Call
	dns      *workload.DNS
	exact    bool
	load     map[uint32]int64        // what machines were told
	working  map[uint32]int64        // what machines were told that there are workers for
	probes   []workload.Probe        // of every pod
	probed   map[[2]uint32][2]uint32 // late and refused by pod and kind
	surge    map[uint32]int64        // what machines were told last
	inflows  map[uint32]*model.Inflow
	tables   func(string) int64
	width    int64 // bytes a second of each node
	flows    *workload.Flows
	serves   map[model.Ref]bool // what the flows were told
	seats    int                // so many nodes have proxies, with which the others share rules; 0 is all
}

func newRig(t *testing.T, seed uint64, nodes int) *rig {
	k := sim.New(sim.Config{Seed: seed})
	net := network.New(k, network.DefaultProfile())
	r := &rig{Kernel: k, t: t, net: net, store: store.New(k, net), sites: map[string]network.Site{}, proxies: map[string]*proxy.Proxy{}, capacity: map[model.Ref]int64{}, load: map[uint32]int64{}, surge: map[uint32]int64{}, inflows: map[uint32]*model.Inflow{}, working: map[uint32]int64{}, probed: map[[2]uint32][2]uint32{}}
	r.control = net.AddSite("cp-0", "")
	r.sites[""] = net.AddSite("ingress", "")
	r.server = apiserver.New(k, r.store, apiserver.NewBackend(k, r.store, net, etcd.Config{Sites: []network.Site{r.control}}), net, r.control, 4)
	for i := range nodes {
		name := fmt.Sprintf("n-%d", i)
		r.sites[name] = net.AddSite(name, "a")
		r.store.Create(0, &model.Node{Meta: model.Meta{Kind: model.KindNode, Name: name}})
	}
	return r
}

func (r *rig) Site(node string) (network.Site, bool) { s, ok := r.sites[node]; return s, ok }

func (r *rig) Work(pod model.Ref) workload.Work {
	w := r.work
	if own, ok := r.works[pod]; ok {
		w = own
	}
	w.CapacityMilliRPS = -1
	if c, ok := r.capacity[pod]; ok {
		w.CapacityMilliRPS = c
	}
	return w
}

func (r *rig) Proxy(node string) workload.Router {
	var nth int
	if n, _ := fmt.Sscanf(node, "n-%d", &nth); n == 1 && r.seats > 0 {
		node = fmt.Sprint("n-", nth%r.seats)
	}
	p := r.proxies[node]
	if p == nil {
		p = proxy.New(r.Kernel, r.store, r.net, proxy.Config{Name: "kube-proxy/" + node, Site: r.sites[node], Node: node, Zone: r.net.Zone(r.sites[node]), Listener: r, Rules: &r.rules})
		r.proxies[node] = p
		p.Start()
	}
	return p
}

// Balanced is all nodes; there is no load balancer of a Service called "none".
func (r *rig) Balanced(_, service string) ([]string, bool) {
	var nodes []string
	for i := 0; ; i++ {
		if _, ok := r.sites[fmt.Sprint("n-", i)]; !ok || service == "none" {
			return nodes, service != "none"
		}
		nodes = append(nodes, fmt.Sprint("n-", i))
	}
}

// RouteChanged passes on to the traffic, of which there may be none yet.
func (r *rig) RouteChanged(node, namespace, service string) {
	if r.flows != nil {
		r.flows.RouteChanged(node, namespace, service)
	}
}

func (r *rig) Machine(string) workload.Machine { return machine{r} }

// machine is every node's: nothing is ever crowded there.
type machine struct{ *rig }

func (m machine) Capacity(pod uint32) model.Capacity {
	for ref, rate := range m.capacity {
		if ref.ID == pod {
			return model.Capacity{MilliRPS: rate}
		}
	}
	return model.AmpleCPU
}

func (m machine) Room(uint32) (room model.Capacity, cores int64) { return room, 0 }

// Load is a machine that wants to be told of everything.
func (r *rig) Load(pod uint32, in *model.Inflow) bool {
	if old := r.inflows[pod]; old != in {
		if old != nil {
			old.Keen--
		}
		if r.inflows[pod] = in; in != nil {
			in.Keen++
		}
	}
	r.load[pod], r.working[pod] = 0, 0
	if in != nil {
		r.load[pod], r.working[pod] = in.MilliRPS, in.Working
		if in.Peak > 0 {
			r.surge[pod] = in.Peak
		}
	}
	return true
}

func (r *rig) Flowed(*model.Inflow) {}

func (r *rig) Probed(pod uint32, _ int, kind model.ProbeKind, late, refused uint32) {
	r.probed[[2]uint32{pod, uint32(kind)}] = [2]uint32{late, refused}
}

func (m machine) Untracked(uint32) {}

func (r *rig) Probes(model.Ref) []workload.Probe { return r.probes }

func (r *rig) traffic(sources ...workload.Traffic) {
	for i := range sources {
		sources[i].Namespace = "default"
	}
	r.flows = workload.NewTraffic(r.Kernel, r.store, r.net, workload.TrafficConfig{Sources: sources, Calls: r.calls, DNS: r.dns, Exact: r.exact, World: r, Site: r.sites[""], Tables: r.tables, Bandwidth: r.width})
	r.flows.Start()
}

func (r *rig) after(d time.Duration) {
	r.t.Helper()
	if err := r.Run(r.Now().Add(d)); err != nil {
		r.t.Fatal(err)
	}
}

// pod is a new pod of an app on a node.
func (r *rig) pod(app, name, node string) model.Ref {
	return r.podOf(&model.PodSpec{GraceSeconds: 30}, app, name, node)
}

// podOf is one with that spec.
func (r *rig) podOf(spec *model.PodSpec, app, name, node string) model.Ref {
	p := &model.Pod{
		Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: name, Labels: model.MakeLabels(map[string]string{"app": app})},
		Spec: spec, NodeName: node, NodeID: r.store.Lookup(model.KindNode, "", node).Head().ID,
	}
	r.store.Create(0, p)
	return p.Ref()
}

// endpoints makes a Service's only slice list pods, all of them ready.
func (r *rig) endpoints(service string, pods ...model.Ref) {
	svc := r.store.Lookup(model.KindService, "default", service)
	if svc == nil {
		svc = &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: service}, Ports: 1}
		r.store.Create(0, svc)
	}
	slice := &model.EndpointSlice{Meta: model.Meta{Kind: model.KindEndpointSlice, Namespace: "default", Name: service}, Service: svc.Head().Ref()}
	for _, p := range pods {
		node := r.store.Get(p).(*model.Pod).NodeName
		e := model.Endpoint{Pod: p, Node: model.NameOf(node), Ready: true, Serving: true}
		if svc.(*model.Service).PreferSameZone {
			e.HintZone = model.NameOf(r.net.Zone(r.sites[node]))
		}
		slice.Endpoints = append(slice.Endpoints, e)
	}
	if old := r.store.Lookup(model.KindEndpointSlice, "default", service); old != nil {
		slice.Meta = *old.Head()
		r.store.Update(0, slice)
		return
	}
	r.store.Create(0, slice)
}

func (r *rig) power(node string, on bool) { r.net.SetPower(r.sites[node], on) }

// notes is what was noted since record from.
func (r *rig) notes(from int) []*model.Note {
	var out []*model.Note
	for i := from; i < r.store.History().Len(); i++ {
		if n := r.store.History().At(i).Note; n != nil {
			out = append(out, n)
		}
	}
	return out
}

// now is the last note's message about a Service.
func (r *rig) now(service string) string {
	said := ""
	for _, n := range r.notes(0) {
		if n.Named == "service/"+service {
			said = n.Text()
		}
	}
	return said
}
