package scheduler

import (
	"math"
	"math/rand/v2"
	"testing"

	"orrery/model"
)

// The slow twin is the sum in whole numbers that the report makes; what the policy
// adds up, as the original does, may differ from it by rounding only.
func TestThePolicyAndTheReportMeanTheSameFragmentation(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		specs := map[*model.PodSpec]int64{}
		for range 1 + rng.IntN(12) {
			s := &model.PodSpec{Request: model.Resources{CPUMilli: rng.Int64N(9) * 1000}}
			if rng.IntN(4) > 0 {
				s.GPU = &model.GPURequest{Devices: 1, MilliEach: 100 * (1 + rng.Int64N(10))}
				if s.GPU.MilliEach == model.GPUMilli {
					s.GPU.Devices = 1 + rng.Int64N(8)
				}
				if rng.IntN(3) == 0 {
					s.GPU.Models = []string{"T4"}
				}
			}
			specs[s] = 1 + rng.Int64N(100)
		}
		each := func(yield func(*model.PodSpec, int64) bool) {
			for s, n := range specs {
				if !yield(s, n) {
					return
				}
			}
		}
		free := make([]int64, 1+rng.IntN(8))
		for i := range free {
			free[i] = 100 * rng.Int64N(11)
		}
		kind, cpu := []string{"T4", "A100"}[rng.IntN(2)], rng.Int64N(9)*1000
		p := &fragmentation{typical: TypicalPods(each)}
		typical, _ := model.TypicalPods(each)
		var lost, pods int64
		for i := range typical {
			lost += typical[i].Pods * typical[i].Unusable(kind, cpu, free)
			pods += typical[i].Pods
		}
		if got, want := p.lost(kind, cpu, free), float64(lost)/float64(pods); math.Abs(got-want) > 1e-6 {
			t.Fatalf("%v free of %s, %d milli-CPU: %v, want %v", free, kind, cpu, got, want)
		}
	}
}
