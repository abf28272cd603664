package model

// Stress is what processes beside a container's own use in its cgroup: of CPU, of memory
// at once, and more of that every second; and what they write into its layer at once.
type Stress struct {
	CPUMilli    int64
	MemoryBytes int64
	Growth      int64 // bytes per second
	DiskBytes   int64
	// FillPPM has them write until all that is written there is that share of the
	// container's limit of ephemeral storage, in millionths.
	FillPPM int64
}
