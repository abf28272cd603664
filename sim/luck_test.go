package sim

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"testing"
	"time"
)

func TestStreamsAreThoseOfEveryMachineAndVersion(t *testing.T) {
	var b strings.Builder
	write := func(name string, s Stream) {
		fmt.Fprintf(&b, "%s: %016x %016x below 1000: %d %d %d\n", name, s.Uint64(), s.Uint64(), s.Below(1000), s.Below(1000), s.Below(1000))
	}
	for _, seed := range []uint64{0, 1, math.MaxUint64} {
		l := NewLuck(seed)
		write(fmt.Sprintf("seed %d, stream pull/web-7f", seed), l.Stream("pull/web-7f"))
		write(fmt.Sprintf("seed %d, stream empty name", seed), l.Stream(""))
		write(fmt.Sprintf("seed %d, lane pull, web-7f, 0", seed), l.Lane("pull").Draw(HashName("web-7f"), 0))
		write(fmt.Sprintf("seed %d, lane pull, web-7f, 1", seed), l.Lane("pull").Draw(HashName("web-7f"), 1))
	}
	compare(t, "testdata/streams.txt", b.String())
}

func TestNoTwoStreamsAreTheSame(t *testing.T) {
	seen := make(map[uint64]string)
	see := func(name string, s Stream) {
		x := s.Uint64()
		if other, ok := seen[x]; ok {
			t.Fatalf("%s and %s begin with the same number", name, other)
		}
		seen[x] = name
	}
	for seed := range uint64(10) {
		l := NewLuck(seed)
		for purpose := range 10 {
			name := fmt.Sprint("p", purpose)
			see(name, l.Stream(name))
			for object := range 30 {
				id := HashName(fmt.Sprint("web-", object))
				for n := range uint64(30) {
					see(fmt.Sprint(seed, name, object, n), l.Lane(name).Draw(id, n))
				}
			}
		}
	}
}

// Flipping one bit of the object, the occasion or the seed must flip half of the
// bits of the first number, whichever bit it was.
func TestNeighboringStreamsHaveNothingInCommon(t *testing.T) {
	first := func(seed, object, n uint64) uint64 {
		s := NewLuck(seed).Lane("pull").Draw(object, n)
		return s.Uint64()
	}
	for bit := range 64 {
		var flips [3]int
		for i := range uint64(400) {
			x := first(i, i, i)
			flips[0] += bits.OnesCount64(x ^ first(i^1<<bit, i, i))
			flips[1] += bits.OnesCount64(x ^ first(i, i^1<<bit, i))
			flips[2] += bits.OnesCount64(x ^ first(i, i, i^1<<bit))
		}
		for what, n := range flips {
			if mean := float64(n) / 400; math.Abs(mean-32) > 1 { // 5 standard deviations
				t.Errorf("bit %d of argument %d flips %.1f bits", bit, what, mean)
			}
		}
	}
}

func TestBelowIsEven(t *testing.T) {
	s := NewLuck(1).Stream("even")
	for _, n := range []uint64{1, 2, 3, 10, 1000} {
		counts := make([]int, n)
		for range 100 * n {
			counts[s.Below(n)]++
		}
		sum := 0.0 // chi-square
		for _, c := range counts {
			sum += float64(c-100) * float64(c-100) / 100
		}
		if limit := float64(n) + 5*math.Sqrt(2*float64(n)); sum > limit {
			t.Errorf("below %d: chi-square %.1f, want less than %.1f", n, sum, limit)
		}
	}
	// A third of 2^64 and a bit: without rejection, low numbers would be drawn too often.
	const n = 3 << 62
	low := 0
	for range 30_000 {
		if s.Below(n) < n/3 {
			low++
		}
	}
	if math.Abs(float64(low)-10_000) > 5*math.Sqrt(30_000*2/9.) {
		t.Errorf("%d of 30000 in the lower third", low)
	}
	if s.Below(0) != 0 {
		t.Error("below 0")
	}
}

func TestDurationAndChance(t *testing.T) {
	s := NewLuck(1).Stream("s")
	hits := 0
	for range 100_000 {
		if d := s.Duration(time.Second, time.Second+3); d < time.Second || d > time.Second+2 {
			t.Fatal(d)
		}
		if d := s.Duration(-math.MaxInt64, math.MaxInt64); d == math.MaxInt64 {
			t.Fatal(d)
		}
		if s.Chance(0) || !s.Chance(1_000_000) {
			t.Fatal("chance is no chance")
		}
		if s.Chance(250_000) {
			hits++
		}
	}
	if hits < 24_300 || hits > 25_700 {
		t.Errorf("a quarter of 100000 is %d", hits)
	}
	if s.Duration(5, 5) != 5 || s.Duration(5, 4) != 5 {
		t.Error("an empty range")
	}
}

func TestDrawingDoesNotAllocate(t *testing.T) {
	lane := NewLuck(1).Lane("pull")
	n := uint64(0)
	if allocs := testing.AllocsPerRun(100, func() {
		s := lane.Draw(HashName("default/web-7f"), n)
		for _, c := range dists {
			c.dist.Draw(&s)
		}
		n++
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

var sink uint64

func BenchmarkLane(b *testing.B) {
	lane := NewLuck(1).Lane("pull")
	for i := range b.N {
		s := lane.Draw(uint64(i), 1)
		sink += s.Uint64()
	}
}

func BenchmarkDraw(b *testing.B) {
	for _, c := range dists {
		b.Run(strings.ReplaceAll(c.text, " ", "_"), func(b *testing.B) {
			s := NewLuck(1).Stream("draw")
			for range b.N {
				sink += uint64(c.dist.Draw(&s))
			}
		})
	}
}
