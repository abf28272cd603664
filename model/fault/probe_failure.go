package fault

import (
	"fmt"

	"orrery/model"
)

// probeFailure leaves probes of pods unanswered: all of a sort, or some of them, by
// each one's luck. What probes ask for is well.
type probeFailure struct {
	pods []*model.Pod
	spec *Spec
}

func (f *probeFailure) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	f.spec = s
	for _, o := range pods {
		p := o.(*model.Pod)
		f.pods = append(f.pods, p)
		d.world.Machine(p.NodeID).FailProbes(p.Ref(), s.Container, s.Probes, uint32(s.Errors))
	}
	return fmt.Sprintf("%s of the probes are not answered", percent(s.Errors)), true
}

func (f *probeFailure) end(d *Director) {
	for _, p := range f.pods {
		d.world.Machine(p.NodeID).AnswerProbes(p.Ref(), f.spec.Container, f.spec.Probes, uint32(f.spec.Errors))
	}
}
