package scenarios

import (
	"slices"
	"strconv"
	"strings"

	"orrery/model"
	"orrery/scenarios/strict"
)

// known is everything that exists at the start or is applied later, so that a
// scenario that speaks of something else can be told early.
type known struct {
	node       map[string]bool
	nodes      []string // their names
	nodeLabels []model.Labels
	zones      []string
	groups     []string           // node groups of the cloud
	managers   map[string]manager // of pods, by path
	paths      [model.Kinds][]string
	namespaces []string
	webhooks   []string // their names
	schemas    []*model.FlowSchema
	configs    []*model.Config
	pods       []podGroup
	headless   map[string]bool            // paths of Services
	selectors  map[string]*model.Selector // of Services, by path
	met        map[string]bool            // the namespaces, and the zones with a slash in front
}

// manager is what makes pods of a template, and knows them by a selector.
type manager struct {
	path     string
	selector *model.Selector
	template *model.Template
	of       model.Object
}

// podGroup is pods that are made from one template, or one pod.
type podGroup struct {
	namespace string
	labels    model.Labels
	spec      *model.PodSpec
	claims    bool // each has volumes of its own, as a StatefulSet makes them
}

// expect makes room for so many more nodes.
func (k *known) expect(nodes int) {
	if k.node == nil {
		k.node, k.managers, k.headless = make(map[string]bool, nodes), map[string]manager{}, map[string]bool{}
		k.selectors = map[string]*model.Selector{}
	}
	k.nodes, k.nodeLabels = slices.Grow(k.nodes, nodes), slices.Grow(k.nodeLabels, nodes)
	k.paths[model.KindNode] = slices.Grow(k.paths[model.KindNode], nodes)
}

func (k *known) add(o model.Object) {
	k.expect(0)
	m := o.Head()
	k.paths[m.Kind] = append(k.paths[m.Kind], m.Path())
	if m.Namespace != "" && k.isNew(m.Namespace) {
		k.namespaces = append(k.namespaces, m.Namespace)
	}
	switch o := o.(type) {
	case *model.Namespace:
		if k.isNew(o.Name) {
			k.namespaces = append(k.namespaces, o.Name)
		}
	case *model.Service:
		k.headless[o.Path()], k.selectors[o.Path()] = o.Headless, o.Selector
	case *model.WebhookConfiguration:
		for i := range o.Webhooks {
			k.webhooks = append(k.webhooks, o.Webhooks[i].Name)
		}
	case *model.Config:
		k.configs = append(k.configs, o)
	case *model.FlowSchema:
		k.schemas = append(k.schemas, o)
	case *model.Node:
		k.node[o.Name] = true
		k.nodes = append(k.nodes, o.Name)
		k.nodeLabels = append(k.nodeLabels, o.Labels)
		if z := o.Labels.Value(model.LabelZone); z != "" && k.isNew("/"+z) {
			k.zones = append(k.zones, z)
		}
	case *model.Deployment:
		k.manages(o, o.Selector, o.Template)
	case *model.ReplicaSet:
		k.manages(o, o.Selector, o.Template)
	case *model.StatefulSet:
		k.manages(o, o.Selector, o.Template)
	case *model.DaemonSet:
		k.manages(o, o.Selector, o.Template)
	case *model.Job:
		k.pods = append(k.pods, podGroup{namespace: o.Namespace, labels: ofJob(o), spec: o.Template.Spec})
	case *model.CronJob:
		k.pods = append(k.pods, podGroup{namespace: o.Namespace, labels: o.Job.Template.Labels, spec: o.Job.Template.Spec})
	case *model.Pod:
		k.pods = append(k.pods, podGroup{namespace: o.Namespace, labels: o.Labels, spec: o.Spec})
	}
}

// ofJob is the labels that a Job's pods have, but for its number
// (pkg/registry/batch/job/strategy.go generateSelector).
func ofJob(j *model.Job) model.Labels {
	return j.Template.Labels.With("batch.kubernetes.io/job-name", j.Name).With("job-name", j.Name)
}

// addPath makes a name known that stands for an object.
func (k *known) addPath(kind model.Kind, path string) {
	if !slices.Contains(k.paths[kind], path) {
		k.paths[kind] = append(k.paths[kind], path)
	}
}

// isNew tells whether a name was not met before.
func (k *known) isNew(name string) bool {
	if k.met == nil {
		k.met = map[string]bool{}
	}
	if k.met[name] {
		return false
	}
	k.met[name] = true
	return true
}

func (k *known) manages(o model.Object, s *model.Selector, t *model.Template) {
	m := o.Head()
	k.managers[m.Path()] = manager{m.Path(), s, t, o}
	k.makes(o, t)
}

// patched makes the pods known that a patch of a workload makes.
func (k *known) patched(d manager, p *model.MergePatch) {
	if o := p.Apply(d.of); model.TemplateOf(o) != nil {
		k.makes(o, *model.TemplateOf(o))
	}
}

// makes makes the pods known that an object makes of a template.
func (k *known) makes(o model.Object, t *model.Template) {
	s, ok := o.(*model.StatefulSet)
	k.pods = append(k.pods, podGroup{o.Head().Namespace, t.Labels, t.Spec, ok && len(s.Claims) > 0})
}

// hasVolumes tells whether the pods use claims.
func (g *podGroup) hasVolumes() bool {
	return g.claims || g.spec.Placement != nil && len(g.spec.Placement.Claims) > 0
}

// willClaim tells whether a claim is of a StatefulSet's replica: TEMPLATE-SET-0.
func (k *known) willClaim(r reference) bool {
	for _, path := range k.paths[model.KindStatefulSet] {
		s := k.managers[path].of.(*model.StatefulSet)
		for i := range s.Claims {
			number, mine := strings.CutPrefix(r.name, s.Claims[i].Name+"-"+s.Name+"-")
			if _, err := strconv.ParseUint(number, 10, 31); mine && s.Namespace == r.namespace && err == nil {
				return true
			}
		}
	}
	return false
}

// names is the paths of all objects of a kind. Namespaces that only objects name
// are among them.
func (k *known) names(kind model.Kind) []string {
	if kind == model.KindNamespace {
		var out []string
		for _, n := range k.namespaces {
			out = append(out, "namespace/"+n)
		}
		return out
	}
	return k.paths[kind]
}

// reference is an object by name.
type reference struct {
	kind            model.Kind
	namespace, name string
}

func (r reference) path() string {
	m := model.Meta{Kind: r.kind, Namespace: r.namespace, Name: r.name}
	return m.Path()
}

// parseRef reads "deployment/web", "shop/deploy/web" or "namespace/shop".
func parseRef(text string) (reference, bool) {
	parts := strings.Split(text, "/")
	namespace := "default"
	if len(parts) == 3 {
		namespace, parts = parts[0], parts[1:]
	}
	if len(parts) != 2 || parts[0] == "" || parts[1] == "" || namespace == "" {
		return reference{}, false
	}
	r := reference{model.ParseKind(parts[0]), namespace, parts[1]}
	if !r.kind.Namespaced() {
		r.namespace = ""
	}
	return r, r.kind != model.KindNone
}

// reference reads the name of an object of one of the kinds, which must exist
// unless its name is made up in the run.
func (l *loader) reference(v strict.Value, kinds ...model.Kind) reference {
	text := v.Text()
	if text == "" {
		return reference{}
	}
	var words []string
	for _, k := range kinds {
		words = append(words, k.Short()+"/NAME")
	}
	r, ok := parseRef(text)
	if !ok || !slices.Contains(kinds, r.kind) {
		hint := ""
		if before, _, _ := strings.Cut(text, "/"); before != "" {
			hint = strict.DidYouMean(before, words)
		}
		if len(kinds) == 1 && !strings.Contains(text, "/") {
			hint = l.written(kinds[0], text)
		}
		v.Errorf("%s is not %s%s", strict.Quote(text), strings.Join(words, " or "), hint)
		return reference{}
	}
	l.checkObject(v, r.path())
	return r
}

// written is what to write for an object's name without its kind: a name there is, or a like one.
func (l *loader) written(kind model.Kind, name string) string {
	if l.suggestions == 0 {
		return ""
	}
	r, names := reference{kind: kind, name: name}, l.known.names(kind)
	if kind.Namespaced() {
		r.namespace = "default"
	}
	if !slices.Contains(names, r.path()) && !l.mayBe(kind) && (kind != model.KindNode || !l.known.willBe(name)) {
		return l.suggest(r.path(), names)
	}
	return "; write " + r.kind.Short() + "/" + name
}

// incomplete tells whether there are objects that nobody knows, as what is written of
// them is wrong: that there is no such object would be a second message about that.
func (l *loader) incomplete() bool { return l.unread || l.decoder.Lost() || len(l.errs) > 0 }

// mayBe tells whether there may be objects of a kind that nobody knows.
func (l *loader) mayBe(kind model.Kind) bool {
	if kind == model.KindNode {
		return l.nodesUnread
	}
	return l.incomplete()
}

// compared counts comparisons; when too many have been made, nothing more is
// looked for: it is only for early messages.
func (l *loader) compared() bool {
	l.comparisons--
	return l.comparisons > 0
}

// selectsNode tells whether a selector matches any node there is at the start, or may be.
func (l *loader) selectsNode(s *model.Selector) bool {
	return l.nodesUnread || slices.ContainsFunc(l.known.nodeLabels, func(labels model.Labels) bool { return !l.compared() || s.Matches(labels) })
}

// selectsPod tells whether any pods match, and have the container, or may.
func (l *loader) selectsPod(namespace string, s *model.Selector, container string) bool {
	return l.selectsContainer(namespace, s, func(c *model.Container) bool { return container == "" || c.Name == container })
}

// selectsContainer tells whether any pods match, and have such a container, or may. Of init
// containers sidecars only have probes and hooks.
func (l *loader) selectsContainer(namespace string, s *model.Selector, is func(*model.Container) bool) bool {
	one := func(list []model.Container) bool {
		return slices.ContainsFunc(list, func(c model.Container) bool { return is(&c) })
	}
	return l.incomplete() || slices.ContainsFunc(l.known.pods, func(g podGroup) bool {
		return !l.compared() || g.in(namespace, s) && (one(g.spec.Containers) || one(g.spec.InitContainers))
	})
}

// in tells whether the pods are in a namespace, or any, and match, if they have to.
func (g *podGroup) in(namespace string, s *model.Selector) bool {
	return (namespace == "" || namespace == g.namespace) && (s == nil || s.Matches(g.labels))
}
