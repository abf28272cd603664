package runtime

import (
	"testing"

	"orrery/model"
)

// Source: pkg/kubelet/qos/policy.go GetContainerOOMScoreAdjust and its test.
func TestASidecarIsSparedAsTheAppContainerThatAsksForLeast(t *testing.T) {
	const capacity = 8 << 30
	asks := func(bytes int64) model.Resources { return model.Resources{MemoryBytes: bytes} }
	spec := &model.PodSpec{
		InitContainers: []model.Container{
			{Name: "modest", Sidecar: true}, {Name: "greedy", Sidecar: true, Requests: asks(4 << 30)}, {Name: "init", Requests: asks(0)},
		},
		Containers: []model.Container{{Name: "one", Requests: asks(2 << 30)}, {Name: "two", Requests: asks(1 << 30)}},
	}
	for i, want := range []int64{875, 500, 999, 750, 875} {
		if got := scoreAdjust(spec, i, capacity); got != want {
			t.Errorf("container %d: %d, want %d", i, got, want)
		}
	}
	// What the pod asks for beyond them, 12 GiB less 7, is divided by five.
	spec.PodLevel = &model.PodLevel{MemoryBytes: 12 << 30, HasMemory: true}
	for i, want := range []int64{750, 375, 875, 625, 750} {
		if got := scoreAdjust(spec, i, capacity); got != want {
			t.Errorf("with a request of the pod, container %d: %d, want %d", i, got, want)
		}
	}
}

// Source: the same.
func TestTheKernelSparesGuaranteedAndNodeCriticalContainers(t *testing.T) {
	const capacity = 8 << 30
	pod := func(priority int32, requests, limits model.Resources) *model.PodSpec {
		s := &model.PodSpec{Priority: priority, Containers: []model.Container{{Name: "x", Requests: requests, Limits: limits}}}
		s.SumRequests()
		return s
	}
	all, memory := model.Resources{CPUMilli: 100, MemoryBytes: 1 << 30}, model.Resources{MemoryBytes: 2 << 30}
	for _, tc := range []struct {
		what string
		spec *model.PodSpec
		want int64
	}{
		{"best effort", pod(0, model.Resources{}, model.Resources{}), 1000},
		{"guaranteed", pod(0, all, all), -997},
		{"burstable with a quarter of the memory", pod(0, memory, model.Resources{}), 750},
		{"burstable without memory", pod(0, model.Resources{CPUMilli: 250}, model.Resources{}), 999},
		{"burstable with all of it", pod(0, model.Resources{MemoryBytes: capacity}, model.Resources{}), 3},
		{"burstable, system-cluster-critical", pod(2_000_000_000, memory, model.Resources{}), 750},
		{"burstable, system-node-critical", pod(2_000_001_000, model.Resources{CPUMilli: 250}, model.Resources{}), -997},
		{"best effort, system-node-critical", pod(2_000_001_000, model.Resources{}, model.Resources{}), -997},
	} {
		if got := scoreAdjust(tc.spec, 0, capacity); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.what, got, tc.want)
		}
	}
}
