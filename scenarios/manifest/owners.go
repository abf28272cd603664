package manifest

import (
	corev1 "k8s.io/api/core/v1"

	"orrery/model"
)

// readReplicationController reads what a ReplicationController of a State
// selects: the labels of its template, if it does not say
// (pkg/apis/core/v1/defaults.go SetDefaults_ReplicationController).
func readReplicationController(o *object) {
	if !o.set.state {
		o.set.unmodeled(o.v, o.kind.typed)
		return
	}
	var in corev1.ReplicationController
	if !decode(o, &in) {
		return
	}
	labels := in.Spec.Selector
	if len(labels) == 0 && in.Spec.Template != nil {
		labels = in.Spec.Template.Labels
	}
	o.own(model.SelectorOf(model.MakeLabels(labels)))
}

func (o *object) own(s *model.Selector) {
	if s != nil {
		o.set.sorts = append(o.set.sorts, Owner{o.meta.Namespace, o.kind.typed.kind + "/" + o.meta.Name, s})
	}
}
