package scheduler

import (
	"container/heap"
	"math/bits"
	"testing"

	"orrery/sim"
)

// Of many equals the one is taken that kube-scheduler's heap ends up with, found
// either way (pkg/scheduler/schedule_one.go newSortedNodeScores).
func TestTheRootOfTheHeapIsFoundWithoutTheHeap(t *testing.T) {
	c := chaos{luck: sim.NewLuck(1).Stream("heap")}
	for range 3000 {
		s, class := &search{}, &class{shape: &shape{}}
		var list nodeScoreHeap
		rare := 1 + c.n(40)
		for i := range 1 + c.n(12) {
			sp := span{block: i, before: len(list)}
			for at := range blockSize {
				id := uint32(i*blockSize + at + 1)
				if class.order = append(class.order, id); !c.one(3) {
					sp.feasible |= 1 << at
					x := nodeScore{node: id}
					if c.one(rare) {
						x.total = 1
					}
					list = append(list, x)
				}
				v := int32(-1)
				if sp.feasible>>at&1 != 0 {
					v = int32(2 * list[len(list)-1].total)
				}
				class.board.verdicts = append(class.board.verdicts, v)
			}
			s.spans = append(s.spans, sp)
		}
		class.blocks = make([]block, len(s.spans))
		order := class.order
		class.order, class.board.verdicts = order, append([]int32{0}, class.board.verdicts...)
		n := s.leave(class)
		heap.Init(&list)
		if got := s.root(class); got != list[0].node {
			t.Fatalf("%d equals of %d: it is node %d, want %d", n, len(list), got, list[0].node)
		}
	}
}

func TestSelectBitIsTheInverseOfCounting(t *testing.T) {
	c := chaos{luck: sim.NewLuck(2).Stream("bits")}
	for range 10_000 {
		word := c.luck.Uint64() & c.luck.Uint64()
		for n := range bits.OnesCount64(word) {
			if at := selectBit(word, n); word>>at&1 == 0 || bits.OnesCount64(word&(1<<at-1)) != n {
				t.Fatalf("bit %d of %b is at %d", n, word, at)
			}
		}
	}
}
