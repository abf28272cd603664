package scenarios

import (
	"orrery/model"
	"orrery/model/store"
	"orrery/model/workload"
	"orrery/scenarios/strict"
)

const (
	maxPrograms  = 20
	maxLists     = 1000
	maxListBytes = 1 << 20 // of an object; etcd takes no larger ones

	// usualListBytes is what an object takes that nothing is said about, the same as
	// in etcd.
	usualListBytes = 2 << 10
)

// agents reads the programs on every node that list what the API server has.
func (l *loader) agents(list strict.Value) {
	items := list.List()
	if len(items) > maxPrograms {
		list.Errorf("%d agents are more than %d", len(items), maxPrograms)
		return
	}
	names := map[string]bool{}
	for _, v := range items {
		a := agent(v)
		if names[a.Name] {
			v.Errorf("two agents are called %s", strict.Quote(a.Name))
		}
		names[a.Name] = true
		l.scenario.Config.Agents = append(l.scenario.Config.Agents, a)
	}
}

func agent(v strict.Value) workload.Agents {
	m := v.Map("an agent", agentOptions.names()...)
	a := workload.Agents{
		Name:   m.Required("name").DNSLabel(),
		As:     m.Optional("as").Text(),
		Lists:  agentOptions.read(m, "lists").Int(1, maxLists),
		Jitter: m.Optional("jitter").DurationIn(1, maxDuration),
	}
	a.List = store.List{Kind: listedKind(m.Required("kind")), ObjectBytes: usualListBytes}
	if n := m.Optional("objects"); n.Given() {
		a.List.Objects = n.Int(1, maxListed)
	}
	if n := m.Optional("objectBytes"); n.Given() {
		a.List.ObjectBytes = n.Int(1, maxListBytes)
	}
	a.List.Latest = latest(agentOptions.read(m, "resourceVersion"))
	return a
}

// latest reads the resourceVersion that a list asks for, and tells whether it wants what is
// true now.
func latest(v strict.Value) bool {
	text := v.Prose()
	if text != "" && text != "0" {
		v.Errorf("%s: write \"\" for what is true now, or \"0\" for what the API server has at hand", strict.Quote(text))
	}
	return text == ""
}

// maxListed is how many objects a list may be said to have.
const maxListed = 1_000_000

// listedKind reads the name of a kind.
func listedKind(v strict.Value) model.Kind {
	var names []string
	for k := model.KindNode; k < model.Kinds; k++ {
		names = append(names, k.Short())
	}
	name := v.Enum("kind", names...)
	for k := model.KindNode; k < model.Kinds; k++ {
		if k.Short() == name {
			return k
		}
	}
	return model.KindNone
}
