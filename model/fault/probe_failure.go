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
		f.pods = append(f.pods, o.(*model.Pod))
	}
	f.each(func(p *model.Pod, container string) {
		d.host(p.NodeID).FailProbes(p.Ref(), container, s.Probes, uint32(s.Errors))
	})
	return fmt.Sprintf("%s of the probes are not answered", percent(s.Errors)), true
}

// each does something to every container, "" for all of a pod.
func (f *probeFailure) each(do func(p *model.Pod, container string)) {
	names := f.spec.Containers
	if len(names) == 0 {
		names = []string{""}
	}
	for _, p := range f.pods {
		for _, name := range names {
			do(p, name)
		}
	}
}

func (f *probeFailure) end(d *Director) {
	f.each(func(p *model.Pod, container string) {
		d.host(p.NodeID).AnswerProbes(p.Ref(), container, f.spec.Probes, uint32(f.spec.Errors))
	})
}
