package kubelet

import (
	"cmp"
	"slices"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// Resources of a pod that change in place (pkg/kubelet/allocation/allocation_manager.go,
// kuberuntime/kuberuntime_manager.go): what is wanted is set aside if the node has it
// free beside what all others have, is deferred until it has, or is infeasible if the
// node is too small. What is set aside the next pass gives to the pod, and the relist
// after it shows that it has it. That a deferred resize is tried again every 3 minutes
// finds nothing which the end of a pod or another resize has not shown, as only CPU and
// memory are asked for: here a resize passes by the other handlers of admission
// (canResizePod asks them all), so pressure, taints and a shutdown of the node defer none.

// allocated is the spec with what is set aside for a pod of the machine.
func allocated(s *runtime.Sandbox) *model.PodSpec {
	if s.Allocated != nil {
		return s.Allocated
	}
	return s.Pod.Spec
}

// asGranted is the pod with what is set aside for it.
func (r *row) asGranted() *model.Pod {
	if r.granted == nil || r.granted == r.pod.Spec {
		return r.pod
	}
	p := *r.pod
	p.Spec = r.granted
	return &p
}

// resize looks at what a pod wants that it has not, and tells whether there is
// anything to say about it.
func (k *Kubelet) resize(r *row) bool {
	if !r.charged || r.stage != syncing || r.static != nil || r.ends() {
		return false
	}
	if r.pod.Spec == r.granted {
		was := r.infeasible || r.deferred > 0
		r.infeasible, r.deferred = false, 0
		return was
	}
	want, has := &r.pod.Spec.Request, &k.node.Allocatable
	r.infeasible = want.CPUMilli > has.CPUMilli || want.MemoryBytes > has.MemoryBytes ||
		k.resizesExclusive(r) || k.resizesSwap(r) // canResizePod
	switch {
	case r.infeasible:
		r.deferred = 0
		if !k.resizesSwap(r) { // of which no Event tells
			k.postpone(r, model.ResizeInfeasible)
		}
	case k.roomFor(r):
		k.grant(r)
	default:
		if r.deferred == 0 {
			r.deferred = k.kernel.Now()
		}
		k.postpone(r, model.ResizeDeferred)
	}
	return true
}

// resizesExclusive tells whether a pod wants other CPUs or memory than those that it may
// have for itself (guaranteedPodResourceResizeRequired).
func (k *Kubelet) resizesExclusive(r *row) bool {
	want, has, l := &r.pod.Spec.Request, &r.granted.Request, k.layout
	return l != nil && r.pod.Spec.QoS() == model.Guaranteed &&
		(l.StaticCPUs && want.CPUMilli != has.CPUMilli || l.StaticMemory && want.MemoryBytes != has.MemoryBytes)
}

// roomFor tells whether the node has free what a pod wants more of.
func (k *Kubelet) roomFor(r *row) bool {
	want, had, has := &r.pod.Spec.Request, &r.granted.Request, &k.node.Allocatable
	fits := func(used, had, want, has int64) bool { return want <= had || used-had+want <= has }
	return fits(k.used.CPUMilli, had.CPUMilli, want.CPUMilli, has.CPUMilli) && fits(k.used.MemoryBytes, had.MemoryBytes, want.MemoryBytes, has.MemoryBytes)
}

// grant sets aside what a pod wants, and keeps that on the machine's disk.
func (k *Kubelet) grant(r *row) {
	k.allocate(negative(r.granted.Request), 0)
	k.allocate(r.pod.Spec.Request, 0)
	was := r.granted
	r.granted, r.deferred, r.resizeTold = r.pod.Spec, 0, ""
	k.noteResize(r, false, "ResizeStarted", "started", r.granted, "")
	if r.box != nil {
		r.box.Allocated = r.granted
	}
	if less(&r.granted.Request, &was.Request) {
		k.retryResizes()
	}
}

func less(a, b *model.Resources) bool {
	return a.CPUMilli < b.CPUMilli || a.MemoryBytes < b.MemoryBytes
}

// retryResizes grants deferred resizes that have room now: first those that want
// nothing more, then by priority, class and age (sortPendingResizes).
func (k *Kubelet) retryResizes() {
	var all []*row
	for _, r := range k.rows {
		if r != nil && r.deferred > 0 && r.stage == syncing {
			all = append(all, r)
		}
	}
	grows := func(r *row) int {
		if less(&r.granted.Request, &r.pod.Spec.Request) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b *row) int {
		return cmp.Or(
			cmp.Compare(grows(a), grows(b)), cmp.Compare(b.pod.Spec.Priority, a.pod.Spec.Priority),
			cmp.Compare(b.pod.Spec.QoS(), a.pod.Spec.QoS()), cmp.Compare(a.deferred, b.deferred),
		)
	})
	for _, r := range all {
		if r.deferred > 0 && k.roomFor(r) {
			k.grant(r)
			k.trigger(r, k.kernel.Now())
		}
	}
}

// lacks tells whether a pod has other resources than are set aside for it.
func (r *row) lacks() bool {
	return r.box != nil && r.granted != nil && r.box.Pod.Spec != r.granted
}

// restartToResize has containers killed that are to be started anew with other
// resources.
func (k *Kubelet) restartToResize(r *row) {
	if !r.lacks() {
		return
	}
	first := len(r.pod.Spec.InitContainers)
	for i := first; i < len(r.containers); i++ {
		if c := &r.containers[i]; r.box.Processes[i].Running && r.box.Pod.Spec.RestartsToResize(i-first, r.granted) && !c.doomed {
			c.doomed, c.wanted, c.killGrace = true, true, time.Duration(r.pod.Spec.GraceSeconds)*time.Second
			k.client.Note(r.face(), false, "Killing", "Container "+containerOf(r.pod.Spec, i).Name+" resize requires restart")
		}
	}
}

// actuate gives a pod what is set aside for it, before more of its containers start
// (doPodResizeAction). A memory limit below what is used is an error.
func (k *Kubelet) actuate(r *row) {
	now := k.kernel.Now()
	switch {
	case !r.lacks():
	case k.machine.RuntimeDown() || !k.machine.FitsMemory(r.box, r.granted):
		if !r.unresized {
			k.noteResize(r, true, "ResizeError", "error", r.granted, "")
		}
		r.failed, r.unresized = true, true
	default:
		r.resizes++
		k.wait(r, resizing, now.Add(k.machine.ResizeTime(r.box, uint64(k.epoch)<<32|r.resizes)))
		return
	}
	k.next(r, now)
}

func (k *Kubelet) actuated(r *row, now sim.Time) {
	k.machine.Resize(r.box, r.granted)
	r.resized, r.unresized = now, false
	k.expect(r, now)
	k.next(r, now)
}

// resizeShown is what the status says of it, and last if that has not changed.
func (r *row) resizeShown(last *model.Resize, cache sim.Time) *model.Resize {
	progress := r.lacks() || r.resized > 0 && r.resized >= cache
	if r.granted == nil || !progress && r.granted == r.pod.Spec {
		return nil
	}
	x := model.Resize{Allocated: r.granted, Progress: progress, Failed: progress && r.unresized}
	switch {
	case r.infeasible:
		x.Pending = model.ResizeInfeasible
	case r.deferred > 0:
		x.Pending = model.ResizeDeferred
	}
	if last.Same(&x) {
		return last
	}
	return &x
}
