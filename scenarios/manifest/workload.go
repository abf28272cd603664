package manifest

import (
	corev1 "k8s.io/api/core/v1"
	schedulingv1alpha1 "k8s.io/api/scheduling/v1alpha1"

	"orrery/model"
	"orrery/scenarios/strict"
)

// readWorkload reads the groups of a Workload, each of which is a gang or not
// (pkg/apis/scheduling/validation/validation.go ValidateWorkload).
func readWorkload(o *object) {
	before := o.set.decoder.wrong
	var in schedulingv1alpha1.Workload
	if !decode(o, &in) {
		return
	}
	w := &model.Workload{Meta: o.meta}
	groups := o.root().fields("spec", "podGroups")
	if n := len(in.Spec.PodGroups); n == 0 || n > schedulingv1alpha1.WorkloadMaxPodGroups {
		groups.errorf("a Workload has 1 to %d groups, not %d", schedulingv1alpha1.WorkloadMaxPodGroups, n)
	}
	for i := range in.Spec.PodGroups {
		g := podGroup(groups.item(i), &in.Spec.PodGroups[i])
		if w.Group(g.Name) != nil {
			groups.item(i).field("name").errorf("two groups of the Workload are named %s", strict.Quote(g.Name))
		}
		w.Groups = append(w.Groups, g)
	}
	w.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	o.keep(before, w)
}

func podGroup(p *place, g *schedulingv1alpha1.PodGroup) model.PodGroup {
	if g.Name == "" {
		p.field("name").errorf("is missing")
	}
	m := model.PodGroup{Name: g.Name}
	policy := p.field("policy")
	switch {
	case (g.Policy.Gang == nil) == (g.Policy.Basic == nil):
		policy.errorf("must be one of basic: {} and gang: {minCount: N}")
	case g.Policy.Gang != nil:
		if m.MinCount = g.Policy.Gang.MinCount; m.MinCount < 1 {
			policy.fields("gang", "minCount").errorf("%d is out of range: at least 1", m.MinCount)
		}
	}
	return m
}

func workloadRef(p *place, r *corev1.WorkloadReference) *model.WorkloadRef {
	if r == nil {
		return nil
	}
	if r.Name == "" {
		p.field("name").errorf("is missing")
	}
	if r.PodGroup == "" {
		p.field("podGroup").errorf("is missing")
	}
	return &model.WorkloadRef{Name: r.Name, PodGroup: r.PodGroup, ReplicaKey: r.PodGroupReplicaKey}
}
