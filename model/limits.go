package model

// LeastCPULimit is the least limit of CPU that is one, in milli: a quota has at least 1
// ms of each 100 (pkg/kubelet/cm/helpers_linux.go MinQuotaPeriod).
const LeastCPULimit = 10

// CPULimit is how much CPU a container of the spec can have, in milli; 0 is without end.
// One without a limit of its own has that of its pod
// (pkg/kubelet/kuberuntime/kuberuntime_container_linux.go getCPULimit).
func (s *PodSpec) CPULimit(c *Container) int64 {
	limit := c.Limits.CPUMilli
	if limit == 0 && s.PodLevel != nil {
		limit = s.PodLevel.Limits.CPUMilli
	}
	if limit == 0 {
		return 0
	}
	return max(limit, LeastCPULimit)
}

// PodCPULimit is how much CPU the containers can have together, with the pod's overhead; 0 if only
// their own limits matter (pkg/kubelet/cm/helpers_linux.go ResourceConfigForPod, of which the sum
// of all limits, if each has one, limits nothing more; k8s.io/component-helpers/resource/helpers.go
// PodLimits).
func (s *PodSpec) PodCPULimit() int64 {
	if s.PodLevel == nil || s.PodLevel.Limits.CPUMilli == 0 {
		return 0
	}
	return max(s.PodLevel.Limits.CPUMilli+s.Overhead.CPUMilli, LeastCPULimit)
}

// MemoryLimit is how much memory a container of the spec can have, in bytes; 0 is without
// end (getMemoryLimit).
func (s *PodSpec) MemoryLimit(c *Container) int64 {
	if c.Limits.MemoryBytes == 0 && s.PodLevel != nil {
		return s.PodLevel.Limits.MemoryBytes
	}
	return c.Limits.MemoryBytes
}

// PodMemoryLimit is how much memory the containers can have together, with the pod's overhead; 0
// if only their own limits matter.
func (s *PodSpec) PodMemoryLimit() int64 {
	if s.PodLevel == nil || s.PodLevel.Limits.MemoryBytes == 0 {
		return 0
	}
	return s.PodLevel.Limits.MemoryBytes + s.Overhead.MemoryBytes
}
