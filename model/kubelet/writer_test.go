package kubelet_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// Source: v1.35 pkg/kubelet/status/status_manager.go Start, syncBatch: what could not be written
// is not among apiStatusVersions, and is written again as soon as the status of any other pod
// changes, not only with the pass every 10 s.
func TestAStatusThatCouldNotBeWrittenIsWithTheNextOfAnyOtherPod(t *testing.T) {
	behavior := behaving(runtime.Behavior{Container: "first", Run: sim.Constant(20 * time.Second)}, runtime.Behavior{Container: "second", Run: sim.Constant(23 * time.Second)})
	for seed := range uint64(6) {
		r := newRig(t, seed, behavior)
		named := func(name string) *model.Pod {
			return r.pod(name, func(s *model.PodSpec) { once(s); s.Containers[0].Name = name })
		}
		first, second := named("first"), named("second")
		r.ready(first)
		r.ready(second)
		r.until("the first ends", time.Minute, func() bool { return !r.alive(first) })
		r.server.Stop()
		r.run(1500 * time.Millisecond)
		r.server.Start()
		ended := func(p *model.Pod) func() bool {
			return func() bool { return r.get(p).Containers[0].State == model.ContainerTerminated }
		}
		at := r.until("the end of the second is shown", time.Minute, ended(second))
		if late := r.until("that of the first is shown", time.Minute, ended(first)).Sub(at); late > 100*time.Millisecond {
			t.Errorf("seed %d: %v later", seed, late)
		}
	}
}
