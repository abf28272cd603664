package scheduler

import "orrery/model"

// bestFit prefers the node that would have the least CPU and GPU left, both
// measured by the largest machine there is and weighing the same
// (hkust-adsl/kubernetes-scheduler-simulator
// pkg/simulator/plugin/best_fit_score.go getBestFitScore; what it computes with
// floating-point numbers is here a fraction of integers).
type bestFit struct{}

func newBestFit(*Handle) Plugin { return bestFit{} }

func (bestFit) Name() string { return "BestFit" }

// SignPod implements SignPlugin.
func (bestFit) SignPod(key []byte, pod *model.Pod) []byte {
	return signGPU(signNumber(key, pod.Spec.Request.CPUMilli), pod.Spec.GPU)
}

// The largest machine (pkg/type/open-gpu-share/utils/const.go).
const (
	maxSpecCPU = 128_000 // milli
	maxSpecGPU = 8_000   // milli
)

// Score implements ScorePlugin.
func (bestFit) Score(pod *model.Pod, node *NodeInfo) int64 {
	const whole = 2 * maxSpecCPU // each resource is half of it
	cpu := node.Node.Allocatable.CPUMilli - node.Requested.MilliCPU - pod.Spec.Request.CPUMilli
	gpu := node.GPU.Total() - pod.Spec.GPU.Milli()
	return (whole - cpu - gpu*(maxSpecCPU/maxSpecGPU)) * MaxNodeScore / whole
}

// NormalizeScore implements ScoreExtensions
// (pkg/simulator/plugin/plugin_utils.go NormalizeScore).
func (bestFit) NormalizeScore(scores []int64) { stretch(scores) }

// stretch makes the lowest score 0 and the highest MaxNodeScore; if all are equal
// they are 0.
func stretch(scores []int64) {
	low, high := scores[0], scores[0]
	for _, s := range scores {
		low, high = min(low, s), max(high, s)
	}
	for i := range scores {
		scores[i] -= low
		if high > low {
			scores[i] = scores[i] * MaxNodeScore / (high - low)
		}
	}
}
