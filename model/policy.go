package model

// PodDisruptionBudget is how many of the pods that Selector matches may be
// missing at once, as far as its status says: nothing here counts the pods
// (k8s.io/api/policy/v1/types.go).
type PodDisruptionBudget struct {
	Namespace string
	Selector  *Selector // matches nothing if it asks nothing
	Allowed   int32     // status.disruptionsAllowed
	Disrupted []string  // the pods of status.disruptedPods: counted already
}

// Covers tells whether a disruption of the pod would have to be counted
// (pkg/scheduler/framework/plugins/defaultpreemption filterPodsWithPDBViolation).
func (b *PodDisruptionBudget) Covers(p *Pod) bool {
	if p.Namespace != b.Namespace || len(p.Labels) == 0 || b.Selector == nil || len(b.Selector.Requirements) == 0 || !b.Selector.Matches(p.Labels) {
		return false
	}
	for _, name := range b.Disrupted {
		if name == p.Name {
			return false
		}
	}
	return true
}
