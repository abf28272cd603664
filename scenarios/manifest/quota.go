package manifest

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"orrery/model"
)

// readQuota reads what of a ResourceQuota pods are counted for. "cpu" and
// "memory" are other words for requests (pkg/quota/v1/evaluator/core/pods.go).
func readQuota(o *object) {
	before := o.set.decoder.wrong
	var in corev1.ResourceQuota
	if !decode(o, &in) || o.set.state {
		return
	}
	q := &model.ResourceQuota{Meta: o.meta, Hard: model.QuotaAmounts{-1, -1, -1, -1, -1}}
	q.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	for _, name := range []string{"scopes", "scopeSelector"} {
		p := o.root().fields("spec", name)
		if _, missing := p.find(); missing == "" {
			p.errorf("is not modeled: the quota would count pods that it is not about; leave it out with the quota, or count all pods")
		}
	}
	hard := o.root().fields("spec", "hard")
	for _, name := range sortedNames(in.Spec.Hard) {
		n, at := in.Spec.Hard[corev1.ResourceName(name)], hard.field(name)
		switch name {
		case "pods", "count/pods":
			q.Hard[0] = amount(at, n, MaxPods, (*resource.Quantity).Value)
		case "cpu", "requests.cpu":
			q.Hard[1] = amount(at, n, maxCPUMilli, (*resource.Quantity).MilliValue)
		case "memory", "requests.memory":
			q.Hard[2] = amount(at, n, maxBytes, (*resource.Quantity).Value)
		case "limits.cpu":
			q.Hard[3] = amount(at, n, maxCPUMilli, (*resource.Quantity).MilliValue)
		case "limits.memory":
			q.Hard[4] = amount(at, n, maxBytes, (*resource.Quantity).Value)
		default:
			o.note(at, "spec.hard."+name+": not modeled")
		}
	}
	o.keep(before, q)
}
