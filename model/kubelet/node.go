package kubelet

import (
	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// nodeSeen takes a version of the node from the watch.
func (k *Kubelet) nodeSeen(n *model.Node) {
	if n.ResourceVersion <= k.node.ResourceVersion {
		return
	}
	k.node = n
	k.doubtNode()
}

// doubtNode has the node status loop look, unless all is as it should be.
func (k *Kubelet) doubtNode() {
	if k.node.Ready.Status != model.True || k.pressuresDiffer() {
		k.want(&k.nodeStatus, whyNodeStatus, k.kernel.Now())
	}
}

// pressuresDiffer tells whether the node says otherwise than its kubelet knows.
func (k *Kubelet) pressuresDiffer() bool {
	return k.node.MemoryPressure.Status != model.BoolStatus(k.evictions.pressed)
}

// checkNode is the node status loop (pkg/kubelet/kubelet_node_status.go
// tryUpdateNodeStatus): the status is written only if it differs from what the
// kubelet's own view shows. The unconditional report every five minutes
// changes nothing here and is left out.
func (k *Kubelet) checkNode() {
	if k.node.Ready.Status == model.True && !k.pressuresDiffer() || k.patching || k.kernel.Now() < k.networkAt {
		return
	}
	k.patch(model.True, "KubeletReady")
}

func (k *Kubelet) patch(s model.ConditionStatus, reason string) {
	k.patching = true
	switch was := k.node.MemoryPressure.Status == model.True; {
	case !was && k.evictions.pressed:
		k.client.Note(k.node, false, "NodeHasInsufficientMemory", "Node "+k.node.Name+" status is now: NodeHasInsufficientMemory")
	case was && !k.evictions.pressed:
		k.client.Note(k.node, false, "NodeHasSufficientMemory", "Node "+k.node.Name+" status is now: NodeHasSufficientMemory")
	}
	k.beat.PatchPart(k.node.Ref(), store.Status, nodeStatus{s, reason, k.evictions.pressed, k.kernel.Now()}, taggedNode)
}

// nodeStatus sets the node's conditions.
type nodeStatus struct {
	ready   model.ConditionStatus
	reason  string
	pressed bool // is short of memory
	at      sim.Time
}

// Apply implements store.Patch.
func (r nodeStatus) Apply(cur model.Object) model.Object {
	n := cur.(*model.Node)
	pressed := model.BoolStatus(r.pressed)
	if n.Ready.Status == r.ready && n.MemoryPressure.Status == pressed {
		return n
	}
	c := *n
	if n.Ready.Status != r.ready {
		c.Ready = model.Condition{Status: r.ready, SinceAt: r.at, Reason: r.reason}
	}
	if n.MemoryPressure.Status != pressed {
		c.MemoryPressure = model.Condition{Status: pressed, SinceAt: r.at, Reason: "KubeletHasSufficientMemory"}
		if r.pressed {
			c.MemoryPressure.Reason = "KubeletHasInsufficientMemory"
		}
	}
	return &c
}

func (k *Kubelet) nodeAnswered(reply *store.Reply) {
	k.patching = false
	if n, ok := reply.Object.(*model.Node); ok && n.ResourceVersion > k.node.ResourceVersion {
		k.node = n
	}
	k.doubtNode()
}
