package cluster_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/autoscaler"
	"orrery/model/cloud"
	"orrery/model/cluster"
	"orrery/model/fault"
	"orrery/model/store"
	"orrery/model/workload"
	"orrery/sim"
)

// threefold is a cluster with an autoscaler, on three machines of a control plane.
func threefold(seed uint64, replicas int, groups []cloud.Group, faults ...fault.Spec) cluster.Config {
	c := scaled(seed, replicas, groups, faults...)
	c.ControlPlane = cluster.ControlPlane{Replicas: 3, Nodes: true, Zones: []string{"a", "b", "c"}}
	return c
}

func leaderLost(component string, at time.Duration, graceful bool) fault.Spec {
	return fault.Spec{ID: "lost", Fault: "leader-loss", At: sim.Time(at), For: 30 * time.Minute, Component: component, Graceful: graceful}
}

// Source: cluster-autoscaler/main.go: leader election with 15 s, 10 s and 2 s, and
// ReleaseOnCancel; a process that takes over begins with a look a scan interval later,
// or when a pod fits nowhere.
func TestPodsWaitForMachinesUntilAnotherAutoscalerLeads(t *testing.T) {
	for seed := range uint64(10) {
		for _, graceful := range []bool{true, false} {
			c := threefold(seed+1, 8, []cloud.Group{machines("web", 2, 10, 2)}, leaderLost(autoscaler.Name, 5*time.Minute, graceful))
			c.Actions = []workload.Action{to(5*time.Minute+time.Second, 20)}
			x := play(t, c)
			least, most := time.Duration(0), 4500*time.Millisecond
			if !graceful {
				least, most = 13*time.Second, 24200*time.Millisecond
			}
			led := took(x, autoscaler.Name, "became leader")
			if len(led) != 1 || led[0].Sub(sim.Time(5*time.Minute)) < least || led[0].Sub(sim.Time(5*time.Minute)) > most {
				t.Errorf("seed %d, graceful %v: lost at 5m, led from %v", seed+1, graceful, led)
				continue
			}
			at, _, _ := notesOf(x.Store.History(), autoscaler.ReasonScaledUp)
			if len(at) != 1 || at[0] < led[0] || at[0].Sub(max(led[0], sim.Time(5*time.Minute+time.Second))) > 15*time.Second {
				t.Errorf("seed %d, graceful %v: led from %v, scaled up at %v", seed+1, graceful, led, at)
			}
			if n := nodesAt(x.Store.History(), 8*time.Minute); n != 3+5 {
				t.Errorf("seed %d: %d nodes", seed+1, n)
			}
		}
	}
}

// Source: core/scaledown/unneeded/nodes.go: for how long a node is not needed is known
// to the process alone.
func TestTheTimeOfANodeThatIsNotNeededBeginsAnewWithAnotherAutoscaler(t *testing.T) {
	c := threefold(1, 16, []cloud.Group{machines("web", 1, 8, 4)}, leaderLost(autoscaler.Name, 10*time.Minute, false))
	c.Actions = []workload.Action{to(5*time.Minute, 4)}
	x := play(t, c)
	led := took(x, autoscaler.Name, "became leader")
	first := firstAt(x.Store.History(), marked)
	if len(led) != 1 || first.Sub(led[0]) < 10*time.Minute || first.Sub(led[0]) > 10*time.Minute+25*time.Second {
		t.Errorf("led from %v, the first node was marked at %v", led, first)
	}
}

// marked tells whether a record is a node that gets the mark of one that goes.
func marked(r *store.Record) bool {
	n, ok := r.New.(*model.Node)
	return ok && model.HasTaint(n.Taints, "ToBeDeletedByClusterAutoscaler", model.NoSchedule)
}

// Source: core/static_autoscaler.go cleanUpIfRequired: "CA can die at any time. Removing
// taints that might have been left from the previous run."
func TestAnAutoscalerTakesOffWhatTheOneBeforeHasMarked(t *testing.T) {
	groups := []cloud.Group{machines("web", 1, 8, 4)}
	c := threefold(1, 16, groups)
	c.Actions = []workload.Action{to(5*time.Minute, 4)}
	first := firstAt(play(t, c).Store.History(), marked)
	c = threefold(1, 16, groups, leaderLost(autoscaler.Name, time.Duration(first)+time.Second, false))
	c.Actions = []workload.Action{to(5*time.Minute, 4)}
	x := play(t, c)
	led := took(x, autoscaler.Name, "became leader")
	cleaned := firstAt(x.Store.History(), func(r *store.Record) bool {
		old, was := r.Old.(*model.Node)
		n, is := r.New.(*model.Node)
		return was && is && len(old.Taints) > len(n.Taints) && len(led) > 0 && r.At > led[0]
	})
	if len(led) != 1 || cleaned.Sub(led[0]) > 12*time.Second {
		t.Errorf("marked at %v, led from %v, cleaned at %v", first, led, cleaned)
	}
	if n := nodesAt(x.Store.History(), time.Duration(first)+time.Minute); n != 3+4 {
		t.Errorf("%d nodes, want all to stay", n)
	}
}

// Source: main.go: the identity is the host's name alone, so a container that starts
// again still has the Lease.
func TestAnAutoscalerThatCrashesLeadsAgainAtOnce(t *testing.T) {
	c := threefold(1, 8, []cloud.Group{machines("web", 2, 10, 2)})
	x := built(t, c)
	at := sim.Time(5 * time.Minute)
	if err := x.Run(at); err != nil {
		t.Fatal(err)
	}
	x.Crash(autoscaler.Name, 0)
	if err := x.Run(at.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	led := took(x, autoscaler.Name, "became leader")
	if len(led) != 1 || led[0].Sub(at) > 8*time.Second {
		t.Errorf("crashed at %v, led again from %v", at, led)
	}
	if restarts, _ := restarted(x, "cluster-autoscaler-cp-0"); restarts != 1 {
		t.Errorf("%d restarts, want 1", restarts)
	}
}

// Source: k8s.io/cloud-provider/app/controllermanager.go leaderElectAndRun: without
// ReleaseOnCancel; the new leader's first pass is at once.
func TestANodeOfAMachineThatIsGoneWaitsForACloudController(t *testing.T) {
	for seed := range uint64(10) {
		c := rented(seed+1, cloud.Config{}, leaderLost(cloud.CloudControllerManager, time.Duration(lossAt)+30*time.Second, true),
			fault.Spec{ID: "gone", Fault: "node-terminate", At: lossAt, Target: fault.Target{Names: []string{"web-1"}}})
		c.ControlPlane = cluster.ControlPlane{Replicas: 3, Nodes: true}
		x := play(t, c)
		led := took(x, cloud.CloudControllerManager, "became leader")
		gone := firstAt(x.Store.History(), nodeDeleted("web-1"))
		if len(led) != 1 || led[0] < lossAt.Add(43*time.Second) || gone < led[0] || gone.Sub(lossAt) > 70*time.Second {
			t.Errorf("seed %d: the machine went at %v, led from %v, its node was deleted at %v", seed+1, lossAt, led, gone)
		}
	}
}

// Source: the machine of a leader takes its processes with it.
func TestTheMachineOfTheFirstReplicasTakesThemWithIt(t *testing.T) {
	down := fault.Spec{ID: "down", Fault: "node-down", At: sim.Time(5 * time.Minute), Target: fault.Target{Names: []string{"cp-0"}}}
	c := threefold(1, 8, []cloud.Group{machines("web", 2, 10, 2)}, down)
	c.Actions = []workload.Action{to(6*time.Minute, 20)}
	x := play(t, c)
	for _, component := range []string{autoscaler.Name, cloud.CloudControllerManager, "kube-scheduler", "kube-controller-manager"} {
		if at := took(x, component, "became leader"); len(at) != 1 {
			t.Errorf("%s led from %v", component, at)
		}
	}
	if n := nodesAt(x.Store.History(), 10*time.Minute); n < 3+4 {
		t.Errorf("%d nodes: nobody made any", n)
	}
}
