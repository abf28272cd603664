package kubelet

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/runtime"
	"orrery/model/store"
	"orrery/sim"
)

// HollowConfig is what a hollow kubelet depends on besides its node.
type HollowConfig struct {
	Behaviors  runtime.Behaving // Startup and Stop count, of a pod's slowest container
	Pace       *runtime.Pace    // of start-ups; may be nil
	Serving    runtime.Watcher  // may be nil
	FirstLease time.Duration    // its lease is renewed then for the first time, and every 10 s from there
}

// Hollow is a node's agent that only plays one, as those of KWOK and kubemark
// do to test a control plane with many nodes on few machines: nothing runs. A
// pod is Running and Ready a startup time after the agent saw it, and gone a
// stop time after it saw the deletion. Nothing is pulled, probed, restarted,
// admitted or run out of; there is no boot and no start of a process, and a
// node that was deleted is not registered again.
type Hollow struct {
	kernel  *sim.Kernel
	net     *network.Network
	site    network.Site
	self    sim.ActorID
	leases  *store.Leases
	client  *store.Client
	orders  *store.Watch // pods bound to this node
	about   *store.Watch // this node
	node    model.Ref
	luck    sim.Lane
	config  HollowConfig
	off     bool // the machine
	held    bool // the process must not run
	running bool
	pods    []hollowPod
}

// hollowPod is what the agent knows of a pod.
type hollowPod struct {
	pod     *model.Pod // newest version seen
	readyAt sim.Time   // when it becomes ready, 0 if it is or does not
	goneAt  sim.Time   // when it is deleted, 0 if it is not going
	serving bool
}

const (
	whyHollowReady sim.Why = iota // about a pod
	whyHollowGone                 // about a pod
)

// NewHollow is a node's hollow agent, not running yet. The node is stored.
func NewHollow(k *sim.Kernel, s *store.Store, net *network.Network, node *model.Node, site network.Site, c HollowConfig) *Hollow {
	h := &Hollow{kernel: k, net: net, site: site, leases: s.Leases(), node: node.Ref(), luck: k.Luck().Lane("hollow kubelet"), config: c}
	h.self = k.Register("kubelet/"+node.Name, h)
	h.client = s.NewClient(store.ClientConfig{
		Name: "kubelet/" + node.Name, As: store.Node(node.Name), Actor: h.self, Site: site, QPS: DefaultQPS, Burst: DefaultBurst, Each: requestsEach,
	})
	h.orders, h.about = h.client.WatchPodsOn(node.ID), h.client.WatchNode(node.ID)
	h.leases.Add(node.ID, node.Name, h.client)
	return h
}

// Start is an agent that has long been running, at the beginning of a run.
func (h *Hollow) Start() { h.begin(h.config.FirstLease) }

func (h *Hollow) begin(firstLease time.Duration) {
	h.running = true
	h.leases.StartEvery(h.node.ID, firstLease, store.RenewEvery)
	h.orders.Start()
	h.about.Start()
}

// Stop implements fault.Machine.
func (h *Hollow) Stop() {
	h.held = true
	h.halt()
}

func (h *Hollow) halt() {
	if !h.running {
		return
	}
	h.running = false
	h.leases.Stop(h.node.ID)
	h.orders.Stop()
	h.about.Stop()
	h.client.Restart()
	for i := range h.pods {
		h.pods[i].readyAt, h.pods[i].goneAt = 0, 0
	}
}

// Resume implements fault.Machine.
func (h *Hollow) Resume() {
	h.held = false
	if !h.running && !h.off {
		h.begin(0)
	}
}

// PowerOff implements fault.Machine.
func (h *Hollow) PowerOff() {
	h.halt()
	h.off = true
	for i := range h.pods {
		h.serve(&h.pods[i], false)
	}
	h.net.SetPower(h.site, false)
}

// PowerOn implements fault.Machine.
func (h *Hollow) PowerOn() {
	h.off = false
	h.net.SetPower(h.site, true)
	if !h.held {
		h.Resume()
	}
}

// ShutDown implements fault.Machine: nobody waits for anything.
func (h *Hollow) ShutDown(again bool) {
	h.PowerOff()
	if again {
		h.PowerOn()
	}
}

// Wake implements sim.Actor.
func (h *Hollow) Wake(now sim.Time, why sim.Why, about uint64) {
	switch why {
	case store.WhyWatch:
		h.look(now)
	case store.WhyReply:
		h.client.Reply(about) // what is refused was changed by others, and is seen
	case whyHollowReady:
		if p := h.find(uint32(about)); p != nil && p.readyAt == now {
			h.ready(now, p)
		}
	case whyHollowGone:
		if p := h.find(uint32(about)); p != nil && p.goneAt == now {
			h.serve(p, false)
			h.client.Delete(p.pod.Ref(), 0, 0)
		}
	}
}

// DescribeWake implements sim.Describer.
func (h *Hollow) DescribeWake(why sim.Why, _ uint64) string {
	switch why {
	case whyHollowReady:
		return "a pod has started"
	case whyHollowGone:
		return "a pod has stopped"
	}
	return "news from the API server"
}

func (h *Hollow) look(now sim.Time) {
	for _, obj, ok := h.about.Next(); ok; _, obj, ok = h.about.Next() {
		if n, ok := obj.(*model.Node); ok && n.Ready.Status != model.True {
			h.client.Patch(h.node, nodeStatus{ready: model.True, reason: "KubeletReady", at: now}, 0)
		}
	}
	for ref, obj, ok := h.orders.Next(); ok; ref, obj, ok = h.orders.Next() {
		if pod, ok := obj.(*model.Pod); ok {
			h.see(now, pod)
		} else if p := h.find(ref.ID); p != nil {
			h.serve(p, false)
			h.pods = slices.DeleteFunc(h.pods, func(p hollowPod) bool { return p.pod.ID == ref.ID })
		}
	}
}

func (h *Hollow) find(pod uint32) *hollowPod {
	for i := range h.pods {
		if h.pods[i].pod.ID == pod {
			return &h.pods[i]
		}
	}
	return nil
}

// see takes a version of a pod from the watch.
func (h *Hollow) see(now sim.Time, pod *model.Pod) {
	p := h.find(pod.ID)
	if p == nil {
		h.pods = append(h.pods, hollowPod{})
		p = &h.pods[len(h.pods)-1]
	}
	p.pod = pod
	switch {
	case pod.Phase.Terminal():
	case pod.Deleting() && p.goneAt == 0:
		p.readyAt, p.goneAt = 0, now.Add(h.slowest(pod, 1, func(b *runtime.Behavior) sim.Dist { return b.Stop }))
		h.kernel.Post(p.goneAt, h.self, whyHollowGone, uint64(pod.ID))
	case pod.Deleting() || p.readyAt > 0:
	case pod.Phase == model.PodRunning && !pod.IsReady():
		h.ready(now, p) // it ran while nobody reported it
	case pod.Phase == model.PodRunning:
		h.serve(p, true)
	default:
		p.readyAt = now.Add(h.config.Pace.StartUp(pod, h.slowest(pod, 0, func(b *runtime.Behavior) sim.Dist { return b.Startup })))
		h.kernel.Post(p.readyAt, h.self, whyHollowReady, uint64(pod.ID))
	}
}

// slowest draws a time for each container of a pod and returns the longest.
func (h *Hollow) slowest(pod *model.Pod, nth uint64, of func(*runtime.Behavior) sim.Dist) (most time.Duration) {
	s := h.luck.Draw(pod.NameHash(), nth)
	for i := range pod.Spec.Containers {
		b := h.config.Behaviors.For(pod, pod.Spec.Containers[i].Name)
		most = max(most, of(&b).Draw(&s))
	}
	return most
}

// ready says that all containers of a pod run and have started up.
func (h *Hollow) ready(now sim.Time, p *hollowPod) {
	c := *p.pod
	c.ResourceVersion = 0
	yes := model.Condition{Status: model.True, SinceAt: now}
	c.Phase, c.IP = model.PodRunning, 10<<24|c.ID
	c.Ready, c.ContainersUp, c.Initialized, c.Sandbox = yes, yes, yes, yes
	if c.StartedAt == 0 {
		c.StartedAt = now
	}
	c.Containers = make([]model.ContainerStatus, len(c.Spec.InitContainers)+len(c.Spec.Containers))
	for i := range c.Containers {
		s := &c.Containers[i]
		s.Ready, s.StartedAt = true, now
		if s.State, s.Started = model.ContainerRunning, true; plainInit(c.Spec, i) {
			s.State, s.Started, s.Reason, s.FinishedAt = model.ContainerTerminated, false, "Completed", now
		}
	}
	p.readyAt = 0
	h.client.UpdateStatus(&c, 0)
	h.serve(p, true)
}

// serve tells who sends requests whether the pod answers them.
func (h *Hollow) serve(p *hollowPod, serving bool) {
	if p.serving != serving && h.config.Serving != nil {
		h.config.Serving.ServingChanged(p.pod.Ref(), serving)
	}
	p.serving = serving
}
