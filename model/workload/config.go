// Package workload says what users do: the requests their clients send, and
// what they type. Its one idea: traffic is a rate that is computed anew when
// something it depends on changes, never a request at a time. It refuses to
// judge; that is the report's.
//
// Traffic is flows, each from a source to a Service, or from pods that call a Service
// for what they handle. A flow is spread over the endpoints that its senders' machines
// believe in; what arrives at a pod is the sum of its flows' shares; how the pod copes
// (see Work) decides what becomes of each share, how long it takes, and how much the
// pod calls in turn. What calls come to, with their timeouts and retries, decides how
// long the caller is busy and what of it fails. This goes round until nothing changes,
// at most 64 times for each call one below another, beginning where it was: so a state that
// sustains itself, such as a storm of retries, lasts as it does in reality.
//
// Pods that fare the same are computed once (see class), and small changes wait a while
// (see tolerance): otherwise every rule that a kube-proxy programs would have every pod
// behind it computed anew, and all they call.
package workload

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// Traffic is requests to a Service.
type Traffic struct {
	Namespace, Service string
	Rate               Rate
	Connections        *Connections  // nil: each request has its own
	Timeout            time.Duration // after which who asks gives up; 0 is never
	Retries            int           // attempts after one that failed
	From               string        // "ingress" (default): a load balancer outside the nodes with its own view; "internet": the Service's own load balancer, which knows nodes and no pods; "node/NAME"; "deployment/NAME", or "NAMESPACE/deployment/NAME" if that is not the Service's: spread evenly over that Deployment's running pods
}

// Internet is the source whose requests come through a Service's load balancer.
const Internet = "internet"

// Call is what pods ask of a Service for each request that they handle.
type Call struct {
	Home            string                // the pods' namespace, if it is not the Service's
	Namespace       string                // the Service's
	From            string                // what the pods are called, for people
	Makes           func(*model.Pod) bool // tells whether a pod calls
	Service         string
	PerRequestMilli int64         // calls for each request, in thousandths
	Timeout         time.Duration // of each attempt
	Retries         int           // attempts after one that failed
	// Probes tells that it is probes that ask, whatever the pods handle: those of theirs
	// that need the Service. Nothing else but the names above counts then.
	Probes bool
}

// Action is something a person types, with kubectl's meaning.
type Action struct {
	At      sim.Time
	As      string         // the user whose credential is shown; "" is the cluster's administrator
	Do      string         // the registered name
	Objects []model.Object // apply: what the manifests say

	Kind            model.Kind // target of the others
	Namespace, Name string

	Condition string // set-condition: its type
	Status    model.ConditionStatus

	Replicas  int32  // scale
	Container string // set-image; "" is the only container
	Image     string

	Patch    *model.MergePatch // patch: what changes
	PodPatch *model.PodPatch   // patch: what changes of a pod

	Revision int64 // rollout-undo: the one to go back to; 0 is the one before

	Taint  model.Taint // taint: which
	Remove bool        // taint: take it off

	Force   bool          // drain: also pods that nobody will replace; delete: a pod without any grace
	Timeout time.Duration // drain: how long evictions are tried; 0 is without end

	Member string // etcd's commands: a machine of the control plane; "" is all, for etcd-defrag
}
