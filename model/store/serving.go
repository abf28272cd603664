package store

import (
	"slices"

	"orrery/model/network"
)

// SetServing says whether the API server at a site can reach etcd. While it
// cannot, its watches stand still and renewals of leases fail; the requests it
// gets it answers as etcd lets it. Only API servers call it.
func (s *Store) SetServing(server network.Site, ok bool) {
	w := s.wire
	if ok {
		w.unserved = slices.DeleteFunc(w.unserved, func(o network.Site) bool { return o == server })
	} else if !slices.Contains(w.unserved, server) {
		w.unserved = append(w.unserved, server)
	}
	now := s.kernel.Now()
	for _, x := range s.watches {
		if !x.open || x.client.Server != server {
			continue
		}
		switch up := x.client.served(); {
		case !up && !x.broken:
			x.broken, x.brokenAt, x.stalled = true, now, true
			x.breaks++
		case up && x.broken && x.stalled:
			s.goOn(x, now) // the connection was there all the time
		case up && x.broken:
			s.kernel.Post(s.retryAfter(x, now), w.reflector, whyReconnect, uint64(x.ID))
		}
	}
	s.leases.linksChanged(now)
	s.disturbed()
}

// served tells whether a client at a site is connected to a server that can
// reach etcd.
func (w *wire) served(client, server network.Site) bool {
	return w.store.net.Connected(client, server) && (len(w.unserved) == 0 || !slices.Contains(w.unserved, server))
}

// SetRenewals says whether the admission of the API server at a site lets
// renewals of leases through. Only API servers call it.
func (s *Store) SetRenewals(server network.Site, ok bool) {
	w := s.wire
	if ok == !slices.Contains(w.strict, server) {
		return
	}
	if ok {
		w.strict = slices.DeleteFunc(w.strict, func(o network.Site) bool { return o == server })
	} else {
		w.strict = append(w.strict, server)
	}
	s.leases.linksChanged(s.kernel.Now())
	s.disturbed()
}
