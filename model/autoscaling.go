package model

import (
	"time"

	"orrery/sim"
)

// HorizontalPodAutoscaler scales a target so that metrics of its pods come near
// what they should be (k8s.io/api/autoscaling/v2/types.go).
type HorizontalPodAutoscaler struct {
	Meta
	TargetKind Kind   // with a scale: Deployment, ReplicaSet or StatefulSet; KindNone is something else
	TargetName string // in the namespace of the autoscaler
	Min, Max   int32
	Metrics    []MetricSpec // at least one; immutable
	Behavior   *ScalingBehavior

	// Status, written by the horizontal pod autoscaler.
	CurrentReplicas int32
	DesiredReplicas int32
	LastScaleAt     sim.Time      // 0 if it never scaled
	CurrentMetrics  []MetricValue // in the order of Metrics; immutable: replace the slice to change it
	AbleToScale     Condition
	ScalingActive   Condition
	ScalingLimited  Condition
}

// Copy implements Object.
func (h *HorizontalPodAutoscaler) Copy() Object { c := *h; return &c }

// MetricSource is where a metric comes from.
type MetricSource uint8

// The sources of metrics. The last three need an adapter, which a cluster only
// has if somebody installed one; here nobody did.
const (
	ResourceMetric MetricSource = iota
	ContainerResourceMetric
	PodsMetric
	ObjectMetric
	ExternalMetric
)

// MetricSpec is what a metric should come to.
type MetricSpec struct {
	Source      MetricSource
	Name        string // "cpu" or "memory"; of the last three any
	Container   string // of ContainerResource
	Utilization int32  // percent of what pods request; 0 if Average counts
	Average     int64  // for each pod, in milli-CPU or bytes
}

// MetricValue is what a metric came to; the zero value is one that nobody knew.
type MetricValue struct {
	Name        string // of the metric
	Container   string // of ContainerResource
	Utilized    bool   // Utilization is what is asked for
	Utilization int32  // percent
	Average     int64  // for each pod, in milli-CPU or bytes
}

// ScalingBehavior is how fast an autoscaler may scale.
type ScalingBehavior struct{ Up, Down ScalingRules }

// ScalingSelect is which of several policies counts.
type ScalingSelect uint8

// The ways to select a policy.
const (
	SelectMax      ScalingSelect = iota // the one that allows the largest change
	SelectMin                           // the smallest
	SelectDisabled                      // none: there is no scaling this way
)

// ScalingRules is how fast an autoscaler may scale in one direction.
type ScalingRules struct {
	Window       time.Duration // stabilizationWindowSeconds
	Select       ScalingSelect
	Policies     []ScalingPolicy
	TolerancePPM int64 // -1 is the autoscaler's default
}

// ScalingPolicy is the largest change within a period.
type ScalingPolicy struct {
	Percent bool // of the replicas at the beginning of the period; otherwise pods
	Value   int32
	Period  time.Duration
}

// The defaults of behaviors and metrics (pkg/apis/autoscaling/v2/defaults.go; the
// window from pkg/controller/podautoscaler/config/v1alpha1/defaults.go).
const (
	DefaultCPUUtilization = 80
	DownscaleWindow       = 300 * time.Second
)

// DefaultScaleUp is the rules for what a behavior does not say about scaling up.
func DefaultScaleUp() ScalingRules {
	return ScalingRules{TolerancePPM: -1, Policies: []ScalingPolicy{{false, 4, 15 * time.Second}, {true, 100, 15 * time.Second}}}
}

// DefaultScaleDown is the rules for what a behavior does not say about scaling down.
func DefaultScaleDown() ScalingRules {
	return ScalingRules{Window: DownscaleWindow, TolerancePPM: -1, Policies: []ScalingPolicy{{true, 100, 15 * time.Second}}}
}

// Sample is what metrics-server says of a pod, a container or a node.
type Sample struct {
	CPUMilli    int64 // the mean over Window
	MemoryBytes int64 // at At
	At          sim.Time
	Window      time.Duration
	Growing     bool // its memory is not what it will be
	// Inflow is what changes it without anybody being told of the pod; nil if nothing does.
	Inflow *Inflow
	// Costs is what it comes to for an Inflow, if that is known in so few words.
	Costs Costs
}

// Costs is what decides what a pod uses at every Inflow.
//
//tidy:key it is compared
type Costs struct {
	Known bool
	Rest  int64 // milli-CPU without requests
	Each  int64 // millionths of a core for each request per second
	Limit int64 // milli-CPU at most
}

// ReplicasOf is where an object with a scale keeps how many pods it should have;
// nil if it has none.
func ReplicasOf(o Object) *int32 {
	switch o := o.(type) {
	case *Deployment:
		return &o.Replicas
	case *ReplicaSet:
		return &o.Replicas
	case *StatefulSet:
		return &o.Replicas
	}
	return nil
}

// ReplicasUnsaidOf is where an object with a scale keeps that what was applied last says
// nothing of it; nil if it has none.
func ReplicasUnsaidOf(o Object) *bool {
	switch o := o.(type) {
	case *Deployment:
		return &o.ReplicasUnsaid
	case *ReplicaSet:
		return &o.ReplicasUnsaid
	case *StatefulSet:
		return &o.ReplicasUnsaid
	}
	return nil
}

// PodSelectorOf is how an object finds the pods it manages, nil if it has none.
func PodSelectorOf(o Object) *Selector {
	switch o := o.(type) {
	case *Deployment:
		return o.Selector
	case *ReplicaSet:
		return o.Selector
	case *StatefulSet:
		return o.Selector
	case *DaemonSet:
		return o.Selector
	}
	return nil
}
