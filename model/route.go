package model

import "time"

// Route is where new connections to a Service go from one machine, as its
// rules have it now, right or wrong. It is immutable; machines that see
// the same share Endpoints.
type Route struct {
	Service   Ref        // zero if the machine has no rules for the name
	Endpoints []Endpoint // each takes an equal share; in order of the pods' numbers
	// Dropped means there are endpoints, but policy allows none of them here, or the node
	// has no rules: packets vanish. Without it, no endpoint means a refusal.
	Dropped bool

	// Headless means that Endpoints is what DNS told: without any, no address.
	Headless bool

	Sticky   time.Duration // for so long a client that was idle finds its endpoint again: sessionAffinity; 0 is none
	TCP, UDP bool          // as those of its Service
	Serving  []Endpoint    // with ports of UDP: those whose conntrack entries kube-proxy leaves alone
	Local    bool          // of traffic from outside: packets keep the address of who sent them (externalTrafficPolicy: Local)
	Alone    bool          // it is a client's that stays with the one endpoint, whatever rules say
}
