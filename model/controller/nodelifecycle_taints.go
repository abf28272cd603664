package controller

import (
	"slices"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// conditionTaints is the NoSchedule taints that follow conditions and spec
// (nodeConditionToTaintKeyStatusMap).
var conditionTaints = [...]struct {
	key   string
	holds func(*model.Node) bool
}{
	{model.TaintNotReady, func(n *model.Node) bool { return n.Ready.Status == model.False }},
	{model.TaintUnreachable, func(n *model.Node) bool { return n.Ready.Status == model.Unknown }},
	{model.TaintUnschedulable, func(n *model.Node) bool { return n.Unschedulable }},
	{model.TaintMemoryPressure, func(n *model.Node) bool { return n.MemoryPressure.Status == model.True }},
	{model.TaintDiskPressure, func(n *model.Node) bool { return n.DiskPressure.Status == model.True }},
	{model.TaintPIDPressure, func(n *model.Node) bool { return n.PIDPressure.Status == model.True }},
}

// sync makes a node's NoSchedule taints follow its condition at once, without
// any rate limit (doNoScheduleTaintingPass).
func (c *nodeLifecycle) sync(_ sim.Time, id uint32) {
	n := c.view.node(id)
	if n == nil {
		c.done(id)
		return
	}
	var p taints
	for _, t := range conditionTaints {
		want := t.holds(n)
		switch has := model.HasTaint(n.Taints, t.key, model.NoSchedule); {
		case want && !has:
			p.add = append(p.add, model.Taint{Key: t.key, Effect: model.NoSchedule})
		case !want && has:
			p.remove = append(p.remove, model.Taint{Key: t.key, Effect: model.NoSchedule})
		}
	}
	if len(p.add)+len(p.remove) == 0 {
		c.done(id)
		return
	}
	c.client.ReadPatch(n.Ref(), store.Whole, p, tag(opReconcile, id))
}

// taints adds and removes taints of a node.
type taints struct{ add, remove []model.Taint }

// Apply implements store.Patch.
func (p taints) Apply(cur model.Object) model.Object {
	n := cur.(*model.Node)
	now := n.Taints
	for _, t := range p.remove {
		now = model.WithoutTaint(now, t.Key, t.Effect)
	}
	for _, t := range p.add {
		now = model.WithTaint(now, t)
	}
	if slices.Equal(now, n.Taints) {
		return cur
	}
	next := *n
	next.Taints = now
	return &next
}

func noExecute(key string) []model.Taint { return []model.Taint{{Key: key, Effect: model.NoExecute}} }
