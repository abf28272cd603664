package model

import (
	"slices"
	"time"
)

// Effect is what a taint does to pods that do not tolerate it.
type Effect uint8

// The effects; AnyEffect stands only in tolerations.
const (
	AnyEffect Effect = iota
	NoSchedule
	PreferNoSchedule
	NoExecute
)

// String is the effect as Kubernetes writes it.
func (e Effect) String() string {
	return [...]string{"", "NoSchedule", "PreferNoSchedule", "NoExecute"}[e]
}

// Taint is a node's refusal of pods.
type Taint struct {
	Key, Value string
	Effect     Effect
}

// String is the taint as kubectl writes it: "key=value:Effect".
func (t Taint) String() string {
	s := t.Key
	if t.Value != "" {
		s += "=" + t.Value
	}
	return s + ":" + t.Effect.String()
}

// The taints the control plane itself sets
// (k8s.io/api/core/v1/well_known_taints.go).
const (
	TaintNotReady      = "node.kubernetes.io/not-ready"
	TaintUnreachable   = "node.kubernetes.io/unreachable"
	TaintUnschedulable = "node.kubernetes.io/unschedulable"

	TaintMemoryPressure = "node.kubernetes.io/memory-pressure"
	TaintDiskPressure   = "node.kubernetes.io/disk-pressure"
	TaintPIDPressure    = "node.kubernetes.io/pid-pressure"

	// TaintOutOfService is set by people: the node is known to run nothing.
	TaintOutOfService = "node.kubernetes.io/out-of-service"
)

// Forever as Toleration.For tolerates without limit.
const Forever = time.Duration(-1)

// Toleration lets a pod live with matching taints, NoExecute ones for For.
type Toleration struct {
	Key, Value string // empty Key with Exists matches every taint
	Exists     bool   // operator Exists; otherwise Equal
	Effect     Effect // AnyEffect matches every effect
	For        time.Duration
}

// Tolerates tells whether t matches taint
// (k8s.io/api/core/v1/toleration.go ToleratesTaint).
func (t *Toleration) Tolerates(taint *Taint) bool {
	if t.Effect != AnyEffect && t.Effect != taint.Effect {
		return false
	}
	if t.Key != "" && t.Key != taint.Key {
		return false
	}
	if t.Exists {
		return true
	}
	return t.Key != "" && t.Value == taint.Value
}

// Tolerated tells whether any of tolerations matches taint.
func Tolerated(tolerations []Toleration, taint *Taint) bool {
	return slices.ContainsFunc(tolerations, func(t Toleration) bool { return t.Tolerates(taint) })
}

// HasTaint tells whether the taint of that key and effect is among taints.
func HasTaint(taints []Taint, key string, e Effect) bool {
	return slices.ContainsFunc(taints, func(t Taint) bool { return t.Key == key && t.Effect == e })
}

// HasTaintKey tells whether a taint of that key is among taints, whatever its effect.
func HasTaintKey(taints []Taint, key string) bool {
	return slices.ContainsFunc(taints, func(t Taint) bool { return t.Key == key })
}

// WithTaint is taints with t added, unless key and effect are there already.
func WithTaint(taints []Taint, t Taint) []Taint {
	if HasTaint(taints, t.Key, t.Effect) {
		return taints
	}
	return append(slices.Clone(taints), t)
}

// WithoutTaint is taints without the one of that key and effect.
func WithoutTaint(taints []Taint, key string, e Effect) []Taint {
	if !HasTaint(taints, key, e) {
		return taints
	}
	return slices.DeleteFunc(slices.Clone(taints), func(t Taint) bool { return t.Key == key && t.Effect == e })
}
