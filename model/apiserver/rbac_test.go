package apiserver

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

func TestEveryKindIsAResource(t *testing.T) {
	for kind := model.KindNode; kind < model.Kinds; kind++ {
		if r := resources[kind]; r.group == "" || model.ParseKind(r.plural) != kind {
			t.Errorf("%v is of group %q and called %q", kind, r.group, r.plural)
		}
	}
}

// plainly is what RBAC's source does, rule by rule, for one question: the slow
// twin of the bits (plugin/pkg/auth/authorizer/rbac/rbac.go,
// pkg/apis/rbac/v1/evaluation_helpers.go).
func plainly(g *gate, as *store.Identity, right store.Right, part store.Part, kind model.Kind, namespace, name string) bool {
	allowed := func(rules []model.PolicyRule) bool {
		for _, r := range rules {
			group, resource := resources[kind].group, resources[kind].plural
			if group == core {
				group = ""
			}
			if part != store.Whole {
				resource += "/" + part.String()
			}
			verb := slices.Contains(r.Verbs, "*") || slices.Contains(r.Verbs, right.String())
			in := slices.Contains(r.APIGroups, "*") || slices.Contains(r.APIGroups, group)
			of := slices.Contains(r.Resources, "*") || slices.Contains(r.Resources, resource) ||
				part != store.Whole && slices.Contains(r.Resources, "*/"+part.String())
			named := len(r.ResourceNames) == 0 || slices.Contains(r.ResourceNames, name)
			if verb && in && of && named {
				return true
			}
		}
		return false
	}
	groups := append([]string{"system:authenticated"}, as.Groups...)
	if rest, ok := strings.CutPrefix(as.User, "system:serviceaccount:"); ok {
		groups = append(groups, "system:serviceaccounts", "system:serviceaccounts:"+rest[:strings.Index(rest, ":")])
	}
	means := func(subjects []model.Subject, in string) bool {
		for _, s := range subjects {
			if s.Kind == "ServiceAccount" && s.Namespace == "" {
				s.Namespace = in
			}
			if s.Kind == "User" && s.Name == as.User || s.Kind == "Group" && slices.Contains(groups, s.Name) ||
				s.Kind == "ServiceAccount" && s.Namespace != "" && as.User == "system:serviceaccount:"+s.Namespace+":"+s.Name {
				return true
			}
		}
		return false
	}
	for _, b := range bootstrap {
		if means(b.subjects, "") && allowed(b.rules) {
			return true
		}
	}
	yes := false
	for _, k := range []model.Kind{model.KindClusterRoleBinding, model.KindRoleBinding} {
		g.store.Snapshot().Each(k, func(o model.Object) bool {
			b := o.(*model.RoleBinding)
			counts := k == model.KindClusterRoleBinding || b.Namespace == namespace
			yes = yes || counts && means(b.Subjects, b.Namespace) && allowed(g.rules(b))
			return true
		})
	}
	return yes
}

func TestBitsSayWhatRulesSay(t *testing.T) {
	luck := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[luck.IntN(len(of))] }
	some := func(of ...string) (out []string) {
		for range 1 + luck.IntN(2) {
			out = append(out, pick(of...))
		}
		return out
	}
	yes := 0
	for range 200 {
		k := sim.New(sim.Config{Seed: 1})
		s := store.New(k, network.New(k, network.DefaultProfile()))
		g := &gate{store: s, version: 1}
		for i := range 1 + luck.IntN(8) {
			meta := model.Meta{Kind: model.KindClusterRole, Name: pick("a", "b", "c")}
			if i%2 == 0 {
				meta.Kind, meta.Namespace = model.KindRole, pick("shop", "default")
			}
			r := &model.Role{Meta: meta}
			for range luck.IntN(4) {
				rule := model.PolicyRule{
					Verbs: some("get", "list", "watch", "create", "update", "patch", "delete", "*"), APIGroups: some("", "apps", "policy", "*"),
					Resources: some("pods", "pods/status", "deployments", "deployments/scale", "*/scale", "nodes", "*", "pods/*"),
				}
				if luck.IntN(3) == 0 {
					rule.ResourceNames = some("web", "db")
				}
				r.Rules = append(r.Rules, rule)
			}
			s.Create(0, r)
			b := &model.RoleBinding{Meta: meta, Role: pick("a", "b", "c", "view", "admin"), RoleKind: model.KindClusterRole}
			b.Kind += model.KindRoleBinding - model.KindRole
			if meta.Namespace != "" && luck.IntN(2) == 0 {
				b.RoleKind = model.KindRole
			}
			for range 1 + luck.IntN(3) {
				b.Subjects = append(b.Subjects, model.Subject{
					Kind: pick("User", "Group", "ServiceAccount"), Namespace: pick("", "shop"), Name: pick("alice", "ci", "system:authenticated", "system:serviceaccounts:shop"),
				})
			}
			s.Create(0, b)
		}
		for _, as := range []store.Identity{store.User("alice"), store.Account("shop", "ci", ""), {User: "carl", Groups: []string{"ci"}}} {
			x := g.lookUp(&as)
			for range 200 {
				right, part := store.Right(luck.IntN(int(store.Rights))), store.Part(luck.IntN(int(store.Parts)))
				kind := model.KindNode + model.Kind(luck.IntN(int(model.Kinds-1)))
				namespace, name := pick("shop", "default"), pick("web", "db", "x")
				bit := bitOf(right, part)
				got := x.everywhere[kind]&bit != 0 || x.somewhere[kind]&bit != 0 && x.in(kind, bit, namespace, name)
				if want := plainly(g, &as, right, part, kind, namespace, name); got != want {
					t.Fatalf("%s may %v %v/%v %s/%s: %t, want %t", as.User, right, kind, part, namespace, name, got, want)
				}
				if got {
					yes++
				}
			}
		}
	}
	if yes < 1000 {
		t.Errorf("only %d questions were answered with yes", yes)
	}
}

// The gate allocates nothing once it knows a client.
func TestTheGateAllocatesNothing(t *testing.T) {
	k := sim.New(sim.Config{Seed: 1})
	net := network.New(k, network.DefaultProfile())
	s := store.New(k, net)
	g := gateOf(s)
	s.AddServer(net.AddSite("cp-0", ""), 0, nil)
	p := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: "web"}, NodeName: "n-0"}
	s.Create(0, p)
	for _, r := range []store.Request{
		{Op: store.OpDelete, Client: s.NewClient(store.ClientConfig{As: store.Account("kube-system", "replicaset-controller", "")})},
		{Op: store.OpUpdateStatus, Client: s.NewClient(store.ClientConfig{As: store.Node("n-0")}), Object: p},
	} {
		r.Target = p.Ref()
		if n := testing.AllocsPerRun(100, func() {
			if g.authorize(&r) != store.Accepted {
				t.Fatal(r.Client.As.User)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", r.Client.As.User, n)
		}
	}
}
