package scheduler

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// gangs is the pods of a Planner that have a node and wait for their gang. A
// Planner has no clock: it gives a gang up when nobody is left to be tried.
type gangs struct {
	pods    uint32          // so many have a number
	waiting []uint32        // numbers, in the order in which they began to wait
	again   map[uint32]bool // those whom another of their gang asked to try again
}

// now, activate and allow implement holder.
func (*gangs) now() sim.Time { return 0 }

func (g *gangs) activate(pod uint32) { g.again[pod] = true }

func (g *gangs) allow(pod uint32, _ pluginSet) {
	g.waiting = slices.DeleteFunc(g.waiting, func(w uint32) bool { return w == pod })
}

// AddWorkload adds a Workload.
func (p *Planner) AddWorkload(w *model.Workload) {
	p.search.cache.workloads.known[workloadKey{w.Namespace, w.Name}] = w
}

// know numbers a pod of a group and counts it there.
func (p *Planner) know(pod *model.Pod) {
	if pod.Spec.Workload == nil || pod.ID != 0 {
		return
	}
	p.gangs.pods++
	pod.ID = p.gangs.pods
	p.search.cache.workloads.saw(nil, pod)
}

// PlaceAll finds a node for each of the pods, one after the other with all
// earlier ones placed, and puts it there; with explain it also says why. Those
// of a gang are placed together or not at all: when all pods have been tried,
// the gang whose wait began first is given up, and whoever found no room is
// tried again. The outcomes come in the pods' order.
func (p *Planner) PlaceAll(pods []*model.Pod, explain bool, outcome func(*model.Pod, *Explanation)) {
	if !p.Holds() { // each is final
		for pod := range p.inOrder(pods) {
			e := p.decide(pod, explain)
			if outcome(pod, e); e.Node != "" {
				p.Place(pod, e.Node)
			}
		}
		return
	}
	t := trial{p, pods, explain, make([]*Explanation, len(pods)), make([]*model.Pod, len(pods)), map[groupName]bool{}}
	for _, pod := range pods {
		p.know(pod)
	}
	t.round(func(int) bool { return true })
	for len(p.gangs.waiting) > 0 {
		t.giveUp()
		t.round(func(i int) bool { return t.placed[i] == nil && !t.hopeless(i) })
	}
	for i, pod := range pods {
		outcome(pod, t.outcomes[i])
	}
}

// Holds tells whether the profile can take back a node that was found.
func (p *Planner) Holds() bool {
	return slices.ContainsFunc(p.searches, func(s *search) bool { return len(s.framework.permits) > 0 })
}

func (p *Planner) decide(pod *model.Pod, explain bool) *Explanation {
	if explain {
		return p.Explain(pod)
	}
	return &Explanation{Decision: p.Decide(pod)}
}

// Place puts a copy of a pod on a node that was found for it, with all that it
// needs there, or says why the node is refused after all.
func (p *Planner) Place(pod *model.Pod, node string) (*model.Pod, *Status) {
	there := *pod
	there.NodeName = node
	p.Assign(&there)
	p.choose(pod)
	return &there, p.search.framework.reserve(pod, there.NodeID)
}

// trial is pods on their way to a node, some of which may have to give theirs
// back. Slices go by the place of the pod.
type trial struct {
	*Planner
	pods     []*model.Pod
	explain  bool
	outcomes []*Explanation
	placed   []*model.Pod // as they are on their nodes
	given    map[groupName]bool
}

func (t *trial) hopeless(i int) bool {
	return t.pods[i].Spec.Workload != nil && t.given[groupOf(t.pods[i])]
}

// round tries the pods that some function wants to be tried, then those of which
// others of their gang asked it.
func (t *trial) round(wanted func(int) bool) {
	for some := true; some; {
		some = false
		again := t.gangs.again
		t.gangs.again = map[uint32]bool{}
		for i, pod := range t.pods {
			if wanted(i) || t.placed[i] == nil && again[pod.ID] && !t.hopeless(i) {
				t.try(i)
			}
		}
		wanted = func(int) bool { return false }
		for i, pod := range t.pods {
			some = some || t.placed[i] == nil && t.gangs.again[pod.ID]
		}
	}
}

func (t *trial) try(i int) {
	pod := t.pods[i]
	e := t.decide(pod, t.explain)
	if t.outcomes[i] = e; e.Node == "" {
		return
	}
	var st *Status
	var wait *permit
	if t.placed[i], st = t.Place(pod, e.Node); st == nil {
		wait, st = t.search.framework.permit(pod, t.placed[i].NodeID)
	}
	if st != nil {
		t.takeBack(i, st)
	} else if wait != nil {
		t.gangs.waiting = append(t.gangs.waiting, pod.ID)
	}
}

// takeBack lets a pod have its node no longer.
func (t *trial) takeBack(i int, why *Status) {
	t.choose(t.pods[i])
	t.search.framework.unreserve(t.pods[i], t.placed[i].NodeID)
	t.Remove(t.placed[i])
	t.placed[i] = nil
	e := t.outcomes[i]
	e.Node, e.Feasible, e.Refused = "", nil, why.alone()
	e.Message = e.Refused
}

// giveUp takes the nodes back from the gang whose wait began first, as when its
// time is up.
func (t *trial) giveUp() {
	find := func(id uint32) int {
		return slices.IndexFunc(t.pods, func(p *model.Pod) bool { return p.ID == id })
	}
	gang := groupOf(t.pods[find(t.gangs.waiting[0])])
	t.given[gang] = true
	late := time.Duration(gangTimeout).String()
	st := &Status{Code: Unschedulable, Reasons: []string{"rejected due to timeout after waiting " + late + " at plugin GangScheduling"}}
	for _, id := range t.gangs.waiting {
		if i := find(id); groupOf(t.pods[i]) == gang {
			t.takeBack(i, st)
		}
	}
	t.gangs.waiting = slices.DeleteFunc(t.gangs.waiting, func(id uint32) bool { return groupOf(t.pods[find(id)]) == gang })
}
