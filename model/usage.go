package model

import (
	"fmt"
	"strconv"
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
	s := fmt.Sprintf("%dm of CPU and %s of memory in use", u.MilliCPU, BytesText(u.MemoryBytes, 1))
	switch {
	case u.MemoryGrowth > 0:
		s += ", and " + BytesText(u.MemoryGrowth, 1) + " more every second"
	case u.MemoryGrowth < 0:
		s += ", and " + BytesText(-u.MemoryGrowth, 1) + " less every second"
	}
	return s
}

// BytesText is an amount of memory, such as "512Mi" or "1.4Gi": in the largest binary unit that
// is not more than the amount, cut to so many digits behind the point. Less than 1Ki is written
// exactly, in thousands of bytes: "0.512k".
func BytesText(n int64, digits int) string {
	for i, unit := range []string{"Pi", "Ti", "Gi", "Mi", "Ki"} {
		shift := 50 - 10*i
		if n>>shift == 0 {
			continue
		}
		s := strconv.FormatInt(n>>shift, 10) + "."
		for rest := n & (1<<shift - 1); digits > 0; digits-- {
			rest *= 10
			s += strconv.FormatInt(rest>>shift, 10)
			rest &= 1<<shift - 1
		}
		return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") + unit
	}
	if n == 0 {
		return "0"
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%03d", n/1000, n%1000), "0"), ".") + "k"
}

// UsageOf is whose usage a history is to have. By kind: of a node as a whole; of a pod; of the pods
// of a workload or a Service; or if it is KindNone, of all pods of a namespace, or of all there
// are.
type UsageOf struct {
	Kind            Kind
	Namespace, Name string // "" is every one
}
