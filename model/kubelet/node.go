package kubelet

import (
	"slices"

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
	k.verifyAll()
	k.doubtNode()
	k.mayResize() // its labels and taints may be others
}

// seeNode lets the eviction manager look from now on, if the node is known and pods are listed, which
// comes within a second after that (pkg/kubelet/config/apiserver.go NewSourceApiserver).
func (k *Kubelet) seeNode() {
	if k.nodeKnown && k.synced && !k.seesNode {
		k.seesNode = true
		k.aimEvictions(k.kernel.Now())
	}
}

// doubtNode has the node status loop look, unless all is as it should be.
func (k *Kubelet) doubtNode() {
	if ready, _ := k.readyNow(); k.node.Ready.Status != ready || k.statusDiffers() || k.unsaid() || k.node.Unschedulable != k.cordoned {
		k.want(&k.nodeStatus, whyNodeStatus, k.kernel.Now())
	}
}

// pressuresOf is what a node says that it is short of.
func pressuresOf(n *model.Node) pressures {
	return pressures{n.MemoryPressure.Status == model.True, n.DiskPressure.Status == model.True, n.PIDPressure.Status == model.True}
}

// pressuresDiffer tells whether the node says otherwise than its kubelet knows.
func (k *Kubelet) pressuresDiffer() bool { return pressuresOf(k.node) != k.evictions.pressed }

// statusDiffers tells whether the node says otherwise than its kubelet knows of anything but
// whether it is ready.
func (k *Kubelet) statusDiffers() bool {
	return k.pressuresDiffer() || k.usesOthers() || k.devicesDiffer()
}

// checkNode is the node status loop (pkg/kubelet/kubelet_node_status.go
// tryUpdateNodeStatus): the status is written only if it differs from what the
// kubelet's own view shows. The unconditional report every five minutes
// changes nothing here and is left out. Until the node is registered nothing is
// written: that loop is what registers it (syncNodeStatus).
func (k *Kubelet) checkNode() {
	if k.registerWait > 0 {
		return
	}
	for _, at := range [...]sim.Time{k.networkAt, k.devicesAt} {
		if k.kernel.Now() < at {
			k.want(&k.nodeStatus, whyNodeStatus, at)
		}
	}
	ready, reason := k.readyNow()
	switch {
	case k.patching:
	case k.node.Ready.Status != ready || k.statusDiffers():
		k.patch(ready, reason)
	case k.unsaid():
		k.markSaid()
		k.verifyAll()
	}
	k.noteCordon() // the last of defaultNodeStatusFuncs
}

func (k *Kubelet) patch(s model.ConditionStatus, reason string) {
	k.patching = true
	is := k.node.Ready.Status
	k.notePressures(pressuresOf(k.node), k.evictions.pressed, is == model.Unknown)
	switch {
	case is == s:
	case s == model.True:
		k.noteStatus("NodeReady")
	default:
		k.noteStatus("NodeNotReady")
	}
	k.beat.PatchPart(k.node.Ref(), store.Status, nodeStatus{s, reason, k.evictions.pressed, k.inUse(), k.devices(), k.kernel.Now()}, taggedNode)
}

// notePressures says what the node is short of now and was not, and the other way round; all of
// it if nothing was known, as of a node that has no conditions yet, or those of one that was
// silent (pkg/kubelet/nodestatus/setters.go MemoryPressureCondition, recordNodeStatusEvent).
func (k *Kubelet) notePressures(was, is pressures, unknown bool) {
	for p := range conditions {
		if is[p] != was[p] || unknown {
			k.noteCondition(p, is[p])
		}
	}
}

func (k *Kubelet) noteCondition(p pressure, holds bool) {
	switch {
	case p == memoryPressure && holds:
		k.noteStatus("NodeHasInsufficientMemory")
	case p == memoryPressure:
		k.noteStatus("NodeHasSufficientMemory")
	case p == diskPressure && holds:
		k.noteStatus("NodeHasDiskPressure")
	case p == diskPressure:
		k.noteStatus("NodeHasNoDiskPressure")
	case holds:
		k.noteStatus("NodeHasInsufficientPID")
	default:
		k.noteStatus("NodeHasSufficientPID")
	}
}

// noteCordon says that the node was cordoned, or is no longer, since this process last
// looked; at its start it takes it for schedulable (recordNodeSchedulableEvent).
func (k *Kubelet) noteCordon() {
	switch {
	case k.node.Unschedulable == k.cordoned:
		return
	case k.node.Unschedulable:
		k.noteStatus("NodeNotSchedulable")
	default:
		k.noteStatus("NodeSchedulable")
	}
	k.cordoned = k.node.Unschedulable
}

// noteStatus is an Event of the node about itself (recordNodeStatusEvent).
func (k *Kubelet) noteStatus(what string) {
	k.client.Note(k.node, false, what, "Node "+k.node.Name+" status is now: "+what)
}

// pressureReasons is the reasons of conditions that do not hold, and that do
// (pkg/kubelet/nodestatus/setters.go).
var pressureReasons = [conditions][2]string{
	memoryPressure: {"KubeletHasSufficientMemory", "KubeletHasInsufficientMemory"},
	diskPressure:   {"KubeletHasNoDiskPressure", "KubeletHasDiskPressure"},
	pidPressure:    {"KubeletHasSufficientPID", "KubeletHasInsufficientPID"},
}

// nodeStatus sets the node's conditions, and what a kubelet finds out about it.
type nodeStatus struct {
	ready   model.ConditionStatus
	reason  string
	pressed pressures
	inUse   []string // volumes
	devices int64
	at      sim.Time
}

// Apply implements store.Patch.
func (r nodeStatus) Apply(cur model.Object) model.Object {
	n := cur.(*model.Node)
	c := *n
	r.set(&c.Ready, r.ready, r.reason)
	for p, condition := range [conditions]*model.Condition{&c.MemoryPressure, &c.DiskPressure, &c.PIDPressure} {
		reason := pressureReasons[p][0]
		if r.pressed[p] {
			reason = pressureReasons[p][1]
		}
		r.set(condition, model.BoolStatus(r.pressed[p]), reason)
	}
	others := c.MemoryPressure != n.MemoryPressure || c.DiskPressure != n.DiskPressure || c.PIDPressure != n.PIDPressure
	if !setDevices(&c, r.devices) && c.Ready == n.Ready && !others && slices.Equal(r.inUse, n.VolumesInUse) {
		return cur
	}
	c.VolumesInUse = r.inUse
	return &c
}

// set gives a condition its status, and if that is another one its reason.
func (r nodeStatus) set(c *model.Condition, status model.ConditionStatus, reason string) {
	if c.Status != status {
		*c = model.Condition{Status: status, SinceAt: r.at, Reason: reason}
	}
}

func (k *Kubelet) nodeAnswered(reply *store.Reply) {
	k.patching = false
	if n, ok := reply.Object.(*model.Node); ok {
		if n.ResourceVersion > k.node.ResourceVersion {
			k.node = n
		}
		k.markSaid()
	}
	k.verifyAll()
	k.doubtNode()
}
