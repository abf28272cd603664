package apiserver

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/etcd"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// configured is a server, and the store its schemas and levels are in.
type configured struct {
	*Server
	kernel *sim.Kernel
	store  *store.Store
}

func newConfigured() *configured {
	k := sim.New(sim.Config{Seed: 1})
	net := network.New(k, network.DefaultProfile())
	s := store.New(k, net)
	site := net.AddSite("cp-0", "")
	b := NewBackend(k, s, net, etcd.Config{Sites: []network.Site{site}})
	return &configured{New(k, s, b, net, site, 4), k, s}
}

// apply stores objects and lets the server know.
func (c *configured) apply(t *testing.T, objects ...model.Object) {
	t.Helper()
	for _, o := range objects {
		if cur := c.store.Lookup(o.Head().Kind, "", o.Head().Name); cur != nil {
			next := o.Copy()
			*next.Head() = *cur.Head()
			c.store.Update(0, next)
			continue
		}
		c.store.Create(0, o)
	}
	c.pass(t, time.Millisecond)
}

func (c *configured) remove(t *testing.T, o model.Object) {
	t.Helper()
	c.store.Delete(0, c.store.Lookup(o.Head().Kind, "", o.Head().Name).Head().Ref())
	c.pass(t, time.Millisecond)
}

func (c *configured) pass(t *testing.T, d time.Duration) {
	t.Helper()
	if err := c.kernel.Run(c.kernel.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
}

// nominal is the seats of a level by its shares, and its limit now.
func (c *configured) nominal(level string) (nominal, limit int64) {
	i := c.fair.numberOf(level)
	return c.fair.nominal[i], c.fair.levels[i].limit
}

func testLevel(name string, shares int32) *model.PriorityLevel {
	l := levelOf(name, shares, 0, 8, 2, 5)
	return &l
}

// testSchema sends what somebody asks about pods to a level.
func testSchema(name, level string, precedence int32, subjects []model.Subject) *model.FlowSchema {
	s := schemaOf(name, level, precedence, "ByUser", subjects,
		model.FlowResources{Verbs: []string{"list", "create"}, APIGroups: []string{""}, Resources: []string{"pods", "pods/binding"}, Namespaces: []string{"shop"}, Cluster: true})
	return &s
}

// Source: k8s.io/api/flowcontrol/v1/types.go: "matchingPrecedence is used to choose
// among the FlowSchemas that match a given request. The chosen FlowSchema is among
// those with the numerically lowest"; apihelpers FlowSchemaSequence: then by name;
// apf_controller.go digestFlowSchemasLocked passes over those without a level.
func TestOfFlowSchemasTheLeastPrecedenceCountsAndThenTheName(t *testing.T) {
	c := newConfigured()
	agent := &store.Identity{User: model.AccountUser("shop", "agent")}
	level := func() string {
		return c.fair.levels[c.fair.classify(question{as: agent, right: store.RightList, kind: model.KindPod}).level].name
	}
	account := []model.Subject{{Kind: "ServiceAccount", Namespace: "shop", Name: "agent"}}
	c.apply(t, testLevel("one", 10), testLevel("two", 10), testSchema("b", "one", 500, account), testSchema("late", "two", 9500, account))
	if got := level(); got != "one" {
		t.Errorf("with 500 against service-accounts, 9000: %s", got)
	}
	c.apply(t, testSchema("a", "two", 500, account))
	if got := level(); got != "two" {
		t.Errorf("of two with 500 the first by name: %s", got)
	}
	c.apply(t, testSchema("a", "nowhere", 500, account))
	if got := level(); got != "one" {
		t.Errorf("a schema without a level is not passed over: %s", got)
	}
	c.remove(t, testSchema("b", "", 0, nil))
	if got := level(); got != "workload-low" {
		t.Errorf("without the schema: %s", got)
	}
	c.apply(t, testSchema("b", exempt, 2, account))
	if got := level(); got != exempt {
		t.Errorf("a schema of the level exempt: %s", got)
	}
}

// Source: k8s.io/apiserver/pkg/util/flowcontrol/rule.go matchesFlowSchema.
func TestAFlowSchemaMatchesBySubjectVerbResourceAndNamespace(t *testing.T) {
	list := question{right: store.RightList, kind: model.KindPod}
	of := func(q question, change func(*question)) question { change(&q); return q }
	agent, group := &store.Identity{User: model.AccountUser("shop", "agent")}, &store.Identity{User: "u", Groups: []string{"g"}}
	subjects := map[string]model.Subject{
		"account": {Kind: "ServiceAccount", Namespace: "shop", Name: "agent"}, "accounts": {Kind: "ServiceAccount", Namespace: "shop", Name: "*"},
		"others": {Kind: "ServiceAccount", Namespace: "sho", Name: "*"}, "all accounts": {Kind: "Group", Name: model.GroupAccounts},
		"accounts of shop": {Kind: "Group", Name: model.GroupAccounts + ":shop"}, "user": {Kind: "User", Name: "u"},
		"users": {Kind: "User", Name: "*"}, "group": {Kind: "Group", Name: "g"}, "groups": {Kind: "Group", Name: "*"},
		"authenticated": {Kind: "Group", Name: model.GroupAuthenticated},
	}
	for _, tc := range []struct {
		name        string
		agent, user bool
	}{
		{"account", true, false}, {"accounts", true, false}, {"others", false, false}, {"all accounts", true, false}, {"accounts of shop", true, false},
		{"user", false, true}, {"users", true, true}, {"group", false, true}, {"groups", true, true}, {"authenticated", true, true},
	} {
		s := testSchema("s", "l", 500, []model.Subject{subjects[tc.name]})
		for as, want := range map[*store.Identity]bool{agent: tc.agent, group: tc.user} {
			if got := flowMatches(s, &question{as: as, right: list.right, kind: list.kind}); got != want {
				t.Errorf("subject %s, %s: %v", tc.name, as.User, got)
			}
		}
	}
	s := testSchema("s", "l", 500, []model.Subject{{Kind: "User", Name: "*"}})
	list.as = agent
	for _, tc := range []struct {
		what string
		q    question
		want bool
	}{
		{"all pods", list, true},
		{"pods of shop", of(list, func(q *question) { q.namespace = "shop" }), true},
		{"pods of another namespace", of(list, func(q *question) { q.namespace = "bank" }), false},
		{"watch", of(list, func(q *question) { q.right = store.RightWatch }), false},
		{"services", of(list, func(q *question) { q.kind = model.KindService }), false},
		{"jobs, of another group", of(list, func(q *question) { q.kind = model.KindJob }), false},
		{"a binding", of(list, func(q *question) { q.right, q.part, q.namespace = store.RightCreate, store.Binding, "shop" }), true},
		{"an eviction", of(list, func(q *question) { q.right, q.part, q.namespace = store.RightCreate, store.Eviction, "shop" }), false},
		{"an Event", of(list, func(q *question) { q.right, q.kind, q.namespace = store.RightCreate, model.KindNone, "shop" }), false},
	} {
		if got := flowMatches(s, &tc.q); got != tc.want {
			t.Errorf("%s: %v", tc.what, got)
		}
	}
	s.Rules[0].Resources[0].Cluster = false
	if flowMatches(s, &list) {
		t.Error("a rule that is not about the cluster matches a list of all namespaces")
	}
}

// Source: apf_controller.go finishQueueSetReconfigsLocked: every level has 600
// seats by its part of all shares, rounded up, may have as many more as it may
// borrow, and processOldPLsLocked: one that is no more has them while it is used.
func TestALevelTakesItsShareFromAllOthersUntilItIsGoneAndEmpty(t *testing.T) {
	c := newConfigured()
	l := testLevel("batch", 55)
	l.Borrows = 0
	c.apply(t, l, testSchema("s", "batch", 500, user("u")))
	if n, limit := c.nominal("batch"); n != 110 || limit != 110 {
		t.Errorf("55 of 300 shares are %d seats, %d now; want 110, and no more as it may not borrow", n, limit)
	}
	if n, _ := c.nominal("workload-low"); n != 200 {
		t.Errorf("100 of 300 shares are %d seats, want 200", n)
	}
	at := c.fair.classify(question{as: &store.Identity{User: "u"}, right: store.RightList, kind: model.KindPod})
	results := map[verdict]int{}
	for slot := range uint64(200) {
		results[c.fair.arrive(c.kernel.Now(), slot, at, 1)]++
	}
	if results[goOn] != 110 || results[wait] != 10 || results[reject] != 80 {
		t.Errorf("of 200 at once %d go on, %d wait, %d are rejected; want 110, a hand of 2 queues of 5, and the rest", results[goOn], results[wait], results[reject])
	}
	c.pass(t, 30*time.Second)
	c.fair.adjust(c.kernel.Now())
	if _, limit := c.nominal("batch"); limit != 110 {
		t.Errorf("it borrowed: %d", limit)
	}
	c.remove(t, l)
	if n, _ := c.nominal("batch"); n != 110 {
		t.Errorf("with requests in it the level that is gone has %d seats", n)
	}
	for slot := range uint64(200) {
		c.fair.depart(c.kernel.Now(), slot)
		for {
			if _, ok := c.fair.dispatch(c.kernel.Now(), at.level); !ok {
				break
			}
		}
	}
	for slot := range uint64(200) {
		c.fair.depart(c.kernel.Now(), slot)
	}
	if n, _ := c.nominal("workload-low"); n != 245 {
		t.Errorf("when it is empty workload-low has %d seats, want 245", n)
	}
	c.apply(t, l)
	if n, _ := c.nominal("batch"); n != 110 {
		t.Errorf("when it is there again it has %d seats", n)
	}
}

// Source: k8s.io/api/flowcontrol/v1/types.go LimitResponse: "Reject means that
// requests that can not be executed upon arrival are rejected".
func TestALevelMayBeginToReject(t *testing.T) {
	c := newConfigured()
	queues, rejects := testLevel("batch", 1), testLevel("batch", 1)
	rejects.Queues, rejects.HandSize, rejects.QueueLength = 0, 0, 0
	c.apply(t, queues, testSchema("s", "batch", 500, user("u")))
	at := c.fair.classify(question{as: &store.Identity{User: "u"}, right: store.RightList, kind: model.KindPod})
	_, limit := c.nominal("batch")
	for slot := range uint64(limit) {
		c.fair.arrive(c.kernel.Now(), slot, at, 1)
	}
	if got := c.fair.arrive(c.kernel.Now(), 100, at, 1); got != wait {
		t.Fatalf("with queues: %v", got)
	}
	c.apply(t, rejects)
	if got := c.fair.arrive(c.kernel.Now(), 101, at, 1); got != reject {
		t.Errorf("without queues: %v", got)
	}
	c.fair.depart(c.kernel.Now(), 0)
	if slot, ok := c.fair.dispatch(c.kernel.Now(), at.level); !ok || slot != 100 {
		t.Error("who waited before is not served")
	}
	c.fair.depart(c.kernel.Now(), 1)
	if got := c.fair.arrive(c.kernel.Now(), 102, at, 1); got != goOn {
		t.Errorf("with a free seat: %v", got)
	}
	c.apply(t, queues)
	c.fair.depart(c.kernel.Now(), 102)
	for slot := range uint64(101) {
		c.fair.depart(c.kernel.Now(), slot)
	}
	if l := &c.fair.levels[at.level]; l.inUse != 0 || l.executing != 0 || l.active != 0 || l.waiting != 0 {
		t.Errorf("when all are done %d seats are in use, %d queues are active, %d wait", l.inUse, l.active, l.waiting)
	}
}

// A suggested level that is an object counts as that says, and as suggested when
// the object is gone (pkg/registry/flowcontrol/ensurer).
func TestASuggestedLevelMayBeChangedAndComesBack(t *testing.T) {
	c := newConfigured()
	own := levelOf("workload-low", 10, 0, 4, 1, 1)
	c.apply(t, &own)
	if n, _ := c.nominal("workload-low"); n != 39 {
		t.Errorf("10 of 155 shares are %d seats", n)
	}
	c.remove(t, &own)
	if n, _ := c.nominal("workload-low"); n != 245 {
		t.Errorf("as suggested: %d seats", n)
	}
}

// A flood moves to the level it belongs to when a schema comes and goes.
func TestAFloodMovesToTheLevelOfANewSchema(t *testing.T) {
	c := newConfigured()
	agent := store.User(model.AccountUser("shop", "agent"))
	end := c.etcd.Flood(store.Flood{
		As: agent, Right: store.RightList, Kind: model.KindPod, Clients: 2000, Every: time.Second, Objects: 1000, ObjectBytes: 2048,
	})
	c.pass(t, 5*time.Second)
	account := []model.Subject{{Kind: "ServiceAccount", Namespace: "shop", Name: "agent"}}
	s := testSchema("s", "batch", 500, account)
	for i, want := range []string{"workload-low", "batch", "workload-low"} {
		c.pass(t, 5*time.Second)
		for level := range c.fair.levels {
			if l := &c.fair.levels[level]; (l.floodOffered > 0) != (l.name == want) {
				t.Errorf("step %d: %s has %d of the flood, which is to be in %s", i, l.name, l.floodOffered, want)
			}
		}
		if i == 0 {
			c.apply(t, testLevel("batch", 5), s)
		} else if i == 1 {
			c.remove(t, s)
		}
	}
	end()
}
