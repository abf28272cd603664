package model

import (
	"errors"
	"fmt"
	"slices"
)

// Resize is how far a pod is that is being resized in place: its spec says what is
// wanted (k8s.io/api/core/v1/types.go, GA in v1.35). It is immutable, and nil for pods
// that have what they want.
type Resize struct {
	Allocated *PodSpec // with what its kubelet has set aside (allocatedResources)
	// Pending is the reason of the condition PodResizePending: ResizeDeferred or
	// ResizeInfeasible; "" if that is not True.
	Pending string
	// Progress is the condition PodResizeInProgress; its reason is ResizeError if the
	// last try failed.
	Progress, Failed bool
}

// The reasons of the conditions of a resize.
const (
	ResizeDeferred   = "Deferred"   // there is too little free at the moment
	ResizeInfeasible = "Infeasible" // the node is too small, or the pod's kubelet cannot
	ResizeError      = "Error"
)

// Same tells whether two say the same.
func (r *Resize) Same(o *Resize) bool { return r == o || r != nil && o != nil && *r == *o }

// Counted is the spec with what a pod counts for on its node: of what it wants and what
// is set aside the larger, container by container; what it wants does not count if it
// cannot have it (k8s.io/component-helpers/resource/helpers.go
// determineContainerReqs).
func (p *Pod) Counted() *PodSpec {
	switch r := p.Resize; {
	case r == nil:
		return p.Spec
	case r.Pending == ResizeInfeasible:
		return r.Allocated
	}
	spec := *p.Spec
	spec.Containers = slices.Clone(spec.Containers)
	for i := range spec.Containers {
		c := &spec.Containers[i]
		c.Requests = c.Requests.Max(p.Resize.Allocated.Containers[i].Requests)
	}
	spec.SumRequests()
	return &spec
}

// resized is the spec with other resources of containers, or what the API server says
// against it (pkg/apis/core/validation/validation.go ValidatePodResize).
func (p *Pod) resized(changes []ContainerPatch) (*PodSpec, error) {
	spec := *p.Spec
	spec.Containers = slices.Clone(spec.Containers)
	for i := range changes {
		named := func(c Container) bool { return c.Name == changes[i].Name }
		if slices.ContainsFunc(spec.InitContainers, named) {
			return nil, fmt.Errorf("spec.initContainers: %q is an init container, and those are not resized here", changes[i].Name)
		}
		if err := changes[i].apply(spec.Containers, "spec"); err != nil {
			return nil, err
		}
	}
	spec.SumRequests()
	switch {
	case p.Mirror():
		return nil, errors.New("static pods cannot be resized")
	case p.NodeID == 0: // Kubernetes lets those that wait be resized, too
		return nil, errors.New("it is on no node yet, and pods that wait are not resized here")
	case spec.PodLevel != nil:
		return nil, errors.New("resize of pods with pod-level resources is forbidden when InPlacePodLevelResourcesVerticalScalingEnabled feature gate is disabled")
	case spec.QoS() != p.Spec.QoS():
		return nil, fmt.Errorf("Pod QOS Class may not change as a result of resizing, from %v to %v", p.Spec.QoS(), spec.QoS())
	}
	return &spec, nil
}

// restartsFor tells whether a container is started anew to get other resources.
func (c *Container) restartsFor(to *Container) bool {
	cpu := c.Requests.CPUMilli != to.Requests.CPUMilli || c.Limits.CPUMilli != to.Limits.CPUMilli
	memory := c.Requests.MemoryBytes != to.Requests.MemoryBytes || c.Limits.MemoryBytes != to.Limits.MemoryBytes
	return cpu && to.RestartForCPU || memory && to.RestartForMemory
}

// RestartsToResize tells whether the ith app container is started anew on the way from
// one spec to the other (resizePolicy RestartContainer).
func (s *PodSpec) RestartsToResize(i int, to *PodSpec) bool {
	return s.Containers[i].restartsFor(&to.Containers[i])
}

// sameResources tells whether all app containers ask for the same.
func (s *PodSpec) sameResources(o *PodSpec) bool {
	return slices.EqualFunc(s.Containers, o.Containers, func(a, b Container) bool {
		return a.Requests.CPUMilli == b.Requests.CPUMilli && a.Requests.MemoryBytes == b.Requests.MemoryBytes &&
			a.Limits.CPUMilli == b.Limits.CPUMilli && a.Limits.MemoryBytes == b.Limits.MemoryBytes
	})
}
