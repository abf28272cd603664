package fault

import (
	"fmt"

	"orrery/model"
)

// probeHarm has probes of pods fail that what they ask for would not: they are left
// unanswered, all of a sort or some, by each one's luck; or they are answered later, by
// a time that is drawn for each, and too late is when the timeout is over.
type probeHarm struct {
	pods       []*model.Pod
	containers []string // "" is all of a pod
	model.ProbeHarm
}

func (f *probeHarm) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	f.containers, f.ProbeHarm = s.Containers, model.ProbeHarm{Kinds: s.Probes, Lost: uint32(s.Errors), Slow: s.Latency}
	if len(f.containers) == 0 {
		f.containers = []string{""}
	}
	for _, o := range pods {
		p := o.(*model.Pod)
		f.pods = append(f.pods, p)
		for _, name := range f.containers {
			d.host(p.NodeID).HarmProbes(p.Ref(), name, f.ProbeHarm)
		}
	}
	if f.Slow.IsZero() {
		return fmt.Sprintf("%s of the probes are not answered", percent(s.Errors)), true
	}
	return "an answer to a probe takes " + f.Slow.String() + " more", true
}

func (f *probeHarm) end(d *Director) {
	for _, p := range f.pods {
		for _, name := range f.containers {
			d.host(p.NodeID).HealProbes(p.Ref(), name, f.ProbeHarm)
		}
	}
}
