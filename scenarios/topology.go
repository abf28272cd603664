package scenarios

import (
	"orrery/model"
	"orrery/model/kubelet"
	"orrery/scenarios/strict"
)

// The keys of a machine about what it is made of, and those of a KubeletConfiguration
// about what pods may have of it for themselves.
var topologyKeys = []string{
	"numaNodes", "threadsPerCore", "cpuManagerPolicy", "cpuManagerPolicyOptions",
	"memoryManagerPolicy", "reservedMemory", "topologyManagerPolicy", "topologyManagerScope",
}

// maxCPUs is the most that Linux manages (NR_CPUS).
const maxCPUs = 8192

// topology reads them for machines of a size of which kubelets keep so much. What a
// kubelet would not start with is a mistake.
func topology(m *strict.Map, size, kept model.Resources) (t kubelet.Topology) {
	t.NUMANodes = int(machineOptions.read(m, "numaNodes").Int(1, kubelet.MaxNUMANodes))
	t.ThreadsPerCore = int(machineOptions.read(m, "threadsPerCore").Int(1, 8))
	if parts := int64(t.NUMANodes * t.ThreadsPerCore); parts > 1 && size.CPUMilli%(1000*parts) != 0 {
		m.Required("cpu").Errorf("%s is not the same number of whole cores on each of %d NUMA nodes, with %d CPUs a core", m.Required("cpu").Raw(), t.NUMANodes, t.ThreadsPerCore)
	}
	t.StaticCPUs = cpuManager(m, size.CPUMilli, kept.CPUMilli)
	if options := m.Optional("cpuManagerPolicyOptions"); options.Given() {
		t.FullCores = options.Map("cpuManagerPolicyOptions", "full-pcpus-only").Required("full-pcpus-only").Bool()
		if !t.StaticCPUs { // policy_none.go NewNonePolicy
			options.KeyErrorf("only the CPU manager policy static has options")
		}
	}
	memory := machineOptions.read(m, "memoryManagerPolicy")
	t.StaticMemory = memory.Enum("memory manager policy", "None", "Static") == "Static"
	reserveMemory(m, memory, kept.MemoryBytes, &t)
	name := machineOptions.read(m, "topologyManagerPolicy").Enum("topology manager policy", kubelet.TopologyPolicies[:]...)
	for p, known := range kubelet.TopologyPolicies {
		if name == known {
			t.Policy = kubelet.TopologyPolicy(p)
		}
	}
	t.PodScope = machineOptions.read(m, "topologyManagerScope").Enum("topology manager scope", "container", "pod") == "pod"
	return t
}

// cpuManager reads whether containers may have CPUs for themselves. With nothing reserved
// a kubelet of that policy does not start (pkg/kubelet/cm/cpumanager/cpu_manager.go).
func cpuManager(m *strict.Map, cpuMilli, reservedMilli int64) bool {
	v := machineOptions.read(m, "cpuManagerPolicy")
	static := v.Enum("CPU manager policy", "none", "static") == "static"
	switch {
	case static && reservedMilli == 0:
		v.Errorf("the static policy requires kubeReserved.cpu or systemReserved.cpu to be greater than zero")
	case static && cpuMilli > 1000*maxCPUs:
		m.Required("cpu").Errorf("Linux has at most %d CPUs to give away", maxCPUs)
	}
	return static
}

// reserveMemory reads what of each NUMA node's memory pods cannot have for themselves,
// which together is what the kubelet keeps (memorymanager/memory_manager.go
// validateReservedMemory).
func reserveMemory(m *strict.Map, policy strict.Value, kept int64, t *kubelet.Topology) {
	list := m.Optional("reservedMemory")
	var sum int64
	for _, v := range list.List() {
		r := v.Map("a reservation", "numaNode", "limits")
		node := r.Required("numaNode")
		n := node.Int(0, int64(t.NUMANodes)-1)
		bytes := positive(r.Required("limits").Map("limits", "memory").Required("memory"), strict.Value.Bytes)
		if n < kubelet.MaxNUMANodes && t.ReservedMemory[n] > 0 {
			node.Errorf("NUMA node %d has a reservation already", n)
			return
		}
		if n < kubelet.MaxNUMANodes && bytes <= maxBytes {
			t.ReservedMemory[n] = bytes
			sum += bytes
		}
	}
	switch {
	case !t.StaticMemory || sum == kept:
	case list.Given():
		list.KeyErrorf("together that is %d bytes, but kubeReserved, systemReserved and the hard eviction threshold of memory are %d", sum, kept)
	default:
		policy.KeyErrorf("the Static policy needs reservedMemory, in all %d bytes: kubeReserved, systemReserved and the hard eviction threshold", kept)
	}
}

// setTopology says what the machines of a node, or of a node group, are made of, if that is
// anything worth mention.
func (l *loader) setTopology(name string, t kubelet.Topology) {
	c := &l.scenario.Config
	if t == (kubelet.Topology{NUMANodes: 1, ThreadsPerCore: 1}) {
		return
	}
	if c.Topology == nil {
		c.Topology = map[string]kubelet.Topology{}
	}
	c.Topology[name] = t
}
