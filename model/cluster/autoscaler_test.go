package cluster_test

import (
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/autoscaler"
	"orrery/model/cloud"
	"orrery/model/cluster"
	"orrery/model/fault"
	"orrery/model/store"
	"orrery/model/workload"
	"orrery/report"
	"orrery/sim"
)

// scaled is a shop of pods of 1 CPU on groups of a cloud, with an autoscaler.
func scaled(seed uint64, replicas int, groups []cloud.Group, faults ...fault.Spec) cluster.Config {
	c := rented(seed, cloud.Config{Groups: groups}, faults...)
	c.Autoscaler = &autoscaler.Config{}
	c.Duration = 40 * time.Minute
	c.Objects = []model.Object{large(replicas)}
	c.Traffic = nil
	return c
}

// large is a Deployment of pods that ask for 1 CPU and 1 GiB each.
func large(replicas int) *model.Deployment {
	d := *deployments(replicas)[0].(*model.Deployment)
	t := *d.Template
	s := *t.Spec
	s.Containers = append([]model.Container(nil), s.Containers...)
	s.Containers[0].Requests = model.Resources{CPUMilli: 1000, MemoryBytes: 1 << 30}
	s.SumRequests()
	t.Spec = &s
	d.Template = &t
	return &d
}

func machines(name string, least, most, start int, more ...func(*cloud.Group)) cloud.Group {
	g := cloud.Group{
		Name: name, Min: least, Max: most, Start: start, Provision: sim.Uniform(30*time.Second, 60*time.Second),
		Size: model.Resources{CPUMilli: 4000, MemoryBytes: 16 << 30, Pods: 110},
	}
	for _, f := range more {
		f(&g)
	}
	return g
}

func to(at time.Duration, replicas int32) workload.Action {
	return workload.Action{At: sim.Time(at), Do: "scale", Kind: model.KindDeployment, Namespace: "default", Name: "app-000", Replicas: replicas}
}

// nodesAt is how many nodes there are at a moment.
func nodesAt(h *store.History, at time.Duration) (n int) {
	for i := range h.Len() {
		r := h.At(i)
		if r.At > sim.Time(at) {
			break
		}
		if _, ok := r.Object().(*model.Node); ok && r.Verb == store.Created {
			n++
		} else if ok && r.Verb == store.Deleted {
			n--
		}
	}
	return n
}

// notesOf is when a reason was given, and about what.
func notesOf(h *store.History, reason string) (at []sim.Time, about, message []string) {
	for i := range h.Len() {
		if r := h.At(i); r.Note != nil && r.Note.Reason == reason {
			at, about, message = append(at, r.At), append(about, r.Note.Path()), append(message, r.Note.Message)
		}
	}
	return at, about, message
}

// Source: core/scaleup/orchestrator (one group a loop), estimator/binpacking: 12
// pods of a quarter of a node need three nodes; upcoming nodes count in the next
// loops; the reaction is a loop of at most 10 s and a call.
func TestPodsThatFitNowhereGetAsManyNodesAsTheyNeedOnce(t *testing.T) {
	for seed := range uint64(20) {
		c := scaled(seed+1, 8, []cloud.Group{machines("web", 2, 10, 2)})
		c.Actions = []workload.Action{to(5*time.Minute, 20)}
		h := whole(t, c)
		at, _, _ := notesOf(h, autoscaler.ReasonScaledUp)
		if len(at) != 1 || at[0].Sub(sim.Time(5*time.Minute)) > 15*time.Second {
			t.Errorf("seed %d: scaled up at %v", seed+1, at)
		}
		if n := nodesAt(h, 8*time.Minute); n != 5 {
			t.Errorf("seed %d: %d nodes", seed+1, n)
		}
		if at, _, _ := notesOf(h, "TriggeredScaleUp"); len(at) != 12 {
			t.Errorf("seed %d: %d pods were told", seed+1, len(at))
		}
	}
}

// Source: processors/status/eventing_scale_up_processor.go; max size.
func TestAPodThatNoGroupWouldHelpIsToldWhy(t *testing.T) {
	c := scaled(1, 9, []cloud.Group{machines("full", 2, 2, 2), machines("small", 0, 4, 0, func(g *cloud.Group) { g.Size.CPUMilli = 500 })})
	h := whole(t, c)
	_, _, said := notesOf(h, "NotTriggerScaleUp")
	if len(said) != 1 || said[0] != "pod didn't trigger scale-up: 1 Insufficient cpu, 1 max node group size reached" {
		t.Errorf("%q", said)
	}
}

// Source: config/flags/flags.go: scale-down-unneeded-time 10 min,
// scale-down-utilization-threshold 0.5, max-drain-parallelism 1; min size.
func TestNodesBelowHalfTheirRequestsAreDrainedOneAtATimeAfterTenMinutes(t *testing.T) {
	c := scaled(1, 16, []cloud.Group{machines("web", 1, 8, 4)})
	c.Actions = []workload.Action{to(5*time.Minute, 4)}
	h := whole(t, c)
	at, about, _ := notesOf(h, "ScaleDown")
	var began []sim.Time
	for i := range at {
		if strings.HasPrefix(about[i], "node/") {
			began = append(began, at[i])
		}
	}
	if len(began) == 0 || began[0] < sim.Time(15*time.Minute) || began[0] > sim.Time(15*time.Minute+12*time.Second) {
		t.Fatalf("the first node was marked at %v", began)
	}
	if n := nodesAt(h, 15*time.Minute); n != 4 {
		t.Errorf("%d nodes before the time was over", n)
	}
	if n := nodesAt(h, 40*time.Minute); n != 1 {
		t.Errorf("%d nodes at the end, one is needed", n)
	}
	draining := 0 // nodes marked and with pods of the Deployment
	marked := map[uint32]bool{}
	on := map[uint32]int{}
	for i := range h.Len() {
		switch o := h.At(i).Object().(type) {
		case *model.Node:
			marked[o.ID] = h.At(i).New != nil && model.HasTaint(o.Taints, "ToBeDeletedByClusterAutoscaler", model.NoSchedule)
		case *model.Pod:
			if old, _ := h.At(i).Old.(*model.Pod); o.NodeID != 0 && (old == nil || old.NodeID == 0) {
				on[o.NodeID]++
			} else if h.At(i).New == nil {
				on[o.NodeID]--
			}
		}
		n := 0
		for id, m := range marked {
			if m && on[id] > 0 {
				n++
			}
		}
		draining = max(draining, n)
	}
	if draining > 1 {
		t.Errorf("%d nodes were drained at a time", draining)
	}
}

// Source: simulator/drainability/rules: pdb, replicated, system.
func TestNodesStayWhosePodsMayNotBeMoved(t *testing.T) {
	selector := large(1).Selector
	bare := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: "bare"}, Spec: large(1).Template.Spec}
	system := large(1)
	system.Namespace = model.NamespaceSystem
	for _, x := range []struct {
		name    string
		objects []model.Object
		nodes   int
	}{
		{"free to go", []model.Object{large(2)}, 1},
		{"no controller", []model.Object{bare}, 1},
		{"kube-system", []model.Object{system}, 1},
		{"kept by a budget", []model.Object{large(2), &model.PodDisruptionBudget{
			Meta:     model.Meta{Kind: model.KindPodDisruptionBudget, Namespace: "default", Name: "web"},
			Selector: selector, MinAvailable: &model.CountOrPercent{Value: 2},
		}}, 2},
	} {
		c := scaled(1, 1, []cloud.Group{machines("web", 0, 8, 4)})
		c.Objects = x.objects
		if n := nodesAt(whole(t, c), 40*time.Minute); n != x.nodes {
			t.Errorf("%s: %d nodes at the end, want %d", x.name, n, x.nodes)
		}
	}
}

// Source: utils/backoff/exponential_backoff.go with the flags
// initial-node-group-backoff-duration 5 min, max 30 min.
func TestAGroupThatFailsIsLeftAloneFor5Then10Then20Then30Minutes(t *testing.T) {
	c := scaled(1, 12, []cloud.Group{machines("web", 2, 10, 2)}, fault.Spec{ID: "ice", Fault: "out-of-capacity", At: 0})
	c.Duration = 100 * time.Minute
	h := whole(t, c)
	at, _, _ := notesOf(h, "FailedToScaleUpGroup")
	if len(at) < 5 {
		t.Fatalf("failed at %v", at)
	}
	for i, want := range []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute} {
		if d := at[i+1].Sub(at[i]); d < want || d > want+15*time.Second {
			t.Errorf("failure %d came %v after the one before, want %v and a look", i+2, d, want)
		}
	}
}

// Source: max-node-provision-time 15 min (clusterstate.go updateScaleRequests,
// static_autoscaler.go removeOldUnregisteredNodes).
func TestAMachineThatIsNoNodeAfterFifteenMinutesIsRemovedAndItsGroupBacksOff(t *testing.T) {
	c := scaled(1, 12, []cloud.Group{machines("web", 2, 10, 2)}, fault.Spec{ID: "slow", Fault: "slow-boot", At: 0, For: 10 * time.Minute, Boot: sim.Constant(25 * time.Minute)})
	h := whole(t, c)
	up, _, _ := notesOf(h, autoscaler.ReasonScaledUp)
	gone, _, _ := notesOf(h, "DeleteUnregistered")
	late, _, _ := notesOf(h, "ScaleUpTimedOut")
	if len(gone) != 1 || len(late) != 1 || len(up) != 2 {
		t.Fatalf("up %v, removed %v, timed out %v", up, gone, late)
	}
	for _, at := range []sim.Time{gone[0], late[0]} {
		if d := at.Sub(up[0]); d < 15*time.Minute-5*time.Second || d > 15*time.Minute+30*time.Second {
			t.Errorf("given up after %v", d)
		}
	}
	if d := up[1].Sub(late[0]); d < 5*time.Minute || d > 5*time.Minute+15*time.Second {
		t.Errorf("tried again %v later", d)
	}
}

// Source: max-total-unready-percentage 45, ok-total-unready-count 3: a cluster of
// which so much is not ready is left alone.
func TestNothingIsScaledWhileMostNodesAreNotReady(t *testing.T) {
	for _, x := range []struct{ down, ups int }{{4, 0}, {3, 1}} {
		c := scaled(1, 8, []cloud.Group{machines("web", 8, 20, 8)},
			fault.Spec{ID: "dark", Fault: "node-down", At: sim.Time(20 * time.Minute), Target: fault.Target{Count: x.down}})
		c.Actions = []workload.Action{to(22*time.Minute, 30)}
		c.Duration = 26 * time.Minute
		if at, _, _ := notesOf(whole(t, c), autoscaler.ReasonScaledUp); min(len(at), 1) != x.ups {
			t.Errorf("%d of 8 nodes down: scaled up at %v", x.down, at)
		}
	}
}

// Source: expander/priority: the highest first, the next when that one fails.
func TestThePriorityExpanderFallsBackToAnotherGroup(t *testing.T) {
	c := scaled(1, 12, []cloud.Group{
		machines("first", 2, 10, 2, func(g *cloud.Group) { g.Priority = 2 }),
		machines("second", 0, 10, 0, func(g *cloud.Group) { g.Priority = 1 }),
	}, fault.Spec{ID: "ice", Fault: "out-of-capacity", At: 0, Group: "first"})
	c.Autoscaler.Expander = autoscaler.Priority
	h := whole(t, c)
	_, about, _ := notesOf(h, autoscaler.ReasonScaledUp)
	if len(about) < 2 || about[0] != "nodegroup/first" || about[1] != "nodegroup/second" || nodesAt(h, 5*time.Minute) != 3 {
		t.Errorf("scaled up %v", about)
	}
}

// Whoever is refused by the provider asks again; what was asked for comes when it
// answers again, and nothing before.
func TestNothingIsScaledWhileTheCloudRefusesCalls(t *testing.T) {
	until := sim.Time(20 * time.Minute)
	c := scaled(1, 8, []cloud.Group{machines("web", 2, 10, 2)},
		fault.Spec{ID: "api", Fault: "cloud-api-throttled", At: sim.Time(4 * time.Minute), For: 16 * time.Minute, Errors: 1_000_000})
	c.Actions = []workload.Action{to(5*time.Minute, 20)}
	h := whole(t, c)
	at, _, _ := notesOf(h, autoscaler.ReasonScaledUp)
	if len(at) != 1 || at[0] < until || at[0].Sub(until) > 15*time.Second {
		t.Errorf("scaled up at %v", at)
	}
	if n := nodesAt(h, 25*time.Minute); n != 5 {
		t.Errorf("%d nodes after it", n)
	}
}

// A cluster in which nothing happens costs an autoscaler nothing, although some of
// its nodes are not needed and may not go.
func TestAnIdleClusterCostsTheAutoscalerNothing(t *testing.T) {
	c := scaled(1, 8, []cloud.Group{machines("web", 4, 10, 4)})
	x := built(t, c)
	if err := x.Run(sim.Time(time.Hour)); err != nil {
		t.Fatal(err)
	}
	before := x.Kernel.Events()
	if err := x.Run(sim.Time(48 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n := x.Kernel.Events() - before; n != 0 {
		t.Errorf("%d events in two days", n)
	}
}

// Looks are left out only where they find nothing.
func TestTheAutoscalerIsExactWithEveryTickAnEvent(t *testing.T) {
	for seed := range uint64(12) {
		c := scaled(seed+1, 8, []cloud.Group{
			machines("web", 2, 6, 3, func(g *cloud.Group) { g.Zones = []string{"a", "b"} }),
			machines("big", 0, 3, 0, func(g *cloud.Group) { g.Size.CPUMilli = 8000 }),
		},
			fault.Spec{ID: "ice", Fault: "out-of-capacity", At: sim.Time(4 * time.Minute), For: 9 * time.Minute, Group: "web"},
			fault.Spec{ID: "api", Fault: "cloud-api-throttled", At: sim.Time(12 * time.Minute), For: 12 * time.Minute, Errors: 400_000},
			fault.Spec{ID: "spot", Fault: "spot-reclaim", At: sim.Time(20 * time.Minute), Notice: 30 * time.Second, Target: fault.Target{Count: 1}},
			fault.Spec{ID: "slow", Fault: "slow-boot", At: sim.Time(30 * time.Minute), For: 10 * time.Minute, Boot: sim.Uniform(10*time.Minute, 20*time.Minute)})
		c.Duration = 90 * time.Minute
		luck := sim.NewLuck(seed).Stream("replicas")
		for at := 3 * time.Minute; at < 80*time.Minute; at += luck.Duration(time.Minute, 20*time.Minute) {
			c.Actions = append(c.Actions, to(at, int32(4+luck.Below(24))))
		}
		a := whole(t, c)
		c.Literal = true
		if d, differ := report.FirstDifference(a, whole(t, c)); differ {
			t.Errorf("seed %d, every tick an event: record %d at %v differs:\n%s\n%s\nafter\n%v", seed+1, d.Index, d.At, d.A, d.B, d.Before)
		}
	}
}
