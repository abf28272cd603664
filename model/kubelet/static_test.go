package kubelet_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/kubelet"
	"orrery/model/network"
	"orrery/model/runtime"
	"orrery/model/store"
	"orrery/sim"
)

// program writes down when it was started and stopped.
type program struct {
	kernel *sim.Kernel
	said   []string
}

func (p *program) Start() { p.said = append(p.said, fmt.Sprint("start ", p.kernel.Now())) }
func (p *program) Stop()  { p.said = append(p.said, fmt.Sprint("stop ", p.kernel.Now())) }

// withStatic gives the node the static pod "agent", and p as what it runs.
func withStatic(p *program) option {
	return func(r *rig) {
		p.kernel = r.Kernel
		spec := &model.PodSpec{
			Containers: []model.Container{{
				Name: "main", Image: "agent", Requests: model.Resources{CPUMilli: 250},
				Liveness:  &model.Probe{Period: 10 * time.Second, FailureThreshold: 8, InitialDelay: 10 * time.Second},
				Readiness: &model.Probe{Period: time.Second},
				Startup:   &model.Probe{Period: 10 * time.Second, FailureThreshold: 24, InitialDelay: 10 * time.Second},
			}},
			GraceSeconds: 30, HostNetwork: true,
		}
		spec.SumRequests()
		r.config.Static = []kubelet.Static{{
			Pod:     &model.Pod{Meta: model.Meta{Namespace: model.NamespaceSystem, Name: "agent"}, Spec: spec},
			Program: p,
		}}
	}
}

// mirror is the mirror pod of agent as the API has it, nil if it has none.
func (r *rig) mirror() *model.Pod {
	p, _ := r.store.Lookup(model.KindPod, model.NamespaceSystem, "agent-n-0").(*model.Pod)
	return p
}

// cut parts the node from the API server until the returned function is called.
func (r *rig) cut() (heal func()) {
	one, other := []network.Site{r.site}, []network.Site{r.user.Site}
	a := r.net.Impair(network.Impairment{From: one, To: other, Cut: true})
	b := r.net.Impair(network.Impairment{From: other, To: one, Cut: true})
	return func() { r.net.Lift(a); r.net.Lift(b) }
}

// Static pods of the first nodes run from the beginning, the API shows them as
// pods that their node owns, and standing still costs nothing.
func TestAStaticPodRunsFromTheBeginning(t *testing.T) {
	var p program
	r := newRig(t, 1, withStatic(&p))
	r.run(time.Minute)
	m := r.mirror()
	if m == nil || m.Phase != model.PodRunning || !m.IsReady() || m.Owner != r.node.Ref() || m.NodeID != r.node.ID || m.Restarts() != 0 {
		t.Fatalf("the API shows %+v", m)
	}
	if !model.Tolerated(m.Spec.Tolerations, &model.Taint{Key: model.TaintUnreachable, Effect: model.NoExecute}) {
		t.Error("it does not tolerate what evicts")
	}
	before := r.Events()
	r.run(24 * time.Hour)
	if n := r.Events() - before; n != 0 || len(p.said) != 0 {
		t.Errorf("a day costs %d events, and its program was %v", n, p.said)
	}
}

// Source: v1.35 pkg/kubelet/kubelet.go HandlePodAdditions, rejectPod, fastStaticPodsRegistration: taints do
// not keep static pods away, but all other handlers of admission are asked about them, too; the
// mirror pod of one that is rejected tells why, whoever deletes it, and as long as its file says so.
func TestAStaticPodThatItsKubeletRejectsNeverRuns(t *testing.T) {
	var p program
	elsewhere := func(r *rig) {
		r.config.Static[0].Pod.Spec.NodeSelector = model.MakeLabels(map[string]string{"disk": "hdd"})
		r.node.Taints = []model.Taint{{Key: "any", Effect: model.NoExecute}}
	}
	r := newRig(t, 1, withStatic(&p), elsewhere)
	r.run(time.Minute)
	rejected := func() bool {
		m := r.mirror()
		return m != nil && m.Phase == model.PodFailed && m.Reason == "NodeAffinity" && m.Message ==
			"Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
	}
	if !rejected() || r.alive(r.mirror()) {
		t.Fatalf("the API shows %+v", r.mirror())
	}
	was := r.mirror()
	r.user.Delete(was.Ref(), 0, 0)
	r.until("made again", time.Minute, func() bool { return rejected() && r.mirror().ID != was.ID })
	r.kubelet.Stop()
	r.kubelet.Resume()
	r.run(time.Minute)
	if !rejected() || len(r.notes(r.mirror(), "NodeAffinity")) != 1 || len(p.said) != 0 {
		t.Errorf("the program was %v, the API shows %+v", p.said, r.mirror())
	}
}

// Source: the same: after a restart of the kubelet every pod is new, static ones that run, too.
func TestAStaticPodIsAdmittedAnewWhenItsKubeletStarts(t *testing.T) {
	var p program
	onSSD := func(r *rig) {
		r.config.Static[0].Pod.Spec.NodeSelector = r.node.Labels
		r.config.Behaviors = runtime.Behaviors{{Container: "main", Stop: sim.Constant(time.Hour)}}
	}
	r := newRig(t, 1, withStatic(&p), onSSD)
	r.run(time.Second)
	r.user.Patch(r.node.Ref(), relabel{}, 0)
	r.run(time.Second)
	r.kubelet.Stop()
	r.kubelet.Resume()
	start := r.until("rejected", 10*time.Second, func() bool { return len(r.notes(r.mirror(), "NodeAffinity")) == 1 })
	dead := r.until("stopped", 10*time.Second, func() bool { return !r.alive(r.mirror()) && len(p.said) == 1 })
	if d := dead.Sub(start); d < 4*time.Second || d > 7*time.Second {
		t.Errorf("stopped %v after it was rejected", d)
	}
	r.until("it has failed", 15*time.Second, func() bool { return r.mirror().Phase == model.PodFailed && r.mirror().Reason == "NodeAffinity" })
}

// Source: pkg/kubelet/kubelet.go tryReconcileMirrorPods: deleting the mirror pod does not stop the
// static pod; it is made again.
func TestDeletingAMirrorPodDoesNotStopTheStaticPod(t *testing.T) {
	var p program
	r := newRig(t, 1, withStatic(&p))
	r.run(time.Second)
	first := r.mirror()
	r.user.Delete(first.Ref(), -1, 0)
	r.until("another one", time.Second, func() bool { m := r.mirror(); return m != nil && m.ID != first.ID })
	r.until("ready", time.Second, func() bool { return r.mirror().IsReady() })
	r.run(5 * time.Minute)
	if m := r.mirror(); m.Restarts() != 0 || len(p.said) != 0 || m.Owner != r.node.Ref() {
		t.Errorf("the program was %v, the API shows %+v", p.said, m)
	}
	if !r.kubelet.CrashContainer(r.mirror().Ref(), "main", 1) {
		t.Error("what the new one shows cannot be crashed")
	}
}

// A static pod fails and restarts like any other: its program with it, a second
// crash within ten minutes after a back-off of 10 s.
func TestAStaticPodRestartsWithBackOff(t *testing.T) {
	var p program
	r := newRig(t, 1, withStatic(&p))
	r.run(time.Second)
	for n := range int32(3) {
		at := r.Now()
		if !r.kubelet.CrashContainer(r.mirror().Ref(), "main", 1) {
			t.Fatal("it does not run")
		}
		back := r.until("restarted", 2*time.Minute, func() bool { m := r.mirror(); return m.Restarts() == n+1 && m.IsReady() })
		least := []time.Duration{0, 10 * time.Second, 20 * time.Second}[n]
		if d := back.Sub(at); d < least || d > least+45*time.Second {
			t.Errorf("crash %d: ready again after %v", n+1, d)
		}
	}
	if len(p.said) != 6 {
		t.Errorf("the program was %v", p.said)
	}
}

// Source: pkg/kubelet/config/file.go: static pods start without the API; when it
// answers, the mirror pod tells what happened.
func TestAStaticPodStartsWithoutTheAPI(t *testing.T) {
	var p program
	r := newRig(t, 1, withStatic(&p))
	r.run(time.Second)
	r.kubelet.PowerOff()
	r.run(10 * time.Second)
	heal := r.cut()
	r.kubelet.PowerOn()
	r.run(5 * time.Minute)
	if len(p.said) != 2 {
		t.Fatalf("the program was %v", p.said)
	}
	if m := r.mirror(); m.Restarts() != 0 {
		t.Errorf("the API shows %d restarts, though nobody could tell", m.Restarts())
	}
	heal()
	r.until("shown", 2*time.Minute, func() bool { m := r.mirror(); return m.Restarts() == 1 && m.IsReady() })
	if c := r.mirror().Containers[0]; c.ExitCode != 255 {
		t.Errorf("the API shows %+v", c)
	}
}

// Source: pkg/kubelet/kubelet_pods.go HandlePodCleanups: a kubelet's restart leaves containers
// alone; those of static pods are taken up again, and a mirror pod that went meanwhile is made
// again.
func TestAKubeletThatStartsAgainTakesItsStaticPodsUp(t *testing.T) {
	var p program
	r := newRig(t, 1, withStatic(&p))
	r.run(time.Second)
	r.kubelet.Stop()
	r.user.Delete(r.mirror().Ref(), 0, 0)
	r.run(time.Minute)
	if r.mirror() != nil {
		t.Error("somebody made the mirror pod while no kubelet ran")
	}
	r.kubelet.Resume()
	r.until("ready", 20*time.Second, func() bool { m := r.mirror(); return m != nil && m.IsReady() })
	r.run(time.Minute)
	if m := r.mirror(); len(p.said) != 0 || m.Restarts() != 0 {
		t.Errorf("the program was %v, with %d restarts", p.said, m.Restarts())
	}
}

// A static pod whose kubelet is stopped stays dead when it crashes, until the
// kubelet is back.
func TestNobodyRestartsAStaticPodButItsKubelet(t *testing.T) {
	var p program
	r := newRig(t, 1, withStatic(&p))
	r.run(time.Second)
	r.kubelet.Stop()
	r.kubelet.CrashContainer(r.mirror().Ref(), "main", 1)
	r.run(5 * time.Minute)
	if len(p.said) != 1 {
		t.Fatalf("the program was %v", p.said)
	}
	r.kubelet.Resume()
	r.until("ready", time.Minute, func() bool { return r.mirror().IsReady() && r.mirror().Restarts() == 1 })
}

// Every tick as an event makes the same history.
func TestStaticPodsAreTheSameInLiteralMode(t *testing.T) {
	story := func(o ...option) string {
		var p program
		r := newRig(t, 3, append(o, withStatic(&p))...)
		r.run(3 * time.Second)
		r.kubelet.CrashContainer(r.mirror().Ref(), "main", 1)
		r.run(time.Minute)
		r.user.Delete(r.mirror().Ref(), store.DefaultGrace, 0)
		r.run(time.Minute)
		r.kubelet.PowerOff()
		r.run(time.Minute)
		r.kubelet.PowerOn()
		r.run(10 * time.Minute)
		return r.story()
	}
	if a, b := story(), story(literal); a != b {
		t.Errorf("elided:\n%s\nliteral:\n%s", a, b)
	}
}

// Source: v1.35 pkg/kubelet/pod_workers.go UpdatePod, kubelet_pods.go generateAPIPodStatus:
// whether a pod has ended is asked of what its source says, and a file says nothing; that
// it was ended before the machine went down stands in its mirror pod only, whose phase
// the next process overwrites (status_manager.go mergePodStatus).
func TestAStaticPodThatAShutdownHasEndedRunsAgainAfterTheBoot(t *testing.T) {
	var p program
	r := newRig(t, 1, withStatic(&p), func(r *rig) { r.config.Shutdown = kubelet.NewShutdown(30*time.Second, 0) })
	r.run(time.Second)
	was := r.mirror()
	r.kubelet.ShutDown(true)
	r.until("ended", time.Minute, func() bool { return r.mirror().Phase == model.PodFailed && r.mirror().Reason == "Terminated" })
	r.until("it runs again", 3*time.Minute, func() bool { return r.mirror().IsReady() })
	m := r.mirror()
	if m.ID != was.ID || m.Phase != model.PodRunning || m.Reason != "" || m.Message != "" || m.Restarts() != 1 {
		t.Errorf("the API shows %+v", m)
	}
	r.kubelet.Stop()
	r.kubelet.Resume()
	r.run(10 * time.Minute)
	if m := r.mirror(); !m.IsReady() || m.Restarts() != 1 || len(p.said) != 2 {
		t.Errorf("the program was %v, the API shows %+v", p.said, m)
	}
}
