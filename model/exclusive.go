package model

// ExclusiveCPUs is how many CPUs a container of the spec has for itself under the CPU
// manager's policy static: what it asks for, if that is whole ones and its pod is Guaranteed,
// by the limits of its containers (pkg/kubelet/cm/cpumanager/policy_static.go
// guaranteedCPUs, Allocate).
func (s *PodSpec) ExclusiveCPUs(c *Container) int64 {
	if c.Requests.CPUMilli%1000 != 0 || s.PodLevel != nil || s.QoS() != Guaranteed {
		return 0
	}
	return c.Requests.CPUMilli / 1000
}

// PodExclusiveCPUs is how many all its containers have: those of init containers are used
// again by the ones after them (podGuaranteedCPUs).
func (s *PodSpec) PodExclusiveCPUs() int64 {
	return s.sum(func(c *Container) Resources { return Resources{CPUMilli: s.ExclusiveCPUs(c)} }).CPUMilli
}
