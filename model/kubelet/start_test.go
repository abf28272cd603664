package kubelet_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// TestAPodStartsAndEnds is one pod's life: it becomes ready and serves, is
// deleted, and its object goes after its containers.
func TestAPodStartsAndEnds(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("web", nil)
	if at := r.ready(p); at > sim.Time(10*time.Second) {
		t.Errorf("ready after %v", at)
	}
	r.run(5 * time.Second)
	if !r.kubelet.Serving(p.Ref()) {
		t.Error("it is ready and does not serve")
	}
	r.user.Delete(p.Ref(), -1, 0)
	asked := r.Now()
	at := r.until("gone", time.Minute, func() bool { return r.get(p) == nil })
	// spec: 0.5 to 2 s from the last exit, which is 50 to 300 ms after SIGTERM
	if d := at.Sub(asked); d < 300*time.Millisecond || d > 4*time.Second {
		t.Errorf("gone %v after it was deleted", d)
	}
	r.run(5 * time.Second)
	if s := r.kubelet.Machine().Sandbox(p.ID); s != nil {
		t.Error("the machine still has it")
	}
}

// TestAPodStartTakesAFewEvents keeps the cost of the most frequent thing that
// happens: a pod whose image is here, one container, no probes.
func TestAPodStartTakesAFewEvents(t *testing.T) {
	r := newRig(t, 1)
	before := r.Events()
	p := r.pod("web", nil)
	r.ready(p)
	r.run(time.Minute)
	// the user's creation takes four
	if n := r.Events() - before - 4; n > 12 {
		t.Errorf("%d events", n)
	}
}

// TestRunningIsVisibleOnlyAfterTheWholePass: with two containers, the first
// serves while the second's image is pulled, and the API still says Pending
// (pkg/kubelet/kuberuntime/kuberuntime_manager.go SyncPod starts containers
// one after another; status comes from the next sync, after a relist).
func TestRunningIsVisibleOnlyAfterTheWholePass(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Container: "big", ImageBytes: 4 << 30}))
	p := r.pod("web", func(s *model.PodSpec) {
		s.Containers = append(s.Containers, model.Container{Name: "big", Image: "big"})
	})
	r.run(10 * time.Second)
	s := r.kubelet.Machine().Sandbox(p.ID)
	if !s.Processes[0].Running || s.Processes[1].Running {
		t.Fatal("the first container does not run alone")
	}
	if q := r.get(p); q.Phase != model.PodPending || q.IP != 0 || q.Containers[0].State != model.ContainerWaiting {
		t.Errorf("while the second is pulled the API shows %v, %+v", q.Phase, q.Containers)
	}
	r.until("running", 10*time.Minute, func() bool { return r.get(p).Phase == model.PodRunning })
	second := s.Processes[1].StartedAt
	shown := r.get(p).Containers[1].StartedAt
	if late := r.Now().Sub(second); shown != second || late > 1200*time.Millisecond {
		t.Errorf("shown running %v after the second started", late)
	}
}

// TestInitContainersRunInOrderAndSidecarsStay (kuberuntime_container.go
// computeInitContainerActions).
func TestInitContainersRunInOrderAndSidecarsStay(t *testing.T) {
	run := runtime.Behavior{Container: "first", Run: sim.Constant(3 * time.Second)}
	r := newRig(t, 1, behaving(run))
	p := r.pod("web", func(s *model.PodSpec) {
		s.InitContainers = []model.Container{{Name: "first", Image: "web"}, {Name: "side", Image: "web", Sidecar: true}, {Name: "last", Image: "web"}}
	})
	r.run(3 * time.Second)
	if q := r.get(p); q.Phase != model.PodPending || q.Initialized.Status == model.True || q.Containers[3].Reason != "PodInitializing" {
		t.Errorf("during the init containers the API shows %v, %+v", q.Phase, q.Containers)
	}
	r.ready(p)
	c := r.kubelet.Machine().Sandbox(p.ID).Processes
	if c[1].StartedAt < c[0].FinishedAt || c[2].StartedAt < c[1].StartedAt || c[3].StartedAt < c[2].FinishedAt {
		t.Errorf("not in order: %+v", c)
	}
	if !c[1].Running || c[0].Running || c[2].Running {
		t.Errorf("what should run does not: %+v", c)
	}
}

// Source: v1.35 kubelet_pods.go convertToAPIContainerStatuses (hasInitContainers): of a pod with init
// containers the others wait for PodInitializing, also when that is over and their image is pulled.
func TestWhileTheImageOfAnAppIsPulledAfterInitContainersItsPodIsShownInitializing(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Container: "main", ImageBytes: 2_000_000_000}))
	p := r.pod("web", func(s *model.PodSpec) {
		s.InitContainers = []model.Container{{Name: "side", Image: "web", Sidecar: true, Readiness: every(5*time.Second, 1)}}
		s.Containers[0].Image = "far"
	})
	r.until("the sidecar is ready", 20*time.Second, func() bool { q := r.get(p); return q != nil && len(q.Containers) == 2 && q.Containers[0].Ready })
	if q := r.get(p); len(r.notes(p, "Pulling")) != 1 || q.Initialized.Status != model.True || q.Line().Status != "PodInitializing" {
		t.Errorf("initialized %v, shown as %s", q.Initialized, q.Line().Status)
	}
}

// Source: v1.35 status/generate.go GeneratePodInitializedCondition, HasAnyRegularContainerStarted: a
// pod is initialized while its sidecars have started, or an app container runs or has ended; if it waits to
// be started again when a sidecar ends, the pod is not.
func TestAPodWhoseSidecarEndsWhileItsAppWaitsIsNotInitialized(t *testing.T) {
	r := newRig(t, 1, behaving(
		runtime.Behavior{Container: "side", Run: sim.Constant(200 * time.Second), ExitCode: 1},
		runtime.Behavior{Run: sim.Constant(time.Second), ExitCode: 1},
	))
	p := r.pod("web", func(s *model.PodSpec) {
		s.InitContainers = []model.Container{{Name: "side", Image: "web", Sidecar: true}}
	})
	waits := func(holds model.ConditionStatus, status string) func() bool {
		return func() bool {
			q := r.get(p)
			return q != nil && q.Initialized.Status == holds && q.Line().Status == status
		}
	}
	r.until("the app waits", 10*time.Minute, waits(model.True, "CrashLoopBackOff"))
	r.until("the sidecar has ended, too", 30*time.Minute, waits(model.False, "Init:Error"))
	r.until("the sidecar has started again", 10*time.Minute, waits(model.True, "CrashLoopBackOff"))
}

// Source: v1.35 kuberuntime_manager.go computePodActions: a pod whose last sidecar has ended is not
// initialized, and what has become of its app containers is looked at when that has started again.
func TestASandboxOutlivesThatAllItsContainersHaveEnded(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Run: sim.Constant(time.Second), ExitCode: 1}))
	p := r.pod("web", func(s *model.PodSpec) {
		s.InitContainers = []model.Container{{Name: "side", Image: "web", Sidecar: true}}
	})
	r.until("both have started again", 10*time.Minute, func() bool {
		q := r.get(p)
		return q != nil && len(q.Containers) == 2 && q.Containers[0].Restarts > 2 && q.Containers[1].Restarts > 2
	})
	if n := r.kubelet.Machine().Sandbox(p.ID).Attempts; n != 1 || len(r.notes(p, "SandboxChanged")) != 0 {
		t.Errorf("%d sandboxes were made for it", n)
	}
}

// Source: v1.35 kuberuntime_manager.go SyncPod (purgeInitContainers), kubelet_pods.go
// convertToAPIContainerStatuses: in a new sandbox an init container that had succeeded waits as one that never
// ran, and tells for what.
func TestAnInitContainerThatRunsAgainAfterARebootTellsForWhatItWaits(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("web", func(s *model.PodSpec) {
		s.InitContainers = []model.Container{{Name: "init", Image: "web", PullPolicy: model.PullAlways}}
	})
	r.ready(p)
	r.registry.SetDown(runtime.AllRegistries, true)
	r.kubelet.PowerOff()
	r.kubelet.PowerOn()
	r.until("it waits", 3*time.Minute, func() bool { return r.get(p).Containers[0].Reason == "ErrImagePull" })
	if q := r.get(p); q.Phase != model.PodRunning || q.Containers[0].State != model.ContainerWaiting || q.Containers[1].Reason != "Unknown" {
		t.Errorf("%v, %+v", q.Phase, q.Containers)
	}
	r.registry.SetDown(runtime.AllRegistries, false)
	r.ready(p)
}

// TestASidecarThatCrashesBlocksNoOtherInitContainer: it goes from the last to the first,
// and the one that has begun last decides; sidecars before it are restarted alongside, by
// their own back-off (kuberuntime_container.go computeInitContainerActions). And the app
// waits for no sidecar but the last.
func TestASidecarThatCrashesBlocksNoOtherInitContainer(t *testing.T) {
	side := runtime.Behavior{Container: "side", Run: sim.Constant(3 * time.Second), ExitCode: 1}
	init := runtime.Behavior{Container: "init", Run: sim.Constant(50 * time.Second)}
	r := newRig(t, 1, behaving(side, init))
	p := r.pod("web", func(s *model.PodSpec) {
		s.InitContainers = []model.Container{{Name: "side", Image: "web", Sidecar: true}, {Name: "init", Image: "web"}}
	})
	up := r.until("the app runs", 2*time.Minute, func() bool {
		b := r.kubelet.Machine().Sandbox(p.ID)
		return b != nil && b.Processes[2].Running
	})
	c := r.kubelet.Machine().Sandbox(p.ID).Processes
	if d := up.Sub(c[1].FinishedAt); d > 3*time.Second {
		t.Errorf("the app started %v after the init container had ended", d)
	}
	// At 3 s and its restarts 0, 10 and 20 s after each end.
	if c[0].Instances < 3 || c[0].Instances > 4 {
		t.Errorf("the sidecar was started %d times meanwhile", c[0].Instances)
	}
	if c[1].Instances != 1 {
		t.Errorf("the init container ran %d times", c[1].Instances)
	}
}

// TestTheKubeletRefusesWhatDoesNotFit (pkg/kubelet/lifecycle/predicate.go): a
// bound pod fails for good with the reason.
func TestTheKubeletRefusesWhatDoesNotFit(t *testing.T) {
	for _, c := range []struct {
		reason string
		spec   func(*model.PodSpec)
		node   func(*model.Node)
	}{
		{"OutOfcpu", func(s *model.PodSpec) { s.Containers[0].Requests.CPUMilli = 5000 }, nil},
		{"OutOfmemory", func(s *model.PodSpec) { s.Containers[0].Requests.MemoryBytes = 20 << 30 }, nil},
		{"OutOfexample.com/license", func(s *model.PodSpec) { // no device of a plugin
			s.Containers[0].Requests.Extended = []model.Extended{{Name: "example.com/license", Count: 2}}
		}, func(n *model.Node) {
			n.Allocatable.Extended = []model.Extended{{Name: "example.com/license", Count: 1}}
		}},
		{"OutOfhugepages-2Mi", func(s *model.PodSpec) { // which are no extended resource (removeMissingExtendedResources)
			s.Containers[0].Requests.Extended = []model.Extended{{Name: "hugepages-2Mi", Count: 2 << 20}}
		}, nil},
		{"OutOfephemeral-storage", func(s *model.PodSpec) { s.Containers[0].Requests.EphemeralBytes = 2 << 30 }, func(n *model.Node) { n.Allocatable.EphemeralBytes = 1 << 30 }},
		{"NodePorts", func(s *model.PodSpec) {
			s.Placement = &model.Placement{HostPorts: []model.HostPort{{Port: 80}}}
		}, nil},
		{"OutOfpods", nil, func(n *model.Node) { n.Allocatable.Pods = 1 }},
		{"NodeAffinity", func(s *model.PodSpec) { s.NodeSelector = model.Labels{{Key: "disk", Value: "hdd"}} }, nil},
		{"TaintToleration", nil, func(n *model.Node) { n.Taints = []model.Taint{{Key: "gone", Effect: model.NoExecute}} }},
	} {
		r := newRig(t, 1, withNode(func(n *model.Node) {
			if c.node != nil {
				c.node(n)
			}
		}))
		first := r.pod("first", func(s *model.PodSpec) {
			s.Containers[0].Requests = model.Resources{CPUMilli: 5000, MemoryBytes: 20 << 30}
			s.Tolerations = []model.Toleration{{Exists: true}}
			s.Placement = &model.Placement{HostPorts: []model.HostPort{{Port: 80}}}
		})
		r.run(time.Second)
		p := r.pod("second", c.spec)
		r.run(time.Second)
		if q := r.get(p); q.Phase != model.PodFailed || q.Reason != c.reason || len(r.notes(p, c.reason)) != 1 {
			t.Errorf("%v %q, want Failed %q", q.Phase, q.Reason, c.reason)
		}
		if q := r.get(first); q.Phase == model.PodFailed {
			t.Errorf("%s: the first pod failed, too: %s", c.reason, q.Reason)
		}
	}
}

// TestAKubeletThatStartsAdmitsEveryPodAnew (pkg/kubelet/kubelet.go HandlePodAdditions): a
// pod that runs fails if the node has a taint NoExecute by now that it does not tolerate,
// or lacks a label that it wants.
func TestAKubeletThatStartsAdmitsEveryPodAnew(t *testing.T) {
	for reason, change := range map[string]func(*model.Node){
		"TaintToleration": func(n *model.Node) { n.Taints = []model.Taint{{Key: "gone", Effect: model.NoExecute}} },
		"NodeAffinity":    func(n *model.Node) { n.Labels = nil },
	} {
		r := newRig(t, 1, behaving(runtime.Behavior{Stop: sim.Constant(5 * time.Second)}))
		p := r.pod("web", func(s *model.PodSpec) {
			s.NodeSelector = model.Labels{{Key: "disk", Value: "ssd"}}
			s.Containers[0].Requests.CPUMilli = 5000
		})
		stays := r.pod("stays", func(s *model.PodSpec) { s.Tolerations = []model.Toleration{{Exists: true}} })
		r.ready(p)
		r.ready(stays)
		n := *r.shownNode()
		change(&n)
		r.store.Update(0, &n)
		r.run(time.Minute)
		if q := r.get(p); q.Phase != model.PodRunning {
			t.Errorf("%s: %v before the kubelet starts", reason, q.Phase)
		}
		r.kubelet.Stop()
		r.run(5 * time.Second)
		r.kubelet.Resume()
		r.run(time.Minute)
		if q := r.get(p); q.Phase != model.PodFailed || q.Reason != reason || len(r.notes(p, reason)) != 1 || r.alive(p) {
			t.Errorf("%s: it is %v for %q", reason, q.Phase, q.Reason)
		}
		if q := r.get(stays); q.Phase != model.PodRunning || q.Restarts() != 0 {
			t.Errorf("%s: the other is %v", reason, q.Phase)
		}
		r.ready(r.pod("next", func(s *model.PodSpec) { // what was set aside is free
			s.Tolerations, s.Containers[0].Requests.CPUMilli = []model.Toleration{{Exists: true}}, 6000
		}))
	}
}

// TestAdmittedRequestsAreGivenBack: what has ended makes room.
func TestAdmittedRequestsAreGivenBack(t *testing.T) {
	r := newRig(t, 1)
	big := func(s *model.PodSpec) { s.Containers[0].Requests.CPUMilli = 6000 }
	for _, name := range []string{"a", "b", "c"} {
		p := r.pod(name, big)
		r.ready(p)
		r.user.Delete(p.Ref(), -1, 0)
		r.until("gone", time.Minute, func() bool { return r.get(p) == nil })
	}
}

// Source: pkg/kubelet/kubelet.go SyncPod: until there is a network only pods of the host's
// network start; the others are told, and looked at again every 1 to 1.5 s.
func TestWithoutANetworkOnlyPodsOfTheHostsNetworkStart(t *testing.T) {
	r := newRig(t, 1)
	r.kubelet.PowerOff()
	host, own := r.pod("host", func(s *model.PodSpec) { s.HostNetwork = true }), r.pod("own", nil)
	r.kubelet.PowerOn()
	r.until("the kubelet runs", 2*time.Minute, func() bool { return len(r.notes(own, "NetworkNotReady")) > 0 })
	r.ready(host)
	if n := r.shownNode(); n.Ready.Status == model.True || r.kubelet.Machine().Sandbox(own.ID) != nil {
		t.Errorf("the node is ready: %v, the other pod: %v", n.Ready, r.kubelet.Machine().Sandbox(own.ID))
	}
	there := r.until("the node is ready", time.Minute, r.nodeReady)
	if d := r.ready(own).Sub(there); d > 5*time.Second || len(r.notes(own, "NetworkNotReady")) != 1 {
		t.Errorf("ready %v after the node, told %v", d, r.notes(own, "NetworkNotReady"))
	}
}

// Source: pkg/kubelet/kubelet.go SyncPod, which gives the runtime a context of its own: a
// pull and a start go on though the pod is deleted meanwhile, and are followed by its end.
func TestAPassThatIsUnderWayWhenThePodIsDeletedGoesToItsEnd(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Container: "main", ImageBytes: 1 << 30}))
	p := r.pod("web", func(s *model.PodSpec) { s.Containers[0].Image = "big" })
	r.until("it is pulled", 10*time.Second, func() bool { return len(r.notes(p, "Pulling")) > 0 })
	r.user.Delete(p.Ref(), -1, 0)
	r.until("it is gone", 2*time.Minute, func() bool { return r.get(p) == nil })
	pulled, started, killed := r.notes(p, "Pulled"), r.notes(p, "Started"), r.notes(p, "Killing")
	if len(pulled) != 1 || len(started) != 1 || len(killed) != 1 || killed[0] <= started[0] {
		t.Errorf("pulled %v, started %v, killed %v", pulled, started, killed)
	}
}

// TestAContainerThatIsToRunAsRootAndMustNotIsNotCreated (v1.35
// pkg/kubelet/kuberuntime/security_context_others.go verifyRunAsNonRoot, kuberuntime_container.go
// startContainer): its image is pulled and the next one starts.
func TestAContainerThatIsToRunAsRootAndMustNotIsNotCreated(t *testing.T) {
	for _, image := range []string{"web", "far"} { // here, and not
		r := newRig(t, 1)
		r.ready(r.pod("old", func(s *model.PodSpec) { s.Containers[0].Image = "web" }))
		p := r.pod("root", func(s *model.PodSpec) {
			s.Containers[0].Image, s.Containers[0].RootDenied = image, true
			s.Containers = append(s.Containers, model.Container{Name: "next", Image: "web"})
		})
		r.run(time.Minute)
		c := r.get(p).Containers
		if len(c) != 2 || c[0].State != model.ContainerWaiting || c[0].Reason != "CreateContainerConfigError" || c[1].State != model.ContainerRunning {
			t.Errorf("%s: shown as %+v", image, c)
		}
		tries := len(r.said(p, "Failed", `Error: container's runAsUser breaks non-root policy (pod: "root_default", container: `+p.Spec.Containers[0].Name+`)`))
		if pulled := len(r.notes(p, "Pulled")); tries != 1 || pulled != 2 { // told once in a row
			t.Errorf("%s: told %d times in a minute, %d images", image, tries, pulled)
		}
		if r.get(p).Phase != model.PodPending {
			t.Errorf("%s: %v", image, r.get(p).Phase)
		}
	}
}
