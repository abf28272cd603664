package scheduler

import "orrery/model"

// class is pods that all plugins answer equally (see SignPlugin), with what
// was found out about it. Most pods of a cluster are made from a few
// templates; what a class has learned about a node stays right until the node
// changes, and a placement changes one node.
type class struct {
	pod     *model.Pod // one of them: what plugins are asked with
	pinned  bool       // only nodes of these names are searched
	names   []string
	refused *Status   // by a PreFilter
	involve pluginSet // the PreFilter plugins that restricted the search
	filter  []FilterPlugin
	// plain are the scores that count as they are, relative those that depend
	// on the other feasible nodes.
	plain    []weightedScore
	relative []weightedScore

	memo []verdict // by node ID
	raw  []int32   // by node ID and plugin of relative; only where a verdict says so
	used bool      // since the hand of the clock passed

	failedAt uint64 // cache.changes when no node was found, if failure is not nil
	failure  *failure
}

// verdict is what a class knows about a node: right as long as the node's
// generation is the one noted.
type verdict struct {
	generation uint32
	// answer is, if negative, the complement of the id of the Status that
	// rejects the node. Otherwise it is twice the sum of the plain scores,
	// plus 1 if any raw score is not 0.
	answer int32
}

// failure is the outcome of a search that found nothing.
type failure struct {
	examined  int
	rejectors pluginSet
	message   string
}

// classes finds the class of a pod. Verdicts of all classes together stay
// within a budget: the classes that were not used lately lose theirs first.
type classes struct {
	framework *Framework
	bySpec    map[*model.PodSpec]*class
	byKey     map[string]*class
	key       []byte

	resident []*class // those with verdicts
	hand     int
	verdicts int
	most     int
}

// verdictsMost is how many verdicts are kept: 64 MiB of them.
const verdictsMost = 64 << 20 / 8

func newClasses(f *Framework) *classes {
	return &classes{framework: f, bySpec: map[*model.PodSpec]*class{}, byKey: map[string]*class{}, most: verdictsMost}
}

// of is the class of a pod that waits. Pods that share a spec share a class.
func (k *classes) of(pod *model.Pod) *class {
	if c := k.bySpec[pod.Spec]; c != nil {
		return c
	}
	k.key = k.key[:0]
	for _, p := range k.framework.sign {
		k.key = p.SignPod(k.key, pod)
	}
	c := k.byKey[string(k.key)]
	if c == nil {
		c = k.framework.newClass(pod)
		k.byKey[string(k.key)] = c
	}
	k.bySpec[pod.Spec] = c
	return c
}

// newClass asks the plugins that look at no node.
func (f *Framework) newClass(pod *model.Pod) *class {
	c := &class{pod: pod}
	skipped := f.runPreFilters(c)
	for _, p := range f.filter {
		if f.bit(p.Name())&skipped == 0 {
			c.filter = append(c.filter, p)
		}
	}
	skipped = 0
	for _, p := range f.preScore {
		if p.PreScore(pod) != nil {
			skipped |= f.bit(p.Name())
		}
	}
	for _, s := range f.score {
		if f.bit(s.Name())&skipped != 0 {
			continue
		}
		if _, ok := s.ScorePlugin.(ScoreExtensions); ok {
			c.relative = append(c.relative, s)
		} else {
			c.plain = append(c.plain, s)
		}
	}
	return c
}

// runPreFilters returns the plugins that have nothing to filter
// (pkg/scheduler/framework/runtime/framework.go RunPreFilterPlugins).
func (f *Framework) runPreFilters(c *class) (skipped pluginSet) {
	for _, p := range f.preFilter {
		r, st := p.PreFilter(c.pod)
		switch {
		case st == nil:
		case st.Code == Skip:
			skipped |= f.bit(p.Name())
			continue
		default:
			c.refused = st
			return skipped
		}
		if r.Pinned {
			c.pinned, c.names = true, r.NodeNames
			c.involve |= f.bit(p.Name())
		}
	}
	return skipped
}

// room makes sure that c has a verdict for each of n node IDs, and marks it as
// used.
func (k *classes) room(c *class, n int) {
	c.used = true
	if len(c.memo) >= n {
		return
	}
	if len(c.memo) == 0 {
		k.resident = append(k.resident, c)
	}
	n += n / 8
	k.verdicts += n - len(c.memo)
	grown := make([]verdict, n)
	copy(grown, c.memo)
	c.memo = grown
	if c.raw != nil {
		raw := make([]int32, n*len(c.relative))
		copy(raw, c.raw)
		c.raw = raw
	}
	for k.verdicts > k.most && len(k.resident) > 1 {
		k.evict(c)
	}
}

// evict moves the hand on and takes the verdicts of the first class that was
// not used since it passed last; keep is spared.
func (k *classes) evict(keep *class) {
	k.hand %= len(k.resident)
	c := k.resident[k.hand]
	if c == keep || c.used {
		c.used = c == keep
		k.hand++
		return
	}
	k.verdicts -= len(c.memo)
	c.memo, c.raw = nil, nil
	last := len(k.resident) - 1
	k.resident[k.hand] = k.resident[last]
	k.resident = k.resident[:last]
}

// evaluate asks the plugins about a node and notes the verdict.
func (c *class) evaluate(id uint32, generation uint32, node *NodeInfo) int32 {
	answer := c.ask(id, node)
	c.memo[id] = verdict{generation, answer}
	return answer
}

func (c *class) ask(id uint32, node *NodeInfo) int32 {
	for _, p := range c.filter {
		if st := p.Filter(c.pod, node); st != nil {
			return ^st.id
		}
	}
	var sum int64
	for i := range c.plain {
		sum += c.plain[i].Score(c.pod, node) * c.plain[i].weight
	}
	answer := int32(sum) << 1
	for i := range c.relative {
		raw := c.relative[i].Score(c.pod, node)
		if raw != 0 && c.raw == nil {
			c.raw = make([]int32, len(c.memo)*len(c.relative))
		}
		if c.raw != nil {
			c.raw[int(id)*len(c.relative)+i] = int32(raw)
		}
		if raw != 0 {
			answer |= 1
		}
	}
	return answer
}
