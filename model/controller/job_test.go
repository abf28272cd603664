package controller

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

func job(name string, edit func(*model.Job)) *model.Job {
	t := template(name, "1")
	spec := *t.Spec
	spec.RestartPolicy = model.RestartNever
	j := &model.Job{
		Meta: model.Meta{Kind: model.KindJob, Namespace: "default", Name: name},
		JobSpec: model.JobSpec{
			Parallelism: 1, Completions: 1, BackoffLimit: 6, BackoffLimitPerIndex: model.Unlimited, MaxFailedIndexes: model.Unlimited,
			TTL: model.Unlimited, Template: &model.Template{Labels: t.Labels, Spec: &spec, Hash: t.Hash},
		},
	}
	if edit != nil {
		edit(j)
	}
	return j
}

func (r *rig) job(name string) *model.Job {
	j, _ := r.store.Lookup(model.KindJob, "default", name).(*model.Job)
	return j
}

// ends has every pod end a while after its start, with what exit says of it: 0
// is success.
func (r *rig) ends(after time.Duration, exit func(*model.Pod) int32) {
	r.player.never = func(p *model.Pod) bool { // instead of becoming ready
		code := exit(p)
		if code < 0 {
			return false
		}
		p.Phase = model.PodSucceeded
		if code > 0 {
			p.Phase = model.PodFailed
		}
		p.Containers = []model.ContainerStatus{{State: model.ContainerTerminated, ExitCode: code, FinishedAt: r.Now()}}
		return true
	}
	r.player.start = sim.Constant(after)
}

func always(code int32) func(*model.Pod) int32 { return func(*model.Pod) int32 { return code } }

// "Active wanted: with completions: min(parallelism, completions − succeeded)".
// Source: pkg/controller/job/job_controller.go manageJob.
func TestAJobRunsItsPodsUntilEnoughHaveSucceeded(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.ends(10*time.Second, always(0))
	r.user.client.Create(job("sum", func(j *model.Job) { j.Parallelism, j.Completions = 3, 7 }), 0)
	most := 0
	for range 600 {
		r.run(t, 100*time.Millisecond)
		n, _ := r.active()
		most = max(most, n)
	}
	j := r.job("sum")
	if most != 3 || j.Succeeded != 7 || j.FailedPods != 0 || j.Active != 0 || j.Complete.Status != model.True || j.CompletedAt == 0 || len(r.podList()) != 7 {
		t.Errorf("%d at most, %d pods, %+v", most, len(r.podList()), j)
	}
	if j.Complete.Reason != "CompletionsReached" || r.notes("Completed") != 1 {
		t.Errorf("%+v", j.Complete)
	}
}

// "without: parallelism until one succeeds, then no new pods".
func TestAWorkQueueIsDoneWhenOnePodSucceededAndNoneRuns(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.ends(10*time.Second, always(0))
	r.user.client.Create(job("queue", func(j *model.Job) { j.Parallelism, j.Completions = 4, model.AnyCompletion }), 0)
	r.run(t, time.Minute)
	if j := r.job("queue"); j.Succeeded != 4 || j.Complete.Status != model.True || len(r.podList()) != 4 {
		t.Errorf("%d pods, %+v", len(r.podList()), j)
	}
}

// "after n consecutive failures, next pod not before finish time of last failed
// pod + min(10 min, 10 s·2^(n−1))", and "failed pods > backoffLimit".
// Source: pkg/controller/job/backoff_utils.go, job_controller.go.
func TestFailedPodsAreReplacedEverLaterUntilTheBackoffLimit(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.ends(time.Second, always(1))
	r.user.client.Create(job("bad", func(j *model.Job) { j.BackoffLimit = 3 }), 0)
	r.run(t, 5*time.Minute)
	j := r.job("bad")
	if j.FailedPods != 4 || j.Failed.Status != model.True || j.Failed.Reason != "BackoffLimitExceeded" || len(r.podList()) != 4 {
		t.Fatalf("%d pods, %+v", len(r.podList()), j)
	}
	pods := r.podList()
	for i, want := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second} {
		got := pods[i+1].CreatedAt.Sub(model.WholeSecond(pods[i].Containers[0].FinishedAt))
		if got < want || got > want+1500*time.Millisecond {
			t.Errorf("pod %d comes %v after the end of the one before, want %v", i+1, got, want)
		}
	}
}

// "Pod events are batched: key added after 1 s delay".
func TestTheEndOfAPodIsSeenASecondLater(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.ends(5*time.Second, always(0))
	r.user.client.Create(job("one", nil), 0)
	r.run(t, time.Minute)
	if d := r.job("one").Complete.SinceAt.Sub(r.podList()[0].Containers[0].FinishedAt); d < time.Second || d > 1100*time.Millisecond {
		t.Errorf("complete %v after the pod ended", d)
	}
}

// "Indexed: lowest free indexes first; pod name job-index-random"; "With
// per-index limit, backoff is per index".
// Source: pkg/controller/job/indexed_job_utils.go.
func TestAnIndexedJobFinishesEveryIndexOnce(t *testing.T) {
	r := newRig(t, rigConfig{})
	failed := false
	r.ends(2*time.Second, func(p *model.Pod) int32 {
		if indexOf(p) == 2 && !failed {
			failed = true
			return 1
		}
		return 0
	})
	r.user.client.Create(job("grid", func(j *model.Job) { j.Parallelism, j.Completions, j.Indexed = 2, 6, true }), 0)
	r.run(t, 5*time.Minute)
	j := r.job("grid")
	if j.CompletedIndexes != "0-5" || j.Succeeded != 6 || j.FailedPods != 1 || j.Complete.Status != model.True {
		t.Errorf("%+v", j)
	}
	if p := r.podList()[0]; indexOf(p) != 0 || p.Name[:7] != "grid-0-" {
		t.Errorf("first %s of index %d", p.Name, indexOf(p))
	}
}

func TestAnIndexThatFailsTooOftenFailsTheJobInTheEnd(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.ends(time.Second, func(p *model.Pod) int32 { return int32(one(indexOf(p) == 1)) })
	r.user.client.Create(job("grid", func(j *model.Job) {
		j.Parallelism, j.Completions, j.Indexed, j.BackoffLimit, j.BackoffLimitPerIndex = 3, 4, true, 1<<31-1, 1
	}), 0)
	r.run(t, 5*time.Minute)
	j := r.job("grid")
	if j.CompletedIndexes != "0,2,3" || j.FailedIndexes != "1" || j.FailedPods != 2 || j.Failed.Reason != "FailedIndexes" {
		t.Errorf("%+v", j)
	}
}

// "Pod failure policy rules: first match of onExitCodes / onPodConditions:
// FailJob, FailIndex, Ignore (not counted), Count."
// Source: pkg/controller/job/pod_failure_policy.go.
func TestTheFirstRuleThatMatchesDecides(t *testing.T) {
	rules := []model.FailureRule{
		{Action: model.FailureIgnore, Disruption: true},
		{Action: model.FailJob, Container: "c", Codes: []int32{42}},
		{Action: model.FailureIgnore, Codes: []int32{1, 2, 42}, NotIn: true},
	}
	for _, c := range []struct {
		name      string
		code      int32
		disrupted bool
		failed    int32
		reason    string
	}{
		{"FailJob", 42, false, 1, "PodFailurePolicy"},
		{"Ignore a disruption", 42, true, 0, ""},
		{"Ignore what is not listed", 7, false, 0, ""},
		{"Count what no rule is about", 2, false, 1, ""},
	} {
		r := newRig(t, rigConfig{})
		first := true
		r.ends(time.Second, func(p *model.Pod) int32 {
			if !first {
				return 0
			}
			first = false
			p.Disrupted.Status = model.BoolStatus(c.disrupted)
			if c.disrupted {
				stored := *r.store.Get(p.Ref()).(*model.Pod)
				stored.Disrupted.Status = model.True
				r.store.Update(r.user.id, &stored)
			}
			return c.code
		})
		r.user.client.Create(job("strict", func(j *model.Job) { j.FailurePolicy, j.ReplaceFailed = rules, true }), 0)
		r.run(t, time.Minute)
		j := r.job("strict")
		if j.FailedPods != c.failed || j.Failed.Reason != c.reason || (j.Complete.Status == model.True) != (c.reason == "") {
			t.Errorf("%s: %+v", c.name, j)
		}
	}
}

// "Suspended: delete all active", which are not counted as failed. startTime stays
// until it begins anew with the resumption
// (pkg/controller/job/job_controller.go syncJob).
func TestASuspendedJobHasNoPods(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.user.client.Create(job("big", func(j *model.Job) { j.Parallelism, j.Completions = 3, 3 }), 0)
	r.run(t, 10*time.Second)
	set := func(on bool) {
		r.user.client.Patch(r.job("big").Ref(), change[*model.Job]{func(j *model.Job) { j.Suspend = on }}, 0)
		r.run(t, 10*time.Second)
	}
	set(true)
	if j := r.job("big"); len(r.podList()) != 0 || j.Suspended.Status != model.True || j.StartedAt > sim.Time(time.Second) || j.FailedPods != 0 || j.Active != 0 {
		t.Errorf("%d pods, %+v", len(r.podList()), j)
	}
	set(false)
	if j := r.job("big"); len(r.podList()) != 3 || j.Suspended.Status != model.False || j.StartedAt < sim.Time(20*time.Second) || j.Active != 3 || j.ReadyPods != 3 {
		t.Errorf("%d pods, %+v", len(r.podList()), j)
	}
}

// "activeDeadlineSeconds passed"; "When complete/failed: delete remaining active
// pods; the terminal condition appears only after all are terminated".
func TestADeadlineEndsAJobAndItsPods(t *testing.T) {
	r := newRig(t, rigConfig{end: sim.Constant(10 * time.Second)})
	r.user.client.Create(job("slow", func(j *model.Job) { j.Parallelism, j.Completions, j.ActiveDeadline = 2, 2, 30*time.Second }), 0)
	r.run(t, 35*time.Second)
	if j := r.job("slow"); j.FailureTarget.Reason != "DeadlineExceeded" || j.Failed.Status == model.True || j.Terminating != 2 {
		t.Errorf("%+v", j)
	}
	r.run(t, 15*time.Second)
	if j := r.job("slow"); j.Failed.Reason != "DeadlineExceeded" || j.Failed.SinceAt.Sub(j.StartedAt) < 40*time.Second || len(r.podList()) != 0 {
		t.Errorf("%+v", j)
	}
}

// "TerminatingOrFailed: replacement is created as soon as a pod is terminating;
// Failed: only when phase Failed/Succeeded."
func TestAPodIsReplacedWhenItIsGoingOrWhenItHasGone(t *testing.T) {
	for _, wait := range []bool{false, true} {
		r := newRig(t, rigConfig{end: sim.Constant(25 * time.Second)})
		r.user.client.Create(job("one", func(j *model.Job) { j.ReplaceFailed = wait }), 0)
		r.run(t, 10*time.Second)
		r.user.client.Delete(r.podList()[0].Ref(), -1, 0)
		r.run(t, 20*time.Second)
		if n := len(r.podList()); (n == 1) != wait {
			t.Errorf("waits %t: %d pods", wait, n)
		}
	}
}

// Source: pkg/controller/job/indexed_job_utils.go firstPendingIndexes: with podReplacementPolicy
// Failed the index of a pod that is being deleted, as from a node that is lost, is not
// free, though another index may be begun.
func TestAnIndexWhosePodIsOnItsWayOutIsNotBegunAgain(t *testing.T) {
	for _, wait := range []bool{false, true} {
		r := newRig(t, rigConfig{})
		r.user.client.Create(job("grid", func(j *model.Job) {
			j.Parallelism, j.Completions, j.Indexed, j.ReplaceFailed = 2, 4, true, wait
		}), 0)
		r.run(t, 10*time.Second)
		of := map[int]*model.Pod{}
		for _, p := range r.podList() {
			of[indexOf(p)] = p
		}
		r.silence(of[0].NodeID)
		r.user.client.Delete(of[0].Ref(), -1, 0)
		done := *r.store.Get(of[1].Ref()).(*model.Pod)
		done.Phase, done.Ready.Status = model.PodSucceeded, model.False
		r.store.Update(r.user.id, &done)
		r.run(t, 30*time.Second)
		n := map[int]int{}
		for _, p := range r.podList() {
			n[indexOf(p)]++
		}
		if want := 2 - one(wait); n[0] != want || n[2] != 1 {
			t.Errorf("waits %t: pods by index %v", wait, n)
		}
	}
}

// "TTL-after-finished: deletes job at finish + ttlSecondsAfterFinished", and its
// pods go with it.
// Source: pkg/controller/ttlafterfinished/ttlafterfinished_controller.go.
func TestAFinishedJobIsDeletedAfterItsTTL(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.ends(time.Second, always(0))
	r.user.client.Create(job("once", func(j *model.Job) { j.TTL = time.Minute }), 0)
	r.run(t, 50*time.Second)
	end := r.job("once").Complete.SinceAt
	r.until(t, time.Minute, "it is deleted", func() bool { return r.job("once") == nil })
	if d := r.Now().Sub(end); d < time.Minute || d > time.Minute+time.Second {
		t.Errorf("after %v", d)
	}
	r.run(t, 5*time.Second)
	if n := len(r.podList()); n != 0 {
		t.Errorf("%d pods are left", n)
	}
}

// A container that is restarted in its pod counts, too: "with restartPolicy
// OnFailure, Σ container restart counts of Pending/Running pods ≥ backoffLimit".
func TestRestartsCountTowardsTheBackoffLimit(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.user.client.Create(job("loop", func(j *model.Job) {
		spec := *j.Template.Spec
		spec.RestartPolicy = model.RestartOnFailure
		j.Template, j.BackoffLimit = &model.Template{Labels: j.Template.Labels, Spec: &spec}, 2
	}), 0)
	r.run(t, 10*time.Second)
	for n := int32(1); n <= 2; n++ {
		p := *r.podList()[0]
		p.Containers = []model.ContainerStatus{{State: model.ContainerRunning, Restarts: n}}
		r.store.Update(r.user.id, &p)
		r.run(t, 5*time.Second)
		if j := r.job("loop"); (j.FailureTarget.Status == model.True) != (n == 2) {
			t.Errorf("%d restarts: %+v", n, j)
		}
	}
}

func TestIndexesInShort(t *testing.T) {
	for want, list := range map[string][]int{"": nil, "0": {0}, "0,1": {0, 1}, "1-3,5": {1, 2, 3, 5}, "0,2,4-6": {0, 2, 4, 5, 6}} {
		s := make(indexSet, 7)
		for _, i := range list {
			s[i] = true
		}
		if got := s.text(); got != want {
			t.Errorf("%v: %q, want %q", list, got, want)
		}
	}
}
