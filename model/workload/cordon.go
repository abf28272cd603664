package workload

import (
	"orrery/model"
	"orrery/model/store"
)

// runCordon marks the node; the node lifecycle controller adds the taint.
func runCordon(u *Kubectl, a *task, node model.Object) {
	u.ask(call{task: a, op: store.OpPatch, target: node.Head().Ref(), patch: unschedulable(true)})
}

func runUncordon(u *Kubectl, a *task, node model.Object) {
	u.ask(call{task: a, op: store.OpPatch, target: node.Head().Ref(), patch: unschedulable(false)})
}

// unschedulable is what the node's spec.unschedulable becomes.
type unschedulable bool

// Apply implements store.Patch.
func (p unschedulable) Apply(cur model.Object) model.Object {
	n := *cur.(*model.Node)
	if n.Unschedulable == bool(p) {
		return cur
	}
	n.Unschedulable = bool(p)
	return &n
}
