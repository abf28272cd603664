package controller

import (
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// namespaceSettles is how long the controller waits after it saw a namespace that is
// being deleted, so that every API server has seen that, too
// (pkg/controller/namespace/namespace_controller.go
// namespaceDeletionGracePeriod).
const namespaceSettles = 5 * time.Second

// namespaces empties namespaces that are being deleted and lets them go:
// first the pods, all of which must be gone, then everything else, kind by kind
// (pkg/controller/namespace/deletion/namespaced_resources_deleter.go, with
// OrderedNamespaceDeletion, the default from v1.34). Which kinds there are, and
// that each is listed after, costs nothing here; the order of kinds is ours,
// Kubernetes has none.
type namespaces struct {
	*loop
	at store.Table[model.Kind] // by namespace: the kind whose deletion is asked for
}

// namespaceRetryLast is the longest delay after failures
// (pkg/controller/namespace/namespace_controller.go nsControllerRateLimiter).
const namespaceRetryLast = time.Minute

func newNamespaces(l *loop) controller {
	l.queue.last = namespaceRetryLast
	return &namespaces{loop: l}
}

// namespace waits before it looks at a namespace that is to go.
func (c *namespaces) namespace(now sim.Time, _, next *model.Namespace) {
	if next != nil && next.Deleting() {
		c.after(now, next.ID, namespaceSettles)
	}
}

func (c *namespaces) sync(_ sim.Time, id uint32) {
	n := *c.view.namespaces.Row(id)
	if n == nil || !n.Deleting() {
		c.done(id)
		return
	}
	*c.at.Row(id) = model.KindPod
	c.client.DeleteCollection(model.KindPod, n.Name, uint64(id))
}

func (c *namespaces) replied(now sim.Time, r store.Reply) {
	id := uint32(r.Tag)
	n := *c.view.namespaces.Row(id)
	kind := c.at.Row(id)
	switch {
	case r.Op == store.OpPatch && (r.Refusal == store.Accepted || r.Refusal == store.NotFound) || n == nil:
		c.done(id)
	case r.Refusal != store.Accepted:
		c.failed(now, id)
	case *kind == model.KindPod && c.wait(now, n):
	default:
		c.goOn(id, n, kind)
	}
}

// goOn asks for the next kind's deletion, or lets the namespace go.
func (c *namespaces) goOn(id uint32, n *model.Namespace, kind *model.Kind) {
	if *kind == model.KindPod {
		*kind = model.KindNone
	}
	for *kind++; *kind < model.Kinds; *kind++ {
		if kind.Namespaced() && *kind != model.KindPod {
			c.client.DeleteCollection(*kind, n.Name, uint64(id))
			return
		}
	}
	c.client.PatchPart(n.Ref(), store.Finalize, finalized{}, uint64(id))
}

// wait puts off everything else while there are pods: for half the longest time
// that one of them has, and a second; when that time is over, for as long as
// failures make it (estimateGracefulTermination).
func (c *namespaces) wait(now sim.Time, n *model.Namespace) bool {
	remain, longest := false, int32(0)
	for id := range c.view.pods.Len() {
		if p := c.view.pod(uint32(id)); p != nil && p.Namespace == n.Name {
			remain = true
			if !p.Phase.Terminal() {
				longest = max(longest, p.Spec.GraceSeconds)
			}
		}
	}
	if !remain {
		return false
	}
	if now.Sub(n.DeletionAt) >= time.Duration(longest)*time.Second {
		c.failed(now, n.ID)
		return true
	}
	c.after(now, n.ID, time.Duration(longest/2+1)*time.Second)
	c.done(n.ID)
	return true
}

// finalized takes the controller's finalizer away.
type finalized struct{}

// Apply implements store.Patch.
func (finalized) Apply(cur model.Object) model.Object {
	next := *cur.(*model.Namespace)
	next.Finalized = true
	return &next
}

// due implements controller; nothing is posted but delayed looks.
func (c *namespaces) due(sim.Time, sim.Why, uint64) {}
