package apiserver

import (
	"slices"
	"strconv"
	"strings"

	"orrery/model"
	"orrery/model/store"
)

// gate is authentication and authorization, which all API servers of a cluster
// do alike, since they know the same accounts, roles and bindings. A real one
// reads them from a watch and so acts on a change some milliseconds later.
type gate struct {
	store   *store.Store
	version int // counts changes of accounts, roles and bindings, from 1
	callers []caller
}

// caller is a client as the gate knows it.
type caller struct {
	node    string // the node whose kubelet it is, or ""
	version int    // of the gate when the rights were looked up
	known   bool   // the account that its token is for exists
	rights  *rights
}

// gateOf is the gate of a store's API servers.
func gateOf(s *store.Store) *gate {
	if g, ok := s.Guard().(*gate); ok {
		return g
	}
	g := &gate{store: s, version: 1}
	s.SetGuard(g)
	s.Observe(g)
	return g
}

// Recorded implements store.Observer: what changes rights makes those that were
// looked up void.
func (g *gate) Recorded(r *store.Record) {
	o := r.Object()
	if o == nil {
		return
	}
	switch o.Head().Kind {
	case model.KindServiceAccount, model.KindRole, model.KindClusterRole, model.KindRoleBinding, model.KindClusterRoleBinding:
		g.version++
		g.store.RightsChanged()
	}
}

// caller is what is known of a client, up to date.
func (g *gate) caller(c *store.Client) *caller {
	for int(c.ID) >= len(g.callers) {
		g.callers = append(g.callers, caller{})
	}
	k := &g.callers[c.ID]
	if k.version == 0 && slices.Contains(c.As.Groups, model.GroupNodes) {
		k.node, _ = strings.CutPrefix(c.As.User, model.UserNodePrefix)
	}
	if k.version != g.version {
		k.version, k.rights, k.known = g.version, nil, g.known(&c.As)
	}
	return k
}

// known tells whether the account of a token exists
// (pkg/serviceaccount/claims.go Validate). Those of the control plane do: the
// controller manager makes them, and every namespace has a default one.
func (g *gate) known(as *store.Identity) bool {
	account, ok := strings.CutPrefix(as.User, model.UserAccountPrefix)
	if !ok {
		return true
	}
	namespace, name, _ := strings.Cut(account, ":")
	return namespace == model.NamespaceSystem || name == model.DefaultAccount || g.store.Lookup(model.KindServiceAccount, namespace, name) != nil
}

// authenticate is what a request that arrives is answered if nobody can tell who
// sent it. Somebody without a credential is not let in, as with
// --anonymous-auth=false; by default Kubernetes knows them as system:anonymous,
// who may do nothing here either, and answers 403.
func (g *gate) authenticate(r *store.Request) store.Refusal {
	if !g.caller(r.Client).known || !r.Client.Authentic() {
		return store.Unauthorized
	}
	return store.Accepted
}

// authorize is what a request is answered if its sender, who is known, may not
// ask for that.
func (g *gate) authorize(r *store.Request) store.Refusal {
	k := g.caller(r.Client)
	switch {
	case r.Op == store.OpNote:
		return store.Accepted // who has Events to record may, in every bootstrap role
	case k.node != "":
		return g.passKubelet(r, k)
	}
	if !g.allows(r, k) {
		r.Explain(g.forbidden(r))
		return store.Forbidden
	}
	return store.Accepted
}

// forbidden is what somebody without the right is told
// (k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go
// forbiddenMessage).
func (g *gate) forbidden(r *store.Request) string {
	right, part := needed(r)
	what, group := resources[r.Target.Kind].plural, resources[r.Target.Kind].group
	named := what
	if group == core {
		group = ""
	} else {
		named += "." + group
	}
	if part != store.Whole {
		what += "/" + part.String()
	}
	name, where := "", "at the cluster scope"
	o := r.Object
	if o == nil {
		o = g.store.Get(r.Target)
	}
	if o != nil {
		name = " " + strconv.Quote(o.Head().Name)
		if o.Head().Namespace != "" {
			where = "in the namespace " + strconv.Quote(o.Head().Namespace)
		}
	}
	return named + name + " is forbidden: User " + strconv.Quote(r.Client.As.User) + " cannot " + right.String() + " resource " + strconv.Quote(what) +
		" in API group " + strconv.Quote(group) + " " + where
}

// allows tells whether RBAC does. Only rights that are not for the whole cluster
// need the object.
func (g *gate) allows(r *store.Request, k *caller) bool {
	right, part := needed(r)
	x := g.rights(r.Client, k)
	kind, bit := r.Target.Kind, bitOf(right, part)
	if x.everywhere[kind]&bit != 0 {
		return true
	}
	if x.somewhere[kind]&bit == 0 {
		return false
	}
	o := r.Object
	if o == nil {
		o = g.store.Get(r.Target)
	}
	if o == nil {
		return true // and is not found
	}
	name := o.Head().Name
	if right == store.RightCreate && part == store.Whole {
		name = "" // which is in the object, not in the URL
	}
	return x.in(kind, bit, o.Head().Namespace, name)
}

// rights is what a client may do, looked up when it is first asked for.
func (g *gate) rights(c *store.Client, k *caller) *rights {
	if k.rights == nil {
		k.rights = g.lookUp(&c.As)
	}
	return k.rights
}

// Read implements store.Guard.
func (g *gate) Read(c *store.Client, what store.Read) store.Refusal {
	k := g.caller(c)
	if !k.known || !c.Authentic() {
		return store.Unauthorized
	}
	if k.node != "" && g.kubeletReads(k.node, &what) {
		return store.Accepted
	}
	x, bit := g.rights(c, k), bitOf(what.Right, store.Whole)
	if x.everywhere[what.Kind]&bit != 0 || what.Namespace != "" && x.in(what.Kind, bit, what.Namespace, what.Name) {
		return store.Accepted
	}
	return store.Forbidden
}

// needed is the right that a request needs, and for what part of its target.
func needed(r *store.Request) (store.Right, store.Part) {
	switch r.Op {
	case store.OpCreate:
		return store.RightCreate, store.Whole
	case store.OpUpdate:
		return store.RightUpdate, r.Part
	case store.OpUpdateStatus:
		return store.RightUpdate, store.Status
	case store.OpPatch:
		if r.Part == store.Finalize { // which is a PUT
			return store.RightUpdate, r.Part
		}
		return store.RightPatch, r.Part
	case store.OpBind:
		return store.RightCreate, store.Binding
	case store.OpEvict:
		return store.RightCreate, store.Eviction
	case store.OpGet:
		return store.RightGet, store.Whole
	case store.OpDeleteCollection:
		return store.RightDeleteCollection, store.Whole
	case store.OpList:
		return store.RightList, store.Whole
	}
	return store.RightDelete, store.Whole
}
