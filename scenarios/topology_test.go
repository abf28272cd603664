package scenarios_test

import (
	"testing"

	"orrery/model/kubelet"
)

// Source: v1.35 pkg/kubelet/apis/config/v1beta1/defaults.go, validation/validation.go;
// cm/memorymanager/memory_manager.go validateReservedMemory.
func TestWhatAMachineIsMadeOfIsReadOfNodesAndNodeGroups(t *testing.T) {
	const keys = "kubeReserved: {cpu: 500m, memory: 1Gi}, numaNodes: 2, threadsPerCore: 2, " +
		"cpuManagerPolicy: static, cpuManagerPolicyOptions: {full-pcpus-only: true}, memoryManagerPolicy: Static, " +
		"reservedMemory: [{numaNode: 0, limits: {memory: 1Gi}}, {numaNode: 1, limits: {memory: 100Mi}}], topologyManagerPolicy: restricted, topologyManagerScope: pod"
	s, err := loaded(t, "  nodes: [{name: n, cpu: 4, memory: 16Gi, "+keys+"}, {name: plain, cpu: 3500m, memory: 1Gi}]\n"+
		"  nodeGroups: [{name: g, min: 1, max: 2, cpu: 8, memory: 16Gi, "+keys+"}]\n", "")
	if err != nil {
		t.Fatal(err)
	}
	want := kubelet.Topology{
		NUMANodes: 2, ThreadsPerCore: 2, StaticCPUs: true, FullCores: true, StaticMemory: true, ReservedMemory: [kubelet.MaxNUMANodes]int64{1 << 30, 100 << 20},
		Policy: kubelet.Restricted, PodScope: true,
	}
	if c := s.Config.Topology; len(c) != 2 || c["n"] != want || c["g"] != want {
		t.Errorf("got %+v", c)
	}
}

func TestMistakesAboutWhatAMachineIsMadeOfAreSaid(t *testing.T) {
	for extra, want := range map[string]string{
		"numaNodes: 9": "1 to 8",
		"taints: [{key: dedicated, effect: NoSchedule}]": "cluster.nodes[0].taints[0]: write a taint as kubectl has it, such as dedicated=gpu:NoSchedule",
		"numaNodes: 3":                                     "cluster.nodes[0].cpu: 4 is not the same number of whole cores on each of 3 NUMA nodes, with 1 CPUs a core",
		"numaNodes: 2, threadsPerCore: 4":                  "4 is not the same number",
		"cpuManagerPolicyOptions: {full-pcpus-only: true}": "only the CPU manager policy static has options",
		"cpuManagerPolicyOptions: {align-by-socket: true}": `unknown field "align-by-socket"`,
		"topologyManagerPolicy: strict":                    "single-numa-node",
		"topologyManagerScope: node":                       "container",
		"memoryManagerPolicy: static":                      "Static",
		"memoryManagerPolicy: Static":                      "needs reservedMemory, in all 104857600 bytes",
		"memoryManagerPolicy: Static, reservedMemory: [{numaNode: 0, limits: {memory: 1Gi}}]":          "together that is 1073741824 bytes",
		"reservedMemory: [{numaNode: 1, limits: {memory: 1Gi}}]":                                       "numaNode",
		"reservedMemory: [{numaNode: 0, limits: {memory: 1Gi}}, {numaNode: 0, limits: {memory: 1Gi}}]": "NUMA node 0 has a reservation already",
		"hollow: true, topologyManagerPolicy: restricted":                                              "nothing runs on a hollow node",
	} {
		_, err := loaded(t, "  nodes: [{name: n, cpu: 4, memory: 16Gi, "+extra+"}]\n", "")
		if !complains(err, want) {
			t.Errorf("%s: want %q, got\n%v", extra, want, err)
		}
	}
	_, err := loaded(t, "  nodes: [{name: n, cpu: 9000, memory: 16Gi, kubeReserved: {cpu: 1}, cpuManagerPolicy: static}]\n", "")
	if !complains(err, "Linux has at most 8192 CPUs") {
		t.Error(err)
	}
}
