package model

// FlowSchema says which requests belong to a priority level
// (k8s.io/api/flowcontrol/v1/types.go). Of all schemas that match a request the
// one with the least precedence counts, and of these the first by name.
type FlowSchema struct {
	Meta
	Level         string // the PriorityLevelConfiguration's name
	Precedence    int32  // 1 to 10,000
	Distinguisher string // "ByUser", "ByNamespace", or "": requests of one value wait together
	Rules         []FlowRule
}

// Copy implements Object.
func (s *FlowSchema) Copy() Object { c := *s; return &c }

// FlowRule matches what any of some subjects asks of any of some resources. What
// is no resource, such as /healthz, nobody asks for here.
type FlowRule struct {
	Subjects  []Subject // the name "*" is all of the kind, of a ServiceAccount all of its namespace
	Resources []FlowResources
}

// FlowResources is requests about resources; "*" is all of them.
type FlowResources struct {
	Verbs      []string
	APIGroups  []string // "" is the core group
	Resources  []string // "pods", "pods/status"
	Namespaces []string // of requests in a namespace
	Cluster    bool     // also those that are in no namespace, as of all pods
}

// PriorityLevel is a PriorityLevelConfiguration: how many seats of an API server
// its requests share, and how they wait for them
// (k8s.io/api/flowcontrol/v1/types.go).
type PriorityLevel struct {
	Meta
	Exempt bool  // never waits, is never rejected
	Shares int32 // of all seats, as a part of the shares of all levels
	Lends  int32 // of its seats, per cent, that others may have while they are not wanted
	// Borrows is how many seats of others it may have, in per cent of its own; below
	// 0 it has no limit.
	Borrows     int32
	Queues      int32 // 0: what finds no seat is rejected
	HandSize    int32 // queues that one flow may be put in
	QueueLength int32 // requests that may wait in one queue
}

// Copy implements Object.
func (l *PriorityLevel) Copy() Object { c := *l; return &c }
