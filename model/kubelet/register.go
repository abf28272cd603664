package kubelet

import (
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// A kubelet that starts first creates its node, unless it is there already: it
// waits firstRegister, tries, and after each try without an answer waits twice
// as long, at most registerMost
// (pkg/kubelet/kubelet_node_status.go registerWithAPIServer).
const (
	firstRegister = 100 * time.Millisecond
	registerMost  = 7 * time.Second
)

// registerAfter has the kubelet register once it has waited that long.
func (k *Kubelet) registerAfter(wait time.Duration) {
	k.registerWait = wait
	k.kernel.Post(k.kernel.Now().Add(wait), k.self, whyRegister, uint64(k.epoch))
}

func (k *Kubelet) register(epoch uint64) {
	if k.running && epoch == uint64(k.epoch) {
		if k.registerWait == firstRegister { // each try, whose node has no conditions yet; they are told of once here
			k.notePressures(pressures{}, pressures{}, true)
		}
		k.beat.Create(k.fresh(), taggedRegister)
	}
}

// fresh is the node as a kubelet registers it: what it was configured with and
// nothing of what others wrote since (initialNode). It is not ready yet: for that it needs
// a CSINode, which needs a node (pkg/volume/csi/csi_plugin.go initializeCSINode).
func (k *Kubelet) fresh() *model.Node {
	first := k.first
	n := &model.Node{
		Meta:     model.Meta{Kind: model.KindNode, Name: first.Name, Labels: first.Labels},
		Capacity: first.Capacity, Allocatable: first.Allocatable, GPU: first.GPU, Group: first.Group, Price: first.Price,
		Taints: slices.DeleteFunc(slices.Clone(first.Taints), func(t model.Taint) bool {
			return strings.HasPrefix(t.Key, "node.kubernetes.io/")
		}),
		Ready: model.Condition{Status: model.False, SinceAt: k.kernel.Now(), Reason: "KubeletNotReady"},
	}
	setDevices(n, k.devices())
	return n
}

// created takes the answer to the creation. A node that is new is ready with the next look of
// those every 100 ms, one that is there already is looked at (tryRegisterWithAPIServer).
func (k *Kubelet) created(reply *store.Reply) {
	switch reply.Refusal {
	case store.Accepted:
		k.node, k.registerWait, k.bootUntold = reply.Object.(*model.Node), 0, false
		k.nodeIsKnown()
		k.nodeStatus.Phase, k.nodeStatus.next = max(k.nodeStatus.Phase, k.kernel.Now().Add(fastReady)), sim.Never
		k.want(&k.nodeStatus, whyNodeStatus, k.kernel.Now())
	case store.AlreadyExists:
		k.beat.Get(k.node.Ref(), taggedExisting)
	default:
		k.registerAgain()
	}
}

// found takes the answer about a node that was there already.
func (k *Kubelet) found(reply *store.Reply) {
	n, ok := reply.Object.(*model.Node)
	if reply.Refusal != store.Accepted || !ok {
		k.registerAgain()
		return
	}
	if n.ResourceVersion < k.node.ResourceVersion { // which the watch has brought
		n = k.node
	}
	k.registered(n)
}

func (k *Kubelet) registerAgain() { k.registerAfter(min(2*k.registerWait, registerMost)) }

// registered writes the node's status at once if it is another one, and then looks as
// often as ever. Beside that a process that starts looks every 100 ms until the node is
// ready, but only if it was not when it began (kubelet_node_status.go
// fastNodeStatusUpdate): a machine that boots faster than its silence is noticed is ready
// again with the look that comes after its network.
func (k *Kubelet) registered(n *model.Node) {
	k.node, k.registerWait = n, 0
	k.nodeIsKnown()
	k.noteBoot()
	if n.Ready.Status == model.True {
		k.nodeStatus.Phase = k.kernel.Now().Add(k.nodeStatus.Period)
		k.nodeStatus.next = sim.Never
	}
	k.checkNode()
	k.want(&k.nodeStatus, whyNodeStatus, k.kernel.Now())
}

// noteBoot says that the machine has booted, if the API shows an earlier boot: with the first
// status of a node that was there before (pkg/kubelet/nodestatus/setters.go MachineInfo).
func (k *Kubelet) noteBoot() {
	if k.bootUntold {
		k.bootUntold = false
		k.client.Note(k.node, true, "Rebooted", "Node "+k.node.Name+" has been rebooted")
	}
}
