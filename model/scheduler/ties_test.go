package scheduler

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"orrery/sim"
)

// placesOf is where the first of n equal pods go in a run, on nodes of which all
// are equal.
func placesOf(t *testing.T, seed uint64, c Config, n int) (out []string) {
	w := newSeededWorld(t, seed, c, nodes(10, 64_000, 256)...)
	shape := spec(100, gib)
	w.run(time.Second)
	for i := range n {
		p := w.add(pod(fmt.Sprintf("p-%d", i), shape))
		w.run(time.Duration(i+2) * time.Second)
		out = append(out, w.pod(p).NodeName)
		w.remove(p)
	}
	return out
}

// Ties: by default in the order of the score heap from a rotating start, which
// on equal nodes is the next one; up to v1.34 at random, from a stream of its
// own; or the first of the list (pkg/scheduler/schedule_one.go selectHost).
func TestTiesAreBrokenAsTheConfigSays(t *testing.T) {
	if got := placesOf(t, 1, Config{Ties: TiesFirst}, 5); !slices.Equal(got, []string{"n-0", "n-0", "n-0", "n-0", "n-0"}) {
		t.Errorf("first: %q", got)
	}
	heap := placesOf(t, 1, Config{}, 30)
	if !slices.Equal(heap, placesOf(t, 2, Config{}, 30)) {
		t.Error("the order of the heap depends on the seed")
	}
	one, same, other := placesOf(t, 1, Config{Ties: TiesRandom}, 30), placesOf(t, 1, Config{Ties: TiesRandom}, 30), placesOf(t, 2, Config{Ties: TiesRandom}, 30)
	if !slices.Equal(one, same) || slices.Equal(one, other) || slices.Equal(one, heap) {
		t.Errorf("random: %q, the same seed %q, another %q", one, same, other)
	}
	slices.Sort(one)
	if n := len(slices.Compact(one)); n < 6 {
		t.Errorf("random ties fell on %d of 10 nodes only", n)
	}
}

// Each of a hundred equal nodes is as likely: about 100 of 10,000 draws
// (v1.34 pkg/scheduler/schedule_one.go selectHost, a reservoir).
func TestRandomTiesAreFair(t *testing.T) {
	p := NewPlanner(PlannerConfig{Profile: DefaultProfile(), PercentageOfNodesToScore: 100, Ties: TiesRandom, Luck: sim.NewLuck(7)})
	for _, n := range nodes(100, 64_000, 256) {
		p.AddNode(n)
	}
	counts := map[string]int{}
	x := pod("p", spec(100, gib))
	for range 10_000 {
		counts[p.Decide(x).Node]++
	}
	for n, k := range counts {
		if k < 60 || k > 145 { // four standard deviations
			t.Errorf("%s was taken %d times of 10,000", n, k)
		}
	}
	if len(counts) != 100 {
		t.Errorf("%d of 100 nodes were taken", len(counts))
	}
}
