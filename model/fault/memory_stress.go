package fault

import (
	"fmt"

	"orrery/model"
)

// memoryStress has a process outside of all pods use memory, steadily until it has enough,
// as Chaos Mesh's memStress and stress-ng do: the kubelet's eviction and the kernel are
// left with what pods have. The kernel may kill the process itself, which begins anew then.
type memoryStress struct{ undoing }

func (f *memoryStress) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.hosts(d, nodes, func(h Host, _ *model.Node) func() {
		process := h.TakeMemory(s.FillPPM, s.Over, s.OOMScoreAdj)
		return func() { h.ReturnMemory(process) }
	})
	return fmt.Sprintf("a process fills the memory up to %s, with oom_score_adj %d", percent(s.FillPPM), s.OOMScoreAdj), true
}
