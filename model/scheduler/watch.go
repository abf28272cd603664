package scheduler

import (
	"slices"

	"orrery/model"
	"orrery/sim"
)

// read takes what a watch has brought. Scheduling begins when both first lists
// are in (pkg/scheduler/eventhandlers.go WaitForHandlersSync).
func (s *Scheduler) read(now sim.Time, watch uint64) {
	w, saw := s.pods, s.sawPod
	if watch == uint64(s.nodes.ID) {
		w, saw = s.nodes, s.sawNode
	}
	for ref, obj, ok := w.Next(); ok; ref, obj, ok = w.Next() {
		saw(now, ref.ID, obj)
	}
	s.synced = s.synced || s.nodes.Drained() && s.pods.Drained()
}

func (s *Scheduler) sawNode(now sim.Time, id uint32, obj model.Object) {
	next, _ := obj.(*model.Node)
	old := s.cache.setNode(id, next)
	if next == nil {
		return // no modeled plugin is helped by a node that goes
	}
	for _, e := range nodeEvents(old, next) {
		s.queue.happened(now, Event{e, old, next})
	}
}

// nodeEvents is what of a node's change can matter to scheduling
// (pkg/scheduler/framework/events.go NodeSchedulingPropertiesChange).
func nodeEvents(old, next *model.Node) (events []ClusterEvent) {
	if old == nil {
		return []ClusterEvent{NodeAdd}
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
	switch {
	case old == nil && next == nil:
	case next == nil:
		s.podGone(now, id, old)
	case next.NodeID != 0:
		s.podAssigned(id, old)
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
	if row.spec != nil {
		s.uncharge(row)
		s.queue.happened(now, Event{ClusterEvent: AssignedPodDelete})
	}
}

// podAssigned confirms an assumed pod, or charges one that somebody else bound.
func (s *Scheduler) podAssigned(id uint32, old *model.Pod) {
	row := s.rows.Row(id)
	if row.spec != row.pod.Spec || row.node != row.pod.NodeID {
		s.uncharge(row)
		s.charge(row, row.pod.NodeID)
	}
	row.assumed = false
	if old == nil || old.NodeID == 0 {
		s.queue.remove(id)
	}
}

// podWaits takes a version of a pod without a node. An assumed pod is past
// waiting, but gives its place back when it is asked to go.
func (s *Scheduler) podWaits(now sim.Time, id uint32, old *model.Pod) {
	row := s.rows.Row(id)
	switch {
	case row.assumed:
		if row.pod.Deleting() && !old.Deleting() {
			s.uncharge(row)
			s.queue.happened(now, Event{ClusterEvent: AssignedPodDelete})
		}
	case old == nil:
		s.queue.add(now, id)
	default:
		s.queue.update(now, id, old)
	}
}
