package scenarios

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/fault"
	"orrery/scenarios/strict"
)

// pushing is the fields that say what is rolled out, to whom, and how fast.
var pushing = []string{"target", "match", "namespace", "image", "container", "patch", "rate", "rollback"}

// push reads a change that is rolled out to workloads: those of a list, or all in
// some namespaces whose labels match.
func (l *loader) push(m *strict.Map, f *fault.Spec) {
	p := &f.Push
	for _, v := range oneOrMore(m.Optional("target")) {
		if r := l.reference(v, model.KindDeployment, model.KindStatefulSet, model.KindDaemonSet); r.name != "" {
			p.Names = append(p.Names, r.path())
		}
	}
	for _, v := range oneOrMore(m.Optional("namespace")) {
		name := v.DNSLabel()
		if name != "" && !l.incomplete() && !slices.Contains(l.known.namespaces, name) {
			v.Errorf("nothing is in namespace %s%s", strict.Quote(name), l.suggest(name, l.known.namespaces))
		}
		p.Namespaces = append(p.Namespaces, name)
	}
	if labels := m.Optional("match").LabelMap(); len(labels) > 0 {
		p.Match = model.SelectorOf(model.MakeLabels(labels))
	}
	if given := m.Optional("target").Given() || m.Optional("namespace").Given() || m.Optional("match").Given(); m.Given() && !given {
		m.Value().Errorf("which workloads? write target, match or namespace")
	}
	l.pushed(m, p)
	p.Per, p.Count, p.PPM = pushRate(m.Required("rate"))
	v := m.Optional("rollback")
	if p.Rollback = v.Bool(); p.Rollback && f.For == 0 {
		v.KeyErrorf("a push that does not end is not given back: say for how long, with for")
	}
}

// pushed reads what changes: an image, or a patch.
func (l *loader) pushed(m *strict.Map, p *fault.Push) {
	p.Patch = &model.MergePatch{}
	switch name, v := m.OneOf("image", "patch"); name {
	case "image":
		p.Patch.Containers = []model.ContainerPatch{{Name: m.Optional("container").DNSLabel(), Image: image(v)}}
	case "patch":
		if c := m.Optional("container"); c.Given() {
			c.KeyErrorf("a patch names its containers itself")
		}
		of := reference{}
		if only := oneOrMore(m.Optional("target")); len(only) == 1 {
			of, _ = parseRef(only[0].Text())
		}
		p.Patch = l.patch(v, of)
	}
	if errs := l.meant(p); errs != "" {
		m.Value().Errorf("%s", errs)
	}
}

// meant is what is wrong with a push to those workloads that are known, "" if
// nothing is.
func (l *loader) meant(p *fault.Push) string {
	var all []manager
	for path, d := range l.known.managers { //tidy:sorted below
		m := d.of.Head()
		named := len(p.Names) == 0 || slices.Contains(p.Names, path)
		there := len(p.Namespaces) == 0 || slices.Contains(p.Namespaces, m.Namespace)
		matches := p.Match == nil || p.Match.Matches(m.Labels)
		if named && there && matches && model.TemplateOf(d.of) != nil {
			all = append(all, d)
		}
	}
	if len(all) == 0 && len(p.Names) == 0 && !l.incomplete() {
		return "no workload has these labels, or is there"
	}
	slices.SortFunc(all, func(a, b manager) int { return cmp.Compare(a.path, b.path) })
	for _, d := range all {
		if err := p.Patch.Wrong(d.of); err != nil {
			return d.path + ": " + err.Error()
		}
		l.known.patched(d, p.Patch)
	}
	return ""
}

// oneOrMore is the values of a list, or of what may stand for a list of one.
func oneOrMore(v strict.Value) []strict.Value {
	switch {
	case !v.Given():
		return nil
	case v.IsList():
		return v.List()
	}
	return []strict.Value{v}
}

// pushRate reads how many workloads, or which share of them, are changed in a second,
// minute or hour: "12/m" or "5%/s".
func pushRate(v strict.Value) (per time.Duration, count, ppm int64) {
	text := v.Text()
	amount, unit, _ := strings.Cut(text, "/")
	per = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	var err error
	if share, ok := strings.CutSuffix(amount, "%"); ok {
		ppm, err = strict.ParsePercent(share + "%")
	} else {
		count, err = strconv.ParseInt(amount, 10, 32)
	}
	if text != "" && (per == 0 || err != nil || count <= 0 && ppm <= 0) {
		v.Errorf("%s is no rate: write how many, or which share, in a second, minute or hour, such as 12/m or 5%%/s", strict.Quote(text))
		return time.Second, 1, 0
	}
	return per, count, ppm
}
