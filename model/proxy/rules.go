package proxy

import (
	"slices"

	"orrery/model"
)

// place is where rules are used: on a node, or outside of all nodes if node is
// "".
type place struct {
	node, zone model.Name
	external   bool   // for traffic from outside of the cluster
	named      bool   // for clients that have the addresses of the pods from DNS
	host       string // of these the pods of this name; "" is all
}

// local tells whether only endpoints on the node count there.
func (at place) local(svc *model.Service) bool {
	if at.named {
		return false
	}
	if at.external {
		return svc.LocalExternal
	}
	return svc.LocalInternal && at.node != model.Name{}
}

// choose is the rules for one Service at a place, from all its endpoints in
// order (pkg/proxy/topology.go CategorizeEndpoints). The result has the memory
// of all, which nobody else may use.
func choose(svc *model.Service, all []model.Endpoint, at place) model.Route {
	if at.named {
		return model.Route{Service: svc.Ref(), TCP: svc.TCP, UDP: svc.UDP, Headless: true, Endpoints: keep(all, ready)}
	}
	r := model.Route{Service: svc.Ref(), TCP: svc.TCP, UDP: svc.UDP, Sticky: svc.Affinity}
	if r.UDP {
		r.Serving = keep(all, func(e *model.Endpoint) bool { return e.Serving })
	}
	if at.local(svc) {
		r.Local = at.external
		local := keep(all, func(e *model.Endpoint) bool { return e.Node == at.node })
		r.Endpoints = keep(local, ready)
		if len(r.Endpoints) == 0 {
			r.Endpoints = keep(local, lastResort)
		}
		r.Dropped = len(r.Endpoints) == 0 && slices.ContainsFunc(all, reachableAnywhere)
		return r
	}
	if !slices.ContainsFunc(all, func(e model.Endpoint) bool { return e.Ready }) {
		r.Endpoints = keep(all, lastResort)
		return r
	}
	r.Endpoints = slices.DeleteFunc(all, func(e model.Endpoint) bool { return !e.Ready })
	switch {
	case obeyed(r.Endpoints, at.hintedNode):
		r.Endpoints = keep(r.Endpoints, func(e *model.Endpoint) bool { return e.Node == at.node })
	case obeyed(r.Endpoints, at.hintedZone):
		r.Endpoints = keep(r.Endpoints, func(e *model.Endpoint) bool { return e.HintZone == at.zone })
	}
	return r
}

// hintedNode tells whether an endpoint has a node hint, and whether it is for this node.
func (at place) hintedNode(e *model.Endpoint) (hinted, here bool) {
	return e.HintNode, e.Node == at.node
}

// hintedZone tells the same of a zone hint.
func (at place) hintedZone(e *model.Endpoint) (hinted, here bool) {
	return e.HintZone != model.Name{}, e.HintZone == at.zone
}

func ready(e *model.Endpoint) bool { return e.Ready }

// lastResort endpoints still work although they are on their way out; they are
// used only where there is nothing better (ProxyTerminatingEndpoints).
func lastResort(e *model.Endpoint) bool { return e.Serving && e.Terminating }

func reachableAnywhere(e model.Endpoint) bool { return ready(&e) || lastResort(&e) }

// obeyed tells whether hints of a sort are obeyed: every endpoint has one, and one
// of them is for this place. One endpoint without a hint turns them off for the
// whole Service.
func obeyed(endpoints []model.Endpoint, of func(*model.Endpoint) (hinted, here bool)) bool {
	mine := false
	for i := range endpoints {
		hinted, here := of(&endpoints[i])
		if !hinted {
			return false
		}
		mine = mine || here
	}
	return mine
}

func keep(endpoints []model.Endpoint, want func(*model.Endpoint) bool) []model.Endpoint {
	n := 0
	for i := range endpoints {
		if want(&endpoints[i]) {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	out := make([]model.Endpoint, 0, n)
	for i := range endpoints {
		if want(&endpoints[i]) {
			out = append(out, endpoints[i])
		}
	}
	return out
}

// positionBits is how many bits number the endpoints of a Service; a pod's Ref has the other 40.
const positionBits = 24

// merge puts the endpoints of a Service's slices in order. A pod that two
// slices list, as while it is moved between them, counts once: the first slice
// has it.
func merge(slicesOf []*model.EndpointSlice) []model.Endpoint {
	n := 0
	for _, s := range slicesOf {
		n += len(s.Endpoints)
	}
	order := make([]uint64, 0, n) // pod and position: sorted for the endpoints, which are large
	listed := make([]*model.Endpoint, 0, n)
	for _, s := range slicesOf {
		for i := range s.Endpoints {
			e := &s.Endpoints[i]
			order = append(order, e.Pod.Pack()<<positionBits|uint64(len(listed)))
			listed = append(listed, e)
		}
	}
	slices.Sort(order)
	order = slices.CompactFunc(order, func(a, b uint64) bool { return a>>positionBits == b>>positionBits })
	all := make([]model.Endpoint, len(order))
	for i, x := range order {
		all[i] = *listed[x&(1<<positionBits-1)]
	}
	return all
}
