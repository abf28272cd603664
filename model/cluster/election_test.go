package cluster_test

import (
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/fault"
	"orrery/model/workload"
	"orrery/sim"
)

// took is when replicas became leaders, or stopped, of a component: "became leader"
// of "kube-scheduler".
func took(x *cluster.Cluster, component, what string) (at []sim.Time) {
	for i := range x.Store.History().Len() {
		r := x.Store.History().At(i)
		if r.Note != nil && r.Note.Reason == "LeaderElection" && strings.HasSuffix(r.Note.Path(), component) && strings.HasSuffix(r.Note.Message, what) {
			at = append(at, r.At)
		}
	}
	return at
}

func play(t *testing.T, c cluster.Config) *cluster.Cluster {
	t.Helper()
	x := built(t, c)
	if err := x.Run(sim.Time(c.Duration)); err != nil {
		t.Fatal(err)
	}
	return x
}

func lost(component string, graceful bool) fault.Spec {
	return fault.Spec{ID: "lost", Fault: "leader-loss", At: lossAt, For: 5 * time.Minute, Component: component, Graceful: graceful}
}

// Source: spec of leader election (client-go/tools/leaderelection): the last renewal
// was up to 2 s before the crash, a standby sees it at its next look, 2 to 4.4 s
// apart, needs 15 s without another, and acts at the look after that.
func TestAStandbyTakesOver13To24SecondsAfterACrash(t *testing.T) {
	for _, component := range []string{"kube-scheduler", "kube-controller-manager"} {
		var sum time.Duration
		const runs = 30
		for seed := range uint64(runs) {
			x := play(t, replicated(seed+1, lost(component, false)))
			at := took(x, component, "became leader")
			if len(at) != 1 || at[0] < lossAt.Add(13*time.Second) || at[0] > lossAt.Add(24200*time.Millisecond) {
				t.Errorf("seed %d: %s lost at %v, taken over at %v", seed+1, component, lossAt, at)
				continue
			}
			sum += at[0].Sub(lossAt)
		}
		// Of two standbys the first takes over: earlier than the 17 to 18 s of one.
		if mean := sum / runs; mean < 14500*time.Millisecond || mean > 18*time.Second {
			t.Errorf("%s: taken over after %v on average", component, mean)
		}
	}
}

// Source: cmd/kube-scheduler/app/server.go, ReleaseOnCancel: true;
// cmd/kube-controller-manager/app/controllermanager.go has none.
func TestASchedulerThatIsAskedToEndGivesItsLeaseBackAndAControllerManagerDoesNot(t *testing.T) {
	for seed := range uint64(10) {
		x := play(t, replicated(seed+1, lost("kube-scheduler", true)))
		if at := took(x, "kube-scheduler", "became leader"); len(at) != 1 || at[0] > lossAt.Add(4500*time.Millisecond) {
			t.Errorf("seed %d: the scheduler was asked to end at %v and followed at %v", seed+1, lossAt, at)
		}
		x = play(t, replicated(seed+1, lost("kube-controller-manager", true)))
		if at := took(x, "kube-controller-manager", "became leader"); len(at) != 1 || at[0] < lossAt.Add(13*time.Second) {
			t.Errorf("seed %d: the controller manager was asked to end at %v and followed at %v", seed+1, lossAt, at)
		}
	}
}

// Source: client-go/tools/leaderelection/leaderelection.go renew: RenewDeadline 10 s
// from the beginning of a renewal that may begin 2 s after the last.
func TestALeaderThatCannotRenewFor10SecondsEndsItself(t *testing.T) {
	for seed := range uint64(10) {
		x := play(t, replicated(seed+1, etcdSpec("etcd-member-down", 3*time.Minute, 1, 2)))
		at := took(x, "kube-controller-manager", "stopped leading")
		if len(at) != 1 || at[0] < lossAt.Add(10*time.Second) || at[0] > lossAt.Add(12100*time.Millisecond) {
			t.Errorf("seed %d: no quorum from %v on, stopped at %v", seed+1, lossAt, at)
		}
		back := lossAt.Add(3 * time.Minute) // then some last renewal may still be agreed on, and count for 15 s
		if at := took(x, "kube-controller-manager", "became leader"); len(at) != 1 || at[0] < back || at[0] > back.Add(22*time.Second) {
			t.Errorf("seed %d: a quorum from %v on, led from %v", seed+1, back, at)
		}
	}
}

// A process that was killed does nothing more, and one that starts at once finds a
// Lease of another identity, which it waits for like everybody.
func TestASchedulerThatCrashesBindsNothingUntilOneLeads(t *testing.T) {
	c := replicated(1, fault.Spec{ID: "crash", Fault: "scheduler-crash", At: lossAt.Add(time.Minute)})
	c.ControlPlane.Replicas = 1
	x := play(t, c)
	crash, led := lossAt.Add(time.Minute), took(x, "kube-scheduler", "became leader")
	if len(led) != 1 || led[0] < crash.Add(13*time.Second) || led[0] > crash.Add(25*time.Second) {
		t.Fatalf("crashed at %v, led from %v", crash, led)
	}
	bound := 0
	for i := range x.Store.History().Len() {
		r := x.Store.History().At(i)
		if x.Kernel.ActorName(r.By) != "default-scheduler" {
			continue
		}
		if crash.Add(50*time.Millisecond) < r.At && r.At < led[0] {
			t.Errorf("the scheduler did something at %v", r.At)
		}
		if p, ok := r.New.(*model.Pod); ok && p.NodeID != 0 && r.At > led[0] {
			bound++
		}
	}
	if bound == 0 {
		t.Error("the next scheduler bound nothing, of 28 pods that came as the last one crashed")
	}
}

// Source: pkg/controller/nodelifecycle: a node that the controller sees for the first
// time has its whole grace of 50 s.
func TestANewControllerManagerGivesEveryNodeAWholeGrace(t *testing.T) {
	for seed := range uint64(10) {
		down := fault.Spec{ID: "down", Fault: "node-down", At: lossAt.Add(-20 * time.Second), Target: fault.Target{Names: []string{"n-0"}}}
		c := replicated(seed+1, lost("kube-controller-manager", false), down)
		x := play(t, c)
		led := took(x, "kube-controller-manager", "became leader")[0]
		var unknown sim.Time
		for i := range x.Store.History().Len() {
			r := x.Store.History().At(i)
			if n, ok := r.New.(*model.Node); ok && n.Name == "n-0" && n.Ready.Status == model.Unknown && unknown == 0 {
				unknown = r.At
			}
		}
		if d := unknown.Sub(led); d < 50*time.Second || d > 61*time.Second {
			t.Errorf("seed %d: led from %v, the node was lost at %v", seed+1, led, unknown)
		}
	}
}

func TestStandbysOfAQuietControlPlaneCostNothing(t *testing.T) {
	events := func(replicas int) uint64 {
		c := shop(1, 6, 12)
		c.ControlPlane.Replicas, c.Duration = replicas, 6*time.Hour
		x, err := cluster.New(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Run(sim.Time(time.Hour)); err != nil {
			t.Fatal(err)
		}
		before := x.Kernel.Events()
		if err := x.Run(sim.Time(c.Duration)); err != nil {
			t.Fatal(err)
		}
		return x.Kernel.Events() - before
	}
	if one, three := events(1), events(3); three != one {
		t.Errorf("5 quiet hours make %d events with one replica and %d with three", one, three)
	}
}

// A leader that is cut off ends itself 10 s later, before another may lead, 15 s
// after its last renewal; so no two ever lead.
func TestALeaderThatIsCutOffIsFollowedAndNoTwoLead(t *testing.T) {
	for seed := range uint64(10) {
		x := play(t, replicated(seed+1, fault.Spec{ID: "cut", Fault: "component-partition", At: lossAt, For: 5 * time.Minute, Component: "kube-controller-manager"}))
		stopped, led := took(x, "kube-controller-manager", "stopped leading"), took(x, "kube-controller-manager", "became leader")
		if len(led) != 1 || led[0] < lossAt.Add(13*time.Second) || led[0] > lossAt.Add(25*time.Second) {
			t.Errorf("seed %d: cut off at %v, led from %v", seed+1, lossAt, led)
		}
		if len(stopped) != 1 || stopped[0] > lossAt.Add(12100*time.Millisecond) {
			t.Errorf("seed %d: cut off at %v, stopped at %v", seed+1, lossAt, stopped)
		}
	}
}

// scaledAt is when the pods of the scaling a minute after lossAt were bound.
func scaledAt(x *cluster.Cluster) (first sim.Time) {
	for i := range x.Store.History().Len() {
		r := x.Store.History().At(i)
		if p, ok := r.New.(*model.Pod); ok && p.NodeID != 0 && r.Old != nil && r.Old.(*model.Pod).NodeID == 0 && r.At > lossAt.Add(time.Minute) {
			return r.At
		}
	}
	return 0
}

func TestAComponentWhoseWatchesAreLateActsLate(t *testing.T) {
	late := fault.Spec{ID: "lag", Fault: "watch-lag", At: lossAt, For: 10 * time.Minute, Component: "kube-scheduler", By: 20 * time.Second, Kinds: []model.Kind{model.KindPod}}
	scale := lossAt.Add(time.Minute)
	if at := scaledAt(play(t, replicated(1, late))); at < scale.Add(20*time.Second) || at > scale.Add(21*time.Second) {
		t.Errorf("pods of %v were seen 20 s late and bound at %v", scale, at)
	}
	late.Kinds = []model.Kind{model.KindNode}
	if at := scaledAt(play(t, replicated(1, late))); at > scale.Add(time.Second) {
		t.Errorf("nodes are seen late, pods are not, but were bound at %v", at)
	}
	late.Kinds, late.For = nil, 65*time.Second // what is on its way then arrives at once
	if at := scaledAt(play(t, replicated(1, late))); at < lossAt.Add(65*time.Second) || at > lossAt.Add(66*time.Second) {
		t.Errorf("the lag ended after 65 s, pods were bound at %v", at)
	}
}

// Source: pkg/controller/nodelifecycle/node_lifecycle_controller.go tryUpdateNodeHealth:
// only a renewTime that is newer counts; a changed condition begins anew.
func TestANodeWhoseClockIsSetBackIsLostOnceAndFoundAgain(t *testing.T) {
	x := play(t, shop(1, 6, 12, fault.Spec{ID: "clock", Fault: "clock-jump", At: lossAt, By: 10 * time.Minute, Target: fault.Target{Names: []string{"n-1"}}}))
	var lost, found []sim.Time
	for i := range x.Store.History().Len() {
		r := x.Store.History().At(i)
		n, ok := r.New.(*model.Node)
		if !ok || r.Old == nil || n.Ready.Status == r.Old.(*model.Node).Ready.Status {
			continue
		}
		if n.Name != "n-1" {
			t.Errorf("%s changed at %v", n.Name, r.At)
		}
		if n.Ready.Status == model.Unknown {
			lost = append(lost, r.At)
		} else {
			found = append(found, r.At)
		}
	}
	if len(lost) != 1 || len(found) != 1 || lost[0] < lossAt.Add(39*time.Second) || lost[0] > lossAt.Add(60*time.Second) || found[0].Sub(lost[0]) > 15*time.Second {
		t.Errorf("lost at %v, found at %v", lost, found)
	}
	x = play(t, shop(1, 6, 12, fault.Spec{ID: "clock", Fault: "clock-jump", At: lossAt, By: 20 * time.Second, Target: fault.Target{Names: []string{"n-1"}}}))
	for i := range x.Store.History().Len() {
		if r := x.Store.History().At(i); r.Note != nil && r.Note.Reason == "NodeNotReady" {
			t.Errorf("20 s back are less than the grace of 50 s, but at %v: %s", r.At, r.Note.Message)
		}
	}
}

// Source: cmd/kube-controller-manager/app/controllermanager.go: controllers wait for
// their caches, so one that has just won makes nothing that is there.
func TestANewControllerManagerMakesNoPodThatIsThere(t *testing.T) {
	for seed := range uint64(10) {
		x := play(t, replicated(seed+1, lost("kube-controller-manager", false)))
		made, gone := 0, 0
		for i := range x.Store.History().Len() {
			r := x.Store.History().At(i)
			p, ok := r.New.(*model.Pod)
			if ok && r.Old == nil && r.At > lossAt {
				made++
			} else if ok && p.Deleting() {
				gone++
			}
		}
		if made != 28 || gone != 0 {
			t.Errorf("seed %d: from 12 to 40 pods: %d made, %d asked to go", seed+1, made, gone)
		}
	}
}

// restarted is what a static pod of the first machine shows: its restarts, and how
// often its container was seen waiting for a back-off.
func restarted(x *cluster.Cluster, pod string) (restarts int32, backoffs int) {
	for i := range x.Store.History().Len() {
		p, ok := x.Store.History().At(i).New.(*model.Pod)
		if !ok || p.Name != pod {
			continue
		}
		restarts = p.Restarts()
		if p.Containers[0].Reason == "CrashLoopBackOff" {
			backoffs++
		}
	}
	return restarts, backoffs
}

// Source: client-go leaderelection OnStoppedLeading: klog.Fatal, the process exits with
// an error (cmd/kube-controller-manager/app/controllermanager.go "leaderelection lost");
// its kubelet restarts the container of the static pod.
func TestALeaderThatEndsItselfShowsInItsStaticPod(t *testing.T) {
	c := replicated(1, etcdSpec("etcd-member-down", 3*time.Minute, 1, 2))
	c.ControlPlane.Nodes = true
	x := play(t, c)
	for _, pod := range []string{"kube-scheduler-cp-0", "kube-controller-manager-cp-0"} {
		if restarts, _ := restarted(x, pod); restarts != 1 {
			t.Errorf("%s: %d restarts, want 1", pod, restarts)
		}
	}
	if restarts, _ := restarted(x, "kube-scheduler-cp-1"); restarts != 0 {
		t.Errorf("a standby restarted %d times", restarts)
	}
	if at := took(x, "kube-controller-manager", "became leader"); len(at) != 1 || at[0] > lossAt.Add(3*time.Minute+25*time.Second) {
		t.Errorf("led again from %v", at)
	}
}

// Source: pkg/kubelet/kubelet.go: the first restart is at once, the next after 10 s.
func TestASchedulerThatCrashesAgainAndAgainIsInCrashLoopBackOff(t *testing.T) {
	crash := func(at time.Duration) fault.Spec {
		return fault.Spec{ID: at.String(), Fault: "scheduler-crash", At: lossAt.Add(at), Members: []string{"cp-0"}}
	}
	c := replicated(1, crash(0), crash(8*time.Second), crash(40*time.Second))
	c.ControlPlane.Nodes = true
	x := play(t, c)
	if restarts, backoffs := restarted(x, "kube-scheduler-cp-0"); restarts != 3 || backoffs == 0 {
		t.Errorf("%d restarts, %d times in CrashLoopBackOff; want 3 and some", restarts, backoffs)
	}
}

// Source: tryUpdateNodeHealth: a renewal from the future is newer, like any; leader
// election measures (time.Time keeps a monotonic reading).
func TestAClockThatIsSetAheadMattersToNobodysHealthAndNoJumpToLeaders(t *testing.T) {
	for _, ahead := range []bool{true, false} {
		c := replicated(1, fault.Spec{ID: "clock", Fault: "clock-jump", At: lossAt, By: 10 * time.Minute, Ahead: ahead, Target: fault.Target{Names: []string{"n-1", "cp-0"}}})
		c.ControlPlane.Nodes = true
		x := play(t, c)
		for _, component := range []string{"kube-scheduler", "kube-controller-manager"} {
			if at := append(took(x, component, "became leader"), took(x, component, "stopped leading")...); len(at) != 0 {
				t.Errorf("ahead %v: %s changed at %v", ahead, component, at)
			}
		}
		lost := 0
		for i := range x.Store.History().Len() {
			if r := x.Store.History().At(i); r.Note != nil && r.Note.Reason == "NodeNotReady" {
				lost++
			}
		}
		if ahead && lost != 0 || !ahead && lost == 0 {
			t.Errorf("ahead %v: %d times a node was lost", ahead, lost)
		}
	}
}

// Source: pkg/kubelet/config/apiserver.go: a kubelet runs what its watch has shown.
func TestAKubeletThatSeesLateStartsPodsLateAndStopsThemLate(t *testing.T) {
	const by = 20 * time.Second
	c := shop(1, 1, 2, fault.Spec{ID: "lag", Fault: "watch-lag", At: lossAt, For: 10 * time.Minute, Component: "kubelet", By: by, Target: fault.Target{Names: []string{"n-0"}}})
	c.Actions = []workload.Action{{At: lossAt.Add(time.Minute), Do: "scale", Kind: model.KindDeployment, Namespace: "default", Name: "app-000", Replicas: 1}}
	c.Actions = append(c.Actions, workload.Action{At: lossAt.Add(2 * time.Minute), Do: "scale", Kind: model.KindDeployment, Namespace: "default", Name: "app-000", Replicas: 4})
	x := play(t, c)
	h := x.Store.History()
	bound, asked := map[uint32]sim.Time{}, map[uint32]sim.Time{}
	started, stopped := 0, 0
	for i := range h.Len() {
		r := h.At(i)
		if p, ok := r.New.(*model.Pod); ok && r.At > lossAt {
			if _, seen := bound[p.ID]; p.NodeID != 0 && !seen {
				bound[p.ID] = r.At
			}
			if _, seen := asked[p.ID]; p.Deleting() && !seen {
				asked[p.ID] = r.At
			}
		}
		switch {
		case r.Note == nil || r.At < lossAt:
		case r.Note.Reason == "Started":
			if started++; r.At.Sub(bound[r.Note.Object().ID]) < by {
				t.Errorf("%s started %v after it was bound", r.Note.Path(), r.At.Sub(bound[r.Note.Object().ID]))
			}
		case r.Note.Reason == "Killing":
			if stopped++; r.At.Sub(asked[r.Note.Object().ID]) < by {
				t.Errorf("%s was stopped %v after it was asked to go", r.Note.Path(), r.At.Sub(asked[r.Note.Object().ID]))
			}
		}
	}
	if started < 2 || stopped == 0 {
		t.Errorf("%d starts, %d stops", started, stopped)
	}
}
