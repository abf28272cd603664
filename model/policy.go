package model

import "orrery/sim"

// PodDisruptionBudget is how many of the pods that Selector matches must stay
// when somebody evicts pods (k8s.io/api/policy/v1/types.go). At most one of
// MinAvailable and MaxUnavailable is set; with none nothing may be evicted.
type PodDisruptionBudget struct {
	Meta
	Selector       *Selector // matches nothing if it asks nothing
	MinAvailable   *CountOrPercent
	MaxUnavailable *CountOrPercent
	AlwaysAllow    bool // unhealthyPodEvictionPolicy AlwaysAllow; otherwise IfHealthyBudget

	// Status, written by the disruption controller and by evictions.
	ObservedGeneration int64
	Expected           int32        // expectedPods
	Desired            int32        // desiredHealthy
	Healthy            int32        // currentHealthy
	Allowed            int32        // disruptionsAllowed
	Disrupted          []Disruption // disruptedPods; immutable: replace the slice to change it
}

// Disruption is a pod that was evicted and counts as gone although nobody has
// seen it go.
type Disruption struct {
	Pod string   // its name
	ID  uint32   // its dense number; 0 in what a cluster printed
	At  sim.Time // when its eviction was allowed
}

// Copy implements Object.
func (b *PodDisruptionBudget) Copy() Object { c := *b; return &c }

// Selects tells whether the budget is about the pod.
func (b *PodDisruptionBudget) Selects(p *Pod) bool {
	return p.Namespace == b.Namespace && b.Selector != nil && len(b.Selector.Requirements) > 0 && b.Selector.Matches(p.Labels)
}

// Covers tells whether a disruption of the pod would have to be counted
// (pkg/scheduler/framework/plugins/defaultpreemption filterPodsWithPDBViolation).
func (b *PodDisruptionBudget) Covers(p *Pod) bool {
	if len(p.Labels) == 0 || !b.Selects(p) {
		return false
	}
	for i := range b.Disrupted {
		if b.Disrupted[i].Pod == p.Name {
			return false
		}
	}
	return true
}
