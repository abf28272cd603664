package scenarios_test

import (
	"testing"

	"orrery/model"
	"orrery/scenarios"
)

// What a scenario says of a machine is its capacity; pods have less of it
// (pkg/kubelet/nodestatus/setters.go). Hollow nodes, as those of KWOK, say themselves what they
// have.
func TestNodesKeepBackWhatKubeletsKeepBack(t *testing.T) {
	s, err := loaded(t, `  nodes:
    - {name: plain, cpu: 4, memory: 16Gi, disk: 100Gi}
    - {name: kept, cpu: 4, memory: 16Gi, disk: 100Gi, kubeReserved: {cpu: 80m, memory: 1Gi}, systemReserved: {cpu: 20m, ephemeral-storage: 1Gi}}
    - {name: hollow, cpu: 4, memory: 16Gi, hollow: true}
  nodeGroups: [{name: g, min: 1, max: 2, cpu: 2, memory: 4Gi, kubeReserved: {cpu: 70m}}]
`, "")
	if err != nil {
		t.Fatal(err)
	}
	const tenth = 10_737_418_400 // of 100Gi, by a float32
	for i, want := range []struct{ cpu, memory, disk int64 }{
		{4000, 16<<30 - 100<<20, 100<<30 - tenth},
		{3900, 15<<30 - 100<<20, 99<<30 - tenth},
		{4000, 16 << 30, 100 << 30},
		{1930, 4<<30 - 100<<20, 100<<30 - tenth},
	} {
		n := s.Config.Nodes[i]
		if a := n.Allocatable; a.CPUMilli != want.cpu || a.MemoryBytes != want.memory || a.EphemeralBytes != want.disk || a.Pods != 110 {
			t.Errorf("%s has %+v", n.Name, a)
		}
	}
	for _, n := range s.Config.ControlPlane.Machines(&s.Config.Kubelet.Eviction) {
		if n.Capacity.MemoryBytes-n.Allocatable.MemoryBytes != 100<<20 {
			t.Errorf("%s has %+v", n.Name, n.Allocatable)
		}
	}
}

func TestMistakesAboutReservedResourcesAreSaidWhereTheyAre(t *testing.T) {
	for _, c := range []struct{ extra, want string }{
		{"kubeReserved: {cpu: 4}", "s.yaml:5:57: cluster.nodes[0].kubeReserved: that leaves nothing for pods: of 4000m of CPU 4000m are kept"},
		{"kubeReserved: {memory: 10Gi}, systemReserved: {memory: 6100Mi}", "systemReserved: that leaves nothing for pods: of 16384Mi of memory 16440Mi are kept, hard eviction threshold included"},
		{"kubeReserved: {ephemeral-storage: 95Gi}", "kubeReserved: that leaves nothing for pods: of 102400Mi of the disk 107520Mi are kept, hard eviction threshold included"},
		{"systemReserved: {disk: 1Gi}", `unknown field "disk"`},
		{"kubeReserved: {pid: 100}, pids: 100", "cluster.nodes[0].kubeReserved: that leaves no process for pods: of those that there can be, 100, 100 are kept"},
		{"kubeReserved: {pid: 131000}, systemReserved: {pid: 100}", "systemReserved: that leaves no process for pods: of those that there can be, 131072, 131100 are kept"},
		{"systemReserved: {pid: -1}", "cluster.nodes[0].systemReserved.pid: -1 is out of range"},
		{"hollow: true, systemReserved: {cpu: 1}", "a hollow node has no kubelet that reserves anything"},
	} {
		_, err := loaded(t, "  nodes: [{name: n, cpu: 4, memory: 16Gi, "+c.extra+"}]\n", "")
		if !complains(err, c.want) {
			t.Errorf("%s: want %q, got\n%v", c.extra, c.want, err)
		}
	}
}

// Source: v1.35 cmd/kubelet/app/server.go parseResourceList, pkg/kubelet/cm/
// node_container_manager_linux.go getNodeAllocatableInternalAbsolute: both may keep
// processes, which add up.
func TestKubeletsKeepProcessesFromPods(t *testing.T) {
	s, err := loaded(t, `  nodes:
    - {name: plain, cpu: 4, memory: 16Gi, pids: 5000}
    - {name: kept, cpu: 4, memory: 16Gi, pids: 5000, kubeReserved: {cpu: 80m, pid: 1000}, systemReserved: {pid: 500}}
    - {name: linux, cpu: 4, memory: 16Gi, systemReserved: {pid: 500}}
  nodeGroups: [{name: g, min: 1, max: 2, cpu: 2, memory: 4Gi, kubeReserved: {pid: 200}}]
`, "")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []model.Stock{{PIDs: 5000}, {PIDs: 5000, KeptPIDs: 1500}, {KeptPIDs: 500}, {KeptPIDs: 200}} {
		if n := s.Config.Nodes[i]; n.Stock == nil || *n.Stock != want {
			t.Errorf("%s has %+v", n.Name, n.Stock)
		}
	}
}

// Source: pkg/kubelet/cm/node_container_manager_linux.go validateNodeAllocatable: a kubelet
// whose hard eviction thresholds are more than its machine has does not start.
func TestHardThresholdsThatLeaveNothingForPodsAreRefused(t *testing.T) {
	for _, nodes := range []string{"  nodes: [{name: n, cpu: 4, memory: 16Gi}]\n", "  nodeGroups: [{name: g, min: 1, max: 2, cpu: 4, memory: 16Gi}]\n"} {
		_, err := loaded(t, "  kubelet: {evictionHard: {memory.available: 100Gi}}\n"+nodes, "")
		if want := "memory: the hard eviction thresholds of 102400Mi of memory and 0Mi of the disk leave nothing for pods"; !complains(err, want) {
			t.Errorf("%s: want %q, got\n%v", nodes, want, err)
		}
	}
}

// Pods that would fill a machine's capacity exactly do not fit, and the node says so.
func TestAMachineIsNotFilledToItsCapacity(t *testing.T) {
	dir := folder(t, map[string]string{
		"web.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: web, resources: {requests: {cpu: 100m, memory: 4Gi}}}]}
`,
		"s.yaml": `apiVersion: orrery/v1
name: s
duration: 5m
cluster: {nodes: [{name: n, cpu: 4, memory: 16Gi}]}
workload: {manifests: [web.yaml]}
expect:
  - "at 4m: pods_pending() == 1"
`,
	})
	s, err := scenarios.Load(dir+"/s.yaml", scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, r := run(t, s); !r.Held() {
		t.Error("4 pods of 4Gi fit on 16Gi, of which 100Mi are kept back")
	}
}
