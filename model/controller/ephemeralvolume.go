package controller

import (
	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// ephemeralVolumes makes the claims of pods' generic ephemeral volumes, which belong
// to the pod and go with it (pkg/controller/volume/ephemeral/controller.go).
type ephemeralVolumes struct {
	*loop
	pods  map[string]uint32 // by the claim that is made for it
	plans store.Table[plan]
}

func newEphemeralVolumes(l *loop) controller {
	return &ephemeralVolumes{loop: l, pods: map[string]uint32{}}
}

// pod looks at a pod that came.
func (c *ephemeralVolumes) pod(_ sim.Time, old, next *model.Pod) {
	some := next
	if next == nil {
		some = old
	}
	for _, u := range some.Uses() {
		key := some.Namespace + "/" + u.Of(some)
		switch {
		case !u.Ephemeral:
		case next == nil:
			if c.pods[key] == old.ID {
				delete(c.pods, key)
			}
		case old == nil:
			c.pods[key] = next.ID
			c.queue.add(next.ID)
		}
	}
}

// claim looks at the pod of a claim that went.
func (c *ephemeralVolumes) claim(_ sim.Time, old, next *model.Claim) {
	if next == nil {
		if pod, ok := c.pods[old.Key()]; ok {
			c.queue.add(pod)
		}
	}
}

func (c *ephemeralVolumes) sync(now sim.Time, id uint32) {
	p := c.plans.Row(id)
	p.reset()
	if pod := c.view.pod(id); pod != nil && !pod.Deleting() {
		for _, u := range pod.Uses() {
			if claim := c.view.claimOf(pod.Namespace + "/" + u.Of(pod)); claim == nil && u.Made != nil {
				made := *u.Made
				made.Meta = model.Meta{Kind: model.KindPersistentVolumeClaim, Namespace: pod.Namespace, Name: u.Of(pod), Labels: u.Made.Labels, Owner: pod.Ref()}
				made.Pod = pod.Name
				p.add(call{op: store.OpCreate, object: &made})
			}
		}
	}
	c.advance(now, p, id)
}

func (c *ephemeralVolumes) replied(now sim.Time, r store.Reply) {
	c.goOn(now, c.plans.Row(uint32(r.Tag)), r)
}

// due implements controller; nothing is posted but delayed looks.
func (c *ephemeralVolumes) due(sim.Time, sim.Why, uint64) {}
