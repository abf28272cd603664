package workload

// Computed is how many flows and classes of pods were computed, each time counted.
func (t *Flows) Computed() int { return t.computed }
