package scheduler

import (
	"slices"
	"strings"

	"orrery/model"
)

// FitArgs is NodeResourcesFitArgs: how a node is rated by what of it would be
// used. The zero value takes the defaults.
type FitArgs struct {
	Strategy  Strategy
	Resources []ResourceSpec // default: CPU and memory, weighing the same
	Shape     []ShapePoint   // of RequestedToCapacityRatio, by rising utilization
	// Ignored are extended resources that somebody else looks after, by name or,
	// with a slash at the end, by the group in front of it.
	Ignored []string
}

// ignores tells whether the filter leaves a resource alone. Those that
// Kubernetes knows itself it never does (pkg/apis/core/v1/helper
// IsExtendedResourceName).
func (a *FitArgs) ignores(name string) bool {
	if len(a.Ignored) == 0 || !strings.Contains(name, "/") || strings.Contains(name, "kubernetes.io/") {
		return false
	}
	return slices.ContainsFunc(a.Ignored, func(i string) bool {
		return i == name || strings.HasSuffix(i, "/") && strings.HasPrefix(name, i)
	})
}

// Strategy is how a resource's use becomes a score.
type Strategy uint8

// The strategies
// (pkg/scheduler/framework/plugins/noderesources: least_allocated.go,
// most_allocated.go, requested_to_capacity_ratio.go).
const (
	LeastAllocated           Strategy = iota // the more is free, the better
	MostAllocated                            // the more is used, the better
	RequestedToCapacityRatio                 // as a broken line says
)

// ResourceSpec is a resource and what it weighs, 1 to 100.
type ResourceSpec struct {
	Name   string
	Weight int64
}

// ShapePoint is a corner of a broken line: of a resource used to Utilization
// percent the score is Score, 0 to 10.
type ShapePoint struct{ Utilization, Score int64 }

func (a FitArgs) withDefaults() FitArgs {
	if len(a.Resources) == 0 {
		a.Resources = []ResourceSpec{{"cpu", 1}, {"memory", 1}}
	}
	return a
}

// Score implements ScorePlugin. Containers without a request count with their
// defaults, on the node and in the pod.
func (p *nodeResourcesFit) Score(pod *model.Pod, node *NodeInfo) int64 {
	var sum, weights int64
	for i := range p.args.Resources {
		r := &p.args.Resources[i]
		used, all := usage(r.Name, pod, node)
		if all == 0 {
			continue
		}
		score := p.args.rate(used, all)
		if p.args.Strategy == RequestedToCapacityRatio && score == 0 {
			continue
		}
		sum += score * r.Weight
		weights += r.Weight
	}
	switch {
	case weights == 0:
		return 0
	case p.args.Strategy == RequestedToCapacityRatio:
		return (2*sum + weights) / (2 * weights) // rounded, a half up
	}
	return sum / weights
}

// usage is how much of a node's resource would be used with the pod there, and
// how much there is: 0 if it does not count, as an extended resource that the
// pod does not ask for (resource_allocation.go).
func usage(name string, pod *model.Pod, node *NodeInfo) (used, all int64) {
	have, want, scored := &node.Node.Allocatable, &pod.Spec.Request, &pod.Spec.ScoredRequest
	switch name {
	case "cpu":
		return node.NonZeroRequested.MilliCPU + scored.CPUMilli, have.CPUMilli
	case "memory":
		return node.NonZeroRequested.Memory + scored.MemoryBytes, have.MemoryBytes
	case "ephemeral-storage":
		return node.Requested.EphemeralStorage + want.EphemeralBytes, have.EphemeralBytes
	}
	n := want.ExtendedCount(name)
	if n == 0 {
		return 0, 0
	}
	return node.Requested.scalar(name) + n, have.ExtendedCount(name)
}

func (a *FitArgs) rate(used, all int64) int64 {
	switch a.Strategy {
	case MostAllocated:
		return min(used, all) * MaxNodeScore / all
	case RequestedToCapacityRatio:
		return a.onLine(min(used, all) * 100 / all)
	}
	if used > all {
		return 0
	}
	return (all - used) * MaxNodeScore / all
}

// onLine is the broken line's value, scaled to MaxNodeScore
// (pkg/scheduler/framework/plugins/helper/shape_score.go).
func (a *FitArgs) onLine(x int64) int64 {
	const scale = MaxNodeScore / 10
	for i, p := range a.Shape {
		if x > p.Utilization {
			continue
		}
		if i == 0 {
			return p.Score * scale
		}
		from := a.Shape[i-1]
		return from.Score*scale + (p.Score-from.Score)*scale*(x-from.Utilization)/(p.Utilization-from.Utilization)
	}
	return a.Shape[len(a.Shape)-1].Score * scale
}
