package controller

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Constants of the CronJob controller (pkg/controller/cronjob/cronjob_controllerv2.go, utils.go).
const (
	nextScheduleDelta = 100 * time.Millisecond // after the instant of the schedule
	manyMissed        = 100                    // starts; more are worth a warning
)

// cronJobs makes a Job of each CronJob when its schedule says so. Between the
// instants of the schedule nothing happens.
type cronJobs struct {
	*loop
	plans store.Table[plan]
	known store.Table[bool] // Jobs that were seen
}

func newCronJobs(l *loop) controller { return &cronJobs{loop: l} }

func (c *cronJobs) cronJob(_ sim.Time, old, next *model.CronJob) {
	switch {
	case next != nil:
		c.queue.add(next.ID)
	case old != nil:
		c.queue.add(old.ID)
	}
}

func (c *cronJobs) job(_ sim.Time, old, next *model.Job) {
	some := old
	if next != nil {
		some = next
		*c.known.Row(next.ID) = true
	}
	if some != nil && some.Owner.Kind == model.KindCronJob {
		c.queue.add(some.Owner.ID)
	}
}

// due implements controller; nothing is posted but delayed looks.
func (c *cronJobs) due(sim.Time, sim.Why, uint64) {}

// sync is one look at a CronJob.
func (c *cronJobs) sync(now sim.Time, id uint32) {
	cj := *c.view.cronJobs.Row(id)
	if cj == nil {
		c.done(id)
		return
	}
	p := c.plans.Row(id)
	p.reset()
	l := &cronLook{cronJobs: c, now: now, wall: now.Add(c.ahead), cj: cj, next: *cj, plan: p}
	for _, j := range *c.view.jobsOf.Row(id) {
		if job := *c.view.jobs.Row(j); job.Owner.Kind == model.KindCronJob {
			l.jobs = append(l.jobs, job)
		}
	}
	l.follow()
	if !cj.Deleting() && !cj.Suspend {
		l.schedule()
	}
	l.cleanUp()
	if l.created || !slices.Equal(l.next.Active, cj.Active) || l.next.SuccessfulAt != cj.SuccessfulAt {
		p.add(call{op: store.OpUpdateStatus, object: &l.next})
	}
	c.advance(now, p, id)
}

func (c *cronJobs) replied(now sim.Time, r store.Reply) {
	p := c.plans.Row(uint32(r.Tag))
	call := &p.calls[planned(r)]
	if call.op == store.OpCreate {
		ref := c.found(call.object, r)
		if status, ok := p.calls[len(p.calls)-1].object.(*model.CronJob); ok && !ref.IsZero() && !slices.Contains(status.Active, ref) {
			status.Active = append(slices.Clone(status.Active), ref)
		}
		if r.Refusal == store.AlreadyExists && ref.IsZero() {
			call.exists = false // the view will show it
		}
	}
	c.goOn(now, p, r)
}

// found is the Job that was made, now or by a look whose status was lost.
func (c *cronJobs) found(made model.Object, r store.Reply) model.Ref {
	if r.Refusal == store.Accepted {
		return r.Object.Head().Ref()
	}
	m := made.Head()
	for _, id := range *c.view.jobsOf.Row(m.Owner.ID) {
		if job := *c.view.jobs.Row(id); r.Refusal == store.AlreadyExists && job.Name == m.Name && job.Owner == m.Owner {
			return job.Ref()
		}
	}
	return model.Ref{}
}

// cronLook is one look at one CronJob.
type cronLook struct {
	*cronJobs
	now     sim.Time
	wall    sim.Time // by the machine's clock
	cj      *model.CronJob
	next    model.CronJob // with the status to be written
	plan    *plan
	jobs    []*model.Job
	created bool
}

func (l *cronLook) drop(r model.Ref) bool {
	i := slices.Index(l.next.Active, r)
	if i < 0 {
		return false
	}
	l.next.Active = slices.Delete(slices.Clone(l.next.Active), i, i+1)
	return true
}

// follow takes Jobs that have finished or are gone off the list of active ones.
// One that is on the list and was never seen is still on its way here.
func (l *cronLook) follow() {
	for _, j := range l.jobs {
		if _, over := j.Finished(); !over {
			continue
		}
		if l.drop(j.Ref()) {
			condition := "Complete"
			if j.Failed.Status == model.True {
				condition = "Failed"
			}
			l.client.Note(l.cj, false, "SawCompletedJob", "Saw completed job: "+j.Name+", condition: "+condition)
		}
		l.next.SuccessfulAt = max(l.next.SuccessfulAt, j.CompletedAt)
	}
	for _, r := range l.cj.Active {
		if *l.view.jobs.Row(r.ID) == nil && *l.known.Row(r.ID) {
			m := model.Meta{Kind: r.Kind, ID: r.ID}
			l.client.Note(l.cj, false, "MissingJob", "Active job went missing: "+m.UID())
			l.drop(r)
		}
	}
}

// schedule starts the Job that is due, if there is one, and looks again at the
// next instant of the schedule. A run that is later than the deadline is not even
// found; that the controller asks once more, and would say MissSchedule, comes to
// nothing.
func (l *cronLook) schedule() {
	at, missed := l.recent(l.cj.StartingDeadline)
	if at == 0 {
		l.later()
		return
	}
	if missed > manyMissed {
		l.client.Note(l.cj, true, "TooManyMissedTimes", "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew")
	}
	name := l.cj.Name + "-" + strconv.FormatInt(model.Minutes(at), 10)
	switch {
	case l.active(name) || at == l.cj.ScheduledAt:
	case l.cj.Concurrency == model.ForbidConcurrent && len(l.next.Active) > 0:
		l.client.Note(l.cj, false, "JobAlreadyActive", "Not starting job because prior execution is running and concurrency policy is Forbid")
	default:
		l.begin(at, name)
	}
	l.later()
}

// active tells whether an active Job has that name.
func (l *cronLook) active(name string) bool {
	return slices.ContainsFunc(l.next.Active, func(r model.Ref) bool {
		j := *l.view.jobs.Row(r.ID)
		return j != nil && j.Name == name
	})
}

// begin plans to make the Job of an instant, after deleting those it replaces.
func (l *cronLook) begin(at sim.Time, name string) {
	if l.cj.Concurrency == model.ReplaceConcurrent {
		for _, r := range l.next.Active {
			if j := *l.view.jobs.Row(r.ID); j != nil {
				l.delete(j)
			}
		}
	}
	job := &model.Job{
		Meta:    model.Meta{Kind: model.KindJob, Namespace: l.cj.Namespace, Name: name, Owner: l.cj.Ref(), Labels: l.cj.JobLabels},
		JobSpec: l.cj.Job,
	}
	l.plan.add(call{
		op: store.OpCreate, object: job, exists: true, noteOn: l.cj,
		note:     model.Note{Reason: "SuccessfulCreate", Message: "Created job " + name},
		failNote: model.Note{Warning: true, Reason: "FailedCreate", Message: "Error creating job: "},
	})
	l.next.ScheduledAt, l.created = at, true
}

func (l *cronLook) delete(j *model.Job) {
	l.plan.add(call{
		op: store.OpDelete, target: j.Ref(), noteOn: l.cj,
		note:     model.Note{Reason: "SuccessfulDelete", Message: "Deleted job " + j.Name},
		failNote: model.Note{Warning: true, Reason: "FailedDelete", Message: "Deleted job: "},
	})
	l.drop(j.Ref())
}

// cleanUp plans to delete the oldest finished Jobs beyond what is to be kept.
func (l *cronLook) cleanUp() {
	var complete, failed []*model.Job
	for _, j := range l.jobs {
		switch {
		case j.Complete.Status == model.True:
			complete = append(complete, j)
		case j.Failed.Status == model.True:
			failed = append(failed, j)
		}
	}
	l.keep(complete, l.cj.SuccessfulHistory)
	l.keep(failed, l.cj.FailedHistory)
}

func (l *cronLook) keep(jobs []*model.Job, most int32) {
	slices.SortFunc(jobs, func(a, b *model.Job) int {
		return cmp.Or(cmp.Compare(a.StartedAt, b.StartedAt), cmp.Compare(a.Name, b.Name))
	})
	for _, j := range jobs[:max(0, len(jobs)-int(most))] {
		l.delete(j)
	}
}

// recent is the last instant of the schedule that has passed since the last run
// and within a deadline, 0 if there is none, and about how many have
// (mostRecentScheduleTime).
func (l *cronLook) recent(within time.Duration) (at sim.Time, missed int64) {
	from, s := l.last(), l.cj.Schedule
	if within != model.Unlimited {
		from = max(from, l.wall.Add(-within))
	}
	first := s.After(from)
	if l.wall < first {
		return 0, 0
	}
	second := s.After(first)
	if l.wall < second {
		return first, 1
	}
	between := max(1, (int64(second.Sub(first))+int64(time.Second)/2)/int64(time.Second))
	missed = int64(l.wall.Sub(first)/time.Second)/between + 1
	// One interval more is gone back, for schedules whose intervals differ.
	for t := s.After(first.Add(time.Duration((missed-2)*between) * time.Second)); t <= l.wall; t = s.After(t) {
		at = t
	}
	return at, missed
}

// last is the instant from which starts can be missed.
func (l *cronLook) last() sim.Time {
	if l.next.ScheduledAt != 0 {
		return l.next.ScheduledAt
	}
	return model.WholeSecond(l.cj.CreatedAt)
}

// later looks again when the next instant has passed (nextScheduleTimeDuration).
func (l *cronLook) later() {
	from := l.last()
	if at, _ := l.recent(model.Unlimited); at != 0 {
		from = at
	}
	if at := l.cj.Schedule.After(from); at != sim.Never {
		l.after(l.now, l.cj.ID, max(0, at.Add(nextScheduleDelta).Sub(l.wall)))
	}
}
