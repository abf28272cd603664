package scheduler

import (
	"math"
	"math/bits"
	"slices"
)

// blockSize is how many nodes are a block: one for each bit of a word.
const blockSize = 64

// block is nodes that follow each other in the order of search, as a shape sees
// them; bit i of each word stands for the i-th. A search takes blocks as a
// whole: it counts the nodes that can take the pod by counting bits, and knows
// the best of them without looking at any.
type block struct {
	stale    uint64 // nodes that have changed since they were asked, or never were
	feasible uint64 // nodes that can take the pod
	relative uint64 // those of them with a raw score that is not 0
	best     uint64 // those of them with the highest verdict
	top      int32  // that verdict; -1 if no node is feasible
	first    uint32 // the lowest ID of best; 0 if it is not known
}

// unknown is the verdict about a node that was never asked.
const unknown = math.MinInt32

// board is what a shape knows about the nodes.
//
// A verdict, if negative, is the complement of the id of the Status that rejects
// the node. Otherwise it is twice the sum of the plain scores, plus 1 if any raw
// score is not 0.
type board struct {
	order    []uint32 // that the blocks go by
	blocks   []block
	tracts   []tract // of tractSize blocks each
	verdicts []int32 // by node ID; right unless the node's block says it is stale
	rejected []int   // by status ID: the nodes of order with that verdict
	seen     uint64  // the last change of a row that the blocks know of
}

// catchUp marks the nodes that changed since the board was last looked at. They
// are asked when a search comes to their block.
func (b *board) catchUp(c *cache) {
	order := c.tree.list()
	if !sameOrder(b.order, order) {
		b.arrange(c, order)
		return
	}
	if b.seen < c.forgotten {
		for i, id := range order {
			if c.changedAt[id] > b.seen {
				b.mark(i)
			}
		}
	} else {
		for _, id := range c.log[b.seen-c.forgotten:] {
			if i := c.tree.placeOf(id); i >= 0 {
				b.mark(i)
			}
		}
	}
	b.seen = c.logged()
}

// sameOrder tells whether two orders are the very same list.
func sameOrder(a, b []uint32) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// arrange takes on a new order.
func (b *board) arrange(c *cache, order []uint32) {
	for i := range b.blocks {
		for stale := b.blocks[i].stale; stale != 0; stale &= stale - 1 {
			b.verdicts[b.order[i*blockSize+bits.TrailingZeros64(stale)]] = unknown
		}
	}
	b.blocks = cleared(b.blocks, (len(order)+blockSize-1)/blockSize)
	b.tracts = cleared(b.tracts, (len(b.blocks)+tractSize-1)/tractSize)
	clear(b.rejected)
	for i, id := range order {
		x := &b.blocks[i/blockSize]
		bit := uint64(1) << (i % blockSize)
		v := b.verdicts[id]
		switch {
		case v == unknown || c.changedAt[id] > b.seen:
			b.verdicts[id] = unknown
			x.stale |= bit
		case v < 0:
			b.reject(v, 1)
		default:
			x.feasible |= bit
			x.relative |= bit * uint64(v&1)
		}
	}
	b.order = order
	for i := range b.blocks {
		x, s := &b.blocks[i], b.tractOf(i)
		x.top, x.best = b.elect(i, x.feasible)
		s.feasible += int32(bits.OnesCount64(x.feasible))
		s.stale = true
	}
	b.seen = c.logged()
}

// cleared is a list of n zero values, in the place of another if that is long
// enough.
func cleared[T any](old []T, n int) []T {
	old = slices.Grow(old[:0], n)[:n]
	clear(old)
	return old
}

// reject counts n nodes more with a verdict.
func (b *board) reject(verdict int32, n int) {
	if verdict >= 0 || verdict == unknown {
		return
	}
	for int(^verdict) >= len(b.rejected) {
		b.rejected = append(b.rejected, 0)
	}
	b.rejected[^verdict] += n
}

// elect finds the highest verdict among some feasible nodes of a block, and who
// has it; -1 if there are none.
func (b *board) elect(i int, among uint64) (top int32, best uint64) {
	top = -1
	for rest := among; rest != 0; rest &= rest - 1 {
		at := bits.TrailingZeros64(rest)
		switch v := b.verdicts[b.order[i*blockSize+at]]; {
		case v > top:
			top, best = v, 1<<at
		case v == top:
			best |= 1 << at
		}
	}
	return top, best
}

// lowest is the lowest ID of some nodes of a block.
func (b *board) lowest(i int, among uint64) uint32 {
	x := &b.blocks[i]
	if among == x.best && x.first != 0 {
		return x.first
	}
	var first uint32 = math.MaxUint32
	for rest := among; rest != 0; rest &= rest - 1 {
		first = min(first, b.order[i*blockSize+bits.TrailingZeros64(rest)])
	}
	if among == x.best {
		x.first = first
	}
	return first
}

// fresh is a block of which no node is stale.
func (c *shape) fresh(i int, rows []NodeInfo) *block {
	x := &c.blocks[i]
	if x.stale != 0 {
		c.refresh(i, x, rows)
	}
	return x
}

// refresh asks the stale nodes of a block.
func (c *shape) refresh(i int, x *block, rows []NodeInfo) {
	asked, count := x.stale, bits.OnesCount64(x.feasible)
	var top, best = int32(-1), uint64(0) // of those asked
	x.feasible &^= asked
	x.relative &^= asked
	for ; x.stale != 0; x.stale &= x.stale - 1 {
		at := bits.TrailingZeros64(x.stale)
		id := c.order[i*blockSize+at]
		v := c.ask(id, &rows[id])
		if v != c.verdicts[id] {
			c.reject(c.verdicts[id], -1)
			c.reject(v, 1)
			c.verdicts[id] = v
		}
		bit := uint64(1) << at
		if v < 0 {
			continue
		}
		x.feasible |= bit
		x.relative |= bit * uint64(v&1)
		if v > top {
			top, best = v, bit
		} else if v == top {
			best |= bit
		}
	}
	c.tractOf(i).feasible += int32(bits.OnesCount64(x.feasible) - count)
	others := x.best &^ asked
	x.first = 0
	switch {
	case top > x.top:
		x.top, x.best = top, best
	case top == x.top:
		x.best = others | best
	case others != 0:
		x.best = others
	default: // all of the best have become worse
		x.top, x.best = c.elect(i, x.feasible)
	}
}

// selectBit is the place of the n-th bit that is set, counting from 0.
func selectBit(word uint64, n int) (at int) {
	for width := blockSize / 2; width > 0; width /= 2 {
		if low := bits.OnesCount64(word & (1<<width - 1)); n >= low {
			n -= low
			word >>= width
			at += width
		}
	}
	return at
}
