// Package proxy says where a request goes. Its one idea: what counts is what
// this machine's rules say now, and they are older than its view, which is
// older than the truth. It refuses to send anything; who does asks Route.
//
// Rules stay as they are while no news arrives, so a machine that is cut off
// from the control plane goes on with stale ones, as with real iptables. A
// Service's rules are looked up by its name; of a headless Service they are what DNS told
// clients on the machine last. A load balancer outside of the cluster
// (Balancer) sends to nodes, by health checks that their proxies answer.
//
// A proxy that nobody sends anything through has no effect anybody could
// observe, so only machines that send have one.
//
// The periodic work of a real kube-proxy (full resync every hour, the canary
// chain every 30 s) rewrites the rules there are and so has no place here.
package proxy

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// minSync is the shortest time from the end of a run that programs rules to
// the start of the next (pkg/proxy/apis/config minSyncPeriod;
// pkg/proxy/runner/bounded_frequency_runner.go).
const minSync = time.Second

// listTime is how long a new kube-proxy waits for its first list. It programs
// nothing before it has all Services and EndpointSlices.
const listTime = 50 * time.Millisecond

// syncTime is how long a run takes that changes some Services' iptables rules;
// 50 to 200 ms is a modelling choice for clusters of hundreds of Services.
var syncTime = sim.Uniform(50*time.Millisecond, 200*time.Millisecond)

// Why a proxy wakes.
const (
	whySync    sim.Why = iota // look whether a run is to begin or to end
	whyRenewed                // about a headless Service: its clients look it up anew
	whyLook                   // look whether rules are missing
)

// fullSync is how much longer a run takes that writes the rules of all Services, each: our
// estimate from runs of 0.2 s with a hundred of them and of 5 to 30 s with ten thousand.
const fullSync = time.Millisecond

// Listener is told, after it happened, that a proxy's rules for a Service changed, or
// what it answers to health checks of that Service ("" of all).
type Listener interface {
	RouteChanged(node, namespace, service string)
}

// Config is which machine's proxy this is.
type Config struct {
	Name     string // unique: "kube-proxy/n-1"; names its client and its luck
	Site     network.Site
	Node     string // "" is outside of all nodes: no endpoint is local
	Zone     string // for topology hints; "" is in no zone
	Listener Listener
	Rules    *Rulebook // shared by all proxies of a cluster
	Literal  bool      // all news wakes it, also what it can do nothing with yet
	// AnswerTTL is for how long clients on the machine keep an answer of DNS, unless each asks
	// every time.
	AnswerTTL time.Duration
	Uncached  bool
}

//tidy:key a Service's name
type name struct{ namespace, service string }

// service is all that is known of one Service: what the watches told, and the
// rules in force.
type service struct {
	seen     *model.Service // nil if gone or never seen
	slices   []uint32       // IDs of its EndpointSlices, ascending
	dirty    bool           // among Proxy.dirty
	renewing bool           // what clients know of it is renewed soon
	rules                   // in force
}

// rules is what a machine does about a Service.
type rules struct {
	as       name
	route    model.Route
	external model.Route // for what a load balancer sends, if there is one
	passes   bool        // what the health check of the Service comes to while the proxy runs
	hosts    []hosted    // what the names of single pods stand for that were asked for
}

// pending is rules that a run under way will have in force when it ends.
type pending struct {
	id uint32
	rules
}

// Proxy is kube-proxy on one machine, or whatever keeps an ingress's list of
// backends.
type Proxy struct {
	Config
	kernel  *sim.Kernel
	net     *network.Network
	self    sim.ActorID
	hash    uint64
	at      place
	client  *store.Client
	luck    sim.Lane
	lookups sim.Lane // when clients look up headless Services
	powered bool
	cut     bool // it had no connection when somebody last looked
	stopped bool // the process does not run
	full    bool // the next run writes all rules
	forced  bool // the next run waits for nothing but the one under way: rules are missing

	watchServices, watchSlices *store.Watch
	services                   store.Table[service] // by Service ID
	slices                     store.Table[*model.EndpointSlice]
	dirty                      []uint32 // Services whose rules may be outdated

	names   map[name]uint32   // of Services with rules in force
	asked   map[name][]string // of which these single pods were asked for
	missed  map[name]bool     // asked for, and not there
	writing []pending         // by the run under way
	doneAt  sim.Time          // the run under way ends; 0 if there is none
	freeAt  sim.Time          // no run begins before
	runs    uint64
	posted  sim.Time // the earliest wake-up under way for a run to begin, 0 if none

	flushed bool // rules are missing, and it has not looked yet
}

// New is a machine's proxy, doing nothing until Start.
func New(k *sim.Kernel, s *store.Store, net *network.Network, c Config) *Proxy {
	if c.AnswerTTL == 0 {
		c.AnswerTTL = AnswerTTL
	}
	p := &Proxy{
		Config: c, kernel: k, net: net, hash: sim.HashName(c.Name),
		luck: k.Luck().Lane("proxy/sync"), lookups: k.Luck().Lane("dns/answers"),
		names: map[name]uint32{}, asked: map[name][]string{}, missed: map[name]bool{},
	}
	p.self, p.at = k.Register(c.Name, p), place{node: model.NameOf(c.Node), zone: model.NameOf(c.Zone)}
	p.client = s.NewClient(store.ClientConfig{Name: c.Name, As: store.Account(model.NamespaceSystem, "kube-proxy", "kube-proxy"), Actor: p.self, Site: c.Site})
	p.watchServices = p.client.Watch(model.KindService)
	p.watchSlices = p.client.Watch(model.KindEndpointSlice)
	c.Rules.readers = append(c.Rules.readers, p)
	net.Listen(p)
	return p
}

// Start begins with an empty view and no rules. If the machine is off, it
// begins when there is power.
func (p *Proxy) Start() { p.LinksChanged(p.kernel.Now()) }

// LinksChanged implements network.Listener. A proxy only cares for its own
// machine's power: without it the rules are lost, and until the machine has
// booted it is not in the network and sends nothing. A real kube-proxy is back
// once its kubelet has started its container; this one lists as soon as the
// machine has booted, and until it has rules requests from there get no answer.
func (p *Proxy) LinksChanged(now sim.Time) {
	on := p.net.Reaches(p.Site, p.Site)
	if on == p.powered {
		p.cutOff(now)
		return
	}
	p.powered = on
	if on {
		p.list(now)
		return
	}
	p.forget()
	lost := p.services
	p.services, p.names, p.missed = store.Table[service]{}, map[name]uint32{}, map[name]bool{}
	for id := range lost.Len() {
		if as := lost.Row(uint32(id)).as; as != (name{}) {
			p.changed(as)
		}
	}
}

// list has a process that just started see everything anew.
func (p *Proxy) list(now sim.Time) {
	p.full = true
	p.freeAt = now.Add(listTime)
	p.watchServices.Start()
	p.watchSlices.Start()
}

// forget has a process that ends lose what it has seen. Rules stay: they are the kernel's.
func (p *Proxy) forget() {
	p.watchServices.Stop()
	p.watchSlices.Stop()
	p.slices = store.Table[*model.EndpointSlice]{}
	for id := range p.services.Len() {
		s := p.services.Row(uint32(id))
		s.seen, s.slices, s.dirty = nil, nil, false
	}
	p.dirty, p.writing, p.doneAt, p.forced = nil, nil, 0, false
}

// Halt ends the process. The machine goes on with the rules there are
// (pkg/proxy/iptables and nftables leave theirs behind), but answers no health check. What
// DNS tells of headless Services does not depend on it.
func (p *Proxy) Halt() {
	p.stopped, p.forced = true, false
	if p.doneAt > 0 { // a run is under way, which it does not finish
		p.writing, p.doneAt = p.writing[:0], 0
	}
	p.Listener.RouteChanged(p.Node, "", "")
}

// Resume starts it again: it lists everything and writes all rules.
func (p *Proxy) Resume() {
	p.stopped = false
	if p.powered {
		p.forget()
		p.list(p.kernel.Now())
	}
	p.Listener.RouteChanged(p.Node, "", "")
}

// Route is the rules in force for a Service.
func (p *Proxy) Route(namespace, service string) model.Route { return p.of(namespace, service).route }

// External is the rules in force for what a load balancer sends to the node for a Service.
func (p *Proxy) External(namespace, service string) model.Route {
	return p.of(namespace, service).external
}

// Passes is whether a load balancer's health check of a Service that reaches the machine
// is answered with 200. With externalTrafficPolicy Local that is the Service's own
// healthCheckNodePort: it wants a ready endpoint on the node
// (pkg/proxy/healthcheck/service_health.go). Else it is kube-proxy's healthz
// (proxy_health.go), which also fails if an update waits for more than a minute; here
// none of a running process does.
func (p *Proxy) Passes(namespace, service string) bool {
	return p.powered && !p.stopped && p.of(namespace, service).passes
}

// of is the rules in force for a Service. A node without any, as for a Service that was
// deleted, or before kube-proxy's first run, routes the packet away like any other, and
// nothing comes back: kube-proxy rejects only what goes to a Service that it knows and that
// has no endpoint (pkg/proxy/iptables/proxier.go syncProxyRules). An ingress has no such
// backend and answers so.
func (p *Proxy) of(namespace, service string) rules {
	id, ok := p.names[name{namespace, service}]
	if !ok {
		return p.missing(name{namespace, service})
	}
	return p.services.Row(id).rules
}

// Seat is the machine that Config.Listener is told of.
func (p *Proxy) Seat() string { return p.Node }

// DescribeWake implements sim.Describer.
func (p *Proxy) DescribeWake(why sim.Why, _ uint64) string {
	switch why {
	case whyLook:
		return "look whether rules are missing"
	case whySync:
		return "begin or end of a sync"
	case whyRenewed:
		return "clients look up a headless Service"
	}
	return "news of Services and EndpointSlices"
}

// Wake implements sim.Actor.
func (p *Proxy) Wake(now sim.Time, why sim.Why, about uint64) {
	p.catchUp()
	p.cut = p.cut && !p.follows()
	switch {
	case why == whyLook:
		p.restore()
	case why == whyRenewed:
		p.renew(uint32(about))
	case why == store.WhyWatch && uint32(about) == p.watchServices.ID:
		p.watchServices.Next() // to be woken for what comes later
	case why == store.WhyWatch:
		p.watchSlices.Next()
	}
	if p.powered {
		p.sync(now)
	}
}

// catchUp reads what has arrived.
func (p *Proxy) catchUp() {
	for p.watchServices.Arrived() {
		ref, obj, _ := p.watchServices.Next()
		svc, _ := obj.(*model.Service)
		s := p.services.Row(ref.ID)
		if !sameRules(s.seen, svc) {
			p.outdate(ref.ID)
		}
		s.seen = svc
	}
	for p.watchSlices.Arrived() {
		ref, obj, _ := p.watchSlices.Next()
		slice, _ := obj.(*model.EndpointSlice)
		p.see(ref.ID, slice)
	}
}

// sameRules tells whether two versions of a Service, nil if there is none, come to the same rules with
// the same endpoints. If they do, no run begins (pkg/proxy/servicechangetracker.go Update, which
// compares what serviceport.go newBaseServiceInfo takes from them): whom it selects, under which names
// its pods know its ports and how the EndpointSlice controller gives hints does not matter.
func sameRules(a, b *model.Service) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Headless == b.Headless && a.Ports == b.Ports && a.TCP == b.TCP && a.UDP == b.UDP && a.Affinity == b.Affinity &&
		a.LocalInternal == b.LocalInternal && a.LoadBalancer == b.LoadBalancer && a.LocalExternal == b.LocalExternal
}

// see takes in a slice's new version, nil if it is gone.
func (p *Proxy) see(id uint32, slice *model.EndpointSlice) {
	row := p.slices.Row(id)
	old := *row
	*row = slice
	if old != nil && (slice == nil || slice.Service != old.Service) {
		s := p.services.Row(old.Service.ID)
		if i, ok := slices.BinarySearch(s.slices, id); ok {
			s.slices = slices.Delete(s.slices, i, i+1)
		}
		p.outdate(old.Service.ID)
	}
	if slice == nil {
		return
	}
	s := p.services.Row(slice.Service.ID)
	if i, ok := slices.BinarySearch(s.slices, id); !ok {
		s.slices = slices.Insert(s.slices, i, id)
	}
	p.outdate(slice.Service.ID)
}

func (p *Proxy) outdate(id uint32) {
	if s := p.services.Row(id); !s.dirty {
		s.dirty = true
		p.dirty = append(p.dirty, id)
	}
}

// sync ends the run that is due to end, and begins one if there is a reason to
// and the last one ended long enough ago. News that comes until then waits for the
// next, and wakes nobody before. Without a process, or news for it, only names are looked after.
func (p *Proxy) sync(now sim.Time) {
	if p.doneAt > now {
		return
	}
	if p.doneAt > 0 {
		p.program()
		p.doneAt = 0
	}
	switch free := p.forced || now >= p.freeAt; {
	case len(p.dirty) == 0 && !p.forced:
	case p.listing():
	case free && (p.stopped || !p.writes()):
		p.syncNames(now)
	case free:
		p.begin(now)
	case p.posted != p.freeAt:
		p.posted = p.freeAt
		p.kernel.Post(p.freeAt, p.self, whySync, 0)
	}
}

// writes tells whether some news is of what the process writes rules for, or it has to write all. It
// does not watch headless Services (cmd/kube-proxy/app/server.go, noHeadlessEndpoints).
func (p *Proxy) writes() bool {
	return p.full || p.forced || slices.ContainsFunc(p.dirty, func(id uint32) bool { return !p.isName(p.services.Row(id)) })
}

// listing tells whether a process that started has not seen everything yet.
func (p *Proxy) listing() bool {
	return p.full && !(p.watchServices.Drained() && p.watchSlices.Drained())
}

func (p *Proxy) begin(now sim.Time) {
	more := p.refill()
	for _, id := range p.dirty {
		s := p.services.Row(id)
		s.dirty = false
		p.spread(now, id, s)
		if !p.keepsAnswer(now, id, s) {
			p.writing = append(p.writing, p.make(id, s))
		}
	}
	p.dirty = p.dirty[:0]
	p.runs++
	luck := p.luck.Draw(p.hash, p.runs)
	p.doneAt = now.Add(syncTime.Draw(&luck) + more)
	p.kernel.Post(p.doneAt, p.self, whySync, 0)
	if !p.forced {
		p.freeAt = p.doneAt.Add(minSync)
	}
	p.forced = false
	if next := max(p.doneAt, p.freeAt); !p.Literal {
		p.watchServices.Hush(next)
		p.watchSlices.Hush(next)
	}
}

// refill has the first run of a process write the rules of all Services, also of those
// that went while there was none, and one for missing rules those that there should be. It returns
// how much longer that takes.
func (p *Proxy) refill() time.Duration {
	if !p.full && !p.forced {
		return 0
	}
	for id := range p.services.Len() {
		if s := p.services.Row(uint32(id)); s.as != (name{}) && (p.full || !s.route.Headless) {
			p.outdate(uint32(id))
		}
	}
	p.full = false
	return time.Duration(len(p.dirty)) * fullSync
}

// make is what a Service's rules should be by what was seen. They have no
// name, and so no effect, if the Service is gone or has not been seen yet.
func (p *Proxy) make(id uint32, s *service) pending {
	switch {
	case s.seen == nil:
		return pending{id: id}
	case p.named(s.seen):
		return p.answer(id)
	}
	of := p.slicesOf(s)
	r := p.rulesAt(s, of, p.at)
	if p.Node == "" {
		r.route.Sticky = 0 // kube-proxy's affinity is by a node's rules
	}
	if s.seen.LoadBalancer {
		outside := p.at
		outside.external = true
		r.external = p.Rules.choose(s.seen, of, outside)
		r.passes = !s.seen.LocalExternal || slices.ContainsFunc(r.external.Endpoints, func(e model.Endpoint) bool { return e.Ready })
	}
	return pending{id, r}
}

// slicesOf is a Service's EndpointSlices as seen.
func (p *Proxy) slicesOf(s *service) []*model.EndpointSlice {
	of := make([]*model.EndpointSlice, len(s.slices))
	for i, sid := range s.slices {
		of[i] = *p.slices.Row(sid)
	}
	return of
}

// program puts the rules of the run that ends in force. A name that a younger
// Service has taken over stays the younger one's.
func (p *Proxy) program() {
	for i := range p.writing {
		p.put(&p.writing[i])
	}
	p.writing = p.writing[:0]
}

// changed tells that a Service's rules are others, and what its pods' names stand for.
func (p *Proxy) changed(as name) {
	p.Listener.RouteChanged(p.Node, as.namespace, as.service)
	for _, host := range p.asked[as] {
		p.Listener.RouteChanged(p.Node, as.namespace, host+"."+as.service)
	}
}

// put puts rules in force.
func (p *Proxy) put(n *pending) {
	s := p.services.Row(n.id)
	was := s.as
	if was != n.as && p.names[was] == n.id {
		delete(p.names, was)
	}
	s.rules = n.rules
	if s.route.Service.ID != 0 && p.names[s.as] < n.id {
		p.names[s.as] = n.id
	}
	p.changed(n.as)
	if was != n.as && was != (name{}) {
		p.changed(was)
	}
}
