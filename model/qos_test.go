package model

import "testing"

// Source: pkg/apis/core/v1/helper/qos/qos.go ComputePodQOS: CPU and memory
// of all containers, those that run before the others included.
func TestAPodsClassFollowsFromAllItsContainers(t *testing.T) {
	both, cpu, disk := Resources{CPUMilli: 100, MemoryBytes: 1 << 30}, Resources{CPUMilli: 100}, Resources{EphemeralBytes: 1 << 30}
	set := func(requests, limits Resources) Container { return Container{Requests: requests, Limits: limits} }
	for _, c := range []struct {
		what      string
		init, app []Container
		want      QoS
	}{
		{"nothing", nil, []Container{{}}, BestEffort},
		{"only the disk", nil, []Container{set(disk, disk)}, BestEffort},
		{"an init container that asks for something", []Container{set(cpu, Resources{})}, []Container{{}}, Burstable},
		{"a request", nil, []Container{set(cpu, Resources{})}, Burstable},
		{"a limit of one of them", nil, []Container{set(cpu, cpu)}, Burstable},
		{"limits beyond the requests", nil, []Container{set(both, Resources{CPUMilli: 200, MemoryBytes: 1 << 30})}, Burstable},
		{"limits of both that are the requests", nil, []Container{set(both, both)}, Guaranteed},
		{"one container of two", nil, []Container{set(both, both), {}}, Burstable},
		{"an init container without", []Container{{}}, []Container{set(both, both)}, Burstable},
		{"init and app containers", []Container{set(both, both)}, []Container{set(both, both)}, Guaranteed},
	} {
		if got := (&PodSpec{InitContainers: c.init, Containers: c.app}).QoS(); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

// Source: pkg/apis/core/v1/helper/qos/qos.go ComputePodQOS, v1.35: what a pod says of
// itself as a whole decides, whatever its containers say.
func TestAPodsClassIsWhatItSaysAsAWhole(t *testing.T) {
	one, two := Resources{CPUMilli: 1000, MemoryBytes: 1 << 30}, Resources{CPUMilli: 2000, MemoryBytes: 1 << 30}
	for _, c := range []struct {
		what      string
		container Container
		level     PodLevel
		want      QoS
	}{
		{"limits equal to requests", Container{}, PodLevel{CPUMilli: 1000, MemoryBytes: 1 << 30, Limits: one}, Guaranteed},
		{"larger limits", Container{}, PodLevel{CPUMilli: 1000, MemoryBytes: 1 << 30, Limits: two}, Burstable},
		{"only one limit", Container{}, PodLevel{CPUMilli: 1000, Limits: Resources{CPUMilli: 1000}}, Burstable},
		{"a request alone, of a guaranteed container", Container{Requests: one, Limits: one}, PodLevel{CPUMilli: 1000}, Burstable},
		{"huge pages alone", Container{}, PodLevel{HugePages: []Extended{{Name: "hugepages-2Mi", Count: 1}}}, BestEffort},
	} {
		s := &PodSpec{Containers: []Container{c.container}, PodLevel: &c.level}
		if got := s.QoS(); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

// Source: pkg/apis/core/validation/validation.go ValidatePodResize, v1.35: the feature
// gate InPlacePodLevelResourcesVerticalScaling is off.
func TestAPodWithResourcesAsAWholeIsNotResized(t *testing.T) {
	p := &Pod{NodeID: 1, Spec: &PodSpec{Containers: []Container{{Name: "main"}}, PodLevel: &PodLevel{CPUMilli: 1000, HasCPU: true}}}
	more := int64(500)
	if _, err := p.resized([]ContainerPatch{{Name: "main", Requests: AmountsPatch{CPUMilli: &more}}}); err == nil {
		t.Error("it was")
	}
	p.Spec.PodLevel = nil
	p.Spec.Containers[0].Requests.CPUMilli = 100
	if _, err := p.resized([]ContainerPatch{{Name: "main", Requests: AmountsPatch{CPUMilli: &more}}}); err != nil {
		t.Error(err)
	}
}

// Source: the same: of a pod the path has no template, and among init containers only
// sidecars can be resized.
func TestAResizeThatIsRefusedSaysWhere(t *testing.T) {
	limit := Resources{CPUMilli: 100}
	p := &Pod{NodeID: 1, Spec: &PodSpec{
		InitContainers: []Container{{Name: "init", Limits: limit}, {Name: "side", Sidecar: true, Limits: limit}},
		Containers:     []Container{{Name: "main", Requests: limit, Limits: limit}},
	}}
	more := int64(500)
	for _, c := range []struct {
		name string
		init bool
		want string
	}{
		{"main", false, "spec.containers[0].resources.requests: must be less than or equal to cpu limit"},
		{"side", true, "spec.initContainers[1].resources.requests: must be less than or equal to cpu limit"},
		{"init", true, "spec: Forbidden: resources for non-sidecar init containers are immutable"},
		{"side", false, `it has no container named "side", and a patch adds none here`},
	} {
		patch := ContainerPatch{Name: c.name, Init: c.init, Requests: AmountsPatch{CPUMilli: &more}}
		if c.name == "init" {
			patch = ContainerPatch{Name: c.name, Init: true, Limits: AmountsPatch{CPUMilli: &more}}
		}
		if _, err := p.resized([]ContainerPatch{patch}); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	side := ContainerPatch{Name: "side", Init: true, Limits: AmountsPatch{CPUMilli: &more}}
	if spec, err := p.resized([]ContainerPatch{side}); err != nil || spec.InitContainers[1].Limits.CPUMilli != more || p.Spec.InitContainers[1].Limits.CPUMilli != 100 {
		t.Errorf("a sidecar is not resized: %v", err)
	}
}
