package scheduler

import "orrery/model"

// AddBudget adds a PodDisruptionBudget with the status it has.
func (p *Planner) AddBudget(b *model.PodDisruptionBudget) {
	for _, s := range p.searches {
		s.budgets = append(s.budgets, b)
	}
}

// Preemption is at whose cost a pod that fits nowhere could go somewhere.
type Preemption struct {
	// Candidates is every node where that is so, in the order of the list.
	Candidates []PreemptionCandidate
	// Ties is those that kube-scheduler's rules leave equal; the first is taken.
	Ties []PreemptionCandidate
}

// PreemptionCandidate is a Candidate by its node's name.
type PreemptionCandidate struct {
	Candidate
	Node string
}

// Preempt is Decide and, if the pod fits nowhere, what preemption would do, nil
// if it would not help. All nodes are tried. Nobody is removed.
func (p *Planner) Preempt(pod *model.Pod) (Decision, *Preemption) {
	d := p.Decide(pod)
	if d.Node != "" || d.PreFilter != "" {
		return d, nil
	}
	f := p.search.classes.of(pod).failure
	if f == nil || len(f.candidates) == 0 {
		return d, nil
	}
	out := &Preemption{}
	for _, c := range f.candidates {
		out.Candidates = append(out.Candidates, PreemptionCandidate{c, p.name(c.Node)})
	}
	for _, c := range ties(f.candidates) {
		out.Ties = append(out.Ties, PreemptionCandidate{*c, p.name(c.Node)})
	}
	return d, out
}

// Remove takes a pod off the node that it was assigned to.
func (p *Planner) Remove(pod *model.Pod) { p.search.cache.removePod(pod.NodeID, pod) }
