package scheduler

import (
	"slices"

	"orrery/model"
)

// defaultPreemption looks for pods to evict in favour of one that fits nowhere,
// and keeps that pod out of the queue while it does so
// (pkg/scheduler/framework/plugins/defaultpreemption/default_preemption.go,
// pkg/scheduler/framework/preemption/preemption.go).
type defaultPreemption struct {
	handle    *Handle
	none      *Status
	unhelpful *Status
	running   *Status
}

func newDefaultPreemption(h *Handle) Plugin {
	p := &defaultPreemption{handle: h}
	p.none = h.Status(p.Name(), UnschedulableAndUnresolvable, "No preemption victims found for incoming pod")
	p.unhelpful = h.Status(p.Name(), UnschedulableAndUnresolvable, "Preemption is not helpful for scheduling")
	p.running = h.Status(p.Name(), UnschedulableAndUnresolvable, "waiting for the preemption for this pod to be finished")
	return p
}

func (*defaultPreemption) Name() string { return "DefaultPreemption" }

// PreEnqueue implements PreEnqueuePlugin.
func (p *defaultPreemption) PreEnqueue(pod *model.Pod) *Status {
	if preempting := p.handle.framework.preempting; preempting != nil && preempting(pod) {
		return p.running
	}
	return nil
}

// EventsToRegister implements EnqueueExtensions: a pod that goes may end the
// preemption, but whether the pod fits now is for others to say
// (isPodSchedulableAfterAssignedPodDeletion).
func (*defaultPreemption) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{{AssignedPodDelete, func(*model.Pod, *Event) bool { return false }}}
}

// What a pod is told that may not preempt. Before it comes what DynamicResources says, which is
// asked first, of a pod without claims (dynamicresources.go PostFilter). Of that plugin nothing
// else is modeled, and it says so also where a configuration leaves it out.
const (
	preemption    = "no new claims to deallocate, preemption: "
	neverPreempts = preemption + "not eligible due to preemptionPolicy=Never."
	victimsLeave  = preemption + "not eligible due to a terminating pod on the nominated node."
)

// PostFilter implements PostFilterPlugin. Only nodes that refused the pod for a
// reason that others on it may be are tried.
func (p *defaultPreemption) PostFilter(a *Attempt) string {
	if a.class.pod.Spec.NeverPreempts {
		return neverPreempts
	}
	d := Diagnosis{NumAllNodes: a.NumAllNodes}
	if !a.search.cache.anyBelow(a.class.pod.Spec.Priority) {
		if a.again {
			return a.class.failure.post
		}
		d.NodeToStatus = []statusCount{{p.none, a.count(Unschedulable)}}
	} else {
		p.dryRun(a, &d)
	}
	if len(a.Candidates) > 0 {
		return ""
	}
	rest := d.NumAllNodes
	for _, s := range d.NodeToStatus {
		rest -= s.nodes
	}
	d.AbsentNodesStatus = statusCount{p.unhelpful, rest}
	return preemption + d.Error("")
}

// PreemptionArgs is DefaultPreemptionArgs: how many candidates are enough, as a
// share of the potential nodes in percent, and at least. The zero value takes 10
// and 100 (pkg/scheduler/apis/config/v1/defaults.go
// SetDefaults_DefaultPreemptionArgs).
type PreemptionArgs struct{ MinCandidateNodesPercentage, MinCandidateNodesAbsolute int64 }

// enough is how many candidates of n potential nodes are.
func (a PreemptionArgs) enough(n int) int {
	if a == (PreemptionArgs{}) {
		a = PreemptionArgs{10, 100}
	}
	return min(n, max(n*int(a.MinCandidateNodesPercentage)/100, int(a.MinCandidateNodesAbsolute)))
}

// dryRun tries the potential nodes from a random one on, until there are enough
// candidates and one of them violates no budget. The original's 16 workers may
// try a few more (DryRunPreemption, GetOffsetAndNumCandidates).
func (p *defaultPreemption) dryRun(a *Attempt, d *Diagnosis) {
	nodes := a.potential()
	n := len(nodes)
	if n == 0 {
		return
	}
	enough, offset, harmless := n, 0, false
	if a.search.offset != nil {
		enough = p.handle.profile.Preemption.enough(n)
		offset = a.search.offset(n)
	}
	for i := range n {
		a.tried++
		c, st := a.search.victimsOn(a.class, nodes[(offset+i)%n], p.none)
		if st != nil {
			d.add(st)
			continue
		}
		a.Candidates = append(a.Candidates, c)
		harmless = harmless || c.Violations == 0
		if harmless && len(a.Candidates) >= enough {
			return
		}
	}
}

// add counts a node's status.
func (d *Diagnosis) add(st *Status) {
	i := slices.IndexFunc(d.NodeToStatus, func(s statusCount) bool { return s.status == st })
	if i < 0 {
		i = len(d.NodeToStatus)
		d.NodeToStatus = append(d.NodeToStatus, statusCount{status: st})
	}
	d.NodeToStatus[i].nodes++
}

// Attempt is a search that found no node, for PostFilter plugins to make the
// best of.
type Attempt struct {
	Diagnosis
	// Candidates is where preemption would make room, in the order in which
	// nodes were tried.
	Candidates []Candidate

	again  bool // the nodes say what they said last time, when there was no dry run
	tried  int  // dry runs
	search *search
	class  *class
	nodes  []uint32 // those that gave an answer
}

// potential is the nodes whose answer was Unschedulable, by their ID. The
// original has them in the random order of a map.
func (a *Attempt) potential() (out []uint32) {
	if a.class.refusal() != nil {
		return nil
	}
	for _, id := range a.nodes {
		if a.search.answer(a.class, id).Code == Unschedulable {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// answer is why a node, which was asked, cannot take a pod.
func (s *search) answer(c *class, id uint32) *Status {
	if c.pinned || len(c.filter) > 0 || s.nominated.any(id) {
		return s.fits(c, id)
	}
	return s.framework.statuses[^c.board.verdicts[id]]
}

// anyBelow tells whether any pod on any node has a lower priority.
func (c *cache) anyBelow(priority int32) bool {
	return len(c.priorities) > 0 && c.priorities[0].priority < priority
}

// held is how many placed pods have a priority.
type held struct {
	priority int32
	pods     int
}

// hold counts a placed pod's priority, or with sign -1 no more.
func (c *cache) hold(priority int32, sign int) {
	i, found := slices.BinarySearchFunc(c.priorities, priority, func(h held, p int32) int { return int(h.priority) - int(p) })
	if !found {
		c.priorities = slices.Insert(c.priorities, i, held{priority: priority})
	}
	if c.priorities[i].pods += sign; c.priorities[i].pods == 0 {
		c.priorities = slices.Delete(c.priorities, i, i+1)
	}
}
