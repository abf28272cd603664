package apiserver

import (
	"orrery/model"
	"orrery/model/store"
)

// classed finds specs that were given the priority of a default class before.
//
//tidy:key compared as a whole
type classed struct {
	spec     *model.PodSpec
	priority int32
	never    bool
}

// admitPriority gives a new pod that names no class what the default class says,
// if there is one now: a pod that was made from the same template before that
// class existed keeps what it has (plugin/pkg/admission/priority/admission.go).
func (a *Server) admitPriority(r *store.Request) {
	pod, ok := r.Object.(*model.Pod)
	if r.Op != store.OpCreate || !ok || pod.Spec.Classed || a.store.Count(model.KindPriorityClass) == 0 {
		return
	}
	c := a.defaultClass()
	if c == nil || c.Value == pod.Spec.Priority && c.NeverPreempts == pod.Spec.NeverPreempts {
		return
	}
	key := classed{pod.Spec, c.Value, c.NeverPreempts}
	spec := a.classed[key]
	if spec == nil {
		copied := *pod.Spec
		copied.Priority, copied.NeverPreempts = c.Value, c.NeverPreempts
		spec = &copied
		a.classed[key] = spec
	}
	pod.Spec = spec
}

// defaultClass is the global default; if by mistake there are several, that of
// the lowest value (getDefaultPriorityClass).
func (a *Server) defaultClass() (lowest *model.PriorityClass) {
	a.store.Snapshot().Each(model.KindPriorityClass, func(o model.Object) bool {
		if c := o.(*model.PriorityClass); c.GlobalDefault && (lowest == nil || c.Value < lowest.Value) {
			lowest = c
		}
		return true
	})
	return lowest
}
