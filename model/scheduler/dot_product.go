package scheduler

import "orrery/model"

// dotProduct prefers the node where the product of what is free and what the pod
// wants is the smallest, CPU and GPU both measured by the largest machine there
// is: the heuristic of Tetris turned round, as the GPU simulator uses it
// (hkust-adsl/kubernetes-scheduler-simulator
// pkg/simulator/plugin/dot_product_score.go, with dimExtMethod merge and
// normMethod max).
type dotProduct struct{}

func newDotProduct(*Handle) Plugin { return dotProduct{} }

func (dotProduct) Name() string { return "DotProduct" }

// SignPod implements SignPlugin.
func (dotProduct) SignPod(key []byte, pod *model.Pod) []byte {
	return signGPU(signNumber(key, pod.Spec.Request.CPUMilli), pod.Spec.GPU)
}

// Score implements ScorePlugin. A machine larger than the largest gets no less
// than 0.
func (dotProduct) Score(pod *model.Pod, node *NodeInfo) int64 {
	const (
		scale = maxSpecCPU / maxSpecGPU
		whole = 2 * maxSpecCPU * maxSpecCPU
	)
	cpu := (node.Node.Allocatable.CPUMilli - node.Requested.MilliCPU) * pod.Spec.Request.CPUMilli
	gpu := node.GPU.Total() * scale * pod.Spec.GPU.Milli() * scale
	return max(0, MaxNodeScore*(whole-cpu-gpu)/whole)
}
