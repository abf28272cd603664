package scheduler

import (
	"iter"

	"orrery/model"
)

// TypicalPod is a shape that many pods have.
type TypicalPod struct {
	model.TypicalPod
	Share float64 //tidy:float a quotient; of all typical pods
}

// TypicalPods is the workload that the policy fragmentation keeps GPUs for:
// model.TypicalPods with the share that each shape has of them. Given are specs
// and how many pods have each.
func TypicalPods(pods iter.Seq2[*model.PodSpec, int64]) []TypicalPod {
	shapes, total := model.TypicalPods(pods)
	enough := int64(0)
	for i := range shapes {
		enough += shapes[i].Pods
	}
	all := make([]TypicalPod, len(shapes))
	for i := range shapes {
		// Two roundings, as in the original.
		of := float64(total)                                           //tidy:float a whole number
		share := float64(shapes[i].Pods) / of / (float64(enough) / of) //tidy:float quotients are the same everywhere
		all[i] = TypicalPod{shapes[i], share}
	}
	return all
}
