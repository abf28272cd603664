package fault

import (
	"fmt"

	"orrery/model"
)

// tookNothing is what is said of a fault that takes a share of something, where that is in use
// already, or there is no power.
const tookNothing = "so much is in use already, or there is no power"

// memoryStress has a process outside of all pods use memory, steadily until it has enough,
// as Chaos Mesh's memStress and stress-ng do: the kubelet's eviction and the kernel are
// left with what pods have. The kernel may kill the process itself, which begins anew then.
type memoryStress struct{ undoing }

func (f *memoryStress) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	any := false
	f.hosts(d, nodes, func(h Host, _ *model.Node) func() {
		process := h.TakeMemory(s.FillPPM, s.Over, s.OOMScoreAdj)
		any = any || process > 0
		return func() { h.ReturnMemory(process) }
	})
	if !any {
		return tookNothing, false
	}
	return fmt.Sprintf("a process fills the memory up to %s, with oom_score_adj %d", percent(s.FillPPM), s.OOMScoreAdj), true
}
