package apiserver

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// WebhookBehavior is what the program behind a webhook does, which its
// configuration does not say. A webhook without one lets everything pass.
type WebhookBehavior struct {
	Name    string   // the webhook's, as its configuration has it
	Latency sim.Dist // of its answer; the zero value is usualAnswer
	Deny    *Denial  // what it refuses; nil is nothing
	Mutate  Mutation // what it changes, if it may
}

// Denial is which objects a webhook refuses, and what it says then.
type Denial struct {
	Match   *model.Selector
	Message string
}

// Mutation is what a mutating webhook does to objects that are created. What
// it does to others is not modeled.
type Mutation struct {
	Labels      model.Labels
	Tolerations []model.Toleration // of pods
	Requests    model.Resources    // of containers of pods that do not say how much they need
}

// usualAnswer is how long a webhook takes to answer: a TLS connection that is
// there already, decoding, a decision. It is an estimate.
var usualAnswer = sim.Lognormal(2*time.Millisecond, 20*time.Millisecond)

// WebhookWorld is where webhooks are, as the machine of an API server has it.
type WebhookWorld interface {
	// Route is where that machine's rules send connections to a Service.
	Route(server network.Site, service model.ObjectName) model.Route
	// PodSite is where a pod on a node is in the network, if there is such a node.
	PodSite(pod model.Ref, node string) (network.Site, bool)
	// Serves tells whether a pod really answers now.
	Serves(pod model.Ref) bool
}

// Webhooks is whom all API servers of a cluster ask before they write, in the
// order in which they ask. Configurations count at once; a real API server
// reads them from a watch, some milliseconds later.
type Webhooks struct {
	store     *store.Store
	net       *network.Network
	world     WebhookWorld
	behaviors []WebhookBehavior
	servers   []network.Site

	hooks  [2][]*hook          // mutating, validating
	any    [model.Kinds]events // what any of them may want to be asked about
	leases bool                // whether any of them is asked about renewals of leases
	strict []bool              // by server: it lets no renewals through
	self   sim.ActorID
	harms  []harm // what faults do, by the name of a webhook
}

const (
	mutating = iota
	validating
)

// hook is a webhook with what finds it fast.
type hook struct {
	*model.Webhook
	of       [model.Kinds]events
	leases   bool
	behavior WebhookBehavior
	config   string // its configuration's path
	hash     uint64 // names the luck of its calls
	failing  bool   // its last call was not answered
}

// harm is what faults do to a webhook.
type harm struct {
	name string
	down bool
	slow sim.Dist // added to every answer
}

// events is a set of operations on parts of objects of one kind.
type events uint32

// operation is what admission calls what a request does.
type operation uint8

const (
	create operation = iota
	update
	remove
	operations
)

var operationNames = [operations]string{"CREATE", "UPDATE", "DELETE"}

func eventOf(op operation, part store.Part) events { return 1 << (int(part)*int(operations) + int(op)) }

// newWebhooks is none, until somebody configures some.
func newWebhooks(k *sim.Kernel, s *store.Store, net *network.Network, servers []network.Site) *Webhooks {
	w := &Webhooks{store: s, net: net, servers: servers, strict: make([]bool, len(servers))}
	w.self = k.Register("admission-log", w)
	s.Observe(w)
	net.Listen(w)
	return w
}

// Wake implements sim.Actor; it only says things.
func (w *Webhooks) Wake(sim.Time, sim.Why, uint64) {}

// The reasons of notes about webhooks. Kubernetes has no Events of these; people
// read them in the API server's log and metrics.
const (
	reasonWebhookFailed  = "WebhookFailed"
	reasonWebhookAnswers = "WebhookAnswers"
)

// tell notes that calls of a webhook begin to fail, or that it answers again.
func (w *Webhooks) tell(h *hook, failure string) {
	if failing := failure != ""; failing == h.failing {
		return
	}
	h.failing = !h.failing
	n := model.Note{Named: h.config, Reason: reasonWebhookAnswers, Message: "webhook " + strconv.Quote(h.Name) + " answers again"}
	if h.failing {
		n = model.Note{Named: h.config, Warning: true, Reason: reasonWebhookFailed, Message: failure}
	}
	w.store.Note(w.self, n)
}

// Behave says where webhooks are and what they do. Without it nobody answers.
func (w *Webhooks) Behave(world WebhookWorld, behaviors []WebhookBehavior) {
	w.world, w.behaviors = world, behaviors
}

// Recorded implements store.Observer.
func (w *Webhooks) Recorded(r *store.Record) {
	o := r.Object()
	if o == nil {
		return
	}
	switch o.Head().Kind {
	case model.KindValidatingWebhookConfiguration, model.KindMutatingWebhookConfiguration:
		w.order()
		w.Reconsider()
	case model.KindNamespace, model.KindService:
		w.Reconsider()
	}
}

// LinksChanged implements network.Listener.
func (w *Webhooks) LinksChanged(sim.Time) { w.Reconsider() }

// order puts the webhooks in the order of their configurations' names, and of
// these in their own (k8s.io/apiserver/pkg/admission/configuration).
func (w *Webhooks) order() {
	w.any, w.leases = [model.Kinds]events{}, false
	for phase, kind := range [...]model.Kind{model.KindMutatingWebhookConfiguration, model.KindValidatingWebhookConfiguration} {
		var configs []*model.WebhookConfiguration
		w.store.Snapshot().Each(kind, func(o model.Object) bool {
			configs = append(configs, o.(*model.WebhookConfiguration))
			return true
		})
		slices.SortFunc(configs, func(a, b *model.WebhookConfiguration) int { return strings.Compare(a.Name, b.Name) })
		w.hooks[phase] = nil
		for _, c := range configs {
			for i := range c.Webhooks {
				w.add(phase, &c.Webhooks[i], c.Path())
			}
		}
	}
}

func (w *Webhooks) add(phase int, m *model.Webhook, config string) {
	h := &hook{Webhook: m, config: config, hash: sim.HashName(m.Name), behavior: WebhookBehavior{Name: m.Name}}
	for i := range w.behaviors {
		if w.behaviors[i].Name == m.Name {
			h.behavior = w.behaviors[i]
		}
	}
	if h.behavior.Latency.IsZero() {
		h.behavior.Latency = usualAnswer
	}
	for kind := model.KindNode; kind < model.Kinds; kind++ {
		for i := range m.Rules {
			h.of[kind] |= eventsOf(&m.Rules[i], kind)
		}
		w.any[kind] |= h.of[kind]
	}
	for i := range m.Rules {
		h.leases = h.leases || ruled(&m.Rules[i], "coordination.k8s.io", "v1", "leases", "", update, true)
	}
	w.leases = w.leases || h.leases
	w.hooks[phase] = append(w.hooks[phase], h)
}

// eventsOf is what a rule is about, of a kind. Webhook configurations are
// exempt, so that one that is wrong can be taken back
// (k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules/rules.go).
func eventsOf(r *model.WebhookRule, kind model.Kind) (out events) {
	if kind == model.KindValidatingWebhookConfiguration || kind == model.KindMutatingWebhookConfiguration {
		return 0
	}
	group := resources[kind].group
	if group == core {
		group = ""
	}
	for part := store.Whole; part < store.Parts; part++ {
		for op := create; op < operations; op++ {
			if ruled(r, group, versionOf(kind), resources[kind].plural, part.String(), op, kind.Namespaced()) {
				out |= eventOf(op, part)
			}
		}
	}
	return out
}

// versionOf is the version in which a kind is served. There is one of each, so
// matchPolicy, which is about others, makes no difference.
func versionOf(kind model.Kind) string {
	if kind == model.KindWorkload {
		return "v1alpha1"
	}
	return "v1"
}

// ruled is rules.go Matches. "*" names no subresource.
func ruled(r *model.WebhookRule, group, version, plural, part string, op operation, namespaced bool) bool {
	is := func(said []string, word string) bool {
		return slices.Contains(said, "*") || slices.Contains(said, word)
	}
	if !is(r.Operations, operationNames[op]) || !is(r.APIGroups, group) || !is(r.APIVersions, version) {
		return false
	}
	if r.Scope == "Namespaced" && !namespaced || r.Scope == "Cluster" && namespaced {
		return false
	}
	return slices.ContainsFunc(r.Resources, func(s string) bool {
		name, sub, _ := strings.Cut(s, "/")
		return (name == "*" || name == plural) && (sub == "*" || sub == part)
	})
}

// eventOfRequest is what admission calls a request, and whether it is asked at
// all.
func eventOfRequest(r *store.Request) (op operation, part store.Part, ok bool) {
	switch r.Op {
	case store.OpCreate:
		return create, store.Whole, true
	case store.OpUpdate:
		return update, r.Part, true
	case store.OpUpdateStatus:
		return update, store.Status, true
	case store.OpPatch:
		return update, r.Part, true
	case store.OpBind:
		return create, store.Binding, true
	case store.OpEvict:
		return create, store.Eviction, true
	case store.OpDelete:
		return remove, store.Whole, true
	}
	return 0, 0, false // reads, and Events, whose webhooks are not modeled
}

// mayConcern tells whether any webhook may have to be asked about a request.
func (w *Webhooks) mayConcern(r *store.Request) bool {
	of := w.any[r.Target.Kind]
	if of == 0 {
		return false
	}
	op, part, ok := eventOfRequest(r)
	return ok && of&eventOf(op, part) != 0
}

// concerned is the webhooks of a phase that have to be asked about a request,
// as it is now.
func (w *Webhooks) concerned(phase int, r *store.Request) (out []*hook) {
	op, part, _ := eventOfRequest(r)
	bit := eventOf(op, part)
	var before, after model.Object
	looked := false
	for _, h := range w.hooks[phase] {
		if h.of[r.Target.Kind]&bit == 0 {
			continue
		}
		if !looked {
			before, after = w.versions(r)
			looked = true
		}
		if w.selects(h, before, after, part) {
			out = append(out, h)
		}
	}
	return out
}

// versions is what a request would change and what it would make of it; either
// is nil if there is none.
func (w *Webhooks) versions(r *store.Request) (before, after model.Object) {
	if r.Op == store.OpCreate {
		return nil, r.Object
	}
	before = w.store.Get(r.Target)
	switch {
	case before == nil:
		return nil, r.Object // and will be refused
	case r.Op == store.OpPatch:
		return before, r.Patch.Apply(before)
	case r.Op == store.OpUpdate || r.Op == store.OpUpdateStatus:
		return before, r.Object
	}
	return before, nil
}

// selects tells whether the selectors of a webhook do. Objects of no namespace
// are never exempt by one, but namespaces by their own labels
// (k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/namespace/matcher.go,
// predicates/object/matcher.go). What is sent to binding, eviction and scale is
// an object of its own, without labels.
func (w *Webhooks) selects(h *hook, before, after model.Object, part store.Part) bool {
	some := after
	if some == nil {
		some = before
	}
	if some == nil {
		return true
	}
	m := some.Head()
	switch {
	case m.Kind == model.KindNamespace:
		if !h.Namespaces.Matches(m.Labels) {
			return false
		}
	case m.Namespace != "" && !h.Namespaces.Matches(w.namespaceLabels(m.Namespace)):
		return false
	}
	if part == store.Binding || part == store.Eviction || part == store.Scale {
		return h.Objects.Matches(nil)
	}
	return before != nil && h.Objects.Matches(before.Head().Labels) || after != nil && h.Objects.Matches(after.Head().Labels)
}

// namespaceLabels is the labels of a namespace; one that nobody described has
// its name only.
func (w *Webhooks) namespaceLabels(name string) model.Labels {
	if n := w.store.Lookup(model.KindNamespace, "", name); n != nil {
		return n.Head().Labels
	}
	return model.Labels{{Key: model.LabelNamespaceName, Value: name}}
}

// denies tells whether the webhook refuses an object with these labels.
func (h *hook) denies(labels model.Labels) bool {
	return h.behavior.Deny != nil && h.behavior.Deny.Match.Matches(labels)
}

// harmOf is what faults do to a webhook now.
func (w *Webhooks) harmOf(name string) harm {
	for i := range w.harms {
		if w.harms[i].name == name {
			return w.harms[i]
		}
	}
	return harm{name: name}
}

// Harm makes a webhook refuse connections, or answer later than usual; it is
// what faults do.
func (w *Webhooks) Harm(name string, down bool, slow sim.Dist) {
	w.harms = slices.DeleteFunc(w.harms, func(h harm) bool { return h.name == name })
	if down || !slow.IsZero() {
		w.harms = append(w.harms, harm{name, down, slow})
	}
	w.Reconsider()
}
