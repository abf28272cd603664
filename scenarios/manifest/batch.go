package manifest

import (
	"math"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"orrery/model"
)

// readJob reads with the defaults of pkg/apis/batch/v1/defaults.go and the rules
// of pkg/apis/batch/validation. Of a snapshot only Jobs count that have not
// finished; they begin anew.
func readJob(o *object) {
	before := o.set.decoder.wrong
	var in batchv1.Job
	if !decode(o, &in) {
		return
	}
	finished := slices.ContainsFunc(in.Status.Conditions, func(c batchv1.JobCondition) bool {
		return (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue
	})
	if o.set.snapshot && finished {
		return
	}
	j := &model.Job{Meta: o.meta, JobSpec: o.jobSpec(o.root().field("spec"), &in.Spec)}
	j.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	o.keep(before, j)
}

func (o *object) jobSpec(p *place, s *batchv1.JobSpec) model.JobSpec {
	j := model.JobSpec{
		Parallelism:          number(p.field("parallelism"), s.Parallelism, 1),
		Completions:          model.AnyCompletion,
		Indexed:              s.CompletionMode != nil && *s.CompletionMode == batchv1.IndexedCompletion,
		BackoffLimitPerIndex: number(p.field("backoffLimitPerIndex"), s.BackoffLimitPerIndex, model.Unlimited),
		MaxFailedIndexes:     number(p.field("maxFailedIndexes"), s.MaxFailedIndexes, model.Unlimited),
		TTL:                  model.Unlimited,
		Suspend:              s.Suspend != nil && *s.Suspend,
		ReplaceFailed:        s.PodFailurePolicy != nil,
	}
	if s.Completions != nil || s.Parallelism == nil {
		j.Completions = number(p.field("completions"), s.Completions, 1)
	}
	limit := int32(6)
	if s.BackoffLimitPerIndex != nil {
		limit = math.MaxInt32
	}
	j.BackoffLimit = number(p.field("backoffLimit"), s.BackoffLimit, limit)
	if d := s.ActiveDeadlineSeconds; d != nil {
		j.ActiveDeadline = seconds(p.field("activeDeadlineSeconds"), *d)
	}
	if d := s.TTLSecondsAfterFinished; d != nil {
		j.TTL = seconds(p.field("ttlSecondsAfterFinished"), int64(*d))
	}
	if r := s.PodReplacementPolicy; r != nil {
		j.ReplaceFailed = *r == batchv1.Failed
		if *r != batchv1.Failed && *r != batchv1.TerminatingOrFailed {
			p.field("podReplacementPolicy").unknownWord(string(*r), string(batchv1.TerminatingOrFailed), string(batchv1.Failed))
		}
	}
	o.jobMode(p, s, &j)
	t := p.field("template")
	j.Template = o.bareTemplate(t, &s.Template)
	j.Template.Hash = j.Template.ComputeHash()
	if j.Template.Spec.RestartPolicy == model.RestartAlways {
		t.fields("spec", "restartPolicy").errorf("must be OnFailure or Never in a %s: its pods have to end", o.kind.typed.kind)
	}
	if s.PodFailurePolicy != nil {
		j.FailurePolicy = failurePolicy(p.fields("podFailurePolicy", "rules"), s.PodFailurePolicy.Rules)
		o.checkFailurePolicy(p, s, &j)
	}
	return j
}

// checkFailurePolicy checks what a podFailurePolicy needs
// (pkg/apis/batch/validation/validation.go validatePodFailurePolicyRule,
// validatePodReplacementPolicy).
func (o *object) checkFailurePolicy(p *place, s *batchv1.JobSpec, j *model.JobSpec) {
	if j.Template.Spec.RestartPolicy != model.RestartNever {
		p.field("podFailurePolicy").errorf("needs restartPolicy Never")
	}
	if r := s.PodReplacementPolicy; r != nil && *r == batchv1.TerminatingOrFailed {
		p.field("podReplacementPolicy").errorf("is Failed, or left out, beside a podFailurePolicy")
	}
	for i := range j.FailurePolicy {
		r, at := &j.FailurePolicy[i], p.fields("podFailurePolicy", "rules").item(i)
		if r.Action == model.FailIndex && j.BackoffLimitPerIndex == model.Unlimited {
			at.field("action").errorf("FailIndex needs backoffLimitPerIndex")
		}
		if !r.NotIn && slices.Contains(r.Codes, 0) {
			at.fields("onExitCodes", "values").errorf("0 is no failure: operator In cannot have it")
		}
	}
}

// jobMode checks what only Indexed Jobs may say.
func (o *object) jobMode(p *place, s *batchv1.JobSpec, j *model.JobSpec) {
	if m := s.CompletionMode; m != nil && *m != batchv1.IndexedCompletion && *m != batchv1.NonIndexedCompletion {
		p.field("completionMode").unknownWord(string(*m), "NonIndexed", "Indexed")
	}
	switch {
	case j.Indexed && j.Completions == model.AnyCompletion:
		p.field("completions").errorf("is missing: an Indexed Job has as many indexes")
	case !j.Indexed && s.BackoffLimitPerIndex != nil:
		p.field("backoffLimitPerIndex").errorf("needs completionMode Indexed")
	case !j.Indexed && s.MaxFailedIndexes != nil:
		p.field("maxFailedIndexes").errorf("needs completionMode Indexed")
	}
}

// number is a count, or otherwise if it is not given.
func number(p *place, n *int32, otherwise int32) int32 {
	switch {
	case n == nil:
		return otherwise
	case *n < 0:
		p.errorf("%d is negative: write 0 or more", *n)
	case *n > MaxPods && *n != math.MaxInt32:
		p.errorf("%d is more than %d", *n, MaxPods)
	}
	return *n
}

func failurePolicy(p *place, rules []batchv1.PodFailurePolicyRule) (out []model.FailureRule) {
	for i := range rules {
		r, at := &rules[i], p.item(i)
		var m model.FailureRule
		switch r.Action {
		case batchv1.PodFailurePolicyActionFailJob:
			m.Action = model.FailJob
		case batchv1.PodFailurePolicyActionFailIndex:
			m.Action = model.FailIndex
		case batchv1.PodFailurePolicyActionIgnore:
			m.Action = model.FailureIgnore
		case batchv1.PodFailurePolicyActionCount:
		default:
			at.field("action").unknownWord(string(r.Action), "FailJob", "FailIndex", "Ignore", "Count")
		}
		switch {
		case r.OnExitCodes != nil && len(r.OnPodConditions) > 0, r.OnExitCodes == nil && len(r.OnPodConditions) == 0:
			at.errorf("needs one of onExitCodes and onPodConditions")
			continue
		case r.OnExitCodes != nil:
			m.Codes = r.OnExitCodes.Values
			m.NotIn = r.OnExitCodes.Operator == batchv1.PodFailurePolicyOnExitCodesOpNotIn
			if c := r.OnExitCodes.ContainerName; c != nil {
				m.Container = *c
			}
		case slices.ContainsFunc(r.OnPodConditions, func(c batchv1.PodFailurePolicyOnPodConditionsPattern) bool {
			return c.Type == corev1.DisruptionTarget && (c.Status == "" || c.Status == corev1.ConditionTrue)
		}):
			m.Disruption = true
		default:
			at.field("onPodConditions").errorf("only the condition DisruptionTarget: True exists here")
		}
		out = append(out, m)
	}
	return out
}

// readCronJob reads a Job with a schedule. Times are UTC.
func readCronJob(o *object) {
	before := o.set.decoder.wrong
	var in batchv1.CronJob
	if !decode(o, &in) {
		return
	}
	spec := o.root().field("spec")
	c := &model.CronJob{
		Meta:              o.meta,
		Suspend:           in.Spec.Suspend != nil && *in.Spec.Suspend,
		StartingDeadline:  model.Unlimited,
		SuccessfulHistory: number(spec.field("successfulJobsHistoryLimit"), in.Spec.SuccessfulJobsHistoryLimit, 3),
		FailedHistory:     number(spec.field("failedJobsHistoryLimit"), in.Spec.FailedJobsHistoryLimit, 1),
		JobLabels:         o.labels(spec.fields("jobTemplate", "metadata", "labels"), in.Spec.JobTemplate.Labels),
		Job:               o.jobSpec(spec.fields("jobTemplate", "spec"), &in.Spec.JobTemplate.Spec),
	}
	c.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	if len(c.Name) > 52 {
		o.root().fields("metadata", "name").errorf("is longer than 52 characters: its Jobs' names are 11 longer")
	}
	if d := in.Spec.StartingDeadlineSeconds; d != nil {
		c.StartingDeadline = seconds(spec.field("startingDeadlineSeconds"), *d)
	}
	switch in.Spec.ConcurrencyPolicy {
	case "", batchv1.AllowConcurrent:
	case batchv1.ForbidConcurrent:
		c.Concurrency = model.ForbidConcurrent
	case batchv1.ReplaceConcurrent:
		c.Concurrency = model.ReplaceConcurrent
	default:
		spec.field("concurrencyPolicy").unknownWord(string(in.Spec.ConcurrencyPolicy), "Allow", "Forbid", "Replace")
	}
	if z := in.Spec.TimeZone; z != nil && *z != "UTC" && *z != "Etc/UTC" {
		o.note(spec.field("timeZone"), "spec.timeZone: not modeled, the schedule is taken as UTC")
	}
	c.Schedule = readSchedule(spec.field("schedule"), in.Spec.Schedule)
	o.keep(before, c)
}

func readSchedule(p *place, text string) model.Schedule {
	if text == "" {
		p.errorf("is missing")
		return model.Schedule{}
	}
	if wrong := wrongSchedule(text); wrong != "" {
		p.errorf("%s", wrong)
		return model.Schedule{}
	}
	s, err := model.ParseSchedule(text)
	if err != nil {
		p.errorf("%v", err)
	}
	return s
}
