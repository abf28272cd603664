// Package workload says what users do: the requests their clients send, and
// what they type. Its one idea: traffic is a rate that is computed anew when
// something it depends on changes, never a request at a time. It refuses to
// judge; that is the report's.
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
	From               string // "ingress" (default): a load balancer outside the nodes with its own view; "node/NAME"; "deployment/NAME": spread evenly over that Deployment's running pods
}

// Action is something a person types, with kubectl's meaning.
type Action struct {
	At      sim.Time
	As      string         // the user whose credential is shown; "" is the cluster's administrator
	Do      string         // the registered name
	Objects []model.Object // apply: what the manifests say

	Kind            model.Kind // target of the others
	Namespace, Name string

	Replicas  int32  // scale
	Container string // set-image; "" is the only container
	Image     string

	Revision int64 // rollout-undo: the one to go back to; 0 is the one before

	Force   bool          // drain: also pods that nobody will replace
	Timeout time.Duration // drain: how long evictions are tried; 0 is without end

	Member string // etcd's commands: a machine of the control plane; "" is all, for etcd-defrag
}
