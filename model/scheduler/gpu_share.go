package scheduler

import "orrery/model"

// gpuShare refuses nodes whose GPUs are of the wrong model, or have not enough
// free of each device that the pod wants. It looks after the devices, which the
// scheduler of Kubernetes knows only as a number: what NodeResourcesFit does for
// nvidia.com/gpu stands, and this counts which ones
// (hkust-adsl/kubernetes-scheduler-simulator pkg/simulator/plugin/open_gpu_share.go).
type gpuShare struct{ few, model, full *Status }

func newGPUShare(h *Handle) Plugin {
	p := &gpuShare{}
	p.few = h.Status(p.Name(), UnschedulableAndUnresolvable, "node(s) had too few GPUs")
	p.model = h.Status(p.Name(), UnschedulableAndUnresolvable, "node(s) had another GPU model")
	p.full = h.Status(p.Name(), Unschedulable, "Insufficient free GPUs")
	return p
}

func (*gpuShare) Name() string { return "GPUShare" }

// SignPod implements SignPlugin.
func (*gpuShare) SignPod(key []byte, pod *model.Pod) []byte { return signGPU(key, pod.Spec.GPU) }

func signGPU(key []byte, r *model.GPURequest) []byte {
	if r == nil {
		return append(key, 0)
	}
	return signWords(signNumber(signNumber(append(key, 1), r.Devices), r.MilliEach), r.Models)
}

// PreFilter implements PreFilterPlugin.
func (*gpuShare) PreFilter(pod *model.Pod) (PreFilterResult, *Status) {
	if pod.Spec.GPU == nil {
		return PreFilterResult{}, &Status{Code: Skip}
	}
	return PreFilterResult{}, nil
}

// Filter implements FilterPlugin.
func (p *gpuShare) Filter(pod *model.Pod, node *NodeInfo) *Status {
	want := pod.Spec.GPU
	switch {
	case want == nil:
		return nil
	case node.Node.GPU.Devices < want.Devices:
		return p.few
	case !want.Accepts(node.Node.GPU.Model):
		return p.model
	case node.GPU.Fit(want.MilliEach) < want.Devices:
		return p.full
	}
	return nil
}

// EventsToRegister implements EnqueueExtensions.
func (p *gpuShare) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{
		{AssignedPodDelete, func(_ *model.Pod, e *Event) bool { return e.Pod.Spec.GPU != nil }},
		{NodeAdd | NodeUpdateAllocatable | NodeUpdateLabel, func(pod *model.Pod, e *Event) bool {
			want, have := pod.Spec.GPU, &e.NewNode.GPU
			return want != nil && have.Devices >= want.Devices && want.Accepts(have.Model)
		}},
	}
}

// PickDevices lets a plugin decide which devices a pod gets that comes to a
// node: as many as it wants, if the node has that many. Without such a plugin it
// is Tightest. Of several, the last in the profile decides.
func (h *Handle) PickDevices(pick func(pod *model.Pod, node *NodeInfo) DeviceSet) {
	h.cache.devices = pick
}
