package cluster_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/fault"
	"orrery/model/store"
	"orrery/sim"
)

// onNodes is shop with a control plane whose machines are nodes, watched by the
// invariants.
func onNodes(t *testing.T, seed uint64, replicas int, faults ...fault.Spec) *cluster.Cluster {
	t.Helper()
	c := shop(seed, 6, 12, faults...)
	c.ControlPlane = cluster.ControlPlane{Replicas: replicas, Zones: []string{"a", "b", "c"}, Nodes: true}
	x := built(t, c)
	broken := cluster.Watch(x.Store)
	t.Cleanup(func() {
		for _, b := range broken.Broken {
			t.Error(b)
		}
	})
	return x
}

func runTo(t *testing.T, x *cluster.Cluster, at sim.Time) {
	t.Helper()
	if err := x.Run(at); err != nil {
		t.Fatal(err)
	}
}

// systemPod is a pod of kube-system, nil if there is none.
func systemPod(x *cluster.Cluster, name string) *model.Pod {
	p, _ := x.Store.Lookup(model.KindPod, model.NamespaceSystem, name).(*model.Pod)
	return p
}

func nodeOf(x *cluster.Cluster, name string) *model.Node {
	n, _ := x.Store.Lookup(model.KindNode, "", name).(*model.Node)
	return n
}

// Source: cmd/kubeadm/app/phases/markcontrolplane, phases/controlplane/manifests.go,
// phases/etcd/local.go: label, taint, the four static pods and what they ask for.
func TestControlPlaneMachinesAreNodesAsKubeadmMakesThem(t *testing.T) {
	x := onNodes(t, 1, 3)
	runTo(t, x, lossAt)
	for i := range 3 {
		name := fmt.Sprint("cp-", i)
		n := nodeOf(x, name)
		if n == nil || !n.ControlPlane() || !model.HasTaint(n.Taints, model.LabelControlPlane, model.NoSchedule) ||
			n.Ready.Status != model.True || n.Capacity.CPUMilli != 2000 || n.Capacity.MemoryBytes != 4<<30 || n.Labels.Value(model.LabelZone) != string(rune('a'+i)) {
			t.Fatalf("%s: %+v", name, n)
		}
		for pod, cpu := range map[string]int64{"etcd": 100, "kube-apiserver": 250, "kube-controller-manager": 200, "kube-scheduler": 100} {
			p := systemPod(x, pod+"-"+name)
			if p == nil || !p.IsReady() || !p.Mirror() || p.NodeID != n.ID || p.Spec.Request.CPUMilli != cpu || p.Spec.Priority != 2_000_001_000 {
				t.Errorf("%s on %s: %+v", pod, name, p)
			}
		}
	}
	x.Store.Snapshot().Each(model.KindPod, func(o model.Object) bool {
		if p := o.(*model.Pod); strings.HasPrefix(p.NodeName, "cp-") && !p.Mirror() {
			t.Errorf("%s is on %s, whose taint it does not tolerate", p.Name, p.NodeName)
		}
		return true
	})
}

// Machines of the control plane that stand still cost no events.
func TestIdleControlPlaneNodesCostNothing(t *testing.T) {
	x := onNodes(t, 1, 3)
	runTo(t, x, sim.Time(time.Hour))
	before := x.Kernel.Events()
	runTo(t, x, sim.Time(25*time.Hour))
	if n := x.Kernel.Events() - before; n != 0 {
		t.Errorf("an idle day costs %d events", n)
	}
}

// Every tick as an event makes the same history, with a machine that goes and comes
// back.
func TestControlPlaneNodesAreTheSameInLiteralMode(t *testing.T) {
	run := func(literal bool) *cluster.Cluster {
		c := shop(3, 4, 6, fault.Spec{ID: "loss", Fault: "node-down", At: lossAt, For: 3 * time.Minute, Target: fault.Target{Names: []string{"cp-1"}}})
		c.ControlPlane = cluster.ControlPlane{Replicas: 3, Nodes: true}
		c.Literal, c.Duration = literal, 12*time.Minute
		x, err := cluster.New(c)
		if err != nil {
			t.Fatal(err)
		}
		runTo(t, x, sim.Time(c.Duration))
		return x
	}
	same(t, 3, "every tick an event", run(false), run(true))
}

// Source: pkg/controller/nodelifecycle/node_lifecycle_controller.go: without the whole control
// plane pods run and serve, and nothing is written; what returns with the machine's
// boot evicts nobody, as every node gets its grace anew.
func TestTheOnlyControlPlaneMachineGoesAndNothingElseDoes(t *testing.T) {
	for seed := range uint64(10) {
		loss := fault.Spec{ID: "loss", Fault: "node-down", At: lossAt, For: 10 * time.Minute, Target: fault.Target{Names: []string{"cp-0"}}}
		x := onNodes(t, seed+1, 1, loss)
		runTo(t, x, sim.Time(40*time.Minute))
		h := x.Store.History()
		end := lossAt.Add(10 * time.Minute)
		for i := range h.Len() {
			r := h.At(i)
			// What etcd had on its way when the power went is done within milliseconds.
			if frozen := r.At > lossAt.Add(time.Second) && r.At < end.Add(30*time.Second); frozen && r.Verb != store.Noted {
				t.Errorf("seed %d: %v: %s was written without a control plane", seed, r.At, r.Object().Head().Path())
			}
			if tr := r.Note; r.At > lossAt && tr != nil && tr.Traffic != nil && tr.Traffic.ServedMilliRPS != tr.Traffic.OfferedMilliRPS {
				t.Errorf("seed %d: %v: %d of %d served", seed, r.At, tr.Traffic.ServedMilliRPS, tr.Traffic.OfferedMilliRPS)
			}
			if p, ok := r.Object().(*model.Pod); ok && p.Deleting() {
				t.Errorf("seed %d: %v: %s is to go", seed, r.At, p.Name)
			}
		}
		if n := nodeOf(x, "cp-0"); n.Ready.Status != model.True {
			t.Errorf("seed %d: cp-0 is not Ready again", seed)
		}
		for _, pod := range []string{"etcd-cp-0", "kube-scheduler-cp-0", "kube-apiserver-cp-0", "kube-controller-manager-cp-0"} {
			if p := systemPod(x, pod); !p.IsReady() || p.Restarts() != 1 || p.Containers[0].ExitCode != 255 {
				t.Errorf("seed %d: %s after the boot: %+v", seed, pod, p.Containers)
			}
		}
	}
}

// People's kubectl is on no machine of the cluster, and each makes a connection of its own: the
// loss of one machine of three, the first too, is nothing to them. Source:
// k8s.io/component-helpers/apimachinery/lease/controller.go: heartbeats that nobody answers move
// to another API server within 30 s, so no other node is not Ready.
func TestTheLossOfOneControlPlaneMachineOfThreeIsNothingToPeopleAndOtherNodes(t *testing.T) {
	for machine := range 3 {
		name := fmt.Sprint("cp-", machine)
		c := replicated(uint64(machine), fault.Spec{ID: "loss", Fault: "node-down", At: lossAt, For: 10 * time.Minute, Target: fault.Target{Names: []string{name}}})
		c.ControlPlane.Nodes, c.Actions[0].At = true, lossAt.Add(10*time.Second)
		x, err := cluster.New(c)
		if err != nil {
			t.Fatal(err)
		}
		runTo(t, x, lossAt.Add(9*time.Minute))
		h := x.Store.History()
		for i := range h.Len() {
			if n := h.At(i).Note; n != nil && (n.Reason == "ActionFailed" || n.Reason == "NodeNotReady" && n.Object().Kind == model.KindNode && n.Path() != "node/"+name) {
				t.Errorf("without %s: %v: %s: %s", name, h.At(i).At, n.Path(), n.Message)
			}
		}
		if d := x.Store.Lookup(model.KindDeployment, "default", "app-000").(*model.Deployment); d.ReadyReplicas != 40 {
			t.Errorf("without %s: %d of 40 pods", name, d.ReadyReplicas)
		}
	}
}

// A crash of a static pod's container is one of its process, which is started again
// with the container.
func TestACrashedContainerIsACrashedProcess(t *testing.T) {
	crash := fault.Spec{ID: "crash", Fault: "container-crash", At: lossAt, Target: fault.Target{Namespace: model.NamespaceSystem, Names: []string{"kube-controller-manager-cp-0"}}}
	x := onNodes(t, 1, 1, crash, fault.Spec{ID: "loss", Fault: "node-down", At: lossAt.Add(time.Minute), Target: fault.Target{Names: []string{"n-1"}}})
	runTo(t, x, sim.Time(30*time.Minute))
	if p := systemPod(x, "kube-controller-manager-cp-0"); p.Restarts() != 1 || !p.IsReady() {
		t.Errorf("it was restarted %d times", p.Restarts())
	}
	if n := running(x); n < 12+4 {
		t.Errorf("%d pods run: those of the lost node were not replaced", n)
	}
}

// A kubelet that is stopped leaves the processes of its machine alone.
func TestAKubeletThatStopsLeavesTheControlPlaneAlone(t *testing.T) {
	stop := fault.Spec{ID: "stop", Fault: "kubelet-stop", At: lossAt, Target: fault.Target{Names: []string{"cp-0"}}}
	x := onNodes(t, 1, 1, stop, fault.Spec{ID: "loss", Fault: "node-down", At: lossAt.Add(time.Minute), Target: fault.Target{Names: []string{"n-1"}}})
	runTo(t, x, sim.Time(40*time.Minute))
	if n := nodeOf(x, "cp-0"); n.Ready.Status != model.Unknown {
		t.Error("nobody noticed")
	}
	if p := systemPod(x, "etcd-cp-0"); p == nil || p.Deleting() || p.Restarts() != 0 {
		t.Error("etcd's pod was evicted or restarted")
	}
	if n := running(x); n != 12 {
		t.Errorf("%d pods run: those of the lost node were not replaced", n)
	}
}

// Whole zones and names mean the machines of the control plane, too; "all" and
// "three of them" do not.
func TestFaultsHitControlPlaneNodesByNameAndZone(t *testing.T) {
	for _, c := range []struct {
		target fault.Target
		hit    bool
	}{
		{fault.Target{Zone: "b"}, true},
		{fault.Target{Names: []string{"cp-1"}}, true},
		{fault.Target{Match: model.SelectorOf(model.MakeLabels(map[string]string{model.LabelControlPlane: ""}))}, true},
		{fault.Target{PercentPPM: 1_000_000}, false},
		{fault.Target{Zone: "b", Count: 9}, false},
	} {
		x := onNodes(t, 1, 3, fault.Spec{ID: "f", Fault: "kubelet-stop", At: lossAt, Target: c.target})
		runTo(t, x, lossAt.Add(2*time.Minute))
		if hit := nodeOf(x, "cp-1").Ready.Status != model.True; hit != c.hit {
			t.Errorf("%+v: cp-1 hit: %v", c.target, hit)
		}
	}
}

// Source: kubeadm's static pods have no memory limit, and pkg/kubelet/qos/policy.go
// GetContainerOOMScoreAdjust gives all of them -997: when lists fill the machine's
// memory the kernel kills who has most, which is the API server, and the kubelet
// starts it again.
func TestAnAPIServerWithoutALimitTakesWhatItsMachineHas(t *testing.T) {
	for _, memory := range []int64{0, 2 << 30, 64 << 30} {
		flood := fault.Spec{ID: "agent", Fault: "client-flood", At: lossAt, For: 5 * time.Minute, Flood: store.Flood{
			As: store.User("agent"), Right: store.RightList, Kind: model.KindPod, Clients: 1000, Every: 10 * time.Second, Objects: 20_000, ObjectBytes: 2 << 10, Latest: true,
		}}
		flood.Flood.As.Groups = []string{model.GroupMasters}
		c := shop(1, 4, 6, flood)
		c.ControlPlane = cluster.ControlPlane{Nodes: true, MemoryBytes: memory}
		c.ControlPlane.APIServer.EncodesWhole = true
		x, err := cluster.New(c)
		if err != nil {
			t.Fatal(err)
		}
		runTo(t, x, lossAt.Add(15*time.Minute))
		killed, others := 0, 0
		for i := range x.Store.History().Len() {
			if n := x.Store.History().At(i).Note; n != nil && n.Reason == "APIServerOOMKilled" {
				killed++
			}
		}
		for _, pod := range []string{"etcd-cp-0", "kube-scheduler-cp-0", "kube-controller-manager-cp-0"} {
			if p := systemPod(x, pod); p.Containers[0].OOMKilled {
				others++
			}
		}
		p := systemPod(x, "kube-apiserver-cp-0")
		if enough := memory > 8<<30; (killed == 0) != enough || others > 0 || enough != (p.Restarts() == 0) || !p.IsReady() {
			t.Errorf("on a machine of %d GiB it was killed %d times, restarted %d times, ready %v, and %d others were killed", memory>>30, killed, p.Restarts(), p.IsReady(), others)
		}
	}
}
