package controller

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// nodesFrom is the IDs from a to b.
func nodesFrom(a, b uint32) []uint32 {
	var ids []uint32
	for id := a; id <= b; id++ {
		ids = append(ids, id)
	}
	return ids
}

// outage is a cluster with 3 pods a node on average, all ready, some time
// after which the given nodes fall silent.
func outage(t *testing.T, c rigConfig, silent []uint32) (*rig, *outageLog) {
	r := newRig(t, c)
	r.user.client.Create(service("web"), 0)
	r.user.client.Create(deployment("web", int32(3*(len(r.nodes)-1))), 0)
	r.until(t, 5*time.Minute, "all ready", func() bool { n, ready := r.active(); return n == 3*(len(r.nodes)-1) && ready == n })
	luck := r.Luck().Stream("test/outage")
	r.run(t, luck.Duration(70*time.Second, 90*time.Second))
	log := &outageLog{zero: r.Now(), unknown: map[uint32]time.Duration{}, tainted: map[uint32]time.Duration{}, untainted: map[uint32]time.Duration{}}
	r.store.Observe(log)
	r.silence(silent...)
	return r, log
}

// outageLog is when things happened to nodes and pods after an outage.
type outageLog struct {
	zero      sim.Time
	unknown   map[uint32]time.Duration
	tainted   map[uint32]time.Duration // NoExecute, the last time
	untainted map[uint32]time.Duration
	order     []time.Duration // of the NoExecute taints
	evicted   []time.Duration
	created   []time.Duration
	cancelled int
}

// Recorded implements store.Observer.
func (l *outageLog) Recorded(r *store.Record) {
	at := r.At.Sub(l.zero)
	if r.Verb == store.Noted {
		if strings.HasPrefix(r.Note.Message, "Cancelling deletion") {
			l.cancelled++
		}
		return
	}
	switch o := r.Object().(type) {
	case *model.Node:
		old, ok := r.Old.(*model.Node)
		if !ok {
			return
		}
		if o.Ready.Status == model.Unknown && old.Ready.Status != model.Unknown {
			l.unknown[o.ID] = at
		}
		had, has := len(executing(old)) > 0, len(executing(o)) > 0
		if has && !had {
			l.tainted[o.ID] = at
			l.order = append(l.order, at)
		}
		if had && !has {
			l.untainted[o.ID] = at
		}
	case *model.Pod:
		switch old, _ := r.Old.(*model.Pod); {
		case old == nil:
			l.created = append(l.created, at)
		case o.Deleting() && !old.Deleting():
			l.evicted = append(l.evicted, at)
		}
	}
}

// Source: pkg/controller/nodelifecycle/config/v1alpha1/defaults.go,
// node-monitor-grace-period 50 s and node-monitor-period 5 s: from the loss of
// power, the last renewal having been up to 10 s ago, 40 to 60 s.
func TestReadyIsUnknown40To60SecondsAfterPowerLoss(t *testing.T) {
	var sum time.Duration
	const seeds = 60
	late := 0
	for seed := range uint64(seeds) {
		r, log := outage(t, rigConfig{seed: seed}, []uint32{2})
		r.run(t, 75*time.Second)
		at := log.unknown[2]
		if at < 40*time.Second || at > 60*time.Second {
			t.Errorf("seed %d: after %v", seed, at)
		}
		sum += at
		switch lag := log.tainted[2] - at; {
		case lag >= 0 && lag <= 250*time.Millisecond:
		case lag > 10*time.Second && lag < 10500*time.Millisecond:
			late++ // the poll of the queue fell between the write and its arrival in the view
		default:
			t.Errorf("seed %d: NoExecute %v after Unknown", seed, lag)
		}
	}
	if late > seeds/20 {
		t.Errorf("the taint came late with %d of %d seeds", late, seeds)
	}
	if mean := sum / seeds; mean < 46*time.Second || mean > 50*time.Second {
		t.Errorf("mean %v", mean)
	}
}

// Source: pkg/controller/tainteviction, and the 300 s of the admission plugin
// DefaultTolerationSeconds.
func TestReplacementsComeAboutFiveMinutesAndThreeQuartersAfterPowerLoss(t *testing.T) {
	for seed := range uint64(10) {
		r, log := outage(t, rigConfig{seed: seed}, []uint32{2})
		r.run(t, 400*time.Second)
		if len(log.evicted) != 3 || len(log.created) != 3 {
			t.Fatalf("seed %d: %d evicted, %d created, want 3 and 3", seed, len(log.evicted), len(log.created))
		}
		for i, at := range log.created {
			if at < 340*time.Second || at > 361*time.Second {
				t.Errorf("seed %d: replacement %d after %v", seed, i, at)
			}
		}
	}
}

// Source: pkg/controller/tainteviction: removing the taints cancels scheduled
// deletions.
func TestANodeThatReturnsBeforeItsTolerationsEndLosesNoPod(t *testing.T) {
	for seed := range uint64(10) {
		r, log := outage(t, rigConfig{seed: seed}, []uint32{2})
		r.run(t, 330*time.Second)
		r.revive(2)
		r.run(t, 330*time.Second)
		if len(log.evicted)+len(log.created) != 0 {
			t.Errorf("seed %d: %d evicted, %d created", seed, len(log.evicted), len(log.created))
		}
		if log.cancelled != 3 {
			t.Errorf("seed %d: %d deletions cancelled, want 3", seed, log.cancelled)
		}
		if n := r.node(2); n.Ready.Status != model.True || len(n.Taints) != 0 {
			t.Errorf("seed %d: %+v", seed, n)
		}
		if back := log.untainted[2] - 330*time.Second; back <= 0 || back > 6*time.Second {
			t.Errorf("seed %d: untainted after %v", seed, back)
		}
		if n, ready := r.active(); n != 9 || ready != 9 {
			t.Errorf("seed %d: %d pods, %d ready", seed, n, ready)
		}
	}
}

// Source: pkg/controller/nodelifecycle node-eviction-rate 0.1 per zone.
func TestALostZoneOfTenIsTaintedOneNodeEachTenSeconds(t *testing.T) {
	for seed := range uint64(6) {
		r, log := outage(t, rigConfig{seed: seed, zones: []int{10, 10, 10}}, nodesFrom(11, 20))
		r.run(t, 200*time.Second)
		if len(log.order) != 10 {
			t.Fatalf("seed %d: %d nodes tainted", seed, len(log.order))
		}
		for i := 2; i < 10; i++ {
			if gap := log.order[i] - log.order[i-1]; gap < 10*time.Second || gap > 10200*time.Millisecond {
				t.Errorf("seed %d: gap %d is %v", seed, i, gap)
			}
		}
	}
}

// Source: node_lifecycle_controller.go ComputeZoneState and ReducedQPSFunc: a
// zone of which 55 % are not ready is partially disrupted; it evicts nothing if
// it has up to 50 nodes, and one node in 100 s if it has more.
func TestAPartiallyDisruptedZoneEvictsSlowlyOrNotAtAll(t *testing.T) {
	for _, c := range []struct{ size, lost, most int }{{40, 24, 2}, {60, 36, 8}} {
		r, log := outage(t, rigConfig{seed: 2, zones: []int{c.size, 5}}, nodesFrom(1, uint32(c.lost)))
		r.run(t, 10*time.Minute)
		if len(log.unknown) != c.lost {
			t.Fatalf("%d unknown", len(log.unknown))
		}
		if n := len(log.order); n > c.most || n == 0 {
			t.Errorf("%d of %d: %d nodes tainted, at most %d", c.lost, c.size, n, c.most)
		}
		if c.size > largeZone {
			// The first were tainted before the zone was found disrupted.
			for i := 3; i < len(log.order); i++ {
				if gap := log.order[i] - log.order[i-1]; gap < 99900*time.Millisecond || gap > 101*time.Second {
					t.Errorf("gap %d is %v", i, gap)
				}
			}
		}
	}
}

// Source: node_lifecycle_controller.go handleDisruption: "Controller detected
// that all Nodes are not-Ready. Entering master disruption mode."
func TestWhenAllZonesAreLostNothingIsEvicted(t *testing.T) {
	for seed := range uint64(5) {
		r, log := outage(t, rigConfig{seed: seed, zones: []int{5, 5, 5}}, nodesFrom(1, 15))
		r.run(t, 20*time.Minute)
		if len(log.unknown) != 15 || len(log.evicted) != 0 {
			t.Errorf("seed %d: %d unknown, %d evicted", seed, len(log.unknown), len(log.evicted))
		}
		for id := uint32(1); id <= 15; id++ {
			if len(executing(r.node(id))) > 0 {
				t.Errorf("seed %d: node %d still has a NoExecute taint", seed, id)
			}
		}
	}
}

func TestAControlPlaneCutOffFromEveryoneEvictsNothingOnHeal(t *testing.T) {
	for seed := range uint64(5) {
		r, log := outage(t, rigConfig{seed: seed, zones: []int{4, 4}}, nil)
		var sites []network.Site
		for _, n := range r.nodes[1:] {
			sites = append(sites, n.site)
		}
		cut := r.net.Impair(network.Impairment{From: sites, To: []network.Site{r.control}, Cut: true})
		r.run(t, 10*time.Minute)
		r.net.Lift(cut)
		luck := r.Luck().Stream("test/heal")
		for id := uint32(1); id <= 8; id++ {
			r.run(t, luck.Duration(0, 5*time.Second))
			r.player.ready(id)
		}
		r.run(t, 20*time.Minute)
		if len(log.unknown) != 8 || len(log.evicted) != 0 || len(log.created) != 0 {
			t.Errorf("seed %d: %d unknown, %d evicted, %d created", seed, len(log.unknown), len(log.evicted), len(log.created))
		}
		for id := uint32(1); id <= 8; id++ {
			if n := r.node(id); n.Ready.Status != model.True || len(n.Taints) > 0 {
				t.Errorf("seed %d: %s is %v with %v", seed, n.Name, n.Ready, n.Taints)
			}
		}
		if n, ready := r.active(); n != 24 || ready != 24 {
			t.Errorf("seed %d: %d pods, %d ready", seed, n, ready)
		}
	}
}

// Source: pkg/controller/util/node MarkPodsNotReady and
// pkg/controller/endpointslice: a kubelet that stops drains the endpoints of its
// node, though the containers serve.
func TestAStoppedKubeletDrainsItsEndpoints(t *testing.T) {
	r, log := outage(t, rigConfig{seed: 4}, []uint32{2})
	r.until(t, 70*time.Second, "unknown", func() bool { return len(log.unknown) == 1 })
	r.run(t, time.Second)
	ready, listed := 0, 0
	for _, s := range r.slices() {
		for _, e := range s.Endpoints {
			listed++
			if e.Ready {
				ready++
				if e.Node.String() == r.nodes[2].name {
					t.Errorf("%v is ready", e)
				}
			}
		}
	}
	if listed != 9 || ready != 6 {
		t.Errorf("%d endpoints, %d ready", listed, ready)
	}
}

// Source: doNoScheduleTaintingPass: cordon and conditions become NoSchedule
// taints with the next event of the node.
func TestNoScheduleTaintsFollowTheNodeAtOnce(t *testing.T) {
	r := newRig(t, rigConfig{seed: 1})
	r.run(t, time.Second)
	set := func(f func(*model.Node)) {
		n := *r.node(1)
		f(&n)
		r.user.client.Update(&n, 0)
		r.run(t, 200*time.Millisecond)
	}
	for _, c := range []struct {
		what string
		f    func(*model.Node)
		want string
	}{
		{"cordon", func(n *model.Node) { n.Unschedulable = true }, "[node.kubernetes.io/unschedulable:NoSchedule]"},
		{"not ready", func(n *model.Node) { n.Ready.Status = model.False }, "[node.kubernetes.io/unschedulable:NoSchedule node.kubernetes.io/not-ready:NoSchedule]"},
		{"uncordon", func(n *model.Node) { n.Unschedulable = false }, "[node.kubernetes.io/not-ready:NoSchedule]"},
		{"ready", func(n *model.Node) { n.Ready.Status = model.True }, "[]"},
	} {
		set(c.f)
		if got := fmt.Sprint(r.node(1).Taints); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

// Source: processTaintBaseEviction: the taints not-ready and unreachable exclude
// each other and are swapped at the next pass, without any rate limit.
func TestNoExecuteTaintsFollowTheConditionFromFalseToUnknown(t *testing.T) {
	r := newRig(t, rigConfig{seed: 3})
	r.run(t, 20*time.Second)
	n := *r.node(1)
	n.Ready = model.Condition{Status: model.False, SinceAt: r.Now(), Reason: "KubeletNotReady"}
	r.user.client.UpdateStatus(&n, 0)
	r.run(t, 6*time.Second)
	if got, want := fmt.Sprint(r.node(1).Taints), "[node.kubernetes.io/not-ready:NoSchedule node.kubernetes.io/not-ready:NoExecute]"; got != want {
		t.Errorf("not ready: %s, want %s", got, want)
	}
	r.silence(1)
	r.run(t, 70*time.Second)
	if got, want := fmt.Sprint(executing(r.node(1))), "[node.kubernetes.io/unreachable:NoExecute]"; got != want {
		t.Errorf("unknown: %s, want %s", got, want)
	}
	r.revive(1)
	r.run(t, 6*time.Second)
	if got := r.node(1).Taints; len(got) != 0 {
		t.Errorf("ready again: %v", got)
	}
}

// Source: pkg/controller/tainteviction processPodOnNode, getMinTolerationTime.
func TestPodsGoWhenTheirTolerationsEnd(t *testing.T) {
	taint := model.Taint{Key: "gone", Effect: model.NoExecute}
	tolerate := func(d time.Duration) []model.Toleration {
		return []model.Toleration{{Key: "gone", Exists: true, Effect: model.NoExecute, For: d}}
	}
	r := newRig(t, rigConfig{seed: 3, zones: []int{1}})
	for _, x := range []struct {
		name        string
		tolerations []model.Toleration
	}{{"none", nil}, {"forever", tolerate(model.Forever)}, {"minute", tolerate(time.Minute)}, {"zero", tolerate(0)}} {
		r.user.client.Create(&model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: x.name},
			Spec: &model.PodSpec{Tolerations: x.tolerations, GraceSeconds: 30}}, 0)
	}
	r.run(t, 5*time.Second)
	n := *r.node(1)
	n.Taints = model.WithTaint(n.Taints, taint)
	r.user.client.Update(&n, 0)
	names := func() string {
		var out []string
		for _, p := range r.podList() {
			if p.Active() {
				out = append(out, p.Name)
			} else if p.Disrupted.Status != model.True || p.Disrupted.Reason != "DeletionByTaintManager" {
				t.Errorf("%s: condition %+v", p.Name, p.Disrupted)
			}
		}
		slices.Sort(out)
		return fmt.Sprint(out)
	}
	r.run(t, 200*time.Millisecond)
	if got := names(); got != "[forever minute]" {
		t.Errorf("at once: %s are left", got)
	}
	r.run(t, 59*time.Second)
	if got := names(); got != "[forever minute]" {
		t.Errorf("after 59 s: %s are left", got)
	}
	r.run(t, time.Second)
	if got := names(); got != "[forever]" {
		t.Errorf("after a minute: %s are left", got)
	}
}

// Source: node_lifecycle_controller.go ComputeZoneState.
func TestZoneStates(t *testing.T) {
	for _, c := range []struct {
		ready, notReady int
		want            zoneState
	}{
		{10, 0, zoneNormal}, {0, 1, zoneFull}, {0, 10, zoneFull}, {1, 2, zoneNormal},
		{5, 5, zoneNormal}, {4, 5, zonePartial}, {9, 11, zonePartial}, {10, 11, zoneNormal}, {2, 3, zonePartial}, {1, 1, zoneNormal},
	} {
		if got := stateOf(c.ready, c.notReady); got != c.want {
			t.Errorf("%d ready, %d not: %v, want %v", c.ready, c.notReady, got, c.want)
		}
	}
}

// Source: scheduler/rate_limited_queue.go SwapLimiter.
func TestASwappedLimiterStartsEmptyIfTheOldOneWas(t *testing.T) {
	const s = sim.Time(time.Second)
	l := limiter{every: evictEvery}
	if !l.accept(0) || l.accept(9*s) {
		t.Fatal("the first token is there, the second after 10 s")
	}
	l.swap(9*s, evictEverySecondary) // empty: the new one is drained
	if l.accept(10*s) || l.fullAt != 109*s {
		t.Errorf("next token at %v, want 109 s", l.fullAt)
	}
	l.swap(20*s, 0)
	if l.accept(1000 * s) {
		t.Error("no rate, but a token")
	}
	l.swap(30*s, evictEvery) // from never: drained
	if l.accept(39*s) || !l.accept(40*s) {
		t.Error("the token comes 10 s after the swap")
	}
	l.swap(60*s, evictEverySecondary) // full: so is the new one
	if !l.accept(60 * s) {
		t.Error("a full bucket was replaced by an empty one")
	}
}

// Source: pkg/controller/podgc/gc_controller.go: pods of a node that is gone
// are deleted after a quarantine of 40 s, found by a pass each 20 s.
func TestPodsOfAMissingNodeAreDeletedAfterTheQuarantine(t *testing.T) {
	for seed := range uint64(10) {
		r, log := outage(t, rigConfig{seed: seed}, []uint32{2})
		r.user.client.Delete(r.node(2).Ref(), 0, 0)
		r.run(t, 39*time.Second)
		if len(log.created) > 0 {
			t.Errorf("seed %d: replaced within %v", seed, log.created[0])
		}
		r.run(t, 45*time.Second)
		if n, _ := r.active(); n != 9 || len(r.podList()) != 9 {
			t.Errorf("seed %d: %d pods of %d active", seed, len(r.podList()), n)
		}
	}
}

func TestTooManyEndedPodsAreDeletedOldestFirst(t *testing.T) {
	r := newRig(t, rigConfig{seed: 1})
	const n = terminatedMost + 5
	spec := &model.PodSpec{}
	for i := range n {
		p := &model.Pod{
			Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: fmt.Sprint("job-", i)}, Spec: spec,
			Phase: model.PodSucceeded, NodeID: 1, NodeName: r.nodes[1].name,
		}
		r.store.Create(r.user.id, p)
	}
	r.run(t, 25*time.Second)
	pods := r.podList()
	if len(pods) != terminatedMost || pods[0].Name != "job-2" { // 0, 1, 10, 100 and 1000 come first
		t.Errorf("%d left, the first is %s", len(pods), pods[0].Name)
	}
}

// literalTwin runs the same story with and without elision and compares the
// histories line by line.
func literalTwin(t *testing.T, story func(t *testing.T, c rigConfig) *rig) {
	for seed := range uint64(8) {
		fast, slow := story(t, rigConfig{seed: seed}), story(t, rigConfig{seed: seed, literal: true})
		a, b := fast.store.History(), slow.store.History()
		for i := range min(a.Len(), b.Len()) {
			if x, y := describe(fast, a.At(i)), describe(slow, b.At(i)); x != y {
				t.Fatalf("seed %d: record %d is\n%s\nin literal mode\n%s", seed, i, x, y)
			}
		}
		if a.Len() != b.Len() {
			t.Fatalf("seed %d: %d records, in literal mode %d", seed, a.Len(), b.Len())
		}
		if fast.Events() >= slow.Events() {
			t.Errorf("seed %d: %d events, in literal mode %d", seed, fast.Events(), slow.Events())
		}
	}
}

func describe(r *rig, rec *store.Record) string {
	s := fmt.Sprintf("%d %s %v", int64(rec.At), r.ActorName(rec.By), rec.Verb)
	if rec.Note != nil {
		n := *rec.Note
		n.About = nil // a place in memory
		return s + fmt.Sprintf(" %v %s %+v", rec.Note.Object(), rec.Note.Path(), n)
	}
	s += " " + rec.Object().Head().Path()
	for _, f := range model.Diff(rec.Old, rec.New) {
		s += fmt.Sprintf(" %+v", f)
	}
	return s
}

func TestLiteralModeMakesTheSameHistoryOfAZoneOutage(t *testing.T) {
	literalTwin(t, func(t *testing.T, c rigConfig) *rig {
		c.zones = []int{3, 3, 2}
		r, _ := outage(t, c, nodesFrom(4, 6))
		r.run(t, 200*time.Second)
		r.revive(4)
		r.run(t, 300*time.Second)
		return r
	})
}

func TestLiteralModeMakesTheSameHistoryWithALateWatch(t *testing.T) {
	literalTwin(t, func(t *testing.T, c rigConfig) *rig {
		c.zones = []int{3, 3}
		r, _ := outage(t, c, nodesFrom(2, 3))
		luck := r.Luck().Stream("test/late")
		r.run(t, luck.Duration(0, 40*time.Second))
		informers := func(c *store.Client) bool { return c == r.process.informers }
		nodes, late := func(k model.Kind) bool { return k == model.KindNode }, luck.Duration(6*time.Second, 30*time.Second)
		r.store.Delay(informers, nodes, late)
		r.run(t, time.Minute)
		r.revive(2)
		r.run(t, luck.Duration(0, time.Minute))
		r.store.Delay(informers, nodes, -late)
		r.run(t, 5*time.Minute)
		return r
	})
}

func TestLiteralModeMakesTheSameHistoryOfANewLeader(t *testing.T) {
	literalTwin(t, func(t *testing.T, c rigConfig) *rig {
		c.zones = []int{6, 4}
		r, _ := outage(t, c, nodesFrom(2, 4))
		luck := r.Luck().Stream("test/leader")
		for range 2 {
			r.run(t, luck.Duration(60*time.Second, 90*time.Second))
			r.process.Stop()
			r.run(t, luck.Duration(0, 20*time.Second))
			r.process.Start()
		}
		r.user.client.Delete(r.node(3).Ref(), 0, 0)
		r.revive(4)
		r.run(t, 8*time.Minute)
		return r
	})
}

func TestLiteralModeMakesTheSameHistoryOfRandomOutages(t *testing.T) {
	literalTwin(t, func(t *testing.T, c rigConfig) *rig {
		c.zones = []int{3, 2}
		r, _ := outage(t, c, nil)
		luck := r.Luck().Stream("test/silence")
		for range 12 {
			id := uint32(1 + luck.Below(5))
			if r.player.silent[id] {
				r.revive(id)
			} else {
				r.silence(id)
			}
			r.run(t, luck.Duration(0, 120*time.Second))
			recount(t, r)
		}
		if luck.Below(2) == 0 {
			r.user.client.Delete(r.node(5).Ref(), 0, 0)
		}
		r.run(t, 10*time.Minute)
		return r
	})
}

// Source: tryUpdateNodeHealth: of a node that is silent nothing is known, so the
// taints of pressures go, too.
func TestANodeThatFallsSilentUnderPressureIsNoLongerUnderPressure(t *testing.T) {
	r := newRig(t, rigConfig{seed: 1, zones: []int{2}})
	r.run(t, 10*time.Second)
	n := *r.node(1)
	n.MemoryPressure.Status = model.True
	r.store.Update(0, &n)
	r.run(t, 10*time.Second)
	if !model.HasTaint(r.node(1).Taints, model.TaintMemoryPressure, model.NoSchedule) {
		t.Fatalf("taints %v", r.node(1).Taints)
	}
	r.store.Leases().Stop(1)
	r.run(t, 2*time.Minute)
	if got := r.node(1); got.MemoryPressure.Status != model.Unknown || model.HasTaint(got.Taints, model.TaintMemoryPressure, model.NoSchedule) {
		t.Errorf("%v, taints %v", got.MemoryPressure, got.Taints)
	}
}

// Source: pkg/controller/nodelifecycle/node_lifecycle_controller.go
// doPodProcessingWorker, processPod: "podUpdateQueue.AddRateLimited".
func TestAPodBoundToALostNodeIsMarkedNotReadyEvenIfThatIsRefusedAtFirst(t *testing.T) {
	r := newRig(t, rigConfig{zones: []int{2, 2}})
	r.run(t, time.Minute)
	r.silence(1)
	r.run(t, 2*time.Minute)
	p := &model.Pod{
		Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: "late"}, Spec: &model.PodSpec{GraceSeconds: 30},
		Phase: model.PodRunning, Ready: model.Condition{Status: model.True}, NodeID: 1, NodeName: r.nodes[1].name,
	}
	r.store.Create(r.user.id, p)
	for range 50 { // somebody changes it all the time: what the controller has seen is always older
		r.run(t, time.Millisecond)
		next := *r.store.Lookup(model.KindPod, "default", "late").(*model.Pod)
		next.Labels = model.MakeLabels(map[string]string{"at": r.Now().String()})
		r.store.Update(r.user.id, &next)
	}
	if r.store.Lookup(model.KindPod, "default", "late").(*model.Pod).Ready.Status != model.True {
		t.Fatal("the first write was not refused: this shows nothing")
	}
	r.run(t, 10*time.Second)
	if got := r.store.Lookup(model.KindPod, "default", "late").(*model.Pod); got.Ready.Status != model.False {
		t.Errorf("Ready is %v", got.Ready.Status)
	}
	said := 0
	for _, n := range r.told("NodeNotReady") {
		said += one(n.Object().Kind == model.KindPod)
	}
	if said < 2 { // with each try
		t.Errorf("%d Events", said)
	}
}

// Source: gc_controller.go markFailedAndDeletePodWithCondition: only of a pod that has not
// ended anything is written.
func TestAPodThatEndedIsCollectedWithoutAWriteBefore(t *testing.T) {
	p := &model.Pod{Phase: model.PodFailed}
	if got := (failed{1, true}).Apply(p); got != model.Object(p) {
		t.Error("a failed pod is written again")
	}
	p = &model.Pod{Phase: model.PodRunning, Ready: model.Condition{Status: model.True}}
	for _, orphaned := range []bool{false, true} {
		got := (failed{1, orphaned}).Apply(p).(*model.Pod)
		if got.Phase != model.PodFailed || got.IsReady() || (got.Disrupted.Reason == "DeletionByPodGC") != orphaned {
			t.Errorf("%+v", got)
		}
	}
}

// Source: gc_controller.go gcUnscheduledTerminating: a pod that nobody has bound and that a
// finalizer keeps has failed.
func TestAPodThatIsDeletedBeforeItIsBoundFails(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.player.paused = true
	p := &model.Pod{
		Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: "kept"}, Spec: &model.PodSpec{}, Finalizers: model.MakeFinalizers([]string{"example.com/keep"}),
	}
	r.store.Create(r.user.id, p)
	r.run(t, time.Second)
	r.user.client.Delete(p.Ref(), -1, 0)
	r.run(t, 25*time.Second)
	if got := r.store.Get(p.Ref()).(*model.Pod); got.Phase != model.PodFailed || !got.Deleting() {
		t.Errorf("%+v", got)
	}
}

// Source: node_lifecycle_controller.go monitorNodeHealth: "for i := range added", of which
// to a new process all nodes are, markNodeAsReachable. What the process before it has
// tainted waits for its turn once more, and with it the evictions.
func TestANewLeaderTakesNoExecuteTaintsOffAndGivesThemAgainInTheirTurn(t *testing.T) {
	for seed := range uint64(5) {
		r, log := outage(t, rigConfig{seed: seed, zones: []int{10}}, nodesFrom(1, 4))
		r.until(t, 2*time.Minute, "all tainted", func() bool { return len(log.tainted) == 4 })
		r.process.Stop()
		r.run(t, 20*time.Second)
		log.order = nil
		began := r.Now().Sub(log.zero)
		r.process.Start()
		r.run(t, 50*time.Second)
		if len(log.untainted) != 4 || log.cancelled != 12 {
			t.Errorf("seed %d: %d nodes untainted, %d deletions cancelled", seed, len(log.untainted), log.cancelled)
		}
		if len(log.order) != 4 {
			t.Fatalf("seed %d: %d tainted again", seed, len(log.order))
		}
		for i := range log.order {
			if i > 0 && log.order[i]-log.order[i-1] < 10*time.Second {
				t.Errorf("seed %d: tainted again at %v", seed, log.order)
			}
		}
		r.run(t, 300*time.Second)
		if len(log.evicted) != 12 || log.evicted[0] < began+300*time.Second {
			t.Errorf("seed %d: %d evicted, the first %v after the start", seed, len(log.evicted), log.evicted[0]-began)
		}
	}
}

// Source: as above, and ReducedQPSFunc: in a zone that is partially disrupted, and small, the
// turns never come: only what is tainted before the first pass is over keeps its taint.
func TestANewLeaderOfASmallDisruptedZoneEvictsHardlyAnything(t *testing.T) {
	r, log := outage(t, rigConfig{seed: 1, zones: []int{10}}, nodesFrom(1, 4))
	r.until(t, 2*time.Minute, "all tainted", func() bool { return len(log.tainted) == 4 })
	r.silence(5, 6)
	r.until(t, 70*time.Second, "six lost", func() bool { return len(log.unknown) == 6 })
	r.process.Stop()
	r.run(t, 20*time.Second)
	r.process.Start()
	r.run(t, 10*time.Minute)
	tainted := 0
	for id := uint32(1); id <= 6; id++ {
		tainted += one(len(executing(r.node(id))) > 0)
	}
	if tainted > 1 || len(log.evicted) > 3 {
		t.Errorf("%d nodes tainted, %d pods evicted", tainted, len(log.evicted))
	}
}

// Source: node_lifecycle_controller.go Run, wait.UntilWithContext: the first pass is at once,
// and so of a node that a new leader finds silent nobody says so for 50 s and no longer.
func TestTheFirstPassOfANewLeaderIsAtOnce(t *testing.T) {
	for seed := range uint64(5) {
		r, log := outage(t, rigConfig{seed: seed}, []uint32{2})
		r.process.Stop()
		r.run(t, 20*time.Second)
		r.process.Start()
		began := r.Now().Sub(log.zero)
		r.run(t, time.Minute)
		if at := log.unknown[2] - began; at < monitorGrace || at > monitorGrace+200*time.Millisecond {
			t.Errorf("seed %d: unknown %v after the start", seed, at)
		}
	}
}

// Source: rate_limited_queue.go Try, and doNoExecuteTaintingPass "Node no longer present in
// nodeLister": nobody takes a node that is deleted out of the queue, so its turn is lost.
func TestANodeThatIsDeletedInTheQueueCostsATurn(t *testing.T) {
	for seed := range uint64(5) {
		r, log := outage(t, rigConfig{seed: seed, zones: []int{20}}, nodesFrom(1, 6))
		r.until(t, 2*time.Minute, "all lost", func() bool { return len(log.unknown) == 6 && len(log.order) > 0 })
		r.run(t, time.Second)
		before, deleted := len(log.order), 0
		for id := uint32(1); deleted < 2; id++ {
			if log.tainted[id] == 0 {
				r.user.client.Delete(r.node(id).Ref(), 0, 0)
				deleted++
			}
		}
		r.run(t, 40*time.Second)
		if len(log.order) <= before || log.order[before]-log.order[before-1] < 29*time.Second { // the first write may be late
			t.Errorf("seed %d: %d tainted before two of them were deleted, at %v", seed, before, log.order)
		}
		if gone, fresh := r.notes("RemovingNode"), r.notes("RegisteredNode"); gone != 2 || fresh != 20 {
			t.Errorf("seed %d: Events of %d nodes that are gone, and of %d that are new", seed, gone, fresh)
		}
	}
}

// Source: tainteviction/timed_workers.go getWrappedWorkerFunc: a worker that has deleted its pod
// is gone, so when the taints change again while the pod still ends it is deleted once more.
func TestAPodThatStaysIsMarkedForDeletionAgainWhenTheTaintsChange(t *testing.T) {
	r, log := outage(t, rigConfig{seed: 3}, []uint32{2})
	r.run(t, 400*time.Second)
	if n := r.notes("TaintManagerEviction"); n != 3 || len(log.evicted) != 3 {
		t.Fatalf("%d Events, %d evicted", n, len(log.evicted))
	}
	n := *r.node(2)
	n.Taints = model.WithTaint(n.Taints, model.Taint{Key: "gone", Effect: model.NoExecute})
	r.user.client.Update(&n, 0)
	r.run(t, time.Second)
	if n := r.notes("TaintManagerEviction"); n != 6 || len(log.evicted) != 3 {
		t.Errorf("%d Events, %d evicted", n, len(log.evicted))
	}
}

// Source: node_lifecycle_controller.go updateNodeFunc, which reads a node anew whose status it cannot write:
// what it wrote itself it does not forget while its watch is late, and judges the zone by that.
func TestANodeStaysUnknownToAControllerWhoseWatchIsLate(t *testing.T) {
	r, log := outage(t, rigConfig{seed: 1, zones: []int{1, 2}}, nil)
	r.store.Delay(func(c *store.Client) bool { return c == r.process.informers }, func(k model.Kind) bool { return k == model.KindNode }, 30*time.Second)
	r.silence(1)
	r.until(t, 70*time.Second, "unknown", func() bool { return log.unknown[1] > 0 })
	for range 25 {
		r.run(t, time.Second)
		for _, l := range r.process.loops {
			if c, ok := l.controller.(*nodeLifecycle); ok && c.health.Row(1).zone.state != zoneFull {
				t.Fatalf("%v after it was found silent its zone is %v", r.Now().Sub(log.zero)-log.unknown[1], c.health.Row(1).zone.state)
			}
		}
	}
}
