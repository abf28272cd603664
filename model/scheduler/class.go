package scheduler

import (
	"slices"

	"orrery/model"
)

// class is pods that all plugins answer equally (see SignPlugin).
type class struct {
	*shape
	pod    *model.Pod // one of them: what wide plugins are asked with
	views  []View     // of the wide plugins, in their order; nil until needed
	filter []WideFilter
	// filterAt is the place of each among all filters.
	filterAt []int
	scores   []weightedScorer
	denied   *Status  // by a view
	spread   bySpread // if that is all there is to score

	failedAt uint64 // cache.changes when no node was found, if failure is not nil
	failure  *failure
}

// weightedScorer is a view's scorer with the weight of its plugin.
type weightedScorer struct {
	WideScorer
	name   string
	weight int64
}

// refusal is why no node will do, whichever there are; nil if one may.
func (c *class) refusal() *Status {
	if c.refused != nil {
		return c.refused
	}
	return c.denied
}

// look brings the views up to date.
func (c *class) look(f *Framework) {
	if c.views != nil && !slices.ContainsFunc(c.views, func(v View) bool { return v.Watcher.Stale() }) {
		return
	}
	old := c.views
	c.views, c.filter, c.filterAt, c.scores, c.denied = nil, nil, nil, nil, nil
	for i := range f.wide {
		w := &f.wide[i]
		var v View
		if old != nil && !old[i].Watcher.Stale() {
			v = old[i]
		} else {
			v = w.View(c.pod)
		}
		c.views = append(c.views, v)
		if c.denied == nil && w.points&AtPreFilter != 0 {
			c.denied = v.Refused
		}
		if v.Filter != nil && w.points&AtFilter != 0 {
			c.filter, c.filterAt = append(c.filter, v.Filter), append(c.filterAt, w.at)
		}
		if v.Scorer != nil && w.points&AtScore != 0 {
			c.scores = append(c.scores, weightedScorer{v.Scorer, w.Name(), w.weight})
		}
	}
	c.simple()
}

// shape is pods that all plugins but the wide ones answer equally, with what
// was found out about them. Most pods of a cluster are made from a few
// templates; what a shape has learned about a node stays right until the node
// changes, and a placement changes one node.
type shape struct {
	asked   *model.Pod // one of them: what plugins are asked with
	pinned  bool       // only nodes of these names are searched
	names   []string
	refused *Status   // by a PreFilter
	absent  *Status   // of the nodes that the search leaves out
	involve pluginSet // the PreFilter plugins that restricted the search
	local   []FilterPlugin
	// plain are the scores that count as they are, relative those that depend
	// on the other feasible nodes.
	plain    []weightedScore
	relative []weightedScore

	board
	raw  []int32 // by node ID and plugin of relative; only where a verdict says so
	used bool    // since the hand of the clock passed
}

// classes finds the class of a pod. Verdicts of all shapes together stay
// within a budget: the shapes that were not used lately lose theirs first.
type classes struct {
	framework *Framework
	byPod     map[classKey]*class
	byKey     map[string]*class // by what wide plugins go by, behind the shape's
	shapes    map[string]*shape
	key       []byte

	resident []*shape // those with verdicts
	hand     int
	verdicts int
	most     int
	spare    []int32 // taken from a shape, for the next one
}

// classKey finds the class of a pod whose spec and labels are shared.
//
//tidy:key compared as a whole
type classKey struct {
	kinKey
	owner    model.Ref
	nodeName string
}

// verdictsMost is how many verdicts are kept: 64 MiB of them, which take 5 bytes
// each with their share of a block.
const verdictsMost = 64 << 20 / 5

func newClasses(f *Framework) *classes {
	return &classes{framework: f, byPod: map[classKey]*class{}, byKey: map[string]*class{}, shapes: map[string]*shape{}, most: verdictsMost}
}

// of is the class of a pod that waits. Pods that share a spec, labels and their
// owner share a class.
func (k *classes) of(pod *model.Pod) *class {
	short := classKey{keyOf(pod), pod.Owner, pod.NodeName}
	if c := k.byPod[short]; c != nil {
		return c
	}
	k.key = k.key[:0]
	for _, p := range k.framework.sign {
		k.key = p.SignPod(k.key, pod)
	}
	s := k.shapes[string(k.key)]
	if s == nil {
		s = k.framework.newShape(pod)
		k.shapes[string(k.key)] = s
	}
	for i := range k.framework.wide {
		k.key = k.framework.wide[i].SignPod(k.key, pod)
	}
	k.key = signNumber(k.key, int64(pod.Spec.Priority)) // decides who else counts
	if pod.Spec.NeverPreempts {
		k.key = append(k.key, '!')
	}
	c := k.byKey[string(k.key)]
	if c == nil {
		c = &class{shape: s, pod: pod}
		k.byKey[string(k.key)] = c
	}
	k.byPod[short] = c
	return c
}

// newShape asks the plugins that look at no node.
func (f *Framework) newShape(pod *model.Pod) *shape {
	c := &shape{asked: pod}
	skipped := f.runPreFilters(c)
	for _, p := range f.filter {
		if f.bit(p.Name())&skipped == 0 {
			c.local = append(c.local, p)
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
func (f *Framework) runPreFilters(c *shape) (skipped pluginSet) {
	for _, p := range f.preFilter {
		r, st := p.PreFilter(c.asked)
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
func (k *classes) room(c *shape, n int) {
	c.used = true
	old := len(c.verdicts)
	if old >= n {
		return
	}
	if old == 0 {
		k.resident = append(k.resident, c)
	}
	n += n / 8
	k.verdicts += n - old
	for k.verdicts > k.most && len(k.resident) > 1 {
		k.evict(c)
	}
	grown := k.spare
	if k.spare = nil; cap(grown) < n {
		grown = make([]int32, n)
	}
	grown = grown[:n]
	copy(grown, c.verdicts)
	for i := old; i < n; i++ {
		grown[i] = unknown
	}
	c.verdicts = grown
	if c.raw != nil {
		raw := make([]int32, n*len(c.relative))
		copy(raw, c.raw)
		c.raw = raw
	}
}

// evict moves the hand on and takes the verdicts of the first shape that was
// not used since it passed last; keep is spared.
func (k *classes) evict(keep *shape) {
	k.hand %= len(k.resident)
	c := k.resident[k.hand]
	if c == keep || c.used {
		c.used = c == keep
		k.hand++
		return
	}
	k.verdicts -= len(c.verdicts)
	k.spare = c.verdicts
	c.board, c.raw = board{}, nil
	last := len(k.resident) - 1
	k.resident[k.hand] = k.resident[last]
	k.resident = k.resident[:last]
}

// ask asks the plugins about a node.
func (c *shape) ask(id uint32, node *NodeInfo) int32 {
	for _, p := range c.local {
		if st := p.Filter(c.asked, node); st != nil {
			return ^st.id
		}
	}
	var sum int64
	for i := range c.plain {
		sum += c.plain[i].Score(c.asked, node) * c.plain[i].weight
	}
	verdict := int32(sum) << 1
	for i := range c.relative {
		raw := c.relative[i].Score(c.asked, node)
		if raw != 0 && c.raw == nil && !c.pinned {
			c.raw = make([]int32, len(c.verdicts)*len(c.relative))
		}
		if c.raw != nil {
			c.raw[int(id)*len(c.relative)+i] = int32(raw)
		}
		if raw != 0 {
			verdict |= 1
		}
	}
	return verdict
}

// rawOf is the raw score of a relative plugin for a node that has any.
func (c *shape) rawOf(plugin int, id uint32, node *NodeInfo) int64 {
	if c.raw == nil {
		return c.relative[plugin].Score(c.asked, node)
	}
	return int64(c.raw[int(id)*len(c.relative)+plugin])
}
