package model

import "slices"

// ContainerRestart is what a container says itself about which of its exits are
// followed by a restart, instead of its pod (k8s.io/api/core/v1/types.go Container,
// feature ContainerRestartRules, on from v1.35).
type ContainerRestart struct {
	Policy RestartPolicy
	Rules  []RestartRule // the first that applies restarts it, whatever the policy
}

// RestartRule applies to some exit codes. Its only action is a restart.
type RestartRule struct {
	NotIn bool // to all others
	Codes []int32
}

// Restarts tells whether a container that exited with a code is started again
// (pkg/api/v1/pod/util.go ContainerShouldRestart).
func (s *PodSpec) Restarts(c *Container, code int32) bool {
	if r := c.Restart; r != nil {
		applies := func(x RestartRule) bool { return slices.Contains(x.Codes, code) != x.NotIn }
		if slices.ContainsFunc(r.Rules, applies) {
			return true
		}
	}
	switch s.PolicyOf(c) {
	case RestartAlways:
		return true
	case RestartOnFailure:
		return code != 0
	}
	return false
}

// RestartsKilled tells the same of one that is killed because of a probe: rules do not
// count, as there is no exit code yet (pkg/kubelet/kuberuntime/kuberuntime_manager.go
// computePodActions).
func (s *PodSpec) RestartsKilled(c *Container) bool { return s.PolicyOf(c) != RestartNever }

// PolicyOf is a container's own policy, or its pod's.
func (s *PodSpec) PolicyOf(c *Container) RestartPolicy {
	if c.Restart != nil {
		return c.Restart.Policy
	}
	return s.RestartPolicy
}
