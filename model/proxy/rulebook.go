package proxy

import (
	"slices"

	"orrery/model"
	"orrery/model/store"
)

// Rulebook keeps the rules that were made last, so that machines which see the same
// make them once and have the very same ones. It changes nothing: rules follow from
// the versions seen and the place, and versions are immutable.
type Rulebook struct {
	pages   store.Table[[]page] // by Service ID; the youngest last
	readers []*Proxy            // in the order in which they were made
}

// page is rules, and what they follow from.
type page struct {
	of     *model.Service
	slices []*model.EndpointSlice
	at     place
	zones  bool // the place's zone made a difference, or could have
	route  model.Route
}

// serves tells whether the page's rules are those of a place, too.
func (p *page) serves(at place) bool {
	if !p.zones {
		at.zone = p.at.zone
	}
	return p.at == at
}

// mostPages is how many rules are kept of a Service: some for each zone, with a version or
// two that not everybody has seen yet.
const mostPages = 16

// choose is the rules for a Service by what was seen of it.
func (b *Rulebook) choose(svc *model.Service, seen []*model.EndpointSlice, at place) model.Route {
	if !at.local(svc) && !nodesHinted(seen) {
		at.node = model.Name{} // rules are the same on all nodes of a zone
	}
	pages := b.pages.Row(svc.ID)
	for i := len(*pages) - 1; i >= 0; i-- {
		if p := &(*pages)[i]; p.of == svc && p.serves(at) && slices.Equal(p.slices, seen) {
			return p.route
		}
	}
	if len(*pages) == mostPages {
		*pages = slices.Delete(*pages, 0, 1)
	}
	p := page{of: svc, slices: slices.Clone(seen), at: at, route: choose(svc, merge(named(seen, at.host)), at)}
	p.zones = slices.ContainsFunc(seen, zonesHinted)
	*pages = append(*pages, p)
	return p.route
}

// named is slices with those endpoints only that have a name; "" is all.
func named(seen []*model.EndpointSlice, host string) (out []*model.EndpointSlice) {
	if host == "" {
		return seen
	}
	for _, s := range seen {
		for i, of := range s.Hostnames {
			if of == host {
				out = append(out, &model.EndpointSlice{Endpoints: s.Endpoints[i : i+1]})
			}
		}
	}
	return out
}

// nodesHinted tells whether node hints may make a difference: the first endpoint that is
// ready has one. If it has none, none is obeyed.
func nodesHinted(seen []*model.EndpointSlice) bool {
	for _, s := range seen {
		if i := slices.IndexFunc(s.Endpoints, func(e model.Endpoint) bool { return e.Ready }); i >= 0 {
			return s.Endpoints[i].HintNode
		}
	}
	return false
}

// zonesHinted tells whether some endpoint has a zone hint.
func zonesHinted(s *model.EndpointSlice) bool {
	return slices.ContainsFunc(s.Endpoints, func(e model.Endpoint) bool { return e.HintZone != model.Name{} })
}
