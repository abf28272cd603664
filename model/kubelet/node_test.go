package kubelet_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
)

// saidOfNode is the reasons of the Events about the node so far, in their order.
func (r *rig) saidOfNode() (out []string) {
	h := r.store.History()
	for i := range h.Len() {
		if n := h.At(i).Note; n != nil && n.Object() == r.node.Ref() {
			out = append(out, n.Reason)
		}
	}
	return out
}

// cordon is a change of spec.unschedulable.
type cordon bool

func (c cordon) Apply(cur model.Object) model.Object {
	n := *cur.(*model.Node)
	n.Unschedulable = bool(c)
	return &n
}

// Source: pkg/kubelet/nodestatus/setters.go ReadyCondition: an Event whenever the status is
// another one.
func TestANodeSaysWhenItIsReadyAgain(t *testing.T) {
	r := newRig(t, 1)
	r.run(time.Minute)
	r.kubelet.StopRuntime()
	r.run(time.Minute)
	r.kubelet.StartRuntime()
	r.run(time.Minute)
	if got, _ := r.ofNode("NodeNotReady", "NodeReady"); len(got) != 2 || !strings.HasPrefix(got[0], "NodeNotReady") || !strings.HasPrefix(got[1], "NodeReady") {
		t.Errorf("%v", got)
	}
}

// Source: v1.35 pkg/kubelet/kubelet.go BirthCry, cm/node_container_manager_linux.go
// enforceNodeAllocatableCgroups, kubelet_node_status.go registerWithAPIServer (initialNode has no
// conditions yet), nodestatus/setters.go: what kubectl describe node shows of a kubelet that
// starts. What it is not short of it says again with its first status if the node controller has
// found it silent.
func TestAKubeletThatStartsSaysSoAndWhatItIsNotShortOf(t *testing.T) {
	r := newRig(t, 1)
	r.run(time.Minute)
	if got := r.saidOfNode(); len(got) != 0 {
		t.Errorf("one that has long been running says %v", got)
	}
	r.kubelet.Stop()
	r.kubelet.Resume()
	r.run(time.Minute)
	start := []string{"Starting", "NodeAllocatableEnforced", "NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"}
	if got := r.saidOfNode(); !slices.Equal(got, start) {
		t.Errorf("one that starts anew says %v", got)
	}
	r.user.Patch(r.node.Ref(), silent{}, 0)
	r.run(time.Minute)
	if got := r.saidOfNode(); !slices.Equal(got, append(start, "NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID", "NodeReady")) {
		t.Errorf("one that was found silent says %v", got)
	}
}

// Source: v1.35 pkg/kubelet/nodestatus/setters.go MachineInfo: that the machine has booted the kubelet says
// with its first status, if the API shows another boot: not while no server answers, and not of a node
// whose object was deleted.
func TestANodeSaysThatItWasRebootedWithItsFirstStatus(t *testing.T) {
	for _, deleted := range []bool{false, true} {
		r := newRig(t, 1)
		r.run(time.Minute)
		r.server.Stop()
		r.kubelet.PowerOff()
		r.kubelet.PowerOn()
		r.run(2 * time.Minute)
		if got := r.saidOfNode(); !slices.Contains(got, "Starting") || slices.Contains(got, "Rebooted") {
			t.Errorf("without an API server: %v", got)
		}
		r.server.Start()
		if deleted {
			r.store.Delete(r.user.Actor, r.node.Ref())
		}
		r.run(time.Minute)
		got := r.saidOfNode()
		at := slices.Index(got, "Rebooted")
		if told := at > slices.Index(got, "NodeHasSufficientPID"); told == deleted {
			t.Errorf("deleted %v: %v", deleted, got)
		}
	}
}

// silent is what the node controller writes about a node that is.
type silent struct{}

func (silent) Apply(cur model.Object) model.Object {
	n := *cur.(*model.Node)
	n.Ready = model.Condition{Status: model.Unknown, Reason: "NodeStatusUnknown"}
	return &n
}

// Source: pkg/kubelet/kubelet_node_status.go recordNodeSchedulableEvent: at the next look of
// the node status loop, of up to 10.4 s; and a process that starts does not know of it.
func TestANodeSaysThatItWasCordoned(t *testing.T) {
	r := newRig(t, 1)
	r.user.Patch(r.node.Ref(), cordon(true), 0)
	at := r.until("the Event", 11*time.Second, func() bool { return slices.Contains(r.saidOfNode(), "NodeNotSchedulable") })
	if at == 0 {
		t.Error("it came without a look")
	}
	r.run(time.Minute)
	r.kubelet.Stop()
	r.kubelet.Resume()
	r.run(time.Minute)
	r.user.Patch(r.node.Ref(), cordon(false), 0)
	r.run(time.Minute)
	got := slices.DeleteFunc(r.saidOfNode(), func(s string) bool { return !strings.HasSuffix(s, "Schedulable") })
	if !slices.Equal(got, []string{"NodeNotSchedulable", "NodeNotSchedulable", "NodeSchedulable"}) {
		t.Errorf("%v", got)
	}
}

// Source: pkg/kubelet/kuberuntime/kuberuntime_manager.go SyncPod: a pod that had a sandbox
// and has none is told that it gets a new one, one that never had any is not.
func TestANewSandboxAfterARebootIsAnEvent(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("web", nil)
	r.ready(p)
	if n := len(r.notes(p, "SandboxChanged")); n != 0 {
		t.Errorf("%d Events at the first start", n)
	}
	r.kubelet.PowerOff()
	r.kubelet.PowerOn()
	r.until("it runs again", 5*time.Minute, func() bool { return r.alive(p) })
	if n := len(r.said(p, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")); n != 1 {
		t.Errorf("%d Events after the reboot", n)
	}
}

// Source: pkg/kubelet/oom/oom_watcher_linux.go, and cadvisor's utils/oomparser, to which
// every kill is one of "/" that is not for a cgroup's limit: the machine is full, whoever dies
// of it. A container at its limit is no SystemOOM, nor are pods at that of kubepods,
// which is less than the machine has only where something is reserved.
func TestAFullMachineIsASystemOOM(t *testing.T) {
	r := newRig(t, 1, behaving(uses("large", 4*gib, 0), uses("limited", 0, 100<<20), uses("leak", 20*gib, 500<<20)))
	limited := r.pod("limited", func(s *model.PodSpec) { s.Containers[0].Limits.MemoryBytes = gib })
	r.until("a container is killed", time.Minute, func() bool { return r.get(limited).Restarts() > 0 })
	if got := r.saidOfNode(); slices.Contains(got, "SystemOOM") {
		t.Errorf("at a container's limit: %v", got)
	}
	leak := r.pod("leak", asks(gib, 0))
	r.until("pods have all there is", 5*time.Minute, func() bool { return r.get(leak).Restarts() > 0 })
	if got := r.saidOfNode(); !slices.Contains(got, "SystemOOM") {
		t.Errorf("without anything reserved: %v", got)
	}

	r = newRig(t, 1, behaving(uses("leak", 20*gib, 500<<20)), withNode(func(n *model.Node) { n.Allocatable.MemoryBytes -= gib + 100<<20 }))
	leak = r.pod("leak", asks(gib, 0))
	r.until("pods have what is not reserved", 5*time.Minute, func() bool { return r.get(leak).Restarts() > 0 })
	if got := r.saidOfNode(); slices.Contains(got, "SystemOOM") {
		t.Errorf("with 1 GiB reserved: %v", got)
	}

	r = newRig(t, 1, behaving(uses("large", 4*gib, 0)))
	large := r.pod("large", nil)
	r.ready(large)
	r.kubelet.TakeMemory(1_000_000, 0, -999)
	r.until("a container is killed", time.Minute, func() bool {
		return !r.alive(large)
	})
	if got := r.saidOfNode(); !slices.Contains(got, "SystemOOM") {
		t.Errorf("%v", got)
	}
	h := r.store.History()
	for i := range h.Len() {
		if n := h.At(i).Note; n != nil && n.Reason == "SystemOOM" && (!n.Warning || n.Text() != "System OOM encountered") {
			t.Errorf("%+v", n)
		}
	}
}

// lostNode has the API show that the node is silent.
func (r *rig) lostNode() {
	n := silent{}.Apply(r.store.Get(r.node.Ref())).(*model.Node)
	n.Ready.SinceAt = r.Now()
	r.store.Update(r.user.Actor, n)
}

// Source: kubelet_node_status.go syncNodeStatus: nothing is said of a node that is not registered
// yet, which a kubelet tries 0.1, 0.3, 0.7, 1.5, 3.1, 6.3, 12.7 and 19.7 s after its start.
func TestANodeIsNotReadyBeforeItsKubeletHasRegisteredIt(t *testing.T) {
	for seed := range uint64(6) {
		r := newRig(t, seed)
		r.run(time.Minute)
		r.kubelet.Stop()
		r.server.Stop()
		r.lostNode()
		from := r.Now()
		r.kubelet.Resume() // which takes 1 to 3 s
		r.run(15800 * time.Millisecond)
		r.server.Start()
		at := r.until("ready", time.Minute, r.nodeReady).Sub(from)
		if at < 20700*time.Millisecond || at > 22900*time.Millisecond {
			t.Errorf("seed %d: ready after %v", seed, at)
		}
	}
}

// Source: kubelet_node_status.go fastNodeStatusUpdate: who starts looks every 100 ms until the
// node is ready, but at a node that is ready as far as the API knows only once.
func TestAMachineThatBootsBeforeItsSilenceIsNoticedIsReadyWithAnOrdinaryLook(t *testing.T) {
	soon := 0
	for seed := range uint64(12) {
		for _, noticed := range []bool{false, true} {
			r := newRig(t, seed)
			r.run(time.Minute)
			r.kubelet.PowerOff()
			r.run(time.Second)
			if noticed {
				r.lostNode()
			}
			r.kubelet.PowerOn()
			r.until("not ready", 2*time.Minute, func() bool { return r.shownNode().Ready.Status == model.False })
			not := r.shownNode().Ready.SinceAt
			r.until("ready", 2*time.Minute, r.nodeReady)
			took := r.shownNode().Ready.SinceAt.Sub(not)
			late := took % (10 * time.Second)
			switch {
			case noticed && took < 10*time.Second:
				soon++
			case !noticed && (took < 10*time.Second || late > 2*time.Second):
				t.Errorf("seed %d: ready %v after the first status", seed, took)
			}
		}
	}
	if soon == 0 {
		t.Error("nobody looks more often at a node that is not ready")
	}
}
