package controller

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// quotaResync is how often every quota is computed anew
// (pkg/controller/resourcequota/config/v1alpha1/defaults.go).
const quotaResync = 5 * time.Minute

// resourceQuotas computes what the pods of a namespace use, when a quota is new
// or other, when a pod is gone or has ended, and every five minutes
// (pkg/controller/resourcequota/resource_quota_controller.go). In between,
// admission keeps the quota. A resync is an event only if a quota says something
// else than the pods do.
type resourceQuotas struct {
	*loop
	counted store.Table[model.QuotaAmounts] // by pod
	used    map[string]model.QuotaAmounts   // by namespace
	in      map[string][]uint32             // quotas by namespace, in order of ID
	there   int                             // quotas in all
	resyncs sim.Ticker
	tickAt  sim.Time // the resync that is posted; Never if none is
}

const whyResync = whyOwn

func newResourceQuotas(l *loop) controller {
	return &resourceQuotas{loop: l, used: map[string]model.QuotaAmounts{}, in: map[string][]uint32{}, tickAt: sim.Never}
}

func (c *resourceQuotas) start(now sim.Time) {
	c.resyncs = sim.Ticker{Phase: now, Period: quotaResync}
	c.plan(now)
}

func (c *resourceQuotas) resourceQuota(now sim.Time, old, next *model.ResourceQuota) {
	switch {
	case next == nil && old == nil:
		return
	case next == nil:
		list := c.in[old.Namespace]
		without(&list, old.ID)
		c.in[old.Namespace] = list
		c.there--
		return
	case old == nil:
		list := c.in[next.Namespace]
		insert(&list, next.ID)
		c.in[next.Namespace] = list
		c.there++
		c.recount(next.Namespace)
	}
	if old == nil || old.Hard != next.Hard {
		c.queue.add(next.ID)
	}
	c.plan(now)
}

// recount adds up a namespace that has a quota for the first time, or anew.
func (c *resourceQuotas) recount(namespace string) {
	var sum model.QuotaAmounts
	for id := range c.view.pods.Len() {
		if p := c.view.pod(uint32(id)); p != nil && p.Namespace == namespace {
			n := model.QuotaOf(p)
			*c.counted.Row(p.ID), sum = n, sum.Add(n, 1)
		}
	}
	c.used[namespace] = sum
}

// pod carries a change into what its namespace uses. What wakes quotas is the end of a pod,
// and other resources that containers are shown to have
// (pkg/quota/v1/install/update_filter.go).
func (c *resourceQuotas) pod(now sim.Time, old, next *model.Pod) {
	some := old
	if next != nil {
		some = next
	}
	if c.there == 0 || len(c.in[some.Namespace]) == 0 {
		return
	}
	var is model.QuotaAmounts
	if next != nil {
		is = model.QuotaOf(next)
	}
	was := c.counted.Row(some.ID)
	if is != *was {
		c.used[some.Namespace] = c.used[some.Namespace].Add(*was, -1).Add(is, 1)
		*was = is
		c.plan(now)
	}
	ended := next == nil || old != nil && !old.Phase.Terminal() && next.Phase.Terminal()
	if ended || old != nil && len(old.Containers) > 0 && !old.Has().SameResources(next.Has()) {
		for _, id := range c.in[some.Namespace] {
			c.queue.add(id)
		}
	}
}

// wrong tells whether a quota says something else than the pods do.
func (c *resourceQuotas) wrong(q *model.ResourceQuota) bool {
	return !q.Known || q.Used != q.Counted(c.used[q.Namespace])
}

// plan posts the next resync that finds anything.
func (c *resourceQuotas) plan(now sim.Time) {
	at := c.resyncs.After(now)
	if at >= c.tickAt {
		return
	}
	if !c.literal && !c.any(c.wrong) {
		return
	}
	c.tickAt = at
	c.kernel.Post(at, c.self, whyResync, 0)
}

// any tells whether f holds of any quota.
func (c *resourceQuotas) any(f func(*model.ResourceQuota) bool) bool {
	for id := range c.view.quotas.Len() {
		if q := *c.view.quotas.Row(uint32(id)); q != nil && f(q) {
			return true
		}
	}
	return false
}

func (c *resourceQuotas) due(now sim.Time, _ sim.Why, _ uint64) {
	if now != c.tickAt {
		return
	}
	c.tickAt = sim.Never
	c.any(func(q *model.ResourceQuota) bool {
		c.queue.add(q.ID)
		return false
	})
	c.plan(now)
}

// sync computes a quota's status (syncResourceQuota).
func (c *resourceQuotas) sync(_ sim.Time, id uint32) {
	q := *c.view.quotas.Row(id)
	if q == nil || !c.wrong(q) {
		c.done(id)
		return
	}
	next := *q
	next.Known, next.Used = true, q.Counted(c.used[q.Namespace])
	c.client.UpdateStatus(&next, uint64(id))
}

func (c *resourceQuotas) replied(now sim.Time, r store.Reply) {
	if id := uint32(r.Tag); slices.Contains([]store.Refusal{store.Accepted, store.NotFound}, r.Refusal) {
		c.done(id)
	} else {
		c.failed(now, id)
	}
}
