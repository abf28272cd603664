package cloud

import (
	"slices"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// repair replaces the machines of nodes that have not been ready for too long,
// one after the other: the next only when the new node is ready, or has had as
// long to become it. Such is the auto-repair of GKE, "if a node reports a
// NotReady status on consecutive checks over the given time threshold
// (approximately 10 minutes)"
// (cloud.google.com/kubernetes-engine/docs/how-to/node-auto-repair), but for its
// checks, which are taken for seamless, and its attempt to drain the node first.
// Machines that belong to no group are left alone.
type repair struct {
	*Provider
	self  sim.ActorID
	nodes *store.Watch
	sick  []patient
	// What is being repaired: the group of the new machine, and since when; nil if
	// nothing is.
	group   *pool
	beganAt sim.Time
	wakeAt  sim.Time
}

// patient is a node that is not ready, and when it last was.
type patient struct {
	node  uint32
	since sim.Time
}

// ReasonRepairing is the reason of the note about a node that is replaced.
const ReasonRepairing = "NodeRepairing"

func newRepair(p *Provider, at network.Site) {
	r := &repair{Provider: p, wakeAt: sim.Never}
	r.self = p.kernel.Register("node-auto-repair", r)
	client := p.store.NewClient(store.ClientConfig{
		Name: "node-auto-repair", Actor: r.self, Site: at,
		As: store.Account(model.NamespaceSystem, CloudControllerManager, CloudControllerManager),
	})
	r.nodes = client.Watch(model.KindNode)
	p.lost = append(p.lost, r)
	r.nodes.Start()
}

// Wake implements sim.Actor.
func (r *repair) Wake(now sim.Time, why sim.Why, _ uint64) {
	if why != store.WhyWatch {
		if now == r.wakeAt {
			r.wakeAt = sim.Never
			r.next(now)
		}
		return
	}
	for ref, obj, ok := r.nodes.Next(); ok; ref, obj, ok = r.nodes.Next() {
		n, _ := obj.(*model.Node)
		r.see(ref.ID, n)
	}
	r.next(now)
}

// DescribeWake implements sim.Describer.
func (r *repair) DescribeWake(why sim.Why, _ uint64) string {
	if why >= store.ReservedWhys {
		return "news from the API server"
	}
	return "a node has not been ready for too long"
}

// machine implements listener: what is gone cannot be repaired.
func (r *repair) machine(m *Machine) { r.forget(m.Node) }

func (r *repair) forget(node uint32) {
	r.sick = slices.DeleteFunc(r.sick, func(p patient) bool { return p.node == node })
}

func (r *repair) see(id uint32, n *model.Node) {
	if n == nil || n.Ready.Status == model.True {
		r.forget(id)
		if n != nil && r.group != nil && n.Group == r.group.Name && n.CreatedAt > r.beganAt {
			r.group = nil // the new one is ready
		}
		return
	}
	known := slices.ContainsFunc(r.sick, func(p patient) bool { return p.node == id })
	if m := *r.machines.Row(id); !known && m != nil && !m.gone && m.group != nil {
		r.sick = append(r.sick, patient{id, n.Ready.SinceAt})
	}
}

// next repairs the node that has waited longest, if its time is over and nothing
// else is being repaired.
func (r *repair) next(now sim.Time) {
	if r.group != nil && now >= r.beganAt.Add(r.AutoRepair) {
		r.group = nil
	}
	at := sim.Never
	if r.group != nil {
		at = r.beganAt.Add(r.AutoRepair)
	} else if first := r.worst(); first != nil {
		if at = first.since.Add(r.AutoRepair); at <= now {
			r.replace(now, first.node)
			at = now.Add(r.AutoRepair)
		}
	}
	if at < r.wakeAt {
		r.wakeAt = at
		r.kernel.Post(at, r.self, 0, 0)
	}
}

// worst is the node that has not been ready for longest; nil if all are.
func (r *repair) worst() *patient {
	var first *patient
	for i := range r.sick {
		if p := &r.sick[i]; first == nil || p.since < first.since || p.since == first.since && p.node < first.node {
			first = p
		}
	}
	return first
}

func (r *repair) replace(now sim.Time, node uint32) {
	m := *r.machines.Row(node)
	r.group, r.beganAt = m.group, now
	r.note("node/"+m.Name, true, ReasonRepairing, "Replacing a node that has not been ready for "+r.AutoRepair.String())
	r.terminate(m, "repaired")
}
