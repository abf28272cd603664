package workload

// Computed is how many flows and classes of pods were computed, each time counted.
func (t *Flows) Computed() int { return t.computed }

// Busy has it count as if tooMuch were computed in this second.
func (t *Flows) Busy() { t.computed += tooMuch }

// Afresh has each pod's class found by itself whenever a Service's pods are divided: the slow twin.
func (t *Flows) Afresh() { t.afresh = true }

// Remembered is how many senders of all flows are remembered, and how many clients' endpoints.
func (t *Flows) Remembered() (senders, clients int) {
	for i := range t.flows {
		senders, clients = senders+len(t.flows[i].senders), clients+len(t.flows[i].held)
	}
	return senders, clients
}

// Told is what those are told, of a million, whose lookups a flow's lots send: errors, and that nobody is there.
func (t *Flows) Told(from string) (all [][2]int64) {
	for i := range t.flows {
		if f := &t.flows[i]; f.From == from {
			for k := range f.lots {
				all = append(all, [2]int64{f.lots[k].errors, f.lots[k].nobody})
			}
		}
	}
	return all
}
