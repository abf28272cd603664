package model

import (
	"time"

	"orrery/sim"
)

// JobSpec is what a Job is to do: run pods of its template until enough have
// succeeded, or too many have failed.
type JobSpec struct {
	Parallelism          int32
	Completions          int32         // pods that must succeed; AnyCompletion
	Indexed              bool          // completionMode Indexed
	BackoffLimit         int32         // pods that may fail, default 6
	BackoffLimitPerIndex int32         // of one index; Unlimited
	MaxFailedIndexes     int32         // Unlimited
	ActiveDeadline       time.Duration // 0 is none
	TTL                  time.Duration // ttlSecondsAfterFinished; Unlimited
	Suspend              bool
	ReplaceFailed        bool // podReplacementPolicy Failed; otherwise TerminatingOrFailed
	FailurePolicy        []FailureRule
	Template             *Template
}

// AnyCompletion as Completions ends a Job when one pod succeeded and none runs.
// Unlimited as a limit is none.
const (
	AnyCompletion = -1
	Unlimited     = -1
)

// FailureAction is what becomes of a Job because of how a pod failed.
type FailureAction uint8

// The actions (k8s.io/api/batch/v1/types.go PodFailurePolicyAction).
const (
	FailureCount FailureAction = iota
	FailureIgnore
	FailJob
	FailIndex
)

// FailureRule is one rule of a podFailurePolicy; the first that matches decides.
// It is about exit codes, or about the pod's DisruptionTarget condition.
type FailureRule struct {
	Action     FailureAction
	Container  string  // whose exit codes; "" is any
	NotIn      bool    // operator NotIn: any other than 0 and Codes
	Codes      []int32 // nil if the rule is about the condition
	Disruption bool    // the condition DisruptionTarget is True
}

// Job runs pods to their end.
type Job struct {
	Meta
	JobSpec

	// Status, written by the Job controller.
	Active           int32
	ReadyPods        int32
	Succeeded        int32
	FailedPods       int32
	Terminating      int32
	StartedAt        sim.Time // 0 if never started; begins anew when the Job is resumed
	CompletedAt      sim.Time // of a Job that is complete
	CompletedIndexes string   // of an Indexed Job: "0-2,5"
	FailedIndexes    string   // with a limit per index
	Complete         Condition
	Failed           Condition
	FailureTarget    Condition // it will be Failed once its pods have ended
	SuccessMet       Condition // it will be Complete once its pods have ended
	Suspended        Condition
}

// Copy implements Object.
func (j *Job) Copy() Object { c := *j; return &c }

// Finished tells whether the Job is over for good, and since when.
func (j *Job) Finished() (sim.Time, bool) {
	switch {
	case j.Complete.Status == True:
		return j.Complete.SinceAt, true
	case j.Failed.Status == True:
		return j.Failed.SinceAt, true
	}
	return 0, false
}

// Concurrency is what a CronJob does when a run is due while another is under
// way.
type Concurrency uint8

// The concurrency policies.
const (
	AllowConcurrent Concurrency = iota
	ForbidConcurrent
	ReplaceConcurrent
)

// CronJob makes Jobs on a schedule.
type CronJob struct {
	Meta
	Schedule          Schedule
	Concurrency       Concurrency
	Suspend           bool
	StartingDeadline  time.Duration // how late a run may start; Unlimited
	SuccessfulHistory int32         // successfulJobsHistoryLimit, default 3
	FailedHistory     int32         // failedJobsHistoryLimit, default 1
	JobLabels         Labels
	Job               JobSpec

	// Status, written by the CronJob controller.
	Active       []Ref    // its Jobs that have not finished; immutable: replace the slice to change it
	ScheduledAt  sim.Time // lastScheduleTime, 0 if never
	SuccessfulAt sim.Time // lastSuccessfulTime, 0 if never
}

// Copy implements Object.
func (c *CronJob) Copy() Object { x := *c; return &x }
