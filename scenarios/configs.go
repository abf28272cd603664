package scenarios

import (
	"slices"

	"orrery/model"
	"orrery/scenarios/strict"
)

// configMaps finds out of which ConfigMaps, Secrets and ServiceAccounts the scenario says
// whether they are there: those that manifests have, now or later, and those that it says are
// missing.
func (l *loader) configMaps(missing strict.Value) {
	told, needed := map[reference]bool{}, map[reference]bool{}
	for _, o := range l.known.configs {
		told[reference{o.Kind, o.Namespace, o.Name}] = true
	}
	for _, path := range l.known.paths[model.KindServiceAccount] {
		if r, ok := parseRef(path); ok {
			told[r] = true
		}
	}
	for _, g := range l.known.pods {
		needed[reference{model.KindServiceAccount, g.namespace, g.spec.Account}] = true
		g.spec.EachConfig(func(u *model.ConfigUse) { needed[reference{u.Kind, g.namespace, u.Name}] = true })
	}
	for _, v := range missing.List() {
		text := v.Text()
		r, ok := parseRef(text)
		switch {
		case text == "":
		case !ok || r.kind != model.KindConfigMap && r.kind != model.KindSecret && r.kind != model.KindServiceAccount:
			v.Errorf("%s is not configmap/NAME, secret/NAME or serviceaccount/NAME", strict.Quote(text))
		case r.kind == model.KindServiceAccount && r.name == model.DefaultAccount:
			v.Errorf("%s is in every namespace: the control plane makes it again", strict.Quote(text))
		case slices.ContainsFunc(l.scenario.Config.Objects, func(o model.Object) bool { return o.Head().Path() == r.path() }):
			v.Errorf("%s is among the manifests, so it is there", strict.Quote(text))
		case !needed[r] && !l.incomplete():
			v.Errorf("no pod needs %s, so nothing would show that it is missing", strict.Quote(text))
		default:
			told[r] = true
		}
	}
	l.decoder.Assume(func(kind model.Kind, namespace, name string) bool { return told[reference{kind, namespace, name}] })
}
