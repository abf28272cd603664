package model

import (
	"cmp"
	"slices"
)

// NamedCondition is a condition with its type.
type NamedCondition struct {
	Type string
	Condition
}

// Conditions is conditions of a pod that no component of Kubernetes sets: readiness
// gates ask for them. It is immutable; nil is none.
type Conditions struct{ List []NamedCondition } // in the order of their types

// Get is the condition of a type, and whether somebody has set it.
func (c *Conditions) Get(kind string) (Condition, bool) {
	if c == nil {
		return Condition{}, false
	}
	i, found := slices.BinarySearchFunc(c.List, kind, func(n NamedCondition, kind string) int { return cmp.Compare(n.Type, kind) })
	if !found {
		return Condition{}, false
	}
	return c.List[i].Condition, true
}

// With is c with a condition; c itself if that has the same status already. When it
// changed does not count.
func (c *Conditions) With(n NamedCondition) *Conditions {
	if had, there := c.Get(n.Type); there && had.Status == n.Status {
		return c
	}
	var next []NamedCondition
	if c != nil {
		next = slices.DeleteFunc(slices.Clone(c.List), func(o NamedCondition) bool { return o.Type == n.Type })
	}
	next = append(next, n)
	slices.SortFunc(next, func(a, b NamedCondition) int { return cmp.Compare(a.Type, b.Type) })
	return &Conditions{next}
}

// ownConditions are the types of conditions that a pod has from components of Kubernetes:
// who else sets one says nothing that lasts (k8s.io/api/core/v1/types.go
// PodConditionType).
var ownConditions = []string{
	"AllContainersRestarting", "ContainersReady", "DisruptionTarget", "Initialized", "PodReadyToStartContainers", "PodResizeInProgress", "PodResizePending", "PodScheduled", "Ready",
}

// IsOwnCondition tells whether components of Kubernetes set a condition of that type.
func IsOwnCondition(kind string) bool { return slices.Contains(ownConditions, kind) }

// Gated tells whether a readiness gate keeps a pod from being ready, whatever its
// containers are (pkg/kubelet/status/generate.go GeneratePodReadyCondition).
func (p *Pod) Gated() bool { return p.OpenGates() < len(p.Spec.ReadinessGates) }

// OpenGates is how many of a pod's readiness gates keep it from nothing.
func (p *Pod) OpenGates() (n int) {
	for _, kind := range p.Spec.ReadinessGates {
		if c, _ := p.Custom.Get(kind); c.Status == True {
			n++
		}
	}
	return n
}

// SetCondition is a patch of a pod's status that sets a condition.
type SetCondition struct{ NamedCondition }

// Apply is a changed copy of cur, or cur itself if it has that condition already.
func (s *SetCondition) Apply(cur Object) Object {
	p := cur.(*Pod)
	custom := p.Custom.With(s.NamedCondition)
	if custom == p.Custom {
		return cur
	}
	next := *p
	next.Custom = custom
	return &next
}
