package manifest

import (
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"orrery/model"
)

// What a pod says about nodes: tolerations and node affinity.

func tolerations(p *place, list []corev1.Toleration) []model.Toleration {
	var out []model.Toleration
	for i := range list {
		out = append(out, toleration(p.item(i), &list[i]))
	}
	return out
}

// toleration follows pkg/apis/core/validation ValidateTolerations.
func toleration(p *place, t *corev1.Toleration) model.Toleration {
	m := model.Toleration{Key: t.Key, Value: t.Value, Effect: effect(p.field("effect"), t.Effect), For: model.Forever}
	switch t.Operator {
	case corev1.TolerationOpExists:
		m.Exists = true
		if t.Value != "" {
			p.field("value").errorf("must be empty when operator is Exists")
		}
	case "", corev1.TolerationOpEqual:
		if t.Key == "" {
			p.field("operator").errorf("must be Exists when key is empty, which matches every taint")
		}
	default:
		p.field("operator").unknownWord(string(t.Operator), "Equal", "Exists")
	}
	if t.TolerationSeconds == nil {
		return m
	}
	if t.Effect != corev1.TaintEffectNoExecute {
		p.field("tolerationSeconds").errorf("means something only with effect NoExecute")
	}
	m.For = max(0, time.Duration(min(*t.TolerationSeconds, 1<<31))*time.Second) // zero and less evict at once
	return m
}

func effect(p *place, e corev1.TaintEffect) model.Effect {
	switch e {
	case "":
		return model.AnyEffect
	case corev1.TaintEffectNoSchedule:
		return model.NoSchedule
	case corev1.TaintEffectPreferNoSchedule:
		return model.PreferNoSchedule
	case corev1.TaintEffectNoExecute:
		return model.NoExecute
	}
	p.unknownWord(string(e), "NoSchedule", "PreferNoSchedule", "NoExecute")
	return model.AnyEffect
}

func (o *object) nodeAffinity(p *place, a *corev1.NodeAffinity, into *model.PodSpec) {
	if r := a.RequiredDuringSchedulingIgnoredDuringExecution; r != nil {
		terms := p.fields("requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
		if len(r.NodeSelectorTerms) == 0 {
			terms.errorf("needs at least one term")
		}
		for i := range r.NodeSelectorTerms {
			into.Required = append(into.Required, nodeTerm(terms.item(i), &r.NodeSelectorTerms[i]))
		}
	}
	preferred := p.field("preferredDuringSchedulingIgnoredDuringExecution")
	for i := range a.PreferredDuringSchedulingIgnoredDuringExecution {
		t := &a.PreferredDuringSchedulingIgnoredDuringExecution[i]
		if t.Weight < 1 || t.Weight > 100 {
			preferred.item(i).field("weight").errorf("%d is out of range: 1 to 100", t.Weight)
		}
		into.Preferred = append(into.Preferred, model.PreferredTerm{
			Weight: int64(t.Weight),
			Term:   nodeTerm(preferred.item(i).field("preference"), &t.Preference),
		})
	}
}

func nodeTerm(p *place, t *corev1.NodeSelectorTerm) model.NodeTerm {
	var m model.NodeTerm
	for i := range t.MatchExpressions {
		m.Labels = append(m.Labels, nodeRequirement(p.field("matchExpressions").item(i), &t.MatchExpressions[i]))
	}
	for i := range t.MatchFields {
		f := p.field("matchFields").item(i)
		r := nodeRequirement(f, &t.MatchFields[i])
		if r.Key != "metadata.name" || r.Op > model.NotIn || len(r.Values) != 1 {
			f.errorf("must compare metadata.name with one value, with In or NotIn")
		}
		m.Names = append(m.Names, r)
	}
	return m
}

// nodeRequirement follows ValidateNodeSelectorRequirement.
func nodeRequirement(p *place, r *corev1.NodeSelectorRequirement) model.Requirement {
	m := model.Requirement{Key: r.Key, Values: r.Values}
	if r.Key == "" {
		p.field("key").errorf("is missing")
	}
	values := p.field("values")
	switch r.Operator {
	case corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn:
		if r.Operator == corev1.NodeSelectorOpNotIn {
			m.Op = model.NotIn
		}
		if len(r.Values) == 0 {
			values.errorf("%s needs at least one value", r.Operator)
		}
	case corev1.NodeSelectorOpExists, corev1.NodeSelectorOpDoesNotExist:
		m.Op = model.Exists
		if r.Operator == corev1.NodeSelectorOpDoesNotExist {
			m.Op = model.DoesNotExist
		}
		if len(r.Values) > 0 {
			values.errorf("%s takes no values", r.Operator)
		}
	case corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt:
		m.Op = model.GreaterThan
		if r.Operator == corev1.NodeSelectorOpLt {
			m.Op = model.LessThan
		}
		if len(r.Values) != 1 {
			values.errorf("%s takes one value", r.Operator)
		} else if _, err := strconv.ParseInt(r.Values[0], 10, 64); err != nil {
			values.errorf("%s compares whole numbers", r.Operator)
		}
	default:
		p.field("operator").unknownWord(string(r.Operator), "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
	}
	return m
}
