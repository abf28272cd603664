package kubelet

import (
	"time"

	"orrery/sim"
)

// A pass gives a pod what is set aside for it, and the relist after it shows that it has it
// (v1.35 pkg/kubelet/kuberuntime/kuberuntime_manager.go computePodResizeAction,
// doPodResizeAction).

// lacks tells whether a pod has other resources than are set aside for it.
func (r *row) lacks() bool {
	return r.box != nil && r.granted != nil && !r.box.Pod.Spec.SameResources(r.granted)
}

// restartToResize has containers killed that are to be started anew with other
// resources.
func (k *Kubelet) restartToResize(r *row) {
	if !r.lacks() {
		return
	}
	for i := range r.containers {
		if c := &r.containers[i]; r.box.Processes[i].Running && r.box.Pod.Spec.RestartsToResize(i, r.granted) && !c.doomed {
			c.doomed, c.wanted, c.killGrace = true, true, time.Duration(r.pod.Spec.GraceSeconds)*time.Second
			k.client.Note(r.face(), false, "Killing", "Container "+containerOf(r.pod.Spec, i).Name+" resize requires restart")
		}
	}
}

// actuate gives a pod what is set aside for it, before more of its containers start. A
// memory limit below what is used is an error.
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
		r.nthResize++
		k.wait(r, resizing, now.Add(k.machine.ResizeTime(r.box, uint64(k.epoch)<<32|r.nthResize)))
		return
	}
	k.next(r, now)
}

func (k *Kubelet) actuated(r *row, now sim.Time) {
	if r.resized == 0 || r.resized < k.cacheAt(now) {
		r.had = r.box.Pod.Spec
	}
	k.machine.Resize(r.box, r.granted)
	r.resized, r.unresized = now, false
	k.expect(r, now)
	k.next(r, now)
}
