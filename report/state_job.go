package report

import (
	"orrery/model"
	"orrery/model/store"
)

// job is a Job or a CronJob. Pods count for their Job and for its CronJob, and
// Jobs for themselves and for their CronJob.
type job struct {
	scope
	namespace string
	cron      *job // a Job's CronJob; nil if it has none
	marks     marks
}

func (s *state) jobOf(m *model.Meta) *job {
	row := s.jobs[m.Kind].Row(m.ID)
	if *row == nil {
		j := &job{scope: scope{kind: m.Kind, path: m.Path()}, namespace: m.Namespace}
		if m.Owner.Kind == model.KindCronJob {
			j.cron = *s.jobs[m.Owner.Kind].Row(m.Owner.ID)
		}
		*row, s.named[m.Path()] = j, &j.scope
	}
	return *row
}

func (s *state) takeJob(r *store.Record) {
	j := s.jobOf(r.Object().Head())
	now, _ := r.New.(*model.Job)
	var m marks
	if now != nil {
		_, over := now.Finished()
		m.set(isJobActive, !over)
	}
	if j.marks.has(isJobActive) && now != nil && !m.has(isJobActive) {
		h := jobCompleted
		if now.Failed.Status == model.True {
			h = jobFailed
		}
		for _, t := range s.talliesOf(j) {
			t.ever[h]++
		}
		s.tell(news{what: happened(h), subject: j.told()})
	}
	for _, t := range s.talliesOf(j) {
		t.move(j.marks, m)
	}
	j.marks = m
}

// told is the path of what people know: a CronJob rather than one of its Jobs.
func (j *job) told() string {
	if j.cron != nil {
		return j.cron.path
	}
	return j.path
}

func (s *state) talliesOf(j *job) []*tally {
	ns := s.namespaces[j.namespace]
	if ns == nil {
		ns = &tally{}
		s.namespaces[j.namespace] = ns
	}
	out := []*tally{&s.all, ns, &j.tally}
	if j.cron != nil {
		out = append(out, &j.cron.tally)
	}
	return out
}
