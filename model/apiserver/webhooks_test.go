package apiserver_test

import (
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/etcd"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// asking is a caller of an API server that asks webhooks, and where these are.
type asking struct {
	*caller
	net      *network.Network
	webhooks *apiserver.Webhooks
	node     network.Site
	route    model.Route
	dead     bool // what answers does not
}

func newAsking(t *testing.T, behaviors ...apiserver.WebhookBehavior) *asking {
	k := sim.New(sim.Config{Seed: 1})
	net := network.New(k, network.DefaultProfile())
	a := &asking{caller: &caller{Kernel: k, t: t, store: store.New(k, net)}, net: net}
	site := net.AddSite("cp-0", "")
	a.node = net.AddSite("n-0", "")
	backend := apiserver.NewBackend(k, a.store, net, etcd.Config{Sites: []network.Site{site}})
	apiserver.New(k, a.store, backend, net, site, 4)
	a.webhooks = backend.Webhooks()
	a.webhooks.Behave(a, behaviors)
	a.client = a.store.NewClient(store.ClientConfig{Name: "user", As: store.Admin("kubectl"), Actor: k.Register("caller", a.caller), Site: site})
	svc := &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "hooks", Name: "hook"}}
	a.create(svc)
	a.route = model.Route{Service: svc.Ref(), Endpoints: []model.Endpoint{{Pod: model.Ref{Kind: model.KindPod, ID: 1}, Node: model.NameOf("n-0")}}}
	return a
}

func (a *asking) Route(network.Site, model.ObjectName) model.Route { return a.route }
func (a *asking) PodSite(model.Ref, string) (network.Site, bool)   { return a.node, true }
func (a *asking) Serves(model.Ref) bool                            { return !a.dead }

// hook is a webhook about the creation of pods.
func hook(name string) model.Webhook {
	return model.Webhook{
		Name: name, Timeout: 10 * time.Second, Namespaces: &model.Selector{}, Objects: &model.Selector{},
		Service: model.ObjectName{Namespace: "hooks", Name: "hook"}, URL: "https://hook.hooks.svc:443/",
		Rules: []model.WebhookRule{{Operations: []string{"CREATE"}, APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}, Scope: "*"}},
	}
}

func (a *asking) configure(kind model.Kind, name string, hooks ...model.Webhook) {
	a.create(&model.WebhookConfiguration{Meta: model.Meta{Kind: kind, Name: name}, Webhooks: hooks})
}

func (a *asking) pod(name string) (store.Reply, time.Duration) {
	from := a.Now()
	a.client.Create(newPod(name), 0)
	r := a.answer()
	return r, a.at[len(a.at)-1].Sub(from)
}

const (
	validates = model.KindValidatingWebhookConfiguration
	mutates   = model.KindMutatingWebhookConfiguration
)

// Source: k8s.io/apiserver/pkg/admission/plugin/webhook/validating/dispatcher.go:
// a call that fails is an internal error, unless failurePolicy is Ignore.
func TestAWebhookThatRefusesConnectionsFailsClosedOrOpen(t *testing.T) {
	for _, ignore := range []bool{false, true} {
		a := newAsking(t)
		h := hook("policy.example.com")
		h.Ignore = ignore
		a.configure(validates, "policy", h)
		a.dead = true
		r, took := a.pod("web")
		want := store.InternalError
		if ignore {
			want = store.Accepted
		}
		if r.Refusal != want || took > time.Second {
			t.Errorf("ignore %v: %v after %v", ignore, r.Refusal, took)
		}
		const message = `Internal error occurred: failed calling webhook "policy.example.com": failed to call webhook: ` +
			`Post "https://hook.hooks.svc:443/?timeout=10s": dial tcp: connect: connection refused`
		if !ignore && r.Message != message {
			t.Errorf("it says %q", r.Message)
		}
		a.dead = false
		if r, _ := a.pod("db"); r.Refusal != store.Accepted {
			t.Errorf("it answers again, and: %v", r.Refusal)
		}
	}
}

// Source: pkg/apis/admissionregistration/v1/defaults.go: timeoutSeconds is 10.
func TestAWebhookThatIsSilentCostsItsTimeout(t *testing.T) {
	a := newAsking(t)
	a.configure(validates, "policy", hook("policy.example.com"))
	a.net.Impair(network.Impairment{From: []network.Site{0}, To: []network.Site{a.node}, Cut: true})
	r, took := a.pod("web")
	if r.Refusal != store.InternalError || !strings.HasSuffix(r.Message, "context deadline exceeded") || took < 10*time.Second || took > 10*time.Second+50*time.Millisecond {
		t.Errorf("%v %q after %v", r.Refusal, r.Message, took)
	}
}

// Source: validating/dispatcher.go: with the request's own time over, there is
// nothing to fail open for.
func TestARequestThatWaitedTooLongForWebhooksTimesOut(t *testing.T) {
	a := newAsking(t)
	a.client.Timeout = 5 * time.Second
	h := hook("policy.example.com")
	h.Ignore = true
	a.configure(validates, "policy", h)
	a.webhooks.Harm(h.Name, false, sim.Constant(time.Minute))
	if r, took := a.pod("web"); r.Refusal != store.TimedOut || took > 6*time.Second {
		t.Errorf("%v after %v", r.Refusal, took)
	}
}

// Source: webhook/errors/statuserror.go ToStatusErr.
func TestAWebhookDeniesWhatItWasMadeToDeny(t *testing.T) {
	name := "policy.example.com"
	a := newAsking(t, apiserver.WebhookBehavior{Name: name, Deny: &apiserver.Denial{
		Match: model.SelectorOf(model.Labels{{Key: "app", Value: "bad"}}), Message: "bad is bad",
	}})
	a.configure(validates, "policy", hook(name))
	bad := newPod("bad")
	bad.Labels = model.Labels{{Key: "app", Value: "bad"}}
	a.client.Create(bad, 0)
	if r := a.answer(); r.Refusal != store.Forbidden || r.Message != `admission webhook "policy.example.com" denied the request: bad is bad` {
		t.Errorf("%v %q", r.Refusal, r.Message)
	}
	if r, _ := a.pod("good"); r.Refusal != store.Accepted {
		t.Errorf("%v", r.Refusal)
	}
}

// Source: mutating webhooks are called one after the other, validating ones at
// the same time.
func TestMutatingWebhooksTakeTurnsAndValidatingOnesDoNot(t *testing.T) {
	slow := func(name string) apiserver.WebhookBehavior {
		return apiserver.WebhookBehavior{Name: name, Latency: sim.Constant(2 * time.Second)}
	}
	for kind, want := range map[model.Kind]time.Duration{mutates: 6 * time.Second, validates: 2 * time.Second} {
		a := newAsking(t, slow("a"), slow("b"), slow("c"))
		a.configure(kind, "all", hook("a"), hook("b"), hook("c"))
		if r, took := a.pod("web"); r.Refusal != store.Accepted || took < want || took > want+100*time.Millisecond {
			t.Errorf("%v: %v after %v", kind, r.Refusal, took)
		}
	}
}

// Source: mutating/dispatcher.go, reinvocationContext.go: webhooks go by the
// names of their configurations; one with reinvocationPolicy IfNeeded is asked
// once more if a later one changed the object.
func TestAMutatingWebhookIsReinvokedIfALaterOneChangedTheObject(t *testing.T) {
	for _, reinvoke := range []bool{false, true} {
		labels := model.Labels{{Key: "team", Value: "web"}}
		a := newAsking(t,
			apiserver.WebhookBehavior{Name: "first", Latency: sim.Constant(time.Second), Mutate: apiserver.Mutation{Requests: model.Resources{CPUMilli: 100}}},
			apiserver.WebhookBehavior{Name: "second", Latency: sim.Constant(time.Second), Mutate: apiserver.Mutation{Labels: labels}})
		first := hook("first")
		first.Reinvoke = reinvoke
		a.configure(mutates, "z", hook("second"))
		a.configure(mutates, "a", first)
		pod := newPod("web")
		pod.Spec.Containers = []model.Container{{Name: "main", Image: "web:1"}}
		from := a.Now()
		a.client.Create(pod, 0)
		r := a.answer()
		p, ok := r.Object.(*model.Pod)
		if !ok || p.Labels.Value("team") != "web" || p.Spec.Request.CPUMilli != 100 {
			t.Fatalf("%v: %+v", r.Refusal, r.Object)
		}
		want := 2 * time.Second
		if reinvoke {
			want = 3 * time.Second
		}
		if took := a.at[len(a.at)-1].Sub(from); took < want || took > want+100*time.Millisecond {
			t.Errorf("reinvoke %v: after %v", reinvoke, took)
		}
	}
}

// Source: predicates/rules/rules.go, predicates/namespace/matcher.go and
// predicates/object/matcher.go.
func TestAWebhookIsAskedOnlyAboutWhatItSelects(t *testing.T) {
	everything := model.WebhookRule{Operations: []string{"*"}, APIGroups: []string{"*"}, APIVersions: []string{"*"}, Resources: []string{"*"}, Scope: "*"}
	with := func(change func(*model.WebhookRule)) []model.WebhookRule {
		r := everything
		change(&r)
		return []model.WebhookRule{r}
	}
	elsewhere := &model.Selector{Requirements: []model.Requirement{{Key: model.LabelNamespaceName, Op: model.NotIn, Values: []string{"default"}}}}
	labeled := model.SelectorOf(model.Labels{{Key: "app", Value: "web"}})
	for _, c := range []struct {
		name             string
		rules            []model.WebhookRule
		spaces, objects  *model.Selector
		pod, status, bar bool // asked about the creation of a pod, its status, a node
	}{
		{name: `"*" is no subresource`, rules: []model.WebhookRule{everything}, pod: true, bar: true},
		{name: `"*/*" is all`, rules: with(func(r *model.WebhookRule) { r.Resources = []string{"*/*"} }), pod: true, status: true, bar: true},
		{name: "one subresource", rules: with(func(r *model.WebhookRule) { r.Resources = []string{"pods/status"} }), status: true},
		{name: "another group", rules: with(func(r *model.WebhookRule) { r.APIGroups = []string{"apps"} })},
		{name: "another version", rules: with(func(r *model.WebhookRule) { r.APIVersions = []string{"v2"} })},
		{name: "cluster scope", rules: with(func(r *model.WebhookRule) { r.Scope = "Cluster" }), bar: true},
		{name: "another operation", rules: with(func(r *model.WebhookRule) { r.Operations = []string{"DELETE"} })},
		{name: "an exempt namespace exempts no node", rules: with(func(r *model.WebhookRule) { r.Resources = []string{"*/*"} }), spaces: elsewhere, bar: true},
		{name: "without the labels", rules: with(func(r *model.WebhookRule) { r.Resources = []string{"*/*"} }), objects: labeled},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAsking(t)
			bound := a.create(newPod("db")).(*model.Pod)
			h := hook("policy.example.com")
			h.Rules = c.rules
			if c.spaces != nil {
				h.Namespaces = c.spaces
			}
			if c.objects != nil {
				h.Objects = c.objects
			}
			a.dead = true
			a.configure(validates, "policy", h) // which is exempt itself
			r, _ := a.pod("web")
			status := *bound
			status.Phase = model.PodRunning
			a.client.UpdateStatus(&status, 0)
			s := a.answer()
			a.client.Create(&model.Node{Meta: model.Meta{Kind: model.KindNode, Name: "n-0"}}, 0)
			n := a.answer()
			for i, got := range []store.Reply{r, s, n} {
				if want := [...]bool{c.pod, c.status, c.bar}[i]; (got.Refusal == store.InternalError) != want {
					t.Errorf("request %d: %v, asked: %v", i, got.Refusal, want)
				}
			}
		})
	}
}

// Source: pkg/registry/apps/deployment/storage ScaleREST: a write of the scale, as
// the horizontal pod autoscaler's, is one of the subresource, with either verb.
func TestAWebhookOfTheScaleIsAskedAboutItsUpdateAndNoOther(t *testing.T) {
	for resource, asked := range map[string]bool{"deployments/scale": true, "deployments": false} {
		a := newAsking(t)
		d := a.create(&model.Deployment{Meta: model.Meta{Kind: model.KindDeployment, Namespace: "default", Name: "web"}}).(*model.Deployment)
		h := hook("policy.example.com")
		h.Rules = []model.WebhookRule{{Operations: []string{"UPDATE"}, APIGroups: []string{"apps"}, APIVersions: []string{"*"}, Resources: []string{resource}, Scope: "*"}}
		a.dead = true
		a.configure(validates, "policy", h)
		scaled := *d
		scaled.Replicas = 5
		a.client.UpdateScale(&scaled, 0)
		if got := a.answer(); (got.Refusal == store.InternalError) != asked {
			t.Errorf("%s: its scale: %v", resource, got.Refusal)
		}
		whole := *d
		whole.Replicas, whole.ResourceVersion = 7, 0
		a.client.Update(&whole, 0)
		if got := a.answer(); (got.Refusal == store.InternalError) == asked {
			t.Errorf("%s: as a whole: %v", resource, got.Refusal)
		}
	}
}

// Source: leases are resources like others; the kubelet's client of heartbeats
// waits 10 s.
func TestRenewalsOfLeasesPassWebhooks(t *testing.T) {
	leases := []model.WebhookRule{{Operations: []string{"UPDATE"}, APIGroups: []string{"coordination.k8s.io"}, APIVersions: []string{"*"}, Resources: []string{"leases"}, Scope: "*"}}
	spared := &model.Selector{Requirements: []model.Requirement{{Key: model.LabelNamespaceName, Op: model.NotIn, Values: []string{model.NamespaceLeases}}}}
	for _, c := range []struct {
		name    string
		change  func(*model.Webhook)
		dead    bool
		slow    time.Duration
		beating bool
	}{
		{name: "answers", beating: true},
		{name: "refuses connections", dead: true},
		{name: "refuses connections, Ignore", dead: true, change: func(h *model.Webhook) { h.Ignore = true }, beating: true},
		{name: "too slow", slow: 11 * time.Second},
		{name: "too slow, Ignore, but the kubelet does not wait", slow: 11 * time.Second, change: func(h *model.Webhook) { h.Ignore = true }},
		{name: "too slow, Ignore, in time", slow: 11 * time.Second, change: func(h *model.Webhook) { h.Ignore, h.Timeout = true, 3*time.Second }, beating: true},
		{name: "not about that namespace", dead: true, change: func(h *model.Webhook) { h.Namespaces = spared }, beating: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAsking(t)
			node := a.create(&model.Node{Meta: model.Meta{Kind: model.KindNode, Name: "n-0"}}).Head().ID
			l := a.store.Leases()
			l.Add(node, "n-0", a.store.NewClient(store.ClientConfig{Name: "lease", Site: a.node}))
			l.Start(node, 0)
			h := hook("policy.example.com")
			h.Rules = leases
			if c.change != nil {
				c.change(&h)
			}
			a.configure(validates, "policy", h)
			a.dead = c.dead
			a.webhooks.Harm(h.Name, false, sim.Constant(c.slow))
			a.webhooks.Reconsider()
			if l.Beating(node) != c.beating {
				t.Errorf("beating: %v", l.Beating(node))
			}
			a.dead = false
			a.webhooks.Harm(h.Name, false, sim.Dist{})
			if !l.Beating(node) {
				t.Error("it does not heal")
			}
		})
	}
}
