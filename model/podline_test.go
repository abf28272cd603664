package model_test

import (
	"testing"

	"orrery/model"
)

// TestTheStatusColumnIsWhatKubectlPrints: the cases of
// k8s.io/kubernetes v1.35 pkg/printers/internalversion/printers_test.go TestPrintPod,
// TestPrintPodWithRestartableInitContainer and others, as far as a pod here can be in
// them.
func TestTheStatusColumnIsWhatKubectlPrints(t *testing.T) {
	waiting := func(reason string) model.ContainerStatus { return model.ContainerStatus{Reason: reason} }
	ended := func(reason string, code int32) model.ContainerStatus {
		return model.ContainerStatus{State: model.ContainerTerminated, Reason: reason, ExitCode: code}
	}
	runs := func(ready bool) model.ContainerStatus {
		return model.ContainerStatus{State: model.ContainerRunning, Ready: ready, Started: true}
	}
	again := func(s model.ContainerStatus, n int32) model.ContainerStatus { s.Restarts = n; return s }
	type pod struct {
		inits    string // a letter each: i or s, a sidecar
		apps     int
		statuses []model.ContainerStatus
		change   func(*model.Pod)
	}
	list := func(s ...model.ContainerStatus) []model.ContainerStatus { return s }
	phase := func(f model.Phase) func(*model.Pod) { return func(p *model.Pod) { p.Phase = f } }
	ready := func(p *model.Pod) { p.Phase, p.Ready.Status = model.PodRunning, model.True }
	initialized := func(p *model.Pod) { ready(p); p.Initialized.Status = model.True }
	initializing, crashing, done := waiting("PodInitializing"), waiting("CrashLoopBackOff"), ended("Completed", 0)
	for _, c := range []struct {
		what       string
		pod        pod
		ready, all int
		status     string
		restarts   int32
	}{
		{what: "nobody has seen it", pod: pod{apps: 2}, all: 2, status: "Pending"},
		{what: "gated", pod: pod{apps: 1, change: func(p *model.Pod) { p.Gates = []string{"a"} }}, all: 1, status: "SchedulingGated"},
		{what: "starting", pod: pod{apps: 1, statuses: list(waiting("ContainerCreating"))}, all: 1, status: "ContainerCreating"},
		{what: "no image", pod: pod{apps: 1, statuses: list(waiting("ErrImagePull"))}, all: 1, status: "ErrImagePull"},
		{what: "still none", pod: pod{apps: 1, statuses: list(waiting("ImagePullBackOff"))}, all: 1, status: "ImagePullBackOff"},
		{what: "running", pod: pod{apps: 2, statuses: list(runs(true), again(runs(true), 3)), change: ready}, ready: 2, all: 2, status: "Running", restarts: 3},
		{what: "not ready", pod: pod{apps: 2, statuses: list(runs(true), runs(false)), change: phase(model.PodRunning)}, ready: 1, all: 2, status: "Running"},
		{what: "crashing", pod: pod{apps: 1, statuses: list(again(crashing, 4)), change: phase(model.PodRunning)}, all: 1, status: "CrashLoopBackOff", restarts: 4},
		{what: "crashed a moment ago", pod: pod{apps: 1, statuses: list(ended("Error", 1)), change: phase(model.PodRunning)}, all: 1, status: "Error"},
		{what: "out of memory", pod: pod{apps: 1, statuses: list(ended("OOMKilled", 137)), change: phase(model.PodRunning)}, all: 1, status: "OOMKilled"},
		{what: "the first container decides", pod: pod{apps: 2, statuses: list(crashing, ended("Error", 1))}, all: 2, status: "CrashLoopBackOff"},
		{what: "the first by name", pod: pod{apps: 2, statuses: list(crashing, ended("Error", 1)), change: func(p *model.Pod) {
			p.Spec.Containers[0].Name, p.Spec.Containers[1].Name = "web", "agent"
		}}, all: 2, status: "Error"},
		{what: "done", pod: pod{apps: 1, statuses: list(done), change: phase(model.PodSucceeded)}, all: 1, status: "Completed"},
		{what: "one is done, one runs, the pod is ready", pod: pod{apps: 2, statuses: list(done, runs(true)), change: ready}, ready: 1, all: 2, status: "Running"},
		{what: "one is done, one runs, the pod is not ready", pod: pod{apps: 2, statuses: list(done, runs(true)), change: phase(model.PodRunning)}, ready: 1, all: 2, status: "NotReady"},
		{what: "one is done, one failed", pod: pod{apps: 2, statuses: list(done, ended("Error", 1)), change: phase(model.PodFailed)}, all: 2, status: "Error"},
		{what: "the first init container runs", pod: pod{inits: "ii", apps: 1, statuses: list(runs(false), initializing, initializing)}, all: 1, status: "Init:0/2"},
		{what: "the second does", pod: pod{inits: "ii", apps: 1, statuses: list(done, runs(false), initializing)}, all: 1, status: "Init:1/2"},
		{what: "the second waits", pod: pod{inits: "ii", apps: 1, statuses: list(done, initializing, initializing)}, all: 1, status: "Init:1/2"},
		{what: "it failed", pod: pod{inits: "i", apps: 1, statuses: list(ended("Error", 2), initializing)}, all: 1, status: "Init:Error"},
		{what: "it crashes", pod: pod{inits: "i", apps: 1, statuses: list(again(crashing, 3), initializing)}, all: 1, status: "Init:CrashLoopBackOff", restarts: 3},
		{what: "it has no image", pod: pod{inits: "i", apps: 1, statuses: list(waiting("ErrImagePull"), initializing)}, all: 1, status: "Init:ErrImagePull"},
		{what: "init containers are done", pod: pod{inits: "ii", apps: 1, statuses: list(done, done, initializing)}, all: 1, status: "PodInitializing"},
		{what: "restarts of init containers no longer count", pod: pod{inits: "i", apps: 1, statuses: list(again(done, 3), again(runs(true), 1)), change: ready}, ready: 1, all: 1, status: "Running", restarts: 1},
		{what: "a sidecar counts", pod: pod{inits: "is", apps: 1, statuses: list(done, again(runs(true), 3), again(runs(true), 2)), change: ready}, ready: 2, all: 2, status: "Running", restarts: 5},
		{what: "a sidecar starts", pod: pod{inits: "si", apps: 1, statuses: list(initializing, initializing, initializing)}, all: 2, status: "Init:0/2"},
		{what: "a sidecar crashes in a pod that was initialized", pod: pod{inits: "s", apps: 1, statuses: list(crashing, runs(true)), change: initialized}, ready: 1, all: 2, status: "Init:CrashLoopBackOff"},
		{what: "evicted", pod: pod{apps: 1, change: func(p *model.Pod) { p.Phase, p.Reason = model.PodFailed, "Evicted" }}, all: 1, status: "Evicted"},
		{what: "refused", pod: pod{apps: 1, change: func(p *model.Pod) { p.Phase, p.Reason = model.PodFailed, "OutOfcpu" }}, all: 1, status: "OutOfcpu"},
		{what: "going", pod: pod{apps: 1, statuses: list(runs(true)), change: func(p *model.Pod) { ready(p); p.DeletionAt = 5 }}, ready: 1, all: 1, status: "Terminating"},
		{what: "going and done", pod: pod{apps: 1, statuses: list(done), change: func(p *model.Pod) { p.Phase, p.DeletionAt = model.PodSucceeded, 5 }}, all: 1, status: "Completed"},
	} {
		spec := &model.PodSpec{Containers: make([]model.Container, c.pod.apps)}
		for _, letter := range c.pod.inits {
			spec.InitContainers = append(spec.InitContainers, model.Container{Sidecar: letter == 's'})
		}
		p := &model.Pod{Spec: spec, Containers: c.pod.statuses}
		if c.pod.change != nil {
			c.pod.change(p)
		}
		want := model.PodLine{Ready: c.ready, Containers: c.all, Status: c.status, Restarts: c.restarts}
		if got := p.Line(); got != want {
			t.Errorf("%s: %+v, want %+v", c.what, got, want)
		}
	}
}
