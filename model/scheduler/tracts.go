package scheduler

import "math/bits"

// tractSize is how many blocks are a tract. A search of 100,000 nodes takes
// about a hundred of these, and a sample of 5,000 of them four or five and the
// blocks before and after.
const tractSize = 16

// tract is blocks that follow each other in the order of search, as a shape
// sees them. A search that needs all of them takes them as one.
type tract struct {
	feasible int32 // nodes that can take the pod, as far as the blocks know
	stale    bool  // a node has changed since the rest was found out
	relative bool  // whether any feasible node has a raw score that is not 0
	top      int32 // the highest verdict; -1 if no node is feasible
	equals   int32 // how many nodes have it
}

// tractOf is the tract that a block is in.
func (b *board) tractOf(block int) *tract { return &b.tracts[block/tractSize] }

// mark notes that the node at a place of the order has changed.
func (b *board) mark(place int) {
	i := place / blockSize
	b.blocks[i].stale |= 1 << (place % blockSize)
	b.tractOf(i).stale = true
}

// endOf is the end of the tract that begins with a block.
func (b *board) endOf(block int) int { return min(block+tractSize, len(b.blocks)) }

// freshTract is the tract that begins with a block, without a stale node.
func (c *shape) freshTract(block int, rows []NodeInfo) *tract {
	x := c.tractOf(block)
	if !x.stale {
		return x
	}
	x.stale, x.relative, x.top, x.equals = false, false, -1, 0
	for i := block; i < c.endOf(block); i++ {
		b := c.fresh(i, rows)
		x.relative = x.relative || b.relative != 0
		if b.top > x.top {
			x.top, x.equals = b.top, 0
		}
		if b.top == x.top {
			x.equals += int32(bits.OnesCount64(b.best))
		}
	}
	return x
}

// takeTract takes the feasible nodes of the tract that begins with a block,
// if they are no more than enough, and returns how many they are.
func (s *search) takeTract(c *class, block, found, enough int) (count int, taken bool) {
	if int(c.tractOf(block).feasible) > enough { // and most likely still are
		return 0, false
	}
	x := c.freshTract(block, s.cache.rows)
	if count = int(x.feasible); count > enough {
		return 0, false
	}
	if count > 0 {
		s.spans = append(s.spans, span{block: block, whole: true, top: x.top, before: found})
	}
	return count, true
}

// open is a span by block: itself, or what the tract is made of. It is valid
// until the next call.
func (s *search) open(c *class, i int) []span {
	sp := &s.spans[i]
	if !sp.whole {
		return s.spans[i : i+1]
	}
	s.parts = s.parts[:0]
	before, equalBefore := sp.before, sp.equalBefore
	for at := sp.block; at < c.endOf(sp.block); at++ {
		b := &c.blocks[at]
		if b.feasible == 0 {
			continue
		}
		part := span{block: at, feasible: b.feasible, top: b.top, before: before, equalBefore: equalBefore}
		if sp.equal != 0 && b.top == sp.top {
			part.equal = b.best
			equalBefore += bits.OnesCount64(b.best)
		}
		before += bits.OnesCount64(b.feasible)
		s.parts = append(s.parts, part)
	}
	return s.parts
}
