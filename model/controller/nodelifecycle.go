package controller

import (
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Constants of the node lifecycle controller
// (pkg/controller/nodelifecycle/config/v1alpha1/defaults.go,
// k8s.io/cloud-provider/config/v1alpha1/defaults.go,
// scheduler/rate_limited_queue.go).
const (
	monitorEvery   = 5 * time.Second // from the end of a pass to the next
	monitorGrace   = 50 * time.Second
	monitorWorkers = 8
	pollEvery      = 100 * time.Millisecond // from the end of a look at the eviction queues to the next
	// How long a pass over healthy nodes and a look at empty queues take. Both
	// loops wait from end to start, so the 10th pass after a sign of life comes
	// a little more than 50 s after it, not exactly then. In a real control
	// plane of 30 nodes 100 polls take 50 ms more than 10 s.
	passTakes     = time.Millisecond
	passTakesNode = 5 * time.Microsecond
	pollTakes     = 500 * time.Microsecond
	statusRetries = 5
	statusRetry   = 20 * time.Millisecond
)

// excludeDisruption as a node's label keeps it out of the judgement of its
// zone.
const excludeDisruption = "node.kubernetes.io/exclude-disruption"

// nodeLifecycle finds nodes whose kubelet has fallen silent, says so, and
// taints them. A pass over the nodes every 5 s and a look at the eviction
// queues every 0.1 s are events only when they may find something.
type nodeLifecycle struct {
	*loop
	health  store.Table[nodeHealth]
	refused store.Table[uint8] // by pod: how often in a row it could not be marked not ready when it was bound
	luck    sim.Lane
	zones   []*zone // in the order first seen
	zoneAt  map[string]*zone

	pass   pass
	passes sim.Ticker // from the end of the last pass that was run
	passAt sim.Time   // the pass that is posted
	news   bool       // a node changed or was asked to, or something is to be tried again: the next pass is needed

	polls   sim.Ticker
	pollAt  sim.Time
	polling bool // a poll waits for an answer
	pollOn  int  // the zone it is at
}

// nodeHealth is what the controller remembers of a node from pass to pass.
type nodeHealth struct {
	known   bool
	listed  bool // by a pass that said so
	zone    *zone
	probeAt sim.Time        // when a pass last saw a sign of life
	lease   sim.Time        // when the newest renewal a pass knows of arrived
	ready   model.Condition // as of the last pass, or as written by it
	waiting bool            // in its zone's queue
	out     bool            // it was given a NoExecute taint from the queue, and has not been ready since
	retry   bool            // some pods were not marked not ready
	tries   uint8           // of its status, in this pass

	// What the pass does about it.
	seen     *model.Node           // as the pass found it when it began
	wrote    *model.Node           // with the status from here, until the view shows it
	observed model.ConditionStatus // before the pass
	pods     []uint32              // to be marked not ready
}

// pass is one run over all nodes, which several workers share.
type pass struct {
	running  bool
	nodes    []uint32
	next     int
	busy     int
	startAt  sim.Time
	untaint  []uint32 // nodes new to this process, whose NoExecute taints go first
	clear    []uint32 // when every zone is down: nodes to take the taints from
	clearing bool     // that goes on
}

const (
	whyPass      = whyOwn + iota
	whyPoll      // look at the eviction queues
	whyRetryNode // about a node: its status was refused
	whyRetryPod  // about a pod: that it is not ready was refused
)

const (
	opReconcile  uint8 = iota // NoSchedule taints of a node
	opForgive                 // NoExecute taints of a node that is new to this process
	opSetUnknown              // status of a node
	opSwap                    // NoExecute taints of a node, in a pass
	opUntaint                 // NoExecute taints of a node that is ready
	opMark                    // a pod of a node, about the node
	opMarkNew                 // a pod that was just bound
	opEvict                   // NoExecute taint from the queue
	opClear                   // NoExecute taints when every zone is down
	opRetract                 // one that came too late for that
)

func newNodeLifecycle(l *loop) controller {
	return &nodeLifecycle{loop: l, luck: l.kernel.Luck().Lane("node lifecycle"), zoneAt: map[string]*zone{}, passAt: sim.Never, pollAt: sim.Never}
}

// start sets the phases of the two loops, and with the first pass begins to
// watch the nodes.
func (c *nodeLifecycle) start(now sim.Time) {
	s := c.luck.Draw(c.client.Hash, 0)
	c.passes = sim.Ticker{Phase: c.firstAt(&s, monitorEvery), Period: monitorEvery}
	c.polls = sim.Ticker{Phase: c.firstAt(&s, pollEvery), Period: pollEvery + pollTakes}
	if now > 0 { // the first look is over before the first pass, and finds nothing
		c.polls.Phase = now.Add(c.polls.Period)
	}
	c.store.Leases().Listen(c.self)
	c.news = true
	c.plan(now)
	c.planPoll(now)
}

// node asks for a look at its NoSchedule taints now, and for the next pass.
func (c *nodeLifecycle) node(now sim.Time, old, next *model.Node) {
	if next != nil {
		c.queue.add(next.ID)
	}
	if old == nil && next == nil {
		return
	}
	if !c.pass.running {
		c.news = true
		c.plan(now)
		return
	}
	c.news = true
}

// pod marks a pod not ready that was bound to a node that is not (processPod).
func (c *nodeLifecycle) pod(_ sim.Time, old, next *model.Pod) {
	if next == nil || next.NodeID == 0 || old != nil && old.NodeID != 0 || !next.IsReady() {
		return
	}
	c.markNew(next)
}

// markNew has a pod not ready if its node is not.
func (c *nodeLifecycle) markNew(p *model.Pod) {
	if h := c.health.Row(p.NodeID); h.known && h.ready.Status != model.True {
		c.client.UpdateStatus(notReady(c.kernel.Now(), p), tag(opMarkNew, p.ID))
	}
}

// markedNew looks at the pod again, after a delay that doubles, if the write was
// refused (podUpdateQueue.AddRateLimited).
func (c *nodeLifecycle) markedNew(now sim.Time, pod uint32, r store.Reply) {
	failures := c.refused.Row(pod)
	c.tellNotReady(pod, r)
	if r.Refusal == store.Accepted || r.Refusal == store.NotFound {
		*failures = 0
		return
	}
	*failures = min(*failures+1, failuresMost)
	c.kernel.Post(now.Add(min(retryFirst<<(*failures-1), retryLast)), c.self, whyRetryPod, uint64(pod))
}

// tellNotReady says of a pod that its node is not ready, though that may not be written
// yet, as long as there is one (MarkPodsNotReady).
func (c *nodeLifecycle) tellNotReady(pod uint32, r store.Reply) {
	if p := c.view.pod(pod); p != nil && r.Refusal != store.NotFound {
		c.client.Note(p, true, "NodeNotReady", "Node is not ready")
	}
}

func notReady(now sim.Time, p *model.Pod) *model.Pod {
	next := *p
	next.Ready.Status, next.Ready.SinceAt = model.False, now
	return &next
}

// due implements controller.
func (c *nodeLifecycle) due(now sim.Time, why sim.Why, about uint64) {
	switch why {
	case whyPass:
		if now == c.passAt && !c.pass.running {
			c.begin(now)
		}
	case whyPoll:
		if now == c.pollAt && !c.polling {
			c.poll(now)
		}
	case whyRetryNode:
		c.health.Row(uint32(about)).seen = c.view.node(uint32(about))
		c.examine(now, uint32(about))
		c.advance(now)
	case whyRetryPod:
		if p := c.view.pod(uint32(about)); p != nil && p.NodeID != 0 && p.IsReady() {
			c.markNew(p)
		}
	case store.WhyLease:
		if at := c.silence(uint32(about)); at != sim.Never && !c.pass.running {
			c.postPass(c.passes.AtOrAfter(max(now, at)))
		}
	}
}

func (c *nodeLifecycle) replied(now sim.Time, r store.Reply) {
	op, id := untag(r.Tag)
	switch op {
	case opReconcile:
		c.done(id)
	case opForgive:
		c.forgiveNext(now)
	case opSetUnknown:
		c.wroteStatus(now, id, r)
	case opSwap, opUntaint:
		c.swapped(now, id, op, r)
	case opMark:
		c.marked(now, id, r)
	case opMarkNew:
		c.markedNew(now, id, r)
	case opEvict:
		c.evicted(now, id, r)
	case opClear:
		c.clearNext(now)
	}
}

// plan posts the next pass: the first at which something may have changed, or
// just the next one in literal mode.
func (c *nodeLifecycle) plan(now sim.Time) {
	if c.pass.running {
		return
	}
	if c.news || c.literal {
		c.postPass(c.passes.AtOrAfter(now))
		return
	}
	first := sim.Never
	for id := range c.health.Len() {
		first = min(first, c.silence(uint32(id)))
	}
	if first != sim.Never {
		c.postPass(c.passes.AtOrAfter(max(now, first)))
	}
}

func (c *nodeLifecycle) postPass(at sim.Time) {
	if at < c.passAt {
		c.passAt = at
		c.kernel.Post(at, c.self, whyPass, 0)
	}
}

// silence is when a node will have been silent for too long; Never while its
// heartbeat goes on, or when that is known already. A heartbeat that has only
// just begun again may come too late.
func (c *nodeLifecycle) silence(id uint32) sim.Time {
	h, leases := c.health.Row(id), c.store.Leases()
	if !h.known || c.view.node(id) == nil || h.ready.Status == model.Unknown {
		return sim.Never
	}
	now := c.kernel.Now()
	last, next := leases.SeenAt(id, now), leases.NextAt(id, now)
	at := c.probe(h, last).Add(monitorGrace) + 1
	for n := 0; next <= c.passes.AtOrAfter(max(now, at)) && n < gapsAhead; n++ {
		if leases.Steady(id) {
			return sim.Never
		}
		at = c.probe(h, next).Add(monitorGrace) + 1
		next = leases.NextAt(id, next)
	}
	return at
}

// gapsAhead is how many renewals of a node are looked at for a gap, about an hour of them,
// while only some arrive. Then a pass looks again.
const gapsAhead = 360

// probe is when a pass saw or will see the last sign of life, given when the
// newest renewal arrived: passes that were not run would have seen it, too.
func (c *nodeLifecycle) probe(h *nodeHealth, seen sim.Time) sim.Time {
	if seen <= h.lease {
		return h.probeAt
	}
	return c.passes.AtOrAfter(seen)
}

// begin starts a pass.
func (c *nodeLifecycle) begin(now sim.Time) {
	c.passAt, c.news = sim.Never, false
	p := &c.pass
	p.running, p.nodes, p.next, p.startAt = true, p.nodes[:0], 0, now
	for _, z := range c.zones {
		z.ready, z.notReady = 0, 0
	}
	for id := range c.view.nodes.Len() {
		h := c.health.Row(uint32(id))
		switch n := c.view.node(uint32(id)); {
		case n != nil:
			p.nodes = append(p.nodes, n.ID)
			c.list(h, n)
		case h.listed:
			c.forget(h)
		}
	}
	c.forgiveNext(now)
}

// list takes a node into the pass, and begins to watch one that is new.
func (c *nodeLifecycle) list(h *nodeHealth, n *model.Node) {
	h.seen = n
	if h.listed {
		return
	}
	h.unqueue(n.ID)
	h.listed, h.zone = true, c.zone(n.Zone())
	c.client.Note(n, false, "RegisteredNode", "Node "+n.Name+" event: Registered Node "+n.Name+" in Controller")
	if givenUp(n) {
		c.pass.untaint = append(c.pass.untaint, n.ID)
	}
}

// forget ends the watch of a node that is gone. If it waits for a taint it goes on
// waiting, and its turn comes for nothing.
func (c *nodeLifecycle) forget(h *nodeHealth) {
	c.client.Note(h.seen, false, "RemovingNode", "Node "+h.seen.Name+" event: Removing Node "+h.seen.Name+" from Controller")
	*h = nodeHealth{zone: h.zone, waiting: h.waiting}
}

// givenUp tells whether a node has a NoExecute taint for its silence.
func givenUp(n *model.Node) bool {
	return model.HasTaint(n.Taints, model.TaintNotReady, model.NoExecute) || model.HasTaint(n.Taints, model.TaintUnreachable, model.NoExecute)
}

// forgiveNext takes the NoExecute taints that a process before this one gave off the
// next node: it does not know why they are there, and its own come as for any node that
// is not ready, out of the queue of the zone (monitorNodeHealth, markNodeAsReachable of
// what was added). Then the pass begins.
func (c *nodeLifecycle) forgiveNext(now sim.Time) {
	p := &c.pass
	if len(p.untaint) == 0 {
		c.advance(now)
		return
	}
	id := p.untaint[0]
	p.untaint = p.untaint[1:]
	c.clear(id, opForgive)
}

func (c *nodeLifecycle) zone(name string) *zone {
	z := c.zoneAt[name]
	if z == nil {
		z = &zone{limiter: limiter{every: evictEvery}}
		c.zoneAt[name] = z
		c.zones = append(c.zones, z)
	}
	return z
}

// advance hands nodes to free workers and ends the pass after the last.
func (c *nodeLifecycle) advance(now sim.Time) {
	p := &c.pass
	for p.busy < monitorWorkers && p.next < len(p.nodes) {
		id := p.nodes[p.next]
		p.next++
		c.health.Row(id).tries = 0
		p.busy++
		c.examine(now, id)
	}
	if p.running && p.busy == 0 && p.next == len(p.nodes) {
		c.judge(now)
	}
}

// free ends a worker's part about a node.
func (c *nodeLifecycle) free() { c.pass.busy-- }

// examine finds out how a node is (tryUpdateNodeHealth). A pass lists the nodes
// once; it may last so long that they are no longer as it knows them.
func (c *nodeLifecycle) examine(now sim.Time, id uint32) {
	h := c.health.Row(id)
	n := h.seen
	if n == nil {
		c.free()
		return
	}
	late := c.isLate(h)
	seen := c.store.Leases().SeenAt(id, now)
	switch {
	case !h.known:
		h.known, h.probeAt, h.lease = true, now, seen
		c.store.Leases().Rebase(id)
	case n.Ready != h.ready && !late:
		h.probeAt, h.lease = now, seen
		c.store.Leases().Rebase(id)
	case seen > h.lease:
		h.probeAt = now
		if seen <= c.pass.startAt {
			h.probeAt = c.passes.AtOrAfter(seen)
		}
		h.lease = seen
	}
	silent := now > h.probeAt.Add(monitorGrace)
	if silent && late {
		n, h.seen = h.wrote, h.wrote
	}
	h.ready, h.observed = n.Ready, n.Ready.Status
	if silent && n.Ready.Status != model.Unknown {
		next := *n
		unknown := model.Condition{Status: model.Unknown, SinceAt: now, Reason: "NodeStatusUnknown"}
		next.Ready = unknown
		for _, pressure := range [...]*model.Condition{&next.MemoryPressure, &next.DiskPressure, &next.PIDPressure} {
			if pressure.Status == model.True { // and so does every other, which shows nowhere
				*pressure = unknown
			}
		}
		c.asked()
		c.client.UpdateStatus(&next, tag(opSetUnknown, id))
		return
	}
	c.decide(now, id)
}

// isLate tells whether the view is older than the status that was written here. Then it is no sign
// of life that it shows another one; and while there is none Kubernetes writes its own once more,
// is refused, and reads the node (updateNodeFunc): it is as it was written.
func (c *nodeLifecycle) isLate(h *nodeHealth) bool {
	if h.wrote == nil || h.seen.ResourceVersion >= h.wrote.ResourceVersion {
		h.wrote = nil
		return false
	}
	c.asked()
	return true
}

// asked has the next pass run after a request about a node: as long as the view does
// not show what came of it, each pass asks again.
func (c *nodeLifecycle) asked() { c.news = true }

func (c *nodeLifecycle) wroteStatus(now sim.Time, id uint32, r store.Reply) {
	h := c.health.Row(id)
	if r.Refusal == store.Accepted {
		h.wrote = r.Object.(*model.Node)
		h.ready = h.wrote.Ready
		c.decide(now, id)
		c.advance(now)
		return
	}
	if h.tries++; h.tries < statusRetries && r.Refusal == store.Conflict {
		c.kernel.Post(now.Add(statusRetry), c.self, whyRetryNode, uint64(id))
		return
	}
	c.free()
	c.advance(now)
}

// decide taints or untaints a node whose condition is known now
// (processTaintBaseEviction).
func (c *nodeLifecycle) decide(now sim.Time, id uint32) {
	h := c.health.Row(id)
	n := h.seen
	if _, excluded := n.Labels.Get(excludeDisruption); !excluded {
		if h.ready.Status == model.True {
			h.zone.ready++
		} else {
			h.zone.notReady++
		}
	}
	if h.ready.Status == model.True {
		c.trust(now, id)
		return
	}
	key, other := notExecuting(h.ready.Status)
	switch {
	case model.HasTaint(n.Taints, other, model.NoExecute):
		c.asked()
		c.client.ReadPatch(n.Ref(), store.Whole, taints{noExecute(key), noExecute(other)}, tag(opSwap, id))
		return
	case !h.out || !model.HasTaint(n.Taints, key, model.NoExecute):
		c.enqueue(now, h, id)
	}
	c.mark(now, id)
}

// trust takes the taints off a node that is ready.
func (c *nodeLifecycle) trust(now sim.Time, id uint32) {
	h := c.health.Row(id)
	if n := h.seen; givenUp(n) {
		c.asked()
		c.client.ReadPatch(n.Ref(), store.Whole, taints{remove: append(noExecute(model.TaintNotReady), noExecute(model.TaintUnreachable)...)}, tag(opUntaint, id))
		return
	}
	h.out = false
	h.unqueue(id)
	c.mark(now, id)
}

// notExecuting is the NoExecute taint of a node that is not ready, and the one that goes
// for it.
func notExecuting(ready model.ConditionStatus) (key, other string) {
	if ready == model.Unknown {
		return model.TaintUnreachable, model.TaintNotReady
	}
	return model.TaintNotReady, model.TaintUnreachable
}

// swapped goes on after a change of taints; a failed one is tried again in the
// next pass.
func (c *nodeLifecycle) swapped(now sim.Time, id uint32, op uint8, r store.Reply) {
	if r.Refusal == store.Accepted && op == opUntaint {
		c.health.Row(id).unqueue(id)
	}
	c.mark(now, id)
	c.advance(now)
}

// mark begins to mark the pods of a node not ready that was ready before this
// pass, or whose pods could not all be marked.
func (c *nodeLifecycle) mark(now sim.Time, id uint32) {
	h := c.health.Row(id)
	fell := h.ready.Status != model.True && h.observed == model.True
	if fell {
		if n := c.view.node(id); n != nil {
			c.client.Note(n, false, "NodeNotReady", "Node "+n.Name+" status is now: NodeNotReady")
		}
	}
	if fell || h.retry && h.observed != model.True {
		h.pods = append(h.pods[:0], c.view.nodes.Row(id).pods...)
	}
	h.retry = false
	c.markNext(now, id)
}

// markNext marks the node's next pod, one after the other
// (pkg/controller/util/node/controller_utils.go MarkPodsNotReady).
func (c *nodeLifecycle) markNext(now sim.Time, id uint32) {
	h := c.health.Row(id)
	for len(h.pods) > 0 {
		p := c.view.pod(h.pods[0])
		if p == nil || !p.IsReady() {
			h.pods = h.pods[1:]
			continue
		}
		c.client.UpdateStatus(notReady(now, p), tag(opMark, id))
		return
	}
	c.free()
}

func (c *nodeLifecycle) marked(now sim.Time, id uint32, r store.Reply) {
	h := c.health.Row(id)
	if r.Refusal != store.Accepted && r.Refusal != store.NotFound {
		h.retry, c.news = true, true
	}
	c.tellNotReady(h.pods[0], r)
	h.pods = h.pods[1:]
	c.markNext(now, id)
	c.advance(now)
}

// end sets the phase of the passes to come: 5 s after this one.
func (c *nodeLifecycle) end(now sim.Time) {
	c.pass.running = false
	c.passes.Period = monitorEvery + passTakes + time.Duration(len(c.pass.nodes))*passTakesNode
	c.passes.Phase = now.Add(c.passes.Period)
	c.plan(now)
	c.planPoll(now)
}
