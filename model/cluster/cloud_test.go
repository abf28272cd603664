package cluster_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cloud"
	"orrery/model/cluster"
	"orrery/model/fault"
	"orrery/model/store"
	"orrery/report"
	"orrery/sim"
)

// rented is a shop on machines of a cloud: a group of four in two zones.
func rented(seed uint64, c cloud.Config, faults ...fault.Spec) cluster.Config {
	size := model.Resources{CPUMilli: 4000, MemoryBytes: 16 << 30, Pods: 110}
	if len(c.Groups) == 0 {
		c.Groups = []cloud.Group{{Name: "web", Min: 2, Max: 8, Start: 4, Zones: []string{"a", "b"}, Size: size, Provision: sim.Lognormal(90*time.Second, 4*time.Minute)}}
	}
	x := shop(seed, 1, 8, faults...)
	x.Nodes, x.Cloud = nil, &c
	for i := range c.Groups {
		for n := range c.Groups[i].Start {
			x.Nodes = append(x.Nodes, c.Groups[i].Node(n, c.Groups[i].StartZone(n)))
		}
	}
	return x
}

// whole runs a cluster to its end with the invariants watched.
func whole(t *testing.T, c cluster.Config) *store.History {
	t.Helper()
	return watched(t, c).Store.History()
}

// watched plays a configuration to its end, in which no invariant breaks.
func watched(t *testing.T, c cluster.Config) *cluster.Cluster {
	t.Helper()
	x := built(t, c)
	v := cluster.Watch(x.Store)
	if err := x.Run(sim.Time(c.Duration)); err != nil {
		t.Fatalf("seed %d: %v", c.Seed, err)
	}
	for _, b := range v.Broken {
		t.Errorf("seed %d: %s", c.Seed, b)
	}
	return x
}

// built is a cluster before it begins.
func built(t *testing.T, c cluster.Config) *cluster.Cluster {
	t.Helper()
	x, err := cluster.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// firstAt is when a record first fits, Never if none does.
func firstAt(h *store.History, fits func(*store.Record) bool) sim.Time {
	for i := range h.Len() {
		if r := h.At(i); fits(r) {
			return r.At
		}
	}
	return sim.Never
}

func nodeDeleted(name string) func(*store.Record) bool {
	return func(r *store.Record) bool {
		n, ok := r.Old.(*model.Node)
		return ok && r.New == nil && n.Name == name
	}
}

func nodeReady(name string) func(*store.Record) bool {
	return func(r *store.Record) bool {
		n, ok := r.New.(*model.Node)
		return ok && n.Name == name && n.Ready.Status == model.True
	}
}

func said(reason, about string) func(*store.Record) bool {
	return func(r *store.Record) bool { return r.Note != nil && r.Note.Reason == reason && r.Note.Path() == about }
}

// Source: k8s.io/cloud-provider/controllers/nodelifecycle (a node that is not
// Ready and does not exist in the cloud is deleted in a pass every 5 s), after the
// 50 s of the node lifecycle controller; then pod GC with its 40 s of quarantine:
// "full cleanup 95 to 125 s" and up to 20 s until the pass that first misses it.
func TestTheNodeOfAMachineThatIsGoneIsDeletedSoonAfterItIsNotReadyAndReplaced(t *testing.T) {
	for seed := range uint64(30) {
		c := rented(seed+1, cloud.Config{}, fault.Spec{ID: "gone", Fault: "node-terminate", At: lossAt, Target: fault.Target{Names: []string{"web-1"}}})
		h := whole(t, c)
		if d := firstAt(h, nodeDeleted("web-1")).Sub(lossAt); d < 39*time.Second || d > 66*time.Second {
			t.Errorf("seed %d: its node was deleted after %v", seed+1, d)
		}
		last := sim.Time(0)
		for i := range h.Len() {
			if p, ok := h.At(i).Old.(*model.Pod); ok && h.At(i).New == nil && p.NodeName == "web-1" {
				last = h.At(i).At
			}
		}
		if d := last.Sub(lossAt); d < 80*time.Second || d > 128*time.Second {
			t.Errorf("seed %d: its pods were gone after %v", seed+1, d)
		}
		made := firstAt(h, said(cloud.ReasonLaunching, "machine/web-4"))
		joined := firstAt(h, nodeReady("web-4"))
		if made != lossAt || joined.Sub(made) < 20*time.Second {
			t.Errorf("seed %d: a new machine was made at %v and ready at %v", seed+1, made, joined)
		}
	}
}

// Source: docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html:
// two minutes; who heeds them has moved the pods before.
func TestASpotNoticeIsTwoMinutesInWhichAHandlerMovesThePods(t *testing.T) {
	for _, handled := range []bool{true, false} {
		c := rented(1, cloud.Config{TerminationHandler: handled},
			fault.Spec{ID: "spot", Fault: "spot-reclaim", At: lossAt, Notice: 2 * time.Minute, Target: fault.Target{Names: []string{"web-0"}}})
		h := whole(t, c)
		if at := firstAt(h, said(cloud.ReasonTerminated, "machine/web-0")); at != lossAt.Add(2*time.Minute) {
			t.Errorf("handled %v: it was terminated at %v", handled, at)
		}
		left := 0
		for i := range h.Len() {
			r := h.At(i)
			if r.At > lossAt.Add(2*time.Minute) {
				break
			}
			if p, ok := r.Object().(*model.Pod); ok && p.NodeName == "web-0" {
				if r.Verb == store.Deleted {
					left--
				} else if old, _ := r.Old.(*model.Pod); old == nil || old.NodeID == 0 {
					left++
				}
			}
		}
		if handled != (left == 0) {
			t.Errorf("handled %v: %d pods were there at the end of the notice", handled, left)
		}
	}
}

// A group whose zones have no capacity makes machines where there is some, and
// none if there is none, until there is again.
func TestMachinesAreMadeWhereThereIsCapacityAndWhenThereIs(t *testing.T) {
	gone := fault.Spec{ID: "gone", Fault: "node-terminate", At: lossAt, Target: fault.Target{Names: []string{"web-0"}}}
	one := rented(1, cloud.Config{}, fault.Spec{ID: "ice", Fault: "out-of-capacity", At: lossAt - 1, Zone: "a"}, gone)
	h := whole(t, one)
	if n, ok := h.At(h.Len() - 1).New.(*model.Node); ok && n.Labels.Value(model.LabelZone) == "a" {
		t.Error("a machine was made in zone a")
	}
	if firstAt(h, nodeReady("web-4")) == sim.Never {
		t.Error("zone b has capacity, and no machine was made")
	}
	all := rented(1, cloud.Config{}, fault.Spec{ID: "ice", Fault: "out-of-capacity", At: lossAt - 1, For: 10 * time.Minute}, gone)
	h = whole(t, all)
	failed, made := firstAt(h, said(cloud.ReasonLaunchFailed, "nodegroup/web")), firstAt(h, said(cloud.ReasonLaunching, "machine/web-4"))
	if failed != lossAt || made != lossAt.Add(10*time.Minute) {
		t.Errorf("launching failed at %v and worked at %v", failed, made)
	}
}

// A provider that is told to forget nothing makes the same history with every tick
// an event.
func TestTheCloudIsExactWithEveryTickAnEvent(t *testing.T) {
	for seed := range uint64(6) {
		c := rented(seed+1, cloud.Config{TerminationHandler: true, Quota: 5, LaunchesPerMinute: 1},
			fault.Spec{ID: "ice", Fault: "out-of-capacity", At: lossAt - 1, For: 100 * time.Second},
			fault.Spec{ID: "gone", Fault: "node-terminate", At: lossAt, Target: fault.Target{Count: 2}},
			fault.Spec{ID: "api", Fault: "cloud-api-throttled", At: lossAt, For: 3 * time.Minute, Errors: 700_000},
			fault.Spec{ID: "stuck", Fault: "kubelet-stop", At: lossAt.Add(time.Minute), Target: fault.Target{Count: 1}},
			fault.Spec{ID: "spot", Fault: "spot-reclaim", At: lossAt.Add(5 * time.Minute), Notice: 30 * time.Second, Target: fault.Target{Count: 1}},
			fault.Spec{ID: "slow", Fault: "slow-boot", At: lossAt, Boot: sim.Constant(7 * time.Minute), For: time.Minute})
		a := whole(t, c)
		c.Literal = true
		b := whole(t, c)
		if d, differ := report.FirstDifference(a, b); differ {
			t.Errorf("seed %d, every tick an event: record %d at %v differs:\n%s\n%s\nafter\n%v", seed+1, d.Index, d.At, d.A, d.B, d.Before)
		}
	}
}

// Node repair is for nodes: a machine of the control plane that is silent keeps its
// disk, and with it its member of etcd.
func TestNodeRepairLeavesTheControlPlaneAlone(t *testing.T) {
	c := shop(1, 3, 4, fault.Spec{
		ID: "dead", Fault: "node-down", At: sim.Time(5 * time.Minute), For: 40 * time.Minute,
		Target: fault.Target{Names: []string{"cp-1", "n-0"}},
	})
	c.ControlPlane.Replicas, c.ControlPlane.Nodes = 3, true
	c.NodeRepair = cloud.RepairConfig{After: 10 * time.Minute, Takes: sim.Constant(time.Minute)}
	c.Duration = time.Hour
	h := whole(t, c)
	if firstAt(h, said(cloud.ReasonNodeReplaced, "node/n-0")) == sim.Never {
		t.Error("n-0 gets no other machine: this shows nothing")
	}
	if at := firstAt(h, said(cloud.ReasonNodeReplaced, "node/cp-1")); at != sim.Never {
		t.Errorf("at %v cp-1 gets another machine", at)
	}
}
