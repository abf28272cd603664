package model

// PriorityClass is a name for how important pods are
// (k8s.io/api/scheduling/v1/types.go). Pods that name a class have its value
// from the start; which class is the default is found out when a pod is
// created.
type PriorityClass struct {
	Meta
	Value         int32
	GlobalDefault bool // for pods that name no class
	NeverPreempts bool // preemptionPolicy Never
}

// Copy implements Object.
func (c *PriorityClass) Copy() Object { x := *c; return &x }
