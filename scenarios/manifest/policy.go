package manifest

import (
	"slices"
	"strings"

	policyv1 "k8s.io/api/policy/v1"

	"orrery/model"
)

// readBudget reads a PodDisruptionBudget. In a State it counts with the status
// it has; in a run the disruption controller keeps that.
func readBudget(o *object) {
	before := o.set.decoder.wrong
	var in policyv1.PodDisruptionBudget
	if !decode(o, &in) {
		return
	}
	spec := o.root().field("spec")
	b := &model.PodDisruptionBudget{Meta: o.meta, Selector: labelSelector(spec.field("selector"), in.Spec.Selector)}
	b.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	if o.set.state {
		b.Allowed = in.Status.DisruptionsAllowed
		for name := range in.Status.DisruptedPods {
			b.Disrupted = append(b.Disrupted, model.Disruption{Pod: name})
		}
		slices.SortFunc(b.Disrupted, func(x, y model.Disruption) int { return strings.Compare(x.Pod, y.Pod) })
		if o.set.decoder.wrong == before {
			o.set.budgets = append(o.set.budgets, b)
		}
		return
	}
	budgetAmounts(spec, &in.Spec, b)
	switch p := in.Spec.UnhealthyPodEvictionPolicy; {
	case p == nil || *p == policyv1.IfHealthyBudget:
	case *p == policyv1.AlwaysAllow:
		b.AlwaysAllow = true
	default:
		spec.field("unhealthyPodEvictionPolicy").unknownWord(string(*p), string(policyv1.IfHealthyBudget), string(policyv1.AlwaysAllow))
	}
	o.keep(before, b)
}

// budgetAmounts follows pkg/apis/policy/validation/validation.go.
func budgetAmounts(spec *place, s *policyv1.PodDisruptionBudgetSpec, into *model.PodDisruptionBudget) {
	switch {
	case s.MinAvailable != nil && s.MaxUnavailable != nil:
		spec.field("maxUnavailable").errorf("must not be given with minAvailable: a budget says one or the other")
	case s.MinAvailable != nil:
		n := share(spec.field("minAvailable"), *s.MinAvailable)
		into.MinAvailable = &n
	case s.MaxUnavailable != nil:
		n := share(spec.field("maxUnavailable"), *s.MaxUnavailable)
		into.MaxUnavailable = &n
	}
}

// Budgets is the PodDisruptionBudgets of a State.
func (s *Set) Budgets() []*model.PodDisruptionBudget { return s.budgets }
