// Package controller is kube-controller-manager: the loops that make what
// exists equal to what should exist. Its one idea: all of them share one late
// view of the cluster, a change there puts the objects concerned into a queue,
// and a look at an object decides from the view alone what to ask the API
// server for. It refuses to scan: what a look needs is counted and indexed
// when the view changes, so a change costs the same in a cluster of any size.
package controller

import (
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// Config is how the process runs.
type Config struct {
	// Literal makes every tick of a periodic loop an event, which must not
	// change anything.
	Literal bool
	// Storage is the classes of storage; nil if a run has no storage at all, and then
	// the controllers of it do not run.
	Storage *model.Storage
	// Usage is what metrics say of pods; nil if nobody measures.
	Usage Usage
	// LostDisk tells whether there is nothing behind a volume any more; nil if nothing is
	// ever lost.
	LostDisk func(volume string) bool
	// Replica tells it from others of its kind, in the names of its luck; the first
	// may do without.
	Replica string
	// Ledger is what replicas have in common; default one of its own.
	Ledger *Ledger
}

// controller is one loop. Wake-ups reach it through its loop, in the actor's
// own name, so that the history tells who did what.
type controller interface {
	// sync looks at one object. Its worker is busy until the controller calls
	// done, failed or dropped for that object, which may be at once.
	sync(now sim.Time, id uint32)
	// replied takes the answer to a request of the controller.
	replied(now sim.Time, r store.Reply)
	// due is any wake-up the controller posted for itself.
	due(now sim.Time, why sim.Why, about uint64)
}

// A controller hears of the kinds whose method it has. The view is up to date
// already; old is the version before, nil if there was none; next is nil if
// the object is gone.
type (
	podWatcher interface {
		pod(now sim.Time, old, next *model.Pod)
	}
	nodeWatcher interface {
		node(now sim.Time, old, next *model.Node)
	}
	deploymentWatcher interface {
		deployment(now sim.Time, old, next *model.Deployment)
	}
	replicaSetWatcher interface {
		replicaSet(now sim.Time, old, next *model.ReplicaSet)
	}
	serviceWatcher interface {
		service(now sim.Time, old, next *model.Service)
	}
	endpointSliceWatcher interface {
		endpointSlice(now sim.Time, old, next *model.EndpointSlice)
	}
	budgetWatcher interface {
		podDisruptionBudget(now sim.Time, old, next *model.PodDisruptionBudget)
	}
	statefulSetWatcher interface {
		statefulSet(now sim.Time, old, next *model.StatefulSet)
	}
	controllerRevisionWatcher interface {
		controllerRevision(now sim.Time, old, next *model.ControllerRevision)
	}
	daemonSetWatcher interface {
		daemonSet(now sim.Time, old, next *model.DaemonSet)
	}
	jobWatcher interface {
		job(now sim.Time, old, next *model.Job)
	}
	cronJobWatcher interface {
		cronJob(now sim.Time, old, next *model.CronJob)
	}
	quotaWatcher interface {
		resourceQuota(now sim.Time, old, next *model.ResourceQuota)
	}
	namespaceWatcher interface {
		namespace(now sim.Time, old, next *model.Namespace)
	}
	autoscalerWatcher interface {
		horizontalPodAutoscaler(now sim.Time, old, next *model.HorizontalPodAutoscaler)
	}
	claimWatcher interface {
		claim(now sim.Time, old, next *model.Claim)
	}
	volumeWatcher interface {
		volume(now sim.Time, old, next *model.Volume)
	}
	attachmentWatcher interface {
		attachment(now sim.Time, old, next *model.VolumeAttachment)
	}
	starter interface{ start(now sim.Time) }
	// resumer compares what it has listed with what was before its process.
	resumer interface{ resume(now sim.Time) }
)

// Process is one replica of kube-controller-manager: the process, whenever it
// runs.
type Process struct {
	kernel  *sim.Kernel
	store   *store.Store
	site    network.Site
	literal bool
	usage   Usage
	lost    func(volume string) bool
	replica string
	storage *model.Storage
	runs    []registration // the controllers it has
	ledger  *Ledger
	ahead   time.Duration // by how much its machine's wall clock is; negative behind

	informers *store.Client
	watches   []*store.Watch  // by kind; nil for those nobody looks at
	clients   []*store.Client // by controller

	lives   uint64 // how many processes there were
	running bool
	ended   bool // it has run before
	*life
}

// life is what a process knows, and forgets when it ends.
type life struct {
	synced bool // the first lists are in; before, no controller begins
	view   view
	loops  []*loop

	watchers [model.Kinds]any // by kind: the controllers that hear of it, a []podWatcher for pods
}

// New is the process with all its controllers, at a site of the control plane, not
// running yet.
func New(k *sim.Kernel, s *store.Store, site network.Site, c Config) *Process {
	p := &Process{
		kernel: k, store: s, site: site, literal: c.Literal, usage: c.Usage, lost: c.LostDisk,
		replica: c.Replica, ledger: c.Ledger, storage: c.Storage,
	}
	if p.ledger == nil {
		p.ledger = &Ledger{}
	}
	p.informers = s.NewClient(store.ClientConfig{
		As:   As,
		Name: "kube-controller-manager" + c.Replica, Site: site, Local: true,
	})
	p.watches = make([]*store.Watch, model.Kinds)
	for kind := model.KindNode; kind < model.Kinds; kind++ {
		if seen[kind].take != nil && (c.Storage != nil || !ofStorageOnly(kind)) {
			p.watches[kind] = p.informers.Watch(kind)
		}
	}
	p.runs = registry
	if c.Storage != nil {
		p.runs = all()
	}
	for i := range p.runs {
		p.clients = append(p.clients, p.runs[i].client(p))
	}
	p.begin()
	return p
}

// ofStorageOnly tells whether only controllers of storage look at a kind.
func ofStorageOnly(kind model.Kind) bool {
	return kind == model.KindPersistentVolumeClaim || kind == model.KindPersistentVolume || kind == model.KindVolumeAttachment
}

// begin makes a new process, whose controllers know nothing.
func (p *Process) begin() {
	p.lives++
	p.life = &life{}
	p.informers.Actor = p.kernel.Register("kube-controller-manager", &informers{p, p.lives})
	for i := range p.runs {
		p.add(&p.runs[i], p.clients[i])
	}
}

func (p *Process) add(r *registration, c *store.Client) {
	l := &loop{Process: p, nth: p.lives, queue: newWorkqueue(r.workers), client: c}
	l.self = p.kernel.Register(r.user, l)
	c.Actor = l.self
	l.controller = r.make(l)
	p.loops = append(p.loops, l)
	p.subscribe(l.controller)
}

// subscribe has a controller hear of the kinds whose method it has.
func (p *Process) subscribe(c controller) {
	for kind := range seen {
		if enlist := seen[kind].enlist; enlist != nil {
			p.watchers[kind] = enlist(p.watchers[kind], c)
		}
	}
}

// Start runs a process: it lists everything, then its controllers begin. They
// remember nothing of one that ran before: no expectations, no back-off, and nodes
// and tolerations get their whole time again. One that begins with the
// cluster does not wait for lists.
func (p *Process) Start() {
	if p.running {
		return
	}
	if p.ended {
		p.begin()
	}
	p.running = true
	for _, w := range p.watches {
		if w != nil {
			w.Start()
		}
	}
	if p.kernel.Now() == 0 {
		p.startLoops()
	} else {
		p.sync(p.kernel.Now())
	}
}

// startLoops starts the controllers.
func (p *Process) startLoops() {
	p.synced = true
	for _, l := range p.loops {
		if s, ok := l.controller.(starter); ok {
			s.start(p.kernel.Now())
		}
	}
}

// sync starts the controllers when all first lists are there
// (cmd/kube-controller-manager/app/controllermanager.go: each waits for its caches);
// what has come by then is read at once.
func (p *Process) sync(now sim.Time) {
	at := now
	for _, w := range p.watches {
		if w == nil {
			continue
		}
		listed, ok := w.ListedAt()
		if !ok {
			return // its list, when it comes, wakes us
		}
		at = max(at, listed)
	}
	if at > now {
		p.kernel.Post(at, p.informers.Actor, whySync, 0)
		return
	}
	p.startLoops()
	for kind, w := range p.watches {
		if w != nil {
			p.read(now, model.Kind(kind))
		}
	}
	for _, l := range p.loops {
		if r, ok := l.controller.(resumer); ok {
			r.resume(now)
		}
	}
	p.settle(now)
}

// SetClock sets its machine's wall clock ahead, or back if that is negative. What is
// measured goes on: Go's timers and differences of times do not follow it. Instants
// that are compared with the calendar do: those of CronJobs.
func (p *Process) SetClock(by time.Duration) { p.ahead += by }

// Stop ends the process. What it has asked for is done or not; the answers reach
// nobody.
func (p *Process) Stop() {
	if !p.running {
		return
	}
	p.running, p.ended = false, true
	for _, w := range p.watches {
		if w != nil {
			w.Stop()
		}
	}
	for _, c := range p.clients {
		c.Restart()
	}
}

// hearing is how a kind is heard of. One that nobody looks at has the zero value.
type hearing struct {
	// enlist adds a controller to the watchers of the kind if it is one.
	enlist func(watchers any, c controller) any
	// take puts a change into the view and tells the watchers.
	take func(p *Process, now sim.Time, ref model.Ref, obj model.Object)
}

// seen says, by kind, how a change gets into the view and to those who care.
var seen = [model.Kinds]hearing{
	model.KindNode:                    hears((*view).setNode, nodeWatcher.node),
	model.KindPod:                     hears((*view).setPod, podWatcher.pod),
	model.KindDeployment:              hears(inTable(func(v *view) *store.Table[*model.Deployment] { return &v.deployments }), deploymentWatcher.deployment),
	model.KindReplicaSet:              hears((*view).setReplicaSet, replicaSetWatcher.replicaSet),
	model.KindService:                 hears(inTable(func(v *view) *store.Table[*model.Service] { return &v.services }), serviceWatcher.service),
	model.KindEndpointSlice:           hears((*view).setEndpointSlice, endpointSliceWatcher.endpointSlice),
	model.KindStatefulSet:             hears(inTable(func(v *view) *store.Table[*model.StatefulSet] { return &v.statefulSets }), statefulSetWatcher.statefulSet),
	model.KindControllerRevision:      hears((*view).setRevision, controllerRevisionWatcher.controllerRevision),
	model.KindResourceQuota:           hears(inTable(func(v *view) *store.Table[*model.ResourceQuota] { return &v.quotas }), quotaWatcher.resourceQuota),
	model.KindDaemonSet:               hears(inTable(func(v *view) *store.Table[*model.DaemonSet] { return &v.daemonSets }), daemonSetWatcher.daemonSet),
	model.KindJob:                     hears((*view).setJob, jobWatcher.job),
	model.KindCronJob:                 hears(inTable(func(v *view) *store.Table[*model.CronJob] { return &v.cronJobs }), cronJobWatcher.cronJob),
	model.KindHorizontalPodAutoscaler: hears(inTable(func(v *view) *store.Table[*model.HorizontalPodAutoscaler] { return &v.autoscalers }), autoscalerWatcher.horizontalPodAutoscaler),
	model.KindPodDisruptionBudget:     hears(inTable(func(v *view) *store.Table[*model.PodDisruptionBudget] { return &v.budgets }), budgetWatcher.podDisruptionBudget),
	model.KindNamespace:               hears(inTable(func(v *view) *store.Table[*model.Namespace] { return &v.namespaces }), namespaceWatcher.namespace),
	model.KindPersistentVolumeClaim:   hears((*view).setClaim, claimWatcher.claim),
	model.KindPersistentVolume:        hears((*view).setVolume, volumeWatcher.volume),
	model.KindVolumeAttachment:        hears(inTable(func(v *view) *store.Table[*model.VolumeAttachment] { return &v.attachments }), attachmentWatcher.attachment),
}

// hears is a kind whose changes go into the view by put and to watchers by tell.
func hears[T, W any](put func(*view, uint32, *T) *T, tell func(W, sim.Time, *T, *T)) hearing {
	return hearing{
		enlist: func(watchers any, c controller) any {
			all, _ := watchers.([]W)
			if w, ok := c.(W); ok {
				all = append(all, w)
			}
			return all
		},
		take: func(p *Process, now sim.Time, ref model.Ref, obj model.Object) {
			next, _ := any(obj).(*T)
			old := put(&p.view, ref.ID, next)
			if old == nil && next == nil {
				return // it came and went between two looks
			}
			for _, w := range p.watchers[ref.Kind].([]W) {
				tell(w, now, old, next)
			}
		},
	}
}

// inTable is how objects get into the view that nothing is looked up by.
func inTable[T any](table func(*view) *store.Table[*T]) func(*view, uint32, *T) *T {
	return func(v *view, id uint32, next *T) *T { return replace(table(v), id, next) }
}

// Used is told that a pod uses something else from now on, of which metrics will
// tell.
func (p *Process) Used(pod uint32) {
	if !p.running {
		return
	}
	for _, l := range p.loops {
		if c, ok := l.controller.(*autoscalers); ok {
			c.used(p.kernel.Now(), pod)
		}
	}
}

// Flowed is told that what all pods use that follow an inflow changes.
func (p *Process) Flowed(inflow uint32) {
	if !p.running {
		return
	}
	for _, l := range p.loops {
		if c, ok := l.controller.(*autoscalers); ok {
			c.flowed(p.kernel.Now(), inflow)
		}
	}
}

// informers is the shared view's part of a process.
type informers struct {
	*Process
	nth uint64
}

// whySync is when the last of the first lists has come.
const whySync sim.Why = 0

// Wake implements sim.Actor: news for the view.
func (i *informers) Wake(now sim.Time, _ sim.Why, about uint64) {
	p := i.Process
	switch {
	case i.nth != p.lives || !p.running:
	case !p.synced:
		p.sync(now)
	default:
		for kind, w := range p.watches {
			if w != nil && uint64(w.ID) == about {
				p.read(now, model.Kind(kind))
			}
		}
		p.settle(now)
	}
}

// read takes what has come from a watch.
func (p *Process) read(now sim.Time, kind model.Kind) {
	w := p.watches[kind]
	for ref, obj, ok := w.Next(); ok; ref, obj, ok = w.Next() {
		seen[kind].take(p, now, ref, obj)
	}
}

// DescribeWake implements sim.Describer.
func (i *informers) DescribeWake(sim.Why, uint64) string { return "news from a watch" }

// settle lets free workers take what waits.
func (p *Process) settle(now sim.Time) {
	for _, l := range p.loops {
		for id, ok := l.queue.take(); ok; id, ok = l.queue.take() {
			l.controller.sync(now, id)
		}
	}
}
