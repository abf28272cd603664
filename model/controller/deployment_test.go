package controller

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

func TestADeploymentBringsItsPodsUp(t *testing.T) {
	r := newRig(t, rigConfig{seed: 1})
	r.user.client.Create(deployment("web", 10), 0)
	r.run(t, 10*time.Second)
	if n, ready := r.active(); n != 10 || ready != 10 {
		t.Fatalf("%d pods, %d ready", n, ready)
	}
	d, sets := r.deployment("web"), r.sets()
	if len(sets) != 1 || sets[0].Name != "web-"+d.Template.Hash || sets[0].Owner != d.Ref() || sets[0].Revision != 1 || d.Revision != 1 {
		t.Fatalf("ReplicaSets %+v", sets)
	}
	if d.AvailableReplicas != 10 || d.UpdatedReplicas != 10 || d.ObservedGeneration != d.Generation ||
		d.Available.Status != model.True || d.Progressing.Reason != reasonComplete {
		t.Errorf("status %+v", d)
	}
	for _, p := range r.podList() {
		if !strings.HasPrefix(p.Name, sets[0].Name+"-") || len(p.Name) != len(sets[0].Name)+6 {
			t.Errorf("pod name %q", p.Name)
		}
		if p.Labels.Value(model.LabelTemplateHash) != d.Template.Hash {
			t.Errorf("pod labels %v", p.Labels)
		}
	}
	before := r.store.Revision()
	r.run(t, time.Hour)
	if after := r.store.Revision(); after != before {
		t.Errorf("%d changes in an hour in which nothing happens", after-before)
	}
}

// limits checks, after every change, that a rollout stays within what its
// Deployment allows: on the sizes the controller asks for, and on the pods.
type limits struct {
	t           *testing.T
	wanted      map[uint32]int32 // replicas by ReplicaSet
	sum         int32            // of them
	ready       int              // active pods that are ready
	most, least int32            // 0 while the first rollout goes on
}

func watchLimits(t *testing.T, r *rig) *limits {
	l := &limits{t: t, wanted: map[uint32]int32{}}
	r.store.Observe(l)
	return l
}

// Recorded implements store.Observer.
func (l *limits) Recorded(rec *store.Record) {
	if rec.Verb == store.Noted {
		return
	}
	switch o := rec.Object().(type) {
	case *model.ReplicaSet:
		l.sum -= l.wanted[o.ID]
		delete(l.wanted, o.ID)
		if rec.New != nil {
			l.wanted[o.ID] = o.Replicas
			l.sum += o.Replicas
		}
		if l.sum > l.most && l.most > 0 {
			l.t.Errorf("%v: %d replicas asked for, at most %d", rec.At, l.sum, l.most)
		}
	case *model.Pod:
		if old, ok := rec.Old.(*model.Pod); ok && old.Active() && old.IsReady() {
			l.ready--
		}
		if next, ok := rec.New.(*model.Pod); ok && next.Active() && next.IsReady() {
			l.ready++
		}
		if int32(l.ready) < l.least {
			l.t.Errorf("%v: %d ready pods, at least %d", rec.At, l.ready, l.least)
		}
	}
}

// Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
// "ensures that only a certain number of Pods are down while they are being
// updated" and "only a certain number of Pods are created above the desired
// number"; pkg/controller/deployment/rolling.go.
func TestARollingUpdateNeverExceedsMaxSurgeNorMaxUnavailable(t *testing.T) {
	budgets := []struct{ surge, unavailable model.CountOrPercent }{
		{quarter(), quarter()},
		{model.CountOrPercent{Value: 1}, model.CountOrPercent{}},
		{model.CountOrPercent{}, model.CountOrPercent{Value: 1}},
		{model.CountOrPercent{}, model.CountOrPercent{}},
		{model.CountOrPercent{Value: 100, Percent: true}, model.CountOrPercent{}},
		{model.CountOrPercent{Value: 3}, model.CountOrPercent{Value: 2}},
	}
	for seed := range uint64(48) {
		b := budgets[seed%uint64(len(budgets))]
		r := newRig(t, rigConfig{seed: seed, ties: seed % 4, start: sim.Uniform(100*time.Millisecond, 20*time.Second), end: sim.Uniform(0, 10*time.Second)})
		l := watchLimits(t, r)
		d := deployment("web", int32(1+seed%13))
		d.MaxSurge, d.MaxUnavailable = b.surge, b.unavailable
		d.MinReady = time.Duration(seed%3) * 2 * time.Second
		r.user.client.Create(d, 0)
		r.until(t, 3*time.Minute, "first rollout", func() bool { return complete(r, "web") })
		check := rollout{d: r.deployment("web")}
		l.most, l.least = d.Replicas+check.maxSurge(), d.Replicas-check.maxUnavailable()
		r.change(r.deployment("web"), func(d *model.Deployment) { d.Template = template("web", "2") })
		if seed%2 == 1 { // and again before that is done
			r.run(t, 5*time.Second)
			r.change(r.deployment("web"), func(d *model.Deployment) { d.Template = template("web", "3") })
		}
		r.run(t, time.Second)
		r.until(t, 20*time.Minute, fmt.Sprint("rollout of seed ", seed), func() bool { return complete(r, "web") })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// complete tells whether all replicas are of the newest template and there are
// no others.
func complete(r *rig, name string) bool {
	d := r.deployment(name)
	return d != nil && d.ObservedGeneration == d.Generation && d.UpdatedReplicas == d.Replicas &&
		d.StatusReplicas == d.Replicas && d.AvailableReplicas == d.Replicas
}

// Source: pkg/controller/deployment/sync.go getNewReplicaSet and
// pkg/controller/deployment/util SetNewReplicaSetAnnotations: an old template
// gets its old ReplicaSet back, with the next revision.
func TestARollbackReusesTheOldReplicaSetWithANewRevision(t *testing.T) {
	r := newRig(t, rigConfig{seed: 5})
	r.user.client.Create(deployment("web", 4), 0)
	r.run(t, 10*time.Second)
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Template = template("web", "2") })
	r.run(t, time.Minute)
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Template = template("web", "1") })
	r.run(t, time.Minute)
	sets := r.sets()
	if len(sets) != 2 || sets[0].Replicas != 4 || sets[0].Revision != 3 || sets[1].Replicas != 0 || sets[1].Revision != 2 {
		t.Errorf("ReplicaSets %+v, %+v", sets[0], sets[1])
	}
	if d := r.deployment("web"); d.Revision != 3 || !complete(r, "web") {
		t.Errorf("Deployment %+v", d)
	}
}

// Source: pkg/controller/deployment/sync.go cleanupDeployment.
func TestOnlyTheNewestOldReplicaSetsAreKept(t *testing.T) {
	r := newRig(t, rigConfig{seed: 6})
	d := deployment("web", 2)
	d.HistoryLimit = 2
	r.user.client.Create(d, 0)
	r.run(t, 10*time.Second)
	for v := 2; v <= 6; v++ {
		r.change(r.deployment("web"), func(d *model.Deployment) { d.Template = template("web", fmt.Sprint(v)) })
		r.run(t, time.Minute)
	}
	var revisions []int64
	for _, s := range r.sets() {
		revisions = append(revisions, s.Revision)
	}
	if !slices.Equal(revisions, []int64{4, 5, 6}) {
		t.Errorf("revisions %v, want 4 5 6", revisions)
	}
}

// Source: pkg/controller/deployment/recreate.go: "Do not process a deployment
// when it has old pods running."
func TestRecreateEndsAllOldPodsBeforeNewOnes(t *testing.T) {
	r := newRig(t, rigConfig{seed: 7, end: sim.Uniform(time.Second, 20*time.Second)})
	d := deployment("web", 5)
	d.Recreate = true
	r.user.client.Create(d, 0)
	r.run(t, 10*time.Second)
	first := r.sets()[0].ID
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Template = template("web", "2") })
	for range 600 {
		r.run(t, 100*time.Millisecond)
		var old, fresh int
		for _, p := range r.podList() {
			if p.Owner.ID == first {
				old++
			} else {
				fresh++
			}
		}
		if old > 0 && fresh > 0 {
			t.Fatalf("%v: %d old pods beside %d new ones", r.Now(), old, fresh)
		}
	}
	if !complete(r, "web") {
		t.Errorf("Deployment %+v", r.deployment("web"))
	}
}

// Source: pkg/controller/deployment/progress.go, deployment_util.go
// DeploymentTimedOut: no progress for progressDeadlineSeconds; it is looked at
// 1 s later.
func TestARolloutWithoutProgressTimesOut(t *testing.T) {
	r := newRig(t, rigConfig{seed: 8})
	r.user.client.Create(deployment("web", 4), 0)
	r.run(t, 10*time.Second)
	r.player.never = func(*model.Pod) bool { return true }
	start := r.Now()
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Template = template("web", "2") })
	r.until(t, 11*time.Minute, "timed out", func() bool { return r.deployment("web").Progressing.Reason == reasonTimedOut })
	if after := r.Now().Sub(start); after < 600*time.Second || after > 603*time.Second {
		t.Errorf("timed out after %v", after)
	}
	if d := r.deployment("web"); d.Progressing.Status != model.False || d.AvailableReplicas < 3 {
		t.Errorf("Deployment %+v", d)
	}
}

// Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#proportional-scaling,
// whose example this is: 10 replicas, maxSurge 3, maxUnavailable 2, a rollout
// that is stuck at 8 old and 5 new; scaled to 15 it has 11 old and 7 new.
func TestScalingARolloutIsProportional(t *testing.T) {
	r := newRig(t, rigConfig{seed: 9})
	d := deployment("web", 10)
	d.MaxSurge, d.MaxUnavailable = model.CountOrPercent{Value: 3}, model.CountOrPercent{Value: 2}
	r.user.client.Create(d, 0)
	r.run(t, 10*time.Second)
	r.player.never = func(*model.Pod) bool { return true }
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Template = template("web", "2") })
	r.run(t, 30*time.Second)
	if s := r.sets(); s[0].Replicas != 8 || s[1].Replicas != 5 {
		t.Fatalf("before: %d old and %d new, want 8 and 5", s[0].Replicas, s[1].Replicas)
	}
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Replicas = 15 })
	r.run(t, 200*time.Millisecond)
	if s := r.sets(); s[0].Replicas != 11 || s[1].Replicas != 7 {
		t.Errorf("after: %d old and %d new, want 11 and 7", s[0].Replicas, s[1].Replicas)
	}
}

// Source: pkg/controller/deployment/deployment_controller.go syncDeployment: a
// paused Deployment is scaled but not rolled out.
func TestAPausedDeploymentIsScaledButNotRolledOut(t *testing.T) {
	r := newRig(t, rigConfig{seed: 10})
	r.user.client.Create(deployment("web", 4), 0)
	r.run(t, 10*time.Second)
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Paused, d.Template, d.Replicas = true, template("web", "2"), 6 })
	r.run(t, 10*time.Second)
	if s := r.sets(); len(s) != 1 || s[0].Replicas != 6 {
		t.Errorf("%d ReplicaSets, the first of %d", len(s), s[0].Replicas)
	}
	if d := r.deployment("web"); d.Progressing.Reason != reasonPaused {
		t.Errorf("condition %+v", d.Progressing)
	}
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Paused = false })
	r.run(t, time.Minute)
	if !complete(r, "web") || len(r.sets()) != 2 {
		t.Errorf("Deployment %+v", r.deployment("web"))
	}
}

// Source: pkg/controller/deployment/rolling.go cleanupUnhealthyReplicas: old
// pods that never became ready go first and do not hold the rollout up.
func TestUnhealthyOldPodsGoFirst(t *testing.T) {
	r := newRig(t, rigConfig{seed: 11})
	r.player.never = func(p *model.Pod) bool { return strings.HasSuffix(p.Spec.Containers[0].Image, ":1") }
	d := deployment("web", 10)
	d.MaxSurge = model.CountOrPercent{}
	d.MaxUnavailable = model.CountOrPercent{Value: 1}
	r.user.client.Create(d, 0)
	r.run(t, 10*time.Second)
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Template = template("web", "2") })
	r.run(t, time.Minute)
	if !complete(r, "web") {
		t.Errorf("stuck: %+v", r.deployment("web"))
	}
}

// Source: pkg/controller/garbagecollector, background deletion.
func TestDeletingADeploymentRemovesItsReplicaSetsAndPods(t *testing.T) {
	r := newRig(t, rigConfig{seed: 12})
	r.user.client.Create(deployment("web", 5), 0)
	r.user.client.Create(deployment("db", 2), 0)
	r.user.client.Create(service("web"), 0)
	r.run(t, 10*time.Second)
	r.user.client.Delete(r.deployment("web").Ref(), store.DefaultGrace, 0)
	r.user.client.Delete(r.store.Lookup(model.KindService, "default", "web").Head().Ref(), store.DefaultGrace, 0)
	r.run(t, 20*time.Second)
	if pods, sets := r.podList(), r.sets(); len(pods) != 2 || len(sets) != 1 || len(r.slices()) != 0 {
		t.Errorf("left: %d pods, %d ReplicaSets, %d EndpointSlices", len(pods), len(sets), len(r.slices()))
	}
}

// Source: pkg/controller/controller_ref_manager.go: a controller adopts what it
// selects and nobody owns.
func TestOrphansAreAdopted(t *testing.T) {
	r := newRig(t, rigConfig{seed: 13})
	d := deployment("web", 3)
	labels := d.Template.Labels.With(model.LabelTemplateHash, d.Template.Hash)
	for i := range 2 {
		r.user.client.Create(&model.Pod{
			Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: fmt.Sprint("bare-", i), Labels: labels},
			Spec: d.Template.Spec,
		}, 0)
	}
	r.run(t, 3*time.Second)
	r.user.client.Create(d, 0)
	r.run(t, 10*time.Second)
	pods := r.podList()
	if len(pods) != 3 {
		t.Errorf("%d pods, want the 2 orphans and 1 more", len(pods))
	}
	for _, p := range pods {
		if p.Owner != r.sets()[0].Ref() {
			t.Errorf("%s is owned by %v", p.Name, p.Owner)
		}
	}
}

// Source: pkg/controller/controller_ref_manager.go ClaimReplicaSets.
func TestADeploymentAdoptsReplicaSetsWithoutAnOwner(t *testing.T) {
	r := newRig(t, rigConfig{seed: 14})
	d := deployment("web", 3)
	labels := d.Template.Labels.With(model.LabelTemplateHash, d.Template.Hash)
	orphan := func(name string) *model.ReplicaSet {
		return &model.ReplicaSet{
			Meta:     model.Meta{Kind: model.KindReplicaSet, Namespace: "default", Name: name, Labels: labels},
			Replicas: 2, Selector: model.SelectorOf(labels),
			Template: &model.Template{Labels: labels, Spec: d.Template.Spec, Hash: d.Template.Hash},
		}
	}
	r.user.client.Create(orphan("before"), 0)
	r.run(t, 5*time.Second)
	r.user.client.Create(d, 0)
	r.run(t, 5*time.Second)
	if s := r.sets(); len(s) != 1 || s[0].Owner != r.deployment("web").Ref() || s[0].Replicas != 3 || !complete(r, "web") {
		t.Fatalf("ReplicaSets %+v", s)
	}
	// One that comes later is an older one of the same template: it is scaled
	// down, because the newest is complete.
	r.user.client.Create(orphan("later"), 0)
	r.run(t, 20*time.Second)
	if s := r.sets(); len(s) != 2 || s[1].Owner != r.deployment("web").Ref() || s[1].Replicas != 0 || !complete(r, "web") {
		t.Errorf("ReplicaSets %+v", s)
	}
}

// refuse has the API server refuse requests about some resource, as nobody answers for a
// webhook of it.
func refuse(r *rig, operation, group, resource string) {
	r.store.Create(r.user.id, &model.WebhookConfiguration{
		Meta: model.Meta{Kind: model.KindValidatingWebhookConfiguration, Name: operation + "-" + resource},
		Webhooks: []model.Webhook{{
			Name: "policy.example.com", Timeout: 10 * time.Second, Namespaces: &model.Selector{}, Objects: &model.Selector{}, Service: model.ObjectName{Namespace: "default", Name: "gone"}, URL: "https://gone.default.svc:443/",
			Rules: []model.WebhookRule{{Operations: []string{operation}, APIGroups: []string{group}, APIVersions: []string{"*"}, Resources: []string{resource}, Scope: "*"}},
		}},
	})
}

// said is the first message of a reason.
func (r *rig) said(reason string) string {
	if all := r.told(reason); len(all) > 0 {
		return all[0].Message
	}
	return ""
}

// Source: pkg/controller/deployment/sync.go getNewReplicaSet: a ReplicaSet that cannot be made
// is told of and stands in the condition Progressing; it is tried 15 times again.
func TestAReplicaSetThatCannotBeMadeIsToldOf(t *testing.T) {
	r := newRig(t, rigConfig{})
	refuse(r, "CREATE", "apps", "replicasets")
	r.user.client.Create(deployment("web", 2), 0)
	r.run(t, time.Second)
	d := r.deployment("web")
	if p := d.Progressing; p.Status != model.False || p.Reason != "ReplicaSetCreateError" || len(r.sets()) != 0 {
		t.Errorf("%+v, %d ReplicaSets", p, len(r.sets()))
	}
	if message := r.said("ReplicaSetCreateError"); !strings.HasPrefix(message, "Failed to create new replica set \"web-"+d.Template.Hash+"\": Internal error occurred: ") {
		t.Errorf("it says %q", message)
	}
	r.run(t, 10*time.Minute)
	if n := r.notes("ReplicaSetCreateError"); n != 1+deploymentRetries {
		t.Errorf("it says so %d times", n)
	}
	r.store.Delete(r.user.id, r.store.Lookup(model.KindValidatingWebhookConfiguration, "", "CREATE-replicasets").Head().Ref())
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Replicas = 3 })
	r.until(t, 20*time.Second, "all is well", func() bool {
		p := r.deployment("web").Progressing
		return p.Status == model.True && p.Reason == "NewReplicaSetAvailable"
	})
}

// Source: pkg/controller/controller_utils.go RealPodControl.DeletePod.
func TestADeletionThatIsRefusedIsToldOf(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.user.client.Create(deployment("web", 2), 0)
	r.run(t, 10*time.Second)
	refuse(r, "DELETE", "", "pods")
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Replicas = 1 })
	r.run(t, time.Second)
	if message := r.said("FailedDelete"); len(r.podList()) != 2 || !strings.HasPrefix(message, "Error deleting: Internal error occurred: failed calling webhook") {
		t.Errorf("%d pods: %q", len(r.podList()), message)
	}
}

// Source: replica_set_utils.go calculateStatus, progress.go getReplicaFailures: that pods cannot be
// made, or deleted, is a condition of their ReplicaSet and of its Deployment while it is so.
func TestPodsThatCannotBeMadeOrDeletedAreACondition(t *testing.T) {
	for _, c := range []struct {
		operation, reason string
		replicas          int32
	}{{"CREATE", "FailedCreate", 4}, {"DELETE", "FailedDelete", 1}} {
		r := newRig(t, rigConfig{})
		r.user.client.Create(deployment("web", 2), 0)
		r.run(t, 10*time.Second)
		refuse(r, c.operation, "", "pods")
		r.change(r.deployment("web"), func(d *model.Deployment) { d.Replicas = c.replicas })
		r.run(t, 10*time.Second)
		set, d := r.sets()[0].Failure, r.deployment("web").Failure
		if set.Status != model.True || set.Reason != c.reason || d != set {
			t.Errorf("%s: the ReplicaSet has %+v, the Deployment %+v", c.operation, set, d)
		}
		r.store.Delete(r.user.id, r.store.Lookup(model.KindValidatingWebhookConfiguration, "", c.operation+"-pods").Head().Ref())
		r.run(t, time.Minute)
		if set, d := r.sets()[0].Failure, r.deployment("web").Failure; set != (model.Condition{}) || d != set {
			t.Errorf("%s again: the ReplicaSet has %+v, the Deployment %+v", c.operation, set, d)
		}
	}
}

// Source: getReplicaFailures, SetDeploymentCondition.
func TestTheFailureOfTheNewestReplicaSetCounts(t *testing.T) {
	failure := func(reason string, at sim.Time) *replicaSetChange {
		return &replicaSetChange{ReplicaSet: model.ReplicaSet{Failure: model.Condition{Status: model.True, SinceAt: at, Reason: reason}}}
	}
	none := &replicaSetChange{}
	for _, c := range []struct {
		was    model.Condition
		newest *replicaSetChange
		old    []*replicaSetChange
		want   model.Condition
	}{
		{model.Condition{}, failure("new", 9), []*replicaSetChange{failure("old", 5)}, failure("new", 9).Failure},
		{model.Condition{}, none, []*replicaSetChange{none, failure("first", 5), failure("second", 6)}, failure("first", 5).Failure},
		{failure("old", 5).Failure, failure("new", 9), nil, failure("new", 5).Failure},
		{failure("old", 5).Failure, none, []*replicaSetChange{none}, model.Condition{}},
	} {
		r := rollout{newest: c.newest, old: c.old, next: model.Deployment{Failure: c.was}}
		if r.failed(); r.next.Failure != c.want {
			t.Errorf("%+v, want %+v", r.next.Failure, c.want)
		}
	}
}

// Source: progress.go requeueStuckDeployment, deployment_util.go DeploymentTimedOut: the deadline
// counts from the whole second of the last progress, and is looked for a second after it.
func TestAProgressDeadlineCountsFromAWholeSecond(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.user.client.Create(deployment("web", 4), 0)
	r.run(t, 10800*time.Millisecond)
	r.player.never = func(*model.Pod) bool { return true }
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Template = template("web", "2") })
	r.run(t, 11*time.Minute)
	p := r.deployment("web").Progressing
	if late := p.SinceAt.Sub(sim.Time(611 * time.Second)); p.Reason != reasonTimedOut || late < 0 || late > 10*time.Millisecond {
		t.Errorf("%+v", p)
	}
}

// Source: sync.go isScalingEvent, scale, scaleReplicaSetAndRecordEvent.
func TestWhatAReplicaSetSaysOfItsDeploymentsSize(t *testing.T) {
	for _, c := range []struct {
		sentence          string
		replicas, desired int32
		scaling           bool
	}{
		{"another size is a change of it", 3, 5, true},
		{"the same is none", 3, 2, false},
		{"one that was adopted may say nothing", 3, 0, false},
		{"without replicas it does not count", 0, 5, false},
		{"one that has the size already goes on saying the old one", 2, 5, true},
	} {
		is := model.ReplicaSet{Replicas: c.replicas, DesiredReplicas: c.desired}
		r := rollout{d: &model.Deployment{Replicas: 2}, newest: &replicaSetChange{ReplicaSet: is, seen: &is}}
		if got := r.scaling(); got != c.scaling {
			t.Errorf("%s: %v", c.sentence, got)
		}
		if r.scale(); r.newest.changed() != (c.replicas != 2) {
			t.Errorf("%s: it is asked for %d replicas of %d", c.sentence, r.newest.Replicas, r.newest.DesiredReplicas)
		}
	}
}

// Source: replica_set_utils.go calculateStatus, deployment_util.go
// GetTerminatingReplicaCountForReplicaSets (gate DeploymentReplicaSetTerminatingReplicas, on by
// default from v1.35): pods that go are counted until they have ended or are gone.
func TestPodsThatGoAreCounted(t *testing.T) {
	r := newRig(t, rigConfig{end: sim.Constant(5 * time.Second)})
	r.user.client.Create(deployment("web", 3), 0)
	r.run(t, 10*time.Second)
	for _, c := range []struct {
		template    string
		replicas    int32
		terminating int32
	}{{"1", 1, 2}, {"2", 1, 1}} {
		r.change(r.deployment("web"), func(d *model.Deployment) { d.Replicas, d.Template = c.replicas, template("web", c.template) })
		r.run(t, 4*time.Second)
		if d := r.deployment("web"); d.Terminating != c.terminating || d.StatusReplicas != 1 || r.sets()[0].Terminating != c.terminating {
			t.Errorf("template %s: %d of %d pods go, by the ReplicaSet %d", c.template, d.Terminating, d.StatusReplicas, r.sets()[0].Terminating)
		}
		r.run(t, 10*time.Second)
		if d := r.deployment("web"); d.Terminating != 0 || r.sets()[0].Terminating != 0 {
			t.Errorf("template %s: %d pods go in the end, by the ReplicaSet %d", c.template, d.Terminating, r.sets()[0].Terminating)
		}
	}
}
