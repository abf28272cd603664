package apiserver

import (
	"cmp"
	"strconv"

	"orrery/model"
	"orrery/model/store"
)

// admitAccount refuses a new pod whose service account is not there, and gives one no token
// that does not say whether it wants one, if its account says so now
// (plugin/pkg/admission/serviceaccount/admission.go Admit, shouldAutomount). An account of
// which the scenario says nothing is there, and mounts tokens.
func (a *Server) admitAccount(r *store.Request) store.Refusal {
	pod, ok := r.Object.(*model.Pod)
	if r.Op != store.OpCreate || !ok || pod.Mirror() {
		return store.Accepted
	}
	name := cmp.Or(pod.Spec.Account, model.DefaultAccount)
	account, there := a.account(pod.Namespace, name)
	if !there && pod.Spec.AccountKnown && name != model.DefaultAccount {
		r.Explain("pods " + strconv.Quote(pod.Name) + " is forbidden: error looking up service account " +
			pod.Namespace + "/" + name + ": serviceaccount " + strconv.Quote(name) + " not found")
		return store.Forbidden
	}
	if there && account.NoToken && !pod.Spec.TokenSaid {
		pod.Spec = a.withoutToken(pod.Spec)
	}
	return store.Accepted
}

func (a *Server) account(namespace, name string) (*model.ServiceAccount, bool) {
	if a.store.Count(model.KindServiceAccount) == 0 { // as in most scenarios
		return nil, false
	}
	account, there := a.store.Lookup(model.KindServiceAccount, namespace, name).(*model.ServiceAccount)
	return account, there
}

// withoutToken is spec with no token, one for all pods that share it.
func (a *Server) withoutToken(spec *model.PodSpec) *model.PodSpec {
	out := a.tokenless[spec]
	if out == nil {
		copied := *spec
		copied.NoToken = true
		out = &copied
		a.tokenless[spec] = out
	}
	return out
}
