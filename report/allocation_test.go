package report

import (
	"testing"
	"time"

	"orrery/model"
)

// gpuLab is three nodes, two of them with GPUs, and four pods: a, b and c want
// 600 milli of a GPU and a core, d wants a whole GPU of model A and two cores.
func gpuLab() *tape {
	t := newTape()
	size := model.Resources{CPUMilli: 8000, MemoryBytes: 1000, Pods: 110}
	for _, n := range []struct {
		name string
		gpu  model.GPUs
	}{{"g-1", model.GPUs{Devices: 2, Model: "A"}}, {"g-2", model.GPUs{Devices: 1, Model: "B"}}, {"c-1", model.GPUs{}}} {
		t.Create(t.by("cluster"), &model.Node{Meta: model.Meta{Kind: model.KindNode, Name: n.name}, Capacity: size, Allocatable: size, GPU: n.gpu})
	}
	share := &model.PodSpec{Request: model.Resources{CPUMilli: 1000, MemoryBytes: 30}, GPU: &model.GPURequest{Devices: 1, MilliEach: 600}}
	whole := &model.PodSpec{Request: model.Resources{CPUMilli: 2000}, GPU: &model.GPURequest{Devices: 1, MilliEach: 1000, Models: []string{"A"}}}
	for name, spec := range map[string]*model.PodSpec{"a": share, "b": share, "c": share, "d": whole} {
		t.Create(t.by("trace"), &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: name}, Spec: spec})
	}
	t.at(10 * time.Second)
	t.bind("a", "g-1")
	t.change("scheduler", "a", func(p *model.Pod) { p.Devices = 1 })
	t.at(20 * time.Second)
	t.bind("b", "g-1") // nobody says which: the second has room
	t.at(30 * time.Second)
	t.bind("c", "c-1")
	t.at(40 * time.Second)
	t.gone("a")
	t.at(45 * time.Second)
	t.change("kubelet/c-1", "c", func(p *model.Pod) { p.Phase = model.PodSucceeded })
	t.at(50 * time.Second)
	t.Delete(t.by("kubectl"), t.Lookup(model.KindNode, "", "g-1").Head().Ref())
	t.at(60 * time.Second)
	t.gone("d")
	t.at(70 * time.Second)
	return t
}

// The numbers are worked out by hand; for the fragmentation by
// README of the published trace: F(node) over pods of which three in four are a's.
func TestAllocationAndFragmentationByHand(t *testing.T) {
	h := gpuLab()
	for expr, want := range map[string]string{
		// 3*0 + 1*1000 (g-2 is not of model A) of 4*3000.
		"at 5s: gpu_fragmentation() >= 0%": "8.333%",
		// g-1 has 400 and 1000 free: 3*400 + 1*400, and g-2's 1000, of 4*2400.
		"at 10s: gpu_fragmentation() >= 0%": "27.083%",
		// g-1 has 400 and 400: all 800 for all four, and 1000, of 4*1800.
		"at 20s: gpu_fragmentation() >= 0%":                 "58.333%",
		"at 20s: gpu_fragmentation(node/g-1) >= 0%":         "100%",
		"at 20s: gpu_fragmentation(node/g-2) >= 0%":         "25%",
		"at 40s: gpu_fragmentation() >= 0%":                 "27.083%",
		"at 50s: gpu_fragmentation() >= 0%":                 "25%",
		"between 10s and 30s: gpu_fragmentation() >= 0%":    "40.476%", // (2600+4200) of 4*(2400+1800)
		"at 5s: gpu_allocated() >= 0%":                      "0%",
		"at 20s: gpu_allocated() >= 0%":                     "40%",
		"between 0s and 40s: gpu_allocated() >= 0%":         "30%", // 0, 20, 40 and 60 % for 10 s each
		"between 0s and 40s: always(gpu_allocated() <= 9%)": "60%",
		"at 50s: gpu_allocated() >= 0%":                     "60%", // b stays on the node that is gone until somebody deletes it
		"at 45s: gpu_allocated(node/g-1) >= 0%":             "30%",
		"at 30s: cpu_allocated() >= 0%":                     "12.5%",
		"at 45s: cpu_allocated() >= 0%":                     "4.166%", // c has finished
		"at 30s: memory_allocated(node/c-1) >= 0%":          "3%",
		"gpu_allocated(node/c-1) >= 0%":                     "no samples",
		"gpu_fragmentation(node/c-1) >= 0%":                 "no samples",
		// a, b and c waited 10, 20 and 30 s, and d until it was deleted.
		"pod_scheduling_seconds.min() >= 0s": "10s",
		"pod_scheduling_seconds.p50() >= 0s": "20s",
		"pod_scheduling_seconds() >= 0s":     "1m0s",
	} {
		e, err := ParseExpect(expr)
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		v := New(Meta{End: h.now()}, h.History(), []Expect{e}).Verdicts[0]
		if v.Measured != want {
			t.Errorf("%s: measured %s, want %s (%s)", expr, v.Measured, want, v.Reason)
		}
	}
}
