package apiserver

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/model/store"
)

// tolerationSeconds is how long a pod that says nothing stays on a node that
// is not ready or out of reach
// (plugin/pkg/admission/defaulttolerationseconds/admission.go).
const tolerationSeconds = 300 * time.Second

// admit runs the admission plugins that matter to the model, on creation.
func admit(r *store.Request) store.Refusal {
	if r.Op != store.OpCreate {
		return store.Accepted
	}
	protect(r.Object)
	switch o := r.Object.(type) {
	case *model.Pod:
		o.Spec = WithDefaultTolerations(o.Spec)
	case *model.Node:
		// TaintNodesByCondition: a new node takes no pods until it is ready
		// (plugin/pkg/admission/nodetaint/admission.go).
		o.Taints = model.WithTaint(o.Taints, model.Taint{Key: model.TaintNotReady, Effect: model.NoSchedule})
	}
	return store.Accepted
}

// WithDefaultTolerations is spec with the two tolerations every pod gets from
// admission unless it has its own. Specs that already have them, as those of a
// loaded template do, are returned as they are, so that they stay shared.
func WithDefaultTolerations(spec *model.PodSpec) *model.PodSpec {
	out := spec
	for _, key := range [...]string{model.TaintNotReady, model.TaintUnreachable} {
		taint := model.Taint{Key: key, Effect: model.NoExecute}
		if slices.ContainsFunc(spec.Tolerations, func(t model.Toleration) bool { return tolerates(t, &taint) }) {
			continue
		}
		if out == spec {
			c := *spec
			c.Tolerations = slices.Clone(spec.Tolerations)
			out = &c
		}
		out.Tolerations = append(out.Tolerations, model.Toleration{Key: key, Exists: true, Effect: model.NoExecute, For: tolerationSeconds})
	}
	return out
}

func tolerates(t model.Toleration, taint *model.Taint) bool {
	return (t.Key == taint.Key || t.Key == "") && (t.Effect == model.NoExecute || t.Effect == model.AnyEffect)
}
