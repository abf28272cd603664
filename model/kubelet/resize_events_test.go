package kubelet_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
)

// resizesTold is the Events of a pod's resizes.
func (r *rig) resizesTold(p *model.Pod) []string {
	return slices.DeleteFunc(r.told(p), func(s string) bool { return !strings.Contains(s, " Resize") })
}

// Source: v1.35 pkg/kubelet/events/resize.go, allocation/allocation_manager.go
// canResizePod and handlePodResourcesResize, kubelet.go SyncPod.
func TestAResizeIsToldFromWhyItWaitsToItsEnd(t *testing.T) {
	r := newRig(t, 1)
	p, other := r.pod("web", limited), r.pod("other", func(s *model.PodSpec) { s.Containers[0].Requests.CPUMilli = 6500 })
	r.ready(p)
	r.ready(other)
	r.resize(p, 9000, 9000, 0)
	r.run(5 * time.Second)
	r.resize(p, 1800, 2500, 0)
	r.run(5 * time.Minute)
	r.user.Delete(other.Ref(), 1, 0)
	r.until("done", time.Minute, func() bool { return r.get(other) == nil && r.get(p).Resize == nil })
	const had, has = `{"name":"main","resources":{"limits":{"cpu":"9","memory":"2Gi"},"requests":{"cpu":"9","memory":"1Gi"}}}`,
		`{"name":"main","resources":{"limits":{"cpu":"2500m","memory":"2Gi"},"requests":{"cpu":"1800m","memory":"1Gi"}}}`
	want := []string{
		`Warning ResizeInfeasible: Pod resize Infeasible: {"containers":[` + had + `],"generation":2,"error":"Node didn't have enough capacity: cpu, requested: 9000, capacity: 8000"}`,
		`Warning ResizeDeferred: Pod resize Deferred: {"containers":[` + has + `],"generation":3,` +
			`"error":"Node didn't have enough resource: cpu, requested: 1800, used: 6500, capacity: 8000"}`,
		`Normal ResizeStarted: Pod resize started: {"containers":[` + has + `],"generation":3}`,
		`Normal ResizeCompleted: Pod resize completed: {"containers":[` + has + `],"generation":3}`,
	}
	if got := r.resizesTold(p); !slices.Equal(got, want) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What a pod wants, what it has meanwhile and why are fields of the history.
func TestTheHistoryShowsAResizesValues(t *testing.T) {
	r := newRig(t, 1)
	p, other := r.pod("web", limited), r.pod("other", func(s *model.PodSpec) { s.Containers[0].Requests.CPUMilli = 6500 })
	r.ready(p)
	r.ready(other)
	r.resize(p, 1800, 2500, 0)
	r.run(5 * time.Second)
	const old, wants = "main=cpu 1/2, memory 1Gi/2Gi", "main=cpu 1800m/2500m, memory 1Gi/2Gi"
	want := map[string]model.Field{
		"spec.containers.resources":          {From: old, To: wants},
		"status.allocatedResources":          {To: old},
		"status.conditions.PodResizePending": {To: "True Deferred"},
	}
	h := r.store.History()
	for i := range h.Len() {
		rec := h.At(i)
		if rec.Old == nil || rec.New == nil || rec.Object().Head().Ref() != p.Ref() {
			continue
		}
		for _, f := range model.Diff(rec.Old, rec.New) {
			if w, ok := want[f.Path]; ok {
				if f.From != w.From || f.To != w.To {
					t.Errorf("%s: %q to %q", f.Path, f.From, f.To)
				}
				delete(want, f.Path)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("not in the history: %v", want)
	}
}
