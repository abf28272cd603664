package workload_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/workload"
	"orrery/sim"
)

func deployment(name string, replicas int32, images ...string) *model.Deployment {
	spec := &model.PodSpec{GraceSeconds: 30}
	for i, image := range images {
		spec.Containers = append(spec.Containers, model.Container{Name: fmt.Sprintf("c-%d", i), Image: image})
	}
	labels := model.MakeLabels(map[string]string{"app": name})
	template := &model.Template{Labels: labels, Spec: spec}
	template.Hash = template.ComputeHash()
	return &model.Deployment{
		Meta:     model.Meta{Kind: model.KindDeployment, Namespace: "default", Name: name, Labels: labels},
		Replicas: replicas, Selector: model.SelectorOf(labels), Template: template,
	}
}

// do runs actions, one every second from the next on, until a second after the
// last.
func (r *rig) do(actions ...workload.Action) {
	for i := range actions {
		actions[i].At = r.Now().Add(time.Duration(i+1) * time.Second)
		if actions[i].Kind != model.KindNode && actions[i].Kind != model.KindNone {
			actions[i].Namespace = "default"
		}
	}
	workload.NewKubectl(r.Kernel, r.store, r.net, r.control, actions).Start()
	r.after(time.Duration(len(actions)+1) * time.Second)
}

func (r *rig) deployment(name string) *model.Deployment {
	d, _ := r.store.Lookup(model.KindDeployment, "default", name).(*model.Deployment)
	return d
}

// failures is what was said about actions that could not be done.
func (r *rig) failures() string {
	var out []string
	for _, n := range r.notes(0) {
		if n.Reason == workload.ReasonActionFailed {
			out = append(out, n.Path()+": "+n.Message)
		}
	}
	return strings.Join(out, "\n")
}

func TestApplyCreatesWhatIsNotThere(t *testing.T) {
	r := newRig(t, 1, 2)
	u := workload.NewKubectl(r.Kernel, r.store, r.net, r.control, nil)
	d := deployment("web", 3, "web:1")
	p := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: "old"}, Spec: &model.PodSpec{}, NodeName: "n-1"}
	u.Apply([]model.Object{d, p})
	r.after(time.Second)
	if got := r.deployment("web"); got == nil || got == d || got.Replicas != 3 || d.ID != 0 {
		t.Errorf("stored %+v, given %+v", got, d)
	}
	if got := r.store.Lookup(model.KindPod, "default", "old").(*model.Pod); got.NodeID != 2 || p.NodeID != 0 {
		t.Errorf("the pod is on node %d", got.NodeID)
	}
}

func TestApplyChangesOnlyWhatTheManifestSays(t *testing.T) {
	r := newRig(t, 1, 0)
	r.do(workload.Action{Do: "apply", Objects: []model.Object{deployment("web", 3, "web:1")}})
	d := *r.deployment("web")
	d.ReadyReplicas, d.Revision, d.ObservedGeneration = 3, 7, 1
	r.store.Update(0, &d)

	before := r.store.Revision()
	r.do(workload.Action{Do: "apply", Objects: []model.Object{deployment("web", 3, "web:1")}})
	if r.store.Revision() != before {
		t.Error("an unchanged manifest was a change")
	}
	r.do(workload.Action{Do: "apply", Objects: []model.Object{deployment("web", 5, "web:2")}})
	got := r.deployment("web")
	if got.Replicas != 5 || got.Template.Spec.Containers[0].Image != "web:2" || got.Generation != 2 {
		t.Errorf("%d replicas of %s, generation %d", got.Replicas, got.Template.Spec.Containers[0].Image, got.Generation)
	}
	if got.ReadyReplicas != 3 || got.Revision != 7 || got.ObservedGeneration != 1 || got.Template == d.Template {
		t.Errorf("status: %+v", got)
	}
}

// Source: kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale, "Migrating
// Deployments and StatefulSets to horizontal autoscaling"; kubectl's three-way merge.
func TestApplyLeavesReplicasAloneThatNoManifestSays(t *testing.T) {
	unsaid := func(d *model.Deployment) *model.Deployment { d.ReplicasUnsaid = true; return d }
	scale := workload.Action{Do: "scale", Kind: model.KindDeployment, Name: "web", Replicas: 9}
	apply := func(d *model.Deployment) workload.Action {
		return workload.Action{Do: "apply", Objects: []model.Object{d}}
	}
	r := newRig(t, 1, 0)
	for _, step := range []struct {
		sentence   string
		do         workload.Action
		replicas   int32
		generation int64
	}{
		{"one without is one replica", apply(unsaid(deployment("web", 1, "web:1"))), 1, 1},
		{"somebody scales it", scale, 9, 2},
		{"applied again it stays so", apply(unsaid(deployment("web", 1, "web:1"))), 9, 2},
		{"also with another image", apply(unsaid(deployment("web", 1, "web:2"))), 9, 3},
		{"who says it gets it", apply(deployment("web", 4, "web:2")), 4, 4},
		{"and who says the same changes nothing", apply(deployment("web", 4, "web:2")), 4, 4},
		{"who says it no more takes it back", apply(unsaid(deployment("web", 1, "web:2"))), 1, 5},
	} {
		r.do(step.do)
		if d := r.deployment("web"); d.Replicas != step.replicas || d.Generation != step.generation {
			t.Errorf("%s: %d replicas, generation %d, want %d, %d", step.sentence, d.Replicas, d.Generation, step.replicas, step.generation)
		}
	}
}

func TestScaleSetImageAndDelete(t *testing.T) {
	r := newRig(t, 1, 0)
	one := deployment("web", 3, "web:1")
	target := workload.Action{Kind: model.KindDeployment, Name: "web"}
	act := func(do string, change func(*workload.Action)) workload.Action {
		a := target
		a.Do = do
		change(&a)
		return a
	}
	r.do(workload.Action{Do: "apply", Objects: []model.Object{one}},
		act("scale", func(a *workload.Action) { a.Replicas = 9 }),
		act("set-image", func(a *workload.Action) { a.Image = "web:2" }))
	d := r.deployment("web")
	if d.Replicas != 9 || d.Template.Spec.Containers[0].Image != "web:2" || d.Generation != 3 {
		t.Errorf("%d replicas of %s, generation %d", d.Replicas, d.Template.Spec.Containers[0].Image, d.Generation)
	}
	if d.Template.Hash == one.Template.Hash || d.Template.Hash != deployment("web", 1, "web:2").Template.Hash || one.Template.Spec.Containers[0].Image != "web:1" {
		t.Errorf("hash %s, was %s", d.Template.Hash, one.Template.Hash)
	}
	r.do(act("set-image", func(a *workload.Action) { a.Image = "web:1" }))
	if got := r.deployment("web").Template.Hash; got != one.Template.Hash {
		t.Errorf("going back makes hash %s, was %s", got, one.Template.Hash)
	}
	r.do(act("delete", func(*workload.Action) {}))
	if r.deployment("web") != nil || r.failures() != "" {
		t.Errorf("not deleted; %s", r.failures())
	}
}

func TestActionsThatMakeNoSenseAreSaidAndGoneOver(t *testing.T) {
	r := newRig(t, 1, 1)
	r.do(
		workload.Action{Do: "scale", Kind: model.KindDeployment, Name: "nobody"},
		workload.Action{Do: "drain", Kind: model.KindNode, Name: "n-9"},
		workload.Action{Do: "scale", Kind: model.KindNode, Name: "n-0"},
		workload.Action{Do: "apply", Objects: []model.Object{deployment("web", 1, "a:1", "b:1")}},
		workload.Action{Do: "set-image", Kind: model.KindDeployment, Name: "web", Image: "a:2"},
		workload.Action{Do: "set-image", Kind: model.KindDeployment, Name: "web", Image: "a:2", Container: "x"},
		workload.Action{Do: "delete", Kind: model.KindDeployment, Name: "web"},
	)
	want := `deployment/nobody: scale: Error from server (NotFound): deployments.apps "nobody" not found
node/n-9: drain: Error from server (NotFound): nodes "n-9" not found
node/n-0: scale: not possible with this kind of object
deployment/web: set-image: it has 2 containers: say which one
deployment/web: set-image: unable to find container named "x"`
	if got := r.failures(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if r.deployment("web") != nil {
		t.Error("what came after was not done")
	}
}

// Source: kubectl drain: "cordon (NoSchedule at once), then Eviction API per
// pod, all in parallel" (k8s.io/kubectl/pkg/drain).
func TestDrainCordonsAndThenEvictsEveryPodOfTheNode(t *testing.T) {
	r := newRig(t, 1, 2)
	var here []model.Ref
	for i := range 5 {
		here = append(here, r.pod("web", fmt.Sprintf("here-%d", i), "n-0"))
	}
	there := r.pod("web", "there", "n-1")
	r.do(workload.Action{Do: "drain", Kind: model.KindNode, Name: "n-0", Force: true})
	if !r.store.Lookup(model.KindNode, "", "n-0").(*model.Node).Unschedulable {
		t.Error("not cordoned")
	}
	var order []string
	for i := range r.store.History().Len() {
		if rec := r.store.History().At(i); rec.Old != nil {
			order = append(order, rec.Old.Head().Kind.Short())
		}
	}
	if len(order) != 11 || order[0] != "node" || slices.Contains(order[1:], "node") { // each pod is told, then deleted
		t.Errorf("changed: %v", order)
	}
	for _, p := range here {
		if o := r.store.Get(p); o != nil && !o.Head().Deleting() {
			t.Errorf("%s stays", o.Head().Path())
		}
	}
	if r.store.Get(there).Head().Deleting() {
		t.Error("another node's pod goes")
	}
	r.do(workload.Action{Do: "uncordon", Kind: model.KindNode, Name: "n-0"})
	if r.store.Lookup(model.KindNode, "", "n-0").(*model.Node).Unschedulable {
		t.Error("still cordoned")
	}
}

// Source: k8s.io/kubectl/pkg/drain/filters.go unreplicatedFilter: "cannot delete
// Pods that declare no controller (use --force to override)".
func TestDrainWithoutForceLeavesANodeWithPodsOfNobodyAlone(t *testing.T) {
	r := newRig(t, 1, 1)
	ref := r.pod("web", "bare", "n-0")
	r.do(workload.Action{Do: "drain", Kind: model.KindNode, Name: "n-0"})
	if !r.store.Lookup(model.KindNode, "", "n-0").(*model.Node).Unschedulable || r.store.Get(ref).Head().Deleting() {
		t.Error("not cordoned, or evicted")
	}
	if want := "node/n-0: drain: cannot delete Pods that declare no controller (use force: true to override): default/bare"; r.failures() != want {
		t.Errorf("said %q", r.failures())
	}
}

// Source: "on HTTP 429 retried every 5 s without limit (timeout 0)", and
// "global timeout reached" (k8s.io/kubectl/pkg/drain/drain.go evictPods).
func TestDrainTriesAnEvictionEveryFiveSecondsUntilItsTimeout(t *testing.T) {
	for _, timeout := range []time.Duration{0, 22 * time.Second} {
		r := newRig(t, 1, 1)
		ref := r.pod("web", "web-0", "n-0")
		p := *r.store.Get(ref).(*model.Pod)
		p.Phase, p.Ready.Status, p.Owner = model.PodRunning, model.True, model.Ref{Kind: model.KindReplicaSet, ID: 1}
		r.store.Update(0, &p)
		b := &model.PodDisruptionBudget{
			Meta: model.Meta{Kind: model.KindPodDisruptionBudget, Namespace: "default", Name: "web"}, Selector: model.SelectorOf(p.Labels), ObservedGeneration: 1,
		}
		r.store.Create(0, b)
		r.do(workload.Action{Do: "drain", Kind: model.KindNode, Name: "n-0", Timeout: timeout})
		r.after(60 * time.Second)
		freed := *b
		freed.Allowed = 1
		r.store.Update(0, &freed)
		at := r.Now()
		r.after(6 * time.Second)
		evicted := r.store.Get(ref).(*model.Pod)
		refused := 0
		for _, n := range r.notes(0) {
			if n.Reason == workload.ReasonEvictionRefused {
				refused++
			}
		}
		if evicted.Deleting() != (timeout == 0) || refused != 1 {
			t.Errorf("timeout %v: deleting %t, %d refusals told", timeout, evicted.Deleting(), refused)
		}
		want := ""
		if timeout > 0 {
			want = "node/n-0: drain: error when evicting pod/web-0: global timeout reached: 22s"
		}
		if r.failures() != want || timeout == 0 && evicted.Disrupted.SinceAt > at.Add(5*time.Second+100*time.Millisecond) {
			t.Errorf("timeout %v: %q, evicted at %v after %v", timeout, r.failures(), evicted.Disrupted.SinceAt, at)
		}
	}
}

// Source: the same: the timeout ends also a drain that still waits for an answer;
// here it is given up when that comes.
func TestADrainWhoseTimeoutPassesBeforeTheAnswerIsGivenUpWithIt(t *testing.T) {
	r := newRig(t, 1, 1)
	ref := r.pod("web", "web-0", "n-0")
	p := *r.store.Get(ref).(*model.Pod)
	p.Phase, p.Ready.Status, p.Owner = model.PodRunning, model.True, model.Ref{Kind: model.KindReplicaSet, ID: 1}
	r.store.Update(0, &p)
	r.store.Create(0, &model.PodDisruptionBudget{
		Meta: model.Meta{Kind: model.KindPodDisruptionBudget, Namespace: "default", Name: "web"}, Selector: model.SelectorOf(p.Labels), ObservedGeneration: 1,
	})
	r.server.SetLatency(sim.Constant(3 * time.Second))
	r.do(workload.Action{Do: "drain", Kind: model.KindNode, Name: "n-0", Timeout: 4 * time.Second})
	r.after(30 * time.Second)
	if want := "node/n-0: drain: error when evicting pod/web-0: global timeout reached: 4s"; r.failures() != want {
		t.Errorf("got %q, want %q", r.failures(), want)
	}
}

// Source: pkg/apis/apps/validation/validation.go ValidateDeploymentUpdate.
func TestASelectorIsImmutableAndTheChangeIsRefusedWhole(t *testing.T) {
	r := newRig(t, 1, 0)
	r.do(workload.Action{Do: "apply", Objects: []model.Object{deployment("web", 3, "web:1")}})
	other := deployment("web", 12, "web:2")
	other.Selector = model.SelectorOf(model.MakeLabels(map[string]string{"app": "other"}))
	r.do(workload.Action{Do: "apply", Objects: []model.Object{other, deployment("next", 1, "web:1")}})
	if d := r.deployment("web"); d.Replicas != 3 || d.Generation > 1 || r.deployment("next") == nil {
		t.Errorf("%d replicas, generation %d; next %v", d.Replicas, d.Generation, r.deployment("next"))
	}
	if got := r.failures(); got != "default/deployment/web: apply: spec.selector: field is immutable" && got != "deployment/web: apply: spec.selector: field is immutable" {
		t.Error(got)
	}
}

func TestActionsOfOneInstantAreDoneInTheirOrder(t *testing.T) {
	for seed := range uint64(20) {
		r := newRig(t, seed, 1)
		at := sim.Time(time.Second)
		scale := func(n int32) workload.Action {
			return workload.Action{At: at, Do: "scale", Kind: model.KindDeployment, Namespace: "default", Name: "web", Replicas: n}
		}
		u := workload.NewKubectl(r.Kernel, r.store, r.net, r.control, []workload.Action{
			{At: at, Do: "apply", Objects: []model.Object{deployment("a", 1, "a"), deployment("web", 1, "a")}},
			{At: at, Do: "drain", Kind: model.KindNode, Name: "n-9"}, scale(10), scale(20), scale(2), scale(7),
		})
		u.Start()
		r.after(2 * time.Second)
		if got := r.deployment("web").Replicas; got != 7 {
			t.Errorf("seed %d: %d replicas", seed, got)
		}
	}
}

// Source: k8s.io/kubectl/pkg/cmd/util/helpers.go StandardErrorMessage; client-go
// dials for 30 s. What the cluster begins with is asked for until it is there.
func TestAnActionThatDoesNotReachTheServerFailsAndSaysSo(t *testing.T) {
	r := newRig(t, 1, 1)
	away := r.sites["n-0"]
	cut := r.net.Impair(network.Impairment{From: []network.Site{away}, To: []network.Site{r.control}, Cut: true})
	cordon := workload.Action{At: sim.Time(time.Second), Do: "cordon", Kind: model.KindNode, Name: "n-0"}
	later := cordon
	later.At = sim.Time(5 * time.Minute)
	u := workload.NewKubectl(r.Kernel, r.store, r.net, away, []workload.Action{cordon, later})
	u.Apply([]model.Object{deployment("web", 1, "a")})
	u.Start()
	r.after(30 * time.Second)
	if r.failures() != "" {
		t.Errorf("after 29 s: %s", r.failures())
	}
	r.after(60 * time.Second)
	if want := "node/n-0: cordon: Unable to connect to the server: dial tcp: i/o timeout"; r.store.Revision() != 1 || r.failures() != want {
		t.Errorf("revision %d, %q", r.store.Revision(), r.failures())
	}
	r.net.Lift(cut)
	r.after(2 * time.Minute)
	if r.deployment("web") == nil || r.store.Lookup(model.KindNode, "", "n-0").(*model.Node).Unschedulable {
		t.Error("the action was done later, or the beginning was not")
	}
	r.after(2 * time.Minute)
	if !r.store.Lookup(model.KindNode, "", "n-0").(*model.Node).Unschedulable {
		t.Error("the next action was not done")
	}
}

func TestRegistryIsSorted(t *testing.T) {
	if !slices.IsSortedFunc(workload.Commands, func(a, b workload.Command) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("Commands is not in alphabetical order")
	}
}

// What kubectl can do to a Deployment it can do to a StatefulSet, and but for
// scaling to a DaemonSet; drain leaves pods of DaemonSets where they are
// (--ignore-daemonsets).
func TestKubectlKnowsTheOtherMakersOfPods(t *testing.T) {
	r := newRig(t, 1, 1)
	d := deployment("db", 3, "db:1")
	set := &model.StatefulSet{
		Meta: model.Meta{Kind: model.KindStatefulSet, Namespace: "default", Name: "db"}, Replicas: 3, Selector: d.Selector, Template: d.Template,
		Partition: 2, HistoryLimit: 10,
	}
	daemons := &model.DaemonSet{
		Meta: model.Meta{Kind: model.KindDaemonSet, Namespace: "default", Name: "logs"}, Selector: d.Selector, Template: d.Template,
	}
	job := &model.Job{Meta: model.Meta{Kind: model.KindJob, Namespace: "default", Name: "sum"}, JobSpec: model.JobSpec{Template: d.Template, Parallelism: 1}}
	r.do(workload.Action{Do: "apply", Objects: []model.Object{set, daemons, job}})
	changed := *set
	changed.Partition, changed.Replicas = 0, 4
	wider := *job
	wider.Parallelism = 5
	r.do(
		workload.Action{Do: "apply", Objects: []model.Object{&changed, &wider}},
		workload.Action{Do: "scale", Kind: model.KindStatefulSet, Name: "db", Replicas: 7},
		workload.Action{Do: "set-image", Kind: model.KindStatefulSet, Name: "db", Image: "db:2"},
		workload.Action{Do: "set-image", Kind: model.KindDaemonSet, Name: "logs", Image: "logs:2"},
		workload.Action{Do: "scale", Kind: model.KindDaemonSet, Name: "logs", Replicas: 7},
		workload.Action{Do: "delete", Kind: model.KindJob, Name: "sum"},
	)
	got := r.store.Lookup(model.KindStatefulSet, "default", "db").(*model.StatefulSet)
	if got.Replicas != 7 || got.Partition != 0 || got.Template.Spec.Containers[0].Image != "db:2" || got.Generation != 4 {
		t.Errorf("%+v", got)
	}
	if x := r.store.Lookup(model.KindDaemonSet, "default", "logs").(*model.DaemonSet); x.Template.Spec.Containers[0].Image != "logs:2" || x.Generation != 2 {
		t.Errorf("%+v", x)
	}
	if r.store.Lookup(model.KindJob, "default", "sum") != nil || r.failures() != "daemonset/logs: scale: not possible with this kind of object" {
		t.Errorf("the Job is there, or %q", r.failures())
	}
	for _, owner := range []model.Kind{model.KindDaemonSet, model.KindStatefulSet} {
		p := *r.store.Get(r.pod("x", owner.Short(), "n-0")).(*model.Pod)
		p.Owner = model.Ref{Kind: owner, ID: 1}
		r.store.Update(0, &p)
	}
	r.do(workload.Action{Do: "drain", Kind: model.KindNode, Name: "n-0"})
	stays, goes := r.store.Lookup(model.KindPod, "default", "daemonset"), r.store.Lookup(model.KindPod, "default", "statefulset")
	if stays.Head().Deleting() || goes != nil && !goes.Head().Deleting() {
		t.Errorf("drained %v and not %v", stays.Head().Deleting(), goes)
	}
}

// Source: k8s.io/kubectl/pkg/polymorphichelpers/objectrestarter.go, rollback.go.
func TestRolloutRestartAndUndoChangeTheTemplate(t *testing.T) {
	r := newRig(t, 1, 0)
	r.do(workload.Action{Do: "apply", Objects: []model.Object{deployment("web", 1, "web:1")}})
	first := r.deployment("web").Template
	act := func(do string, revision int64) {
		t.Helper()
		r.do(workload.Action{Do: do, Kind: model.KindDeployment, Name: "web", Revision: revision})
	}
	act("rollout-restart", 0)
	restarted := r.deployment("web")
	if restarted.Template.Hash == first.Hash || restarted.Template.Spec != first.Spec || restarted.Generation != 2 {
		t.Errorf("hash %s, was %s; generation %d", restarted.Template.Hash, first.Hash, restarted.Generation)
	}
	act("rollout-undo", 0)
	for i, template := range []*model.Template{first, restarted.Template} {
		r.store.Create(0, &model.ReplicaSet{
			Meta:     model.Meta{Kind: model.KindReplicaSet, Namespace: "default", Name: template.Hash, Owner: restarted.Ref()},
			Template: template, Revision: int64(i + 1),
		})
	}
	act("rollout-undo", 9)
	act("rollout-undo", 0)
	if got := r.deployment("web"); got.Template.Hash != first.Hash || got.Generation != 3 {
		t.Errorf("hash %s, want %s; generation %d", got.Template.Hash, first.Hash, got.Generation)
	}
	want := `deployment/web: rollout-undo: error: no rollout history found for deployment "web"
deployment/web: rollout-undo: error: unable to find specified revision 9 in history`
	if r.failures() != want {
		t.Errorf("said\n%s\nwant\n%s", r.failures(), want)
	}
}

// Source: k8s.io/client-go/rest/request.go: ten retries of what is throttled.
func TestWhatIsRefusedIsSaidInKubectlsWords(t *testing.T) {
	r := newRig(t, 1, 0)
	r.do(workload.Action{Do: "apply", Objects: []model.Object{deployment("web", 1, "web:1")}})
	r.do(workload.Action{Do: "scale", Kind: model.KindDeployment, Name: "web", Replicas: 3, As: "eve"})
	if got := r.failures(); !strings.HasPrefix(got, "deployment/web: scale: Error from server (Forbidden): ") {
		t.Errorf("said %q", got)
	}
}

// Source: pkg/apis/apps/validation/validation.go ValidateStatefulSetUpdate;
// batch/validation ValidateJobSpecUpdate; rbac/validation ValidateRoleBindingUpdate;
// scheduling/validation ValidatePriorityClassUpdate; core/validation ValidateConfigMapUpdate.
func TestWhatIsImmutableIsSaidAndStaysAsItIs(t *testing.T) {
	template := deployment("x", 1, "x:1").Template
	meta := func(kind model.Kind, namespace string) model.Meta {
		return model.Meta{Kind: kind, Namespace: namespace, Name: "x"}
	}
	job := func(completions int32, template *model.Template) *model.Job {
		return &model.Job{Meta: meta(model.KindJob, "default"), JobSpec: model.JobSpec{Parallelism: 1, Completions: completions, Template: template}}
	}
	service := func(headless, balanced bool) *model.Service {
		return &model.Service{Meta: meta(model.KindService, "default"), Ports: 1, Headless: headless, LoadBalancer: balanced}
	}
	config := func(immutable bool, keys ...string) *model.Config {
		return &model.Config{Meta: meta(model.KindConfigMap, "default"), Immutable: immutable, Keys: keys}
	}
	for _, tc := range []struct {
		cur, said model.Object
		want      string
	}{
		{service(false, false), service(true, false), `service/x: apply: spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set`},
		{service(true, false), service(false, true), `service/x: apply: spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for LoadBalancer services`},
		{service(true, false), service(false, false), ""}, // and it stays headless
		{job(1, template), job(2, template), "job/x: apply: spec.completions: field is immutable"},
		{job(1, template), job(1, deployment("x", 1, "x:2").Template), "job/x: apply: spec.template: field is immutable"},
		{&model.StatefulSet{Meta: meta(model.KindStatefulSet, "default"), Template: template}, &model.StatefulSet{Meta: meta(model.KindStatefulSet, "default"), Template: template, Parallel: true},
			"statefulset/x: apply: spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"},
		{&model.RoleBinding{Meta: meta(model.KindRoleBinding, "default"), Role: "a"}, &model.RoleBinding{Meta: meta(model.KindRoleBinding, "default"), Role: "b"}, "rolebinding/x: apply: roleRef: cannot change roleRef"},
		{config(true, "a"), config(false, "a"), "configmap/x: apply: immutable: Forbidden: field is immutable when `immutable` is set"},
		{config(true, "a"), config(true, "b"), "configmap/x: apply: data: Forbidden: field is immutable when `immutable` is set"},
		{config(true, "a"), config(true, "a"), ""},
		{&model.PriorityClass{Meta: meta(model.KindPriorityClass, ""), Value: 10}, &model.PriorityClass{Meta: meta(model.KindPriorityClass, ""), Value: 99}, "priorityclass/x: apply: value: Forbidden: may not be changed in an update."},
	} {
		r := newRig(t, 1, 0)
		r.do(workload.Action{Do: "apply", Objects: []model.Object{tc.cur}})
		before := r.store.Revision()
		r.do(workload.Action{Do: "apply", Objects: []model.Object{tc.said}})
		if r.failures() != tc.want || r.store.Revision() != before {
			t.Errorf("said %q, revision %d after %d; want %q", r.failures(), r.store.Revision(), before, tc.want)
		}
	}
}

// kubectl reads the history it goes back in (k8s.io/kubectl/pkg/polymorphichelpers
// /rollback.go): who may not list ReplicaSets cannot.
func TestAnUndoNeedsTheRightToReadTheHistory(t *testing.T) {
	r := newRig(t, 1, 0)
	role := &model.Role{Meta: model.Meta{Kind: model.KindRole, Namespace: "default", Name: "deployer"}, Rules: []model.PolicyRule{
		{Verbs: []string{"get", "patch"}, APIGroups: []string{"apps"}, Resources: []string{"deployments"}},
	}}
	bind := &model.RoleBinding{Meta: model.Meta{Kind: model.KindRoleBinding, Namespace: "default", Name: "bob"}, Role: "deployer", RoleKind: model.KindRole, Subjects: []model.Subject{{Kind: "User", Name: "bob"}}}
	r.do(workload.Action{Do: "apply", Objects: []model.Object{role, bind, deployment("web", 1, "web:1")}})
	r.do(workload.Action{Do: "rollout-undo", Kind: model.KindDeployment, Name: "web", As: "bob"})
	want := `deployment/web: rollout-undo: Error from server (Forbidden): replicasets.apps is forbidden: cannot list resource "replicasets" in the namespace "default"`
	if r.failures() != want {
		t.Errorf("said %q, want %q", r.failures(), want)
	}
}
