package controller

import (
	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
	"slices"
)

func (c *nodeLifecycle) enqueue(now sim.Time, h *nodeHealth, id uint32) {
	if !h.waiting {
		h.waiting = true
		h.zone.queue = append(h.zone.queue, id)
		c.planPoll(now)
	}
}

func (h *nodeHealth) unqueue(id uint32) {
	if h.waiting {
		h.waiting = false
		h.zone.queue = slices.DeleteFunc(h.zone.queue, func(x uint32) bool { return x == id })
	}
}

// planPoll posts the next look at the eviction queues at which a zone has both
// a node and a token.
func (c *nodeLifecycle) planPoll(now sim.Time) {
	if c.polling {
		return
	}
	at := sim.Never
	for _, z := range c.zones {
		if len(z.queue) > 0 && z.limiter.every > 0 {
			at = min(at, c.polls.AtOrAfter(max(now, z.limiter.fullAt)))
		}
	}
	if c.literal {
		at = c.polls.AtOrAfter(now)
	}
	if at < c.pollAt {
		c.pollAt = at
		c.kernel.Post(at, c.self, whyPoll, 0)
	}
}

// poll goes over the zones and taints as many nodes as their limiters allow
// (doNoExecuteTaintingPass).
func (c *nodeLifecycle) poll(now sim.Time) {
	c.pollAt, c.polling, c.pollOn = sim.Never, true, 0
	c.pollNext(now)
}

func (c *nodeLifecycle) pollNext(now sim.Time) {
	for ; c.pollOn < len(c.zones); c.pollOn++ {
		z := c.zones[c.pollOn]
		for len(z.queue) > 0 && z.limiter.accept(now) {
			id := c.choose(z)
			if c.evict(id) {
				return
			}
			c.health.Row(id).unqueue(id)
		}
	}
	c.polling = false
	c.polls.Phase = now.Add(c.polls.Period)
	c.planPoll(now)
}

// choose is the node whose turn it is. Every pass puts those that are there back, so
// that one that is gone comes first.
func (c *nodeLifecycle) choose(z *zone) uint32 {
	for _, id := range z.queue {
		if c.view.node(id) == nil {
			return id
		}
	}
	return z.choose(c.luck, func(id uint32) uint64 { return c.view.node(id).NameHash() })
}

// evict asks for the NoExecute taint of a node, unless it is ready or gone by
// now.
func (c *nodeLifecycle) evict(id uint32) bool {
	n := c.view.node(id)
	if n == nil || n.Ready.Status == model.True {
		return false
	}
	key, other := notExecuting(n.Ready.Status)
	c.health.Row(id).out = true
	c.client.ReadPatch(n.Ref(), store.Whole, taints{noExecute(key), noExecute(other)}, tag(opEvict, id))
	return true
}

func (c *nodeLifecycle) evicted(now sim.Time, id uint32, r store.Reply) {
	if h := c.health.Row(id); r.Refusal == store.Accepted {
		h.unqueue(id)
		c.asked() // from when it is queued no more, a pass queues it again
		c.plan(now)
		if z := h.zone; c.pass.clearing || z != nil && z.state == zoneFull && z.limiter.every == 0 {
			c.clear(id, opRetract)
		}
	}
	c.pollNext(now)
}
