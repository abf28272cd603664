package scheduler

import "orrery/model"

// gpuClustering keeps pods that want the same number of GPUs, or a share of one,
// together, and fills nodes that have few GPUs left
// (hkust-adsl/kubernetes-scheduler-simulator
// pkg/simulator/plugin/gpu_clustering_score.go).
type gpuClustering struct{}

func newGPUClustering(*Handle) Plugin { return gpuClustering{} }

func (gpuClustering) Name() string { return "GPUClustering" }

// SignPod implements SignPlugin.
func (gpuClustering) SignPod(key []byte, pod *model.Pod) []byte { return signGPU(key, pod.Spec.GPU) }

// Score implements ScorePlugin.
func (gpuClustering) Score(pod *model.Pod, node *NodeInfo) int64 {
	const quarter = MaxNodeScore / 4
	if pod.Spec.GPU == nil || node.GPU == nil {
		return 0
	}
	same, others := false, false
	for i := range node.GPU.held {
		if affinity(node.GPU.held[i].pod) == affinity(pod) {
			same = true
		} else {
			others = true
		}
	}
	base := int64(0)
	switch {
	case same && !others:
		base = 3 * quarter
	case same:
		base = 2 * quarter
	case !others: // an idle node
		base = quarter
	}
	return base + quarter*(maxSpecGPU-node.GPU.Total())/maxSpecGPU
}

// affinity is how many GPUs a pod wants, 0 for a share of one
// (pkg/type/open-gpu-share/utils/pod.go GetGpuAffinityFromPodAnnotation).
func affinity(pod *model.Pod) int64 {
	if pod.Spec.GPU.MilliEach < model.GPUMilli {
		return 0
	}
	return pod.Spec.GPU.Devices
}
