package model

// Route is where new connections to a Service go from one machine, as its
// rules have it now, right or wrong. It is immutable; machines that see
// the same share Endpoints.
type Route struct {
	Service   Ref        // zero if the machine has no rules for the name
	Endpoints []Endpoint // each takes an equal share; in order of the pods' numbers
	// Dropped means there are endpoints, but policy allows none of them here:
	// packets vanish. Without it, no endpoint means a refusal.
	Dropped bool
}
