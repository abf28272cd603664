package workload

import "slices"

// What becomes of calls is computed from below: what calls nobody first, then who calls
// it. Services that call one another in a circle are as high as each other, and are
// computed together, round by round.

// ranker finds how high backends are (Tarjan, "Depth-first search and linear graph
// algorithms", 1972: a backend that is left is done with if it leads to none before it).
type ranker struct {
	*Flows
	met   int32
	stack []int32 // that were met and are not done with
}

// links remembers that the pods of a class, behind its backends, make their sort's calls.
func (t *Flows) links(c *class) {
	for _, i := range t.in(c) {
		if b := &t.backends[i]; !slices.Contains(b.sorts, c.sort) {
			b.sorts, t.unranked = append(b.sorts, c.sort), true
		}
	}
}

// rank finds how high backends and flows are.
func (t *Flows) rank() {
	t.unranked = false
	for i := range t.backends {
		b := &t.backends[i]
		b.met, b.height = 0, -1
	}
	r := ranker{Flows: t}
	for i := range t.backends {
		if t.backends[i].met == 0 {
			r.visit(int32(i))
		}
	}
	for i := range t.flows {
		f := &t.flows[i]
		if f.height = t.height(f); f.call != nil { // who makes it may be in a circle, or not any more
			t.recall(int32(i))
		}
	}
}

// height is how high a flow is: above its names, and as high as where it goes; -1 if that
// is not known yet.
func (t *Flows) height(f *flow) int32 {
	height := t.backends[f.backend].height
	if f.lookups >= 0 {
		height = max(height, t.backends[t.flows[f.lookups].backend].height+1)
	}
	return height
}

// heightOf is how high the pods of a class are.
func (t *Flows) heightOf(c *class) (height int32) {
	for _, i := range t.in(c) {
		height = max(height, t.backends[i].height)
	}
	return height
}

// visit goes on to what a backend's pods call, and tells the first met of those that it
// leads to and that are not done with.
func (r *ranker) visit(i int32) (first int32) {
	r.met++
	b := &r.backends[i]
	b.met, b.below, first = r.met, 0, r.met
	r.stack = append(r.stack, i)
	for _, sort := range b.sorts {
		for _, k := range r.sorts[sort] {
			f := &r.flows[k]
			if f.call == nil {
				continue
			}
			first = min(first, r.follow(f.backend))
			if f.lookups >= 0 {
				first = min(first, r.follow(r.flows[f.lookups].backend))
			}
			b.below = max(b.below, r.height(f)+1)
		}
	}
	if first < b.met {
		return first
	}
	at := slices.Index(r.stack, i)
	circle, height := r.stack[at:], int32(0)
	r.stack = r.stack[:at]
	for _, k := range circle {
		height = max(height, r.backends[k].below)
	}
	for _, k := range circle {
		r.backends[k].height = height
	}
	return first
}

// follow is visit, of a backend that was perhaps met before.
func (r *ranker) follow(i int32) (first int32) {
	switch b := &r.backends[i]; {
	case b.met == 0:
		return r.visit(i)
	case b.height < 0:
		return b.met
	}
	return r.met
}
