package controller

import (
	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// claimProtection lets a claim that is being deleted go once no pod uses it that
// has a node and has not ended (pkg/controller/volume/pvcprotection/
// pvc_protection_controller.go).
type claimProtection struct {
	*loop
	users map[string]int // such pods, by claim
}

func newClaimProtection(l *loop) controller { return &claimProtection{l, map[string]int{}} }

func (c *claimProtection) pod(_ sim.Time, old, next *model.Pod) {
	if usesClaims(old) == usesClaims(next) {
		return
	}
	if usesClaims(next) {
		c.count(next, 1)
	} else {
		c.count(old, -1)
	}
}

// usesClaims tells whether a pod keeps its claims from going.
func usesClaims(p *model.Pod) bool {
	return p != nil && len(p.Uses()) > 0 && p.NodeID != 0 && !p.Phase.Terminal()
}

func (c *claimProtection) count(p *model.Pod, sign int) {
	for _, u := range p.Uses() {
		key := p.Namespace + "/" + u.Of(p)
		c.users[key] += sign
		if claim := c.view.claimOf(key); claim != nil && claim.Deleting() {
			c.queue.add(claim.ID)
		}
	}
}

func (c *claimProtection) claim(_ sim.Time, _, next *model.Claim) {
	if next != nil && next.Deleting() {
		c.queue.add(next.ID)
	}
}

func (c *claimProtection) sync(_ sim.Time, id uint32) {
	claim := *c.view.claims.Row(id)
	if claim == nil || !claim.Deleting() || c.users[claim.Key()] > 0 {
		c.done(id)
		return
	}
	next := *claim
	next.Protected = false
	c.client.Update(&next, uint64(id))
}

func (c *claimProtection) replied(now sim.Time, r store.Reply) { c.released(now, r) }

// released takes the answer to the removal of a finalizer.
func (l *loop) released(now sim.Time, r store.Reply) {
	if id := uint32(r.Tag); r.Refusal == store.Accepted || r.Refusal == store.NotFound {
		l.done(id)
	} else {
		l.failed(now, id)
	}
}

// due implements controller; nothing is posted but delayed looks.
func (c *claimProtection) due(sim.Time, sim.Why, uint64) {}

// volumeProtection lets a volume that is being deleted go once it is not bound
// (pkg/controller/volume/pvprotection/pv_protection_controller.go).
type volumeProtection struct{ *loop }

func newVolumeProtection(l *loop) controller { return &volumeProtection{l} }

func (c *volumeProtection) volume(_ sim.Time, _, next *model.Volume) {
	if next != nil && next.Deleting() && next.Phase != model.VolumeBound {
		c.queue.add(next.ID)
	}
}

func (c *volumeProtection) sync(_ sim.Time, id uint32) {
	x := *c.view.volumes.Row(id)
	if x == nil || !x.Deleting() || x.Phase == model.VolumeBound {
		c.done(id)
		return
	}
	next := *x
	next.Protected = false
	c.client.Update(&next, uint64(id))
}

func (c *volumeProtection) replied(now sim.Time, r store.Reply) { c.released(now, r) }

// due implements controller; nothing is posted but delayed looks.
func (c *volumeProtection) due(sim.Time, sim.Why, uint64) {}
