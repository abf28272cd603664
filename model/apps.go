package model

import (
	"time"

	"orrery/sim"
)

// Deployment keeps a number of pods of the newest template.
type Deployment struct {
	Meta
	Replicas int32
	// ReplicasUnsaid: the manifest that was applied last does not say how many, so another one that
	// does not leaves their number alone (kubectl.kubernetes.io/last-applied-configuration).
	ReplicasUnsaid   bool
	Selector         *Selector
	Template         *Template
	Recreate         bool // strategy Recreate; otherwise RollingUpdate
	MaxSurge         CountOrPercent
	MaxUnavailable   CountOrPercent
	MinReady         time.Duration // minReadySeconds
	ProgressDeadline time.Duration // default 600 s
	HistoryLimit     int32         // revisionHistoryLimit, default 10
	Paused           bool
	Revision         int64 // deployment.kubernetes.io/revision

	// Status, written by the Deployment controller.
	ObservedGeneration int64
	StatusReplicas     int32
	UpdatedReplicas    int32
	ReadyReplicas      int32
	AvailableReplicas  int32
	Terminating        int32 // terminatingReplicas
	Available          Condition
	Progressing        Condition
	ProgressAt         sim.Time  // lastUpdateTime of Progressing
	Failure            Condition // ReplicaFailure, of one of its ReplicaSets; without a reason there is none
}

// Copy implements Object.
func (d *Deployment) Copy() Object { c := *d; return &c }

// CountOrPercent is an absolute count, or a percentage of a whole
// (k8s.io/apimachinery/pkg/util/intstr).
type CountOrPercent struct {
	Value   int32
	Percent bool
}

// Of is the count out of whole; a percentage is rounded up or down.
func (c CountOrPercent) Of(whole int32, up bool) int32 {
	if !c.Percent {
		return c.Value
	}
	n := int64(c.Value) * int64(whole)
	if up {
		n += 99
	}
	return int32(n / 100)
}

// ReplicaSet keeps a number of pods of one template.
type ReplicaSet struct {
	Meta
	Replicas        int32
	ReplicasUnsaid  bool // as of a Deployment
	Selector        *Selector
	Template        *Template
	MinReady        time.Duration
	Revision        int64 // deployment.kubernetes.io/revision
	DesiredReplicas int32 // deployment.kubernetes.io/desired-replicas
	MaxReplicas     int32 // deployment.kubernetes.io/max-replicas

	// Status, written by the ReplicaSet controller.
	ObservedGeneration int64
	StatusReplicas     int32
	ReadyReplicas      int32
	AvailableReplicas  int32
	Terminating        int32     // terminatingReplicas
	Failure            Condition // ReplicaFailure; without a reason there is none
}

// Copy implements Object.
func (r *ReplicaSet) Copy() Object { c := *r; return &c }
