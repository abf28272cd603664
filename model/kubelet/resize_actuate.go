package kubelet

import (
	"fmt"
	"strings"
	"time"

	"orrery/model"
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
		if c := &r.containers[i]; r.box.Processes[i].Running && r.box.Pod.Spec.RestartsToResize(i, r.granted) && c.sentence == spared {
			r.condemn(i, toResize)
			c.wanted, c.killGrace = true, time.Duration(r.pod.Spec.GraceSeconds)*time.Second
		}
	}
}

// actuate gives a pod what is set aside for it, before more of its containers start. A
// memory limit below what is used is an error, of which an Event tells as often as it says
// something else (kubelet.go SyncPod, status_manager.go SetPodResizeInProgressCondition).
func (k *Kubelet) actuate(r *row) {
	now := k.kernel.Now()
	if !r.lacks() {
		k.next(r, now)
		return
	}
	why := k.memoryTooLow(r)
	if k.machine.RuntimeDown() {
		why = unavailable
	}
	if why == "" {
		r.nthResize++
		k.wait(r, resizing, now.Add(k.machine.ResizeTime(r.box, uint64(k.epoch)<<32|r.nthResize)))
		return
	}
	if why != r.unresized {
		k.noteResize(r, true, "ResizeError", "error", r.granted, why)
	}
	r.failed, r.unresized = true, why
	k.next(r, now)
}

// memoryTooLow is what is said if containers use as much memory as they are to have, "" if
// none does (kuberuntime_manager.go validateMemoryResizeAction).
func (k *Kubelet) memoryTooLow(r *row) string {
	above := k.machine.MemoryAbove(r.box, r.granted)
	if len(above) == 0 {
		return ""
	}
	used := r.box.MemoryUsed(k.kernel.Now())
	var errs []string
	if limit, had := memoryTogether(r.granted), memoryTogether(r.box.Pod.Spec); limit > 0 && (had == 0 || limit < had) && used >= limit {
		errs = append(errs, fmt.Sprintf("attempting to set pod memory limit (%d) below current usage (%d)", limit, used))
	}
	for _, i := range above { // each with the usage of all
		c := containerOf(r.granted, i)
		errs = append(errs, fmt.Sprintf("attempting to set container %q memory limit (%d) below current usage (%d)", c.Name, c.Limits.MemoryBytes, used))
	}
	all := strings.Join(errs, ", ")
	if len(errs) > 1 {
		all = "[" + all + "]"
	}
	return "cannot decrease memory limits: " + all
}

// memoryTogether is the memory limit of a pod's cgroup, 0 if not all of its containers have
// one (cm/helpers_linux.go ResourceConfigForPod).
func memoryTogether(spec *model.PodSpec) (sum int64) {
	for i := range len(spec.InitContainers) + len(spec.Containers) {
		if plainInit(spec, i) {
			continue
		}
		limit := containerOf(spec, i).Limits.MemoryBytes
		if limit == 0 {
			return 0
		}
		sum += limit
	}
	return sum
}

func (k *Kubelet) actuated(r *row, now sim.Time) {
	if r.resized == 0 || r.resized < k.cacheAt(r, now) {
		r.had = r.box.Pod.Spec
	}
	k.machine.Resize(r.box, r.granted)
	r.resized, r.unresized = now, ""
	k.changed(r)
	k.next(r, now)
}
