package apiserver

import (
	"strconv"

	"orrery/model"
	"orrery/model/store"
)

// admitSecurity refuses a new pod that does not keep to the Pod Security
// Standard its namespace enforces
// (k8s.io/pod-security-admission/admission/admission.go EvaluatePod). What makes
// pods is let in whatever its template says; its controller is told. Which
// version of a standard a namespace pins is not modeled: it is the newest. A
// real API server checks after mutating webhooks, which here change nothing of
// security.
func (a *Server) admitSecurity(r *store.Request) store.Refusal {
	pod, ok := r.Object.(*model.Pod)
	if r.Op != store.OpCreate || !ok || pod.Spec.Security == nil {
		return store.Accepted
	}
	n := a.store.Lookup(model.KindNamespace, "", pod.Namespace)
	if n == nil {
		return store.Accepted
	}
	level := n.Head().Labels.Value(model.LabelEnforce)
	violates := ""
	switch level {
	case "baseline":
		violates = pod.Spec.Security.Baseline
	case "restricted":
		violates = pod.Spec.Security.Restricted
	}
	if violates == "" {
		return store.Accepted
	}
	r.Explain("pods " + strconv.Quote(pod.Name) + " is forbidden: violates PodSecurity " + strconv.Quote(level+":latest") + ": " + violates)
	return store.Forbidden
}
