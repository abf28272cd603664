package model

import "time"

// Lease says who of several replicas leads (k8s.io/api/coordination/v1). Nodes'
// leases are no objects here.
type Lease struct {
	Meta
	Holder      string        // the identity of who leads; "" if nobody does
	Duration    time.Duration // how long it counts once somebody has seen a renewal
	Transitions int32         // how often it changed hands
	// Renewals counts writes, as the version of what is not worth a record: that
	// its holder goes on.
	Renewals int64
}

// Copy implements Object.
func (l *Lease) Copy() Object { c := *l; return &c }
