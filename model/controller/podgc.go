package controller

import (
	"cmp"
	"slices"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Constants of the pod garbage collector (pkg/controller/podgc/gc_controller.go,
// pkg/controller/podgc/config/v1alpha1/defaults.go).
const (
	podGCEvery      = 20 * time.Second // from the end of a pass to the next
	podGCQuarantine = 40 * time.Second // of a node that is missing
	terminatedMost  = 12500            // pods that ended and are kept
)

// podGC deletes pods nobody else will: those of nodes that no longer exist,
// the oldest of too many that have ended, those that were deleted before
// they were bound, and those that are to end on a node that is not ready and that
// people say is out of service. A pass is an event only when there are such pods.
type podGC struct {
	*loop
	passes  sim.Ticker
	passAt  sim.Time
	running int // requests of the pass that are not answered yet

	terminated int
	unbound    int                       // terminating without a node
	counted    store.Table[podGCCounted] // by pod
	missing    store.Table[sim.Time]     // by node: when a pass first missed it; 0 is not
	orphans    []uint32                  // nodes with pods that the view does not have
	outs       []uint32                  // nodes out of service and not ready, in order of ID
}

type podGCCounted struct{ terminated, unbound bool }

const whyGCPass = whyOwn

const (
	opLookAtNode uint8 = iota // about a node
	opFailPod                 // about a pod: mark it failed, then delete it
	opDeletePodNow
)

func newPodGC(l *loop) controller { return &podGC{loop: l, passAt: sim.Never} }

func (c *podGC) start(now sim.Time) {
	s := c.kernel.Luck().Lane("pod gc").Draw(c.client.Hash, 0)
	c.passes = sim.Ticker{Phase: c.firstAt(&s, podGCEvery), Period: podGCEvery}
	c.plan(now)
}

func (c *podGC) pod(now sim.Time, old, next *model.Pod) {
	m := old
	if next != nil {
		m = next
	}
	was := c.counted.Row(m.ID)
	is := podGCCounted{
		terminated: next != nil && next.Phase.Terminal(),
		unbound:    next != nil && next.Deleting() && next.NodeID == 0,
	}
	if is != *was {
		c.terminated += one(is.terminated) - one(was.terminated)
		c.unbound += one(is.unbound) - one(was.unbound)
		*was = is
		c.plan(now)
	}
	if next != nil && next.NodeID != 0 && (old == nil || old.NodeID == 0) && c.view.node(next.NodeID) == nil {
		c.miss(now, next.NodeID)
	}
	if len(c.outs) > 0 && next != nil && next.Deleting() && (old == nil || !old.Deleting()) {
		c.plan(now)
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *podGC) node(now sim.Time, old, next *model.Node) {
	if was, is := outOfService(old), outOfService(next); is && !was {
		insert(&c.outs, next.ID)
		c.plan(now)
	} else if was && !is {
		without(&c.outs, old.ID)
	}
	if next == nil && old != nil && len(c.view.nodes.Row(old.ID).pods) > 0 {
		c.miss(now, old.ID)
	}
}

// outOfService tells whether nothing of a node's pods runs, as people say and nobody
// denies.
func outOfService(n *model.Node) bool {
	return n != nil && n.Ready.Status != model.True && model.HasTaintKey(n.Taints, model.TaintOutOfService)
}

// leaving tells whether pods of a node out of service are to end.
func (c *podGC) leaving(node uint32) bool {
	return slices.ContainsFunc(c.view.nodes.Row(node).pods, func(id uint32) bool { return c.view.pod(id).Deleting() })
}

func (c *podGC) miss(now sim.Time, node uint32) {
	if !slices.Contains(c.orphans, node) {
		c.orphans = append(c.orphans, node)
		c.plan(now)
	}
}

// plan posts the next pass that may find something to do.
func (c *podGC) plan(now sim.Time) {
	if c.running > 0 {
		return
	}
	at := sim.Never
	if c.literal || c.unbound > 0 || c.terminated > terminatedMost || slices.ContainsFunc(c.outs, c.leaving) {
		at = c.passes.AtOrAfter(now)
	}
	for _, id := range c.orphans {
		at = min(at, c.passes.AtOrAfter(max(now, c.quarantined(id))))
	}
	if at < c.passAt {
		c.passAt = at
		c.kernel.Post(at, c.self, whyGCPass, 0)
	}
}

// quarantined is when a missing node may be looked at: at once to note that it
// is missing, and when the quarantine is over.
func (c *podGC) quarantined(node uint32) sim.Time {
	if since := *c.missing.Row(node); since != 0 {
		return since.Add(podGCQuarantine)
	}
	return 0
}

func (c *podGC) due(now sim.Time, _ sim.Why, _ uint64) {
	if now != c.passAt || c.running > 0 {
		return
	}
	c.passAt = sim.Never
	c.running = 1 // the pass itself
	c.collectTerminated(now)
	c.collectLeaving(now)
	c.collectOrphans(now)
	c.collectUnbound(now)
	c.answered(now)
}

// answered ends the pass with the last answer.
func (c *podGC) answered(now sim.Time) {
	if c.running--; c.running == 0 {
		c.passes.Phase = now.Add(podGCEvery)
		c.plan(now)
	}
}

// collectTerminated deletes the surplus of ended pods: evicted ones first,
// then the oldest, by the second and then by name (byEvictionAndCreationTimestamp).
func (c *podGC) collectTerminated(sim.Time) {
	surplus := c.terminated - terminatedMost
	if surplus <= 0 {
		return
	}
	var ended []*model.Pod
	for id := range c.view.pods.Len() {
		if p := c.view.pod(uint32(id)); p != nil && p.Phase.Terminal() {
			ended = append(ended, p)
		}
	}
	slices.SortFunc(ended, func(a, b *model.Pod) int {
		if x, y := a.Reason == "Evicted", b.Reason == "Evicted"; x != y {
			return -falseFirst(x)
		}
		return cmp.Or(cmp.Compare(model.WholeSecond(a.CreatedAt), model.WholeSecond(b.CreatedAt)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	for _, p := range ended[:surplus] {
		c.remove(p.ID)
	}
}

// collectLeaving deletes what is to end on nodes out of service, after it is marked
// failed (gcTerminating).
func (c *podGC) collectLeaving(now sim.Time) {
	for _, node := range c.outs {
		for _, id := range c.view.nodes.Row(node).pods {
			if p := c.view.pod(id); p.Deleting() {
				c.fail(p, failed{at: now})
			}
		}
	}
}

// fail marks a pod failed unless it has ended, and then deletes it.
func (c *podGC) fail(p *model.Pod, mark failed) {
	if p.Phase.Terminal() {
		c.remove(p.ID)
		return
	}
	c.running++
	c.client.PatchPart(p.Ref(), store.Status, mark, tag(opFailPod, p.ID))
}

// collectOrphans notes which nodes are missing, and after the quarantine asks
// the API server itself for them.
func (c *podGC) collectOrphans(now sim.Time) {
	c.orphans = slices.DeleteFunc(c.orphans, func(id uint32) bool {
		if c.view.node(id) != nil || len(c.view.nodes.Row(id).pods) == 0 {
			*c.missing.Row(id) = 0
			return true
		}
		return false
	})
	for _, id := range c.orphans {
		switch since := c.missing.Row(id); {
		case *since == 0:
			*since = now
		case now >= since.Add(podGCQuarantine):
			*since = now // what is bound there from now on waits as long (gcOrphaned puts it back into its queue)
			c.running++
			c.client.Get(model.Ref{Kind: model.KindNode, ID: id}, tag(opLookAtNode, id))
		}
	}
}

func (c *podGC) collectUnbound(now sim.Time) {
	if c.unbound == 0 {
		return
	}
	for id := range c.view.pods.Len() {
		if p := c.view.pod(uint32(id)); p != nil && p.Deleting() && p.NodeID == 0 {
			c.fail(p, failed{at: now})
		}
	}
}

// remove deletes a pod without any grace.
func (c *podGC) remove(pod uint32) {
	c.running++
	c.client.Delete(model.Ref{Kind: model.KindPod, ID: pod}, 0, tag(opDeletePodNow, pod))
}

func (c *podGC) replied(now sim.Time, r store.Reply) {
	op, id := untag(r.Tag)
	switch {
	case op == opLookAtNode && r.Refusal == store.NotFound:
		for _, pod := range c.view.nodes.Row(id).pods {
			c.fail(c.view.pod(pod), failed{now, true})
		}
	case op == opFailPod && r.Refusal == store.Accepted:
		c.remove(id)
	}
	c.answered(now)
}

// sync implements controller; the queue is not used.
func (c *podGC) sync(_ sim.Time, id uint32) { c.done(id) }

// failed marks a pod that will not be heard of any more, and that its node is gone if that is
// why. What has ended already stays as it is (markFailedAndDeletePodWithCondition). That
// leaves Ready as it is, too; here no pod is ready that has ended.
type failed struct {
	at       sim.Time
	orphaned bool
}

// Apply implements store.Patch.
func (f failed) Apply(cur model.Object) model.Object {
	next := *cur.(*model.Pod)
	if next.Phase.Terminal() {
		return cur
	}
	next.Phase = model.PodFailed
	if next.Ready.Status == model.True {
		next.Ready.Status, next.Ready.SinceAt = model.False, f.at
	}
	if f.orphaned {
		return disrupted{f.at, "DeletionByPodGC"}.Apply(&next)
	}
	return &next
}
