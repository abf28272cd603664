package model

import (
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

// WithExtended is r with another amount of the extended resource called name.
func (r Resources) WithExtended(name string, count int64) Resources {
	r.Extended = slices.DeleteFunc(slices.Clone(r.Extended), func(e Extended) bool { return e.Name == name })
	return r.Add(Resources{Extended: []Extended{{name, count}}})
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

// Allocatable is what pods may ask for of a machine with r: what kubelets keep, which is
// what they reserve (kubeReserved and systemReserved together) and what they begin to evict
// at (kubelet.Eviction.Kept), is not theirs (pkg/kubelet/nodestatus/setters.go MachineInfo,
// pkg/kubelet/cm/node_container_manager_linux.go GetNodeAllocatableReservation).
func (r Resources) Allocatable(kept Resources) Resources {
	r.CPUMilli = max(r.CPUMilli-kept.CPUMilli, 0)
	r.MemoryBytes = max(r.MemoryBytes-kept.MemoryBytes, 0)
	r.EphemeralBytes = max(r.EphemeralBytes-kept.EphemeralBytes, 0)
	return r
}

// IsZero tells whether nothing is asked for.
func (r *Resources) IsZero() bool {
	return r.CPUMilli == 0 && r.MemoryBytes == 0 && r.EphemeralBytes == 0 && r.Pods == 0 && len(r.Extended) == 0
}
