package scheduler

import (
	"cmp"
	"slices"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// read takes what a watch has brought. Scheduling begins when all first lists
// are in (pkg/scheduler/eventhandlers.go WaitForHandlersSync).
func (s *Scheduler) read(now sim.Time, watch uint64) {
	w, saw := s.pods, s.sawPod
	switch watch {
	case uint64(s.nodes.ID):
		w, saw = s.nodes, s.sawNode
	case uint64(s.services.ID):
		w, saw = s.services, s.sawService
	case uint64(s.replicaSets.ID):
		w, saw = s.replicaSets, s.sawReplicaSet
	case uint64(s.budgets.ID):
		w, saw = s.budgets, s.sawBudget
	}
	switch {
	case s.workloads != nil && watch == uint64(s.workloads.ID):
		w, saw = s.workloads, s.sawWorkload
	case s.claims != nil && watch == uint64(s.claims.ID):
		w, saw = s.claims, s.sawClaim
	case s.disks != nil && watch == uint64(s.disks.ID):
		w, saw = s.disks, s.sawVolume
	case s.attachments != nil && watch == uint64(s.attachments.ID):
		w, saw = s.attachments, s.sawAttachment
	}
	for ref, obj, ok := w.Next(); ok; ref, obj, ok = w.Next() {
		saw(now, ref.ID, obj)
	}
	if w == s.claims || w == s.disks {
		s.lookAtVolumes(now)
	}
	s.synced = s.synced || !slices.ContainsFunc(s.watches, func(w *store.Watch) bool { return !w.Drained() })
}

func (s *Scheduler) sawNode(now sim.Time, id uint32, obj model.Object) {
	next, _ := obj.(*model.Node)
	old := s.cache.setNode(id, next)
	for _, e := range nodeEvents(old, next) {
		s.queue.happened(now, Event{ClusterEvent: e, OldNode: old, NewNode: next})
	}
}

// sawService and sawReplicaSet keep what pods are spread by.
func (s *Scheduler) sawService(_ sim.Time, id uint32, obj model.Object) {
	next, _ := obj.(*model.Service)
	if next != nil {
		*s.namespaces.Row(id) = next.Namespace
	}
	s.cache.setService(id, *s.namespaces.Row(id), next)
}

func (s *Scheduler) sawReplicaSet(_ sim.Time, id uint32, obj model.Object) {
	var selector *model.Selector
	if next, _ := obj.(*model.ReplicaSet); next != nil {
		selector = next.Selector
	}
	s.cache.setOwner(model.Ref{Kind: model.KindReplicaSet, ID: id}, selector)
}

// sawBudget keeps the budgets that preemption looks at, in order of ID. They
// wake no pod up, but a preemption that was tried before may now go otherwise.
func (s *Scheduler) sawBudget(_ sim.Time, id uint32, obj model.Object) {
	list := s.search.budgets
	at, known := slices.BinarySearchFunc(list, id, func(b *model.PodDisruptionBudget, id uint32) int { return cmp.Compare(b.ID, id) })
	next, _ := obj.(*model.PodDisruptionBudget)
	switch {
	case next != nil && known:
		list[at] = next
	case next != nil:
		list = slices.Insert(list, at, next)
	case known:
		list = slices.Delete(list, at, at+1)
	}
	s.search.budgets = list
	s.cache.changes++
}

func (s *Scheduler) sawWorkload(now sim.Time, id uint32, obj model.Object) {
	next, _ := obj.(*model.Workload)
	key := s.workloadNames.Row(id)
	old := s.cache.workloads.known[*key]
	switch {
	case next == nil:
		delete(s.cache.workloads.known, *key)
		return
	case old == nil || old.ID != id:
		*key = workloadKey{next.Namespace, next.Name}
		s.cache.workloads.known[*key] = next
		s.queue.happened(now, Event{ClusterEvent: WorkloadAdd, Workload: next})
	}
}

// nodeEvents is what of a node's change can matter to scheduling
// (pkg/scheduler/framework/events.go NodeSchedulingPropertiesChange).
func nodeEvents(old, next *model.Node) (events []ClusterEvent) {
	switch {
	case old == nil && next == nil:
		return nil
	case old == nil:
		return []ClusterEvent{NodeAdd}
	case next == nil:
		return []ClusterEvent{NodeDelete}
	}
	if old.Unschedulable && !next.Unschedulable {
		events = append(events, NodeUpdateTaint)
	}
	if !sameResources(&old.Allocatable, &next.Allocatable) {
		events = append(events, NodeUpdateAllocatable)
	}
	if !slices.Equal(old.Labels, next.Labels) {
		events = append(events, NodeUpdateLabel)
	}
	if !slices.Equal(old.Taints, next.Taints) {
		events = append(events, NodeUpdateTaint)
	}
	return events
}

func sameResources(a, b *model.Resources) bool {
	return a.CPUMilli == b.CPUMilli && a.MemoryBytes == b.MemoryBytes && a.EphemeralBytes == b.EphemeralBytes &&
		a.Pods == b.Pods && slices.Equal(a.Extended, b.Extended)
}

// sawPod takes a version of a pod. A pod that has finished is as good as gone:
// the real scheduler's watch leaves it out.
func (s *Scheduler) sawPod(now sim.Time, id uint32, obj model.Object) {
	row := s.rows.Row(id)
	var old *model.Pod
	if row.exists {
		old = row.pod
	}
	next, _ := obj.(*model.Pod)
	if next != nil && next.Phase.Terminal() {
		next = nil
	}
	row.exists = next != nil
	if next != nil {
		row.pod = next
	}
	s.cache.workloads.saw(old, next)
	switch {
	case old == nil && next == nil:
	case next == nil:
		s.podGone(now, id, old)
	case next.NodeID != 0:
		s.podAssigned(now, id, old)
	case next.Spec.SchedulerName == Name || next.Spec.SchedulerName == "":
		s.podWaits(now, id, old)
	}
}

// podGone frees what the pod took. If it was only assumed to be somewhere, its
// binding goes on and will be refused
// (pkg/scheduler/eventhandlers.go handleAssumedPodDeletion).
func (s *Scheduler) podGone(now sim.Time, id uint32, old *model.Pod) {
	row := s.rows.Row(id)
	if old.NodeID == 0 {
		s.queue.remove(id)
	}
	if row.nominated != 0 { // others may have the room that was kept for it
		s.nominate(row, 0)
		s.queue.happened(now, Event{ClusterEvent: AssignedPodDelete, Pod: old})
	}
	switch {
	case row.permit != nil:
		s.refuse(now, id, 0, "removed")
	case row.placed != nil:
		s.left(now, row)
	}
}

// podAssigned confirms an assumed pod, or charges one that somebody else bound.
func (s *Scheduler) podAssigned(now sim.Time, id uint32, old *model.Pod) {
	row := s.rows.Row(id)
	if row.placed != nil && row.node == row.pod.NodeID {
		if row.placed.StartedAt != row.pod.StartedAt {
			s.cache.changes++ // whom preemption would rather take
		}
		s.cache.updatePod(row.node, row.placed, row.pod)
		row.placed = row.pod
	} else {
		s.uncharge(row)
		s.charge(row, row.pod.NodeID)
	}
	row.assumed = false
	if row.permit != nil { // somebody else was faster than those it waits for
		row.permit = nil
		s.queue.landed(id)
	}
	s.nominate(row, 0)
	switch {
	case old == nil || old.NodeID == 0:
		s.queue.remove(id)
		s.queue.happened(now, Event{ClusterEvent: AssignedPodAdd, Pod: row.pod})
	case smaller(old, row.pod):
		s.queue.happened(now, Event{ClusterEvent: AssignedPodScaleDown, Pod: row.pod, OldPod: old})
	case !slices.Equal(old.Labels, row.pod.Labels):
		s.queue.happened(now, Event{ClusterEvent: AssignedPodUpdateLabel, Pod: row.pod, OldPod: old})
	}
}

// podWaits takes a version of a pod without a node. An assumed pod is past
// waiting, but gives its place back when it is asked to go.
func (s *Scheduler) podWaits(now sim.Time, id uint32, old *model.Pod) {
	row := s.rows.Row(id)
	switch {
	case row.assumed:
		switch {
		case !row.pod.Deleting() || old.Deleting():
		case row.permit != nil:
			s.refuse(now, id, 0, "removed")
		default:
			s.left(now, row)
		}
	case old == nil:
		s.sawNomination(row, nil)
		s.queue.add(now, id)
		s.queue.happened(now, Event{ClusterEvent: UnscheduledPodAdd, Pod: row.pod})
	default:
		if row.nominated != 0 && row.pod.Spec != old.Spec {
			s.search.nominate(row.pod, row.nominated, row.nominated)
		}
		s.sawNomination(row, old)
		s.queue.update(now, id, old)
	}
}

// smaller tells whether a pod that is resized counts for less than before.
func smaller(old, next *model.Pod) bool {
	if old.Spec == next.Spec && old.Resize == next.Resize {
		return false
	}
	a, b := &old.Counted().Request, &next.Counted().Request
	return b.CPUMilli < a.CPUMilli || b.MemoryBytes < a.MemoryBytes
}
