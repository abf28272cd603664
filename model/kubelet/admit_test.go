package kubelet_test

import (
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// sets is a pod that sets kernel parameters.
func sets(names ...string) func(*model.PodSpec) {
	return func(s *model.PodSpec) { s.Sysctls = names }
}

// podFor is a pod that says by a label for which operating system it is.
func (r *rig) podFor(os string, f func(*model.PodSpec)) *model.Pod {
	return r.labeled(os, model.MakeLabels(map[string]string{model.LabelOS: os}), f)
}

// Source: v1.35 pkg/kubelet/sysctl/allowlist.go validateSysctl, safe_sysctls.go: "Safe,
// allowed sysctls can always be used"; of others the first that is not allowed is named.
func TestAPodMaySetSafeKernelParametersAndThoseThatItsKubeletAllows(t *testing.T) {
	r := newRig(t, 1, func(r *rig) { r.config.Sysctls = []string{"kernel.msg*", "net.core.somaxconn"} })
	r.ready(r.pod("safe", sets("net.ipv4.tcp_syncookies", "kernel.shm_rmid_forced", "net.ipv4.tcp_wmem")))
	r.ready(r.pod("allowed", sets("kernel.msgmax", "kernel.msgmni", "net.core.somaxconn")))
	r.failed(r.pod("other", sets("kernel.msgmax", "net.core.somaxconn2", "vm.swappiness")), "SysctlForbidden",
		`Pod was rejected: forbidden sysctl: "net.core.somaxconn2" not allowlisted`)
	r.failed(r.pod("of-the-node", sets("kernel.shmmax")), "SysctlForbidden", `Pod was rejected: forbidden sysctl: "kernel.shmmax" not allowlisted`)
	standard := newRig(t, 1)
	standard.ready(standard.pod("safe", sets("net.ipv4.tcp_keepalive_probes")))
	unsafe := standard.pod("unsafe", sets("net.core.somaxconn"))
	standard.failed(unsafe, "SysctlForbidden", `Pod was rejected: forbidden sysctl: "net.core.somaxconn" not allowlisted`)
	if notes := standard.said(unsafe, "SysctlForbidden", `forbidden sysctl: "net.core.somaxconn" not allowlisted`); len(notes) != 1 {
		t.Errorf("%d Events", len(notes))
	}
}

// Source: v1.35 pkg/kubelet/kubelet.go NewMainKubelet, the order of the handlers: eviction,
// sysctls, resource managers, predicates; lifecycle/predicate.go Admit: what preemption will
// not help comes first.
func TestOfSeveralReasonsAgainstAPodTheFirstHandlerSaysItsOwn(t *testing.T) {
	large := func(s *model.PodSpec) { s.Containers[0].Requests.CPUMilli = 9000 }
	full := newRig(t, 1, diskOf(100*gib))
	full.ready(full.pod("web", nil))
	full.kubelet.FillDisk(950_000)
	full.until("DiskPressure", time.Minute, full.full)
	full.failed(full.pod("late", sets("vm.swappiness")), "Evicted", "Pod was rejected: The node had condition: [DiskPressure]. ")
	r := newRig(t, 1)
	r.failed(r.pod("both", func(s *model.PodSpec) { large(s); sets("vm.swappiness")(s) }), "SysctlForbidden",
		`Pod was rejected: forbidden sysctl: "vm.swappiness" not allowlisted`)
	windows := r.podFor("windows", large)
	r.failed(windows, "PodOSSelectorNodeLabelDoesNotMatch", "Pod was rejected: Failed to admit pod as the `kubernetes.io/os` label doesn't match node label")
	r.ready(r.podFor("linux", nil))
}

// Source: v1.35 pkg/kubelet/kubelet.go HandlePodRemoves (podManager.RemovePod) and
// kubelet_pods.go GetActivePods: a pod that was deleted by force has no place any more when the
// next one is admitted, though its containers have their grace.
func TestAPodThatWasDeletedByForceIsNotInTheWay(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Stop: sim.Constant(20 * time.Second)}))
	p := r.pod("old", sized(6000, false))
	r.ready(p)
	r.user.Delete(p.Ref(), 0, 0)
	r.run(time.Second)
	next := r.pod("next", sized(6000, false))
	r.ready(next)
	if !r.alive(p) || r.get(p) != nil {
		t.Error("the first has ended, or its object is there")
	}
	r.run(time.Minute)
	if r.alive(p) || !r.get(next).IsReady() {
		t.Error("the first has not ended, or the second is not ready")
	}
	if late := r.pod("late", sized(3000, false)); true {
		r.failed(late, "OutOfcpu", "Pod was rejected: Node didn't have enough resource: cpu, requested: 3000, used: 6000, capacity: 8000")
	}
}

// Source: kubelet.go HandlePodAdditions: of all pods that a kubelet sees at once the oldest
// is admitted first, whichever was changed last.
func TestAKubeletThatStartsAdmitsTheOldestFirst(t *testing.T) {
	r := newRig(t, 1)
	r.kubelet.Stop()
	old, young := r.pod("old", sized(5000, false)), r.pod("young", sized(5000, false))
	r.run(time.Second)
	r.user.Patch(old.Ref(), &model.PodPatch{Labels: []model.LabelPatch{{Key: "x", Value: "y"}}}, 0)
	r.run(time.Second)
	r.kubelet.Resume()
	r.ready(old)
	r.until("the younger is rejected", 15*time.Second, func() bool { return r.get(young).Reason == "OutOfcpu" })
}

// Source: v1.35 kubelet.go HandlePodAdditions, kubelet_pods.go HandlePodCleanups and isAdmittedPodTerminal,
// SyncTerminatingRuntimePod: a pod that a kubelet rejects when it starts again has no worker and
// counts for nobody; what runs of it its first housekeeping stops as it stops orphans, without hooks and
// with a second of grace. That it has failed is told when it is known that it may not run any
// more (status_manager.go mergePodStatus, pod_workers.go CouldHaveRunningContainers).
func TestAPodThatIsRejectedWhileItRunsIsStoppedAsAnOrphan(t *testing.T) {
	for seed := range uint64(20) {
		r := newRig(t, seed, behaving(runtime.Behavior{Stop: sim.Constant(10 * time.Second), PreStop: sim.Constant(10 * time.Second)}))
		p := r.pod("web", func(s *model.PodSpec) { sized(5000, false)(s); s.NodeSelector = r.node.Labels })
		r.ready(p)
		r.user.Patch(r.node.Ref(), relabel{}, 0)
		r.run(time.Second)
		r.kubelet.Stop()
		vip := r.pod("vip", criticalPod(5000))
		r.run(time.Second)
		r.kubelet.Resume()
		start := r.until("it is rejected", 10*time.Second, func() bool { return len(r.notes(p, "NodeAffinity")) > 0 })
		r.until("that shows", time.Second, func() bool { return !r.get(p).IsReady() })
		if q := r.get(p); q.Phase != model.PodRunning || q.Reason != "" || q.Containers != nil || !r.alive(p) {
			t.Errorf("seed %d: %v %s, runs %v", seed, q.Phase, q.Reason, r.alive(p))
		}
		dead := r.until("it is stopped", 10*time.Second, func() bool { return !r.alive(p) })
		if d := dead.Sub(start); d < 4*time.Second || d > 7*time.Second {
			t.Errorf("seed %d: dead %v after it was rejected", seed, d)
		}
		r.until("it has failed", 20*time.Second, func() bool { return r.get(p).Phase == model.PodFailed })
		if q := r.get(p); q.Reason != "NodeAffinity" || q.Containers != nil || len(r.notes(p, "Preempting")) != 0 {
			t.Errorf("seed %d: %+v", seed, q)
		}
		r.ready(vip)
		r.user.Delete(p.Ref(), -1, 0)
		r.until("it is gone", time.Second, func() bool { return r.get(p) == nil })
	}
}

// Source: v1.35 eviction_manager.go Start looks at once, config/apiserver.go NewSourceApiserver waits for a
// second before it lists pods; kubelet.go HandlePodAdditions, eviction_manager.go Admit: a kubelet that
// starts while its node is short of disk takes back none of its pods but critical ones
// (kubernetes/kubernetes#83612). A rejected pod tells nothing of its restarts any more.
func TestAKubeletThatStartsUnderPressureRejectsItsPods(t *testing.T) {
	for seed := range uint64(10) {
		r := newRig(t, seed, diskOf(100*gib))
		p, vip := r.pod("web", nil), r.pod("vip", criticalPod(100))
		r.ready(p)
		r.ready(vip)
		r.kubelet.CrashContainer(p.Ref(), "main", 1)
		r.until("it has restarted", time.Minute, func() bool { return r.get(p).Restarts() == 1 })
		r.kubelet.Stop()
		r.kubelet.FillDisk(900_000)
		r.run(time.Minute)
		r.kubelet.Resume()
		r.until("it has failed", 20*time.Second, func() bool { return r.get(p).Phase == model.PodFailed })
		if q := r.get(p); q.Reason != "Evicted" || !strings.Contains(q.Message, "The node had condition: [DiskPressure]") || q.Containers != nil {
			t.Errorf("seed %d: %s: %s, %+v", seed, q.Reason, q.Message, q.Containers)
		}
		r.run(time.Minute)
		if q := r.get(vip); !q.IsReady() || !r.alive(vip) || r.alive(p) {
			t.Errorf("seed %d: vip %v, alive %v, web alive %v", seed, q.Phase, r.alive(vip), r.alive(p))
		}
	}
}

// Source: v1.35 server/stats/summary.go Get ("failed to get node info"), kubelet_getters.go GetNode: a
// kubelet that starts cut off does not know its node, and the eviction manager sees nothing. When it does,
// the kubelet has taken its pods back before the manager looks again, at a tick of its 10 s.
func TestAKubeletThatDoesNotSeeItsNodeSeesNoPressure(t *testing.T) {
	r := newRig(t, 1, diskOf(100*gib))
	p, second := r.pod("web", nil), r.pod("second", nil)
	r.ready(p)
	r.ready(second)
	heal := r.cut()
	r.kubelet.Stop()
	r.kubelet.Resume()
	r.run(time.Second)
	r.kubelet.FillDisk(900_000)
	r.run(time.Minute)
	if !r.alive(p) || !r.alive(second) {
		t.Fatal("it stops what it knows nothing of")
	}
	heal()
	r.until("it evicts", 3*time.Minute, func() bool { return len(r.notes(p, "Evicted"))+len(r.notes(second, "Evicted")) > 0 })
	evicted := 0
	for _, x := range []*model.Pod{p, second} {
		if len(r.notes(x, "Evicted")) > 0 {
			evicted++
		}
		if told := r.said(x, "Evicted", "The node had condition: [DiskPressure]. "); len(told) > 0 {
			t.Errorf("%s is rejected at %v", x.Name, told)
		}
	}
	if evicted != 1 {
		t.Errorf("the first look evicts %d pods, want one\n%s", evicted, r.story())
	}
	r.until("DiskPressure", 20*time.Second, r.full)
}

// Source: v1.35 kubelet.go HandlePodUpdates and HandlePodRemoves: one that is deleted before that has a
// worker again, which gives it all of its grace.
func TestAPodThatIsRejectedAndThenDeletedHasItsGrace(t *testing.T) {
	for _, force := range []bool{false, true} {
		r := newRig(t, 1, behaving(runtime.Behavior{Stop: sim.Constant(10 * time.Second)}))
		p := r.pod("web", func(s *model.PodSpec) { s.NodeSelector = r.node.Labels })
		r.ready(p)
		r.user.Patch(r.node.Ref(), relabel{}, 0)
		r.run(time.Second)
		r.kubelet.Stop()
		r.kubelet.Resume()
		r.until("it is rejected", 10*time.Second, func() bool { return len(r.notes(p, "NodeAffinity")) > 0 })
		grace := int32(30)
		if force {
			grace = 0
		}
		r.user.Delete(p.Ref(), grace, 0)
		told := r.Now()
		dead := r.until("it is stopped", 20*time.Second, func() bool { return !r.alive(p) })
		if d := dead.Sub(told); d < 10*time.Second || d > 11*time.Second {
			t.Errorf("forced %v: stopped after %v", force, d)
		}
		r.until("it is gone", 5*time.Second, func() bool { return r.get(p) == nil && r.kubelet.Machine().Sandbox(p.ID) == nil })
	}
}

// Source: v1.35 kubelet.go rejectPod, status/status_manager.go mergePodStatus,
// types/pod_status.go PodConditionsByKubelet: of a pod that is not admitted the status is the
// phase, the reason, the message and the start time; conditions that a kubelet owns are gone,
// and PodScheduled is one. Those of others stay.
func TestAPodThatIsRejectedHasNoConditionsOfAKubelet(t *testing.T) {
	r := newRig(t, 1)
	big := r.bound("big", sized(9000, false))
	r.failed(big, "OutOfcpu", "Pod was rejected: Node didn't have enough resource: cpu, requested: 9000, used: 0, capacity: 8000")
	q := r.get(big)
	for name, c := range map[string]model.Condition{
		"PodScheduled": q.Scheduled, "PodReadyToStartContainers": q.Sandbox, "Initialized": q.Initialized,
		"ContainersReady": q.ContainersUp, "Ready": q.Ready,
	} {
		if c != (model.Condition{}) {
			t.Errorf("%s is %v", name, c)
		}
	}
	if q.Disrupted != moved || q.StartedAt == 0 || q.Containers != nil || q.IP != 0 {
		t.Errorf("%+v", q)
	}
	small := r.bound("small", nil)
	r.ready(small)
	if q := r.get(small); q.Scheduled != scheduled || q.Disrupted != moved {
		t.Errorf("of one that runs: PodScheduled %v, DisruptionTarget %v", q.Scheduled, q.Disrupted)
	}
	own := r.pod("own", nil)
	r.ready(own)
	if q := r.get(own); q.Scheduled.Status != model.True {
		t.Error("one that was made for its node is not scheduled")
	}
}

// What others than kubelets have said of a pod.
var (
	scheduled = model.Condition{Status: model.True, SinceAt: 7}
	moved     = model.Condition{Status: model.True, SinceAt: 8, Reason: "EvictionByEvictionAPI"}
)

// bound is a pod of which a scheduler and another have said something.
func (r *rig) bound(name string, f func(*model.PodSpec)) *model.Pod {
	spec := &model.PodSpec{Containers: []model.Container{{Name: "main", Image: "web"}}, GraceSeconds: 30}
	if f != nil {
		f(spec)
	}
	spec.SumRequests()
	p := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: name}, Spec: spec, NodeName: "n-0", NodeID: r.node.ID, Scheduled: scheduled, Disrupted: moved}
	r.user.Create(p, 0)
	return p
}
