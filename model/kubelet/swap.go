package kubelet

// resizesSwap tells whether a pod wants to ask for other memory for a container that may
// have swap, of which it would get another part: that is infeasible, unless the container
// is started anew for it (pkg/kubelet/allocation/allocation_manager.go
// disallowResizeForSwappableContainers).
func (k *Kubelet) resizesSwap(r *row) bool {
	for i := range r.containers {
		want, has := containerOf(r.pod.Spec, i), containerOf(r.granted, i)
		if want.Requests.MemoryBytes == has.Requests.MemoryBytes || has.RestartForMemory {
			continue
		}
		if k.machine.MaySwap(r.pod.ID, r.pod.Spec, want) || k.machine.MaySwap(r.pod.ID, r.granted, has) {
			return true
		}
	}
	return false
}
