package apiserver_test

import (
	"fmt"
	"testing"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// somebody is another client of the same API server.
func (c *caller) somebody(as store.Identity) *caller {
	other := *c
	other.replies = nil
	other.client = c.store.NewClient(store.ClientConfig{
		Name: as.User, As: as, Actor: c.Register("somebody "+as.User, &other), Site: c.client.Site,
	})
	return &other
}

// everything is one request of each kind, about the pod web, which is bound
// nowhere, and the node n-0.
func everything(c *caller) map[string]func(as *store.Client) {
	pod, node := c.create(newPod("web")), c.node("n-0")
	return map[string]func(*store.Client){
		"create": func(x *store.Client) { x.Create(newPod("new"), 0) },
		"update": func(x *store.Client) { x.Update(pod.Copy(), 0) },
		"status": func(x *store.Client) {
			p := *pod.(*model.Pod)
			p.Phase = model.PodFailed
			x.UpdateStatus(&p, 0)
		},
		"patch":  func(x *store.Client) { x.Patch(pod.Head().Ref(), labelled{}, 0) },
		"part":   func(x *store.Client) { x.PatchPart(node.Head().Ref(), store.Status, labelled{}, 0) },
		"bind":   func(x *store.Client) { x.Bind(pod.Head().Ref(), node.Head().Ref(), 0) },
		"evict":  func(x *store.Client) { x.Evict(pod.Head().Ref(), store.DefaultGrace, 0) },
		"delete": func(x *store.Client) { x.Delete(node.Head().Ref(), store.DefaultGrace, 0) },
		"get":    func(x *store.Client) { x.Get(pod.Head().Ref(), 0) },
	}
}

// labelled gives an object a label.
type labelled struct{}

func (labelled) Apply(cur model.Object) model.Object {
	next := cur.Copy()
	next.Head().Labels = model.MakeLabels(map[string]string{"touched": "yes"})
	return next
}

// Who shows no credential, one that has expired, or the token of an account that
// does not exist gets 401; who is known but has no right to it gets 403; and
// neither changes anything.
//
// Source: k8s.io/apiserver/pkg/endpoints/filters/authentication.go
// WithAuthentication, authorization.go WithAuthorization.
func TestWhoMayNotChangesNothing(t *testing.T) {
	for _, tc := range []struct {
		name    string
		as      store.Identity
		expired bool
		want    store.Refusal
	}{
		{"nobody", store.Identity{}, false, store.Unauthorized},
		{"a name without a credential", store.Identity{User: "kubernetes-admin", Groups: []string{"system:masters"}}, false, store.Unauthorized},
		{"an expired administrator", store.Admin("kubectl"), true, store.Unauthorized},
		{"an expired kubelet", store.Node("n-0"), true, store.Unauthorized},
		{"the token of no account", store.Account("shop", "ghost", ""), false, store.Unauthorized},
		{"somebody without a role", store.User("alice"), false, store.Forbidden},
		{"an account without a role", store.Account("shop", "default", ""), false, store.Forbidden},
		{"another node's kubelet", store.Node("n-1"), false, store.Forbidden},
		{"a proxy", store.Account("kube-system", "kube-proxy", ""), false, store.Forbidden},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCaller(t, "user", 4)
			requests := everything(c)
			x := c.somebody(tc.as)
			if tc.expired {
				c.store.Expire(func(as *store.Identity) bool { return as.User == tc.as.User })
			}
			before := c.store.Revision()
			for name, send := range requests {
				send(x.client)
				if got := x.answer().Refusal; got != tc.want {
					t.Errorf("%s: %v, want %v", name, got, tc.want)
				}
			}
			for kind := model.KindNode; kind < model.Kinds; kind++ {
				allowed := tc.as.User == "system:node:n-1" && kind == model.KindService ||
					tc.as.User == "system:serviceaccount:kube-system:kube-proxy" && (kind == model.KindService || kind == model.KindEndpointSlice || kind == model.KindNode)
				if got := x.client.May(store.Read{Right: store.RightWatch, Kind: kind}); got != tc.want && !allowed {
					t.Errorf("watch %v: %v, want %v", kind, got, tc.want)
				}
			}
			if c.store.Revision() != before {
				t.Errorf("revision %d after %d", c.store.Revision(), before)
			}
		})
	}
}

// A credential that is renewed is good again, once every cause to expire is gone.
func TestARenewedCredentialIsGoodAgain(t *testing.T) {
	c := newCaller(t, "user", 4)
	everybody := func(*store.Identity) bool { return true }
	for i, step := range []struct {
		expire bool
		want   store.Refusal
	}{{true, store.Unauthorized}, {true, store.Unauthorized}, {false, store.Unauthorized}, {false, store.Accepted}} {
		if step.expire {
			c.store.Expire(everybody)
		} else {
			c.store.Renew(everybody)
		}
		c.client.Create(newPod(fmt.Sprint("web-", i)), 0)
		if got := c.answer().Refusal; got != step.want {
			t.Errorf("step %d: %v, want %v", i, got, step.want)
		}
	}
}

// "A kubelet may only write its own node, its lease and its pods": it creates
// and patches its own node but does not delete it, and it writes the status of,
// deletes and evicts pods with spec.nodeName set to itself.
//
// Source: plugin/pkg/auth/authorizer/node/node_authorizer.go,
// plugin/pkg/admission/noderestriction/admission.go.
func TestAKubeletWritesOnlyItsOwn(t *testing.T) {
	c := newCaller(t, "user", 4)
	var nodes, pods [2]model.Ref
	for i := range nodes {
		nodes[i] = c.node(fmt.Sprint("n-", i)).Head().Ref()
		pods[i] = c.create(newPod(fmt.Sprint("web-", i))).Head().Ref()
		c.client.Bind(pods[i], nodes[i], 0)
		c.answer()
	}
	x := c.somebody(store.Node("n-0"))
	status := func(pod model.Ref) model.Object {
		p := *c.store.Get(pod).(*model.Pod)
		p.Phase, p.ResourceVersion = model.PodRunning, 0
		return &p
	}
	for _, tc := range []struct {
		name string
		send func(i int)
		own  store.Refusal
	}{
		{"patch status of node", func(i int) { x.client.PatchPart(nodes[i], store.Status, labelled{}, 0) }, store.Accepted},
		{"patch node", func(i int) { x.client.Patch(nodes[i], labelled{}, 0) }, store.Accepted},
		{"delete node", func(i int) { x.client.Delete(nodes[i], 0, 0) }, store.Forbidden},
		{"get node", func(i int) { x.client.Get(nodes[i], 0) }, store.Accepted},
		{"get pod", func(i int) { x.client.Get(pods[i], 0) }, store.Accepted},
		{"update status of pod", func(i int) { x.client.UpdateStatus(status(pods[i]), 0) }, store.Accepted},
		{"patch pod", func(i int) { x.client.Patch(pods[i], labelled{}, 0) }, store.Forbidden},
		{"bind pod", func(i int) { x.client.Bind(pods[i], nodes[i], 0) }, store.Forbidden},
		{"evict pod", func(i int) { x.client.Evict(pods[i], 30, 0) }, store.Accepted},
		{"delete pod", func(i int) { x.client.Delete(pods[i], 0, 0) }, store.Accepted},
	} {
		for i, want := range []store.Refusal{tc.own, store.Forbidden} {
			tc.send(i)
			if got := x.answer().Refusal; got != want {
				t.Errorf("%s of n-%d: %v, want %v", tc.name, i, got, want)
			}
		}
	}
	for _, tc := range []struct {
		what store.Read
		want store.Refusal
	}{
		{store.Read{Right: store.RightWatch, Kind: model.KindNode, Node: nodes[0].ID}, store.Accepted},
		{store.Read{Right: store.RightWatch, Kind: model.KindNode, Node: nodes[1].ID}, store.Forbidden},
		{store.Read{Right: store.RightWatch, Kind: model.KindPod, Node: nodes[0].ID}, store.Accepted},
		{store.Read{Right: store.RightWatch, Kind: model.KindPod, Node: nodes[1].ID}, store.Forbidden},
		{store.Read{Right: store.RightList, Kind: model.KindPod}, store.Forbidden},
		{store.Read{Right: store.RightList, Kind: model.KindDeployment}, store.Forbidden},
	} {
		if got := x.client.May(tc.what); got != tc.want {
			t.Errorf("%+v: %v, want %v", tc.what, got, tc.want)
		}
	}
}

// Roles and bindings count from the moment they exist until they are gone: those
// of a namespace there, and those with resourceNames for these objects.
//
// Source: plugin/pkg/auth/authorizer/rbac/rbac.go VisitRulesFor.
func TestRolesCountWhileTheyExist(t *testing.T) {
	c := newCaller(t, "user", 4)
	pod := func(namespace, name string) model.Ref {
		p := newPod(name)
		p.Namespace = namespace
		return c.create(p).Head().Ref()
	}
	a, b, other := pod("shop", "a"), pod("shop", "b"), pod("default", "a")
	x := c.somebody(store.Account("shop", "deployer", ""))
	try := func(step string, want ...store.Refusal) {
		t.Helper()
		for i, target := range []model.Ref{a, b, other} {
			x.client.Patch(target, labelled{}, 0)
			if got := x.answer().Refusal; got != want[i] {
				t.Errorf("%s: %d: %v, want %v", step, i, got, want[i])
			}
		}
	}
	no, yes := store.Forbidden, store.Accepted
	meta := func(kind model.Kind, name string) model.Meta {
		return model.Meta{Kind: kind, Namespace: "shop", Name: name}
	}
	try("without an account", store.Unauthorized, store.Unauthorized, store.Unauthorized)
	c.create(&model.ServiceAccount{Meta: meta(model.KindServiceAccount, "deployer")})
	try("without a role", no, no, no)
	role := c.create(&model.Role{Meta: meta(model.KindRole, "patcher"), Rules: []model.PolicyRule{
		{Verbs: []string{"patch"}, APIGroups: []string{""}, Resources: []string{"pods"}, ResourceNames: []string{"a"}},
	}})
	try("without a binding", no, no, no)
	c.create(&model.RoleBinding{Meta: meta(model.KindRoleBinding, "deployer"), RoleKind: model.KindRole, Role: "patcher",
		Subjects: []model.Subject{{Kind: "ServiceAccount", Name: "deployer"}}})
	try("bound to some names", yes, no, no)
	wider := role.Copy().(*model.Role)
	wider.Rules = []model.PolicyRule{{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}}}
	c.client.Update(wider, 0)
	c.answer()
	try("wider", yes, yes, no)
	c.client.Delete(role.Head().Ref(), 0, 0)
	c.answer()
	try("role gone", no, no, no)
	everywhere := c.create(&model.RoleBinding{Meta: model.Meta{Kind: model.KindClusterRoleBinding, Name: "deployer"},
		RoleKind: model.KindClusterRole, Role: "edit", Subjects: []model.Subject{{Kind: "Group", Name: "system:serviceaccounts:shop"}}})
	try("edit everywhere", yes, yes, yes)
	c.client.Delete(everywhere.Head().Ref(), 0, 0)
	c.answer()
	try("binding gone", no, no, no)
}

// watcher counts what its watch tells.
type watcher struct {
	*caller
	watch *store.Watch
	seen  []sim.Time
}

func (w *watcher) Wake(now sim.Time, why sim.Why, _ uint64) {
	for _, _, ok := w.watch.Next(); ok; _, _, ok = w.watch.Next() {
		w.seen = append(w.seen, now)
	}
}

// A watch whose credential expires goes on until its request ends, 5 to 10
// minutes after it began; the next one is refused, and asked for again with the
// reflector's back-off until the credential is good. Then it shows what it missed.
//
// Source: k8s.io/client-go/tools/cache/reflector.go (minWatchTimeout, backoff).
func TestAWatchOutlivesItsCredentialUntilItsRequestEnds(t *testing.T) {
	c := newCaller(t, "user", 4)
	w := &watcher{caller: c}
	client := c.store.NewClient(store.ClientConfig{
		Name: "watcher", As: store.Identity{User: "bob", Groups: []string{model.GroupMasters}, Credential: store.Certificate},
		Actor: c.Register("watcher", w), Site: network.Site(0),
	})
	bob := func(as *store.Identity) bool { return as.User == "bob" }
	w.watch = client.Watch(model.KindPod)
	w.watch.Start()
	minute := 0
	until := func(m int) {
		for ; minute < m; minute++ {
			c.create(newPod(fmt.Sprint("web-", minute))) // takes a minute
		}
	}
	until(3)
	c.store.Expire(bob)
	until(20)
	missed := len(w.seen)
	if missed < 5 || missed > 11 {
		t.Errorf("%d changes seen in the 20 minutes of a watch that lasts 5 to 10", missed)
	}
	c.store.Renew(bob)
	until(22)
	if len(w.seen) != 22 {
		t.Errorf("%d of 22 changes seen after it was renewed", len(w.seen))
	}
}
