package apiserver

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"orrery/model"
	"orrery/model/store"
)

// priority is a PriorityLevelConfiguration as a server works with it.
type priority struct {
	name      string
	shares    int64 // of all seats
	lendable  int64 // of its seats, per cent, that others may have while they are not wanted
	borrows   int64 // seats of others, per cent of its own; below 0 without limit
	queues    int   // 0: what finds no seat is rejected
	hand      int   // queues that one flow may be put in
	length    int   // requests that may wait in one queue
	unbounded bool  // exempt: never waits, is never rejected
}

func priorityOf(l *model.PriorityLevel) priority {
	return priority{
		name: l.Name, shares: int64(l.Shares), lendable: int64(l.Lends), borrows: int64(l.Borrows),
		queues: int(l.Queues), hand: int(l.HandSize), length: int(l.QueueLength), unbounded: l.Exempt,
	}
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
	kind      model.Kind // KindNone is an Event
	part      store.Part
	namespace string
}

// flow is where a request belongs: a level, by number, and a place among the
// flows of its schema.
type flow struct {
	level int
	hash  uint64
}

// classify is the flow of a request: that of the first schema that matches.
func (f *fairness) classify(q question) flow {
	if f.off {
		return f.withoutFairness(q)
	}
	for _, s := range f.schemas {
		if flowMatches(s, &q) {
			return flow{f.numberOf(s.Level), hashFlow(s.Name, distinguish(s, &q))}
		}
	}
	return flow{f.numberOf(catchAll), hashFlow(catchAll, q.as.User)}
}

// withoutFairness is which of the two counters a request counts in. Those of
// system:masters are let through.
func (f *fairness) withoutFairness(q question) flow {
	switch {
	case slices.Contains(q.as.Groups, model.GroupMasters):
		return flow{level: f.numberOf(exempt)}
	case q.right <= store.RightWatch:
		return flow{level: f.numberOf("readonly")}
	}
	return flow{level: f.numberOf("mutating")}
}

func (f *fairness) numberOf(level string) int {
	return slices.IndexFunc(f.levels, func(l queueSet) bool { return l.name == level })
}

// flowMatches is k8s.io/apiserver/pkg/util/flowcontrol/rule.go matchesFlowSchema.
func flowMatches(s *model.FlowSchema, q *question) bool {
	return slices.ContainsFunc(s.Rules, func(r model.FlowRule) bool {
		return slices.ContainsFunc(r.Subjects, func(s model.Subject) bool { return flowSubject(s, q.as) }) &&
			slices.ContainsFunc(r.Resources, func(r model.FlowResources) bool { return flowResource(&r, q) })
	})
}

// flowSubject is rule.go matchesSubject.
func flowSubject(s model.Subject, as *store.Identity) bool {
	switch {
	case s.Kind == "ServiceAccount" && s.Name == "*":
		return strings.HasPrefix(as.User, model.AccountUser(s.Namespace, ""))
	case s.Kind == "ServiceAccount":
		return as.User == model.AccountUser(s.Namespace, s.Name)
	case s.Name == "*":
		return true
	case s.Kind == "User":
		return s.Name == as.User
	case s.Name == model.GroupAuthenticated:
		return as.User != ""
	}
	return slices.Contains(as.Groups, s.Name) || isAccountGroup(s.Name, as.User)
}

// flowResource is rule.go matchesResourcePolicyRule.
func flowResource(r *model.FlowResources, q *question) bool {
	group, name := resources[q.kind].group, resources[q.kind].plural
	if q.kind == model.KindNone {
		name = "events"
	}
	if group == core {
		group = ""
	}
	if part := q.part.String(); part != "" {
		name += "/" + part
	}
	is := func(said []string, word string) bool {
		return len(said) == 1 && said[0] == "*" || slices.Contains(said, word)
	}
	if !is(r.Verbs, q.right.String()) || !is(r.Resources, name) || !is(r.APIGroups, group) {
		return false
	}
	if q.namespace == "" {
		return r.Cluster
	}
	return is(r.Namespaces, q.namespace)
}

// distinguish is apf_controller.go computeFlowDistinguisher.
func distinguish(s *model.FlowSchema, q *question) string {
	switch s.Distinguisher {
	case "ByUser":
		return q.as.User
	case "ByNamespace":
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
