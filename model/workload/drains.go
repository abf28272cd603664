package workload

import (
	"slices"
	"time"
)

// A pod to which no rules lead any more gets done what waits there, and nothing comes: what is left
// its probes wait for, and if rules lead there again soon, who comes then. Deviation: it gets that done
// as fast as when they ceased to, whatever happens meanwhile, needs no CPU for it and makes no calls.

// drains is how much a second each pod of a class gets done of what waits there when nothing comes any
// more, in thousandths; 0 if no more waits than at rest.
func (c *class) drains() int64 {
	if _, free := c.work.places(&c.handled); c.serving && c.room > 0 && c.tank.there()*request > free {
		return c.room
	}
	return 0
}

// waiting is what still waits at a pod to which no rules lead, in nanos of a request, and how long all of
// it takes from when they ceased to.
func (t *Flows) waiting(p *pod) (waits int64, takes time.Duration) {
	if p.drains == 0 {
		return 0, 0
	}
	empty := t.empty(p)
	_, free := p.work.places(&empty)
	waits = p.tank.held - free - product(p.drains, int64(t.kernel.Now().Sub(p.tank.at)), 1000)
	return waits, time.Duration(product(max(p.tank.held-free, 0), 1000, p.drains)) + 1
}

// resumed is how full a pod is to which rules lead again.
func (t *Flows) resumed(p *pod) (k tank) {
	if waits, _ := t.waiting(p); waits > 0 {
		empty := t.empty(p)
		all, free := p.work.places(&empty)
		k = tank{at: t.kernel.Now(), held: waits + free}
		k.begin(all, free)
	}
	p.drains, p.flights = 0, nil
	return k
}

// awaitDrained has the probes of a pod be looked at again that fail while something waits there, an eighth
// of it after the other.
func (t *Flows) awaitDrained(id uint32, p *pod) {
	now := t.kernel.Now()
	if p.class != 0 || p.looksAt > now || !slices.ContainsFunc(p.risks, func(r risk) bool { return r != risk{} }) {
		return
	}
	waits, takes := t.waiting(p)
	if waits <= 0 {
		return
	}
	p.looksAt = min(now.Add(takes/levels), p.tank.at.Add(takes))
	t.kernel.Post(p.looksAt, t.self, whyDrained, uint64(id))
}
