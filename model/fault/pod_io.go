package fault

import (
	"fmt"
	"strings"
	"time"

	"orrery/model"
)

// podIO has what pods read and write take longer, or be answered with an error, as Chaos
// Mesh's IOChaos does with its latency and fault. A behavior does not say what requests
// read and write, so each request, to or without an error, reads or writes once, and so
// does each start-up of a container; probes are answered without. What it is that the
// kernel answers with decides nothing: the request fails.
type podIO struct {
	slow  podSlow
	fails podError
	stop  func() // nil unless start-ups are late
}

func (f *podIO) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	var said []string
	if !s.Latency.IsZero() {
		f.slow.begin(d, s, pods)
		f.stop = d.world.DelayStarts(f.late)
		said = append(said, "reading and writing takes "+s.Latency.String()+" more")
	}
	if s.Errors > 0 {
		f.fails.begin(d, s, pods)
		said = append(said, fmt.Sprintf("%s of it fails with %s", percent(s.Errors), s.Errno))
	}
	return strings.Join(said, ", "), true
}

// late is how much later a pod's containers start up.
func (f *podIO) late(p *model.Pod) time.Duration {
	for i, ref := range f.slow.pods {
		if ref == p.Ref() {
			return f.slow.by[i]
		}
	}
	return 0
}

func (f *podIO) end(d *Director) {
	f.slow.end(d)
	f.fails.end(d)
	if f.stop != nil {
		f.stop()
	}
}
