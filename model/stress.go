package model

// Stress is what processes beside a container's own use in its cgroup: of CPU, of memory
// at once, and more of that every second.
type Stress struct {
	CPUMilli    int64
	MemoryBytes int64
	Growth      int64 // bytes per second
}
