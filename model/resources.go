package model

import (
	"math/bits"
	"slices"
	"strings"
)

// Extended is an amount of an extended resource, such as nvidia.com/gpu, in
// whole units.
type Extended struct {
	Name  string
	Count int64
}

// Resources is an amount of every resource.
type Resources struct {
	CPUMilli       int64 // thousandths of a core
	MemoryBytes    int64
	EphemeralBytes int64      // local ephemeral storage
	Pods           int64      // how many pods; only a node's capacity sets it
	Extended       []Extended // sorted by name; immutable
}

// ExtendedCount is the amount of the extended resource called name.
func (r *Resources) ExtendedCount(name string) int64 {
	for i := range r.Extended {
		if r.Extended[i].Name == name {
			return r.Extended[i].Count
		}
	}
	return 0
}

// Add is r plus o; neither is changed.
func (r Resources) Add(o Resources) Resources {
	return r.combine(o, func(a, b int64) int64 { return a + b })
}

// Max is the larger of r and o, resource by resource.
func (r Resources) Max(o Resources) Resources {
	return r.combine(o, func(a, b int64) int64 { return max(a, b) })
}

func (r Resources) combine(o Resources, f func(a, b int64) int64) Resources {
	r.CPUMilli = f(r.CPUMilli, o.CPUMilli)
	r.MemoryBytes = f(r.MemoryBytes, o.MemoryBytes)
	r.EphemeralBytes = f(r.EphemeralBytes, o.EphemeralBytes)
	r.Pods = f(r.Pods, o.Pods)
	if len(o.Extended) == 0 {
		return r
	}
	out := slices.Clone(r.Extended)
	for _, x := range o.Extended {
		if i := slices.IndexFunc(out, func(e Extended) bool { return e.Name == x.Name }); i >= 0 {
			out[i].Count = f(out[i].Count, x.Count)
		} else {
			out = append(out, Extended{x.Name, f(0, x.Count)})
		}
	}
	slices.SortFunc(out, func(a, b Extended) int { return strings.Compare(a.Name, b.Name) })
	r.Extended = out
	return r
}

// HardMemoryBytes and hardDisk are the default hard eviction thresholds that a
// kubelet keeps back (pkg/kubelet/eviction/defaults_linux.go): memory.available <
// 100Mi and nodefs.available < 10%, of which the real one is a float32, in 2^27ths.
const (
	HardMemoryBytes = 100 << 20
	hardDisk        = 13_421_773
)

// Allocatable is what pods may ask for of a machine with r: what kubelets reserve
// (kubeReserved and systemReserved together) and what they begin to evict at is not
// theirs (pkg/kubelet/nodestatus/setters.go MachineInfo,
// pkg/kubelet/cm/node_container_manager_linux.go GetNodeAllocatableReservation).
func (r Resources) Allocatable(reserved Resources) Resources {
	hi, lo := bits.Mul64(uint64(r.EphemeralBytes), hardDisk)
	r.CPUMilli = max(r.CPUMilli-reserved.CPUMilli, 0)
	r.MemoryBytes = max(r.MemoryBytes-reserved.MemoryBytes-HardMemoryBytes, 0)
	r.EphemeralBytes = max(r.EphemeralBytes-reserved.EphemeralBytes-int64(hi<<37|lo>>27), 0)
	return r
}

// IsZero tells whether nothing is asked for.
func (r *Resources) IsZero() bool {
	return r.CPUMilli == 0 && r.MemoryBytes == 0 && r.EphemeralBytes == 0 && r.Pods == 0 && len(r.Extended) == 0
}
