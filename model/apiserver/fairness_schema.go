package apiserver

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"orrery/model"
	"orrery/model/store"
)

// priority is a PriorityLevelConfiguration: how many seats its requests share,
// and how they wait for them.
type priority struct {
	name      string
	shares    int64 // of all seats
	lendable  int64 // of its seats, per cent, that others may have while they are not wanted
	queues    int   // 0: what finds no seat is rejected
	hand      int   // queues that one flow may be put in
	length    int   // requests that may wait in one queue
	unbounded bool  // exempt: never waits, is never rejected
}

// flowSchema says which requests go to which priority level. Those of one flow,
// which is one value of the distinguisher, wait together.
type flowSchema struct {
	name        string
	level       string
	byUser      bool
	byNamespace bool
	users       []string // any of them; "prefix*" is all that begin so
	groups      []string // or any of these
	leases      bool     // only leader election: gets, creates and updates of leases
	nodes       bool     // only a kubelet's own node and its lease
}

// priorities is the levels of every cluster: the mandatory ones, exempt and
// catch-all, and those suggested (k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap/default.go).
var priorities = []priority{
	{name: "exempt", unbounded: true},
	{name: "system", shares: 30, lendable: 33, queues: 64, hand: 6, length: 50},
	{name: "node-high", shares: 40, lendable: 25, queues: 64, hand: 6, length: 50},
	{name: "leader-election", shares: 10, queues: 16, hand: 4, length: 50},
	{name: "workload-high", shares: 40, lendable: 50, queues: 128, hand: 6, length: 50},
	{name: "workload-low", shares: 100, lendable: 90, queues: 128, hand: 6, length: 50},
	{name: "global-default", shares: 20, lendable: 50, queues: 128, hand: 6, length: 50},
	{name: "catch-all", shares: 5},
}

// schemas is the FlowSchemas of every cluster, in order of precedence (the same
// file). The schema "probes" is left out: nobody asks for health here.
// kube-system's accounts take part in leader election by name, which is a prefix
// of their user's name.
var schemas = []flowSchema{
	{name: "exempt", level: "exempt", groups: []string{model.GroupMasters}},
	{name: "system-leader-election", level: "leader-election", byUser: true, leases: true,
		users: []string{model.UserControllerManager, model.UserScheduler, model.AccountUser(model.NamespaceSystem, "*")}},
	{name: "system-node-high", level: "node-high", byUser: true, nodes: true, groups: []string{model.GroupNodes}},
	{name: "system-nodes", level: "system", byUser: true, groups: []string{model.GroupNodes}},
	{name: "kube-controller-manager", level: "workload-high", byNamespace: true, users: []string{model.UserControllerManager}},
	{name: "kube-scheduler", level: "workload-high", byNamespace: true, users: []string{model.UserScheduler}},
	{name: "kube-system-service-accounts", level: "workload-high", byNamespace: true,
		users: []string{model.AccountUser(model.NamespaceSystem, "*")}},
	{name: "service-accounts", level: "workload-low", byUser: true, users: []string{model.UserAccountPrefix + "*"}},
	{name: "global-default", level: "global-default", byUser: true, users: []string{"*"}},
}

// withoutFairness is the two counters of requests in flight that there are
// instead (--max-requests-inflight, --max-mutating-requests-inflight;
// k8s.io/apiserver/pkg/server/filters/maxinflight.go).
var withoutFairness = []priority{
	{name: "exempt", unbounded: true},
	{name: "readonly", shares: readsInFlight},
	{name: "mutating", shares: writesInFlight},
}

const (
	readsInFlight  = 400
	writesInFlight = 200
)

// question is what of a request decides about its flow schema.
type question struct {
	as        *store.Identity
	right     store.Right
	lease     bool // it is about a lease
	kind      model.Kind
	namespace string
}

// flow is where a request belongs: a level, by number, and a place among the
// flows of its schema.
type flow struct {
	level int
	hash  uint64
}

// classify is the flow of a request.
func (f *fairness) classify(q question) flow {
	if f.off {
		return f.withoutFairness(q)
	}
	for i := range schemas {
		if s := &schemas[i]; s.matches(&q) {
			return flow{f.numberOf(s.level), hashFlow(s.name, s.distinguisher(&q))}
		}
	}
	return flow{f.numberOf("catch-all"), hashFlow("catch-all", q.as.User)}
}

// withoutFairness is which of the two counters a request counts in. Those of
// system:masters are let through.
func (f *fairness) withoutFairness(q question) flow {
	switch {
	case slices.Contains(q.as.Groups, model.GroupMasters):
		return flow{level: f.numberOf("exempt")}
	case q.right <= store.RightWatch:
		return flow{level: f.numberOf("readonly")}
	}
	return flow{level: f.numberOf("mutating")}
}

func (f *fairness) numberOf(level string) int {
	return slices.IndexFunc(f.levels, func(l queueSet) bool { return l.name == level })
}

func (s *flowSchema) matches(q *question) bool {
	switch {
	case s.leases && !(q.lease && (q.right == store.RightGet || q.right == store.RightCreate || q.right == store.RightUpdate)):
		return false
	case s.nodes && !q.lease && q.kind != model.KindNode:
		return false
	}
	for _, user := range s.users {
		prefix, all := strings.CutSuffix(user, "*")
		if user == q.as.User || all && strings.HasPrefix(q.as.User, prefix) && q.as.User != "" {
			return true
		}
	}
	return slices.ContainsFunc(s.groups, func(g string) bool { return slices.Contains(q.as.Groups, g) })
}

func (s *flowSchema) distinguisher(q *question) string {
	switch {
	case s.byUser:
		return q.as.User
	case s.byNamespace:
		return q.namespace
	}
	return ""
}

// hashFlow names a flow (k8s.io/apiserver/pkg/util/flowcontrol/apf_controller.go
// hashFlowID).
func hashFlow(schema, distinguisher string) uint64 {
	sum := sha256.Sum256([]byte(schema + "\x00" + distinguisher))
	return binary.LittleEndian.Uint64(sum[:8])
}
