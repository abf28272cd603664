package scheduler

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"orrery/model"
)

// TypicalPod is a shape that many pods have.
type TypicalPod struct {
	CPUMilli int64
	GPU      *model.GPURequest // nil if it wants none
	Pods     int64             // how many have it
	Share    float64           //tidy:float a quotient; of all typical pods
}

// typicalPercent is how much of all pods the typical shapes make up
// (hkust-adsl/kubernetes-scheduler-simulator scripts/generate_config_and_run.py,
// PodPopularityThreshold).
const typicalPercent = 95

// TypicalPods is the most frequent shapes of pods, as many as are needed for 95 %
// of them; given are specs and how many pods have each. It is the workload that
// the policy fragmentation keeps GPUs for
// (hkust-adsl/kubernetes-scheduler-simulator pkg/utils/frag.go GetTypicalPods).
func TypicalPods(pods iter.Seq2[*model.PodSpec, int64]) []TypicalPod {
	var all []TypicalPod
	index, total := map[string]int{}, int64(0)
	for spec, n := range pods {
		key := string(signGPU(signNumber(nil, spec.Request.CPUMilli), spec.GPU))
		i, ok := index[key]
		if !ok {
			i = len(all)
			index[key] = i
			all = append(all, TypicalPod{CPUMilli: spec.Request.CPUMilli, GPU: spec.GPU})
		}
		all[i].Pods += n
		total += n
	}
	slices.SortStableFunc(all, func(a, b TypicalPod) int { return compareShapes(&b, &a) })
	enough, n := int64(0), 0
	for ; n < len(all) && enough*100 < total*typicalPercent; n++ {
		enough += all[n].Pods
	}
	for i := range all[:n] {
		// Two roundings, as in the original.
		of := float64(total)                                              //tidy:float a whole number
		all[i].Share = float64(all[i].Pods) / of / (float64(enough) / of) //tidy:float quotients are the same everywhere
	}
	return all[:n]
}

// compareShapes puts rarer shapes first and, of equally frequent ones, smaller ones
// (pkg/type/resource.go TargetPodList.Less).
func compareShapes(a, b *TypicalPod) int {
	var none model.GPURequest
	x, y := cmp.Or(a.GPU, &none), cmp.Or(b.GPU, &none)
	return cmp.Or(
		cmp.Compare(a.Pods, b.Pods),
		cmp.Compare(a.CPUMilli, b.CPUMilli),
		cmp.Compare(x.MilliEach, y.MilliEach),
		cmp.Compare(x.Devices, y.Devices),
		strings.Compare(strings.Join(x.Models, "|"), strings.Join(y.Models, "|")),
	)
}
