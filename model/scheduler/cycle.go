package scheduler

import (
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// What a request was for, in the upper half of its tag; the lower is a pod.
const (
	opBind        uint64 = 1 << 32
	opCondition   uint64 = 2 << 32 // written after a binding failed: nobody waits
	opConditionIn uint64 = 3 << 32 // written in a scheduling cycle, which lasts until then
	opDisrupt     uint64 = 4 << 32 // what follows in the tag numbers a request
	opEvict       uint64 = 5 << 32
	opNominate    uint64 = 6 << 32 // nobody waits
	opVolume      uint64 = 7 << 32 // a claim or volume is told what was decided
	opMask        uint64 = 0xffffffff << 32
)

// next begins a scheduling cycle if none is under way and a pod waits. The
// decision is made from what is known now; it takes effect when the cycle is
// over.
func (s *Scheduler) next(now sim.Time) {
	for s.synced && !s.busy {
		id, ok := s.queue.pop()
		if !ok {
			return
		}
		row := s.rows.Row(id)
		if s.skip(row) {
			s.queue.done()
			continue
		}
		s.busy, s.popped = true, id
		start := s.search.nextStartNodeIndex
		s.decision = s.attempt(row)
		s.testify(now, row, start)
		looks := s.decision.examined
		if f := s.decision.failure; f != nil {
			looks += f.tried
		}
		took := s.CycleTime + s.CycleTimePerNode*time.Duration(looks)
		s.kernel.Post(now.Add(took), s.self, whyCycle, uint64(id))
	}
}

// skip tells whether a pod needs no node any more
// (pkg/scheduler/schedule_one.go skipPodSchedule).
func (s *Scheduler) skip(row *podRow) bool {
	if !row.pod.Deleting() {
		return false
	}
	s.client.Note(row.pod, true, "FailedScheduling", "skip schedule deleting pod: "+row.pod.Namespace+"/"+row.pod.Name)
	return true
}

// finish ends the scheduling cycle: the pod is assumed on its node and its
// binding begins, or it goes back to the queue.
func (s *Scheduler) finish(now sim.Time) {
	s.busy = false
	row := s.rows.Row(s.popped)
	if f := s.decision.failure; f != nil {
		s.reject(now, s.popped, f)
		return
	}
	s.nominate(row, 0)
	if row.placed != nil { // bound by somebody else meanwhile
		s.queue.done()
		return
	}
	row.assumed = true
	s.charge(row, s.decision.node)
	s.settle(now, s.popped)
}

func (s *Scheduler) charge(row *podRow, node uint32) {
	row.placed, row.node = row.pod, node
	s.cache.addPod(node, row.placed)
}

// uncharge frees what a pod took on its node.
func (s *Scheduler) uncharge(row *podRow) {
	if row.placed != nil {
		s.cache.removePod(row.node, row.placed)
	}
	row.placed, row.node, row.assumed = nil, 0, false
}

// left frees what a pod took and tells those who wait.
func (s *Scheduler) left(now sim.Time, row *podRow) {
	gone := row.placed
	s.uncharge(row)
	s.queue.happened(now, Event{ClusterEvent: AssignedPodDelete, Pod: gone})
}

func (s *Scheduler) replied(now sim.Time, r store.Reply) {
	id := uint32(r.Tag)
	switch r.Tag & opMask {
	case opConditionIn:
		s.busy = false
	case opDisrupt:
		s.disrupted(now, id, r.Refusal)
	case opEvict:
		s.evicted(now, id, r.Refusal)
	case opVolume:
		s.volumeTold(now, id, r)
	case opBind:
		if r.Refusal != store.Accepted {
			s.bindFailed(now, id, r.Refusal)
			return
		}
		pod := r.Object.(*model.Pod)
		s.client.Note(pod, false, "Scheduled", "Successfully assigned "+pod.Namespace+"/"+pod.Name+" to "+pod.NodeName)
	}
}

// bindFailed forgets an assumed pod whose binding was refused. What it held is
// free again, which may help others; it tries again after an error's backoff
// (pkg/scheduler/schedule_one.go handleBindingCycleError).
func (s *Scheduler) bindFailed(now sim.Time, id uint32, refusal store.Refusal) {
	s.abandon(now, id, `running Bind plugin "`+s.search.framework.bind.Name()+`": `+bindError(s.rows.Row(id).pod, refusal))
}

// abandon ends a binding with an error.
func (s *Scheduler) abandon(now sim.Time, id uint32, message string) {
	row := s.rows.Row(id)
	s.search.framework.unreserve(row.pod, row.node)
	if row.assumed {
		s.left(now, row)
	}
	s.fail(now, id, 0, reasonSchedulerError, message, opCondition)
}

// bindError words a refused binding as the API server does
// (pkg/registry/core/pod/storage/storage.go). Which conflict it was is read off
// the pod as last seen.
func bindError(pod *model.Pod, refusal store.Refusal) string {
	switch refusal {
	case store.NotFound:
		return `pods "` + pod.Name + `" not found`
	case store.TimedOut:
		return "Timeout: request did not complete within requested timeout - context deadline exceeded"
	case store.Conflict:
		conflict := `Operation cannot be fulfilled on pods/binding "` + pod.Name + `": pod ` + pod.Name
		if pod.NodeID != 0 {
			return conflict + ` is already assigned to node "` + pod.NodeName + `"`
		}
		return conflict + " is being deleted, cannot be assigned to a host"
	}
	return refusal.String()
}

// The reasons of a PodScheduled condition that is False
// (k8s.io/api/core/v1/types.go).
const (
	reasonUnschedulable  = "Unschedulable"
	reasonSchedulerError = "SchedulerError"
)

// fail puts a pod back into the queue, says why, and writes its condition if
// that says something new; then it is true
// (pkg/scheduler/schedule_one.go handleSchedulingFailure).
func (s *Scheduler) fail(now sim.Time, id uint32, rejectors pluginSet, reason, message string, op uint64) bool {
	row := s.rows.Row(id)
	if row.exists && row.pod.NodeID == 0 {
		s.queue.back(now, id, rejectors)
	} else {
		s.queue.landed(id)
	}
	s.client.Note(row.pod, true, "FailedScheduling", truncated(message))
	node := s.nominated(row)
	told := uint32(sim.HashName(reason+message)) | 1
	if row.told == told && row.pod.NominatedNode == node {
		return false
	}
	row.told = told
	s.client.PatchPart(row.pod.Ref(), store.Status, unscheduled{reason, now, node}, op|uint64(id))
	return true
}

// unscheduled makes a pod's PodScheduled condition False. The model keeps no
// message in a condition: a write of a new message under the same reason costs
// a request but commits nothing.
type unscheduled struct {
	reason string
	at     sim.Time
	node   string // that it is nominated for
}

// Apply implements store.Patch. A pod that is bound after all keeps its
// condition; the real patch would overwrite it.
func (u unscheduled) Apply(cur model.Object) model.Object {
	pod := cur.(*model.Pod)
	if pod.NodeID != 0 || pod.Scheduled.Reason == u.reason && pod.NominatedNode == u.node {
		return cur
	}
	next := *pod
	next.NominatedNode = u.node
	if next.Scheduled == (model.Condition{}) {
		next.Scheduled.SinceAt = u.at
	}
	next.Scheduled.Reason = u.reason
	return &next
}
