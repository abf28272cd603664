package model

import (
	"slices"
	"time"
)

// Service gives pods that match Selector one name.
type Service struct {
	Meta
	Selector        *Selector // nil for a Service without selector
	Headless        bool      // clusterIP None
	PublishNotReady bool
	Ports           int           // how many; a Service without ports has no endpoints slices of use
	TCP, UDP        bool          // it has ports of others than UDP (all of them here count as TCP), and of UDP
	Targets         []PortName    // what its ports lead to in a pod, if all say so by name; nil if one is a number
	Affinity        time.Duration // sessionAffinity ClientIP: its timeout; 0 is None
	LocalInternal   bool          // internalTrafficPolicy Local
	LoadBalancer    bool          // type LoadBalancer
	LocalExternal   bool          // externalTrafficPolicy Local
	PreferSameZone  bool          // trafficDistribution PreferClose, PreferSameZone or PreferSameNode
	PreferSameNode  bool          // trafficDistribution PreferSameNode
	TopologyAuto    bool          // annotation service.kubernetes.io/topology-mode Auto, which goes before trafficDistribution
}

// PortName is a port of a container that has a name.
type PortName struct{ Name, Protocol string }

// Leads tells whether some of its ports leads anywhere in a pod: whether that has a port of
// the name and the protocol (k8s.io/endpointslice/utils.go FindPort).
func (s *Service) Leads(spec *PodSpec) bool {
	return s.Targets == nil || slices.ContainsFunc(s.Targets, func(p PortName) bool { return slices.Contains(spec.Ports, p) })
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
