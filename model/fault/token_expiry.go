package fault

import (
	"orrery/model"
	"orrery/model/store"
)

// tokenExpiry lets the token of a service account of the control plane expire,
// as if whoever renews it could not: the API server answers 401 until there is a
// new one. Everybody with that token is concerned.
type tokenExpiry struct{ whose func(*store.Identity) bool }

func (f *tokenExpiry) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	user := model.AccountUser(model.NamespaceSystem, s.Component)
	f.whose = func(as *store.Identity) bool { return as.Credential == store.AccountToken && as.User == user }
	return expire(d, s.Component, f.whose)
}

func (f *tokenExpiry) end(d *Director) { d.world.Truth().Renew(f.whose) }
