package cluster_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/fault"
	"orrery/model/store"
	"orrery/model/workload"
	"orrery/sim"
)

// lossAt is when the faults of these tests begin, long after everything is up.
const lossAt = sim.Time(5 * time.Minute)

// shop is a cluster of nodes in three zones with one Deployment behind a
// Service, sent requests from outside.
func shop(seed uint64, nodeCount, replicas int, faults ...fault.Spec) cluster.Config {
	d := deployments(replicas)[0].(*model.Deployment)
	return cluster.Config{
		Seed: seed, Duration: 30 * time.Minute, Nodes: nodes(nodeCount), Faults: faults,
		Objects: []model.Object{d, &model.Service{
			Meta:     model.Meta{Kind: model.KindService, Namespace: "default", Name: "web"},
			Selector: d.Selector, Ports: 1,
		}},
		Traffic: []workload.Traffic{{Namespace: "default", Service: "web", Rate: workload.Constant(1_000_000), From: "ingress"}},
	}
}

// story is what happened in a run, as far as these tests ask.
type story struct {
	unknown  map[string]sim.Time // node -> first Ready=Unknown
	tainted  map[string]sim.Time // node -> unreachable:NoExecute
	deleting []sim.Time          // pods asked to go after lossAt
	created  []sim.Time          // pods created after lossAt
	gone     []sim.Time          // endpoints that stopped being ready after lossAt
	served   []model.Traffic
	servedAt []sim.Time
}

func tell(t *testing.T, c cluster.Config) *story {
	t.Helper()
	x := built(t, c)
	if err := x.Run(sim.Time(c.Duration)); err != nil {
		t.Fatal(err)
	}
	s := &story{unknown: map[string]sim.Time{}, tainted: map[string]sim.Time{}}
	h := x.Store.History()
	for i := range h.Len() {
		r := h.At(i)
		if r.Note != nil && r.Note.Traffic != nil {
			s.served, s.servedAt = append(s.served, *r.Note.Traffic), append(s.servedAt, r.At)
		}
		if r.At < lossAt || r.Verb == store.Noted {
			continue
		}
		s.change(r)
	}
	return s
}

func (s *story) change(r *store.Record) {
	switch now := r.Object().(type) {
	case *model.Node:
		old, _ := r.Old.(*model.Node)
		if now.Ready.Status == model.Unknown && old.Ready.Status != model.Unknown {
			s.unknown[now.Name] = r.At
		}
		if model.HasTaint(now.Taints, model.TaintUnreachable, model.NoExecute) && !model.HasTaint(old.Taints, model.TaintUnreachable, model.NoExecute) {
			s.tainted[now.Name] = r.At
		}
	case *model.Pod:
		old, _ := r.Old.(*model.Pod)
		if r.Verb == store.Created {
			s.created = append(s.created, r.At)
		}
		if old != nil && !old.Deleting() && now.Deleting() {
			s.deleting = append(s.deleting, r.At)
		}
	case *model.EndpointSlice:
		if old, ok := r.Old.(*model.EndpointSlice); ok && readyEndpoints(now) < readyEndpoints(old) {
			s.gone = append(s.gone, r.At)
		}
	}
}

func readyEndpoints(e *model.EndpointSlice) (n int) {
	for i := range e.Endpoints {
		if e.Endpoints[i].Ready {
			n++
		}
	}
	return n
}

func powerLoss(names ...string) fault.Spec {
	return fault.Spec{ID: "loss", Fault: "node-down", At: lossAt, Target: fault.Target{Names: names}}
}

// Source: pkg/controller/nodelifecycle/node_lifecycle_controller.go (monitor
// period 5 s, grace 50 s), pkg/kubelet/kubelet.go (lease every 10 s), the
// default tolerations of 300 s in plugin/pkg/admission/defaulttolerationseconds.
// The mean follows from them: the last renewal is 5.1 s old (half of 10.2 s), a
// pass sees it 2.5 s after it was made, and the tenth pass from there comes more
// than 50 s later, as 5 s go from the end of each pass to the next: 47.4 s and
// ten times what a pass takes.
func TestAfterPowerLossUnknownIn40To60SecondsAndReplacementsIn340To360(t *testing.T) {
	const seeds = 200
	var sum time.Duration
	lateSeeds := 0
	for seed := range uint64(seeds) {
		s := tell(t, shop(seed+1, 6, 12, powerLoss("n-1")))
		at, ok := s.unknown["n-1"]
		if !ok || len(s.unknown) != 1 {
			t.Fatalf("seed %d: unknown %v", seed, s.unknown)
		}
		after := at.Sub(lossAt)
		sum += after
		// A renewal may be 10.4 s old when the power goes, so 39.6 s is possible.
		if after < 39_600*time.Millisecond || after > 60*time.Second {
			t.Errorf("seed %d: Unknown %v after the loss", seed, after)
		}
		// Once in a while the poll of the eviction queue falls between the
		// write of Unknown and its arrival in the controller's own view; the
		// node then waits for the next token, as it does in Kubernetes.
		late := time.Duration(0)
		if s.tainted["n-1"].Sub(at) > time.Second {
			late = 11 * time.Second
			lateSeeds++
		}
		if len(s.gone) == 0 || s.gone[0].Sub(at) > time.Second {
			t.Errorf("seed %d: endpoints gone at %v, Unknown at %v", seed, s.gone, at)
		}
		if len(s.created) == 0 || len(s.created) != len(s.deleting) {
			t.Fatalf("seed %d: %d replacements for %d pods", seed, len(s.created), len(s.deleting))
		}
		for _, c := range s.created {
			if d := c.Sub(lossAt); d < 339*time.Second || d > 360*time.Second+late {
				t.Errorf("seed %d: replacement %v after the loss", seed, d)
			}
		}
	}
	if lateSeeds > seeds/20 {
		t.Errorf("the taint came late with %d of %d seeds", lateSeeds, seeds)
	}
	if mean := sum / seeds; mean < 46700*time.Millisecond || mean > 48200*time.Millisecond {
		t.Errorf("Unknown %v after the loss on average over %d seeds, want about 47.4 s", mean, seeds)
	} else {
		t.Logf("Unknown %v after the loss on average over %d seeds", mean, seeds)
	}
}

// Source: pkg/controller/tainteviction/taint_eviction.go: removing the taints
// cancels the deletion.
func TestANodeThatReturnsInTimeKeepsItsPods(t *testing.T) {
	for seed := range uint64(20) {
		f := powerLoss("n-1")
		f.For = 4 * time.Minute
		s := tell(t, shop(seed+1, 6, 12, f))
		if len(s.unknown) != 1 || len(s.created) != 0 || len(s.deleting) != 0 {
			t.Errorf("seed %d: %d nodes unknown, %d pods replaced, %d deleted", seed, len(s.unknown), len(s.created), len(s.deleting))
		}
	}
}

// Source: k8s.io/endpointslice/utils.go: ready follows the pod's condition,
// which the node controller sets False, whatever the containers do.
func TestAStoppedKubeletDrainsEndpointsThoughContainersServe(t *testing.T) {
	f := fault.Spec{ID: "stop", Fault: "kubelet-stop", At: lossAt, For: 3 * time.Minute, Target: fault.Target{Names: []string{"n-1"}}}
	s := tell(t, shop(1, 6, 12, f))
	if len(s.unknown) != 1 || len(s.gone) != 2 {
		t.Fatalf("%d nodes unknown, %d endpoints gone, want both pods of the one node", len(s.unknown), len(s.gone))
	}
	for i, at := range s.servedAt {
		if at > lossAt && s.served[i].ServedMilliRPS != s.served[i].OfferedMilliRPS {
			t.Errorf("%v: %d of %d served, though every container serves", at, s.served[i].ServedMilliRPS, s.served[i].OfferedMilliRPS)
		}
	}
	if len(s.created) != 0 {
		t.Error("pods were replaced within the toleration")
	}
}

// Source: handleDisruption in node_lifecycle_controller.go: a zone without any
// ready node is evicted at 0.1 nodes a second.
func TestALostZoneOfTenNodesIsEvictedOneNodePerTenSeconds(t *testing.T) {
	f := fault.Spec{ID: "zone", Fault: "node-down", At: lossAt, Target: fault.Target{Zone: "b"}}
	s := tell(t, shop(3, 30, 60, f))
	if len(s.tainted) != 10 {
		t.Fatalf("%d nodes tainted, want 10", len(s.tainted))
	}
	tainted := slices.Sorted(maps.Values(s.tainted))
	for i := 1; i < len(tainted); i++ {
		// The queue is polled every 100 ms. The second waits for up to 10 s more:
		// while the zone was partially disrupted, nobody had a turn, and its rate
		// limiter starts anew when it is fully disrupted.
		most := 10200 * time.Millisecond
		if i == 1 {
			most += 10 * time.Second
		}
		if gap := tainted[i].Sub(tainted[i-1]); gap < 9900*time.Millisecond || gap > most {
			t.Errorf("node %d was tainted %v after the one before it", i+1, gap)
		}
	}
	if len(s.deleting) != 20 || len(s.created) != 20 {
		t.Fatalf("%d pods deleted and %d created, want 20", len(s.deleting), len(s.created))
	}
	for i, at := range s.deleting {
		// Two pods a node, 300 s after its taint.
		if d := at.Sub(tainted[i/2]); d < 300*time.Second || d > 301*time.Second {
			t.Errorf("pod %d went %v after the taint of its node", i+1, d)
		}
	}
}

// Source: handleDisruption: all zones in full disruption stop every eviction.
func TestWhenAllZonesAreLostNothingIsEvicted(t *testing.T) {
	f := fault.Spec{ID: "all", Fault: "node-down", At: lossAt, For: 15 * time.Minute, Target: fault.Target{PercentPPM: 1_000_000}}
	s := tell(t, shop(1, 9, 18, f))
	if len(s.unknown) != 9 || len(s.deleting) != 0 || len(s.created) != 0 {
		t.Errorf("%d nodes unknown, %d pods deleted, %d created", len(s.unknown), len(s.deleting), len(s.created))
	}
}

// Source: handleDisruption, leaving master disruption: every node gets a new
// grace period.
func TestAControlPlaneCutOffFromEveryoneEvictsNothingOnHeal(t *testing.T) {
	for seed := range uint64(100) {
		f := fault.Spec{ID: "cut", Fault: "partition", At: lossAt, For: 12 * time.Minute, Target: fault.Target{PercentPPM: 1_000_000}}
		s := tell(t, shop(seed+1, 9, 18, f))
		if len(s.unknown) != 9 || len(s.deleting) != 0 || len(s.created) != 0 {
			t.Errorf("seed %d: %d nodes unknown, %d pods deleted, %d created", seed, len(s.unknown), len(s.deleting), len(s.created))
		}
	}
}

// Source: pkg/kubelet/kubelet_node_status.go registerWithAPIServer (a kubelet
// that starts waits 100 ms and creates its node), initialNode (not ready yet),
// plugin/pkg/admission/nodetaint (it takes no pods until it is ready). A kubelet
// that runs on does not register again.
func TestADeletedNodeIsRegisteredAgainWhenItsKubeletStartsAndOnlyThen(t *testing.T) {
	for _, what := range []string{"node-down", "kubelet-stop", "partition"} {
		c := shop(1, 6, 12, fault.Spec{ID: "f", Fault: what, At: lossAt, For: 8 * time.Minute, Target: fault.Target{Names: []string{"n-1"}}})
		c.Actions = []workload.Action{{At: lossAt.Add(2 * time.Minute), Do: "delete", Kind: model.KindNode, Name: "n-1"}}
		x, err := cluster.New(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Run(sim.Time(c.Duration)); err != nil {
			t.Fatal(err)
		}
		var created *model.Node
		for i := range x.Store.History().Len() {
			r := x.Store.History().At(i)
			if n, ok := r.New.(*model.Node); ok && r.Verb == store.Created && r.At > lossAt {
				created = n
			}
		}
		now, _ := x.Store.Lookup(model.KindNode, "", "n-1").(*model.Node)
		if what == "partition" {
			if created != nil || now != nil {
				t.Errorf("%s: the node was created again, though its kubelet ran on", what)
			}
			continue
		}
		if created == nil || created.Ready.Status != model.False || !model.HasTaint(created.Taints, model.TaintNotReady, model.NoSchedule) {
			t.Fatalf("%s: the node was registered as %+v", what, created)
		}
		if now.Ready.Status != model.True || len(now.Taints) != 0 {
			t.Errorf("%s: at the end it is %+v", what, now)
		}
	}
}

// Source: handleDisruption: leaving full disruption gives every zone its state
// and its eviction rate back.
func TestEvictionsGoOnAfterTheControlPlaneWasCutOffFromEveryone(t *testing.T) {
	second := powerLoss("n-1")
	second.At = lossAt.Add(20 * time.Minute)
	c := shop(1, 9, 18, fault.Spec{ID: "cut", Fault: "partition", At: lossAt, For: 12 * time.Minute, Target: fault.Target{PercentPPM: 1_000_000}}, second)
	c.Duration = 40 * time.Minute
	s := tell(t, c)
	if len(s.deleting) != 2 || len(s.created) != 2 {
		t.Fatalf("%d pods deleted and %d created, want the two of the node that was lost afterwards", len(s.deleting), len(s.created))
	}
	for _, at := range s.created {
		if d := at.Sub(second.At); d < 339*time.Second || d > 371*time.Second {
			t.Errorf("replaced %v after the loss", d)
		}
	}
}

// Source: pkg/kubelet/kubelet_node_status.go: a kubelet that has just booted
// says that its node is not ready until the runtime has a network.
func TestARebootedNodeIsNotReadyUntilItHasANetwork(t *testing.T) {
	for seed := range uint64(20) {
		f := powerLoss("n-1")
		f.For = time.Second
		x, err := cluster.New(shop(seed+1, 6, 12, f))
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Run(lossAt.Add(5 * time.Minute)); err != nil {
			t.Fatal(err)
		}
		var booted, refused, ready sim.Time
		for i := range x.Store.History().Len() {
			r := x.Store.History().At(i)
			if r.Note != nil && r.Note.Reason == "Starting" {
				booted = r.At
			}
			if n, ok := r.New.(*model.Node); ok && n.Name == "n-1" && booted > 0 {
				switch {
				case n.Ready.Status == model.False && refused == 0:
					refused = r.At
				case n.Ready.Status == model.True && refused > 0 && ready == 0:
					ready = r.At
				}
			}
		}
		if d := refused.Sub(booted); refused == 0 || d < 100*time.Millisecond || d > time.Second {
			t.Errorf("seed %d: not ready %v after the boot", seed, d)
		}
		if d := ready.Sub(booted); ready <= refused || d > 30*time.Second {
			t.Errorf("seed %d: ready %v after the boot", seed, d)
		}
	}
}
