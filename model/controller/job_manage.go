package controller

import (
	"slices"
	"strconv"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// act plans what becomes of the Job's pods: a Job that is over has none, one
// that is suspended neither, others as many as they want (manageJob).
func (l *jobLook) act() {
	l.row.removing = false
	over := l.next.SuccessMet.Status == model.True || l.next.FailureTarget.Status == model.True
	switch {
	case over:
		l.delete(l.active)
		return
	case l.job.Deleting() || !l.row.satisfied(l.now):
	case l.job.Suspend:
		l.remove(len(l.active))
	default:
		l.manage()
	}
	l.suspend()
}

// suspend keeps the condition that says whether the Job is suspended.
func (l *jobLook) suspend() {
	c := &l.next.Suspended
	switch {
	case l.job.Suspend && c.Status != model.True:
		*c = model.Condition{Status: model.True, SinceAt: l.now, Reason: "JobSuspended"}
		l.client.Note(l.job, false, "Suspended", "Job suspended")
	case !l.job.Suspend && c.Status == model.True:
		*c = model.Condition{Status: model.False, SinceAt: l.now, Reason: "JobResumed"}
		l.next.StartedAt = l.now
		l.client.Note(l.job, false, "Resumed", "Job resumed")
	}
}

// manage removes pods that are too many, or makes those that are missing, never
// both at once.
func (l *jobLook) manage() {
	j, active := l.job, int32(len(l.active))
	want := j.Parallelism
	switch {
	case j.Completions != model.AnyCompletion:
		want = min(max(0, j.Completions-l.row.succeeded), want)
	case l.row.succeeded > 0:
		want = active
	}
	if twice := l.doubles(); max(0, active-want) > 0 || twice > 0 {
		l.remove(max(int(active-want), twice))
		return
	}
	if j.ReplaceFailed {
		active += int32(len(l.terminating))
	}
	if want <= active {
		return
	}
	if wait := waitFor(l.now, l.row.failures, l.row.failedAt); j.BackoffLimitPerIndex == model.Unlimited && wait > 0 {
		l.recheckIn(wait)
		return
	}
	l.make(int(min(want-active, jobBurst)))
}

// waitFor is how long the next pod has to wait after failures in a row, the last
// of them at a time (backoff_utils.go getRemainingTimeForFailuresCount).
func waitFor(now sim.Time, failures int32, last sim.Time) time.Duration {
	if failures == 0 {
		return 0
	}
	d := jobFailFirst
	for i := int32(1); i < failures && d < jobFailLast; i++ {
		d = min(2*d, jobFailLast)
	}
	return max(0, last.Add(d).Sub(now))
}

// doubles moves the active pods of an Indexed Job to the front whose index
// another has too, or is none any more, and counts them (appendDuplicatedIndexPodsForRemoval).
func (l *jobLook) doubles() (n int) {
	if !l.job.Indexed {
		return 0
	}
	seen := map[int]bool{}
	for i, p := range l.active {
		ix := indexOf(p)
		if seen[ix] || ix < 0 || ix >= int(l.job.Completions) {
			l.active[n], l.active[i] = l.active[i], l.active[n]
			n++
		}
		seen[ix] = true
	}
	return n
}

// remove deletes the n active pods that rank first, which then are not counted
// as failed (deleteJobPods).
func (l *jobLook) remove(n int) {
	twice := l.doubles()
	rest := make([]ranked, 0, len(l.active))
	for _, p := range l.active[twice:] {
		rest = append(rest, ranked{pod: p, uid: p.NameHash()})
	}
	slices.SortFunc(rest, func(a, b ranked) int { return deletedFirst(l.now, &a, &b) })
	victims := slices.Clone(l.active[:twice])
	for i := range rest {
		victims = append(victims, rest[i].pod)
	}
	victims = victims[:min(n, jobBurst, len(victims))]
	for _, p := range victims {
		*l.counted.Row(p.ID) = true
	}
	l.row.removing = true
	l.delete(victims)
}

func (l *jobLook) delete(pods []*model.Pod) {
	if len(pods) > 0 {
		l.row.expect(l.now, 0, len(pods))
	}
	for i, p := range pods {
		l.view.pods.Row(p.ID).leaving = true
		l.row.plan.add(call{
			op: store.OpDelete, target: p.Ref(), together: i > 0, noteOn: l.job,
			note:     model.Note{Reason: "SuccessfulDelete", Message: "Deleted pod: " + p.Name},
			failNote: model.Note{Warning: true, Reason: "FailedDelete", Message: "Error deleting: "},
		})
	}
	l.deleted += int32(len(pods))
}

// make plans n more pods, in batches of 1, 2, 4 and so on.
func (l *jobLook) make(n int) {
	free := make([]int, n)
	if l.job.Indexed {
		var wait time.Duration
		free, wait = l.row.indexes.pending(l.now, n, l.holders())
		if len(free) == 0 && wait > 0 {
			l.recheckIn(wait)
		}
	}
	if len(free) == 0 {
		return
	}
	l.row.expect(l.now, len(free), 0)
	uid := l.job.UID()
	labels := l.job.Template.Labels.With("batch.kubernetes.io/controller-uid", uid).With("controller-uid", uid).
		With("batch.kubernetes.io/job-name", l.job.Name).With("job-name", l.job.Name)
	for i, ix := range free {
		pod := model.Pod{
			Meta: model.Meta{Kind: model.KindPod, Namespace: l.job.Namespace, Owner: l.job.Ref(), Labels: labels},
			Spec: l.job.Template.Spec, Finalizers: l.job.Template.Finalizers,
		}
		base := l.job.Name
		if l.job.Indexed {
			pod.Labels = labels.With(labelIndex, strconv.Itoa(ix))
			base += "-" + strconv.Itoa(ix)
		}
		draw := func() model.Object {
			named := pod
			l.row.names++
			named.Name = model.GenerateName(base, l.names.Draw(l.job.NameHash(), l.row.names))
			return &named
		}
		o := draw()
		l.row.plan.add(call{
			op: store.OpCreate, object: o, redraw: draw, together: i&(i+1) != 0, noteOn: l.job,
			note:     model.Note{Reason: "SuccessfulCreate", Message: "Created pod: " + o.Head().Name},
			failNote: model.Note{Warning: true, Reason: "FailedCreate", Message: "Error creating: "},
		})
	}
	l.created += int32(len(free))
}

// holders is the pods whose indexes are not free: also those that are being deleted if what
// becomes of them is waited for (firstPendingIndexes).
func (l *jobLook) holders() []*model.Pod {
	if l.job.ReplaceFailed {
		return slices.Concat(l.active, l.terminating)
	}
	return l.active
}

// labelIndex is the completion index of a pod of an Indexed Job
// (k8s.io/api/batch/v1/types.go JobCompletionIndexAnnotation, also a label).
const labelIndex = "batch.kubernetes.io/job-completion-index"

// indexOf is a pod's completion index, -1 if it has none.
func indexOf(p *model.Pod) int {
	if n, err := strconv.Atoi(p.Labels.Value(labelIndex)); err == nil {
		return n
	}
	return -1
}

// indexes is how far the indexes of an Indexed Job are.
type indexes struct {
	succeeded, failed indexSet
	failures          []int32 // by index, in a row
	failedAt          []sim.Time
	limited           bool // failures count by index
}

// indexSet is a set of indexes.
type indexSet []bool

func (s indexSet) count() (n int) {
	for _, is := range s {
		n += one(is)
	}
	return n
}

// text is the set as a Job's status has it: "0-2,5".
func (s indexSet) text() string {
	var out []byte
	for i := 0; i < len(s); i++ {
		if !s[i] {
			continue
		}
		from := i
		for i+1 < len(s) && s[i+1] {
			i++
		}
		if len(out) > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, int64(from), 10)
		if i > from {
			sep := byte('-')
			if i == from+1 {
				sep = ','
			}
			out = strconv.AppendInt(append(out, sep), int64(i), 10)
		}
	}
	return string(out)
}

// size makes room for n indexes.
func (x *indexes) size(n int) {
	for len(x.succeeded) < n {
		x.succeeded, x.failed = append(x.succeeded, false), append(x.failed, false)
		x.failures, x.failedAt = append(x.failures, 0), append(x.failedAt, 0)
	}
}

// succeed tells whether the success of a pod is the first of its index.
func (x *indexes) succeed(p *model.Pod) bool {
	ix := indexOf(p)
	if ix < 0 || ix >= len(x.succeeded) || x.succeeded[ix] {
		return false
	}
	x.succeeded[ix] = true
	return true
}

// fail counts the failure of a pod for its index, which fails for good beyond
// the limit, or at once. It is false if the pod has no index.
func (x *indexes) fail(p *model.Pod, limit int32, atOnce bool) bool {
	ix := indexOf(p)
	if ix < 0 || ix >= len(x.succeeded) {
		return false
	}
	if limit == model.Unlimited {
		return true
	}
	x.limited = true
	x.failures[ix]++
	x.failedAt[ix] = finishedAt(p)
	if atOnce || x.failures[ix] > limit {
		x.failed[ix] = true
	}
	return true
}

// pending is the lowest n indexes that need a pod. Those that failed lately have
// to wait; wait is for the first of them (firstPendingIndexes,
// getPodCreationInfoForIndependentIndexes).
func (x *indexes) pending(now sim.Time, n int, holders []*model.Pod) (free []int, wait time.Duration) {
	taken := make([]bool, len(x.succeeded))
	for _, p := range holders {
		if ix := indexOf(p); ix >= 0 && ix < len(taken) {
			taken[ix] = true
		}
	}
	for ix := 0; ix < len(taken) && n > 0; ix++ {
		if taken[ix] || x.succeeded[ix] || x.failed[ix] {
			continue
		}
		n--
		if x.limited {
			if w := waitFor(now, x.failures[ix], x.failedAt[ix]); w > 0 {
				if wait == 0 || w < wait {
					wait = w
				}
				continue
			}
		}
		free = append(free, ix)
	}
	return free, wait
}
