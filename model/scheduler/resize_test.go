package scheduler

import (
	"testing"
	"time"

	"orrery/model"
)

// ask gives a pod that asks for something else.
func ask(w *world, p *model.Pod, cpuMilli int64) {
	w.t.Helper()
	patch := &model.PodPatch{Containers: []model.ContainerPatch{{Requests: model.AmountsPatch{CPUMilli: &cpuMilli}}}}
	if err := patch.Wrong(w.pod(p)); err != nil {
		w.t.Fatal(err)
	}
	w.store.Update(w.person, patch.Apply(w.pod(p)))
}

// Source: v1.35 pkg/scheduler/framework/events.go PodSchedulingPropertiesChange,
// plugins/noderesources/fit.go isSchedulableAfterPodScaleDown: a pod that waits is tried when
// it asks for less, not when it asks for more, and then for what it asks for now.
func TestAPodThatWaitsIsTriedWhenItAsksForLess(t *testing.T) {
	w := newWorld(t, Config{}, node("n", "", 4000, 16))
	p, same := w.add(pod("web", spec(5000, gib))), w.add(pod("same", spec(5000, gib)))
	w.run(10 * time.Second)
	tried := len(w.attempts(p))
	ask(w, p, 6000)
	w.run(20 * time.Second)
	if n := len(w.attempts(p)) - tried; n != 0 {
		t.Errorf("tried %d times because it asks for more", n)
	}
	ask(w, p, 4500)
	w.run(22 * time.Second)
	if n := len(w.attempts(p)) - tried; n != 1 {
		t.Errorf("tried %d times because it asks for less", n)
	}
	others := len(w.attempts(same))
	w.run(40 * time.Second)
	ask(w, p, 3000)
	w.run(42 * time.Second)
	w.wantNode(p, "n")
	if n := len(w.attempts(same)); n != others || w.pod(p).Resize != nil {
		t.Errorf("another one was tried %d times, and nothing was set aside yet, but %+v", n-others, w.pod(p).Resize)
	}
	w.checkCache()
}

// Source: the same, of a pod that is on a node: only those are tried that ask for something
// that it gives up.
func TestAPodThatIsShownToHaveLessHelpsThoseThatAskForThat(t *testing.T) {
	w := newWorld(t, Config{}, node("n", "", 4000, 16))
	big := w.add(pod("big", spec(3000, gib)))
	w.run(time.Second)
	p, other := w.add(pod("web", spec(2000, gib))), w.add(pod("other", spec(0, 20*gib)))
	w.run(10 * time.Second)
	had := w.pod(big).Spec
	tried := len(w.attempts(other))
	change(w, big, func(p *model.Pod) { p.Containers = []model.ContainerStatus{{State: model.ContainerRunning}} })
	ask(w, big, 1000)
	w.run(15 * time.Second)
	change(w, big, func(p *model.Pod) { p.Resize = &model.Resize{Allocated: p.Spec, Actual: had, Progress: true} })
	w.run(20 * time.Second)
	w.wantNode(p, "")
	change(w, big, func(p *model.Pod) { p.Resize = nil })
	w.run(22 * time.Second)
	w.wantNode(p, "n")
	if n := len(w.attempts(other)) - tried; n != 0 {
		t.Errorf("one that asks for memory was tried %d times", n)
	}
	w.checkCache()
}
