package model

import (
	"strconv"
	"strings"
	"time"
)

// What Jobs and CronJobs compare, in the order of the paths.

func (d *Differ) job(a, b *Job) {
	if d.deleted {
		d.number("status.succeeded", int64(a.Succeeded), 0)
		return
	}
	d.meta(&a.Meta, &b.Meta)
	d.jobSpec(&a.JobSpec, &b.JobSpec)
	d.number("status.active", int64(a.Active), int64(b.Active))
	d.text("status.completedIndexes", a.CompletedIndexes, b.CompletedIndexes)
	d.instant("status.completionTime", a.CompletedAt, b.CompletedAt)
	d.condition("status.conditions.Complete", a.Complete, b.Complete)
	d.condition("status.conditions.Failed", a.Failed, b.Failed)
	d.condition("status.conditions.FailureTarget", a.FailureTarget, b.FailureTarget)
	d.condition("status.conditions.SuccessCriteriaMet", a.SuccessMet, b.SuccessMet)
	d.condition("status.conditions.Suspended", a.Suspended, b.Suspended)
	d.number("status.failed", int64(a.FailedPods), int64(b.FailedPods))
	d.text("status.failedIndexes", a.FailedIndexes, b.FailedIndexes)
	d.number("status.ready", int64(a.ReadyPods), int64(b.ReadyPods))
	d.instant("status.startTime", a.StartedAt, b.StartedAt)
	d.number("status.succeeded", int64(a.Succeeded), int64(b.Succeeded))
	d.number("status.terminating", int64(a.Terminating), int64(b.Terminating))
}

// jobSpec compares what a Job, or a CronJob below its jobTemplate, says.
func (d *Differ) jobSpec(a, b *JobSpec) {
	const at = "spec."
	limit := func(name string, x, y int32) {
		d.text(at+name, limited(a.Template != nil, int64(x)), limited(b.Template != nil, int64(y)))
	}
	d.number(at+"activeDeadlineSeconds", int64(a.ActiveDeadline/time.Second), int64(b.ActiveDeadline/time.Second))
	d.number(at+"backoffLimit", int64(a.BackoffLimit), int64(b.BackoffLimit))
	limit("backoffLimitPerIndex", a.BackoffLimitPerIndex, b.BackoffLimitPerIndex)
	d.flag(at+"completionModeIndexed", [2]bool{a.Indexed, b.Indexed})
	limit("completions", a.Completions, b.Completions)
	limit("maxFailedIndexes", a.MaxFailedIndexes, b.MaxFailedIndexes)
	d.number(at+"parallelism", int64(a.Parallelism), int64(b.Parallelism))
	d.number(at+"podFailurePolicy.rules", int64(len(a.FailurePolicy)), int64(len(b.FailurePolicy)))
	d.flag(at+"podReplacementPolicyFailed", [2]bool{a.ReplaceFailed, b.ReplaceFailed})
	d.flag(at+"suspend", [2]bool{a.Suspend, b.Suspend})
	d.template(a.Template, b.Template)
	d.text(at+"ttlSecondsAfterFinished", a.ttl(), b.ttl())
}

// limited is a limit as text, "" for none.
func limited(said bool, n int64) string {
	if !said || n == Unlimited {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func (s *JobSpec) ttl() string {
	if s.Template == nil || s.TTL == Unlimited {
		return ""
	}
	return strconv.FormatInt(int64(s.TTL/time.Second), 10)
}

func (d *Differ) cronJob(a, b *CronJob) {
	if d.deleted {
		d.text("spec.schedule", a.Schedule.Text, "")
		return
	}
	d.meta(&a.Meta, &b.Meta)
	d.text("spec.concurrencyPolicy", a.policy(), b.policy())
	d.number("spec.failedJobsHistoryLimit", int64(a.FailedHistory), int64(b.FailedHistory))
	d.enter("spec.jobTemplate", "")
	d.jobSpec(&a.Job, &b.Job)
	d.leave()
	d.text("spec.schedule", a.Schedule.Text, b.Schedule.Text)
	d.text("spec.startingDeadlineSeconds", a.deadline(), b.deadline())
	d.number("spec.successfulJobsHistoryLimit", int64(a.SuccessfulHistory), int64(b.SuccessfulHistory))
	d.flag("spec.suspend", [2]bool{a.Suspend, b.Suspend})
	d.text("status.active", refList(a.Active), refList(b.Active))
	d.instant("status.lastScheduleTime", a.ScheduledAt, b.ScheduledAt)
	d.instant("status.lastSuccessfulTime", a.SuccessfulAt, b.SuccessfulAt)
}

func (c *CronJob) policy() string {
	if c.Schedule.Text == "" {
		return ""
	}
	return [...]string{"Allow", "Forbid", "Replace"}[c.Concurrency]
}

func (c *CronJob) deadline() string {
	if c.Schedule.Text == "" || c.StartingDeadline == Unlimited {
		return ""
	}
	return strconv.FormatInt(int64(c.StartingDeadline/time.Second), 10)
}

func refList(refs []Ref) string {
	var list []string
	for _, r := range refs {
		list = append(list, uid(r))
	}
	return strings.Join(list, ",")
}
