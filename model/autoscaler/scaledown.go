package autoscaler

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// deletion is a node that is being removed.
type deletion struct {
	node    uint32
	drain   bool
	began   sim.Time      // the first eviction
	gives   time.Duration // how long its pods may take to end
	pods    []uint32      // not evicted yet
	evicted []uint32
	ticket  uint64 // of the call that removes the machine, 0 before it
}

// groupOf is the place of the group that a node's machine belongs to, -1 if it
// belongs to none or is gone.
func (a *Autoscaler) groupOf(node uint32) int {
	for i, s := range a.session.State() {
		for _, m := range s.Machines {
			if m.Node == node {
				return i
			}
		}
	}
	return -1
}

// candidates is the nodes of all groups that are not being removed, in order of
// ID, and the group of each.
func (a *Autoscaler) candidates() (nodes []uint32, group []int) {
	for i, s := range a.session.State() {
		for _, m := range s.Machines {
			if row := a.view.nodes.Row(m.Node); row.node != nil && row.deletion == nil {
				nodes, group = append(nodes, m.Node), append(group, i)
			}
		}
	}
	return nodes, group
}

// scaleDown finds out which nodes are not needed, and removes those that have not
// been for long enough (core/scaledown/planner/planner.go). held tells that pods
// wait for which there is room: then nothing is removed in this look.
func (a *Autoscaler) scaleDown(now sim.Time, held bool) {
	if a.NoScaleDown {
		return
	}
	a.considered = true
	nodes, group := a.candidates()
	for _, id := range nodes {
		a.consider(now, id)
	}
	for _, id := range nodes {
		a.view.nodes.Row(id).leaving = false
	}
	a.unsuppose()
	if held || now < a.coolAt() {
		return
	}
	a.removeSome(now, nodes, group)
}

// coolAt is when nodes may be removed again.
func (a *Autoscaler) coolAt() (at sim.Time) {
	if a.scaledUpAt >= 0 {
		at = a.scaledUpAt.Add(a.DelayAfterAdd)
	}
	if a.failedAt >= 0 {
		at = max(at, a.failedAt.Add(delayAfterFailure))
	}
	return at
}

// consider finds out whether a node is needed. That it is not counts from the
// first look on that finds it so, and is forgotten at the first that does not.
func (a *Autoscaler) consider(now sim.Time, id uint32) {
	row := a.view.nodes.Row(id)
	if now < row.until { // it could not go a short while ago
		return
	}
	row.until = 0
	if row.node.Ready.Status == model.True && a.utilization(id) > a.UtilizationThreshold {
		a.settle(row, false)
		return
	}
	if !a.canGo(id) {
		a.settle(row, false)
		row.until, row.evaluated = now.Add(recheckTime), a.view.version
		return
	}
	if !row.unneeded {
		row.since = now
		a.settle(row, true)
	}
}

// settle is what was found out about a node. If that is news, nodes that come after it
// in a look find others taken, or free.
func (a *Autoscaler) settle(row *nodeRow, unneeded bool) {
	if row.unneeded != unneeded {
		row.unneeded = unneeded
		a.view.version++
	}
}

// utilization is what part of a node's CPU or memory is asked for, whichever is
// more; of a node with GPUs, of those (simulator/utilization/info.go).
func (a *Autoscaler) utilization(id uint32) (millionths int64) {
	row := a.view.nodes.Row(id)
	var used model.Resources
	var gpus int64
	for _, p := range row.pods {
		spec := (*a.view.pods.Row(p)).Spec
		used.CPUMilli += spec.Request.CPUMilli
		used.MemoryBytes += spec.Request.MemoryBytes
		gpus += spec.GPU.Milli()
	}
	has := &row.node.Allocatable
	if n := row.node.GPU.Devices * model.GPUMilli; n > 0 {
		return gpus * 1_000_000 / n
	}
	return max(used.CPUMilli*1_000_000/max(has.CPUMilli, 1), used.MemoryBytes/max(has.MemoryBytes/1_000_000, 1))
}

// canGo tries out whether the pods of a node fit elsewhere: on nodes that stay.
// If they do they are supposed to be there from then on. Where the last look put a pod
// is tried first (simulator/scheduling/hinting_simulator.go tryScheduleUsingHints): a look
// that sees what the last one saw finds what that found. Places of a node that could not
// go are forgotten, in Kubernetes with the second look after it, long before it is tried
// again.
func (a *Autoscaler) canGo(id uint32) bool {
	row := a.view.nodes.Row(id)
	row.open = false
	move, ok := a.toMove(id)
	if !ok {
		return false
	}
	pods, news := len(a.view.supposed), false
	row.leaving = true
	for _, p := range move {
		c := unbound(p)
		last := a.view.hints.Row(p.ID)
		node := *last
		if !row.unneeded || node == 0 || !a.stays(node) || a.filters.Refusal(c, node) != "" {
			node = a.elsewhere(c)
		}
		if node == 0 {
			row.open = len(a.view.supposed) > pods
			a.unsupposeFrom(pods, len(a.view.madeUp))
			row.leaving = false
			return false
		}
		news = news || node != *last
		*last = node
		a.suppose(node, c)
	}
	if news {
		a.view.version++
	}
	return true
}

// elsewhere is like anywhere, but only among nodes that there are: nothing is moved to
// one that is on its way (core/static_autoscaler.go: podDestinations are of allNodes).
func (a *Autoscaler) elsewhere(p *model.Pod) uint32 {
	nodes := a.view.nodes.Len()
	for i := range nodes {
		id := uint32((a.view.from + i) % nodes)
		if a.stays(id) && a.filters.Refusal(p, id) == "" {
			a.view.from = int(id)
			return id
		}
	}
	return 0
}

// toMove is the pods that would have to leave a node; ok tells whether they may:
// each has a controller, those of kube-system a budget, and budgets allow it
// (simulator/drainability/rules). Pods of DaemonSets stay, those that are going
// do not count.
func (a *Autoscaler) toMove(id uint32) (move []*model.Pod, ok bool) {
	spent := map[uint32]int32{}
	for _, ref := range a.view.nodes.Row(id).pods {
		p := *a.view.pods.Row(ref)
		switch {
		case p.Deleting() || p.Owner.Kind == model.KindDaemonSet:
			continue
		case p.Owner.IsZero():
			return nil, false
		}
		guarded := false
		for b := range a.view.budgets.Len() {
			x := *a.view.budgets.Row(uint32(b))
			if x == nil || x.Namespace != p.Namespace || x.Selector == nil || !x.Selector.Matches(p.Labels) {
				continue
			}
			guarded = true
			if spent[x.ID]++; spent[x.ID] > x.Allowed {
				return nil, false
			}
		}
		if p.Namespace == model.NamespaceSystem && !guarded {
			return nil, false
		}
		move = append(move, p)
	}
	return move, true
}

// removeSome begins to remove nodes that have not been needed for long enough:
// empty ones together, of the others one at a time
// (core/scaledown/unneeded/nodes.go RemovableAt,
// core/scaledown/actuation/actuator.go cropNodesToBudgets). A real clock is never
// at the very moment; here one that is counts as past it.
func (a *Autoscaler) removeSome(now sim.Time, nodes []uint32, group []int) {
	state := a.session.State()
	left := make([]int, len(state))
	drains := 0
	for i := range state {
		left[i] = state[i].Target - state[i].Min
	}
	for _, d := range a.deletions {
		if g := a.groupOf(d.node); g >= 0 {
			left[g]--
		}
		if d.drain {
			drains++
		}
	}
	var empty, drain []uint32
	for i, id := range nodes {
		row := a.view.nodes.Row(id)
		if !row.unneeded || now < row.since.Add(a.patience(row)) || left[group[i]] <= 0 {
			continue
		}
		if move, _ := a.toMove(id); len(move) == 0 {
			empty = append(empty, id)
		} else {
			drain = append(drain, id)
		}
	}
	byGroup := func(id uint32) *int { return &left[group[slices.Index(nodes, id)]] }
	for _, id := range empty {
		if n := byGroup(id); len(a.deletions) < maxParallel && *n > 0 {
			*n--
			a.begin(id, false)
		}
	}
	for _, id := range drain {
		if n := byGroup(id); len(a.deletions) < maxParallel && drains < maxDrains && *n > 0 {
			*n--
			drains++
			a.begin(id, true)
		}
	}
}

func (a *Autoscaler) patience(row *nodeRow) time.Duration {
	if row.node.Ready.Status != model.True {
		return unreadyTime
	}
	return a.UnneededTime
}

// due is when a look may find something although nothing changes: a node has not been
// needed for long enough, has been unready for so long that the cluster may count as
// unhealthy, or is tried again and that may end otherwise: something has changed, its pods
// may be tried on other nodes, or looks may fail.
func (a *Autoscaler) due() sim.Time {
	at := sim.Never
	if a.NoScaleDown {
		return at
	}
	for id := range a.view.nodes.Len() {
		row := a.view.nodes.Row(uint32(id))
		if row.node == nil {
			continue
		}
		if t := row.node.CreatedAt.Add(maxNodeStartupTime); row.node.Ready.Status != model.True && t > a.ticks.Phase {
			at = min(at, t)
		}
		if row.deletion != nil {
			continue
		}
		if row.unneeded {
			if t := max(row.since.Add(a.patience(row)), a.coolAt()); t > a.ticks.Phase {
				at = min(at, t)
			}
		}
		if row.until > a.ticks.Phase && (row.evaluated != a.view.version || row.open || a.session.Scarce()) {
			at = min(at, row.until)
		}
	}
	return at
}

// roll finds out when nodes would have been tried last that could not go, had
// every look been run: nothing has changed since the last one, so they would have
// been found as they were, each time for another while. If that one did not get so far,
// neither did those that were left out.
func (a *Autoscaler) roll(now sim.Time) {
	if !a.considered {
		return
	}
	for id := range a.view.nodes.Len() {
		row := a.view.nodes.Row(uint32(id))
		if row.until == 0 || row.until > now {
			continue
		}
		const again = recheckTime
		every := (again + a.ScanInterval - 1) / a.ScanInterval * a.ScanInterval
		for at := a.ticks.AtOrAfter(row.until); at < now; at = at.Add(every) {
			row.until = at.Add(again)
		}
	}
}

// begin marks a node for removal: no more pods are put there.
func (a *Autoscaler) begin(id uint32, drain bool) {
	row := a.view.nodes.Row(id)
	d := &deletion{node: id, drain: drain}
	row.deletion, row.unneeded = d, false
	a.deletions = append(a.deletions, d)
	a.moved = true
	a.view.version++
	a.client.Patch(row.node.Ref(), mark{true}, uint64(id))
	a.client.Note(row.node, false, "ScaleDown", "marked the node as toBeDeleted/unschedulable")
}

// taintToBeDeleted is on a node that the autoscaler is removing
// (cluster-autoscaler/utils/taints/taints.go).
const taintToBeDeleted = "ToBeDeletedByClusterAutoscaler"

// mark adds or takes away that taint.
type mark struct{ on bool }

// Apply implements store.Patch.
func (m mark) Apply(cur model.Object) model.Object {
	n := *cur.(*model.Node)
	if model.HasTaint(n.Taints, taintToBeDeleted, model.NoSchedule) == m.on {
		return cur
	}
	if m.on {
		n.Taints = model.WithTaint(n.Taints, model.Taint{Key: taintToBeDeleted, Effect: model.NoSchedule})
	} else {
		n.Taints = model.WithoutTaint(n.Taints, taintToBeDeleted, model.NoSchedule)
	}
	return &n
}

// evicting is in the tag of an eviction, beside the pod's number; that of the
// taint is the node's number; unmarking is that of its removal.
const (
	evicting  = 1 << 32
	unmarking = 1 << 33
)

func (a *Autoscaler) replied(now sim.Time, r store.Reply) {
	if r.Tag == unmarking {
		return
	}
	if r.Tag&evicting != 0 {
		a.evictedPod(now, uint32(r.Tag), r.Refusal)
		return
	}
	d := a.view.nodes.Row(uint32(r.Tag)).deletion
	switch {
	case d == nil:
	case r.Refusal != store.Accepted:
		a.giveUpOn(now, d, "failed to mark the node as toBeDeleted/unschedulable: "+r.Refusal.String())
	default:
		a.kernel.Post(now.Add(deleteDelayAfterTaint), a.self, whyDelete, r.Tag)
	}
}

// tainted goes on with a node that has had the taint for a while.
func (a *Autoscaler) tainted(now sim.Time, id uint32) {
	d := a.view.nodes.Row(id).deletion
	if d == nil || a.view.nodes.Row(id).node == nil {
		a.forget(d)
		return
	}
	move, ok := a.toMove(id)
	switch {
	case !ok:
		a.giveUpOn(now, d, "failed to get pods to move on node")
	case !d.drain && len(move) > 0:
		a.giveUpOn(now, d, "node is not empty")
	case !d.drain:
		a.about(a.view.nodes.Row(id).node.Group, false, "ScaleDownEmpty", fmt.Sprintf("Scale-down: removing empty node %q", a.view.nodes.Row(id).node.Name))
		d.ticket = a.session.Remove(id)
	default:
		a.drain(now, d, move)
	}
}

func (a *Autoscaler) drain(now sim.Time, d *deletion, move []*model.Pod) {
	names := make([]string, len(move))
	d.began = now
	for i, p := range move {
		names[i] = p.Namespace + "/" + p.Name
		d.gives = max(d.gives, min(time.Duration(p.Spec.GraceSeconds)*time.Second, maxGrace))
		d.pods = append(d.pods, p.ID)
	}
	n := a.view.nodes.Row(d.node).node
	a.about(n.Group, false, "ScaleDown", "Scale-down: removing node "+n.Name+", pods to reschedule: "+strings.Join(names, ","))
	for _, p := range move {
		a.client.Note(p, false, "ScaleDown", "deleting pod for node scale down")
		a.client.Evict(p.Ref(), int32(min(time.Duration(p.Spec.GraceSeconds)*time.Second, maxGrace)/time.Second), evicting|uint64(p.ID))
	}
	a.drained(now, d)
}

// Constants of a drain (core/scaledown/actuation/drain.go,
// config/flags/flags.go).
const (
	evictAgain = 10 * time.Second
	evictFor   = 2 * time.Minute  // max-pod-eviction-time
	goneEvery  = 5 * time.Second  // from one look whether the pods are gone to the next
	headroom   = 30 * time.Second // beyond their grace
	maxGrace   = 600 * time.Second
)

// deletionOf is the removal that a pod is evicted for, nil if there is none.
func (a *Autoscaler) deletionOf(pod uint32) *deletion {
	for _, d := range a.deletions {
		if slices.Contains(d.pods, pod) {
			return d
		}
	}
	return nil
}

func (a *Autoscaler) evictedPod(now sim.Time, pod uint32, why store.Refusal) {
	d := a.deletionOf(pod)
	switch {
	case d == nil:
	case why == store.Accepted || why == store.NotFound:
		d.pods = slices.DeleteFunc(d.pods, func(id uint32) bool { return id == pod })
		d.evicted = append(d.evicted, pod)
		a.drained(now, d)
	case now.Add(evictAgain) >= d.began.Add(evictFor):
		if p := *a.view.pods.Row(pod); p != nil {
			a.client.Note(p, true, "ScaleDownFailed", "failed to delete pod for ScaleDown")
		}
		a.giveUpOn(now, d, "failed to drain the node")
	default:
		a.kernel.Post(now.Add(evictAgain), a.self, whyEvict, uint64(pod))
	}
}

// evict asks once more.
func (a *Autoscaler) evict(now sim.Time, pod uint32) {
	if a.deletionOf(pod) == nil {
		return
	}
	p := *a.view.pods.Row(pod)
	if p == nil {
		a.evictedPod(now, pod, store.NotFound)
		return
	}
	a.client.Evict(p.Ref(), int32(min(time.Duration(p.Spec.GraceSeconds)*time.Second, maxGrace)/time.Second), evicting|uint64(pod))
}

// drained begins to wait for the pods once all of them were evicted.
func (a *Autoscaler) drained(now sim.Time, d *deletion) {
	if len(d.pods) == 0 {
		d.began = now
		a.goneYet(now, d.node)
	}
}

func (a *Autoscaler) goneYet(now sim.Time, id uint32) {
	d := a.view.nodes.Row(id).deletion
	if d == nil || len(d.pods) > 0 || d.ticket != 0 {
		return
	}
	left := slices.ContainsFunc(d.evicted, func(pod uint32) bool {
		p := *a.view.pods.Row(pod)
		return p != nil && p.NodeID == id
	})
	switch {
	case !left:
		d.ticket = a.session.Remove(id)
	case now >= d.began.Add(d.gives+headroom):
		a.giveUpOn(now, d, "pods remaining after timeout")
	default:
		a.kernel.Post(now.Add(goneEvery), a.self, whyGone, uint64(id))
	}
}

// removed is the end of a removal: the provider has answered.
func (a *Autoscaler) removed(now sim.Time, ticket uint64) {
	ok := a.session.Answer(ticket)
	for _, d := range a.deletions {
		if d.ticket != ticket {
			continue
		}
		if !ok {
			a.giveUpOn(now, d, "the cloud provider refuses the call")
			return
		}
		if n := a.view.nodes.Row(d.node).node; n != nil {
			a.client.Note(n, false, "ScaleDown", "node removed by cluster autoscaler")
		}
		a.forget(d)
		a.dirty = true
		return
	}
}

// giveUpOn keeps a node after all.
func (a *Autoscaler) giveUpOn(now sim.Time, d *deletion, why string) {
	row := a.view.nodes.Row(d.node)
	if row.node != nil {
		a.client.Note(row.node, true, "ScaleDownFailed", "failed to drain the node, aborting ScaleDown: "+why)
		a.client.Patch(row.node.Ref(), mark{false}, unmarking)
	}
	a.failedAt = now
	a.forget(d)
	a.dirty = true
}

func (a *Autoscaler) forget(d *deletion) {
	if d == nil {
		return
	}
	a.view.nodes.Row(d.node).deletion = nil
	a.view.version++
	a.deletions = slices.DeleteFunc(a.deletions, func(x *deletion) bool { return x == d })
}
