package manifest

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"orrery/model"
)

// readStatefulSet reads what a StatefulSet of a State selects.
func readStatefulSet(o *object) {
	var in appsv1.StatefulSet
	if o.inState() && decode(o, &in) {
		o.own(labelSelector(o.root().fields("spec", "selector"), in.Spec.Selector))
	}
}

// readReplicationController reads what a ReplicationController of a State
// selects: the labels of its template, if it does not say
// (pkg/apis/core/v1/defaults.go SetDefaults_ReplicationController).
func readReplicationController(o *object) {
	var in corev1.ReplicationController
	if !o.inState() || !decode(o, &in) {
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
