package proxy

import (
	"slices"
	"strconv"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// Probes is how a load balancer asks nodes whether they want traffic.
type Probes struct {
	Interval  time.Duration
	Timeout   time.Duration // of a probe that nobody answers; less than Interval
	Healthy   int64         // probes in a row that succeed until a node gets traffic
	Unhealthy int64         // probes in a row that fail until it gets none
	// Lag is how long it takes until a node that came or went in the cluster is one of
	// the balancer's or no more: the cloud's service controller, and the cloud itself.
	Lag time.Duration
}

// DefaultProbes are those of Google's cloud provider
// (k8s.io/legacy-cloud-providers/gce/gce.go gceHcCheckIntervalSeconds and so on). The
// lag is our estimate.
var DefaultProbes = Probes{Interval: 8 * time.Second, Timeout: time.Second, Healthy: 1, Unhealthy: 3, Lag: 10 * time.Second}

// Nodes is what a load balancer meets on its way.
type Nodes interface {
	// Site is where a node is in the network; false if there is no such node.
	Site(node string) (network.Site, bool)
	// Passes is whether the node's kube-proxy, if it can be reached, answers a Service's
	// health check with 200.
	Passes(node, namespace, service string) bool
}

// BalancerConfig is which Service a load balancer is for.
type BalancerConfig struct {
	Probes
	Name               string       // unique
	Site               network.Site // where it is, outside of all nodes
	Namespace, Service string
	Nodes              Nodes
	Changed            func()                             // is called after other nodes get traffic
	Note               func(by sim.ActorID, n model.Note) // tells people, without an API
	Literal            bool                               // every probe is an event
}

// Balancer is the load balancer of a Service, as clouds make one: it knows the cluster's
// nodes, and no pods, and sends each connection to any node that passes its health
// checks; if none does, to any at all, as Elastic Load Balancing says it does ("fails
// open"). It must be told when something that a check depends on changes:
// RouteChanged, LinksChanged, Spoil.
//
// Probes of a node come at a phase of their own. While what a node answers stays the
// same, probes are counted when that ends; the only wake-up is when enough of them have
// succeeded or failed.
type Balancer struct {
	BalancerConfig
	kernel  *sim.Kernel
	net     *network.Network
	self    sim.ActorID
	phases  sim.Lane
	hash    uint64
	path    string         // of its Service
	service *model.Service // nil if there is none
	local   bool
	targets store.Table[probed] // by node ID
	byName  map[string]uint32
	owed    []uint32 // nodes that come or go with the next update

	watchNodes, watchServices *store.Watch
}

// answer is what becomes of a probe.
type answer uint8

const (
	silent answer = iota // nobody answers in time
	refuses
	passes
)

// probed is a node as its load balancer knows it.
type probed struct {
	node    *model.Node // as seen last
	gone    bool        // from the cluster
	joinsAt sim.Time    // it is one of the balancer's from then on; 0 is never
	leaveAt sim.Time    // until then; 0 is no end
	spoiled bool        // its probes fail although it is well

	answers  answer   // to probes now
	probesAt sim.Time // the first probe that is not counted
	good     bool     // what the last probe said
	run      int64    // how many in a row said so, at most as many as matter
	in       bool     // it gets traffic
	turnAt   sim.Time // it gets traffic or none from then on, because of probes made; 0 is no change
	was      bool     // it has had traffic before
}

// whyProbe means: look at a node's probes; about is its ID.
const whyProbe sim.Why = 1

// NewBalancer is the load balancer of a Service, which exists as long as the Service has
// the type.
func NewBalancer(k *sim.Kernel, s *store.Store, net *network.Network, c BalancerConfig) *Balancer {
	b := &Balancer{BalancerConfig: c, kernel: k, net: net, hash: sim.HashName(c.Name), phases: k.Luck().Lane("balancer/phase"), byName: map[string]uint32{}}
	of := model.Meta{Kind: model.KindService, Namespace: c.Namespace, Name: c.Service}
	b.path = of.Path()
	b.self = k.Register(c.Name, b)
	client := s.NewClient(store.ClientConfig{
		Name: c.Name, As: store.Account(model.NamespaceSystem, "cloud-controller-manager", "cloud-controller-manager"), Actor: b.self, Site: c.Site,
	})
	b.watchNodes = client.Watch(model.KindNode)
	b.watchServices = client.Watch(model.KindService)
	net.Listen(b)
	return b
}

// Start begins to watch the cluster.
func (b *Balancer) Start() {
	b.watchNodes.Start()
	b.watchServices.Start()
}

// Targets is the nodes that connections go to, each with an equal share. It is false if
// there is no load balancer.
func (b *Balancer) Targets() ([]string, bool) {
	if b.service == nil {
		return nil, false
	}
	var in, all []string
	for id := range b.targets.Len() {
		t := b.targets.Row(uint32(id))
		if !t.member(b.kernel.Now()) {
			continue
		}
		all = append(all, t.node.Name)
		if t.in {
			in = append(in, t.node.Name)
		}
	}
	if len(in) == 0 {
		return all, true
	}
	return in, true
}

// member tells whether a node is one of the balancer's.
func (t *probed) member(now sim.Time) bool {
	return t.joinsAt > 0 && t.joinsAt <= now && (t.leaveAt == 0 || now < t.leaveAt)
}

// DescribeWake implements sim.Describer.
func (b *Balancer) DescribeWake(why sim.Why, about uint64) string {
	if n := b.targets.Row(uint32(about)).node; why == whyProbe && n != nil {
		return "probes of " + n.Name
	}
	return "news of nodes and Services"
}

// Wake implements sim.Actor.
func (b *Balancer) Wake(now sim.Time, why sim.Why, about uint64) {
	switch {
	case why == whyProbe:
		b.look(now, uint32(about))
	case uint32(about) == b.watchNodes.ID:
		for ref, obj, ok := b.watchNodes.Next(); ok; ref, obj, ok = b.watchNodes.Next() {
			n, _ := obj.(*model.Node)
			b.seeNode(now, ref.ID, n)
		}
	default:
		for ref, obj, ok := b.watchServices.Next(); ok; ref, obj, ok = b.watchServices.Next() {
			svc, _ := obj.(*model.Service)
			b.seeService(now, ref.ID, svc)
		}
	}
}

func (b *Balancer) seeService(now sim.Time, id uint32, svc *model.Service) {
	mine := svc != nil && svc.Namespace == b.Namespace && svc.Name == b.Service && svc.LoadBalancer
	switch {
	case mine:
		if b.service == nil || !sameBalancer(b.service, svc) {
			b.update(now)
		}
		b.service, b.local = svc, svc.LocalExternal
	case b.service != nil && b.service.ID == id:
		b.service = nil
	default:
		return
	}
	b.Changed()
	b.recheckAll(now)
}

// sameBalancer tells whether two versions of a Service are the same to its load balancer
// (k8s.io/cloud-provider controllers/service/controller.go needsUpdate, which looks at annotations,
// too).
func sameBalancer(a, b *model.Service) bool {
	return a.ID == b.ID && a.Ports == b.Ports && a.TCP == b.TCP && a.UDP == b.UDP && slices.Equal(a.Targets, b.Targets) &&
		a.Affinity == b.Affinity && a.LocalExternal == b.LocalExternal && a.TopologyAuto == b.TopologyAuto
}

// excluded nodes get no load balancer's traffic, unless the label says that they are not
// (k8s.io/cloud-provider controllers/service/controller.go nodeIncludedPredicate).
const excluded = "node.kubernetes.io/exclude-from-external-load-balancers"

// toBeDeleted is on a node that the cluster autoscaler is removing: its kube-proxy's
// healthz fails (pkg/proxy/healthcheck/proxy_health.go NodeEligible). The proxy knows
// the taint from a watch of its own node; here the balancer's own view stands for it.
const toBeDeleted = "ToBeDeletedByClusterAutoscaler"

func included(n *model.Node) bool {
	v, labeled := n.Labels.Get(excluded)
	if !labeled {
		return true
	}
	is, err := strconv.ParseBool(v)
	return err == nil && !is
}

func leaving(n *model.Node) bool { return model.HasTaintKey(n.Taints, toBeDeleted) }

// wanted tells whether a node is to be one of the balancer's, whether or not it is Ready
// (stableNodeSetPredicates).
func (t *probed) wanted() bool { return !t.gone && included(t.node) && !leaving(t.node) }

// chosen tells whether it is one as of the last update.
func (t *probed) chosen() bool { return t.joinsAt > 0 && t.leaveAt == 0 }

// seeNode takes in a node's new version. If it comes, goes or is excluded, or no longer, all nodes
// are brought up to date; its taint alone is no reason (shouldSyncUpdatedNode).
func (b *Balancer) seeNode(now sim.Time, id uint32, n *model.Node) {
	t := b.targets.Row(id)
	if n == nil && (t.node == nil || t.gone) {
		return
	}
	reason := n == nil || t.node == nil || t.gone || included(n) != included(t.node)
	if t.gone = n == nil; !t.gone {
		t.node = n
		b.byName[n.Name] = id
	}
	if t.wanted() != t.chosen() && !slices.Contains(b.owed, id) {
		b.owed = append(b.owed, id)
	}
	if reason {
		b.update(now)
	}
	if t.member(now) {
		b.recheck(now, id)
	}
}

// update has the nodes be the balancer's that are wanted, and no others (nodeSyncService).
func (b *Balancer) update(now sim.Time) {
	lag := b.Lag
	if now < sim.Time(time.Second) {
		lag = 0 // the cluster has long had them
	}
	for _, id := range b.owed {
		t := b.targets.Row(id)
		switch wanted := t.wanted(); {
		case wanted == t.chosen():
		case wanted:
			phase := b.phases.Draw(b.hash, uint64(id))
			*t = probed{node: t.node, joinsAt: max(now.Add(lag), 1), spoiled: t.spoiled}
			t.probesAt = t.joinsAt.Add(phase.Duration(0, b.Interval))
			b.kernel.Post(t.joinsAt, b.self, whyProbe, uint64(id))
		default:
			t.leaveAt = now.Add(b.Lag)
			b.kernel.Post(t.leaveAt, b.self, whyProbe, uint64(id))
		}
	}
	b.owed = b.owed[:0]
}

// RouteChanged implements Listener: a check may be answered otherwise.
func (b *Balancer) RouteChanged(node, namespace, service string) {
	if id, ok := b.byName[node]; ok && (service == "" || namespace == b.Namespace && service == b.Service) {
		b.recheck(b.kernel.Now(), id)
	}
}

// LinksChanged implements network.Listener.
func (b *Balancer) LinksChanged(now sim.Time) { b.recheckAll(now) }

// Spoil has the probes of a node fail, or not any more, although it is well.
func (b *Balancer) Spoil(node uint32, fails bool) {
	b.targets.Row(node).spoiled = fails
	b.recheck(b.kernel.Now(), node)
}

func (b *Balancer) recheckAll(now sim.Time) {
	for id := range b.targets.Len() {
		b.recheck(now, uint32(id))
	}
}

// ask is what a probe of a node would come to now. It opens a connection and asks, which is two
// round trips: it times out if even the shortest that these can take is too long. Deviation:
// losses of less than all messages do not matter.
func (b *Balancer) ask(t *probed) answer {
	site, ok := b.Nodes.Site(t.node.Name)
	switch {
	case !ok || !b.net.Connected(b.Site, site) || 2*b.net.RoundTrip(b.Site, site) >= b.Timeout:
		return silent
	case t.spoiled || !b.local && leaving(t.node) || !b.Nodes.Passes(t.node.Name, b.Namespace, b.Service):
		return refuses
	}
	return passes
}

// recheck takes in that probes of a node may be answered otherwise from now on.
func (b *Balancer) recheck(now sim.Time, id uint32) {
	t := b.targets.Row(id)
	if !t.member(now) {
		return
	}
	if a := b.ask(t); a != t.answers {
		b.count(now, t)
		t.answers = a
		b.post(now, id, t)
	}
}

// look counts the probes there were, and acts on them.
func (b *Balancer) look(now sim.Time, id uint32) {
	t := b.targets.Row(id)
	if !t.member(now) {
		if t.leaveAt > 0 && t.leaveAt <= now {
			*t = probed{node: t.node, gone: t.gone, spoiled: t.spoiled}
			b.Changed()
		}
		return
	}
	if t.joinsAt == now {
		t.answers = b.ask(t)
		b.Changed()
	}
	b.count(now, t)
	if t.turnAt > 0 && t.turnAt <= now {
		t.turnAt = 0
		t.in = !t.in
		b.turned(t)
	}
	b.post(now, id, t)
}

// count counts the probes since the last time, all of which came to the same.
func (b *Balancer) count(now sim.Time, t *probed) {
	if now < t.probesAt {
		return
	}
	n, first := int64(now.Sub(t.probesAt)/b.Interval)+1, t.probesAt
	t.probesAt = first.Add(time.Duration(n) * b.Interval)
	if good := t.answers == passes; good != t.good || t.run == 0 {
		t.good, t.run = good, 0
	}
	before, need := t.run, b.threshold(t.good)
	t.run = min(t.run+n, need)
	if t.run == need && before < need && t.good != t.in {
		t.turnAt = first.Add(time.Duration(need-before-1)*b.Interval + b.takes(t))
	}
}

func (b *Balancer) threshold(good bool) int64 {
	if good {
		return b.Healthy
	}
	return b.Unhealthy
}

// takes is how long a probe takes; one that is answered no time worth counting.
func (b *Balancer) takes(t *probed) time.Duration {
	if t.answers == silent {
		return b.Timeout
	}
	return 0
}

// post asks for a look when probes will have said often enough that something changes.
func (b *Balancer) post(now sim.Time, id uint32, t *probed) {
	at := t.turnAt
	if good := t.answers == passes; at == 0 && good != t.in {
		left := b.threshold(good)
		if good == t.good {
			left -= t.run
		}
		at = t.probesAt.Add(time.Duration(left-1) * b.Interval)
	}
	if b.Literal {
		if at == 0 || t.probesAt < at {
			at = t.probesAt
		}
	}
	if at > 0 {
		b.kernel.Post(max(at, now), b.self, whyProbe, uint64(id))
	}
}

// The reasons of the notes about load balancers.
const (
	ReasonOut = "LoadBalancerTargetUnhealthy"
	ReasonIn  = "LoadBalancerTargetHealthy"
)

// turned tells who has to know that a node gets traffic now, or none.
func (b *Balancer) turned(t *probed) {
	n := model.Note{About: &t.node.Meta, Reason: ReasonIn, Message: "passes the health checks of the load balancer of " + b.path}
	if !t.in {
		n = model.Note{About: n.About, Warning: true, Reason: ReasonOut, Message: "fails the health checks of the load balancer of " + b.path + ": no new connections go there"}
	}
	if t.was {
		b.Note(b.self, n)
	}
	t.was = true
	b.Changed()
}
