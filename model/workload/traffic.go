package workload

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// TrafficConfig is what traffic there is.
type TrafficConfig struct {
	Sources []Traffic
	Calls   []Call
	DNS     *DNS // nil: whoever sends knows all addresses
	World   World
	// Tables is how many entries a node's table of connections has; nil: nobody counts them.
	Tables func(node string) int64
	// Bandwidth is how many bytes of requests and answers a second go out of each node,
	// and in, at most; 0 is without limit.
	Bandwidth int64
	// Probing tells whether a probe of a pod does all that a request does, which may take too
	// long although nobody sends any; nil: there are no such pods.
	Probing func(*model.Pod) bool
	// Exact has every change go all the way at once, and every pod computed by itself:
	// the slow twin.
	Exact bool
	// Site is where requests from outside come from, and where the view of Deployments
	// that send is fed from.
	Site network.Site
}

// Flows is the traffic of a run. It must be told of everything a rate depends
// on, and notes every change: RouteChanged by proxies, ServingChanged by
// machines, LinksChanged by the network. What changes has the flows concerned
// computed anew, and no others.
type Flows struct {
	TrafficConfig
	kernel *sim.Kernel
	net    *network.Network
	store  *store.Store
	self   sim.ActorID
	client *store.Client

	flows      []flow
	to         map[target]int32 // backends by Service
	backends   []backend
	classes    []class
	unused     []int32          // of classes
	sorts      [][]int32        // of pods that send: the flows, ascending
	crews      []crew           // of those
	crewsOf    [][]int32        // by sort
	kinds      map[kind][]int32 // calls that pods make
	seats      map[string]int32 // numbers of machines, as routers name them
	pods       store.Table[pod] // by pod ID
	mixed      []int32          // backends whose pods are to be divided into classes anew, each once
	stale      []int32          // flows whose shares may be others, each once
	touched    []int32          // classes that may fare otherwise, each once
	untold     []int32          // flows of which something else may become, each once
	rest       []int32          // of untold, while some are computed
	taken      []int32          // scratch of take
	unranked   bool             // heights are to be found anew
	computed   int              // how many flows and classes were, each time counted
	late, most int              // of computed, in this instant: from then on all are, whatever is below them; and no more
	spare      int              // of that, what instants of a second share
	spent      int              // of what they share
	allottedAt sim.Time         // when that was said
	restless   int              // so often what is computed is halved, as rates did not come to rest of late
	restedBy   sim.Time         // it is known of all full seconds before whether they did
	hurried    bool             // what waited went on in that instant
	news       int              // counts what comes from outside, and full minutes
	stirs      int              // of news, what does not come from outside
	heardAt    sim.Time         // something came from outside then, and nothing since
	shiftsFrom sim.Time         // since then machines changed something by themselves
	shifts     int              // so often
	changed    []int32          // flows of which something else became in this instant, each once
	loaded     []int32          // classes at which another rate arrives than their machines know
	moved      []uint32         // pods at which something else arrives than their machines know, each once
	probed     []uint32         // pods whose probes may fare otherwise, each once
	interviews [][]Probe        // of pods
	watched    []int32          // classes that are to be looked at again, as things are in this instant
	moving     []int32          // classes that may have to be looked at again, each once
	levelAt    sim.Time         // the wake-up for the first of them
	recount    []uint32         // pods that have CPU for another rate
	unasked    bool             // some of them not only because of what arrives now
	computing  bool             // compute is under way
	rising     bool             // what becomes of requests comes before what is called because of it
	afresh     bool             // no pod goes where others of its class went: the slow twin
	fresh      []bundle         // scratch of a flow that is computed
	split      []int32          // scratch of divide
	sheet      states           // scratch of queue
	pairs      []caller         // scratch of spreadCalls
	pairOf     []int32          // by sender: the last of them
	units      []unit           // scratch of tellApart
	inLots     []int32          // scratch of crewOf
	heard      []int32          // scratch of handsAbove
	tellings   []model.Traffic  // room for what notes tell
	onWay      []network.Harm   // scratch of weaken
	mark       uint32           // counts divisions
	postedAt   sim.Time         // the wake-up that computes; sim.Never if there is none
	patient    int              // what changes just now is gathered once so much was computed in this second; 0 if never
	secondOf   sim.Time         // the full second in which news were gathered last
	computedBy int              // computed, when they were first in it
	soon       bool             // some change waits for the next full second
	waits      bool             // some change waits for the next full minute
	dear       bool             // many changes had waited for the last full second
	settling   patience         // what does not wait just now
	soonAt     sim.Time         // the last wake-up for what waits
	flushAt    sim.Time
	harms      []DNSHarm
	caches     sim.Lane // when answers that are kept are too old
	chooses    sim.Lane // which endpoint a client chooses that counts
	locality   nearness
	wires      []wire            // by site
	groups     map[common]uint32 // of sites
	metered    []int32           // flows that want something else of machines, each once
	strained   []network.Site    // machines of which something else is wanted, each once
	passages   []passage         // by site: what the flow that is looked at wants
	passed     []network.Site    // of passages, those in use
	freights   []freight         // by part of the route that is looked at
	turnedAt   sim.Time          // conditions of machines turned then,
	turns      int               // so often
	turned     stint             // instants in which they turned as often as they may
	judged     []network.Site    // machines whose conditions were looked at in this instant, each once
	cutAt      sim.Time          // ways were cut then, and it is not computed yet what was under way there; 0 if none were
	cutSince   network.Handle    // by impairments from this one on
	ruled      network.Handle    // the first impairment that was not seen yet
	severed    []severed

	watchDeployments, watchPods *store.Watch // nil if no Deployment sends
	watchServices               *store.Watch // what DNS servers know; nil if nobody looks anything up
	services                    store.Table[*model.Service]
	listed                      bool // DNS servers have seen all Services there are
}

// whyCompute is the wake-up behind everything of an instant that changes a
// rate.
const (
	whyCompute sim.Why = iota
	whyRate            // about a flow, whose rate is another one
	whyExpired         // about lookups: answers that somebody keeps are too old
	whyFull            // about a site: its table of connections takes more, or fewer
	whySoon            // small changes
	whyFlush           // very small ones
	whyRenewed         // about a flow, some of whose clients choose anew
	whyLevel           // pods may have some number of requests
	whyResumed         // about a backend, whose pods' queues move again
	whySevered         // answers were due on ways that are cut
	whyDrained         // about a pod to which no rules lead: less waits there
)

// NewTraffic is the traffic of sources; equal ones are added up. Nothing flows
// until Start.
func NewTraffic(k *sim.Kernel, s *store.Store, net *network.Network, c TrafficConfig) *Flows {
	t := &Flows{TrafficConfig: c, kernel: k, allottedAt: sim.Never, postedAt: sim.Never, net: net, store: s, to: map[target]int32{}, groups: map[common]uint32{}, kinds: map[kind][]int32{}, seats: map[string]int32{}}
	t.classes, t.sorts = make([]class, 1), make([][]int32, 1) // 0 is none
	t.interviews = make([][]Probe, 1)
	t.self = k.Register("traffic", t)
	t.chooses = k.Luck().Lane("connections")
	for _, src := range c.Sources {
		t.add(src)
	}
	for i := range c.Calls {
		t.addCall(&c.Calls[i])
	}
	t.addLookups()
	if c.Probing != nil || slices.ContainsFunc(t.flows, func(f flow) bool { return f.sentByPods() }) {
		t.client = s.NewClient(store.ClientConfig{Name: "traffic", As: store.Admin("traffic"), Actor: t.self, Site: c.Site})
		t.watchDeployments = t.client.Watch(model.KindDeployment)
		t.watchPods = t.client.Watch(model.KindPod)
	}
	if c.DNS != nil && t.client != nil {
		t.watchServices = t.client.Watch(model.KindService)
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
			f.rates = append(f.rates, src.Rate)
			return
		}
	}
	f := flow{Traffic: src, rates: []Rate{src.Rate}, told: model.Traffic{From: src.From}}
	if home, of, ok := strings.Cut(src.From, "deployment/"); ok {
		f.home, f.deployment = cmp.Or(strings.TrimSuffix(home, "/"), src.Namespace), of
	}
	if node, ok := strings.CutPrefix(src.From, "node/"); ok {
		f.node = node
	}
	f.balanced = src.From == Internet
	t.enter(f)
}

// enter adds a flow.
func (t *Flows) enter(f flow) {
	to := target{f.Namespace, f.Service}
	i, ok := t.to[to]
	if !ok {
		i = int32(len(t.backends))
		t.to[to] = i
		t.backends = append(t.backends, backend{})
	}
	m := model.Meta{Kind: model.KindService, Namespace: f.Namespace, Name: f.Service}
	f.backend, f.path, f.must, f.at = i, m.Path(), true, map[place]int32{}
	f.lots = []lot{{attempt: once}}
	t.backends[i].flows = append(t.backends[i].flows, int32(len(t.flows)))
	t.flows = append(t.flows, f)
}

// Start lets the traffic flow.
func (t *Flows) Start() {
	if t.client != nil {
		t.watchDeployments.Start()
		t.watchPods.Start()
	}
	if t.watchServices != nil {
		t.watchServices.Start()
	}
	for i := range t.flows {
		f := &t.flows[i]
		t.pace(t.kernel.Now(), int32(i))
		if _, ok := t.World.Site(f.node); ok && !f.sentByPods() && f.of < 0 && !f.balanced {
			t.World.Proxy(f.node)
		}
	}
}

// RouteChanged tells that a proxy's rules for a Service are others now.
func (t *Flows) RouteChanged(node, namespace, service string) {
	b, ok := t.to[target{namespace, service}]
	seat, known := t.seats[node]
	if !ok || !known {
		return
	}
	t.hear()
	t.patient = plenty
	for _, i := range t.backends[b].flows {
		f := &t.flows[i]
		for j := range f.senders {
			if s := &f.senders[j]; s.seat == seat {
				s.stale, f.reroute = true, true
				t.outdate(i)
			}
		}
	}
	t.patient = 0
}

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
	t.hear()
	t.patient = plenty
	if p.serving = serving; serving {
		p.upAt, p.flights, p.drains = t.kernel.Now(), nil, 0
		t.reprobe(ref.ID, p)
		t.CapacityChanged(ref) // while a container did not run it limited nothing
	}
	t.mixPod(p)
	if p.class != 0 && p.inflow == nil {
		t.move(ref.ID, p)
	}
	for _, i := range t.sorts[p.sort] {
		if c := t.flows[i].call; c == nil || c.Probes || t.keeps(&t.flows[i]) {
			t.respread(i)
		}
	}
	t.patient = 0
}

// CapacityChanged tells that a pod has CPU for another rate.
func (t *Flows) CapacityChanged(ref model.Ref) {
	if int(ref.ID) < t.pods.Len() && t.pods.Row(ref.ID).machine != nil {
		t.recount = append(t.recount, ref.ID)
		t.unasked = t.unasked || !t.computing
		was := t.patient
		if t.patient = veryMuch; t.computing {
			t.patient = 0
		}
		t.post()
		t.patient = was
	}
}

// Slow has the requests of a pod take longer from now on, or less long again.
func (t *Flows) Slow(pod uint32, by time.Duration) {
	p := t.pods.Row(pod)
	p.slow += by
	p.work.Latency += by
	t.mixAll(p)
	t.reprobe(pod, p)
	t.post()
}

// Hang has requests that a pod gets while it does not serve wait for ever, or be refused
// again.
func (t *Flows) Hang(pod uint32, hangs bool) {
	p := t.pods.Row(pod)
	if hangs {
		p.hangs++
	} else {
		p.hangs--
	}
	t.mixAll(p)
}

// Fail has so many of a million requests that a pod gets be answered with an error from
// now on, or not any more (-ppm); they cost it nothing. Several shares are independent of
// one another: of two halves a quarter of the requests is left.
func (t *Flows) Fail(pod uint32, ppm int64) {
	p := t.pods.Row(pod)
	if ppm > 0 {
		p.shares = append(p.shares, ppm)
	} else if i := slices.Index(p.shares, -ppm); i >= 0 {
		p.shares = slices.Delete(p.shares, i, i+1)
	}
	p.fails = 0
	for _, share := range p.shares {
		p.fails = either(p.fails, share)
	}
	t.mixAll(p)
}

// either is how many of a million one of two independent causes befalls.
func either(a, b int64) int64 { return a + product(million-a, b, million) }

// mixAll has the pods of all backends divided anew that a pod is behind.
func (t *Flows) mixAll(p *pod) {
	t.hear()
	t.mixPod(p)
}

// TargetsChanged tells that a Service's load balancer sends to other nodes now.
func (t *Flows) TargetsChanged(namespace, service string) {
	if b, ok := t.to[target{namespace, service}]; ok {
		t.hear()
		for _, i := range t.backends[b].flows {
			if t.flows[i].balanced {
				t.respread(i)
			}
		}
	}
}

// hear is the beginning of what comes from outside.
func (t *Flows) hear() {
	t.news++
	t.heardAt = t.kernel.Now()
}

// mostShifts is how often what machines do by themselves counts as coming from outside, until
// something else does: they look again at how crowded they are some time after traffic changed.
const mostShifts = 8

// shift is the beginning of what a machine changes at another time than the traffic there.
func (t *Flows) shift() {
	if t.heardAt != t.shiftsFrom {
		t.shifts, t.shiftsFrom = 0, t.heardAt
	}
	if t.shifts++; t.shifts <= mostShifts {
		t.news++
	}
}

// stir is the beginning of what changes by itself.
func (t *Flows) stir() {
	t.news++
	t.stirs++
}

// LinksChanged implements network.Listener.
func (t *Flows) LinksChanged(now sim.Time) {
	t.hear()
	t.seeCut(now)
	t.reroute()
}

// reroute has everything computed anew that goes over machines: some machines' requests fare
// otherwise than others' now.
func (t *Flows) reroute() {
	for i := range t.flows {
		t.forget(&t.flows[i])
		t.respread(int32(i))
	}
	for i := range t.backends {
		t.mix(int32(i))
	}
}

// outdate has a flow computed anew, when this instant's other events are done.
func (t *Flows) outdate(i int32) {
	if f := &t.flows[i]; !f.stale {
		f.stale = true
		t.stale = append(t.stale, i)
	}
	t.post()
}

// post has what changed be computed when this instant's other events are done, or with the next
// beat.
func (t *Flows) post() {
	at := t.kernel.Now()
	if t.patient > 0 {
		at = t.gathered(at, t.patient, beat)
	}
	if at < t.postedAt {
		t.postedAt = at
		t.kernel.Post(at, t.self, whyCompute, 0)
	}
}

// pace has a flow sent at the rate of now, until it is the next time another one.
func (t *Flows) pace(now sim.Time, i int32) {
	f := &t.flows[i]
	f.milli, f.must, f.paced = 0, true, true
	t.restless = 0
	t.hear()
	next := sim.Never
	for _, r := range f.rates {
		milli, at := r.at(now)
		f.milli += milli
		next = min(next, at)
	}
	t.respread(i)
	if next != sim.Never {
		t.kernel.Post(next, t.self, whyRate, uint64(i))
	}
}

// respread has a flow's senders made anew.
func (t *Flows) respread(i int32) {
	t.flows[i].respread, t.rising = true, false
	t.outdate(i)
}

// DescribeWake implements sim.Describer.
func (t *Flows) DescribeWake(why sim.Why, about uint64) string {
	switch why {
	case whyRate:
		return "another rate of traffic from " + t.flows[about].From
	case whyCompute:
		return "rates of all traffic"
	case whyExpired:
		return "answers are too old: " + t.flows[about].From
	case whyRenewed:
		return "connections are renewed or given up: " + t.flows[about].From
	case whyLevel:
		return "pods have more requests to do, or fewer"
	case whyResumed:
		return "queues move again"
	case whyFull:
		return "the table of connections takes more or fewer on " + t.net.Name(network.Site(about))
	case whySevered:
		return "answers were due on ways that are cut"
	case whyDrained:
		return "less waits at a pod that gets no more"
	case whySoon, whyFlush:
		return "small changes of traffic"
	}
	return "news of pods that send"
}

// Wake implements sim.Actor.
func (t *Flows) Wake(now sim.Time, why sim.Why, about uint64) {
	switch {
	case why == whyCompute && now != t.postedAt: // it was earlier
	case why == whyCompute:
		t.compute()
		t.postedAt = sim.Never
	case why == whyRate:
		t.pace(now, int32(about))
	case why == whyExpired:
		if l := &t.flows[about]; now == l.oldAt {
			t.respread(int32(about))
			t.outdate(l.of)
		}
	case why == whySoon:
		t.hurry()
	case why == whyFlush:
		t.flush()
	case why == whyRenewed:
		t.outdate(int32(about))
	case why == whyLevel:
		t.level(now)
	case why == whyResumed:
		t.resume(int32(about))
	case why == whySevered:
		t.miss(now)
	case why == whyDrained:
		t.reprobe(uint32(about), t.pods.Row(uint32(about)))
		t.post()
	case why == whyFull:
		if s := network.Site(about); t.own(s).table.wakeAt == now { // else that has changed since
			t.strain(s)
		}
	case why == store.WhyWatch && uint32(about) == t.watchPods.ID:
		t.patient = plenty
		for ref, obj, ok := t.watchPods.Next(); ok; ref, obj, ok = t.watchPods.Next() {
			p, _ := obj.(*model.Pod)
			t.seePod(ref.ID, p)
		}
		t.patient = 0
	case why == store.WhyWatch && t.watchServices != nil && uint32(about) == t.watchServices.ID:
		t.seeServices()
	case why == store.WhyWatch:
		for _, obj, ok := t.watchDeployments.Next(); ok; _, obj, ok = t.watchDeployments.Next() {
			if d, is := obj.(*model.Deployment); is {
				t.seeDeployment(d)
			}
		}
	}
}
