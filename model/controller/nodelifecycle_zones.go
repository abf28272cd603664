package controller

import (
	"orrery/model"
	"orrery/sim"
)

// judge ends a pass with a look at the zones (handleDisruption).
func (c *nodeLifecycle) judge(now sim.Time) {
	allAre, allWere := true, true
	for _, z := range c.zones {
		if z.ready+z.notReady == 0 {
			z.state = zoneUnseen
			continue
		}
		allAre = allAre && stateOf(z.ready, z.notReady) == zoneFull
		allWere = allWere && z.state == zoneFull
	}
	switch {
	case allAre && allWere:
	case allAre:
		c.pass.clear = append(c.pass.clear[:0], c.pass.nodes...)
		c.clearNext(now)
		return
	case allWere:
		c.leaveFull(now)
	default:
		for _, z := range c.zones {
			c.setState(now, z)
		}
	}
	c.end(now)
}

func (c *nodeLifecycle) setState(now sim.Time, z *zone) {
	if z.ready+z.notReady == 0 {
		return
	}
	if s := stateOf(z.ready, z.notReady); s != z.state {
		z.state = s
		z.limiter.swap(now, z.rate(s))
	}
}

// leaveFull gives every node its whole grace anew after all zones were down:
// that was more likely the control plane's own trouble.
func (c *nodeLifecycle) leaveFull(now sim.Time) {
	for _, id := range c.pass.nodes {
		c.health.Row(id).probeAt = now
	}
	for _, z := range c.zones {
		z.state = zoneUnseen
		c.setState(now, z)
	}
}

// clearNext takes the NoExecute taints from the next node, and when all are
// done stops evictions everywhere.
func (c *nodeLifecycle) clearNext(now sim.Time) {
	p := &c.pass
	for len(p.clear) > 0 {
		id := p.clear[0]
		p.clear = p.clear[1:]
		n := c.view.node(id)
		if n == nil {
			continue
		}
		c.health.Row(id).unqueue(id)
		if model.HasTaint(n.Taints, model.TaintNotReady, model.NoExecute) || model.HasTaint(n.Taints, model.TaintUnreachable, model.NoExecute) {
			c.client.Patch(n.Ref(), taints{remove: append(noExecute(model.TaintNotReady), noExecute(model.TaintUnreachable)...)}, tag(opClear, id))
			return
		}
	}
	for _, z := range c.zones {
		z.state = zoneFull
		z.limiter.swap(now, 0)
	}
	c.end(now)
}
