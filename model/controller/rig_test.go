package controller

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/etcd"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// rig is a cluster of which everything is real but the scheduler and the
// kubelets, which are played by one actor: it binds pods to ready nodes by
// turns, makes each Running and Ready after a while, and completes deletions.
type rig struct {
	*sim.Kernel
	net     *network.Network
	store   *store.Store
	process *Process
	control network.Site
	nodes   []rigNode // by ID; 0 is none
	user    *user
	player  *player
}

type rigNode struct {
	name string
	site network.Site
}

// rigConfig is what a test may choose; the zero value is the default.
type rigConfig struct {
	seed    uint64
	literal bool
	zones   []int    // nodes per zone; default one zone of 3
	cores   []int64  // of each node; the rest have none
	start   sim.Dist // from the binding to Ready; default 1 s
	end     sim.Dist // from the deletion to the end; default 1 s
	ties    uint64
	usage   Usage
	storage *model.Storage
}

func newRig(t testing.TB, c rigConfig) *rig {
	t.Helper()
	k := sim.New(sim.Config{Seed: c.seed, ShuffleTies: c.ties})
	net := network.New(k, network.DefaultProfile())
	r := &rig{Kernel: k, net: net, store: store.New(k, net), control: net.AddSite("cp-0", ""), nodes: make([]rigNode, 1)}
	if c.literal {
		r.store.Leases().Literal()
	}
	apiserver.New(k, r.store, apiserver.NewBackend(k, r.store, net, etcd.Config{Sites: []network.Site{r.control}}), net, r.control, 4)
	r.process = New(k, r.store, r.control, Config{Literal: c.literal, Usage: c.usage, Storage: c.storage})
	if c.zones == nil {
		c.zones = []int{3}
	}
	if c.start.IsZero() {
		c.start = sim.Constant(time.Second)
	}
	if c.end.IsZero() {
		c.end = sim.Constant(time.Second)
	}
	r.user = newUser(r)
	r.player = newPlayer(r, c)
	r.addNodes(c.zones, c.cores)
	r.process.Start()
	return r
}

func (r *rig) addNodes(zones []int, cores []int64) {
	total := 0
	for _, n := range zones {
		total += n
	}
	i := 0
	for z, n := range zones {
		zone := string(rune('a' + z))
		for j := range n {
			name := fmt.Sprintf("node-%s-%03d", zone, j)
			node := &model.Node{
				Meta:  model.Meta{Kind: model.KindNode, Name: name, Labels: model.MakeLabels(map[string]string{model.LabelZone: zone})},
				Ready: model.Condition{Status: model.True, Reason: "KubeletReady"},
			}
			if i < len(cores) {
				node.Allocatable.CPUMilli = cores[i] * 1000
			}
			r.store.Create(r.user.id, node)
			site := r.net.AddSite(name, zone)
			r.nodes = append(r.nodes, rigNode{name, site})
			r.store.Leases().Add(node.ID, name, r.store.NewClient(store.ClientConfig{Name: name, As: store.Node(name), Site: site}))
			r.store.Leases().Start(node.ID, time.Duration(i)*10*time.Second/time.Duration(total))
			i++
		}
	}
}

func (r *rig) run(t *testing.T, d time.Duration) {
	t.Helper()
	if err := r.Run(r.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
}

// until runs until the condition holds, at most d.
func (r *rig) until(t *testing.T, d time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := r.Now().Add(d); !holds(); r.run(t, 100*time.Millisecond) {
		if r.Now() >= end {
			t.Fatalf("%v: not within %v: %s", r.Now(), d, what)
		}
	}
}

// silence stops the kubelets of nodes; their containers go on.
func (r *rig) silence(ids ...uint32) {
	for _, id := range ids {
		r.store.Leases().Stop(id)
		r.player.silent[id] = true
	}
}

// revive starts them again. Their first act is to say that they are ready.
func (r *rig) revive(ids ...uint32) {
	for _, id := range ids {
		r.store.Leases().Start(id, 0)
		r.player.silent[id] = false
		r.player.ready(id)
	}
}

func (r *rig) node(id uint32) *model.Node {
	return r.store.Get(model.Ref{Kind: model.KindNode, ID: id}).(*model.Node)
}

func (r *rig) podList() []*model.Pod {
	var out []*model.Pod
	r.store.Snapshot().Each(model.KindPod, func(o model.Object) bool { out = append(out, o.(*model.Pod)); return true })
	return out
}

func (r *rig) deployment(name string) *model.Deployment {
	d, _ := r.store.Lookup(model.KindDeployment, "default", name).(*model.Deployment)
	return d
}

func (r *rig) sets() []*model.ReplicaSet {
	var out []*model.ReplicaSet
	r.store.Snapshot().Each(model.KindReplicaSet, func(o model.Object) bool { out = append(out, o.(*model.ReplicaSet)); return true })
	return out
}

func (r *rig) slices() []*model.EndpointSlice {
	var out []*model.EndpointSlice
	r.store.Snapshot().Each(model.KindEndpointSlice, func(o model.Object) bool {
		out = append(out, o.(*model.EndpointSlice))
		return true
	})
	return out
}

// active is how many pods are neither finished nor going, and how many of them
// are ready.
func (r *rig) active() (n, ready int) {
	for _, p := range r.podList() {
		if p.Active() {
			n++
			if p.IsReady() {
				ready++
			}
		}
	}
	return n, ready
}

// user asks for things and takes no answers.
type user struct {
	id      sim.ActorID
	client  *store.Client
	store   *store.Store
	refused []store.Reply
}

func newUser(r *rig) *user {
	u := &user{store: r.store}
	u.id = r.Register("kubectl", u)
	u.client = r.store.NewClient(store.ClientConfig{Name: "kubectl", As: store.Admin("kubectl"), Actor: u.id, Site: r.control})
	return u
}

func (u *user) Wake(_ sim.Time, why sim.Why, about uint64) {
	if why == store.WhyReply {
		if rep, ok := u.client.Reply(about); ok && rep.Refusal != store.Accepted {
			u.refused = append(u.refused, rep)
		}
	}
}

// change applies f to the current version of an object.
type change[T model.Object] struct{ f func(T) }

func (c change[T]) Apply(cur model.Object) model.Object {
	next := cur.Copy().(T)
	c.f(next)
	next.Head().Generation++
	return next
}

func (r *rig) change(d *model.Deployment, f func(*model.Deployment)) {
	r.user.client.Patch(d.Ref(), change[*model.Deployment]{f}, 0)
}

func template(app, version string) *model.Template {
	t := &model.Template{
		Labels: model.MakeLabels(map[string]string{"app": app}),
		Spec: &model.PodSpec{
			Containers:   []model.Container{{Name: "c", Image: app + ":" + version}},
			GraceSeconds: 30,
			Tolerations: []model.Toleration{
				{Key: model.TaintNotReady, Exists: true, Effect: model.NoExecute, For: 300 * time.Second},
				{Key: model.TaintUnreachable, Exists: true, Effect: model.NoExecute, For: 300 * time.Second},
			},
		},
	}
	t.Hash = t.ComputeHash()
	return t
}

func quarter() model.CountOrPercent { return model.CountOrPercent{Value: 25, Percent: true} }

func deployment(name string, replicas int32) *model.Deployment {
	return &model.Deployment{
		Meta:     model.Meta{Kind: model.KindDeployment, Namespace: "default", Name: name, Labels: model.MakeLabels(map[string]string{"app": name})},
		Replicas: replicas,
		Selector: model.SelectorOf(model.MakeLabels(map[string]string{"app": name})),
		Template: template(name, "1"),
		MaxSurge: quarter(), MaxUnavailable: quarter(),
		ProgressDeadline: 600 * time.Second,
		HistoryLimit:     10,
	}
}

func service(name string) *model.Service {
	return &model.Service{
		Meta:     model.Meta{Kind: model.KindService, Namespace: "default", Name: name},
		Selector: model.SelectorOf(model.MakeLabels(map[string]string{"app": name})),
		Ports:    1,
	}
}

// player plays the scheduler and every kubelet.
type player struct {
	rig     *rig
	id      sim.ActorID
	client  *store.Client
	watch   *store.Watch
	start   sim.Dist
	end     sim.Dist
	luck    sim.Lane
	turn    int
	bound   map[uint32]bool
	begun   map[uint32]bool
	ended   map[uint32]bool
	silent  map[uint32]bool
	plan    []uint32                // where to bind the first pods
	never   func(*model.Pod) bool   // pods that do not become ready
	choose  func(*model.Pod) uint32 // the node of a pod; 0 is any
	served  func(int64)             // told of pods that became ready, or ended; may be nil
	paused  bool
	pending []uint32
}

const (
	whyStarted sim.Why = iota // about a pod: its containers are ready
	whyEnded                  // about a pod: they have stopped
)

func newPlayer(r *rig, c rigConfig) *player {
	p := &player{rig: r, start: c.start, end: c.end, luck: r.Luck().Lane("played kubelet"),
		bound: map[uint32]bool{}, begun: map[uint32]bool{}, ended: map[uint32]bool{}, silent: map[uint32]bool{}}
	p.id = r.Register("player", p)
	p.client = r.store.NewClient(store.ClientConfig{Name: "player", As: store.Admin("kubectl"), Actor: p.id, Site: r.control})
	p.watch = p.client.Watch(model.KindPod)
	p.watch.Start()
	return p
}

func (p *player) Wake(now sim.Time, why sim.Why, about uint64) {
	switch why {
	case store.WhyReply:
		p.client.Reply(about)
	case store.WhyWatch:
		for _, obj, ok := p.watch.Next(); ok; _, obj, ok = p.watch.Next() {
			if obj != nil {
				p.see(now, obj.(*model.Pod))
			}
		}
	case whyStarted:
		p.started(now, uint32(about))
	case whyEnded:
		if p.served != nil {
			p.served(-1)
		}
		p.client.Delete(model.Ref{Kind: model.KindPod, ID: uint32(about)}, 0, 0)
	}
}

func (p *player) see(now sim.Time, pod *model.Pod) {
	switch id := pod.ID; {
	case pod.NodeID == 0:
		p.pending = append(p.pending, id)
		p.schedule()
	case pod.Deleting() && !p.ended[id] && !p.silent[pod.NodeID]:
		p.ended[id] = true
		s := p.luck.Draw(pod.NameHash(), 1)
		p.rig.Post(now.Add(p.end.Draw(&s)), p.id, whyEnded, uint64(id))
	case !p.begun[id] && !p.silent[pod.NodeID]:
		p.begun[id] = true
		s := p.luck.Draw(pod.NameHash(), 0)
		p.rig.Post(now.Add(p.start.Draw(&s)), p.id, whyStarted, uint64(id))
	}
}

// schedule binds what waits to the nodes that take pods, by turns.
func (p *player) schedule() {
	for len(p.pending) > 0 && !p.paused {
		id := p.pending[0]
		node := p.nodeFor(id)
		if node == 0 {
			return
		}
		p.pending = p.pending[1:]
		if !p.bound[id] {
			p.bound[id] = true
			p.client.Bind(model.Ref{Kind: model.KindPod, ID: id}, model.Ref{Kind: model.KindNode, ID: node}, 0)
		}
	}
}

func (p *player) nodeFor(id uint32) uint32 {
	if pod, _ := p.rig.store.Get(model.Ref{Kind: model.KindPod, ID: id}).(*model.Pod); pod != nil && p.choose != nil {
		if n := p.choose(pod); n != 0 {
			return n
		}
	}
	return p.pick()
}

func (p *player) pick() uint32 {
	if len(p.plan) > 0 {
		id := p.plan[0]
		p.plan = p.plan[1:]
		return id
	}
	for range len(p.rig.nodes) {
		p.turn = p.turn%(len(p.rig.nodes)-1) + 1
		o := p.rig.store.Get(model.Ref{Kind: model.KindNode, ID: uint32(p.turn)})
		if o == nil {
			continue
		}
		if n := o.(*model.Node); len(n.Taints) == 0 && n.Ready.Status == model.True && !n.Unschedulable {
			return n.ID
		}
	}
	return 0
}

func (p *player) started(now sim.Time, id uint32) {
	o := p.rig.store.Get(model.Ref{Kind: model.KindPod, ID: id})
	if o == nil || p.silent[o.(*model.Pod).NodeID] {
		return
	}
	c := *o.(*model.Pod)
	c.ResourceVersion = 0
	c.Phase, c.IP, c.StartedAt = model.PodRunning, 10<<24|id, now
	if p.never == nil || !p.never(&c) {
		c.Ready = model.Condition{Status: model.True, SinceAt: now}
		if p.served != nil {
			p.served(1)
		}
	}
	p.client.UpdateStatus(&c, 0)
}

// ready is a kubelet that comes back: its node is ready, its pods, too.
func (p *player) ready(id uint32) {
	n := *p.rig.node(id)
	n.ResourceVersion = 0
	n.Ready = model.Condition{Status: model.True, SinceAt: p.rig.Now(), Reason: "KubeletReady"}
	p.client.UpdateStatus(&n, 0)
	for _, pod := range p.rig.podList() {
		switch {
		case pod.NodeID != id:
		case pod.Deleting():
			p.rig.Post(p.rig.Now().Add(time.Second), p.id, whyEnded, uint64(pod.ID))
		case pod.Phase == model.PodRunning:
			p.rig.Post(p.rig.Now(), p.id, whyStarted, uint64(pod.ID))
		}
	}
}
