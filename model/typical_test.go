package model

import "testing"

// hkust-adsl/kubernetes-scheduler-simulator pkg/utils/frag.go GetTypicalPods.
func TestTypicalPodsMakeUpMostOfThePods(t *testing.T) {
	cpu := Resources{CPUMilli: 100}
	specs := []*PodSpec{
		{Request: cpu, GPU: &GPURequest{Devices: 1, MilliEach: 500}},
		{Request: cpu, GPU: &GPURequest{Devices: 1, MilliEach: 1000}},
		{Request: Resources{CPUMilli: 8000}},
		{},
	}
	counts := []int64{60, 34, 4, 2}
	typical, total := TypicalPods(func(yield func(*PodSpec, int64) bool) {
		for i := range specs {
			yield(specs[i], counts[i]-1)
			yield(specs[i], 1)
		}
	})
	if len(typical) != 3 || typical[0].Pods != 60 || typical[1].Pods != 34 || typical[2].Pods != 4 {
		t.Fatalf("typical are %+v, want those of 60, 34 and 4 pods: 94%% are not enough", typical)
	}
	if total != 100 {
		t.Errorf("they are of %d pods, want 100", total)
	}
}
