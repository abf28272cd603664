package fault

import (
	"slices"

	"orrery/model"
	"orrery/sim"
)

// webhookSlow makes webhooks take longer to answer.
type webhookSlow struct {
	names   []string
	latency sim.Dist
}

func (f *webhookSlow) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.names, f.latency = s.Webhooks, s.Latency
	for _, name := range f.names {
		w := d.webhook(name)
		w.slow = append(w.slow, f)
	}
	return "an answer takes " + s.Latency.String() + " more", true
}

func (f *webhookSlow) end(d *Director) {
	for _, name := range f.names {
		w := d.webhook(name)
		w.slow = slices.DeleteFunc(w.slow, func(o *webhookSlow) bool { return o == f })
	}
}
