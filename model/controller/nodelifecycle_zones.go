package controller

import (
	"orrery/model"
	"orrery/model/store"
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
		c.pass.clear, c.pass.clearing = append(c.pass.clear[:0], c.pass.nodes...), true
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
// done stops evictions everywhere. Kubernetes does so by the nodes as they were
// when the pass began, and so leaves a taint that came during the pass
// (RemoveTaintOffNode looks at the node it is given); here it goes, too.
func (c *nodeLifecycle) clearNext(now sim.Time) {
	p := &c.pass
	for len(p.clear) > 0 {
		id := p.clear[0]
		p.clear = p.clear[1:]
		n, h := c.view.node(id), c.health.Row(id)
		if n == nil {
			continue
		}
		h.unqueue(id)
		if h.out || givenUp(n) {
			c.clear(id, opClear)
			return
		}
	}
	p.clearing = false
	for _, z := range c.zones {
		z.state = zoneFull
		z.limiter.swap(now, 0)
	}
	c.end(now)
}

// clear takes the NoExecute taints from a node.
func (c *nodeLifecycle) clear(id uint32, op uint8) {
	c.health.Row(id).out = false
	gone := taints{remove: append(noExecute(model.TaintNotReady), noExecute(model.TaintUnreachable)...)}
	c.client.ReadPatch(model.Ref{Kind: model.KindNode, ID: id}, store.Whole, gone, tag(op, id))
}
