package proxy

import (
	"cmp"
	"slices"

	"orrery/model"
)

// place is where rules are used: on a node, or outside of all nodes if node is
// "".
type place struct{ node, zone string }

// choose is the rules for one Service at a place, from all its endpoints in
// order (pkg/proxy/topology.go CategorizeEndpoints). The result may share
// memory with all.
func choose(svc *model.Service, all []model.Endpoint, at place) model.Route {
	r := model.Route{Service: svc.Ref()}
	if svc.LocalInternal && at.node != "" {
		local := keep(all, func(e *model.Endpoint) bool { return e.Node == at.node })
		r.Endpoints = keep(local, ready)
		if len(r.Endpoints) == 0 {
			r.Endpoints = keep(local, lastResort)
		}
		r.Dropped = len(r.Endpoints) == 0 && slices.ContainsFunc(all, reachableAnywhere)
		return r
	}
	r.Endpoints = keep(all, ready)
	if len(r.Endpoints) == 0 {
		r.Endpoints = keep(all, lastResort)
		return r
	}
	if hinted(r.Endpoints, at.zone) {
		r.Endpoints = keep(r.Endpoints, func(e *model.Endpoint) bool { return e.HintZone == at.zone })
	}
	return r
}

func ready(e *model.Endpoint) bool { return e.Ready }

// lastResort endpoints still work although they are on their way out; they are
// used only where there is nothing better (ProxyTerminatingEndpoints).
func lastResort(e *model.Endpoint) bool { return e.Serving && e.Terminating }

func reachableAnywhere(e model.Endpoint) bool { return ready(&e) || lastResort(&e) }

// hinted tells whether zone hints are obeyed: every endpoint has one, and one
// of them is for this zone. One endpoint without a hint turns them off for the
// whole Service.
func hinted(endpoints []model.Endpoint, zone string) bool {
	mine := false
	for i := range endpoints {
		if endpoints[i].HintZone == "" {
			return false
		}
		mine = mine || endpoints[i].HintZone == zone
	}
	return mine
}

func keep(endpoints []model.Endpoint, want func(*model.Endpoint) bool) []model.Endpoint {
	var out []model.Endpoint
	for i := range endpoints {
		if want(&endpoints[i]) {
			out = append(out, endpoints[i])
		}
	}
	return out
}

// merge puts the endpoints of a Service's slices in order. A pod that two
// slices list, as while it is moved between them, counts once: the first slice
// has it.
func merge(slicesOf []*model.EndpointSlice) []model.Endpoint {
	var all []model.Endpoint
	for _, s := range slicesOf {
		all = append(all, s.Endpoints...)
	}
	slices.SortStableFunc(all, func(a, b model.Endpoint) int { return cmp.Compare(a.Pod.Pack(), b.Pod.Pack()) })
	return slices.CompactFunc(all, func(a, b model.Endpoint) bool { return a.Pod == b.Pod })
}
