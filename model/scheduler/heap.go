package scheduler

import "orrery/sim"

// QueuedPodInfo is a waiting pod as the queue's order sees it
// (pkg/scheduler/framework/types.go QueuedPodInfo).
type QueuedPodInfo struct {
	Timestamp sim.Time // when it was added, or came back from a failed attempt
	Priority  int32
	Pod       uint32 // its ID
	Tenant    uint32 // of a TenantSortPlugin

	window sim.Time // BackoffExpiration, cut to the second
	seq    uint32   // counts pods in the order in which they were first seen
	stamp  uint32   // the entry is dead unless the pod's row has the same
}

// podHeap is a priority queue of pods. Entries are not taken out when a pod
// leaves another way: they are found dead when their turn comes.
type podHeap struct {
	less    func(a, b *QueuedPodInfo) bool
	entries []QueuedPodInfo
}

func (h *podHeap) push(e QueuedPodInfo) {
	h.entries = append(h.entries, e)
	i := len(h.entries) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !h.less(&e, &h.entries[up]) {
			break
		}
		h.entries[i] = h.entries[up]
		i = up
	}
	h.entries[i] = e
}

// drop removes the head.
func (h *podHeap) drop() {
	last := len(h.entries) - 1
	e := h.entries[last]
	h.entries = h.entries[:last]
	i := 0
	for {
		down := 2*i + 1
		if down >= last {
			break
		}
		if right := down + 1; right < last && h.less(&h.entries[right], &h.entries[down]) {
			down = right
		}
		if !h.less(&h.entries[down], &e) {
			break
		}
		h.entries[i] = h.entries[down]
		i = down
	}
	if last > 0 {
		h.entries[i] = e
	}
}
