package cluster_test

import (
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/fault"
	"orrery/model/kubelet"
	"orrery/model/runtime"
	"orrery/model/store"
	"orrery/sim"
)

// table is when things happened after lossAt to node n-1 and to its pods.
type table struct {
	x        *cluster.Cluster
	notReady []time.Duration // the node's status is no longer True
	unknown  []time.Duration
	ready    []time.Duration // and is again
	taints   map[string]time.Duration
	freed    map[model.Effect]time.Duration // of its last taint with the effect
	lost     []time.Duration                // pods of it are not Ready any more
	back     []time.Duration                // and are again
	deleting []time.Duration
	gone     []time.Duration
	failed   []time.Duration
	restarts int32 // of its pods
	fresh    []time.Duration
	drained  []time.Duration // an endpoint less is ready
	notes    map[string][]time.Duration
}

// watch runs a cluster of six nodes with twelve pods for half an hour.
func watch(t *testing.T, seed uint64, until time.Duration, faults ...fault.Spec) *table {
	t.Helper()
	return watchConfig(t, shop(seed, 6, 12, faults...), until)
}

func watchConfig(t *testing.T, c cluster.Config, until time.Duration) *table {
	t.Helper()
	x := built(t, c)
	if err := x.Run(lossAt.Add(until)); err != nil {
		t.Fatal(err)
	}
	w := &table{x: x, taints: map[string]time.Duration{}, freed: map[model.Effect]time.Duration{}, notes: map[string][]time.Duration{}}
	for i := range x.Store.History().Len() {
		if r := x.Store.History().At(i); r.At >= lossAt {
			w.take(r, r.At.Sub(lossAt))
		}
	}
	return w
}

func (w *table) take(r *store.Record, at time.Duration) {
	if r.Note != nil {
		w.notes[r.Note.Reason] = append(w.notes[r.Note.Reason], at)
		return
	}
	switch now := r.Object().(type) {
	case *model.Node:
		if old, ok := r.Old.(*model.Node); ok && now.Name == "n-1" {
			w.node(old, now, at)
		}
	case *model.Pod:
		w.pod(r, now, at)
	case *model.EndpointSlice:
		if old, ok := r.Old.(*model.EndpointSlice); ok {
			for range readyEndpoints(old) - readyEndpoints(now) {
				w.drained = append(w.drained, at)
			}
		}
	}
}

func (w *table) node(old, now *model.Node, at time.Duration) {
	switch {
	case old.Ready.Status == now.Ready.Status:
	case now.Ready.Status == model.True:
		w.ready = append(w.ready, at)
	case now.Ready.Status == model.Unknown:
		w.unknown = append(w.unknown, at)
	case old.Ready.Status == model.True:
		w.notReady = append(w.notReady, at)
	}
	for _, t := range old.Taints {
		if !model.HasTaint(now.Taints, t.Key, t.Effect) {
			w.freed[t.Effect] = at
		}
	}
	for _, t := range now.Taints {
		if !model.HasTaint(old.Taints, t.Key, t.Effect) {
			w.taints[t.Key+":"+t.Effect.String()] = at
		}
	}
}

func (w *table) pod(r *store.Record, now *model.Pod, at time.Duration) {
	old, _ := r.Old.(*model.Pod)
	switch {
	case r.Verb == store.Created:
		w.fresh = append(w.fresh, at)
	case now.NodeName != "n-1":
	case r.Verb == store.Deleted:
		w.gone = append(w.gone, at)
	case old.Phase != model.PodFailed && now.Phase == model.PodFailed && now.Reason == "Terminated":
		w.failed = append(w.failed, at)
	case old.IsReady() && !now.IsReady():
		w.lost = append(w.lost, at)
	case !old.IsReady() && now.IsReady():
		w.back = append(w.back, at)
	case !old.Deleting() && now.Deleting():
		w.deleting = append(w.deleting, at)
	}
	if old != nil && now.NodeName == "n-1" {
		w.restarts += now.Restarts() - old.Restarts()
	}
}

// within wants that something happened so many times, all between two times.
func within(t *testing.T, seed uint64, what string, got []time.Duration, n int, from, to time.Duration) {
	t.Helper()
	if len(got) != n {
		t.Errorf("seed %d: %s at %v, want %d times", seed, what, got, n)
	}
	for _, at := range got {
		if at < from || at > to {
			t.Errorf("seed %d: %s at %v, want it from %v to %v", seed, what, at, from, to)
		}
	}
}

// alive is how many containers run on a node, whatever the API says.
func (w *table) alive(node string) (n int) {
	id := w.x.Store.Lookup(model.KindNode, "", node).Head().ID
	for _, s := range w.x.Kubelet(id).Machine().Sandboxes() {
		if s != nil && s.Alive() {
			n++
		}
	}
	return n
}

func onNode(id, name string, length time.Duration) fault.Spec {
	return fault.Spec{ID: id, Fault: name, At: lossAt, For: length, Target: fault.Target{Names: []string{"n-1"}}}
}

const second = time.Second

// Source: pkg/kubelet/kubelet.go (maxWaitForContainerRuntime 30 s, updateRuntimeUp
// every 5 s, syncLoop), pkg/kubelet/nodestatus/setters.go ReadyCondition: the last
// good status is 0 to 5 s old, the node's status comes within 10.4 s of the 30th
// second, and so does Ready again once a poll was good. The node controller marks no
// pods of a node that says by itself that it is not ready
// (kubernetes/kubernetes#125618: MarkPodsNotReady comes with the change to Unknown
// only), so that its pods stay in the Services until they are deleted.
func TestWithoutAContainerRuntimeANodeIsNotReadyAfter25To41SecondsAndItsPodsStayReady(t *testing.T) {
	const length = 10 * time.Minute
	for seed := range uint64(40) {
		w := watch(t, seed+1, length, onNode("f", "runtime-down", length+time.Hour))
		within(t, seed, "not ready", w.notReady, 1, 25*second, 40500*time.Millisecond)
		within(t, seed, "Unknown", w.unknown, 0, 0, 0)
		if len(w.notReady) == 0 {
			continue
		}
		at := w.notReady[0]
		within(t, seed, "NoSchedule", []time.Duration{w.taints[model.TaintNotReady+":NoSchedule"]}, 1, at, at+second)
		out := w.taints[model.TaintNotReady+":NoExecute"]
		within(t, seed, "NoExecute", []time.Duration{out}, 1, at, at+16*second)
		within(t, seed, "deletion", w.deleting, 2, out+300*second, out+301*second)
		within(t, seed, "endpoints drained", w.drained, 2, out+300*second, out+302*second)
		within(t, seed, "replacement", w.fresh, 2, out+300*second, out+301*second)
		if len(w.lost) != 0 || len(w.gone) != 0 || w.alive("n-1") != 2 {
			t.Errorf("seed %d: pods lost at %v, gone at %v, %d of them run", seed, w.lost, w.gone, w.alive("n-1"))
		}
	}
}

// Source: as above: the poll within 5 s, the main loop's sleep of at most 5 s, the
// node's status within 10.4 s; then the deletions are acted upon.
func TestAContainerRuntimeThatReturnsLateLetsPendingDeletionsGo(t *testing.T) {
	const length = 10 * time.Minute
	for seed := range uint64(40) {
		w := watch(t, seed+1, length+2*time.Minute, onNode("f", "runtime-down", length))
		within(t, seed, "ready", w.ready, 1, length, length+16*second)
		within(t, seed, "gone", w.gone, 2, length, length+14*second)
		if w.alive("n-1") != 0 || w.restarts != 0 {
			t.Errorf("seed %d: %d pods run, %d restarts", seed, w.alive("n-1"), w.restarts)
		}
	}
}

// Source: as above: nothing is 30 s old.
func TestAContainerRuntimeThatReturnsWithin25SecondsIsNotMissed(t *testing.T) {
	for seed := range uint64(40) {
		w := watch(t, seed+1, 15*time.Minute, onNode("f", "runtime-down", 25*second))
		if len(w.notReady)+len(w.unknown)+len(w.lost)+len(w.fresh)+len(w.deleting)+int(w.restarts) != 0 {
			t.Errorf("seed %d: %+v", seed, w)
		}
	}
}

// Source: node_lifecycle_controller.go (monitor every 5 s, grace 50 s), its eviction
// queues (looked at every 100 ms), tainteviction (300 s); a lease is 0 to 10.4 s old.
// The containers are gone, and the objects stay as long as the machine does not come
// back, although their owners have replaced them.
func TestPowerLossSecondBySecond(t *testing.T) {
	for seed := range uint64(40) {
		w := watch(t, seed+1, 15*time.Minute, onNode("f", "node-down", time.Hour))
		if len(w.unknown) != 1 {
			t.Fatalf("seed %d: Unknown at %v", seed, w.unknown)
		}
		at := w.unknown[0]
		within(t, seed, "Unknown", w.unknown, 1, 39600*time.Millisecond, 60*second)
		within(t, seed, "not ready by itself", w.notReady, 0, 0, 0)
		within(t, seed, "NoSchedule", []time.Duration{w.taints[model.TaintUnreachable+":NoSchedule"]}, 1, at, at+second/10)
		within(t, seed, "pods not Ready", w.lost, 2, at, at+second)
		within(t, seed, "endpoints drained", w.drained, 2, at, at+2*second)
		out := w.taints[model.TaintUnreachable+":NoExecute"]
		within(t, seed, "NoExecute", []time.Duration{out}, 1, at, at+11*second)
		within(t, seed, "deletion", w.deleting, 2, out+300*second, out+301*second)
		within(t, seed, "replacement", w.fresh, 2, out+300*second, out+301*second)
		within(t, seed, "gone", w.gone, 0, 0, 0)
	}
}

// Source: as above; pkg/kubelet/kubelet.go (a kubelet that starts says Ready with its
// first status), tainteviction (no taint, no deletion), status_manager.go (every pod's
// status is compared every 10 s). The containers run all the time.
func TestAKubeletThatIsBackWithinFiveMinutesLosesNoPodButTheirTraffic(t *testing.T) {
	const length = 4 * time.Minute
	for seed := range uint64(40) {
		w := watch(t, seed+1, 15*time.Minute, onNode("f", "kubelet-stop", length))
		within(t, seed, "Unknown", w.unknown, 1, 39600*time.Millisecond, 60*second)
		within(t, seed, "pods not Ready", w.lost, 2, 39600*time.Millisecond, 61*second)
		within(t, seed, "endpoints drained", w.drained, 2, 39600*time.Millisecond, 62*second)
		within(t, seed, "ready", w.ready, 1, length, length+10*second)
		within(t, seed, "pods Ready", w.back, 2, length, length+20*second)
		if len(w.deleting)+len(w.fresh)+int(w.restarts) != 0 || w.alive("n-1") != 2 {
			t.Errorf("seed %d: %d deleted, %d made, %d restarts, %d run", seed, len(w.deleting), len(w.fresh), w.restarts, w.alive("n-1"))
		}
	}
}

// Source: as above: after the deletion the kubelet that is back ends the pods with all
// of their grace, which these do not need.
func TestAKubeletThatIsBackAfterSevenMinutesEndsPodsThatWereReplaced(t *testing.T) {
	const length = 7 * time.Minute
	for seed := range uint64(40) {
		w := watch(t, seed+1, 15*time.Minute, onNode("f", "kubelet-stop", length))
		within(t, seed, "deletion", w.deleting, 2, 339*second, 371*second)
		within(t, seed, "replacement", w.fresh, 2, 339*second, 371*second)
		within(t, seed, "gone", w.gone, 2, length, length+10*second)
		if w.alive("n-1") != 0 || w.restarts != 0 {
			t.Errorf("seed %d: %d run, %d restarts", seed, w.alive("n-1"), w.restarts)
		}
	}
}

// Source: as above; client-go's reflector.go (a list is tried again after up to 60 s),
// kubelet.go (heartbeats every 10.4 s at most, over a new connection). The kubelet gives
// pods all of their grace from when it learns of their deletion: they take 20 s.
func TestAPartitionThatHealsAfterSixMinutesEndsWithBothReplicasRunning(t *testing.T) {
	const length = 6 * time.Minute
	late := 0
	for seed := range uint64(40) {
		c := shop(seed+1, 6, 12, onNode("f", "partition", length))
		c.Behaviors = runtime.Behaviors{{Stop: sim.Constant(20 * second)}}
		w := watchConfig(t, c, 15*time.Minute)
		within(t, seed, "Unknown", w.unknown, 1, 39600*time.Millisecond, 60*second)
		within(t, seed, "endpoints drained", w.drained, 2, 39600*time.Millisecond, 62*second)
		within(t, seed, "deletion", w.deleting, 2, 339*second, 371*second)
		if len(w.fresh) == 2 && w.fresh[0] > length {
			late++ // the taint came 10 s later than it usually does
		}
		within(t, seed, "ready", w.ready, 1, length, length+75*second)
		within(t, seed, "gone", w.gone, 2, length+20*second, length+85*second)
		if len(w.fresh) != 2 || w.restarts != 0 {
			t.Errorf("seed %d: %d made, %d restarts", seed, len(w.fresh), w.restarts)
		}
	}
	if late > 4 {
		t.Errorf("%d of 40 seeds had the taint late", late)
	}
}

// Source: as above: without the NoExecute taint the deletions that are planned are not.
func TestAPartitionThatHealsAfterFourMinutesLosesNoPod(t *testing.T) {
	const length = 4 * time.Minute
	for seed := range uint64(40) {
		w := watch(t, seed+1, 15*time.Minute, onNode("f", "partition", length))
		within(t, seed, "ready", w.ready, 1, length, length+75*second)
		within(t, seed, "pods Ready", w.back, 2, length, length+85*second)
		if len(w.deleting)+len(w.fresh)+int(w.restarts) != 0 {
			t.Errorf("seed %d: %d deleted, %d made, %d restarts", seed, len(w.deleting), len(w.fresh), w.restarts)
		}
	}
}

// Source: pkg/kubelet/kubelet_pods.go, pkg/kubelet/kuberuntime/util PodSandboxChanged, containerd
// internal/cri/server/restart.go: whether or not the node controller noticed, the same pods run
// on in new sandboxes, each container once more, with exit code 255 for the instance that the
// reboot ended.
func TestAfterARebootTheSamePodsRunOnInNewSandboxes(t *testing.T) {
	noticed := 0
	for seed := range uint64(40) {
		w := watch(t, seed+1, 10*time.Minute, onNode("f", "node-reboot", 0))
		noticed += len(w.unknown)
		within(t, seed, "ready", w.ready, 1, 30*second, 90*second)
		within(t, seed, "pods Ready", w.back, 2, 30*second, 100*second)
		if len(w.deleting)+len(w.fresh) != 0 || w.restarts != 2 || w.alive("n-1") != 2 || len(w.notes["Rebooted"]) != 1 {
			t.Errorf("seed %d: %d deleted, %d made, %d restarts, %d run", seed, len(w.deleting), len(w.fresh), w.restarts, w.alive("n-1"))
		}
		w.x.Store.Snapshot().Each(model.KindPod, func(o model.Object) bool {
			if p := o.(*model.Pod); p.NodeName == "n-1" && p.Containers[0].ExitCode != 255 {
				t.Errorf("seed %d: %s ended with %d", seed, p.Name, p.Containers[0].ExitCode)
			}
			return true
		})
	}
	if noticed == 0 || noticed == 40 {
		t.Errorf("with %d of 40 seeds the node was Unknown before it was back: a boot takes 30 to 60 s", noticed)
	}
}

// Source: pkg/kubelet/kubelet.go fastStatusUpdateOnce,
// pkg/controller/nodelifecycle/node_lifecycle_controller.go doNoScheduleTaintingPass (and its
// monitor, every 5 s): a node that boots after it was tainted is not ready until its runtime has
// a network, is free of NoSchedule at once then, and of NoExecute within a pass.
func TestANodeThatBootsAfterItWasTaintedIsUsedAgainWithinAMonitorPassOfReady(t *testing.T) {
	const length = 2 * time.Minute
	for seed := range uint64(40) {
		w := watch(t, seed+1, 10*time.Minute, onNode("f", "node-down", length))
		within(t, seed, "Unknown", w.unknown, 1, 39600*time.Millisecond, 60*second)
		within(t, seed, "ready", w.ready, 1, length+30*second, length+90*second)
		if len(w.ready) != 1 {
			continue
		}
		at := w.ready[0]
		within(t, seed, "free of NoSchedule", []time.Duration{w.freed[model.NoSchedule]}, 1, at, at+second)
		within(t, seed, "free of NoExecute", []time.Duration{w.freed[model.NoExecute]}, 1, at, at+6*second)
		if len(w.deleting)+len(w.fresh) != 0 || w.restarts != 2 {
			t.Errorf("seed %d: %d deleted, %d made, %d restarts", seed, len(w.deleting), len(w.fresh), w.restarts)
		}
	}
}

// Source: pkg/kubelet/status, gate ChangeContainerStatusOnKubeletRestart (off from v1.35
// on): containers that started more than 10 s before the kubelet keep their ready state;
// kubelet.go (the runtime's status is asked for before the node's is said).
func TestARestartOfTheKubeletShowsNowhere(t *testing.T) {
	for seed := range uint64(40) {
		c := shop(seed+1, 6, 12, onNode("f", "kubelet-restart", 0))
		probed(c.Objects[0].(*model.Deployment))
		w := watchConfig(t, c, 5*time.Minute)
		if len(w.notReady)+len(w.unknown)+len(w.lost)+len(w.drained)+len(w.deleting)+len(w.fresh)+int(w.restarts) != 0 {
			t.Errorf("seed %d: %+v", seed, w)
		}
	}
}

// probed gives the containers of a Deployment a readiness probe.
func probed(d *model.Deployment) {
	spec := *d.Template.Spec
	spec.Containers = slices.Clone(spec.Containers)
	spec.Containers[0].Readiness = &model.Probe{Period: 10 * second}
	template := *d.Template
	template.Spec = &spec
	d.Template = &template
}

// Source: pkg/kubelet/config/apiserver.go, which waits for the node to be known: a kubelet that
// starts while it hears nothing of the API leaves the pods that run alone: nobody restarts,
// probes or ends them until it does.
func TestAKubeletThatRestartsWithoutTheAPILeavesItsPodsAlone(t *testing.T) {
	const cut = 3 * time.Minute
	restart, crash := onNode("r", "kubelet-restart", 0), onNode("c", "container-crash", 0)
	restart.At, crash.At = lossAt.Add(10*second), lossAt.Add(30*second)
	crash.Target = fault.Target{Match: model.SelectorOf(model.MakeLabels(map[string]string{"app": "web"}))}
	for seed := range uint64(20) {
		c := shop(seed+1, 6, 12, onNode("f", "partition", cut), restart, crash)
		crash.Target.Match = c.Objects[0].(*model.Deployment).Selector
		c.Faults[2] = crash
		w := watchConfig(t, c, 2*time.Minute)
		if w.alive("n-1") != 0 || w.alive("n-2") != 2 {
			t.Errorf("seed %d: after 2 min %d pods run on the node that is cut off, and %d on another", seed, w.alive("n-1"), w.alive("n-2"))
		}
		if w = watchConfig(t, c, 6*time.Minute); w.alive("n-1") != 2 {
			t.Errorf("seed %d: after 6 min %d pods run", seed, w.alive("n-1"))
		}
	}
}

// Source: as the tables above: 50 s of silence are noticed and 20 s are not, whatever
// the number; a runtime that is away for 50 s is, too. Every return ends it.
func TestANodeThatFlapsIsLostOnceAPeriodIfItIsAwayForLongEnough(t *testing.T) {
	for _, c := range []struct {
		down      time.Duration
		ofRuntime bool
		times     int
	}{{80 * second, false, 5}, {25 * second, false, 0}, {70 * second, true, 5}, {20 * second, true, 0}} {
		for seed := range uint64(10) {
			f := onNode("f", "node-flapping", 15*time.Minute)
			f.Period, f.Down, f.OfRuntime = 3*time.Minute, c.down, c.ofRuntime
			w := watch(t, seed+1, 20*time.Minute, f)
			if lost := len(w.unknown) + len(w.notReady); lost != c.times || len(w.ready) != c.times {
				t.Errorf("seed %d: away for %v, lost %d times and ready again %d times, want %d", seed, c.down, lost, len(w.ready), c.times)
			}
			if len(w.deleting) != 0 || w.restarts != 0 {
				t.Errorf("seed %d: %d pods deleted, %d restarts", seed, len(w.deleting), w.restarts)
			}
		}
	}
}

// Source: pkg/kubelet/nodeshutdown/nodeshutdown_manager_linux.go: the node is not ready
// at once, its pods fail with reason Terminated, and their owner makes new ones before
// the machine is gone. Without shutdownGracePeriod, which is the default, it is power
// loss.
func TestAGracefulShutdownFailsThePodsAndTheirOwnerReplacesThem(t *testing.T) {
	for seed := range uint64(20) {
		f := onNode("f", "node-reboot", 0)
		f.Graceful = true
		c := shop(seed+1, 6, 12, f)
		c.Behaviors = runtime.Behaviors{{Stop: sim.Constant(5 * second)}}
		c.Shutdown.Nodes = map[string]kubelet.Shutdown{"n-1": kubelet.NewShutdown(30*second, 10*second)}
		w := watchConfig(t, c, 10*time.Minute)
		within(t, seed, "not ready", w.notReady, 1, 0, second)
		within(t, seed, "pods failed", w.failed, 2, 5*second, 7*second)
		within(t, seed, "replacement", w.fresh, 2, 5*second, 7*second)
		within(t, seed, "ready", w.ready, 1, 36*second, 100*second)
		if w.restarts != 0 || w.alive("n-1") > 2 {
			t.Errorf("seed %d: %d restarts, %d run", seed, w.restarts, w.alive("n-1"))
		}
		c.Shutdown = cluster.Shutdowns{}
		if w = watchConfig(t, c, 10*time.Minute); len(w.failed)+len(w.fresh) != 0 || w.restarts != 2 {
			t.Errorf("seed %d: without a grace period %d pods failed, %d made, %d restarts", seed, len(w.failed), len(w.fresh), w.restarts)
		}
	}
}
