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
			return s.pick(c, equals)
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

// pick is who wins among the equals, of which there are so many.
func (s *search) pick(c *class, equals int) uint32 {
	switch {
	case equals == 1:
		return s.equal(c, 0)
	case s.ties == TiesRandom:
		return s.equal(c, int(s.luck.Below(uint64(equals))))
	case s.ties == TiesFirst:
		return s.firstOfEquals(c)
	}
	return s.root(c)
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
	parts := s.open(c, withEqual(s.spans, n))
	sp := &parts[withEqual(parts, n)]
	return c.order[sp.block*blockSize+selectBit(sp.equal, n-sp.equalBefore)]
}

// withEqual is which of some spans the n-th of the equals is in.
func withEqual(spans []span, n int) int {
	i, _ := slices.BinarySearchFunc(spans, n+1, func(sp span, n int) int { return sp.equalBefore - n })
	return i - 1
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

// root is the equal that ends up at the root of the heap. Of those on one level
// of the heap's tree that is the first, so one of each level is looked at.
func (s *search) root(c *class) (node uint32) {
	first, level := -1, 0 // the place of node; where the next level begins
	for i := range s.spans {
		if s.spans[i].equal == 0 || i+1 < len(s.spans) && s.spans[i+1].before <= level {
			continue
		}
		for _, sp := range s.open(c, i) {
			end := sp.before + bits.OnesCount64(sp.feasible)
			for rest := sp.equal; rest != 0 && level < end; rest &= rest - 1 {
				at := bits.TrailingZeros64(rest)
				place := sp.before + bits.OnesCount64(sp.feasible&(1<<at-1))
				if place < level {
					continue
				}
				if first < 0 || before(place, first) {
					first, node = place, c.order[sp.block*blockSize+at]
				}
				level = 1<<bits.Len(uint(place)+1) - 1
			}
		}
	}
	return node
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
