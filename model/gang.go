package model

// Workload is pods that are to be scheduled together, in groups
// (k8s.io/api/scheduling/v1alpha1/types.go). Its groups never change.
type Workload struct {
	Meta
	Groups []PodGroup // each name once
}

// PodGroup is one sort of pods in a Workload.
type PodGroup struct {
	Name string
	// MinCount is how many pods of the group have to find a node before any of
	// them is bound (policy gang); 0 asks for nothing of that sort (policy
	// basic).
	MinCount int32
}

// Copy implements Object.
func (w *Workload) Copy() Object { x := *w; return &x }

// Group is the group of that name, nil if there is none.
func (w *Workload) Group(name string) *PodGroup {
	for i := range w.Groups {
		if w.Groups[i].Name == name {
			return &w.Groups[i]
		}
	}
	return nil
}

// WorkloadRef is the group that a pod says it belongs to, in a Workload of its
// own namespace (k8s.io/api/core/v1/types.go WorkloadReference). The policy
// counts the pods of each replica key apart.
//
//tidy:key compared as a whole
type WorkloadRef struct{ Name, PodGroup, ReplicaKey string }
