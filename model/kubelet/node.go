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
	k.nodeIsKnown()
	if n.Ready.Status != model.True {
		k.want(&k.nodeStatus, whyNodeStatus, k.kernel.Now())
	}
}

// checkNode is the node status loop (pkg/kubelet/kubelet_node_status.go
// tryUpdateNodeStatus): the status is written only if it differs from what the
// kubelet's own view shows. The unconditional report every five minutes
// changes nothing here and is left out.
func (k *Kubelet) checkNode() {
	if k.node.Ready.Status == model.True || k.patching || k.kernel.Now() < k.networkAt {
		return
	}
	k.patch(model.True, "KubeletReady")
}

func (k *Kubelet) patch(s model.ConditionStatus, reason string) {
	k.patching = true
	k.beat.PatchPart(k.node.Ref(), store.Status, nodeReady{s, reason, k.kernel.Now()}, taggedNode)
}

// nodeReady sets the node's Ready condition.
type nodeReady struct {
	status model.ConditionStatus
	reason string
	at     sim.Time
}

// Apply implements store.Patch.
func (r nodeReady) Apply(cur model.Object) model.Object {
	n := cur.(*model.Node)
	if n.Ready.Status == r.status {
		return n
	}
	c := *n
	c.Ready = model.Condition{Status: r.status, SinceAt: r.at, Reason: r.reason}
	return &c
}

func (k *Kubelet) nodeAnswered(reply *store.Reply) {
	k.patching = false
	if n, ok := reply.Object.(*model.Node); ok && n.ResourceVersion > k.node.ResourceVersion {
		k.node = n
	}
	if k.node.Ready.Status != model.True {
		k.want(&k.nodeStatus, whyNodeStatus, k.kernel.Now())
	}
}
