package model

import "testing"

// Source: pkg/kubelet/nodestatus/setters.go MachineInfo; the ephemeral storage is what
// EKS nodes with a disk of 20959212Ki show, of which kubeReserved has 1Gi.
func TestAllocatableIsCapacityLessWhatIsKept(t *testing.T) {
	capacity := Resources{CPUMilli: 2000, MemoryBytes: 8 << 30, EphemeralBytes: 20_959_212 << 10, Pods: 110}
	hard := Resources{MemoryBytes: 100 << 20, EphemeralBytes: 2_146_223_340}
	got := capacity.Allocatable(hard.Add(Resources{CPUMilli: 70, MemoryBytes: 574 << 20, EphemeralBytes: 1 << 30}))
	if got.CPUMilli != 1930 || got.MemoryBytes != 8<<30-674<<20 || got.EphemeralBytes != 18_242_267_924 || got.Pods != 110 {
		t.Errorf("allocatable is %+v", got)
	}
	got = capacity.Allocatable(hard.Add(Resources{CPUMilli: 3000, MemoryBytes: 8 << 30}))
	if got.CPUMilli != 0 || got.MemoryBytes != 0 || got.EphemeralBytes != 19_316_009_748 {
		t.Errorf("with too much reserved it is %+v", got)
	}
}

// TestWhatIsReservedIsReadFromANode, whoever described it.
func TestWhatIsReservedIsReadFromANode(t *testing.T) {
	n := &Node{Capacity: Resources{CPUMilli: 4000, MemoryBytes: 8 << 30}}
	n.Allocatable = n.Capacity.Allocatable(Resources{CPUMilli: 80, MemoryBytes: 1<<30 + 100<<20})
	if cpu, memory := n.Reserved(100 << 20); cpu != 80 || memory != 1<<30 {
		t.Errorf("reserved are %d milli-CPU and %d bytes", cpu, memory)
	}
	n.Allocatable = n.Capacity
	if cpu, memory := n.Reserved(100 << 20); cpu != 0 || memory != 0 {
		t.Errorf("of a node that keeps nothing back, %d milli-CPU and %d bytes are reserved", cpu, memory)
	}
}
