package fault

import (
	"fmt"

	"orrery/model"
)

// probeHarm has probes of pods fail that what they ask for would not: they are left
// unanswered, all of a sort or some, by each one's luck; or they are answered later, by
// a time that is drawn for each, and too late is when the timeout is over.
type probeHarm struct{ undoing }

func (f *probeHarm) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	harm := model.ProbeHarm{Kinds: s.Probes, Lost: uint32(s.Errors), Slow: s.Latency}
	names := s.Containers
	if len(names) == 0 {
		names = []string{""} // all of a pod
	}
	f.pods(d, pods, func(h Host, p *model.Pod) func() {
		for _, name := range names {
			h.HarmProbes(p.Ref(), name, harm)
		}
		return func() {
			for _, name := range names {
				h.HealProbes(p.Ref(), name, harm)
			}
		}
	})
	if s.Latency.IsZero() {
		return fmt.Sprintf("%s of the probes are not answered", percent(s.Errors)), true
	}
	return "an answer to a probe takes " + s.Latency.String() + " more", true
}
