package scheduler

import (
	"math/bits"
	"slices"
)

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

// best is the feasible node with the highest total. The scores that depend on
// the other feasible nodes are the same for all of them if all raw scores are 0
// and no wide plugin has any; then the verdicts decide.
func (s *search) best(c *class, found int) uint32 {
	if !c.pinned && !s.anyRelative(c) {
		equals := 0
		if len(c.scores) == 0 {
			equals = s.leave(c)
		} else if c.spread.view != nil {
			equals = s.leaveSpread(c, found)
		}
		if equals > 0 {
			return s.pick(c, found, equals)
		}
	}
	s.list(c)
	s.total(c)
	return s.feasible[s.topOf(s.totals)]
}

// anyRelative tells whether any feasible node has a raw score that is not 0.
func (s *search) anyRelative(c *class) bool {
	for i := range s.spans {
		sp := &s.spans[i]
		if sp.whole && c.tractOf(sp.block).relative || c.blocks[sp.block].relative&sp.feasible != 0 {
			return true
		}
	}
	return false
}

// few is how many equals are compared one by one.
const few = 64

// pick is who wins among the equals, of which there are so many among all that
// were found.
func (s *search) pick(c *class, found, equals int) uint32 {
	switch {
	case equals == 1:
		return s.equal(c, 0)
	case s.ties == TiesRandom:
		return s.equal(c, int(s.luck.Below(uint64(equals))))
	case s.ties == TiesFirst:
		return s.firstOfEquals(c)
	case equals <= few:
		return s.rootOfFew(c)
	}
	return s.root(c, found)
}

// leave leaves the equals in the spans: the nodes that have the highest verdict.
// It returns how many there are.
func (s *search) leave(c *class) (equals int) {
	top := int32(-1)
	for i := range s.spans {
		sp := &s.spans[i]
		if b := &c.blocks[sp.block]; sp.whole {
			sp.equal = 1
		} else if sp.top, sp.equal = b.top, b.best&sp.feasible; sp.equal == 0 {
			sp.top, sp.equal = c.elect(sp.block, sp.feasible)
		}
		top = max(top, sp.top)
	}
	return s.settle(c, top)
}

// settle leaves those of the spans' equals that are as good as top.
func (s *search) settle(c *class, top int32) (equals int) {
	for i := range s.spans {
		sp := &s.spans[i]
		sp.equalBefore = equals
		switch {
		case sp.top < top:
			sp.equal = 0
		case sp.whole:
			equals += int(c.tractOf(sp.block).equals)
		default:
			equals += bits.OnesCount64(sp.equal)
		}
	}
	return equals
}

// equal is the n-th of the equals, counting from 0.
func (s *search) equal(c *class, n int) uint32 {
	parts := s.open(c, lastWith(s.spans, n, (*span).equalsAhead))
	sp := &parts[lastWith(parts, n, (*span).equalsAhead)]
	return c.order[sp.block*blockSize+selectBit(sp.equal, n-sp.equalBefore)]
}

// firstOfEquals is the equal that comes first in the list.
func (s *search) firstOfEquals(c *class) (first uint32) {
	for i := range s.spans {
		if s.spans[i].equal == 0 {
			continue
		}
		for _, sp := range s.open(c, i) {
			if sp.equal != 0 {
				if id := c.lowest(sp.block, sp.equal); first == 0 || id < first {
					first = id
				}
			}
		}
	}
	return first
}

// rootOfFew is the equal that ends up at the root of the heap.
func (s *search) rootOfFew(c *class) (node uint32) {
	first := -1
	for i := range s.spans {
		if s.spans[i].equal == 0 {
			continue
		}
		for _, sp := range s.open(c, i) {
			for rest := sp.equal; rest != 0; rest &= rest - 1 {
				at := bits.TrailingZeros64(rest)
				place := sp.before + bits.OnesCount64(sp.feasible&(1<<at-1))
				if first < 0 || before(place, first) {
					first, node = place, c.order[sp.block*blockSize+at]
				}
			}
		}
	}
	return node
}

// root is rootOfFew for many among n feasible nodes: it goes down the heap's
// tree, to the left if there is an equal at all, and takes the first that it
// meets.
func (s *search) root(c *class, n int) uint32 {
	for at := 0; ; {
		if e, here := s.equalsBefore(c, at); here {
			return s.equal(c, e)
		}
		if at = 2*at + 1; !s.anyUnder(c, at, n) {
			at++
		}
	}
}

// anyUnder tells whether any node at place at of a list of n or, in the heap's
// tree, under it is an equal. Each level of a subtree is a row of places; the
// deepest is the longest.
func (s *search) anyUnder(c *class, at, n int) bool {
	first, end := at, at+1
	for 2*first+1 < n {
		first, end = 2*first+1, 2*end+1
	}
	for ; first >= at; first, end = (first-1)/2, (end-1)/2 {
		from, here := s.equalsBefore(c, first)
		if here {
			return true
		}
		if to, _ := s.equalsBefore(c, min(end, n)); to > from {
			return true
		}
		if first == at {
			break
		}
	}
	return false
}

// equalsBefore is how many equals there are among the first feasible nodes, and
// whether the one at that place is another.
func (s *search) equalsBefore(c *class, place int) (equals int, here bool) {
	parts := s.open(c, lastWith(s.spans, place, (*span).ahead))
	sp := &parts[lastWith(parts, place, (*span).ahead)]
	if place -= sp.before; place >= bits.OnesCount64(sp.feasible) {
		return sp.equalBefore + bits.OnesCount64(sp.equal), false
	}
	at := selectBit(sp.feasible, place)
	return sp.equalBefore + bits.OnesCount64(sp.equal&(1<<at-1)), sp.equal>>at&1 != 0
}

// ahead is the number of feasible nodes of the spans before this one.
func (sp *span) ahead() int { return sp.before }

// equalsAhead is the number of equals of the spans before this one.
func (sp *span) equalsAhead() int { return sp.equalBefore }

// lastWith is the place of the last of some spans with no more than n ahead.
func lastWith(spans []span, n int, ahead func(*span) int) int {
	low, high := 0, len(spans) // the first has none ahead
	for high-low > 1 {
		if mid := (low + high) / 2; ahead(&spans[mid]) <= n {
			low = mid
		} else {
			high = mid
		}
	}
	return low
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

// total makes totals the weighted sum of all scores of the feasible nodes.
func (s *search) total(c *class) {
	n := len(s.feasible)
	s.totals, s.scores = slices.Grow(s.totals[:0], n)[:n], slices.Grow(s.scores[:0], n)[:n]
	var some int32
	for i, v := range s.verdicts {
		s.totals[i] = int64(v >> 1)
		some |= v & 1
	}
	for i := range c.scores {
		if c.scores[i].Score(s.feasible, s.scores) {
			s.add(c.scores[i].weight)
		}
	}
	if some == 0 {
		return // what is normalised is the same for all
	}
	for k := range c.relative {
		for i, id := range s.feasible {
			if s.scores[i] = 0; s.verdicts[i]&1 != 0 {
				s.scores[i] = c.rawOf(k, id, &s.cache.rows[id])
			}
		}
		c.relative[k].ScorePlugin.(ScoreExtensions).NormalizeScore(s.scores)
		s.add(c.relative[k].weight)
	}
}

// add adds scores to totals.
func (s *search) add(weight int64) {
	for i, x := range s.scores {
		s.totals[i] += x * weight
	}
}

// topOf is the place of the highest total.
func (s *search) topOf(totals []int64) int {
	top, equals := 0, uint64(1)
	for i := 1; i < len(totals); i++ {
		switch t := totals[i]; {
		case t > totals[top]:
			top, equals = i, 1
		case t < totals[top]:
		case s.ties == TiesHeap && before(i, top), s.ties == TiesFirst && s.feasible[i] < s.feasible[top]:
			top = i
		default:
			equals++
		}
	}
	if s.ties != TiesRandom || equals == 1 {
		return top
	}
	best := totals[top] // top is the first of them
	for nth := s.luck.Below(equals); nth > 0; {
		if top++; totals[top] == best {
			nth--
		}
	}
	return top
}
