package model

import (
	"fmt"
	"strings"
)

// ReasonUsageChanged is the Reason of a note about a pod or a node that carries a Usage.
const ReasonUsageChanged = "UsageChanged"

// Usage is what a pod's containers, or a node, use from the note's instant until the next
// one about the same: CPU evenly, memory as a straight line.
type Usage struct {
	MilliCPU     int64
	MemoryBytes  int64 // the working set at that instant
	MemoryGrowth int64 // bytes more, or fewer, every second
}

// String is the Usage for people.
func (u *Usage) String() string {
	s := fmt.Sprintf("%dm of CPU and %s of memory in use", u.MilliCPU, tenths(u.MemoryBytes))
	switch {
	case u.MemoryGrowth > 0:
		s += ", and " + tenths(u.MemoryGrowth) + " more every second"
	case u.MemoryGrowth < 0:
		s += ", and " + tenths(-u.MemoryGrowth) + " less every second"
	}
	return s
}

// tenths is bytes in Mi, cut to a tenth.
func tenths(bytes int64) string {
	s := fmt.Sprintf("%d.%d", bytes>>20, bytes%(1<<20)*10>>20)
	return strings.TrimSuffix(s, ".0") + "Mi"
}

// Used is whose usage a history is to have: of a node as a whole, of a pod, of the pods
// of something else that has a name or of a namespace, or of all pods.
type Used struct {
	Kind            Kind   // of what has the name; KindNone is a namespace, or everything
	Namespace, Name string // "" is every one
}
