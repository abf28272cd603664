package apiserver

import (
	"cmp"
	"slices"
	"strings"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// The level and the schema that are there whatever happens, for those who may do
// anything and for those whom no other schema matches.
const (
	exempt   = "exempt"
	catchAll = "catch-all"
)

// flowControl is which schemas and levels count: those that are objects, and of
// the names that are none those that every cluster has. All servers know them
// at once; a real one reads them from a watch, some milliseconds later.
type flowControl struct {
	store   *store.Store
	version int                 // counts changes, from 1
	schemas []*model.FlowSchema // in the order in which they are tried
	levels  []priority
}

func newFlowControl(s *store.Store) *flowControl {
	c := &flowControl{store: s}
	c.digest()
	return c
}

// isFlowControl tells whether a kind is one of the two.
func isFlowControl(k model.Kind) bool {
	return k == model.KindFlowSchema || k == model.KindPriorityLevelConfiguration
}

// digest puts together what counts. A schema of a level that does not exist is
// passed over (apf_controller.go digestFlowSchemasLocked).
func (c *flowControl) digest() {
	c.version++
	c.levels, c.schemas = nil, nil
	snapshot := c.store.Snapshot()
	level := func(l *model.PriorityLevel) { c.levels = append(c.levels, priorityOf(l)) }
	for i := range defaultLevels {
		l := &defaultLevels[i]
		if own, ok := c.store.Lookup(l.Kind, "", l.Name).(*model.PriorityLevel); ok {
			l = own
		}
		level(l)
	}
	snapshot.Each(model.KindPriorityLevelConfiguration, func(o model.Object) bool {
		if l := o.(*model.PriorityLevel); DefaultLevel(l.Name) == nil {
			level(l)
		}
		return true
	})
	schema := func(s *model.FlowSchema) {
		if slices.ContainsFunc(c.levels, func(p priority) bool { return p.name == s.Level }) {
			c.schemas = append(c.schemas, s)
		}
	}
	for i := range defaultSchemas {
		if s := &defaultSchemas[i]; c.store.Lookup(s.Kind, "", s.Name) == nil {
			schema(s)
		}
	}
	snapshot.Each(model.KindFlowSchema, func(o model.Object) bool {
		schema(o.(*model.FlowSchema))
		return true
	})
	slices.SortFunc(c.schemas, func(a, b *model.FlowSchema) int {
		return cmp.Or(cmp.Compare(a.Precedence, b.Precedence), strings.Compare(a.Name, b.Name))
	})
}

// Recorded implements store.Observer: a schema or level that comes, changes or
// goes counts from now on.
func (b *Backend) Recorded(r *store.Record) {
	if o := r.Object(); o == nil || !isFlowControl(o.Head().Kind) {
		return
	}
	b.flows.digest()
	for _, a := range b.servers {
		a.kernel.Post(a.kernel.Now(), a.self, whyConfigured, a.about(0))
	}
}

// configured has a server work with the schemas and levels that count now. What
// waits or executes stays where it is, even in a level that is no more; floods
// are where they belong at once.
func (a *Server) configured(now sim.Time) {
	a.fair.adopt(now, a.etcd.flows)
	for _, s := range a.floods {
		a.place(s)
	}
	a.seat()
	a.tellLoad(now)
	for i := range a.fair.levels {
		a.dispatch(now, i)
	}
}

// adopt takes over the schemas and levels that count
// (apf_controller.go lockAndDigestConfigObjects). A level that is no more keeps
// its share of the seats until nobody is in it.
func (f *fairness) adopt(now sim.Time, c *flowControl) {
	if f.off || f.version == c.version {
		return
	}
	f.adjust(now)
	f.version, f.schemas = c.version, c.schemas
	f.known = f.known[:0]
	for i := range f.levels {
		f.levels[i].retired = true
	}
	for _, p := range c.levels {
		if i := f.numberOf(p.name); i >= 0 {
			f.levels[i].become(p)
		} else {
			f.add(p)
		}
	}
	f.share()
	f.limit()
}

// become changes how a level's requests wait. Queues that are too many are dealt
// to nobody and served until they are empty.
func (s *queueSet) become(p priority) {
	s.priority, s.retired = p, false
	for len(s.queues) < p.queues {
		s.queues = append(s.queues, queue{})
	}
}

// DefaultLevel is the PriorityLevelConfiguration of that name that every cluster
// has, nil if there is none.
func DefaultLevel(name string) *model.PriorityLevel {
	for i := range defaultLevels {
		if defaultLevels[i].Name == name {
			return &defaultLevels[i]
		}
	}
	return nil
}

// DefaultSchema is the FlowSchema of that name that every cluster has, nil if
// there is none. Its rules are about resources only.
func DefaultSchema(name string) *model.FlowSchema {
	for i := range defaultSchemas {
		if defaultSchemas[i].Name == name {
			return &defaultSchemas[i]
		}
	}
	return nil
}

// Mandatory tells whether the level and the schema of a name are what API servers
// cannot be without, which nobody may change
// (pkg/apis/flowcontrol/validation/validation.go).
func Mandatory(name string) bool { return name == exempt || name == catchAll }

func levelOf(name string, shares, lends, queues, hand, length int32) model.PriorityLevel {
	return model.PriorityLevel{
		Meta:   model.Meta{Kind: model.KindPriorityLevelConfiguration, Name: name},
		Exempt: name == exempt, Shares: shares, Lends: lends, Borrows: -1, Queues: queues, HandSize: hand, QueueLength: length,
	}
}

func schemaOf(name, level string, precedence int32, distinguisher string, subjects []model.Subject, of ...model.FlowResources) model.FlowSchema {
	if of == nil {
		of = []model.FlowResources{{Verbs: anyOf, APIGroups: anyOf, Resources: anyOf, Namespaces: anyOf, Cluster: true}}
	}
	return model.FlowSchema{
		Meta:  model.Meta{Kind: model.KindFlowSchema, Name: name},
		Level: level, Precedence: precedence, Distinguisher: distinguisher, Rules: []model.FlowRule{{Subjects: subjects, Resources: of}},
	}
}

var anyOf = []string{"*"}

// everybody is who has a credential and who has none.
var everybody = append(group("system:unauthenticated"), group(model.GroupAuthenticated)...)

// systemAccounts is all service accounts of kube-system.
var systemAccounts = []model.Subject{{Kind: "ServiceAccount", Namespace: model.NamespaceSystem, Name: "*"}}

// defaultLevels is the levels of every cluster: the mandatory ones, exempt and
// catch-all, and those suggested (k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap/default.go).
// They are no objects here: a real API server makes them when it starts, and
// again if somebody deletes them.
var defaultLevels = []model.PriorityLevel{
	levelOf(exempt, 0, 0, 0, 0, 0),
	levelOf("system", 30, 33, 64, 6, 50),
	levelOf("node-high", 40, 25, 64, 6, 50),
	levelOf("leader-election", 10, 0, 16, 4, 50),
	levelOf("workload-high", 40, 50, 128, 6, 50),
	levelOf("workload-low", 100, 90, 128, 6, 50),
	levelOf("global-default", 20, 50, 128, 6, 50),
	levelOf(catchAll, 5, 0, 0, 0, 0),
}

// defaultSchemas is the FlowSchemas of every cluster (the same file). The schema
// "probes" is left out: nobody asks for health here.
var defaultSchemas = []model.FlowSchema{
	schemaOf(exempt, exempt, 1, "", group(model.GroupMasters)),
	schemaOf("system-leader-election", "leader-election", 100, "ByUser",
		slices.Concat(user(model.UserControllerManager), user(model.UserScheduler), systemAccounts),
		model.FlowResources{Verbs: strings.Fields("get create update"), APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Namespaces: anyOf}),
	schemaOf("system-node-high", "node-high", 400, "ByUser", group(model.GroupNodes),
		model.FlowResources{Verbs: anyOf, APIGroups: []string{""}, Resources: strings.Fields("nodes nodes/status"), Namespaces: anyOf, Cluster: true},
		model.FlowResources{Verbs: anyOf, APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Namespaces: anyOf}),
	schemaOf("system-nodes", "system", 500, "ByUser", group(model.GroupNodes)),
	schemaOf("kube-controller-manager", "workload-high", 800, "ByNamespace", user(model.UserControllerManager)),
	schemaOf("kube-scheduler", "workload-high", 800, "ByNamespace", user(model.UserScheduler)),
	schemaOf("kube-system-service-accounts", "workload-high", 900, "ByNamespace", systemAccounts),
	schemaOf("service-accounts", "workload-low", 9000, "ByUser", group(model.GroupAccounts)),
	schemaOf("global-default", "global-default", 9900, "ByUser", everybody),
	schemaOf(catchAll, catchAll, 10000, "ByUser", everybody),
}
