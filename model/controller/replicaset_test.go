package controller

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// created counts the pods ever made.
type created struct{ n int }

// Recorded implements store.Observer.
func (c *created) Recorded(r *store.Record) {
	if r.Verb == store.Created && r.New.Head().Kind == model.KindPod {
		c.n++
	}
}

// Source: pkg/controller/controller_utils.go: "ControllerExpectations ... a
// controller won't sync until its expectations are fulfilled".
func TestExpectationsPreventDoubleCreationWithLateViews(t *testing.T) {
	for seed := range uint64(20) {
		r := newRig(t, rigConfig{seed: seed})
		n := &created{}
		r.store.Observe(n)
		r.net.Impair(network.Impairment{From: []network.Site{r.control}, To: []network.Site{r.control}, Delay: sim.Uniform(0, 5*time.Second)})
		r.user.client.Create(deployment("web", 20), 0)
		r.run(t, 5*time.Minute)
		if have, ready := r.active(); have != 20 || ready != 20 || n.n != 20 {
			t.Errorf("seed %d: %d pods were made, %d are there, %d ready", seed, n.n, have, ready)
		}
	}
}

func TestExpectationsPreventDoubleDeletionWithLateViews(t *testing.T) {
	r := newRig(t, rigConfig{seed: 3})
	r.user.client.Create(deployment("web", 20), 0)
	r.run(t, 20*time.Second)
	r.net.Impair(network.Impairment{From: []network.Site{r.control}, To: []network.Site{r.control}, Delay: sim.Uniform(0, 5*time.Second)})
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Replicas = 7 })
	r.run(t, 5*time.Minute)
	if n, _ := r.active(); n != 7 {
		t.Errorf("%d pods, want 7", n)
	}
}

// TestTheRightNumberOfPodsInTheEndWhateverGetsLost loses requests, answers and
// connections at random, and then no more.
func TestTheRightNumberOfPodsInTheEndWhateverGetsLost(t *testing.T) {
	for seed := range uint64(12) {
		r := newRig(t, rigConfig{seed: seed})
		r.user.client.Create(service("web"), 0)
		r.user.client.Create(deployment("web", 12), 0)
		r.run(t, time.Duration(seed)*2*time.Millisecond)
		self := []network.Site{r.control}
		bad := r.net.Impair(network.Impairment{From: self, To: self, LossPPM: 650_000})
		r.run(t, 3*time.Minute)
		cut := r.net.Impair(network.Impairment{From: self, To: self, Cut: true})
		r.run(t, 2*time.Minute)
		r.net.Lift(cut)
		r.net.Lift(bad)
		r.run(t, 20*time.Minute)
		if r.deployment("web") == nil {
			continue // the user's own request was lost
		}
		if n, _ := r.active(); n != 12 {
			t.Errorf("seed %d: %d pods", seed, n)
		}
		recount(t, r)
		if r.store.Lookup(model.KindService, "default", "web") != nil {
			compare(t, r)
		}
	}
}

func TestANameThatIsTakenIsDrawnAnew(t *testing.T) {
	r := newRig(t, rigConfig{seed: 2})
	d := deployment("web", 3)
	set := d.Name + "-" + d.Template.Hash
	luck := &model.Meta{Kind: model.KindReplicaSet, Namespace: "default", Name: set}
	taken := model.GenerateName(set, setsOf(r).names.Draw(luck.NameHash(), 1))
	r.user.client.Create(&model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: taken}, Spec: d.Template.Spec}, 0)
	r.run(t, time.Second)
	r.user.client.Create(d, 0)
	r.run(t, 10*time.Second)
	if n, ready := r.active(); n != 4 || ready != 4 {
		t.Errorf("%d pods, %d ready", n, ready)
	}
}

// Source: pkg/controller/replicaset/replica_set.go slowStartBatch.
func TestPodsAreCreatedInBatchesOfOneTwoFour(t *testing.T) {
	r := newRig(t, rigConfig{seed: 1})
	var open, most []int
	watch := observe(func(rec *store.Record) {
		if rec.Verb == store.Created && rec.New.Head().Kind == model.KindPod {
			open = append(open, int(rec.At))
		}
	})
	r.store.Observe(watch)
	r.user.client.Create(deployment("web", 15), 0)
	r.until(t, 10*time.Second, "15 pods", func() bool { return len(open) == 15 })
	// The requests of a batch leave at once, those of the next after the last
	// answer: the last of a batch is stored before the first of the next.
	for _, batch := range [][2]int{{0, 1}, {1, 3}, {3, 7}, {7, 15}} {
		most = append(most, open[batch[1]-1])
	}
	for i, first := range []int{1, 3, 7} {
		if open[first] <= most[i] {
			t.Errorf("batch %d began before batch %d ended", i+1, i)
		}
	}
	row := setRowOf(r, 1)
	if row.batch != 8 || row.left != 0 {
		t.Errorf("the last batch was %d, %d left", row.batch, row.left)
	}
}

type observe func(*store.Record)

// Recorded implements store.Observer.
func (f observe) Recorded(r *store.Record) { f(r) }

func setRowOf(r *rig, id uint32) *setRow { return setsOf(r).rows.Row(id) }

func setsOf(r *rig) *replicaSets {
	for _, l := range r.process.loops {
		if c, ok := l.controller.(*replicaSets); ok {
			return c
		}
	}
	return nil
}

// Source: pkg/controller/controller_utils.go ActivePodsWithRanks.Less, rule by
// rule.
func TestDeletionRanking(t *testing.T) {
	now := sim.Time(1000 * time.Second)
	base := func() *ranked {
		p := &model.Pod{Spec: &model.PodSpec{InitContainers: []model.Container{{Sidecar: true}}}, NodeID: 1, Phase: model.PodRunning}
		p.Ready = model.Condition{Status: model.True, SinceAt: sim.Time(500 * time.Second)}
		p.CreatedAt = sim.Time(400 * time.Second)
		p.Containers = make([]model.ContainerStatus, 2)
		return &ranked{pod: p, uid: 5}
	}
	older := func(r *ranked) { r.pod.Ready.SinceAt, r.uid = sim.Time(10*time.Second), 1 }
	for _, c := range []struct {
		rule  string
		first func(*ranked)
		other func(*ranked)
	}{
		{"unassigned before assigned", func(r *ranked) { r.pod.NodeID = 0; older(r) }, func(r *ranked) { r.pod.Phase = model.PodPending }},
		{"pending before running", func(r *ranked) { r.pod.Phase = model.PodPending; older(r) }, func(r *ranked) { r.pod.Ready.Status = model.False }},
		{"not ready before ready", func(r *ranked) { r.pod.Ready.Status = model.False }, func(r *ranked) { r.together = 9 }},
		{"the cheaper to delete before the dearer", func(r *ranked) { r.pod.DeletionCost = -1; older(r) }, func(r *ranked) { r.together = 9 }},
		{"doubled up before alone", func(r *ranked) { r.together = 2; older(r) }, func(r *ranked) { r.together = 1 }},
		{"shorter ready before longer", func(r *ranked) { r.pod.Ready.SinceAt = sim.Time(990 * time.Second) }, func(r *ranked) { r.pod.Containers[1].Restarts = 9 }},
		{"the smaller UID in one power of two of ready age", func(r *ranked) { r.pod.Ready.SinceAt = sim.Time(501 * time.Second); r.uid = 4 }, func(r *ranked) { r.pod.Containers[1].Restarts = 9 }},
		{"even if it is ready longer", func(r *ranked) { r.pod.Ready.SinceAt = sim.Time(499 * time.Second); r.uid = 4 }, func(r *ranked) { r.pod.Containers[1].Restarts = 9 }},
		{"more restarts before fewer", func(r *ranked) { r.pod.Containers[1].Restarts = 2 }, func(r *ranked) { r.pod.Containers[1].Restarts = 1; r.pod.Containers[0].Restarts = 7 }},
		{"then of sidecars", func(r *ranked) { r.pod.Containers[0].Restarts = 1 }, func(r *ranked) { r.pod.CreatedAt = now }},
		{"newer before older", func(r *ranked) { r.pod.CreatedAt = sim.Time(990 * time.Second); r.uid = 9 }, func(r *ranked) {}},
		{"the smaller UID in one power of two of age", func(r *ranked) { r.pod.CreatedAt = sim.Time(399 * time.Second); r.uid = 4 }, func(r *ranked) {}},
		{"ready within one second is at once", func(r *ranked) { r.uid = 4 }, func(r *ranked) { r.pod.Ready.SinceAt += sim.Time(900 * time.Millisecond) }},
	} {
		a, b := base(), base()
		c.first(a)
		c.other(b)
		if deletedFirst(now, a, b) >= 0 || deletedFirst(now, b, a) <= 0 {
			t.Errorf("%s: %d and %d", c.rule, deletedFirst(now, a, b), deletedFirst(now, b, a))
		}
	}
}

// Source: getIndirectlyRelatedPods, getReplicaSetsWithSameController: that pods are doubled up on
// a node counts only where a Deployment owns their ReplicaSet.
func TestPodsOfAReplicaSetWithoutAnOwnerAreNotRankedByNode(t *testing.T) {
	for _, owned := range []bool{true, false} {
		r := newRig(t, rigConfig{seed: 3})
		r.player.plan = []uint32{1, 1, 2}
		d := deployment("web", 2)
		size := func(n int32) {
			if owned {
				r.change(r.deployment("web"), func(d *model.Deployment) { d.Replicas = n })
			} else {
				r.user.client.Patch(r.sets()[0].Ref(), change[*model.ReplicaSet]{func(s *model.ReplicaSet) { s.Replicas = n }}, 0)
			}
		}
		if owned {
			r.user.client.Create(d, 0)
		} else {
			r.user.client.Create(&model.ReplicaSet{
				Meta: model.Meta{Kind: model.KindReplicaSet, Namespace: "default", Name: "web"}, Selector: d.Selector, Template: d.Template, Replicas: 2,
			}, 0)
		}
		r.run(t, 100*time.Second)
		size(3) // alone on its node, and young
		r.run(t, 10*time.Second)
		size(2)
		r.run(t, 10*time.Second)
		var on []uint32
		for _, p := range r.podList() {
			on = append(on, p.NodeID)
		}
		slices.Sort(on)
		if want := map[bool][]uint32{true: {1, 2}, false: {1, 1}}[owned]; !slices.Equal(on, want) {
			t.Errorf("owned %v: pods are left on nodes %v, want %v", owned, on, want)
		}
	}
}

// Source: pkg/controller/replicaset/replica_set.go: a pod is available when it
// has been ready for minReadySeconds.
func TestPodsAreAvailableAfterMinReadySeconds(t *testing.T) {
	r := newRig(t, rigConfig{seed: 4})
	d := deployment("web", 3)
	d.MinReady = 30 * time.Second
	r.user.client.Create(d, 0)
	r.until(t, 10*time.Second, "ready", func() bool { return r.deployment("web") != nil && r.deployment("web").ReadyReplicas == 3 })
	start := r.Now()
	if n := r.deployment("web").AvailableReplicas; n != 0 {
		t.Errorf("%d available at once", n)
	}
	r.until(t, 40*time.Second, "available", func() bool { return r.deployment("web").AvailableReplicas == 3 })
	if after := r.Now().Sub(start); after < 29*time.Second || after > 31*time.Second {
		t.Errorf("available after %v", after)
	}
}

// Source: IsPodAvailable, FindMinNextPodAvailabilityCheck: the API keeps whole seconds of when a pod
// became ready, and from there minReadySeconds count.
func TestMinReadySecondsCountFromAWholeSecond(t *testing.T) {
	r := newRig(t, rigConfig{start: sim.Constant(1700 * time.Millisecond)})
	d := deployment("web", 1)
	d.MinReady = 3 * time.Second
	var ready, available sim.Time
	r.store.Observe(observe(func(rec *store.Record) {
		switch o := rec.New.(type) {
		case *model.Pod:
			if o.IsReady() && ready == 0 {
				ready = o.Ready.SinceAt
			}
		case *model.ReplicaSet:
			if o.AvailableReplicas == 1 && available == 0 {
				available = rec.At
			}
		}
	}))
	r.user.client.Create(d, 0)
	r.run(t, 10*time.Second)
	if late := available.Sub(sim.Time(4 * time.Second)); model.WholeSecond(ready) != sim.Time(time.Second) || ready == model.WholeSecond(ready) || late < 0 || late > 20*time.Millisecond {
		t.Errorf("ready at %v, available at %v", ready, available)
	}
}

// TestCountsAreTheRecount compares what the controller counts change by change
// with a count from the beginning, through random events.
func TestCountsAreTheRecount(t *testing.T) {
	for seed := range uint64(30) {
		r := newRig(t, rigConfig{seed: seed, start: sim.Uniform(0, 10*time.Second), end: sim.Uniform(0, 10*time.Second)})
		luck := r.Luck().Stream("test/random")
		for i := range 4 {
			d := deployment(fmt.Sprint("app-", i), int32(luck.Below(15)))
			d.MinReady = time.Duration(luck.Below(2)) * 5 * time.Second
			r.user.client.Create(d, 0)
		}
		for range 60 {
			r.run(t, luck.Duration(10*time.Millisecond, 5*time.Second))
			disturb(r, &luck)
			recount(t, r)
		}
	}
}

// disturb does something at random to a Deployment or a pod.
func disturb(r *rig, luck *sim.Stream) {
	d := r.deployment(fmt.Sprint("app-", luck.Below(4)))
	switch pods := r.podList(); luck.Below(8) {
	case 0:
		if d != nil {
			r.change(d, func(d *model.Deployment) { d.Replicas = int32(luck.Below(15)) })
		}
	case 1:
		if d != nil {
			v := fmt.Sprint(luck.Below(4))
			r.change(d, func(d *model.Deployment) { d.Template = template(d.Name, v) })
		}
	case 2:
		if d != nil {
			r.change(d, func(d *model.Deployment) { d.MinReady = time.Duration(luck.Below(3)) * 5 * time.Second })
		}
	case 3, 4:
		if len(pods) > 0 {
			grace := []int32{store.DefaultGrace, 0}[luck.Below(2)]
			r.user.client.Delete(pods[luck.Below(uint64(len(pods)))].Ref(), grace, 0)
		}
	case 5:
		if len(pods) > 0 {
			p := *pods[luck.Below(uint64(len(pods)))]
			p.ResourceVersion = 0
			p.Ready.Status, p.Ready.SinceAt = model.BoolStatus(luck.Below(2) == 0 && p.Phase == model.PodRunning), r.Now()
			r.user.client.UpdateStatus(&p, 0)
		}
	case 7:
		if len(pods) > 0 {
			label := model.LabelPatch{Key: "app", Value: fmt.Sprint("app-", luck.Below(5))}
			r.user.client.Patch(pods[luck.Below(uint64(len(pods)))].Ref(), &model.PodPatch{Labels: []model.LabelPatch{label}}, 0)
		}
	case 6:
		if len(pods) > 0 && luck.Below(3) == 0 {
			p := *pods[luck.Below(uint64(len(pods)))]
			p.ResourceVersion = 0
			p.Phase, p.Ready.Status = model.PodFailed, model.False
			r.user.client.UpdateStatus(&p, 0)
		}
	}
}

// recount checks every count and every index of the view against the pods in it.
func recount(t *testing.T, r *rig) {
	t.Helper()
	v, c := &r.process.view, setsOf(r)
	want := map[uint32]counts{}
	owned, bound, total := 0, 0, 0
	for id := range v.pods.Len() {
		p := v.pod(uint32(id))
		if p == nil {
			continue
		}
		total += one(p.Owner.Kind == model.KindReplicaSet)
		row := v.pods.Row(uint32(id))
		if list := *v.owned[p.Owner.Kind].Row(p.Owner.ID); list[row.ownedAt] != uint32(id) {
			t.Fatalf("%v: %s is not where its owner has it", r.Now(), p.Name)
		}
		if p.NodeID != 0 {
			bound++
			if v.nodes.Row(p.NodeID).pods[row.nodeAt] != uint32(id) {
				t.Fatalf("%v: %s is not where its node has it", r.Now(), p.Name)
			}
		}
		set := *v.replicaSets.Row(p.Owner.ID)
		if stray := p.Owner.Kind == model.KindReplicaSet && set != nil && !set.Selector.Matches(p.Labels); stray != row.stray {
			t.Fatalf("%v: %s: a stray %v, want %v", r.Now(), p.Name, row.stray, stray)
		}
		if row.stray || p.Owner.Kind != model.KindReplicaSet {
			continue
		}
		n := want[p.Owner.ID]
		n.add(count(r.Now(), p, c.rows.Row(p.Owner.ID).minReady), 1)
		want[p.Owner.ID] = n
	}
	for id := range v.replicaSets.Len() {
		owned += len(*v.owned[model.KindReplicaSet].Row(uint32(id)))
		if got := c.rows.Row(uint32(id)).pods; got != want[uint32(id)] {
			t.Fatalf("%v: ReplicaSet %d counts %+v, its pods are %+v", r.Now(), id, got, want[uint32(id)])
		}
	}
	on := 0
	for id := range v.nodes.Len() {
		on += len(v.nodes.Row(uint32(id)).pods)
	}
	if owned != total || on != bound {
		t.Fatalf("%v: %d of %d pods have an owner, %d of %d a node", r.Now(), owned, total, on, bound)
	}
}

// Source: pkg/controller/controller_ref_manager.go ClaimObject, ReleasePod: a pod that
// the selector does not match any more loses its owner reference, and does not count;
// docs: "Isolating Pods from a ReplicaSet": it is replaced.
func TestARelabelledPodIsReleasedAndReplaced(t *testing.T) {
	r := newRig(t, rigConfig{seed: 3})
	r.user.client.Create(deployment("web", 3), 0)
	r.run(t, 10*time.Second)
	taken := r.podList()[1]
	r.user.client.Patch(taken.Ref(), &model.PodPatch{Labels: []model.LabelPatch{{Key: "app", Value: "debug"}}}, 0)
	r.run(t, 10*time.Second)
	pods := r.podList()
	now := r.store.Get(taken.Ref()).(*model.Pod)
	if len(pods) != 4 || !now.Owner.IsZero() || now.Phase != model.PodRunning || r.deployment("web").ReadyReplicas != 3 {
		t.Fatalf("%d pods, %d ready; the one taken out is %v and has owner %v", len(pods), r.deployment("web").ReadyReplicas, now.Phase, now.Owner)
	}
	// Given its label back it is adopted, and one of four goes: the cheapest.
	cost := int32(-5)
	r.user.client.Patch(taken.Ref(), &model.PodPatch{Labels: []model.LabelPatch{{Key: "app", Value: "web"}}, DeletionCost: &cost}, 0)
	r.run(t, 10*time.Second)
	if left := r.podList(); len(left) != 3 || r.store.Get(taken.Ref()) != nil {
		t.Errorf("%d pods, and the cheapest is %v", len(left), r.store.Get(taken.Ref()))
	}
}
