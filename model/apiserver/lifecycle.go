package apiserver

import (
	"slices"
	"strconv"

	"orrery/model"
	"orrery/model/store"
)

// immortal is the namespaces that nobody may delete
// (pkg/kubeapiserver/options/plugins.go, with the plugin's own).
var immortal = []string{"default", model.NamespaceSystem, "kube-public"}

// goneNamespaces is the namespaces that somebody made and that are no more.
// Those nobody ever made exist without being objects.
type goneNamespaces struct{ names map[string]bool }

func newGoneNamespaces(s *store.Store) *goneNamespaces {
	g := &goneNamespaces{names: map[string]bool{}}
	s.Observe(g)
	return g
}

// Recorded implements store.Observer.
func (g *goneNamespaces) Recorded(r *store.Record) {
	if n, ok := r.Object().(*model.Namespace); ok {
		g.names[n.Name] = r.Verb == store.Deleted
	}
}

// admitNamespace lets nothing new into a namespace that is going or gone, and
// keeps some from being deleted
// (k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go).
func (a *Server) admitNamespace(r *store.Request) store.Refusal {
	switch {
	case r.Op == store.OpDelete && r.Target.Kind == model.KindNamespace:
		if n := a.store.Get(r.Target); n != nil && slices.Contains(immortal, n.Head().Name) {
			r.Explain("namespaces " + strconv.Quote(n.Head().Name) + " is forbidden: this namespace may not be deleted")
			return store.Forbidden
		}
	case r.Op == store.OpCreate && r.Object.Head().Namespace != "":
		m := r.Object.Head()
		if a.etcd.gone.names[m.Namespace] {
			r.Explain("namespaces " + strconv.Quote(m.Namespace) + " not found")
			return store.NotFound
		}
		if n := a.store.Lookup(model.KindNamespace, "", m.Namespace); n != nil && n.Head().Deleting() {
			r.Explain(resources[m.Kind].plural + " " + strconv.Quote(m.Name) + " is forbidden: unable to create new content in namespace " + m.Namespace + " " + model.BeingTerminated)
			return store.Forbidden
		}
	}
	return store.Accepted
}

// terminate marks a namespace as being deleted; it goes when the namespace
// controller has taken its finalizer away
// (pkg/registry/core/namespace/storage/storage.go Delete).
func (a *Server) terminate(r *store.Request, cur *model.Namespace) (store.Refusal, model.Object) {
	if cur.Deleting() {
		r.Explain("Operation cannot be fulfilled on namespaces " + strconv.Quote(cur.Name) + ": The system is ensuring all content is removed " +
			"from this namespace.  Upon completion, this namespace will automatically be purged by the system.")
		return store.Conflict, nil
	}
	next := *cur
	next.DeletionAt = a.kernel.Now()
	a.store.Update(r.Client.Actor, &next)
	return store.Accepted, &next
}

// next is the first object of a collection that has not been asked to go.
func (a *Server) next(r *store.Request) (found model.Object) {
	if a.store.Count(r.Target.Kind) == 0 {
		return nil
	}
	a.store.Snapshot().Each(r.Target.Kind, func(o model.Object) bool {
		if o.Head().Namespace == r.Within && !o.Head().Deleting() {
			found = o
		}
		return found == nil
	})
	return found
}

// removeNext deletes one object of a collection and tells whether it was the
// last. Each is a write of its own, one after the other
// (k8s.io/apiserver/pkg/registry/generic/registry/store.go DeleteCollection, with
// one worker by default). What webhooks would say of each is not modeled.
func (a *Server) removeNext(r *store.Request) (last bool) {
	o := a.next(r)
	if o == nil {
		return true
	}
	one := *r
	one.Op, one.Target = store.OpDelete, o.Head().Ref()
	a.remove(&one, o)
	return a.next(r) == nil
}
