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

// runTaint puts a taint on a node or takes it off.
func runTaint(u *Kubectl, a *task, node model.Object) {
	u.ask(call{task: a, op: store.OpPatch, target: node.Head().Ref(), patch: taintPatch{a.Taint, a.Remove}})
}

// taintPatch gives a node a taint, or takes off the one of its key and effect.
type taintPatch struct {
	taint  model.Taint
	remove bool
}

// Apply implements store.Patch.
func (p taintPatch) Apply(cur model.Object) model.Object {
	n := *cur.(*model.Node)
	had := len(n.Taints)
	if p.remove {
		n.Taints = model.WithoutTaint(n.Taints, p.taint.Key, p.taint.Effect)
	} else {
		n.Taints = model.WithTaint(n.Taints, p.taint)
	}
	if len(n.Taints) == had {
		return cur
	}
	return &n
}
