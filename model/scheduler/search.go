package scheduler

import (
	"math/bits"
	"slices"

	"orrery/model"
	"orrery/sim"
)

// minFeasibleNodesToFind and minFeasibleNodesPercentageToFind bound the sample
// from below (pkg/scheduler/schedule_one.go).
const (
	minFeasibleNodesToFind           = 100
	minFeasibleNodesPercentageToFind = 5
)

// numFeasibleNodesToFind is how many feasible nodes of n are enough. Percentage
// 0 adapts to n (pkg/scheduler/schedule_one.go numFeasibleNodesToFind).
func numFeasibleNodesToFind(percentage int64, n int) int {
	if n < minFeasibleNodesToFind {
		return n
	}
	if percentage == 0 {
		percentage = max(50-int64(n)/125, minFeasibleNodesPercentageToFind)
	}
	return max(n*int(percentage)/100, minFeasibleNodesToFind)
}

// search decides where pods go: one decision at a time, over the cache as it
// is.
type search struct {
	framework  *Framework
	cache      *cache
	classes    *classes
	percentage int64
	ties       Ties
	luck       *sim.Stream // of TiesRandom
	// nextStartNodeIndex is where the next search begins, so that all nodes
	// get their turn (pkg/scheduler/schedule_one.go).
	nextStartNodeIndex int

	nominated nominator
	budgets   []*model.PodDisruptionBudget
	offset    func(n int) int // where a dry run of preemption begins; nil for a complete one

	// Scratch space of one decision.
	pinned   []uint32
	feasible []uint32
	answers  []int32
	refusals []int    // by status ID: nodes that a wide plugin refused, or nominated pods crowd
	crowds   []uint32 // the latter
	totals   []int64
	scores   []int64
	counts   []int
}

// decision is the outcome of a search.
type decision struct {
	node     uint32   // where the pod goes, if failure is nil
	examined int      // nodes looked at
	failure  *failure // why it goes nowhere
}

// decide finds a node for a pod of class c
// (pkg/scheduler/schedule_one.go schedulePod).
func (s *search) decide(c *class) decision {
	all := s.cache.tree.list()
	if f := c.failure; f != nil && c.failedAt == s.cache.changes && f.examined == len(all) {
		return decision{examined: f.examined, failure: f} // the same nodes would say the same
	}
	if len(all) == 0 {
		return decision{failure: &failure{message: noNodesMessage}}
	}
	if c.look(s.framework); c.refusal() != nil {
		return s.failed(c, nil)
	}
	nodes := all
	if c.pinned {
		nodes = s.named(c)
	}
	s.classes.room(c.shape, len(s.cache.rows))
	examined := s.filter(c, nodes)
	s.nextStartNodeIndex = (s.nextStartNodeIndex + examined) % len(all)
	switch len(s.feasible) {
	case 0:
		return s.failed(c, nodes)
	case 1:
		return decision{node: s.feasible[0], examined: examined}
	}
	return decision{node: s.feasible[s.best(c)], examined: examined}
}

// named is the nodes that a pinned class may go to. kube-scheduler takes them
// in the random order of a map; here they come by name.
func (s *search) named(c *class) []uint32 {
	s.pinned = s.pinned[:0]
	for _, name := range c.names {
		if id, ok := s.cache.byName[name]; ok {
			s.pinned = append(s.pinned, id)
		}
	}
	return s.pinned
}

// filter fills feasible with the first nodes that can take the pod, from the
// start index on, and returns how many nodes gave an answer that counts. It
// stops at the first feasible node that is not needed any more, which is then
// the first of the next search. The real scheduler looks at a few nodes more or
// less, as its 16 workers happen to run
// (pkg/scheduler/schedule_one.go findNodesThatPassFilters).
func (s *search) filter(c *class, nodes []uint32) (examined int) {
	s.feasible, s.answers = s.feasible[:0], s.answers[:0]
	clear(s.refusals)
	s.crowds = s.crowds[:0]
	if len(nodes) == 0 {
		return 0
	}
	quota := numFeasibleNodesToFind(s.percentage, len(nodes))
	memo, generation := c.memo, s.cache.generation
	at := s.nextStartNodeIndex % len(nodes)
	for range nodes {
		id := nodes[at]
		v := memo[id]
		if v.generation != generation[id] {
			v.answer = c.evaluate(id, generation[id], &s.cache.rows[id])
		}
		if st := s.crowded(c, id); st != nil { // before the verdict: what it says counts first
			s.crowds = append(s.crowds, id)
			s.refuse(st)
		} else if v.answer >= 0 && (len(c.filter) == 0 || s.allowed(c, id)) {
			if len(s.feasible) == quota {
				break
			}
			s.feasible = append(s.feasible, id)
			s.answers = append(s.answers, v.answer)
		}
		examined++
		if at++; at == len(nodes) {
			at = 0
		}
	}
	return examined
}

// allowed tells whether the wide plugins let the pod go to a node. They stand
// behind the others in every profile, so whoever refuses first is the same.
func (s *search) allowed(c *class, id uint32) bool {
	for _, f := range c.filter {
		if st := f.Filter(id); st != nil {
			s.refuse(st)
			return false
		}
	}
	return true
}

func (s *search) refuse(st *Status) {
	for int(st.id) >= len(s.refusals) {
		s.refusals = append(s.refusals, 0)
	}
	s.refusals[st.id]++
}

// best is the place in feasible of the node with the highest total. Scores that
// are normalised matter only if any of them is not 0.
func (s *search) best(c *class) int {
	var some int32
	for _, a := range s.answers {
		some |= a & 1
	}
	wide := s.wide(c)
	if some != 0 || wide || s.ties != TiesHeap {
		return s.topOf(s.total(c))
	}
	top := 0
	for i, a := range s.answers {
		if a > s.answers[top] || a == s.answers[top] && before(i, top) {
			top = i
		}
	}
	return top
}

// wide makes totals the weighted sum of the wide plugins' scores, and tells
// whether there are any; if not, totals is empty.
func (s *search) wide(c *class) bool {
	n := len(s.feasible)
	s.totals, s.scores = s.totals[:0], slices.Grow(s.scores[:0], n)[:n]
	for i := range c.scores {
		if !c.scores[i].Score(s.feasible, s.scores) {
			continue
		}
		s.clearTotals()
		for j := range s.totals {
			s.totals[j] += s.scores[j] * c.scores[i].weight
		}
	}
	return len(s.totals) > 0
}

// clearTotals makes totals one 0 for each feasible node, unless it is there.
func (s *search) clearTotals() {
	if n := len(s.feasible); len(s.totals) == 0 {
		s.totals = slices.Grow(s.totals, n)[:n]
		clear(s.totals)
	}
}

// total adds the other scores to totals, normalised ones included.
func (s *search) total(c *class) []int64 {
	s.clearTotals()
	for i, a := range s.answers {
		s.totals[i] += int64(a >> 1)
	}
	for k := range c.relative {
		s.scores = s.scores[:0]
		for i, id := range s.feasible {
			var raw int64
			if s.answers[i]&1 != 0 {
				raw = int64(c.raw[int(id)*len(c.relative)+k])
			}
			s.scores = append(s.scores, raw)
		}
		c.relative[k].ScorePlugin.(ScoreExtensions).NormalizeScore(s.scores)
		for i := range s.totals {
			s.totals[i] += s.scores[i] * c.relative[k].weight
		}
	}
	return s.totals
}

// Ties is who wins among nodes with the same total.
type Ties uint8

// The ways to break ties.
const (
	TiesHeap   Ties = iota // kube-scheduler from v1.35: the order of its score heap
	TiesRandom             // up to v1.34: each is as likely
	TiesFirst              // the first in the list
)

// tiesNames is what people call them.
var tiesNames = map[string]Ties{"heap": TiesHeap, "random": TiesRandom, "first": TiesFirst}

// TiesNamed is the way to break ties of that name, and whether there is one:
// heap, random or first.
func TiesNamed(name string) (t Ties, known bool) {
	t, known = tiesNames[name]
	return t, known
}

// unsatisfied is what nodes are told that a PreFilter left out.
func unsatisfied(plugins string) string { return "node(s) didn't satisfy plugin(s) " + plugins }

// topOf is the place of the highest total.
func (s *search) topOf(totals []int64) int {
	top, equal := 0, uint64(0)
	for i, t := range totals {
		switch {
		case t > totals[top]:
			top, equal = i, 1
		case t < totals[top]:
		case s.ties == TiesHeap && before(i, top), s.ties == TiesFirst && s.feasible[i] < s.feasible[top]:
			top = i
		case s.ties == TiesRandom:
			if equal++; s.luck.Below(equal) == 0 {
				top = i
			}
		}
	}
	return top
}

// before tells whether of two equal totals the one at place later of the list
// wins over the one at place earlier. kube-scheduler v1.35 makes the list a heap
// with container/heap and takes the root. Sifting down moves a child up only if
// it is strictly better, and the left one unless the right is strictly better;
// so of equal totals the first in the tree's pre-order (a node, its left
// subtree, its right one) ends up at the root
// (pkg/scheduler/schedule_one.go newSortedNodeScores).
func before(later, earlier int) bool {
	x, y := uint(later)+1, uint(earlier)+1
	return x>>(bits.Len(x)-bits.Len(y)) < y // its ancestor at the other's depth lies to the left
}

// failed is the outcome when no node of nodes, all of which have been asked,
// can take the pod.
func (s *search) failed(c *class, nodes []uint32) decision {
	all := len(s.cache.tree.list())
	a := Attempt{search: s, class: c, nodes: nodes}
	d := &a.Diagnosis
	d.NumAllNodes, d.UnschedulablePlugins = all, c.involve
	if st := c.refusal(); st != nil {
		d.AbsentNodesStatus = statusCount{st, all}
		d.PreFilterMsg = st.Reasons[0]
		d.UnschedulablePlugins |= st.rejector
	} else {
		s.diagnose(d, c, nodes)
	}
	var post string
	for _, p := range s.framework.postFilter {
		post = p.PostFilter(&a)
	}
	f := &failure{
		examined: len(nodes), rejectors: d.UnschedulablePlugins, tried: a.tried, candidates: a.Candidates,
		reasons: d.Error(""), message: d.Error(post),
	}
	c.failedAt, c.failure = s.cache.changes, f
	return decision{examined: len(nodes), failure: f}
}

// diagnose counts the nodes by the status that rejected them.
func (s *search) diagnose(d *Diagnosis, c *class, nodes []uint32) {
	s.counts = append(s.counts[:0], make([]int, len(s.framework.statuses))...)
	for _, id := range nodes {
		if a := c.memo[id].answer; a < 0 && !slices.Contains(s.crowds, id) {
			if s.framework.mixed { // somebody else may refuse it first
				a = ^s.inOrder(c, id).id
			}
			s.counts[^a]++
		}
	}
	for id, n := range s.refusals {
		s.counts[id] += n
	}
	for id, n := range s.counts {
		if n > 0 {
			st := s.framework.statuses[id]
			d.NodeToStatus = append(d.NodeToStatus, statusCount{st, n})
			d.UnschedulablePlugins |= st.rejector
		}
	}
	if absent := d.NumAllNodes - len(nodes); absent > 0 {
		d.AbsentNodesStatus = statusCount{&Status{
			Code:    UnschedulableAndUnresolvable,
			Reasons: []string{unsatisfied(s.framework.list(c.involve))},
		}, absent}
	}
}
