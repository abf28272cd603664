package model

import "time"

// Labels that controllers of pods with a revision put on them
// (k8s.io/api/apps/v1/types.go).
const (
	// LabelRevision names the ControllerRevision a pod is made from.
	LabelRevision = "controller-revision-hash"
	// LabelPodName and LabelPodIndex tell the pods of a StatefulSet apart.
	LabelPodName  = "statefulset.kubernetes.io/pod-name"
	LabelPodIndex = "apps.kubernetes.io/pod-index"
)

// StatefulSet keeps pods that are told apart: NAME-0, NAME-1 and so on.
type StatefulSet struct {
	Meta
	Replicas       int32
	ReplicasUnsaid bool  // as of a Deployment
	Start          int32 // ordinals.start: the first pod's number
	Selector       *Selector
	Template       *Template
	Parallel       bool           // podManagementPolicy Parallel; otherwise OrderedReady
	OnDelete       bool           // updateStrategy OnDelete; otherwise RollingUpdate
	Partition      int32          // pods of lower ordinals keep the old revision
	MaxUnavailable CountOrPercent // of a rolling update, default 1
	MinReady       time.Duration
	HistoryLimit   int32 // revisionHistoryLimit, default 10
	// Claims is volumeClaimTemplates: each pod has a claim of its own of each, called
	// NAME-POD, without ID and namespace here.
	Claims []*Claim
	// persistentVolumeClaimRetentionPolicy: otherwise claims are kept.
	DeleteClaimsWithSet  bool // whenDeleted Delete
	DeleteClaimsWhenDown bool // whenScaled Delete

	// Status, written by the StatefulSet controller.
	ObservedGeneration int64
	StatusReplicas     int32
	ReadyReplicas      int32
	AvailableReplicas  int32
	CurrentReplicas    int32
	UpdatedReplicas    int32
	CurrentRevision    string // names of ControllerRevisions
	UpdateRevision     string
}

// Copy implements Object.
func (s *StatefulSet) Copy() Object { c := *s; return &c }

// ControllerRevision is a template that a StatefulSet or DaemonSet, its owner,
// has or had.
type ControllerRevision struct {
	Meta
	Template *Template
	Revision int64 // the newest has the highest
}

// Copy implements Object.
func (r *ControllerRevision) Copy() Object { c := *r; return &c }
