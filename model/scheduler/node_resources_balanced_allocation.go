package scheduler

import (
	"math"

	"orrery/model"
)

// balancedAllocation prefers nodes whose CPU and memory would be used to the
// same share
// (pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go,
// v1.35: later versions compare with the node as it is without the pod).
type balancedAllocation struct{ skip *Status }

func newBalancedAllocation(h *Handle) Plugin {
	p := &balancedAllocation{}
	p.skip = h.Status(p.Name(), Skip)
	return p
}

func (*balancedAllocation) Name() string { return "NodeResourcesBalancedAllocation" }

// SignPod implements SignPlugin.
func (*balancedAllocation) SignPod(key []byte, pod *model.Pod) []byte {
	return signResources(key, &pod.Spec.Request)
}

// PreScore implements PreScorePlugin: pods that ask for nothing are not
// balanced, or they would all go to one node.
func (p *balancedAllocation) PreScore(pod *model.Pod) *Status {
	if pod.Spec.Request.CPUMilli == 0 && pod.Spec.Request.MemoryBytes == 0 {
		return p.skip
	}
	return nil
}

// Score implements ScorePlugin. It counts real requests, without defaults. The
// arithmetic is kube-scheduler's own, in floating point; no product is added to
// anything, so it is the same on every processor.
func (*balancedAllocation) Score(pod *model.Pod, node *NodeInfo) int64 {
	want, all, used := &pod.Spec.Request, &node.Node.Allocatable, &node.Requested
	if all.CPUMilli == 0 || all.MemoryBytes == 0 {
		return MaxNodeScore // fewer than two resources deviate by nothing
	}
	cpu := share(used.MilliCPU+want.CPUMilli, all.CPUMilli)
	memory := share(used.Memory+want.MemoryBytes, all.MemoryBytes)
	return int64((1 - math.Abs((cpu-memory)/2)) * MaxNodeScore)
}

func share(requested, capacity int64) float64 { //tidy:float a quotient, rounded once on every processor
	return min(1, float64(requested)/float64(capacity)) //tidy:float see above
}
