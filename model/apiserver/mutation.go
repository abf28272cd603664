package apiserver

import (
	"slices"

	"orrery/model"
)

// apply is spec as the mutation makes it, or spec itself if that changes
// nothing.
func (m *Mutation) apply(spec *model.PodSpec) *model.PodSpec {
	out := *spec
	changed := false
	for _, t := range m.Tolerations {
		if !slices.Contains(out.Tolerations, t) {
			out.Tolerations, changed = append(slices.Clone(out.Tolerations), t), true
		}
	}
	if !m.Requests.IsZero() {
		out.Containers, out.InitContainers = slices.Clone(spec.Containers), slices.Clone(spec.InitContainers)
		asks := model.LimitRangeItem{DefaultRequest: m.Requests}
		for _, list := range [][]model.Container{out.Containers, out.InitContainers} {
			for i := range list {
				changed = fill(&list[i], &asks) || changed
			}
		}
	}
	if !changed {
		return spec
	}
	out.SumRequests()
	return &out
}
