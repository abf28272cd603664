package cloud

import (
	"fmt"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// RepairConfig is how a provider repairs nodes, as GKE's node auto-repair does:
// a node that has not been ready for a time, or has not reported anything, gets
// another machine, one node at a time
// (cloud.google.com/kubernetes-engine/docs/how-to/node-auto-repair:
// "approximately 10 minutes"). That health is checked now and then is left out:
// what is due is done at once.
type RepairConfig struct {
	After time.Duration // how long a node is not ready, or silent
	Takes sim.Dist      // until the new machine has power
}

// Machines is what the provider acts on.
type Machines interface {
	// Withdraw takes a node's machine away, Supply gives it one again. The new
	// one has the name and the disk of the old one.
	Withdraw(node uint32)
	Supply(node uint32)
}

// ReasonNodeReplaced is the reason of the note about a node that gets another
// machine.
const ReasonNodeReplaced = "NodeReplaced"

// NodeRepair is one provider's repair of nodes.
type NodeRepair struct {
	RepairConfig
	kernel   *sim.Kernel
	self     sim.ActorID
	client   *store.Client
	nodes    *store.Watch
	leases   *store.Leases
	luck     sim.Lane
	machines Machines
	seen     store.Table[machine] // by node ID
	repairs  uint64
	busy     bool
	wakeAt   sim.Time // the look that is posted, 0 if none
}

type machine struct {
	node  *model.Node // nil if gone or never seen
	newAt sim.Time    // when it got its newest machine, or will
}

// Reasons to wake.
const (
	whyLook   sim.Why = iota // some node may have been not ready for long enough
	whySupply                // about is a node's ID: its new machine is there
)

// NewNodeRepair is a provider's repair, which sees nodes from a site.
func NewNodeRepair(k *sim.Kernel, s *store.Store, at network.Site, m Machines, c RepairConfig) *NodeRepair {
	r := &NodeRepair{RepairConfig: c, kernel: k, machines: m, leases: s.Leases(), luck: k.Luck().Lane("node repair")}
	r.self = k.Register("node-repair", r)
	r.client = s.NewClient(store.ClientConfig{Name: "node-repair", As: store.Admin("node-repair"), Actor: r.self, Site: at})
	r.nodes = r.client.Watch(model.KindNode)
	return r
}

// Start begins to watch.
func (r *NodeRepair) Start() {
	r.nodes.Start()
	r.leases.Listen(r.self)
}

// Wake implements sim.Actor.
func (r *NodeRepair) Wake(now sim.Time, why sim.Why, about uint64) {
	switch why {
	case store.WhyWatch:
		for ref, obj, ok := r.nodes.Next(); ok; ref, obj, ok = r.nodes.Next() {
			n, _ := obj.(*model.Node)
			r.seen.Row(ref.ID).node = n
		}
	case whySupply:
		r.machines.Supply(uint32(about))
		r.busy = false
	case whyLook:
		if now == r.wakeAt {
			r.wakeAt = 0
		}
	}
	if !r.busy {
		r.look(now)
	}
}

// look replaces the machine of the node that is due first, if it is, or posts
// the next look.
func (r *NodeRepair) look(now sim.Time) {
	first, at := uint32(0), sim.Never
	for id := range uint32(r.seen.Len()) {
		if due := r.due(id, now); due < at {
			first, at = id, due
		}
	}
	switch {
	case at == sim.Never:
	case at <= now:
		r.replace(now, first)
	case r.wakeAt == 0 || at < r.wakeAt:
		r.wakeAt = at
		r.kernel.Post(at, r.self, whyLook, 0)
	}
}

// due is when a node gets another machine if nothing changes.
func (r *NodeRepair) due(id uint32, now sim.Time) sim.Time {
	m := r.seen.Row(id)
	if m.node == nil || m.node.ControlPlane() {
		return sim.Never
	}
	since := sim.Never
	if m.node.Ready.Status != model.True {
		since = m.node.Ready.SinceAt
	}
	if !r.leases.Beating(id) {
		since = min(since, max(0, r.leases.SeenAt(id, now)))
	}
	if since == sim.Never {
		return sim.Never
	}
	return max(since, m.newAt).Add(r.After)
}

func (r *NodeRepair) replace(now sim.Time, id uint32) {
	m := r.seen.Row(id)
	r.busy = true
	r.repairs++
	luck := r.luck.Draw(m.node.NameHash(), r.repairs)
	m.newAt = now.Add(r.Takes.Draw(&luck))
	r.client.Note(m.node, true, ReasonNodeReplaced, fmt.Sprintf("not ready, or without a report, for %v: it gets another machine", r.After))
	r.machines.Withdraw(id)
	r.kernel.Post(m.newAt, r.self, whySupply, uint64(id))
}

// DescribeWake implements sim.Describer.
func (r *NodeRepair) DescribeWake(why sim.Why, _ uint64) string {
	switch why {
	case whyLook:
		return "look for nodes to be repaired"
	case whySupply:
		return "a new machine"
	}
	return "news of nodes"
}
