package autoscaler

import (
	"testing"

	"orrery/model"
	"orrery/model/cloud"
)

// Source: cluster-autoscaler/expander: waste/waste.go, mostpods/mostpods.go,
// price/price.go, priority/priority.go.
func TestEachExpanderHasItsOwnIdeaOfTheBestGroup(t *testing.T) {
	pods := func(n int) (out []*model.Pod) {
		for range n {
			out = append(out, &model.Pod{Spec: &model.PodSpec{Request: model.Resources{CPUMilli: 1000, MemoryBytes: 1 << 30}}})
		}
		return out
	}
	group := func(name string, cpu int64, price int64, priority int) cloud.GroupState {
		return cloud.GroupState{Group: &cloud.Group{Name: name, Price: price, Priority: priority, Size: model.Resources{CPUMilli: cpu, MemoryBytes: 4 * cpu / 1000 << 30}}}
	}
	state := []cloud.GroupState{group("small", 2000, 100, 1), group("large", 16000, 500, 2), group("costly", 4000, 1000, 3)}
	options := []option{{group: 0, nodes: 2, pods: pods(4)}, {group: 1, nodes: 1, pods: pods(5)}, {group: 2, nodes: 1, pods: pods(3)}}
	for expander, want := range map[string]string{LeastWaste: "small", MostPods: "large", Price: "small", Priority: "costly"} {
		a := &Autoscaler{Replica: &Replica{Config: Config{Expander: expander}}}
		best := options[0]
		for _, o := range options[1:] {
			if a.better(&o, &best, state) {
				best = o
			}
		}
		if got := state[best.group].Name; got != want {
			t.Errorf("%s chose %s, want %s", expander, got, want)
		}
	}
	a := &Autoscaler{Replica: &Replica{Config: Config{Expander: Random}}}
	if a.better(&options[0], &options[1], state) || a.better(&options[1], &options[0], state) {
		t.Error("to random one group is better than the other")
	}
}

// Source: expander/waste/waste.go: (available - required) / available, of CPU and
// of memory together.
func TestWasteIsTheIdlePartOfCPUAndOfMemory(t *testing.T) {
	g := &cloud.Group{Size: model.Resources{CPUMilli: 4000, MemoryBytes: 8 << 30}}
	o := &option{nodes: 2, pods: []*model.Pod{{Spec: &model.PodSpec{Request: model.Resources{CPUMilli: 2000, MemoryBytes: 12 << 30}}}}}
	if got := waste(o, g); got != 750_000+250_000 {
		t.Errorf("%d millionths", got)
	}
}
