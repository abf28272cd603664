package model

import "time"

// DaemonSet keeps one pod on every node that can take it.
type DaemonSet struct {
	Meta
	Selector       *Selector
	Template       *Template
	OnDelete       bool           // updateStrategy OnDelete; otherwise RollingUpdate
	MaxUnavailable CountOrPercent // of a rolling update, default 1
	MaxSurge       CountOrPercent // default 0; not both are 0
	MinReady       time.Duration
	HistoryLimit   int32 // revisionHistoryLimit, default 10

	// Status, written by the DaemonSet controller.
	ObservedGeneration int64
	Desired            int32 // desiredNumberScheduled
	Current            int32 // currentNumberScheduled
	Misscheduled       int32 // numberMisscheduled
	Ready              int32 // numberReady
	Available          int32 // numberAvailable
	Unavailable        int32 // numberUnavailable
	Updated            int32 // updatedNumberScheduled
}

// Copy implements Object.
func (d *DaemonSet) Copy() Object { c := *d; return &c }
