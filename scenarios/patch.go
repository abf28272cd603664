package scenarios

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"orrery/model"
	"orrery/scenarios/manifest"
	"orrery/scenarios/strict"
	"orrery/sim"
)

// patch reads a strategic merge patch of an object, or of objects that nobody
// knows yet if of is empty. Fields that a patch may have are those that the model
// acts on; others are mistakes, because a change that does nothing would be taken
// for one that did.
func (l *loader) patch(v strict.Value, of reference) *model.MergePatch {
	p := &model.MergePatch{}
	m := v.Map("patch", "metadata", "spec")
	if meta := m.Optional("metadata"); meta.Given() {
		p.Labels = labelPatches(meta.Map("metadata of a patch", "labels").Optional("labels"))
	}
	if s := m.Optional("spec"); s.Given() {
		spec := s.Map("spec of a patch", "replicas", "paused", "minReadySeconds", "template")
		if n := spec.Optional("replicas"); n.Given() {
			onlyOf(n, of, model.KindDeployment, model.KindStatefulSet)
			p.Replicas = new(int32(n.Int(0, manifest.MaxPods)))
		}
		if b := spec.Optional("paused"); b.Given() {
			onlyOf(b, of, model.KindDeployment)
			p.Paused = new(b.Bool())
		}
		if n := spec.Optional("minReadySeconds"); n.Given() {
			p.MinReady = new(time.Duration(n.Int(0, int64(maxDuration/time.Second))) * time.Second)
		}
		if t := spec.Optional("template"); t.Given() {
			l.patchTemplate(t.Map("template of a patch", "metadata", "spec"), p)
		}
	}
	if v.IsMap() && empty(p) {
		v.Errorf("it changes nothing")
	}
	if d, there := l.known.managers[of.path()]; there && of.name != "" {
		l.checkPatch(m, d, p)
		l.known.patched(d, p)
	}
	return p
}

// onlyOf finds a field that the kind of object has not.
func onlyOf(v strict.Value, of reference, kinds ...model.Kind) {
	if of.kind != model.KindNone && !slices.Contains(kinds, of.kind) {
		v.KeyErrorf("a %s has no such field", of.kind)
	}
}

func (l *loader) patchTemplate(m *strict.Map, p *model.MergePatch) {
	if v := m.Optional("metadata"); v.Given() {
		meta := v.Map("metadata of a template", "labels", "annotations")
		p.PodLabels = labelPatches(meta.Optional("labels"))
		if a := meta.Optional("annotations"); a.Given() && len(a.Entries()) > 0 {
			p.Annotated = max(1, sim.HashName(string(a.JSON())))
		}
	}
	if v := m.Optional("spec"); v.Given() {
		spec := v.Map("pod spec of a patch", "containers", "terminationGracePeriodSeconds", "dnsConfig")
		if d := spec.Optional("dnsConfig"); d.Given() {
			p.Ndots = ndotsPatch(d.Map("dnsConfig of a patch", "options").Required("options"))
		}
		if g := spec.Optional("terminationGracePeriodSeconds"); g.Given() {
			p.Grace = new(int32(g.Int(0, 1<<31-1)))
		}
		p.Containers = strict.Each(spec.Optional("containers"), containerPatch)
	}
}

// ndotsPatch reads the options of a resolver, of which only one counts.
func ndotsPatch(v strict.Value) (n *int8) {
	for _, item := range v.List() {
		m := item.Map("option of a patch", "name", "value")
		if name := m.Required("name"); name.Text() != "ndots" {
			name.Errorf("of a resolver's options a patch changes ndots, and no other")
		}
		n = new(manifest.Ndots(m.Required("value").Text()))
	}
	if n == nil && v.IsList() {
		v.Errorf("a patch says ndots of a resolver's options; to take it away apply a manifest")
	}
	return n
}

func containerPatch(v strict.Value) model.ContainerPatch {
	m := v.Map("container of a patch", "name", "image", "resources")
	c := model.ContainerPatch{Name: m.Required("name").DNSLabel()}
	if v := m.Optional("image"); v.Given() {
		c.Image = image(v)
	}
	if r := m.Optional("resources"); r.Given() {
		both := r.Map("resources of a patch", "requests", "limits")
		c.Requests, c.Limits = amountsPatch(both.Optional("requests")), amountsPatch(both.Optional("limits"))
	}
	return c
}

func image(v strict.Value) string {
	text := v.Text()
	switch {
	case text == "":
		v.Errorf("an image has a name")
	case strings.ContainsAny(text, " \t\n\r"):
		v.Errorf("%s has a space in it", strict.Quote(text))
	}
	return text
}

func amountsPatch(v strict.Value) (a model.AmountsPatch) {
	if !v.Given() {
		return a
	}
	m := v.Map("amounts of a patch", "cpu", "memory")
	if n := m.Optional("cpu"); n.Given() {
		a.CPUMilli = new(n.CPU())
	}
	if n := m.Optional("memory"); n.Given() {
		a.MemoryBytes = new(n.Bytes())
	}
	return a
}

// labelPatches reads labels that are set, or taken away by null.
func labelPatches(v strict.Value) (out []model.LabelPatch) {
	if !v.Given() {
		return nil
	}
	for _, e := range v.Entries() {
		c := model.LabelPatch{Key: e.Key.Text(), Gone: e.Value.IsNull()}
		if !c.Gone {
			c.Value = e.Value.Text()
		}
		out = append(out, c)
	}
	return out
}

// checkPatch finds a patch that cannot work.
func (l *loader) checkPatch(m *strict.Map, d manager, p *model.MergePatch) {
	var names []string
	for _, c := range d.template.Spec.Containers {
		names = append(names, c.Name)
	}
	list := m.Value().Peek("spec").Peek("template").Peek("spec").Peek("containers")
	for i, c := range p.Containers {
		if c.Name != "" && !slices.Contains(names, c.Name) {
			list.List()[i].Peek("name").Errorf("%s has no container %s%s; a patch adds none here: apply a manifest", d.path, strict.Quote(c.Name), l.suggest(c.Name, names))
		}
	}
	labels := m.Value().Peek("spec").Peek("template").Peek("metadata").Peek("labels")
	for _, c := range p.PodLabels {
		for i := range d.selector.Requirements {
			if r := &d.selector.Requirements[i]; r.Key == c.Key && !r.Matches(model.Labels{{Key: c.Key, Value: c.Value}}) {
				labels.Peek(c.Key).Errorf("the selector of %s asks for another value of %s, and is immutable", d.path, strict.Quote(c.Key))
			}
		}
	}
}

func empty(p *model.MergePatch) bool {
	return len(p.Labels)+len(p.PodLabels)+len(p.Containers) == 0 && p.Replicas == nil && p.Paused == nil && p.MinReady == nil && p.Annotated == 0 && p.Grace == nil && p.Ndots == nil
}

// finalizer reads the name of one, "domain/name".
func finalizer(v strict.Value) string {
	name := v.Text()
	if domain, word, found := strings.Cut(name, "/"); name != "" && (!found || domain == "" || word == "") {
		v.Errorf("%s is no finalizer of a pod: write a domain in front, such as example.com/%s", strict.Quote(name), name)
	}
	return name
}

// podPatch reads a merge patch of a pod: of its labels, its finalizers (a list adds to
// them, null takes all off) and its deletion cost, or of the resources of its containers
// and sidecars. Other annotations change nothing, and little else of a pod can
// be changed.
func podPatch(v strict.Value) *model.PodPatch {
	p := &model.PodPatch{}
	m := v.Map("patch", "metadata", "spec")
	if spec := m.Optional("spec"); spec.Given() {
		if both := m.Optional("metadata"); both.Given() {
			both.KeyErrorf("resources are changed by themselves: write two patches")
		}
		lists := spec.Map("spec of a patch of a pod", "containers", "initContainers")
		p.Containers = strict.Each(lists.Optional("containers"), containerPatch)
		for _, c := range strict.Each(lists.Optional("initContainers"), containerPatch) {
			c.Init = true
			p.Containers = append(p.Containers, c)
		}
		if len(p.Containers) == 0 && spec.IsMap() {
			spec.Errorf("it changes nothing")
		}
		for i := range p.Containers {
			if c := &p.Containers[i]; c.Image != "" || c.Requests == (model.AmountsPatch{}) && c.Limits == (model.AmountsPatch{}) {
				spec.Errorf("of a container a patch of a pod changes the resources, and nothing else")
			}
		}
		return p
	}
	meta := m.Required("metadata").Map("metadata of a patch", "labels", "annotations", "finalizers")
	p.Labels = labelPatches(meta.Optional("labels"))
	if f := meta.Optional("finalizers"); f.IsNull() {
		p.AllFinalized = true
	} else {
		p.Finalizers = strict.Each(f, finalizer)
	}
	if a := meta.Optional("annotations"); a.Given() {
		if cost := a.Map("annotations of a patch", model.AnnotationDeletionCost).Required(model.AnnotationDeletionCost); cost.IsNull() {
			p.DeletionCost = new(int32)
		} else {
			n, err := strconv.ParseInt(cost.Text(), 10, 32)
			if err != nil {
				cost.Errorf("a deletion cost is a whole number of 32 bits, as text")
			}
			p.DeletionCost = new(int32(n))
		}
	}
	if len(p.Labels) == 0 && p.DeletionCost == nil && !p.AllFinalized && len(p.Finalizers) == 0 && v.IsMap() {
		v.Errorf("it changes nothing")
	}
	return p
}
