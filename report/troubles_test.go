package report

import (
	"time"

	"orrery/model"
)

// troubles is a crash loop, a failing pull, a rolling update by hand and a
// zone that never comes back.
func troubles() *tape {
	t := newTape()
	t.node("n-1")
	t.node("n-2")
	rs := t.deploy("web", 2, 0)
	bad := t.deploy("cart", 1, 0)
	t.at(time.Second)
	t.pod(rs, "web-a")
	t.pod(rs, "web-b")
	t.pod(bad, "cart-a")
	t.bind("web-a", "n-1")
	t.bind("web-b", "n-2")
	t.bind("cart-a", "n-2")
	t.at(2 * time.Second)
	t.run("web-a")
	t.run("web-b")
	t.run("cart-a")
	t.at(time.Minute)
	for i := range 3 {
		t.crash("cart-a", int32(i+1))
		t.at(time.Duration(i+2) * time.Minute)
	}
	t.at(10 * time.Minute)
	t.roll("web", "web:2")
	t.at(20 * time.Minute)
	t.fault("zone-b", reasonFaultStarted, "zone-down: zone b, 1 node")
	t.at(21 * time.Minute)
	t.nodeReady("n-2", model.Unknown)
	t.unready("web-d")
	t.at(26 * time.Minute)
	t.evict("web-d")
	t.at(30 * time.Minute)
	return t
}

// crash ends the pod's container, starts it again, ends it again and leaves it
// in back-off.
func (t *tape) crash(pod string, restarts int32) {
	set := func(c model.ContainerStatus) {
		t.change("kubelet/n-2", pod, func(p *model.Pod) {
			p.Containers = []model.ContainerStatus{c}
			p.Ready = model.Condition{Status: model.BoolStatus(c.Ready), SinceAt: t.now()}
		})
	}
	set(model.ContainerStatus{State: model.ContainerTerminated, Reason: "Error", ExitCode: 1, Restarts: restarts - 1, FinishedAt: t.now()})
	t.at(time.Duration(t.now()) + time.Second)
	set(model.ContainerStatus{State: model.ContainerWaiting, Reason: "CrashLoopBackOff", ExitCode: 1, Restarts: restarts - 1, FinishedAt: t.now()})
	t.at(time.Duration(t.now()) + 10*time.Second)
	set(model.ContainerStatus{State: model.ContainerRunning, Ready: true, Restarts: restarts, StartedAt: t.now()})
}

// roll replaces web's pods by ones of another image; the first pull fails.
func (t *tape) roll(name, image string) {
	d := *t.Lookup(model.KindDeployment, "default", name).(*model.Deployment)
	spec := *d.Template.Spec
	spec.Containers = []model.Container{{Name: "main", Image: image}}
	d.Template = &model.Template{Labels: d.Template.Labels, Spec: &spec, Hash: name + "2"}
	d.Generation, d.Revision = 2, 2
	t.Update(t.by("kubectl"), &d)
	rs := t.revise(&d)
	t.pod(rs, "web-c")
	t.bind("web-c", "n-1")
	t.change("kubelet/n-1", "web-c", func(p *model.Pod) {
		p.Containers = []model.ContainerStatus{{State: model.ContainerWaiting, Reason: "ErrImagePull"}}
	})
	t.Note(t.by("kubelet/n-1"), model.Note{About: t.Lookup(model.KindPod, "default", "web-c").Head(),
		Warning: true, Reason: "Failed", Message: `Failed to pull image "web:2": registry is unavailable`})
	t.at(11 * time.Minute)
	t.run("web-c")
	t.leave("replicaset-controller", "web-a")
	t.at(11*time.Minute + 2*time.Second)
	t.gone("web-a")
	t.pod(rs, "web-d")
	t.bind("web-d", "n-2")
	t.at(11*time.Minute + 5*time.Second)
	t.run("web-d")
	t.leave("replicaset-controller", "web-b")
	t.at(11*time.Minute + 7*time.Second)
	t.gone("web-b")
}
