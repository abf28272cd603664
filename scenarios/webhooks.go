package scenarios

import (
	"slices"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/scenarios/strict"
)

// webhooks reads what the programs behind admission webhooks do.
func (l *loader) webhooks(list strict.Value) {
	items := list.List()
	if len(items) > maxRules {
		list.Errorf("%d webhooks are more than %d", len(items), maxRules)
		return
	}
	seen := map[string]bool{}
	for _, v := range items {
		w := l.webhook(v)
		if seen[w.Name] {
			v.Errorf("%s is described twice", strict.Quote(w.Name))
		}
		seen[w.Name] = w.Name != ""
		l.scenario.Config.Webhooks = append(l.scenario.Config.Webhooks, w)
	}
}

func (l *loader) webhook(v strict.Value) apiserver.WebhookBehavior {
	m := v.Map("a webhook", webhookOptions.names()...)
	w := apiserver.WebhookBehavior{Name: l.webhookName(m.Required("name"))}
	if latency := m.Optional("latency"); latency.Given() {
		w.Latency = syncTime(latency)
	}
	if deny := m.Optional("deny"); deny.Given() {
		d := deny.Map("what it denies", "match", "message")
		w.Deny = &apiserver.Denial{
			Match:   model.SelectorOf(model.MakeLabels(d.Optional("match").LabelMap())),
			Message: d.Required("message").Text(),
		}
	}
	if mutate := m.Optional("mutate"); mutate.Given() {
		w.Mutate = mutation(mutate)
	}
	return w
}

func mutation(v strict.Value) apiserver.Mutation {
	m := v.Map("what it changes", mutateOptions.names()...)
	x := apiserver.Mutation{Labels: model.MakeLabels(m.Optional("labels").LabelMap())}
	x.Tolerations = strict.Each(m.Optional("tolerations"), toleration)
	if requests := m.Optional("requests"); requests.Given() {
		r := requests.Map("requests", "cpu", "memory")
		if cpu := r.Optional("cpu"); cpu.Given() {
			x.Requests.CPUMilli = positive(cpu, strict.Value.CPU)
		}
		if memory := r.Optional("memory"); memory.Given() {
			x.Requests.MemoryBytes = positive(memory, strict.Value.Bytes)
		}
	}
	if !m.Optional("labels").Given() && !m.Optional("tolerations").Given() && !m.Optional("requests").Given() {
		v.Errorf("it changes nothing: write labels, tolerations or requests")
	}
	return x
}

// toleration reads one written like the taint it is about: "dedicated=gpu:NoSchedule",
// or "dedicated:NoSchedule" for any value.
func toleration(v strict.Value) model.Toleration {
	t := taint(v)
	return model.Toleration{Key: t.Key, Value: t.Value, Exists: t.Value == "", Effect: t.Effect}
}

// webhookName reads the name of a webhook that some configuration has.
func (l *loader) webhookName(v strict.Value) string {
	name := v.Text()
	if name != "" && !l.incomplete() && !slices.Contains(l.known.webhooks, name) {
		v.Errorf("no webhook is named %s%s", strict.Quote(name), l.suggest(name, l.known.webhooks))
	}
	return name
}

// webhookNames reads one name or a list of names.
func (l *loader) webhookNames(v strict.Value) []string {
	if !v.IsList() {
		return []string{l.webhookName(v)}
	}
	return strict.Each(v, l.webhookName)
}
