package workload

import (
	"strings"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// Router is a machine's rules about Services: its kube-proxy.
type Router interface {
	Route(namespace, service string) model.Route
}

// World is what traffic meets on its way: machines, not API objects. Node ""
// is the ingress, outside of all nodes.
type World interface {
	// Site is where a machine is in the network; false if there is no such node.
	Site(node string) (network.Site, bool)
	// Proxy is the machine's proxy, started when it is first asked for. It must
	// call Flows.RoutesChanged after every change of its rules.
	Proxy(node string) Router
	// CapacityMilliRPS is how many requests a pod has CPU for; false if there
	// is no limit. It is asked once per pod. See CapacityMilliRPS.
	CapacityMilliRPS(pod model.Ref) (rate int64, limited bool)
}

// TrafficConfig is what traffic there is.
type TrafficConfig struct {
	Sources []Traffic
	World   World
	// Site is where the view of Deployments that send is fed from; any site
	// that no fault cuts off will do, such as the ingress's.
	Site network.Site
}

// Flows is the traffic of a run. It must be told of everything a rate depends
// on, and notes every change: RoutesChanged by proxies, ServingChanged by
// machines, LinksChanged by the network.
type Flows struct {
	TrafficConfig
	kernel *sim.Kernel
	net    *network.Network
	store  *store.Store
	self   sim.ActorID
	client *store.Client

	flows  []flow
	pods   store.Table[pod] // by pod ID
	stale  uint64           // bits of flows some endpoint of which changed
	posted bool             // the wake-up that computes is under way

	watchDeployments, watchPods *store.Watch // nil if no Deployment sends
}

// flow is one source's requests to one Service.
type flow struct {
	Traffic
	node       string // the sending machine, unless a Deployment sends
	deployment string
	selector   *model.Selector // the Deployment's, once seen
	members    []uint32        // IDs of the Deployment's bound pods, ascending
	senders    []sender
	respread   bool // senders are to be made anew
	service    model.Ref
	told       model.Traffic // by the last note
}

// sender is the machine that part of a flow comes from.
type sender struct {
	site    network.Site
	proxy   Router
	milli   int64 // what it sends, in thousandths of a request per second
	route   model.Route
	sum     model.Traffic // of what limited endpoints do not get
	limited []share       // what they get
}

// share is what one sender sends to one endpoint.
type share struct {
	pod   uint32
	milli int64
}

// pod is what the traffic knows of a pod, as an endpoint and as a sender.
type pod struct {
	serving bool
	asked   bool   // capacity is known
	flows   uint64 // bits of flows it ever was an endpoint of
	sends   uint64 // bits of flows it is a member of

	capacity int64 // -1 is no limit
	arriving int64 // the sum of its shares while overload is computed
	sofar    int64 // of them, those dealt with

	seen *model.Pod // by the watch, if a Deployment sends
}

// whyCompute is the wake-up behind everything of an instant that changes a
// rate.
const whyCompute sim.Why = 0

// NewTraffic is the traffic of sources; equal ones are added up. Nothing flows
// until Start.
func NewTraffic(k *sim.Kernel, s *store.Store, net *network.Network, c TrafficConfig) *Flows {
	t := &Flows{TrafficConfig: c, kernel: k, net: net, store: s}
	t.self = k.Register("traffic", t)
	for _, src := range c.Sources {
		t.add(src)
	}
	for i := range t.flows {
		if t.flows[i].deployment != "" && t.client == nil {
			t.client = s.NewClient(store.ClientConfig{Name: "traffic", As: store.Admin("traffic"), Actor: t.self, Site: c.Site})
			t.watchDeployments = t.client.Watch(model.KindDeployment)
			t.watchPods = t.client.Watch(model.KindPod)
		}
	}
	net.Listen(t)
	return t
}

func (t *Flows) add(src Traffic) {
	if src.From == "" {
		src.From = "ingress"
	}
	for i := range t.flows {
		f := &t.flows[i]
		if f.Namespace == src.Namespace && f.Service == src.Service && f.From == src.From {
			f.RPSMilli += src.RPSMilli
			return
		}
	}
	f := flow{Traffic: src, told: model.Traffic{From: src.From}}
	f.deployment, _ = strings.CutPrefix(src.From, "deployment/")
	if f.deployment == src.From {
		f.deployment = ""
	}
	if node, ok := strings.CutPrefix(src.From, "node/"); ok {
		f.node = node
	}
	t.flows = append(t.flows, f)
}

// Start lets the traffic flow.
func (t *Flows) Start() {
	if t.client != nil {
		t.watchDeployments.Start()
		t.watchPods.Start()
	}
	for i := range t.flows {
		f := &t.flows[i]
		f.respread = true
		if _, ok := t.World.Site(f.node); ok && f.deployment == "" {
			t.World.Proxy(f.node)
		}
	}
	t.post()
}

// RoutesChanged tells that some proxy's rules are others now.
func (t *Flows) RoutesChanged() { t.post() }

// ServingChanged tells that a pod's containers began or ceased to answer
// requests, which is true of the machine before anybody knows.
func (t *Flows) ServingChanged(ref model.Ref, serving bool) {
	if len(t.flows) == 0 {
		return
	}
	p := t.pods.Row(ref.ID)
	if p.serving == serving {
		return
	}
	p.serving = serving
	t.stale |= p.flows
	t.respread(p.sends)
	if p.flows|p.sends != 0 {
		t.post()
	}
}

// LinksChanged implements network.Listener.
func (t *Flows) LinksChanged(sim.Time) {
	t.stale = ^uint64(0)
	for i := range t.flows {
		if t.flows[i].deployment == "" {
			t.flows[i].respread = true // its machine may have lost its power
		}
	}
	t.post()
}

// post has everything computed when this instant's other events are done.
func (t *Flows) post() {
	if !t.posted && len(t.flows) > 0 {
		t.posted = true
		t.kernel.Post(t.kernel.Now(), t.self, whyCompute, 0)
	}
}

// DescribeWake implements sim.Describer.
func (t *Flows) DescribeWake(why sim.Why, _ uint64) string {
	if why == whyCompute {
		return "rates of all traffic"
	}
	return "news of pods that send"
}

// Wake implements sim.Actor.
func (t *Flows) Wake(_ sim.Time, why sim.Why, about uint64) {
	switch {
	case why == whyCompute:
		t.posted = false
		t.compute()
	case why == store.WhyWatch && uint32(about) == t.watchPods.ID:
		for ref, obj, ok := t.watchPods.Next(); ok; ref, obj, ok = t.watchPods.Next() {
			p, _ := obj.(*model.Pod)
			t.seePod(ref.ID, p)
		}
	case why == store.WhyWatch:
		for _, obj, ok := t.watchDeployments.Next(); ok; _, obj, ok = t.watchDeployments.Next() {
			if d, is := obj.(*model.Deployment); is {
				t.seeDeployment(d)
			}
		}
	}
}

// compute brings every flow up to date and notes those that changed.
func (t *Flows) compute() {
	for i := range t.flows {
		f := &t.flows[i]
		if f.respread {
			t.spread(f)
		}
		for j := range f.senders {
			s := &f.senders[j]
			r := s.proxy.Route(f.Namespace, f.Service)
			if t.stale>>(i%64)&1 == 1 || !sameRoute(r, s.route) {
				s.route = r
				t.send(s, 1<<(i%64))
			}
			if r.Service.ID != 0 {
				f.service = r.Service
			}
		}
	}
	t.stale = 0
	now := t.total()
	for i := range t.flows {
		if f := &t.flows[i]; now[i] != f.told {
			f.told = now[i]
			t.note(f)
		}
	}
}

// sameRoute tells whether nothing changed; routes are immutable, so it is
// enough to compare where they are.
func sameRoute(a, b model.Route) bool {
	return a.Service == b.Service && a.Dropped == b.Dropped && len(a.Endpoints) == len(b.Endpoints) &&
		(len(a.Endpoints) == 0 || &a.Endpoints[0] == &b.Endpoints[0])
}

// send computes what becomes of a sender's requests, except at endpoints of
// limited capacity, which depend on all senders. Every endpoint gets the same;
// thousandths that cannot be divided go to the first ones.
func (t *Flows) send(s *sender, bit uint64) {
	s.sum, s.limited = model.Traffic{OfferedMilliRPS: s.milli}, s.limited[:0]
	n := int64(len(s.route.Endpoints))
	switch {
	case n == 0 && s.route.Dropped:
		s.sum.TimedOutMilliRPS = s.milli
	case n == 0:
		s.sum.RefusedMilliRPS = s.milli
	}
	for i := range s.route.Endpoints {
		e := &s.route.Endpoints[i]
		milli := s.milli / n
		if int64(i) < s.milli%n {
			milli++
		}
		p := t.pods.Row(e.Pod.ID)
		p.flows |= bit
		site, known := t.World.Site(e.Node)
		switch {
		case !known || !t.net.Connected(s.site, site):
			s.sum.TimedOutMilliRPS += milli
		case !p.serving:
			s.sum.RefusedMilliRPS += milli
		case t.capacity(e.Pod, p) >= 0:
			s.limited = append(s.limited, share{e.Pod.ID, milli})
		default:
			s.sum.ServedMilliRPS += milli
		}
	}
}

func (t *Flows) capacity(ref model.Ref, p *pod) int64 {
	if !p.asked {
		p.asked, p.capacity = true, -1
		if rate, limited := t.World.CapacityMilliRPS(ref); limited {
			p.capacity = rate
		}
	}
	return p.capacity
}

// total is every flow's rates. An endpoint that gets more than it has CPU for
// serves the same share of everybody's requests.
func (t *Flows) total() []model.Traffic {
	t.shares(func(_ int, p *pod, milli int64) { p.arriving += milli })
	now := make([]model.Traffic, len(t.flows))
	for i := range t.flows {
		now[i] = model.Traffic{From: t.flows[i].From}
		for j := range t.flows[i].senders {
			addTraffic(&now[i], &t.flows[i].senders[j].sum)
		}
	}
	t.shares(func(flow int, p *pod, milli int64) {
		served := portion(p.sofar+milli, p.capacity, p.arriving) - portion(p.sofar, p.capacity, p.arriving)
		p.sofar += milli
		now[flow].ServedMilliRPS += served
		now[flow].OverloadMilliRPS += milli - served
	})
	t.shares(func(_ int, p *pod, _ int64) { p.arriving, p.sofar = 0, 0 })
	return now
}

// shares calls f with every share of an endpoint of limited capacity, always
// in the same order.
func (t *Flows) shares(f func(flow int, p *pod, milli int64)) {
	for i := range t.flows {
		for j := range t.flows[i].senders {
			for _, x := range t.flows[i].senders[j].limited {
				f(i, t.pods.Row(x.pod), x.milli)
			}
		}
	}
}

func (t *Flows) note(f *flow) {
	m := model.Meta{Kind: model.KindService, Namespace: f.Namespace, Name: f.Service}
	told := f.told
	t.store.Note(t.self, model.Note{
		Object: f.service, Name: m.Path(),
		Warning: told.ServedMilliRPS < told.OfferedMilliRPS,
		Reason:  model.ReasonTrafficChanged, Message: message(&told), Traffic: &told,
	})
}
