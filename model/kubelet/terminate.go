package kubelet

import (
	"time"

	"orrery/model/runtime"
	"orrery/sim"
)

// orphanGrace is what a running pod gets that nobody knows any more
// (pkg/kubelet/kubelet_pods.go HandlePodCleanups).
const orphanGrace = time.Second

// terminate begins to stop a pod (pkg/kubelet/kubelet.go SyncTerminatingPod).
// From here the worker never goes back.
func (k *Kubelet) terminate(r *row) {
	r.stage = terminating
	k.queueAt(r, sim.Never)
	k.publish(r, false)
	r.doing = killing
	k.killContainers(r)
	k.stopNext(r)
}

// grace is how long the pod's containers have from SIGTERM to SIGKILL: what
// the API says, else the spec, and at least a second.
func (r *row) grace() time.Duration {
	seconds := r.pod.Spec.GraceSeconds
	if r.pod.Deleting() {
		seconds = r.pod.GraceSeconds
	}
	switch {
	case r.orphan:
		return orphanGrace
	case r.evicted:
		return evictGrace
	}
	return max(time.Duration(seconds)*time.Second, time.Second)
}

// killContainers sends SIGTERM to all running containers but sidecars. To
// those that have had it, it brings SIGKILL forward if the grace became
// shorter. A preStop hook is taken to return at once.
func (k *Kubelet) killContainers(r *row) {
	if r.box == nil {
		return
	}
	spec := r.pod.Spec
	for i := range r.box.Processes {
		p := &r.box.Processes[i]
		if !p.Running || i < len(spec.InitContainers) && spec.InitContainers[i].Sidecar && p.TermAt == 0 {
			continue
		}
		if p.TermAt == 0 {
			k.client.Note(r.face(), false, "Killing", "Stopping container "+containerOf(spec, i).Name)
		}
		k.stopContainer(r, i)
	}
}

// stopContainer stops one within what is left of the pod's grace.
func (k *Kubelet) stopContainer(r *row, i int) {
	now := k.kernel.Now()
	if end := now.Add(r.grace()); r.killAt == 0 || end < r.killAt {
		r.killAt = end
	}
	left := r.killAt.Sub(now).Truncate(time.Second)
	k.machine.Stop(r.box, i, max(left, runtime.MinimumKill))
}

// stopNext goes on when a container has ended: sidecars stop after all others,
// the last first (kuberuntime_termination_order.go), then the sandbox.
func (k *Kubelet) stopNext(r *row) {
	if r.box == nil {
		k.stopped(r)
		return
	}
	spec := r.pod.Spec
	sidecar := -1
	for i := range r.box.Processes {
		if !r.box.Processes[i].Running {
			continue
		}
		if i >= len(spec.InitContainers) || !spec.InitContainers[i].Sidecar {
			return
		}
		sidecar = i
	}
	if sidecar >= 0 {
		if r.box.Processes[sidecar].TermAt == 0 {
			k.stopContainer(r, sidecar)
		}
		return
	}
	if !r.box.Ready {
		k.stopped(r)
		return
	}
	sandbox, _ := k.machine.StopTime(r.hash)
	k.wait(r, stopping, k.kernel.Now().Add(sandbox))
}

// stopped is the end of the terminating step: nothing of the pod runs, so the
// terminal phase may be shown. The next step waits for a relist and for the
// volumes.
func (k *Kubelet) stopped(r *row) {
	now := k.kernel.Now()
	r.stage, r.stepEnd = terminated, now
	if r.box != nil {
		k.machine.StopSandbox(r.box)
	}
	_, unmount := k.machine.StopTime(r.hash)
	k.publish(r, true)
	k.release(r)
	k.wait(r, unmounting, k.relist.After(now).Add(unmount))
}

// finish is the end of the terminated step: nothing of the pod runs or is
// mounted, and its object may go. What ended stays on the machine's records as
// long as the object does.
func (k *Kubelet) finish(r *row) {
	r.stage, r.doing = finished, nothing
	switch {
	case r.gone:
		k.drop(r)
	case r.pod.Deleting():
		r.remove = true
		k.enqueue(r)
	}
}
