package scheduler

import (
	"math/bits"

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

	// The feasible nodes of one decision: by block and tract, or listed.
	spans    []span
	parts    []span // of a tract that was opened
	listed   bool
	feasible []uint32
	verdicts []int32

	// Scratch space of it.
	pinned   []uint32
	refusals []int // by status ID: nodes
	totals   []int64
	scores   []int64
	attempt  Attempt
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
	nodes, examined, found := all, 0, 0
	if c.pinned {
		nodes = s.named(c)
		examined, found = s.filterNamed(c, nodes)
	} else {
		s.classes.room(c.shape, len(s.cache.rows))
		c.catchUp(s.cache)
		examined, found = s.filter(c)
	}
	s.nextStartNodeIndex = (s.nextStartNodeIndex + examined) % len(all)
	switch found {
	case 0:
		return s.failed(c, nodes)
	case 1:
		s.list(c)
		return decision{node: s.feasible[0], examined: examined}
	}
	return decision{node: s.best(c, found), examined: examined}
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

// span is a part of a search: the feasible nodes among those of a block, or all
// of a tract.
type span struct {
	block    int    // the first, if it is a tract
	feasible uint64 // of a block
	equal    uint64 // of these, who may win; of a tract not 0 if any may
	top      int32  // their verdict, or total
	whole    bool   // it is a tract
	// before is the number of feasible nodes of the spans before this one,
	// equalBefore that of those who may win.
	before, equalBefore int
}

// filter finds the first nodes that can take the pod, from the start index on,
// and returns how many nodes gave an answer that counts, and how many of them
// can. It stops at the first feasible node that is not needed any more, which is
// then the first of the next search. The real scheduler looks at a few nodes
// more or less, as its 16 workers happen to run
// (pkg/scheduler/schedule_one.go findNodesThatPassFilters).
func (s *search) filter(c *class) (examined, found int) {
	n := len(c.order)
	s.begin()
	quota := numFeasibleNodesToFind(s.percentage, n)
	start := s.nextStartNodeIndex % n
	choosy := len(c.filter) > 0 || len(s.nominated.byNode) > 0
	byTract := !choosy && len(c.scores) == 0
	first, ahead := start/blockSize, ^uint64(0)<<(start%blockSize)
	for turn := 0; turn <= len(c.blocks); turn++ { // the first block is the last, too
		i, part := first+turn, ^uint64(0)
		if i >= len(c.blocks) {
			i -= len(c.blocks)
		}
		switch turn {
		case 0:
			part = ahead
		case len(c.blocks):
			part = ^ahead
		}
		if byTract && i%tractSize == 0 && part == ^uint64(0) {
			if end := turn + c.endOf(i) - i; end <= len(c.blocks) {
				if count, taken := s.takeTract(c, i, found, quota-found); taken {
					found += count
					turn = end - 1
					continue
				}
			}
		}
		able := c.fresh(i, s.cache.rows).feasible & part
		if choosy {
			able = s.sift(c, i, able, quota-found)
		}
		count := bits.OnesCount64(able)
		if over := found + count - quota; over > 0 {
			stop := selectBit(able, count-over)
			able &= 1<<stop - 1
			s.take(i, able, found)
			return (i*blockSize + stop - start + n) % n, quota
		}
		s.take(i, able, found)
		found += count
	}
	return n, found
}

// begin clears what the last decision left.
func (s *search) begin() {
	s.spans, s.listed = s.spans[:0], false
	s.feasible, s.verdicts = s.feasible[:0], s.verdicts[:0]
	clear(s.refusals)
}

func (s *search) take(block int, feasible uint64, before int) {
	if feasible != 0 {
		s.spans = append(s.spans, span{block: block, feasible: feasible, before: before})
	}
}

// sift takes out of the feasible nodes of a block those that pods nominated
// there crowd, or that wide plugins refuse. Once more than enough are left, the
// rest is left out.
func (s *search) sift(c *class, block int, able uint64, enough int) uint64 {
	for rest := able; rest != 0; rest &= rest - 1 {
		at := bits.TrailingZeros64(rest)
		if !s.allowed(c, c.order[block*blockSize+at]) {
			able &^= 1 << at
		} else if enough--; enough < 0 {
			return able & (2<<at - 1)
		}
	}
	return able
}

// allowed tells whether a pod may go to a node that the shape's plugins let it
// go to, and counts the refusal if not. The pods that are nominated there come
// first.
func (s *search) allowed(c *class, id uint32) bool {
	if st := s.crowded(c, id); st != nil {
		s.refuse(st.id, 1)
		return false
	}
	for _, f := range c.filter {
		if st := f.Filter(id); st != nil {
			s.refuse(st.id, 1)
			return false
		}
	}
	return true
}

// refuse counts n nodes more with a status.
func (s *search) refuse(status int32, n int) {
	for int(status) >= len(s.refusals) {
		s.refusals = append(s.refusals, 0)
	}
	s.refusals[status] += n
}

// filterNamed is filter over a few nodes, which are asked anew.
func (s *search) filterNamed(c *class, nodes []uint32) (examined, found int) {
	s.begin()
	s.listed = true
	if len(nodes) == 0 {
		return 0, 0
	}
	quota := numFeasibleNodesToFind(s.percentage, len(nodes))
	start := s.nextStartNodeIndex % len(nodes)
	for i := range nodes {
		id := nodes[(start+i)%len(nodes)]
		v := c.ask(id, &s.cache.rows[id])
		if v < 0 {
			s.refuseNamed(c, id, ^v)
			continue
		}
		if !s.allowed(c, id) {
			continue
		}
		if found == quota {
			return i, found
		}
		found++
		s.feasible, s.verdicts = append(s.feasible, id), append(s.verdicts, v)
	}
	return len(nodes), found
}

// refuseNamed counts a node that the shape's plugins refuse, as crowded if it is
// that, too.
func (s *search) refuseNamed(c *class, id uint32, status int32) {
	s.refuse(s.firstRefusal(c, id, status), 1)
}

// firstRefusal is the status that counts of a node which the shape's plugins
// refuse with the given one: what the pods say that are nominated there, else
// what the filter says that is asked first.
func (s *search) firstRefusal(c *class, id uint32, status int32) int32 {
	if st := s.crowded(c, id); st != nil {
		return st.id
	}
	if s.framework.mixed {
		return s.inOrder(c, id).id
	}
	return status
}

// list makes the lists of the feasible nodes, in the order in which they were
// found.
func (s *search) list(c *class) {
	if s.listed {
		return
	}
	s.listed = true
	for i := range s.spans {
		for _, sp := range s.open(c, i) {
			for rest := sp.feasible; rest != 0; rest &= rest - 1 {
				id := c.order[sp.block*blockSize+bits.TrailingZeros64(rest)]
				s.feasible, s.verdicts = append(s.feasible, id), append(s.verdicts, c.board.verdicts[id])
			}
		}
	}
}
