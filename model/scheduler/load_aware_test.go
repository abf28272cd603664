package scheduler

import (
	"testing"

	"orrery/model"
	"orrery/sim"
)

// kubernetes-sigs/scheduler-plugins
// pkg/trimaran/targetloadpacking/targetloadpacking.go Score: the line rises from
// the target, at no use, to 100 at the target, and falls to 0 at full use.
func TestLoadIsRatedAroundTheTarget(t *testing.T) {
	for _, c := range []struct{ used, score int64 }{{0, 40}, {1000, 55}, {2000, 70}, {3990, 100}, {4000, 100}, {4001, 40}, {5000, 33}, {9999, 0}, {10_000, 0}, {10_001, 0}} {
		if got := rateLoad(c.used, 10_000); got != c.score {
			t.Errorf("%d of 10,000 are rated %d, want %d", c.used, got, c.score)
		}
	}
}

// PredictUtilisation, with the defaults of apis/config/v1/defaults.go.
func TestContainersAreExpectedToUseTheirLimitOrHalfAsMuchAgainAsTheyAskFor(t *testing.T) {
	s := &model.PodSpec{Overhead: model.Resources{CPUMilli: 7}, Containers: []model.Container{
		{Requests: model.Resources{CPUMilli: 100}, Limits: model.Resources{CPUMilli: 300}},
		{Requests: model.Resources{CPUMilli: 101}}, {}, {AsksForNoCPU: true},
	}}
	if got := expectedCPU(s); got != 7+300+152+1000 {
		t.Errorf("expected are %d", got)
	}
}

func TestMeasuredUseDecidesAndPodsTooNewToBeMeasuredCountAsExpected(t *testing.T) {
	measured := map[uint32]int64{1: 1000, 2: 3500, 3: 8000}
	p := NewPlanner(PlannerConfig{Profile: PolicyNamed("load-aware"), PercentageOfNodesToScore: 100, Ties: TiesFirst})
	p.search.cache.usage = func(node uint32) (int64, sim.Time, bool) { return measured[node], 0, true }
	for _, name := range []string{"idle", "warm", "hot"} {
		n := node(name, "", 10_000, 64)
		n.Capacity = n.Allocatable
		p.AddNode(n)
	}
	full := pod("full", spec(9000, gib)) // asks for much, and uses nothing
	full.ID, full.NodeName = 9, "warm"
	p.Assign(full)
	small := func(id uint32) *model.Pod { x := pod("small", spec(200, gib)); x.ID = id; return x }
	for i, want := range []string{"warm", "idle", "idle"} {
		x := small(uint32(10 + i))
		d := p.Decide(x)
		if d.Node != want {
			t.Errorf("pod %d goes to %q, want %q", i, d.Node, want)
		}
		p.Place(x, d.Node) // 300 more are expected there
	}
}
