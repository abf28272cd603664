package model

import (
	"errors"
	"fmt"
	"slices"

	"orrery/sim"
)

// Resize is how far a pod is that is being resized in place: its spec says what is
// wanted (k8s.io/api/core/v1/types.go, GA in v1.35). It is immutable, and nil for pods
// that have what they want.
type Resize struct {
	Allocated *PodSpec // with what its kubelet has set aside (allocatedResources)
	// Actual is the spec with what its containers have (the resources of their status);
	// nil if that is Allocated.
	Actual *PodSpec
	// Pending is the reason of the condition PodResizePending: ResizeDeferred or
	// ResizeInfeasible; "" if that is not True.
	Pending    string
	PendingAt  sim.Time // since when, with that reason (lastTransitionTime)
	Generation int64    // of the spec that it is said of (observedGeneration)
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

// Counted is the spec with what a pod counts for on its node: the largest of what it
// wants, what is set aside and what it has, container by container; what it wants does
// not count if it cannot have it (k8s.io/component-helpers/resource/helpers.go
// determineEffectiveRequests).
func (p *Pod) Counted() *PodSpec {
	switch r := p.Resize; {
	case r == nil:
		return p.Spec
	case r.Pending == ResizeInfeasible:
		return r.Allocated.Covering(r.Actual)
	default:
		return p.Spec.Covering(r.Allocated).Covering(r.Actual)
	}
}

// Has is the spec with what the pod's containers have, as its status shows.
func (p *Pod) Has() *PodSpec {
	switch r := p.Resize; {
	case r == nil:
		return p.Spec
	case r.Actual == nil:
		return r.Allocated
	default:
		return r.Actual
	}
}

// Covering is the spec with the larger requests and limits of each container that can be
// resized, of its own and those of another version of it; nil is the same.
func (s *PodSpec) Covering(o *PodSpec) *PodSpec {
	if o == nil || o == s {
		return s
	}
	spec := s.withOwnContainers()
	for i := range spec.Containers {
		c := &spec.Containers[i]
		c.Requests, c.Limits = c.Requests.Max(o.Containers[i].Requests), c.Limits.Max(o.Containers[i].Limits)
	}
	for i := range spec.InitContainers {
		if c := &spec.InitContainers[i]; c.Sidecar {
			c.Requests, c.Limits = c.Requests.Max(o.InitContainers[i].Requests), c.Limits.Max(o.InitContainers[i].Limits)
		}
	}
	spec.SumRequests()
	return spec
}

// withOwnContainers is a copy whose containers can be changed.
func (s *PodSpec) withOwnContainers() *PodSpec {
	spec := *s
	spec.Containers, spec.InitContainers = slices.Clone(s.Containers), slices.Clone(s.InitContainers)
	return &spec
}

// resized is the spec with other resources of containers and sidecars, or what the API
// server says against it (pkg/apis/core/validation/validation.go ValidatePodResize). It
// makes no difference whether the pod is on a node yet.
func (p *Pod) resized(changes []ContainerPatch) (*PodSpec, error) {
	spec := p.Spec.withOwnContainers()
	for i := range changes {
		list, path := spec.Containers, "spec.containers"
		if changes[i].Init {
			list, path = spec.InitContainers, "spec.initContainers"
		}
		if err := changes[i].apply(list, path); err != nil {
			return nil, err
		}
	}
	spec.SumRequests()
	switch {
	case p.Mirror():
		return nil, errors.New("Forbidden: static pods cannot be resized")
	case spec.PodLevel != nil:
		return nil, errors.New("Forbidden: resize of pods with pod-level resources is forbidden when InPlacePodLevelResourcesVerticalScalingEnabled feature gate is disabled")
	case spec.QoS() != p.Spec.QoS():
		return nil, fmt.Errorf("spec: Invalid value: %q: Pod QOS Class may not change as a result of resizing", p.Spec.QoS())
	}
	for i := range spec.InitContainers {
		if is, was := &spec.InitContainers[i], &p.Spec.InitContainers[i]; !is.Sidecar && !is.SameResources(was) {
			return nil, errors.New("spec: Forbidden: resources for non-sidecar init containers are immutable")
		}
	}
	return spec, nil
}

// restartsFor tells whether a container is started anew to get other resources.
func (c *Container) restartsFor(to *Container) bool {
	cpu := c.Requests.CPUMilli != to.Requests.CPUMilli || c.Limits.CPUMilli != to.Limits.CPUMilli
	memory := c.Requests.MemoryBytes != to.Requests.MemoryBytes || c.Limits.MemoryBytes != to.Limits.MemoryBytes
	return cpu && to.RestartForCPU || memory && to.RestartForMemory
}

// RestartsToResize tells whether the ith container, init containers first, is started anew
// on the way from one spec to the other (resizePolicy RestartContainer).
func (s *PodSpec) RestartsToResize(i int, to *PodSpec) bool {
	if n := len(s.InitContainers); i >= n {
		return s.Containers[i-n].restartsFor(&to.Containers[i-n])
	}
	return s.InitContainers[i].Sidecar && s.InitContainers[i].restartsFor(&to.InitContainers[i])
}

// SameResources tells whether all containers ask for the same as in another version of
// the spec.
func (s *PodSpec) SameResources(o *PodSpec) bool {
	same := func(a, b Container) bool { return a.SameResources(&b) }
	return s == o || slices.EqualFunc(s.Containers, o.Containers, same) && slices.EqualFunc(s.InitContainers, o.InitContainers, same)
}

// SameResources tells whether a container asks for the same CPU and memory as another version of it.
func (c *Container) SameResources(o *Container) bool {
	return c.Requests.CPUMilli == o.Requests.CPUMilli && c.Requests.MemoryBytes == o.Requests.MemoryBytes &&
		c.Limits.CPUMilli == o.Limits.CPUMilli && c.Limits.MemoryBytes == o.Limits.MemoryBytes
}
