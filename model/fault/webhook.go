package fault

import (
	"slices"

	"orrery/sim"
)

// webhook is how many faults hold a webhook down, and by how much it is made
// to answer later; the fault that began last decides.
type webhook struct {
	name  string
	downs int
	slow  []*webhookSlow
	down  bool     // what is the case
	late  sim.Dist // what is the case
}

func (d *Director) webhook(name string) *webhook {
	i := slices.IndexFunc(d.webhooks, func(w webhook) bool { return w.name == name })
	if i < 0 {
		i = len(d.webhooks)
		d.webhooks = append(d.webhooks, webhook{name: name})
	}
	return &d.webhooks[i]
}

// settleWebhooks makes what is held be so, and everything else not.
func (d *Director) settleWebhooks() {
	for i := range d.webhooks {
		w := &d.webhooks[i]
		down, late := w.downs > 0, sim.Dist{}
		if n := len(w.slow); n > 0 {
			late = w.slow[n-1].latency
		}
		if down != w.down || late != w.late {
			w.down, w.late = down, late
			d.world.Webhooks().Harm(w.name, down, late)
		}
	}
}
