package controller

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/sim"
)

func cronJob(t testing.TB, schedule string, edit func(*model.CronJob)) *model.CronJob {
	s, err := model.ParseSchedule(schedule)
	if err != nil {
		t.Fatal(err)
	}
	c := &model.CronJob{
		Meta:     model.Meta{Kind: model.KindCronJob, Namespace: "default", Name: "tick"},
		Schedule: s, StartingDeadline: model.Unlimited, SuccessfulHistory: 3, FailedHistory: 1, Job: job("tick", nil).JobSpec,
	}
	if edit != nil {
		edit(c)
	}
	return c
}

func (r *rig) cron() *model.CronJob {
	return r.store.Lookup(model.KindCronJob, "default", "tick").(*model.CronJob)
}

// started is when Jobs were made, in order.
func (r *rig) started() (at []sim.Time) {
	for i := range r.store.History().Len() {
		if rec := r.store.History().At(i); rec.Old == nil && rec.New != nil && rec.New.Head().Kind == model.KindJob {
			at = append(at, rec.At)
		}
	}
	return at
}

func (r *rig) jobs() (n int) {
	r.store.Snapshot().Each(model.KindJob, func(model.Object) bool { n++; return true })
	return n
}

// "requeued at next schedule time + 100 ms"; "Job name = cronjob name + "-" +
// scheduled time in minutes since epoch"; "History limits 3 success / 1 failed".
// Source: pkg/controller/cronjob/cronjob_controllerv2.go.
func TestACronJobMakesAJobAtEveryInstantOfItsSchedule(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.ends(5*time.Second, always(0))
	r.user.client.Create(cronJob(t, "*/5 * * * *", nil), 0)
	r.run(t, 32*time.Minute)
	at := r.started()
	if len(at) != 6 || r.jobs() != 3 {
		t.Fatalf("%d were made, %d are kept", len(at), r.jobs())
	}
	for i, x := range at {
		if late := x.Sub(sim.Time(time.Duration(i+1) * 5 * time.Minute)); late < 100*time.Millisecond || late > 150*time.Millisecond {
			t.Errorf("Job %d is %v late", i, late)
		}
	}
	c := r.cron()
	name := "tick-" + strconv.FormatInt(model.Minutes(sim.Time(30*time.Minute)), 10)
	if c.ScheduledAt != sim.Time(30*time.Minute) || len(c.Active) != 0 || c.SuccessfulAt < sim.Time(30*time.Minute) || r.job(name) == nil {
		t.Errorf("%+v", c)
	}
}

// "concurrencyPolicy Allow / Forbid (skip while active) / Replace (delete active
// then start)".
func TestConcurrencyPolicies(t *testing.T) {
	for policy, want := range map[model.Concurrency]struct{ made, active int }{
		model.AllowConcurrent: {4, 4}, model.ForbidConcurrent: {1, 1}, model.ReplaceConcurrent: {4, 1},
	} {
		r := newRig(t, rigConfig{})
		r.user.client.Create(cronJob(t, "* * * * *", func(c *model.CronJob) { c.Concurrency = policy }), 0)
		r.run(t, 4*time.Minute+30*time.Second)
		if c := r.cron(); len(r.started()) != want.made || len(c.Active) != want.active || r.jobs() != want.active {
			t.Errorf("policy %d: %d made, %d active, %d there", policy, len(r.started()), len(c.Active), r.jobs())
		}
		if told := r.notes("JobAlreadyActive") > 0; told != (policy == model.ForbidConcurrent) {
			t.Errorf("policy %d: told %t", policy, told)
		}
	}
}

// A failed Job beyond the history is deleted, and one that somebody deletes is
// missed.
func TestFinishedAndMissingJobsLeaveTheActiveList(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.ends(time.Second, always(1))
	r.user.client.Create(cronJob(t, "* * * * *", func(c *model.CronJob) { c.Job.BackoffLimit = 0 }), 0)
	r.run(t, 3*time.Minute+30*time.Second)
	if c := r.cron(); r.jobs() != 1 || len(c.Active) != 0 || r.notes("SawCompletedJob") < 3 || c.SuccessfulAt != 0 {
		t.Errorf("%d Jobs, %+v", r.jobs(), c)
	}
	r.ends(time.Second, always(-1))
	r.run(t, time.Minute)
	active := r.cron().Active
	if len(active) != 1 {
		t.Fatalf("%+v", r.cron())
	}
	r.user.client.Delete(active[0], 0, 0)
	r.run(t, 10*time.Second)
	if c := r.cron(); len(c.Active) != 0 || r.notes("MissingJob") != 1 {
		t.Errorf("%+v", c)
	}
}

// "computes most recent missed time; older missed ones are skipped;
// startingDeadlineSeconds bounds the look-back; more than 100 missed → warning
// event but still starts the latest."
// Source: pkg/controller/cronjob/utils.go mostRecentScheduleTime.
func TestMissedRunsAreSkippedButTheLatest(t *testing.T) {
	for _, c := range []struct {
		deadline time.Duration
		made     int
		many     bool
	}{{model.Unlimited, 1, true}, {20 * time.Second, 0, false}, {10 * time.Minute, 1, false}} {
		r := newRig(t, rigConfig{})
		r.user.client.Create(cronJob(t, "* * * * *", func(x *model.CronJob) { x.Suspend, x.StartingDeadline = true, c.deadline }), 0)
		r.run(t, 3*time.Hour+30*time.Second)
		r.user.client.Patch(r.cron().Ref(), change[*model.CronJob]{func(x *model.CronJob) { x.Suspend = false }}, 0)
		r.run(t, 10*time.Second)
		if got := len(r.started()); got != c.made || (r.notes("TooManyMissedTimes") > 0) != c.many {
			t.Errorf("deadline %v: %d made, too many %d", c.deadline, got, r.notes("TooManyMissedTimes"))
		}
		if c.made == 1 && r.cron().ScheduledAt != sim.Time(3*time.Hour) {
			t.Errorf("deadline %v: the run of %v", c.deadline, r.cron().ScheduledAt)
		}
	}
}

// A run that comes later than startingDeadlineSeconds does not start.
func TestARunThatIsTooLateIsMissed(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.user.client.Create(cronJob(t, "0 * * * *", func(c *model.CronJob) { c.StartingDeadline = 0 }), 0)
	r.run(t, 2*time.Hour+time.Minute)
	if n := len(r.started()); n != 0 { // each is noticed 100 ms late
		t.Errorf("%d were made", n)
	}
}

// A status that is lost after its Job was made is made up for: the name of the
// Job makes sure that it is made once.
func TestAJobIsNeverMadeTwice(t *testing.T) {
	for seed := range uint64(8) {
		r := newRig(t, rigConfig{seed: seed})
		r.ends(time.Second, always(0))
		r.user.client.Create(cronJob(t, "* * * * *", nil), 0)
		r.run(t, time.Second)
		lossy := r.net.Impair(network.Impairment{From: []network.Site{r.control}, To: []network.Site{r.control}, Delay: sim.Uniform(0, 3*time.Second)})
		r.run(t, 10*time.Minute)
		r.net.Lift(lossy)
		r.run(t, time.Minute+30*time.Second)
		if n := len(r.started()); n < 10 || n > 11 || len(r.cron().Active) != 0 {
			t.Errorf("seed %d: %d were made, %d active", seed, n, len(r.cron().Active))
		}
	}
}

// Source: github.com/robfig/cron/v3, which the controller uses, too.
func TestSchedules(t *testing.T) {
	for text, want := range map[string][]time.Duration{
		"@hourly": {time.Hour, 2 * time.Hour}, "@every 90m": {90 * time.Minute, 180 * time.Minute},
		"30 6 * * 1-5": {6*time.Hour + 30*time.Minute, 30*time.Hour + 30*time.Minute}, // Thursday and Friday
		"0 0 1 2 *":    {31 * 24 * time.Hour, (31 + 365) * 24 * time.Hour},
	} {
		s, err := model.ParseSchedule(text)
		if err != nil {
			t.Fatal(err)
		}
		first := s.After(0)
		if second := s.After(first); first != sim.Time(want[0]) || second != sim.Time(want[1]) {
			t.Errorf("%s: %v and %v", text, first, second)
		}
	}
}

// Source: pkg/controller/cronjob/cronjob_controllerv2.go: "now" is the clock of the
// machine; the delay until the next look is a timer, which does not follow it; of missed
// times only the last is made up for; a Job's name is its minute, so that none is
// started twice.
func TestCronJobsFollowTheClockOfTheirMachine(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.ends(5*time.Second, always(0))
	r.user.client.Create(cronJob(t, "*/5 * * * *", nil), 0)
	r.run(t, 11*time.Minute) // 5 and 10 have run; the next look is at 15
	r.process.SetClock(22 * time.Minute)
	r.run(t, 10*time.Minute)
	// At 15:00.1 it is 37 by the clock: 35 is made up for, 15 to 30 are not. Then 40 is
	// at 18, and so on.
	minutes := func(at []sim.Time) (out []int) {
		for _, x := range at {
			out = append(out, int(time.Duration(x)/time.Minute))
		}
		return out
	}
	if got := minutes(r.started()); !slices.Equal(got, []int{5, 10, 15, 18}) {
		t.Fatalf("ahead: started in minutes %v", got)
	}
	r.process.SetClock(-22 * time.Minute)
	r.run(t, 30*time.Minute) // 45 by the clock is at 45 now
	if got := minutes(r.started()); !slices.Equal(got, []int{5, 10, 15, 18, 45, 50}) {
		t.Errorf("set back: started in minutes %v", got)
	}
}
