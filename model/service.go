package model

import "time"

// Service gives pods that match Selector one name.
type Service struct {
	Meta
	Selector        *Selector // nil for a Service without selector
	Headless        bool      // clusterIP None
	PublishNotReady bool
	Ports           int           // how many; a Service without ports has no endpoints slices of use
	TCP, UDP        bool          // it has ports of UDP, and others
	Affinity        time.Duration // sessionAffinity ClientIP: its timeout; 0 is None
	LocalInternal   bool          // internalTrafficPolicy Local
	LoadBalancer    bool          // type LoadBalancer
	LocalExternal   bool          // externalTrafficPolicy Local
	PreferSameZone  bool          // trafficDistribution PreferClose, PreferSameZone or PreferSameNode
	PreferSameNode  bool          // trafficDistribution PreferSameNode
	TopologyAuto    bool          // annotation service.kubernetes.io/topology-mode Auto, which goes before trafficDistribution
}

// Copy implements Object.
func (s *Service) Copy() Object { c := *s; return &c }

// Endpoint is one pod behind a Service, as an EndpointSlice lists it.
type Endpoint struct {
	Pod         Ref
	Node        Name
	Zone        Name
	HintZone    Name
	IP          uint32
	Ready       bool // usable: serving and not terminating
	Serving     bool // the pod's Ready condition
	Terminating bool
	HintNode    bool // hinted to its own node
}

// EndpointSlice lists up to 100 endpoints of a Service, its owner.
type EndpointSlice struct {
	Meta
	Service   Ref
	Endpoints []Endpoint // immutable: replace the slice to change it
	// Hostnames is what DNS calls each endpoint, in front of the Service's name; nil if no
	// endpoint of a headless Service has a name of its own.
	Hostnames []string
}

// Copy implements Object.
func (e *EndpointSlice) Copy() Object { c := *e; return &c }
