package model

// ResourceQuota is how much the pods of a namespace may ask for in all
// (k8s.io/api/core/v1/types.go).
type ResourceQuota struct {
	Meta
	Hard QuotaAmounts // -1 is no limit

	// Status, written by the quota controller and by admission.
	Known bool // it was computed once; before, nothing is let in
	Used  QuotaAmounts
}

// Copy implements Object.
func (q *ResourceQuota) Copy() Object { c := *q; return &c }

// QuotaAmounts is what a quota counts, in the order of QuotaNames: pods,
// thousandths of cores, bytes, and the latter two as limits.
type QuotaAmounts [5]int64

// QuotaNames is what ResourceQuotas call what they count.
var QuotaNames = [5]string{"pods", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"}

// QuotaOf is what a pod counts for: nothing once it has ended
// (pkg/quota/v1/evaluator/core/pods.go PodUsageFunc).
func QuotaOf(p *Pod) QuotaAmounts {
	if p.Phase.Terminal() {
		return QuotaAmounts{}
	}
	requests, limits := p.Counted().Request, p.limited().sum(func(c *Container) Resources { return c.Limits })
	return QuotaAmounts{1, requests.CPUMilli, requests.MemoryBytes, limits.CPUMilli, limits.MemoryBytes}
}

// limited is the spec with the limits that a pod counts for: the larger of what it wants and
// what it has (k8s.io/component-helpers/resource/helpers.go determineEffectiveLimits).
func (p *Pod) limited() *PodSpec {
	if p.Resize != nil && p.Resize.Pending == ResizeInfeasible {
		return p.Has()
	}
	return p.Spec.Covering(p.Has())
}

// Add is a plus sign times b.
func (a QuotaAmounts) Add(b QuotaAmounts, sign int64) QuotaAmounts {
	for i := range a {
		a[i] += sign * b[i]
	}
	return a
}

// Counted is the amounts that the quota limits, 0 for the others.
func (q *ResourceQuota) Counted(a QuotaAmounts) QuotaAmounts {
	for i := range a {
		if q.Hard[i] < 0 {
			a[i] = 0
		}
	}
	return a
}
