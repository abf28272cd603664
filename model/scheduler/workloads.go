package scheduler

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// workloads is the Workloads and the pods that belong to their groups
// (pkg/scheduler/backend/workloadmanager).
type workloads struct {
	known  map[workloadKey]*model.Workload
	groups map[groupName]*podGroup
}

// workloadKey names a Workload.
//
//tidy:key compared as a whole
type workloadKey struct{ namespace, name string }

// groupName names one replica of a group.
//
//tidy:key compared as a whole
type groupName struct {
	namespace string
	model.WorkloadRef
}

func newWorkloads() workloads {
	return workloads{map[workloadKey]*model.Workload{}, map[groupName]*podGroup{}}
}

func groupOf(pod *model.Pod) groupName { return groupName{pod.Namespace, *pod.Spec.Workload} }

// podGroup is the pods of a group that exist and have not finished.
type podGroup struct {
	members   []member // in the order in which they were first seen
	scheduled int      // of them, those that are assumed or assigned
	deadline  sim.Time // of the attempt to bring the group together
}

// member is a pod of a group by its ID.
type member struct {
	pod   uint32
	state memberState
}

type memberState uint8

const (
	memberWaits   memberState = iota
	memberAssumed             // has a node, which nobody else knows
	memberBound
)

// gangTimeout is how long pods of a gang wait for the others at most
// (pkg/scheduler/backend/workloadmanager DefaultSchedulingTimeoutDuration).
const gangTimeout = 5 * time.Minute

// timeout is how long the group may take from now on. A new attempt begins when
// the one before has run out of time.
func (g *podGroup) timeout(now sim.Time) time.Duration {
	if g.deadline == 0 || g.deadline < now {
		g.deadline = now.Add(gangTimeout)
	}
	return g.deadline.Sub(now)
}

// set notes a pod's state; false if it is not there.
func (g *podGroup) set(pod uint32, state memberState) bool {
	i := slices.IndexFunc(g.members, func(m member) bool { return m.pod == pod })
	if i < 0 {
		return false
	}
	m := &g.members[i]
	if m.state != memberWaits {
		g.scheduled--
	}
	if m.state = state; state != memberWaits {
		g.scheduled++
	}
	return true
}

// saw takes a version of a pod, nil if it is gone or has finished.
func (w *workloads) saw(old, next *model.Pod) {
	some := next
	if some == nil {
		some = old
	}
	if some == nil || some.Spec.Workload == nil {
		return
	}
	name := groupOf(some)
	g := w.groups[name]
	if g == nil {
		g = &podGroup{}
		w.groups[name] = g
	}
	switch {
	case next == nil:
		g.set(some.ID, memberWaits)
		g.members = slices.DeleteFunc(g.members, func(m member) bool { return m.pod == some.ID })
		if len(g.members) == 0 {
			delete(w.groups, name)
		}
	case old == nil:
		g.members = append(g.members, member{pod: next.ID})
		fallthrough
	case old.NodeID != next.NodeID:
		if next.NodeID != 0 {
			g.set(next.ID, memberBound)
		}
	}
}

// assume notes that a pod has a node, or has it no longer. One that was bound
// by somebody else, or is gone, stays what it is.
func (w *workloads) assume(pod *model.Pod, state memberState) {
	g := w.groups[groupOf(pod)]
	if g == nil {
		return
	}
	for _, m := range g.members {
		if m.pod == pod.ID && m.state != memberBound {
			g.set(pod.ID, state)
		}
	}
}
