package scenarios

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/model/fault"
	"orrery/model/store"
	"orrery/scenarios/strict"
)

// flooding is the fields that say who floods API servers, and with what.
var flooding = []string{"as", "groups", "verb", "kind", "clients", "every", "over", "objects", "objectBytes", "resourceVersion"}

const (
	maxClients     = 1_000_000
	maxObjects     = 10_000_000
	maxObjectBytes = 1 << 20

	// usualObjectBytes is what an object takes that nothing is said about, the same
	// as in etcd.
	usualObjectBytes = 2 << 10
)

var floodVerbs = []string{"list", "watch", "get", "create", "update"}

// flood reads what many clients ask for.
func (l *loader) flood(m *strict.Map, f *fault.Spec) {
	q := &f.Flood
	q.As = store.User(m.Required("as").Text())
	q.As.Groups = strict.Each(m.Optional("groups"), strict.Value.Text)
	verb := timelineOptions.read(m, "verb").Enum("verb", floodVerbs...)
	for right := store.RightGet; right < store.Rights; right++ {
		if right.String() == verb {
			q.Right = right
		}
	}
	q.Kind = floodKind(m.Required("kind"))
	clients := timelineOptions.read(m, "clients")
	n := clients.Amount()
	q.Clients, f.FloodPPM = n.Count, n.PPM
	switch {
	case clients.IsScalar() && n == (strict.Amount{}) && isZero(clients):
		clients.Errorf("nobody asks: write a number from 1 on, or a share")
	case n.Count > maxClients:
		clients.Errorf("%d clients are more than %d", n.Count, maxClients)
	}
	q.Every = m.Required("every").DurationIn(minFloodEvery, maxDuration)
	q.Over = m.Optional("over").DurationIn(1, maxDuration)
	lists := verb == "list" || verb == "watch"
	for _, name := range []string{"objects", "objectBytes", "resourceVersion"} {
		if v := m.Optional(name); v.Given() && !lists {
			v.KeyErrorf("only lists and watches bring many objects, not the verb %s", verb)
			return
		}
	}
	if v := m.Optional("objects"); v.Given() {
		q.Objects = v.Int(1, maxObjects)
	}
	if q.ObjectBytes = usualObjectBytes; m.Optional("objectBytes").Given() {
		q.ObjectBytes = m.Optional("objectBytes").Int(1, maxObjectBytes)
	}
	q.Latest = latest(m.Optional("resourceVersion")) && verb == "list"
}

// minFloodEvery is how soon a client may ask again.
const minFloodEvery = time.Millisecond

func floodKind(v strict.Value) model.Kind {
	var names []string
	for k := model.KindNone + 1; k < model.Kinds; k++ {
		names = append(names, k.Short())
	}
	slices.Sort(names)
	name := v.Enum("kind", names...)
	for k := model.KindNone + 1; k < model.Kinds; k++ {
		if k.Short() == name {
			return k
		}
	}
	return model.KindNone
}
