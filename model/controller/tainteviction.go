package controller

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// taintEviction deletes pods from nodes with NoExecute taints, each when its
// tolerations end (pkg/controller/tainteviction).
type taintEviction struct {
	*loop
	tries store.Table[uint8] // by pod
}

// A deletion is tried this often, this long apart (taint_eviction.go,
// deletePodHandler).
const (
	evictionTries = 5
	evictionRetry = 10 * time.Millisecond
)

const whyEvict = whyOwn // about a pod

const (
	opDisrupt uint8 = iota // all about a pod
	opEvictPod
)

func newTaintEviction(l *loop) controller { return &taintEviction{loop: l} }

func (c *taintEviction) node(_ sim.Time, old, next *model.Node) {
	if next != nil && !slices.Equal(executing(old), executing(next)) {
		c.queue.add(next.ID)
	}
}

// executing is a node's NoExecute taints.
func executing(n *model.Node) []model.Taint {
	if n == nil {
		return nil
	}
	var out []model.Taint
	for _, t := range n.Taints {
		if t.Effect == model.NoExecute {
			out = append(out, t)
		}
	}
	return out
}

// pod looks at a pod that was just bound, and forgets one that is gone.
func (c *taintEviction) pod(now sim.Time, old, next *model.Pod) {
	switch {
	case next == nil:
		c.cancel(old)
	case next.NodeID != 0 && (old == nil || old.NodeID != next.NodeID):
		if n := c.view.node(next.NodeID); n != nil && len(n.Taints) > 0 {
			if taints := executing(n); len(taints) > 0 {
				c.judge(now, next, taints)
			}
		}
	}
}

// sync goes over the pods of a node whose NoExecute taints changed.
func (c *taintEviction) sync(now sim.Time, id uint32) {
	if n := c.view.node(id); n != nil {
		taints := executing(n)
		for _, pod := range c.view.nodes.Row(id).pods {
			if p := c.view.pod(pod); len(taints) == 0 {
				c.cancel(p)
			} else {
				c.judge(now, p, taints)
			}
		}
	}
	c.done(id)
}

// judge decides when a pod has to go: at once if it does not tolerate some
// taint, else when the first of the tolerations it uses ends. A time that was
// set earlier is kept (processPodOnNode).
func (c *taintEviction) judge(now sim.Time, p *model.Pod, taints []model.Taint) {
	row := c.view.pods.Row(p.ID)
	if row.evicting {
		return
	}
	stay := toleratedFor(p.Spec.Tolerations, taints)
	switch {
	case stay == model.Forever:
		c.cancel(p)
	case stay == 0:
		c.cancel(p)
		row.evictAt = now
		c.evict(now, p)
	case row.evictAt == 0:
		row.evictAt = now.Add(stay)
		c.kernel.Post(row.evictAt, c.self, whyEvict, uint64(p.ID))
	}
}

// toleratedFor is how long all taints are tolerated.
func toleratedFor(tolerations []model.Toleration, taints []model.Taint) time.Duration {
	least := model.Forever
	for i := range taints {
		at := slices.IndexFunc(tolerations, func(t model.Toleration) bool { return t.Tolerates(&taints[i]) })
		if at < 0 {
			return 0
		}
		stay := tolerations[at].For
		if stay != model.Forever && (least == model.Forever || stay < least) {
			least = max(0, stay)
		}
	}
	return least
}

// cancel takes a scheduled deletion back.
func (c *taintEviction) cancel(p *model.Pod) {
	if row := c.view.pods.Row(p.ID); row.evictAt != 0 && !row.evicting {
		row.evictAt = 0
		c.client.Note(p, false, "TaintManagerEviction", "Cancelling deletion of Pod "+p.Namespace+"/"+p.Name)
	}
}

// due deletes a pod whose time has come.
func (c *taintEviction) due(now sim.Time, _ sim.Why, about uint64) {
	row := c.view.pods.Row(uint32(about))
	switch {
	case row.pod == nil || row.evictAt == 0 || row.evictAt > now:
	case row.evicting:
		c.disrupt(now, row.pod)
	default:
		c.evict(now, row.pod)
	}
}

func (c *taintEviction) evict(now sim.Time, p *model.Pod) {
	c.view.pods.Row(p.ID).evicting = true
	*c.tries.Row(p.ID) = 0
	c.client.Note(p, false, "TaintManagerEviction", "Marking for deletion Pod "+p.Namespace+"/"+p.Name)
	c.disrupt(now, p)
}

func (c *taintEviction) disrupt(now sim.Time, p *model.Pod) {
	c.client.ReadPatch(p.Ref(), store.Status, disrupted{now, "DeletionByTaintManager"}, tag(opDisrupt, p.ID))
}

// replied deletes the pod after it was marked, and tries again what failed.
func (c *taintEviction) replied(now sim.Time, r store.Reply) {
	op, id := untag(r.Tag)
	tries := c.tries.Row(id)
	switch {
	case r.Refusal == store.Accepted && op == opDisrupt:
		c.client.Delete(model.Ref{Kind: model.KindPod, ID: id}, store.DefaultGrace, tag(opEvictPod, id))
	case r.Refusal != store.Accepted && r.Refusal != store.NotFound && *tries < evictionTries-1:
		*tries++
		c.kernel.Post(now.Add(evictionRetry), c.self, whyEvict, uint64(id))
	default: // it is done, or given up; a later change of the taints schedules anew
		row := c.view.pods.Row(id)
		row.evicting, row.evictAt = false, 0
	}
}

// disrupted sets the condition DisruptionTarget.
type disrupted struct {
	at     sim.Time
	reason string
}

// Apply implements store.Patch.
func (d disrupted) Apply(cur model.Object) model.Object {
	p := cur.(*model.Pod)
	if p.Disrupted.Status == model.True && p.Disrupted.Reason == d.reason {
		return cur
	}
	next := *p
	next.Disrupted = model.Condition{Status: model.True, SinceAt: d.at, Reason: d.reason}
	return &next
}
