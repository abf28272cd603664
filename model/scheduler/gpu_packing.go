package scheduler

import (
	"slices"

	"orrery/model"
)

// gpuPacking would rather use shared GPUs than free ones, and rather free ones of
// a node in use than those of an idle node
// (hkust-adsl/kubernetes-scheduler-simulator
// pkg/simulator/plugin/gpu_packing_score.go getPackingScore).
type gpuPacking struct{ free []int64 } // scratch space

func newGPUPacking(*Handle) Plugin { return &gpuPacking{} }

func (*gpuPacking) Name() string { return "GPUPacking" }

// SignPod implements SignPlugin.
func (*gpuPacking) SignPod(key []byte, pod *model.Pod) []byte { return signGPU(key, pod.Spec.GPU) }

// Score implements ScorePlugin.
func (p *gpuPacking) Score(pod *model.Pod, node *NodeInfo) int64 {
	want := pod.Spec.GPU
	if want == nil || node.GPU == nil {
		return 0
	}
	whole := node.GPU.Fit(model.GPUMilli)
	if whole == int64(len(node.GPU.Free)) {
		return max(MaxNodeScore/3-whole, whole)
	}
	p.free = append(p.free[:0], node.GPU.Free...)
	slices.Sort(p.free)
	var used, fresh, percent int64
	for _, f := range p.free {
		if f < want.MilliEach || used == want.Devices {
			continue
		}
		used++
		percent += f * 100 / model.GPUMilli
		if f == model.GPUMilli {
			fresh++
		}
	}
	if fresh > 0 {
		return max(MaxNodeScore/2-fresh, MaxNodeScore/3)
	}
	return max(MaxNodeScore-percent/10, MaxNodeScore/2)
}
