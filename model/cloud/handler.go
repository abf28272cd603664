package cloud

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// noticePoll is how often the handler asks whether a machine will be taken away:
// AWS advises to do it every 5 s
// (docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html).
const noticePoll = 5 * time.Second

// evictAgain is the wait after an eviction that a budget refused, as kubectl
// drain has it (k8s.io/kubectl/pkg/drain).
const evictAgain = 5 * time.Second

// handler is a node termination handler: when it learns that a machine will be
// reclaimed it cordons the node and evicts its pods but those of DaemonSets, each
// with its own grace period (github.com/aws/aws-node-termination-handler). That
// one runs on each node; this one is where the control plane is.
type handler struct {
	*Provider
	self   sim.ActorID
	client *store.Client
	watch  *store.Watch
	pods   store.Table[*model.Pod]
	onNode store.Table[[]uint32] // by node: pods that were bound there, and some that are gone
}

// TerminationHandler is the account of the node termination handler.
const TerminationHandler = "node-termination-handler"

const (
	whyNotice sim.Why = iota // about a node
	whyEvict                 // about a pod
)

// cordoned is the tag of the request that cordons a node, beside its number.
const cordoned = 1 << 32

func newHandler(p *Provider, at network.Site) {
	h := &handler{Provider: p}
	h.self = p.kernel.Register(TerminationHandler, h)
	h.client = p.store.NewClient(store.ClientConfig{
		Name: "system:serviceaccount:kube-system:" + TerminationHandler, Actor: h.self, Site: at, QPS: 5, Burst: 10, Events: true,
		As: store.Account(model.NamespaceSystem, TerminationHandler, TerminationHandler),
	})
	h.watch = h.client.Watch(model.KindPod)
	p.reclaims = append(p.reclaims, h)
	h.watch.Start()
}

// machine implements listener: a notice is there to be found.
func (h *handler) machine(m *Machine) {
	s := h.luck.phases.Draw(sim.HashName(m.Name), 1)
	h.kernel.Post(h.kernel.Now().Add(s.Duration(0, noticePoll)), h.self, whyNotice, uint64(m.Node))
}

// Wake implements sim.Actor.
func (h *handler) Wake(now sim.Time, why sim.Why, about uint64) {
	switch why {
	case store.WhyWatch:
		for ref, obj, ok := h.watch.Next(); ok; ref, obj, ok = h.watch.Next() {
			pod, _ := obj.(*model.Pod)
			h.see(ref.ID, pod)
		}
	case store.WhyReply:
		if r, ok := h.client.Reply(about); ok {
			h.answered(now, r)
		}
	case whyNotice:
		h.client.Patch(model.Ref{Kind: model.KindNode, ID: uint32(about)}, cordon{}, cordoned|about)
	case whyEvict:
		h.evict(uint32(about))
	}
}

// DescribeWake implements sim.Describer.
func (h *handler) DescribeWake(why sim.Why, _ uint64) string {
	switch why {
	case whyNotice:
		return "a machine will be reclaimed"
	case whyEvict:
		return "a pod is evicted again"
	}
	return "news from the API server"
}

func (h *handler) see(id uint32, pod *model.Pod) {
	old := *h.pods.Row(id)
	*h.pods.Row(id) = pod
	switch {
	case pod != nil && pod.NodeID != 0 && (old == nil || old.NodeID == 0):
		list := h.onNode.Row(pod.NodeID)
		*list = append(*list, id)
	case pod == nil && old != nil && old.NodeID != 0:
		list := h.onNode.Row(old.NodeID)
		*list = slices.DeleteFunc(*list, func(x uint32) bool { return x == id })
	}
}

// cordon makes a node unschedulable.
type cordon struct{}

// Apply implements store.Patch.
func (cordon) Apply(cur model.Object) model.Object {
	n := *cur.(*model.Node)
	if n.Unschedulable {
		return cur
	}
	n.Unschedulable = true
	return &n
}

func (h *handler) answered(now sim.Time, r store.Reply) {
	if r.Tag&cordoned == 0 {
		if r.Refusal == store.TooManyRequests {
			h.kernel.Post(now.Add(evictAgain), h.self, whyEvict, r.Tag)
		}
		return
	}
	for _, id := range *h.onNode.Row(uint32(r.Tag)) {
		h.evict(id)
	}
}

func (h *handler) evict(id uint32) {
	p := *h.pods.Row(id)
	if p != nil && !p.Deleting() && p.Owner.Kind != model.KindDaemonSet && h.exists(p.NodeID) {
		h.client.Evict(p.Ref(), store.DefaultGrace, uint64(id))
	}
}
