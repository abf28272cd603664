package scheduler

import (
	"strconv"
	"time"

	"orrery/model"
)

// gangScheduling binds the pods of a gang together or not at all: they stay out
// of the queue until there are enough of them, and those that have a node wait
// for the others before they are bound
// (pkg/scheduler/framework/plugins/gangscheduling/gangscheduling.go, alpha in
// v1.35 and off by default).
type gangScheduling struct {
	handle       *Handle
	few, waiting *Status
	missing      map[string]*Status // by message
}

func newGangScheduling(h *Handle) Plugin {
	p := &gangScheduling{handle: h, missing: map[string]*Status{}}
	p.few = h.Status(p.Name(), UnschedulableAndUnresolvable, "waiting for minCount pods from a gang to appear in scheduling queue")
	p.waiting = h.Status(p.Name(), Wait, "waiting for minCount pods from a gang to be waiting on permit")
	return p
}

func (*gangScheduling) Name() string { return "GangScheduling" }

// SignPod implements SignPlugin: pods of different groups wait for different
// events.
func (*gangScheduling) SignPod(key []byte, pod *model.Pod) []byte {
	w := pod.Spec.Workload
	if w == nil {
		return append(key, 0)
	}
	key = signText(append(key, 1), pod.Namespace)
	return signText(signText(signText(key, w.Name), w.PodGroup), w.ReplicaKey)
}

// group is the group that a pod belongs to, or why there is none.
func (p *gangScheduling) group(pod *model.Pod) (*model.PodGroup, bool) {
	w := p.handle.cache.workloads.known[workloadKey{pod.Namespace, pod.Spec.Workload.Name}]
	if w == nil {
		return nil, false
	}
	return w.Group(pod.Spec.Workload.PodGroup), true
}

// PreEnqueue implements PreEnqueuePlugin.
func (p *gangScheduling) PreEnqueue(pod *model.Pod) *Status {
	ref := pod.Spec.Workload
	if ref == nil {
		return nil
	}
	g, known := p.group(pod)
	switch {
	case !known:
		return p.because("waiting for pods's workload " + strconv.Quote(ref.Name) + " to appear in scheduling queue")
	case g == nil:
		return p.because("pod group " + strconv.Quote(ref.PodGroup) + " doesn't exist for a workload " + strconv.Quote(ref.Name))
	case g.MinCount > 0 && p.known(pod) < int(g.MinCount):
		return p.few
	}
	return nil
}

func (p *gangScheduling) because(message string) *Status {
	st := p.missing[message]
	if st == nil {
		st = p.handle.once(p.Name(), UnschedulableAndUnresolvable, message)
		p.missing[message] = st
	}
	return st
}

// known is how many pods of the pod's group there are.
func (p *gangScheduling) known(pod *model.Pod) int {
	if g := p.handle.cache.workloads.groups[groupOf(pod)]; g != nil {
		return len(g.members)
	}
	return 0
}

// Reserve implements ReservePlugin.
func (p *gangScheduling) Reserve(pod *model.Pod, _ uint32) *Status {
	if pod.Spec.Workload != nil {
		p.handle.cache.workloads.assume(pod, memberAssumed)
	}
	return nil
}

// Unreserve implements ReservePlugin.
func (p *gangScheduling) Unreserve(pod *model.Pod, _ uint32) {
	if pod.Spec.Workload != nil {
		p.handle.cache.workloads.assume(pod, memberWaits)
	}
}

// Permit implements PermitPlugin. Whoever waits activates the others, which may
// have been rejected before it found its node; whoever completes the gang allows
// all that wait.
func (p *gangScheduling) Permit(pod *model.Pod, _ uint32) (*Status, time.Duration) {
	ref := pod.Spec.Workload
	if ref == nil {
		return nil, 0
	}
	g, known := p.group(pod)
	if !known {
		name := strconv.Quote(ref.Name)
		return p.handle.once(p.Name(), Error, "failed to get workload "+pod.Namespace+"/"+ref.Name+": workload.scheduling.k8s.io "+name+" not found"), 0
	}
	if g == nil {
		return p.handle.once(p.Name(), Error, "pod group "+strconv.Quote(ref.PodGroup)+" doesn't exist for a workload "+strconv.Quote(ref.Name)), 0
	}
	state := p.handle.cache.workloads.groups[groupOf(pod)]
	if g.MinCount == 0 || state == nil {
		return nil, 0
	}
	enough := state.scheduled >= int(g.MinCount)
	for _, m := range state.members {
		switch {
		case enough && m.state == memberAssumed:
			p.handle.Allow(p.Name(), m.pod)
		case !enough && m.state == memberWaits:
			p.handle.Activate(m.pod)
		}
	}
	if enough {
		return nil, 0
	}
	return p.waiting, state.timeout(p.handle.Now())
}

// EventsToRegister implements EnqueueExtensions: another pod of the group came,
// or its Workload. Neither a pod's reference nor a Workload's groups change.
func (*gangScheduling) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{
		{UnscheduledPodAdd | AssignedPodAdd, func(pod *model.Pod, e *Event) bool {
			return pod.Spec.Workload != nil && e.Pod.Spec.Workload != nil && groupOf(pod) == groupOf(e.Pod)
		}},
		{WorkloadAdd, func(pod *model.Pod, e *Event) bool {
			return pod.Spec.Workload != nil && pod.Namespace == e.Workload.Namespace && pod.Spec.Workload.Name == e.Workload.Name
		}},
	}
}
