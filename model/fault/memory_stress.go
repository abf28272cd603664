package fault

import (
	"fmt"

	"orrery/model"
)

// memoryStress has a process outside of all pods use memory, steadily until it has enough,
// as Chaos Mesh's memStress and stress-ng do: the kubelet's eviction and the kernel are
// left with what pods have. The kernel may kill the process itself, which begins anew then.
type memoryStress struct {
	nodes   []model.Object
	numbers []int64 // beside nodes: of the processes
}

func (f *memoryStress) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.nodes = nodes
	for _, n := range nodes {
		f.numbers = append(f.numbers, d.host(n.Head().ID).TakeMemory(s.FillPPM, s.Over, s.OOMScoreAdj))
	}
	return fmt.Sprintf("a process fills %s of the memory, with oom_score_adj %d", percent(s.FillPPM), s.OOMScoreAdj), true
}

func (f *memoryStress) end(d *Director) {
	for i, n := range f.nodes {
		d.host(n.Head().ID).ReturnMemory(f.numbers[i])
	}
}
