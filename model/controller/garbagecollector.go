package controller

import (
	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// garbageCollector deletes objects whose owner is gone
// (pkg/controller/garbagecollector, background deletion). Its keys are numbers
// of its own, because they stand for objects of several kinds.
type garbageCollector struct {
	*loop
	numbers map[model.Ref]uint32
	refs    []model.Ref // by number
}

const (
	opLookAtOwner uint8 = iota // all about a number
	opCollect
)

func newGarbageCollector(l *loop) controller {
	return &garbageCollector{loop: l, numbers: map[model.Ref]uint32{}, refs: make([]model.Ref, 1)}
}

// suspect looks at an object whose owner may be gone.
func (c *garbageCollector) suspect(r model.Ref) {
	n := c.numbers[r]
	if n == 0 {
		n = uint32(len(c.refs))
		c.numbers[r] = n
		c.refs = append(c.refs, r)
	}
	c.queue.add(n)
}

func (c *garbageCollector) suspectAll(kind model.Kind, ids []uint32) {
	for _, id := range ids {
		c.suspect(model.Ref{Kind: kind, ID: id})
	}
}

func (c *garbageCollector) deployment(_ sim.Time, old, next *model.Deployment) {
	if next == nil && old != nil {
		c.suspectAll(model.KindReplicaSet, *c.view.setsOf.Row(old.ID))
	}
}

func (c *garbageCollector) replicaSet(_ sim.Time, old, next *model.ReplicaSet) {
	switch {
	case next == nil && old != nil:
		c.suspectAll(model.KindPod, *c.view.owned[model.KindReplicaSet].Row(old.ID))
	case next != nil && old == nil && next.Owner.Kind == model.KindDeployment && *c.view.deployments.Row(next.Owner.ID) == nil:
		c.suspect(next.Ref())
	}
}

func (c *garbageCollector) statefulSet(_ sim.Time, old, next *model.StatefulSet) {
	if next == nil && old != nil {
		c.suspectAll(model.KindPod, *c.view.owned[model.KindStatefulSet].Row(old.ID))
		c.suspectAll(model.KindControllerRevision, *c.view.revisionsOf[model.KindStatefulSet].Row(old.ID))
		for _, t := range old.Claims {
			for n := range old.Start + max(old.Replicas, old.StatusReplicas) {
				c.suspectClaim(old.Namespace + "/" + t.Name + "-" + old.Name + "-" + decimal(n))
			}
		}
	}
}

func (c *garbageCollector) suspectClaim(key string) {
	if claim := c.view.claimOf(key); claim != nil && !claim.Owner.IsZero() {
		c.suspect(claim.Ref())
	}
}

func (c *garbageCollector) claim(_ sim.Time, old, next *model.Claim) {
	if next != nil && (old == nil || old.Owner != next.Owner) && !c.view.has(next.Owner) {
		c.suspect(next.Ref())
	}
}

func (c *garbageCollector) daemonSet(_ sim.Time, old, next *model.DaemonSet) {
	if next == nil && old != nil {
		c.suspectAll(model.KindPod, *c.view.owned[model.KindDaemonSet].Row(old.ID))
		c.suspectAll(model.KindControllerRevision, *c.view.revisionsOf[model.KindDaemonSet].Row(old.ID))
	}
}

func (c *garbageCollector) job(_ sim.Time, old, next *model.Job) {
	switch {
	case next == nil && old != nil:
		c.suspectAll(model.KindPod, *c.view.owned[model.KindJob].Row(old.ID))
	case next != nil && old == nil && !c.view.has(next.Owner):
		c.suspect(next.Ref())
	}
}

func (c *garbageCollector) cronJob(_ sim.Time, old, next *model.CronJob) {
	if next == nil && old != nil {
		c.suspectAll(model.KindJob, *c.view.jobsOf.Row(old.ID))
	}
}

func (c *garbageCollector) controllerRevision(_ sim.Time, old, next *model.ControllerRevision) {
	if next != nil && old == nil && !c.view.has(next.Owner) {
		c.suspect(next.Ref())
	}
}

// has tells whether an owner is in the view.
func (v *view) has(owner model.Ref) bool {
	switch owner.Kind {
	case model.KindReplicaSet:
		return *v.replicaSets.Row(owner.ID) != nil
	case model.KindStatefulSet:
		return *v.statefulSets.Row(owner.ID) != nil
	case model.KindPod:
		return v.pod(owner.ID) != nil
	case model.KindDaemonSet:
		return *v.daemonSets.Row(owner.ID) != nil
	case model.KindJob:
		return *v.jobs.Row(owner.ID) != nil
	case model.KindCronJob:
		return *v.cronJobs.Row(owner.ID) != nil
	}
	return true
}

func (c *garbageCollector) service(_ sim.Time, old, next *model.Service) {
	if next == nil && old != nil {
		c.suspectAll(model.KindEndpointSlice, *c.view.slicesOf.Row(old.ID))
	}
}

func (c *garbageCollector) endpointSlice(_ sim.Time, old, next *model.EndpointSlice) {
	if next != nil && old == nil && *c.view.services.Row(next.Service.ID) == nil {
		c.suspect(next.Ref())
	}
}

func (c *garbageCollector) pod(_ sim.Time, old, next *model.Pod) {
	if next != nil && old == nil && !c.view.has(next.Owner) {
		c.suspect(next.Ref())
	}
	if next == nil && old != nil {
		for _, u := range old.Uses() {
			c.suspectClaim(old.Namespace + "/" + u.Of(old))
		}
	}
}

// owner is the owner of an object in the view, zero if it has none or is gone.
func (c *garbageCollector) owner(r model.Ref) model.Ref {
	switch r.Kind {
	case model.KindPod:
		if p := c.view.pod(r.ID); p != nil && !p.Deleting() {
			return p.Owner
		}
	case model.KindPersistentVolumeClaim:
		if x := *c.view.claims.Row(r.ID); x != nil && !x.Deleting() {
			return x.Owner
		}
	case model.KindReplicaSet:
		if s := *c.view.replicaSets.Row(r.ID); s != nil {
			return s.Owner
		}
	case model.KindJob:
		if j := *c.view.jobs.Row(r.ID); j != nil {
			return j.Owner
		}
	case model.KindControllerRevision:
		if r := *c.view.revisions.Row(r.ID); r != nil {
			return r.Owner
		}
	case model.KindEndpointSlice:
		if s := *c.view.slices.Row(r.ID); s != nil {
			return s.Service
		}
	}
	return model.Ref{}
}

// sync asks the API server itself for the owner: the view may not show it yet.
func (c *garbageCollector) sync(_ sim.Time, number uint32) {
	if owner := c.owner(c.refs[number]); !owner.IsZero() {
		c.client.Get(owner, tag(opLookAtOwner, number))
		return
	}
	c.done(number)
}

func (c *garbageCollector) replied(now sim.Time, r store.Reply) {
	op, number := untag(r.Tag)
	switch {
	case op == opLookAtOwner && r.Refusal == store.NotFound:
		c.client.Delete(c.refs[number], store.DefaultGrace, tag(opCollect, number))
	case r.Refusal == store.Accepted || r.Refusal == store.NotFound:
		c.done(number)
	default:
		c.failed(now, number)
	}
}

// due implements controller; nothing is posted but delayed looks.
func (c *garbageCollector) due(sim.Time, sim.Why, uint64) {}
