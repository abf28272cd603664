package controller

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

func daemonSet(name string, edit func(*model.DaemonSet)) *model.DaemonSet {
	d := &model.DaemonSet{
		Meta:           model.Meta{Kind: model.KindDaemonSet, Namespace: "default", Name: name},
		Selector:       model.SelectorOf(model.MakeLabels(map[string]string{"app": name})),
		Template:       template(name, "1"),
		MaxUnavailable: model.CountOrPercent{Value: 1},
		HistoryLimit:   10,
	}
	if edit != nil {
		edit(d)
	}
	return d
}

func (r *rig) daemonSet(name string) *model.DaemonSet {
	return r.store.Lookup(model.KindDaemonSet, "default", name).(*model.DaemonSet)
}

func (r *rig) changeDaemons(name string, f func(*model.DaemonSet)) {
	r.user.client.Patch(r.daemonSet(name).Ref(), change[*model.DaemonSet]{f}, 0)
}

// pinned has the player bind pods to the nodes they name, as the scheduler does.
func (r *rig) pinned() {
	r.player.choose = func(p *model.Pod) uint32 {
		if q := p.Spec.Required; len(q) > 0 && len(q[0].Names) > 0 {
			if n := r.store.Lookup(model.KindNode, "", q[0].Names[0].Values[0]); n != nil {
				return n.Head().ID
			}
		}
		return 0
	}
}

// on is the nodes of a set's pods that are not going, sorted.
func (r *rig) on() (names []string) {
	for _, p := range r.podList() {
		if !p.Deleting() {
			names = append(names, p.NodeName)
		}
	}
	slices.Sort(names)
	return names
}

// "One pod per eligible node; pod gets required node affinity metadata.name In
// [node] and is bound by kube-scheduler. Auto-tolerations: not-ready, unreachable
// (NoExecute, no limit), disk-pressure, memory-pressure, pid-pressure,
// unschedulable".
// Source: pkg/controller/daemon/daemon_controller.go, util/daemonset_util.go.
func TestADaemonSetHasOnePodOnEveryNode(t *testing.T) {
	r := newRig(t, rigConfig{zones: []int{4}})
	r.pinned()
	r.user.client.Create(daemonSet("logs", nil), 0)
	r.run(t, time.Minute)
	if got := r.on(); len(got) != 4 || len(slices.Compact(got)) != 4 {
		t.Errorf("pods on %v", got)
	}
	d := r.daemonSet("logs")
	if d.Desired != 4 || d.Current != 4 || d.Ready != 4 || d.Available != 4 || d.Updated != 4 || d.Unavailable != 0 || d.Misscheduled != 0 || d.ObservedGeneration != 1 {
		t.Errorf("%+v", d)
	}
	spec := r.podList()[0].Spec
	for _, taint := range daemonTaints {
		if !slices.Contains(spec.Tolerations, model.Toleration{Key: taint.Key, Exists: true, Effect: taint.Effect, For: model.Forever}) {
			t.Errorf("does not tolerate %v", taint)
		}
	}
	if len(spec.Tolerations) != len(daemonTaints) {
		t.Errorf("tolerations %v", spec.Tolerations)
	}
	r.user.client.Delete(d.Ref(), 0, 0)
	r.run(t, time.Minute)
	if n := len(r.podList()); n != 0 {
		t.Errorf("%d pods are left", n)
	}
}

// "Eligible = node name, node affinity/selector match, and taints tolerated;
// shouldContinueRunning is false only if a NoExecute taint is not tolerated (or
// affinity mismatch)."
// Source: pkg/controller/daemon/daemon_controller.go NodeShouldRunDaemonPod.
func TestPodsFollowLabelsAndTaintsOfNodes(t *testing.T) {
	r := newRig(t, rigConfig{zones: []int{2, 2}})
	r.pinned()
	r.user.client.Create(daemonSet("gpu", func(d *model.DaemonSet) {
		spec := *d.Template.Spec
		spec.NodeSelector = model.MakeLabels(map[string]string{"gpu": "yes"})
		d.Template = &model.Template{Labels: d.Template.Labels, Spec: &spec, Hash: "gpu"}
	}), 0)
	r.run(t, time.Minute)
	if got := r.on(); len(got) != 0 {
		t.Fatalf("pods on %v", got)
	}
	edit := func(id uint32, f func(*model.Node)) {
		n := *r.node(id)
		f(&n)
		r.store.Update(r.user.id, &n)
		r.run(t, time.Minute)
	}
	for id := uint32(1); id <= 3; id++ {
		edit(id, func(n *model.Node) { n.Labels = n.Labels.With("gpu", "yes") })
	}
	if got := r.on(); len(got) != 3 {
		t.Errorf("pods on %v", got)
	}
	edit(1, func(n *model.Node) { n.Taints = []model.Taint{{Key: "busy", Effect: model.NoSchedule}} })
	unready := *r.podList()[0]
	unready.Ready.Status = model.False
	r.store.Update(r.user.id, &unready) // until the next look for another reason the status is what it was
	r.run(t, time.Second)
	if d := r.daemonSet("gpu"); len(r.on()) != 3 || d.Desired != 2 || d.Misscheduled != 1 {
		t.Errorf("NoSchedule: pods on %v, %+v", r.on(), d)
	}
	edit(2, func(n *model.Node) { n.Taints = []model.Taint{{Key: "busy", Effect: model.NoExecute}} })
	edit(3, func(n *model.Node) { n.Labels = model.MakeLabels(map[string]string{"gpu": "no"}) })
	if got := r.on(); !slices.Equal(got, []string{"node-a-000"}) {
		t.Errorf("NoExecute, and no label: pods on %v", got)
	}
}

// Source: v1.35 pkg/controller/daemon/daemon_controller.go syncNodeUpdate: a DaemonSet is looked
// at for a node if a pod is to be made or to be taken away there, or if one is there while some
// pods count as misscheduled.
func TestANodeThatTakesNoMoreDaemonsIsNotCountedBeforeTheNextLook(t *testing.T) {
	r := newRig(t, rigConfig{zones: []int{3}})
	r.pinned()
	r.user.client.Create(daemonSet("logs", nil), 0)
	r.run(t, time.Minute)
	taint := func(taints ...model.Taint) {
		n := *r.node(1)
		n.Taints = taints
		r.store.Update(r.user.id, &n)
		r.run(t, time.Minute)
	}
	counts := func(what string, desired, misscheduled int32) {
		t.Helper()
		if d := r.daemonSet("logs"); d.Desired != desired || d.Misscheduled != misscheduled {
			t.Errorf("%s: %d desired, %d misscheduled", what, d.Desired, d.Misscheduled)
		}
	}
	taint(model.Taint{Key: "busy", Effect: model.NoSchedule})
	counts("tainted", 3, 0)
	r.store.Delete(r.user.id, r.podList()[2].Ref())
	r.run(t, time.Minute)
	counts("after a look", 2, 1)
	taint()
	counts("no longer tainted", 3, 0)
}

// "RollingUpdate default maxUnavailable 1: each sync deletes all old pods that
// are already unavailable, plus available old ones up to maxUnavailable − (number
// of unavailable nodes)".
// Source: pkg/controller/daemon/update.go rollingUpdate.
func TestARollingUpdateOfDaemonsLeavesEnoughOfThem(t *testing.T) {
	for _, most := range []int32{1, 3} {
		r := newRig(t, rigConfig{zones: []int{6}, start: sim.Constant(3 * time.Second)})
		r.pinned()
		r.user.client.Create(daemonSet("logs", func(d *model.DaemonSet) { d.MaxUnavailable.Value = most }), 0)
		r.run(t, time.Minute)
		from := r.store.History().Len()
		r.changeDaemons("logs", func(d *model.DaemonSet) { d.Template = template("logs", "2") })
		r.run(t, 2*time.Minute)
		if d := r.daemonSet("logs"); d.Updated != 6 || d.Available != 6 {
			t.Errorf("%+v", d)
		}
		ready, least := 6, 6
		for i := from; i < r.store.History().Len(); i++ {
			rec := r.store.History().At(i)
			old, _ := rec.Old.(*model.Pod)
			next, _ := rec.New.(*model.Pod)
			up := func(p *model.Pod) int { return one(p != nil && p.IsReady() && !p.Deleting()) }
			ready += up(next) - up(old)
			least = min(least, ready)
		}
		if want := 6 - int(most); least != want {
			t.Errorf("maxUnavailable %d: %d of 6 were ready at least", most, least)
		}
	}
}

// With maxSurge a new pod is made beside the old one, which goes when the new
// one is available.
// Source: pkg/controller/daemon/update.go rollingUpdate.
func TestASurgeNeverLeavesANodeWithout(t *testing.T) {
	r := newRig(t, rigConfig{zones: []int{5}, start: sim.Constant(3 * time.Second)})
	r.pinned()
	r.user.client.Create(daemonSet("logs", func(d *model.DaemonSet) {
		d.MaxUnavailable.Value, d.MaxSurge = 0, model.CountOrPercent{Value: 40, Percent: true}
	}), 0)
	r.run(t, time.Minute)
	r.changeDaemons("logs", func(d *model.DaemonSet) { d.Template = template("logs", "2") })
	most := 0
	for range 1200 {
		r.run(t, 100*time.Millisecond)
		n, ready := r.active()
		if most = max(most, n); ready < 5 {
			t.Fatalf("%v: %d are ready", r.Now(), ready)
		}
	}
	if d := r.daemonSet("logs"); most != 7 || d.Updated != 5 || len(r.on()) != 5 {
		t.Errorf("%d pods at most; %+v", most, d)
	}
}

// "Failed pod: deleted and recreated, back-off per node 1 s doubling to 15 min."
// Source: pkg/controller/daemon/daemon_controller.go failedPodsBackoff.
func TestFailedDaemonsAreReplacedEverMoreSlowly(t *testing.T) {
	r := newRig(t, rigConfig{zones: []int{1}, end: sim.Constant(time.Millisecond)})
	r.pinned()
	r.player.never = func(p *model.Pod) bool { p.Phase = model.PodFailed; return true }
	r.user.client.Create(daemonSet("logs", nil), 0)
	r.run(t, 70*time.Second)
	if n := r.notes("FailedDaemonPod"); n != 7 { // at once, then no sooner than 1, 2, 4, 8, 16, 32 s after the one before
		t.Errorf("%d pods were replaced", n)
	}
}

// Every node of a large cluster gets its pod, 250 at a time, and the set is told
// about nodes that come later; one whose node is gone before it was bound is
// deleted (getUnscheduledPodsWithoutNode).
func TestDaemonsOfManyNodes(t *testing.T) {
	r := newRig(t, rigConfig{zones: []int{300}})
	r.pinned()
	r.user.client.Create(daemonSet("logs", nil), 0)
	r.run(t, 2*time.Minute)
	if d := r.daemonSet("logs"); len(r.on()) != 300 || d.Available != 300 {
		t.Fatalf("%d pods, %+v", len(r.on()), d)
	}
	r.player.paused = true
	var last *model.Node
	for i := range 2 {
		last = &model.Node{Meta: model.Meta{Kind: model.KindNode, Name: fmt.Sprint("late-", i)}, Ready: model.Condition{Status: model.True}}
		r.store.Create(r.user.id, last)
		r.store.Leases().Add(last.ID, last.Name, r.store.NewClient(store.ClientConfig{Name: last.Name, As: store.Node(last.Name), Site: r.net.AddSite(last.Name, "a")}))
		r.store.Leases().Start(last.ID, 0)
	}
	r.run(t, 5*time.Second)
	if n := len(r.podList()); n != 302 {
		t.Errorf("%d pods", n)
	}
	r.store.Delete(r.user.id, last.Ref())
	r.run(t, time.Second)
	p := *r.podList()[0]
	p.Labels = p.Labels.With("touched", "yes")
	r.store.Update(r.user.id, &p)
	r.run(t, 5*time.Second)
	if n := len(r.podList()); n != 301 {
		t.Errorf("%d pods after a node is gone", n)
	}
	r.user.client.Delete(r.podList()[0].Ref(), store.DefaultGrace, 0)
	r.run(t, 10*time.Second)
	if n := len(r.podList()); n != 301 {
		t.Errorf("%d pods after one was deleted", n)
	}
}
