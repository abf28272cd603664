package workload

import "orrery/model"

// Machines that have the same rules about a Service share them here, and what is computed
// for one is computed for all.

// route asks the proxies of a flow's senders anew.
func (t *Flows) route(f *flow) {
	b := &t.backends[f.backend]
	f.reroute = false
	for j := range f.senders {
		s := &f.senders[j]
		if !s.stale {
			continue
		}
		s.stale = false
		r := f.ask(s.proxy)
		f.affine = f.affine || r.Sticky > 0
		if s.live >= 0 && sameRoute(b.routes[s.live].route, r) {
			continue
		}
		if s.live >= 0 {
			b.routes[s.live].users--
		}
		s.live, f.must, f.ruledAt = t.use(f.backend, r), true, t.kernel.Now()
	}
}

// ask is a machine's rules for a flow.
func (f *flow) ask(p Router) model.Route {
	if f.balanced {
		return p.External(f.Namespace, f.Service)
	}
	return p.Route(f.Namespace, f.Service)
}

// udp tells whether a flow's packets are of UDP: those to a port of it. A name is looked up
// over UDP whatever other ports the servers have, as kubeadm's have (resolver(3); kubeadm's
// phases/addons/dns/manifests.go: 53/UDP, 53/TCP and 9153/TCP); other requests go to a port
// of TCP if there is one.
func (f *flow) udp(r *model.Route) bool { return r.UDP && (f.of >= 0 || !r.TCP) }

// use is the number of rules among those of a backend that somebody uses.
func (t *Flows) use(i int32, r model.Route) int32 {
	b, unused := &t.backends[i], -1
	for k := range b.routes {
		if x := &b.routes[k]; (x.users > 0 || x.parts != nil) && sameRoute(x.route, r) {
			x.users++
			return int32(k)
		} else if x.users == 0 && x.parts == nil {
			unused = k
		}
	}
	if unused < 0 {
		unused = len(b.routes)
		b.routes = append(b.routes, live{})
	}
	b.routes[unused] = live{route: r, users: 1}
	if len(r.Endpoints) > 0 {
		t.mixOthers(i)
	}
	return int32(unused)
}

// sameRoute tells whether rules are the same; routes are immutable, and proxies that
// see the same share them, so it is enough to compare where they are.
func sameRoute(a, b model.Route) bool {
	return a.Service == b.Service && a.Dropped == b.Dropped && a.Headless == b.Headless && a.Sticky == b.Sticky && a.TCP == b.TCP && a.UDP == b.UDP && a.Local == b.Local && sameEndpoints(a.Serving, b.Serving) &&
		sameEndpoints(a.Endpoints, b.Endpoints)
}

func sameEndpoints(a, b []model.Endpoint) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
