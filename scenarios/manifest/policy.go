package manifest

import (
	"slices"

	policyv1 "k8s.io/api/policy/v1"

	"orrery/model"
)

// readBudget reads a PodDisruptionBudget of a State, with the status it has.
// Nothing keeps that status in a run, so there it is not acted on.
func readBudget(o *object) {
	if !o.set.state {
		o.set.unmodeled(o.v, o.kind.typed)
		return
	}
	before := o.set.decoder.wrong
	var in policyv1.PodDisruptionBudget
	if !decode(o, &in) {
		return
	}
	b := &model.PodDisruptionBudget{
		Namespace: o.meta.Namespace,
		Selector:  labelSelector(o.root().fields("spec", "selector"), in.Spec.Selector),
		Allowed:   in.Status.DisruptionsAllowed,
	}
	for name := range in.Status.DisruptedPods {
		b.Disrupted = append(b.Disrupted, name)
	}
	slices.Sort(b.Disrupted)
	if o.set.decoder.wrong == before {
		o.set.budgets = append(o.set.budgets, b)
	}
}

// Budgets is the PodDisruptionBudgets of a State.
func (s *Set) Budgets() []*model.PodDisruptionBudget { return s.budgets }
