package controller

import (
	"cmp"
	"slices"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Constants of the Job controller (pkg/controller/job/job_controller.go).
const (
	jobBatch      = time.Second      // changes of pods are looked at together
	jobBurst      = 500              // pods created or deleted in one look
	jobFailFirst  = 10 * time.Second // until a failed pod is replaced, doubled with every one
	jobFailLast   = 10 * time.Minute
	jobErrorFirst = time.Second // until a look is repeated whose request was refused, doubled every time
	jobErrorLast  = time.Minute
)

// jobs runs the pods of each Job until enough have succeeded. Each pod that ends
// is counted once: kube-controller-manager makes sure of that with a finalizer on
// the pod, here the Ledger does. Pods without an owner are not adopted.
type jobs struct {
	*loop
	*Ledger
	rows  store.Table[jobRow]
	names sim.Lane
}

// Ledger is what the status of Jobs and finalizers on their pods say in Kubernetes:
// who was counted, as what. All replicas share it, and it outlives them.
type Ledger struct {
	tallies store.Table[*jobTally]  // by Job
	counted store.Table[bool]       // by pod: it was counted, or is not to be
	waiting store.Table[*model.Pod] // by pod: as it was seen last, until it is gone
}

// jobTally is what became of a Job's pods.
type jobTally struct {
	names     uint64       // pod names drawn so far
	ended     []*model.Pod // not counted yet, as they were seen last
	succeeded int32
	failed    int32
	indexes   indexes
}

func (l *Ledger) tally(job uint32) *jobTally {
	t := l.tallies.Row(job)
	if *t == nil {
		*t = &jobTally{}
	}
	return *t
}

// jobRow is what the controller knows of one Job.
type jobRow struct {
	expectations
	*jobTally
	plan plan
	// removing tells which deletions of the plan are of pods that are not to be
	// counted.
	removing bool

	failures int32    // in a row, since the last success
	failedAt sim.Time // the last of them
}

func newJobs(l *loop) controller {
	l.queue.first, l.queue.last = jobErrorFirst, jobErrorLast
	return &jobs{loop: l, Ledger: l.ledger, names: l.kernel.Luck().Lane("job pod name")}
}

// job looks at a Job whose spec changed at once, and at others after a while
// (updateJob).
func (c *jobs) job(now sim.Time, old, next *model.Job) {
	switch {
	case next == nil && old == nil:
	case next == nil:
		c.tally(old.ID).ended = nil
		c.queue.add(old.ID)
	case old == nil || old.Generation != next.Generation:
		c.queue.add(next.ID)
	default:
		c.after(now, next.ID, jobBatch)
	}
}

// pod notes the end of a pod and has its Job looked at after a while.
func (c *jobs) pod(now sim.Time, old, next *model.Pod) {
	some := old
	if next != nil {
		some = next
	}
	if some.Owner.Kind != model.KindJob {
		return
	}
	*c.waiting.Row(some.ID) = next
	row := c.rows.Row(some.Owner.ID)
	row.see(c.view.pods.Row(some.ID), old, next)
	if job := *c.view.jobs.Row(some.Owner.ID); job != nil && !*c.counted.Row(some.ID) && (next == nil || overFor(job, next)) {
		*c.counted.Row(some.ID) = true
		t := c.tally(some.Owner.ID)
		t.ended = append(t.ended, some)
	}
	c.after(now, some.Owner.ID, jobBatch)
}

// resume finds the pods that went while nobody led. In Kubernetes their finalizer
// keeps them until they are counted.
func (c *jobs) resume(now sim.Time) {
	for id := range c.waiting.Len() {
		if p := *c.waiting.Row(uint32(id)); p != nil && c.view.pod(uint32(id)) == nil {
			c.pod(now, p, nil)
		}
	}
}

// overFor tells whether a pod counts as ended: it has, or it is being deleted and
// the Job does not wait for what becomes of it (isPodFailed).
func overFor(job *model.Job, p *model.Pod) bool {
	return p.Phase.Terminal() || p.Deleting() && !job.ReplaceFailed
}

// due implements controller; nothing is posted but delayed looks.
func (c *jobs) due(sim.Time, sim.Why, uint64) {}

// sync is one look at a Job (syncJob).
func (c *jobs) sync(now sim.Time, id uint32) {
	job := *c.view.jobs.Row(id)
	if job == nil {
		c.done(id)
		return
	}
	if _, over := job.Finished(); over {
		c.done(id)
		return
	}
	row := c.rows.Row(id)
	row.jobTally = c.tally(id)
	row.plan.reset()
	l := &jobLook{jobs: c, now: now, job: job, row: row, next: *job}
	l.start()
	for _, pod := range *c.view.owned[model.KindJob].Row(id) {
		l.see(c.view.pod(pod))
	}
	l.count()
	l.judge()
	l.act()
	l.writeStatus()
	if l.recheck > 0 {
		c.after(now, id, l.recheck)
	}
	c.advance(now, &row.plan, id)
}

func (c *jobs) replied(now sim.Time, r store.Reply) {
	row := c.rows.Row(uint32(r.Tag))
	call := &row.plan.calls[planned(r)]
	switch {
	case r.Refusal == store.Accepted:
	case call.op == store.OpCreate && r.Refusal != store.AlreadyExists:
		row.forget(1)
	case call.op == store.OpDelete:
		row.seeDeletionOf(c.view.pods.Row(call.target.ID))
		if row.removing && r.Refusal != store.NotFound {
			*c.counted.Row(call.target.ID) = false
		}
	}
	c.goOnMaking(now, &row.plan, &row.expectations, r)
}

// jobLook is one look at one Job.
type jobLook struct {
	*jobs
	now         sim.Time
	job         *model.Job
	row         *jobRow
	next        model.Job // with the status to be written
	active      []*model.Pod
	terminating []*model.Pod
	ready       int32
	created     int32
	deleted     int32
	recheck     time.Duration
}

// start is the moment from which a Job counts as running.
func (l *jobLook) start() {
	if l.job.StartedAt == 0 && !l.job.Suspend {
		l.next.StartedAt = l.now
		if l.job.ActiveDeadline > 0 {
			l.recheckIn(l.job.ActiveDeadline)
		}
	}
	if l.job.Indexed {
		l.row.indexes.size(int(l.job.Completions))
	}
}

func (l *jobLook) recheckIn(d time.Duration) {
	if l.recheck == 0 || d < l.recheck {
		l.recheck = d
	}
}

func (l *jobLook) see(p *model.Pod) {
	switch {
	case p.Active():
		l.active = append(l.active, p)
		l.ready += int32(one(p.IsReady()))
	case p.Deleting() && !p.Phase.Terminal():
		l.terminating = append(l.terminating, p)
	}
}

// count adds up the pods that have ended since the last look, in the order in
// which they did (trackJobStatusAndRemoveFinalizers, newBackoffRecord).
func (l *jobLook) count() {
	slices.SortStableFunc(l.row.ended, func(a, b *model.Pod) int { return cmp.Compare(finishedAt(a), finishedAt(b)) })
	for _, p := range l.row.ended {
		if p.Phase == model.PodSucceeded {
			l.succeed(p)
		} else {
			l.fail(p)
		}
	}
	l.row.ended = l.row.ended[:0]
}

func (l *jobLook) succeed(p *model.Pod) {
	if !l.job.Indexed || l.row.indexes.succeed(p) {
		l.row.succeeded++
	}
	l.row.failures, l.row.failedAt = 0, 0
}

func (l *jobLook) fail(p *model.Pod) {
	action, why := l.judgeFailure(p)
	switch {
	case action == model.FailureIgnore:
		return
	case action == model.FailJob && l.next.FailureTarget.Reason == "":
		l.finish(&l.next.FailureTarget, "PodFailurePolicy", why)
	}
	if l.job.Indexed && !l.row.indexes.fail(p, l.job.BackoffLimitPerIndex, action == model.FailIndex) {
		return
	}
	l.row.failed++
	l.row.failures++
	l.row.failedAt = max(l.row.failedAt, finishedAt(p))
}

// finishedAt is when a pod ended: the last of its containers, or else when it
// stopped being ready, was asked to go, or was made (getFinishedTime).
func finishedAt(p *model.Pod) sim.Time {
	var last sim.Time
	for i := range p.Containers {
		c := &p.Containers[i]
		if plain := i < len(p.Spec.InitContainers) && !p.Spec.InitContainers[i].Sidecar; plain {
			continue
		}
		if c.State != model.ContainerTerminated || c.FinishedAt == 0 {
			last = 0
			break
		}
		last = max(last, model.WholeSecond(c.FinishedAt))
	}
	switch {
	case last > 0:
		return last
	case p.Ready.Status == model.False && p.Ready.SinceAt > 0:
		return model.WholeSecond(p.Ready.SinceAt)
	case p.Deleting():
		return model.WholeSecond(p.DeletionAt.Add(-time.Duration(p.GraceSeconds) * time.Second))
	}
	return model.WholeSecond(p.CreatedAt)
}

// judgeFailure is what the first rule of the podFailurePolicy that matches says
// (pod_failure_policy.go). A pod that was deleted before it failed matches none.
func (l *jobLook) judgeFailure(p *model.Pod) (model.FailureAction, string) {
	if p.Phase != model.PodFailed {
		return model.FailureCount, ""
	}
	for n := range l.job.FailurePolicy {
		r := &l.job.FailurePolicy[n]
		if r.Disruption {
			if p.Disrupted.Status == model.True {
				return r.Action, "Pod " + p.Namespace + "/" + p.Name + " has condition DisruptionTarget matching FailJob rule at index " + decimal(int32(n))
			}
			continue
		}
		if i := matchingExit(r, p); i >= 0 {
			return r.Action, "Container " + containerName(p, i) + " for pod " + p.Namespace + "/" + p.Name + " failed with exit code " +
				decimal(p.Containers[i].ExitCode) + " matching FailJob rule at index " + decimal(int32(n))
		}
	}
	return model.FailureCount, ""
}

// matchingExit is the first container whose exit code a rule is about, or -1.
func matchingExit(r *model.FailureRule, p *model.Pod) int {
	return slices.IndexFunc(p.Containers, func(c model.ContainerStatus) bool {
		i := slices.Index(p.Containers, c)
		return (r.Container == "" || r.Container == containerName(p, i)) && c.State == model.ContainerTerminated && c.ExitCode != 0 &&
			slices.Contains(r.Codes, c.ExitCode) != r.NotIn
	})
}

func containerName(p *model.Pod, i int) string {
	if n := len(p.Spec.InitContainers); i >= n {
		return p.Spec.Containers[i-n].Name
	}
	return p.Spec.InitContainers[i].Name
}

// finish notes that a Job will have failed once its pods have ended, and says so;
// Kubernetes says it then.
func (l *jobLook) finish(c *model.Condition, reason, message string) {
	*c = model.Condition{Status: model.True, SinceAt: l.now, Reason: reason}
	l.client.Note(l.job, true, reason, message)
}

// judge finds out whether the Job is over, in the order of syncJob.
func (l *jobLook) judge() {
	j, row := l.job, l.row
	if l.next.SuccessMet.Status == model.True || l.next.FailureTarget.Status == model.True {
		return
	}
	perIndex := j.BackoffLimitPerIndex != model.Unlimited
	switch {
	case row.failed > j.BackoffLimit || l.restartsExceed():
		l.finish(&l.next.FailureTarget, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
	case l.pastDeadline():
		l.finish(&l.next.FailureTarget, "DeadlineExceeded", "Job was active longer than specified deadline")
	case perIndex && j.MaxFailedIndexes != model.Unlimited && row.indexes.failed.count() > int(j.MaxFailedIndexes):
		l.finish(&l.next.FailureTarget, "MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes")
	case perIndex && row.indexes.failed.count() > 0 && row.indexes.failed.count()+int(row.succeeded) >= int(j.Completions):
		l.finish(&l.next.FailureTarget, "FailedIndexes", "Job has failed indexes")
	case l.enough():
		l.next.SuccessMet = model.Condition{Status: model.True, SinceAt: l.now, Reason: "CompletionsReached"}
	}
}

// enough tells whether as many pods have succeeded as are to.
func (l *jobLook) enough() bool {
	if l.job.Completions == model.AnyCompletion {
		return l.row.succeeded > 0 && len(l.active) == 0
	}
	return l.row.succeeded >= l.job.Completions && !l.job.Suspend
}

// restartsExceed tells whether containers restarted too often
// (pastBackoffLimitOnFailure).
func (l *jobLook) restartsExceed() bool {
	if l.job.Template.Spec.RestartPolicy != model.RestartOnFailure {
		return false
	}
	var n int32
	for _, p := range l.active {
		n += p.Restarts()
	}
	if l.job.BackoffLimit == 0 {
		return n > 0
	}
	return n >= l.job.BackoffLimit
}

func (l *jobLook) pastDeadline() bool {
	d := l.job.ActiveDeadline
	if d == 0 || l.next.StartedAt == 0 || l.job.Suspend {
		return false
	}
	left := l.next.StartedAt.Add(d).Sub(l.now)
	if left > 0 {
		l.recheckIn(left)
	}
	return left <= 0
}

// writeStatus plans to write what the look found.
func (l *jobLook) writeStatus() {
	n, row := &l.next, l.row
	n.Active, n.ReadyPods = int32(len(l.active))+l.created-l.deleted, min(l.ready, int32(len(l.active))-l.deleted)
	n.Terminating, n.Succeeded, n.FailedPods = int32(len(l.terminating))+l.deleted, row.succeeded, row.failed
	if l.job.Indexed {
		n.CompletedIndexes = row.indexes.succeeded.text()
		if l.job.BackoffLimitPerIndex != model.Unlimited {
			n.FailedIndexes = row.indexes.failed.text()
		}
	}
	if n.Active+n.Terminating == 0 {
		l.end()
	}
	if !sameStatus(n, l.job) {
		row.plan.add(call{op: store.OpUpdateStatus, object: n, insist: true, anyway: true})
	}
}

// end makes the end of a Job known once all its pods have ended.
func (l *jobLook) end() {
	n := &l.next
	switch {
	case n.SuccessMet.Status == model.True:
		n.Complete = model.Condition{Status: model.True, SinceAt: l.now, Reason: n.SuccessMet.Reason}
		n.CompletedAt = l.now
		l.client.Note(l.job, false, "Completed", "Job completed")
	case n.FailureTarget.Status == model.True:
		n.Failed = model.Condition{Status: model.True, SinceAt: l.now, Reason: n.FailureTarget.Reason}
	}
}

func sameStatus(a, b *model.Job) bool {
	return a.Active == b.Active && a.ReadyPods == b.ReadyPods && a.Succeeded == b.Succeeded && a.FailedPods == b.FailedPods &&
		a.Terminating == b.Terminating && a.StartedAt == b.StartedAt && a.CompletedAt == b.CompletedAt &&
		a.CompletedIndexes == b.CompletedIndexes && a.FailedIndexes == b.FailedIndexes && a.Complete == b.Complete &&
		a.Failed == b.Failed && a.FailureTarget == b.FailureTarget && a.SuccessMet == b.SuccessMet && a.Suspended == b.Suspended
}
