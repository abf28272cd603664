package autoscaler

import (
	"slices"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// view is what the autoscaler has seen of the cluster.
type view struct {
	nodes   store.Table[nodeRow]
	pods    store.Table[*model.Pod]
	budgets store.Table[*model.PodDisruptionBudget]
	sets    store.Table[*model.DaemonSet]
	pending []uint32            // pods that fit nowhere, in order of ID
	told    store.Table[string] // by pod: why no group helps it, as it was told last

	// What the filters were told of in this look: pods on nodes, and nodes.
	supposed []supposed
	madeUp   []uint32
	from     int                 // where the next search for a node begins
	hints    store.Table[uint32] // by pod: the node where it fitted when the one that it is on was tried last

	version uint64 // counts changes that a look may care about, also of what looks found out
}

// nodeRow is a node and what was found out about it.
type nodeRow struct {
	node *model.Node
	pods []uint32 // on it, in order of ID

	unneeded bool
	since    sim.Time // it is unneeded
	// until is when it is tried again whether it can go, after it could not as of a
	// version of the view.
	until     sim.Time
	evaluated uint64
	open      bool      // some of its pods had found a place: with other places all might have
	leaving   bool      // it would go, in this look
	deletion  *deletion // nil if it stays
}

// watches is what a replica watches while it works.
type watches [4]*store.Watch

const (
	watchNodes = iota
	watchPods
	watchBudgets
	watchSets
)

func newWatches(c *store.Client) watches {
	return watches{
		watchNodes: c.Watch(model.KindNode), watchPods: c.Watch(model.KindPod),
		watchBudgets: c.Watch(model.KindPodDisruptionBudget), watchSets: c.Watch(model.KindDaemonSet),
	}
}

// see takes what the watches brought, and tells whether a look may care.
func (a *Autoscaler) see() bool {
	v := &a.view
	nodes, pods, budgets, sets := a.watches[watchNodes], a.watches[watchPods], a.watches[watchBudgets], a.watches[watchSets]
	before := v.version
	for ref, obj, ok := nodes.Next(); ok; ref, obj, ok = nodes.Next() {
		n, _ := obj.(*model.Node)
		a.seeNode(ref.ID, n)
	}
	for ref, obj, ok := pods.Next(); ok; ref, obj, ok = pods.Next() {
		p, _ := obj.(*model.Pod)
		a.seePod(ref.ID, p)
	}
	for ref, obj, ok := budgets.Next(); ok; ref, obj, ok = budgets.Next() {
		b, _ := obj.(*model.PodDisruptionBudget)
		old := v.budgets.Row(ref.ID)
		if *old == nil || b == nil || (*old).Allowed != b.Allowed || (*old).Selector != b.Selector {
			v.version++
		}
		*old = b
	}
	for ref, obj, ok := sets.Next(); ok; ref, obj, ok = sets.Next() {
		d, _ := obj.(*model.DaemonSet)
		*v.sets.Row(ref.ID) = d
		v.version++
	}
	a.dirty = a.dirty || v.version != before
	return v.version != before
}

// seeNode takes a version of a node. One that was only written by its kubelet is
// no news.
func (a *Autoscaler) seeNode(id uint32, n *model.Node) {
	row := a.view.nodes.Row(id)
	old := row.node
	row.node = n
	if old != nil && n != nil && old.Ready.Status == n.Ready.Status && old.Unschedulable == n.Unschedulable &&
		slices.Equal(old.Taints, n.Taints) && slices.Equal(old.Labels, n.Labels) {
		a.supposeNode(id, n)
		return
	}
	a.view.version++
	a.supposeNode(id, n)
	if n == nil {
		row.unneeded, row.until = false, 0
	}
}

// supposeNode makes the filters know a node, but not those that no machine is
// behind any more.
func (a *Autoscaler) supposeNode(id uint32, n *model.Node) {
	if n == nil {
		a.filters.RemoveNode(id)
		return
	}
	a.filters.SetNode(n)
}

func (a *Autoscaler) seePod(id uint32, next *model.Pod) {
	row := a.view.pods.Row(id)
	old := *row
	*row = next
	from, to := placeOf(old), placeOf(next)
	switch {
	case from == 0 && to == 0:
	case from == to:
		a.filters.Renew(to, old, next)
	default:
		if from != 0 {
			a.filters.Take(from, old)
			list := &a.view.nodes.Row(from).pods
			if at, ok := slices.BinarySearch(*list, id); ok {
				*list = slices.Delete(*list, at, at+1)
			}
		}
		if to != 0 {
			a.filters.Put(to, next)
			list := &a.view.nodes.Row(to).pods
			at, _ := slices.BinarySearch(*list, id)
			*list = slices.Insert(*list, at, id)
		}
	}
	if from != to || old != nil && next != nil && (old.Deleting() != next.Deleting() || old.Spec != next.Spec) {
		a.view.version++
	}
	a.seePending(id, old, next)
}

// placeOf is the node that a pod counts on, 0 if none.
func placeOf(p *model.Pod) uint32 {
	if p == nil || p.Phase.Terminal() {
		return 0
	}
	return p.NodeID
}

// seePending keeps the list of pods that the scheduler found no node for.
func (a *Autoscaler) seePending(id uint32, old, next *model.Pod) {
	was, is := fitsNowhere(old), fitsNowhere(next)
	if was == is {
		return
	}
	a.view.version++
	at, _ := slices.BinarySearch(a.view.pending, id)
	if is {
		a.view.pending = slices.Insert(a.view.pending, at, id)
		a.urgent = true
	} else {
		a.view.pending = slices.Delete(a.view.pending, at, at+1)
	}
}

// unschedulable is the reason of a PodScheduled condition that is False because
// no node was found.
const unschedulable = "Unschedulable"

func fitsNowhere(p *model.Pod) bool {
	return p != nil && p.NodeID == 0 && p.Active() && p.Scheduled.Status == model.False && p.Scheduled.Reason == unschedulable
}
