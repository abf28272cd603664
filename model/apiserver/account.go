package apiserver

import (
	"cmp"

	"orrery/model"
	"orrery/model/store"
)

// admitAccount gives a new pod no token that does not say whether it wants one, if its
// service account says so now (plugin/pkg/admission/serviceaccount/admission.go
// shouldAutomount). An account that nobody describes exists and does not.
func (a *Server) admitAccount(r *store.Request) {
	pod, ok := r.Object.(*model.Pod)
	if r.Op != store.OpCreate || !ok || pod.Mirror() || pod.Spec.TokenSaid || a.store.Count(model.KindServiceAccount) == 0 {
		return
	}
	account, ok := a.store.Lookup(model.KindServiceAccount, pod.Namespace, cmp.Or(pod.Spec.Account, "default")).(*model.ServiceAccount)
	if !ok || !account.NoToken {
		return
	}
	spec := a.tokenless[pod.Spec]
	if spec == nil {
		copied := *pod.Spec
		copied.NoToken = true
		spec = &copied
		a.tokenless[pod.Spec] = spec
	}
	pod.Spec = spec
}
