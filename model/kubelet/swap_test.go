package kubelet_test

import (
	"testing"
	"time"

	"orrery/model"
)

// Source: v1.35 pkg/kubelet/allocation/allocation_manager.go
// disallowResizeForSwappableContainers: what a container asks for of memory decides how
// much swap it has, and so is not changed in place; where it is started anew for it, and
// of a container that may have no swap, it is.
func TestTheMemoryRequestOfAContainerThatMaySwapIsNotResizedInPlace(t *testing.T) {
	for _, c := range []struct {
		swaps, anew bool
		infeasible  bool
	}{{true, false, true}, {true, true, false}, {false, false, false}} {
		r := newRig(t, 1, func(r *rig) { r.config.LimitedSwap = c.swaps })
		p := r.pod("web", func(s *model.PodSpec) {
			limited(s)
			s.Containers[0].RestartForMemory = c.anew
		})
		r.ready(p)
		more := int64(3 << 29)
		r.user.Patch(p.Ref(), &model.PodPatch{Containers: []model.ContainerPatch{{Name: "main", Requests: model.AmountsPatch{MemoryBytes: &more}}}}, 0)
		r.run(10 * time.Second)
		x, has := r.get(p).Resize, r.has(p).Requests.MemoryBytes
		if infeasible := x != nil && x.Pending == model.ResizeInfeasible; infeasible != c.infeasible || (has == more) == c.infeasible {
			t.Errorf("%+v: infeasible %v, it has %d bytes", c, infeasible, has)
		}
		r.resize(p, 1500, 0, 0)
		r.run(10 * time.Second)
		if !c.infeasible && r.has(p).Requests.CPUMilli != 1500 {
			t.Errorf("%+v: its CPU is not resized", c)
		}
	}
}
