package store

import (
	"slices"
	"time"

	"orrery/model/etcd"
	"orrery/model/network"
	"orrery/sim"
)

// server is an API server as its clients meet it.
type server struct {
	site   network.Site
	actor  sim.ActorID
	lister Lister
	closed bool // nobody listens there
	cutOff bool // it cannot reach etcd
	etcd   etcd.Service

	healthy bool       // what a check of the balancer finds
	since   sim.Time   // and since when
	cache   int        // its watch cache has the records from this one on
	out     bool       // the balancer has drawn its conclusion: it gets no new connections
	checks  sim.Ticker // when it is checked
}

// The balancer in front of several servers is HAProxy as kubeadm's guide sets it
// up (kubernetes/kubeadm docs/ha-considerations.md): it asks each for /healthz
// every 2 s, takes one out after three failures and back after two answers, which
// are HAProxy's own defaults (docs.haproxy.org "inter", "fall", "rise"), and gives a
// connection that one refuses to the next at once ("option redispatch"). It
// breaks no connection that works. It prefers a server in the client's zone, as
// balancers of clouds can; HAProxy alone would take all by turns. It is as near as
// the servers and does not fail, and the 5 s it waits for a silent server before it
// takes another are not modeled.
const (
	checkEvery = 2 * time.Second
	checkFall  = 3
	checkRise  = 2
)

// Lister is an API server as those know it who send it no request: it streams what
// watches begin with, and has time for what is not worth an event.
type Lister interface {
	// Prompt tells whether a small request that came now would be done with at most so
	// much later than if nobody else asked anything.
	Prompt(now sim.Time, late time.Duration) bool
	// Stream is when so many objects, asked for at a time, have been sent.
	Stream(at sim.Time, objects int64) sim.Time
}

// AddServer makes an API server known: its site, and the actor that is woken
// with WhyArrive. Clients made later connect to one of the servers.
func (s *Store) AddServer(site network.Site, actor sim.ActorID, lister Lister) {
	luck := s.kernel.Luck().Lane("balancer").Draw(uint64(site), 0)
	s.wire.servers = append(s.wire.servers, server{
		site: site, actor: actor, lister: lister, healthy: true,
		checks: sim.Ticker{Phase: sim.Time(luck.Duration(0, checkEvery)), Period: checkEvery},
	})
}

// server is the one at a site.
func (w *wire) server(site network.Site) *server {
	for i := range w.servers {
		if w.servers[i].site == site {
			return &w.servers[i]
		}
	}
	panic("store: there is no API server at " + w.store.net.Name(site))
}

// served tells whether a client at a site is connected to a server that runs and
// can reach etcd.
func (w *wire) served(client, server network.Site) bool {
	if !w.connected(client, server) {
		return false
	}
	if w.troubled == 0 {
		return true
	}
	s := w.server(server)
	return !s.closed && !s.cutOff
}

// handshakeTimeout is how long clients of API servers wait for TLS: a connection whose
// round trip takes that long never comes to be (net/http DefaultTransport,
// k8s.io/apimachinery/pkg/util/net/http.go SetOldTransportDefaults). One that there was
// before dies, too: its pings take as long, and kubelets give it up.
const handshakeTimeout = 10 * time.Second

// connected tells whether there is a connection, or one comes to be, as far as the
// network goes.
func (w *wire) connected(client, server network.Site) bool {
	return w.store.net.Connected(client, server) && w.store.net.RoundTrip(client, server) < handshakeTimeout
}

// dial is the API server that a new connection from a site gets: one on its own
// machine if it is the control plane's own, else what the balancer chooses. It is
// false if nobody takes it.
func (w *wire) dial(at network.Site, local bool) (network.Site, bool) {
	if len(w.servers) == 0 {
		panic("store: a client was made before the first API server")
	}
	zone := w.store.net.Zone(at)
	for _, near := range [...]bool{true, false} {
		if s, ok := w.turn(at, func(s *server) bool {
			if local {
				return near && s.site == at && !s.closed
			}
			return w.store.net.Zone(s.site) == zone == near && w.takes(at, s)
		}); ok {
			return s, true
		}
	}
	return 0, false
}

// turn is one of the servers that are fit, by turns of clients' sites.
func (w *wire) turn(at network.Site, fit func(*server) bool) (network.Site, bool) {
	n := 0
	for i := range w.servers {
		if fit(&w.servers[i]) {
			n++
		}
	}
	if n == 0 {
		return 0, false
	}
	n = int(at) % n
	for i := range w.servers {
		if fit(&w.servers[i]) {
			if n == 0 {
				return w.servers[i].site, true
			}
			n--
		}
	}
	panic("store: a server stopped being fit")
}

// takes tells whether a connection through the balancer gets to a server. With
// one server there is no balancer.
func (w *wire) takes(at network.Site, s *server) bool {
	return !s.closed && (!s.out || len(w.servers) == 1) && w.connected(at, s.site)
}

// redial moves a client whose connection is gone to another server, if one takes
// it. It tells whether one does.
func (w *wire) redial(c *Client) bool {
	to, ok := w.dial(c.Site, c.Local)
	if c.lost = !ok; ok {
		c.Server, c.notices = to, connected
		if c.Tell {
			w.store.kernel.Post(w.store.kernel.Now(), c.Actor, WhyConnected, uint64(c.ID))
		}
	}
	return ok
}

// Redial makes a new connection, as a new process does: to the server that a new
// connection gets now, or to the one before if nobody takes it.
func (c *Client) Redial() { c.store.wire.redial(c) }

// connected is Client.notices while its connection works, as far as the network
// goes.
const connected sim.Time = -1

// Refused tells whether nobody listens where the client would send a request now.
func (c *Client) Refused() bool { return c.store.wire.server(c.Server).closed }

// SetServing says how etcd serves the API server at a site. If it is slow, checks of
// the server's health fail. While it is lost, the server's watches stand still and
// renewals of leases fail; if it only answers too late they are agreed on, though their
// kubelets do not hear of it. The requests that the server gets it answers as etcd lets
// it. Only API servers call it.
func (s *Store) SetServing(at network.Site, how etcd.Service) {
	w, now := s.wire, s.kernel.Now()
	x := w.server(at)
	w.trouble(&x.cutOff, how == etcd.Lost)
	x.etcd = how
	w.judge(now)
	w.listen(now)
	for _, v := range s.watches {
		if !v.open || v.client.Server != at {
			continue
		}
		switch up := w.served(v.client.Site, at); {
		case !up && !v.broken:
			v.broken, v.brokenAt, v.stalled = true, now, true
			v.breaks++
		case up && v.broken && v.stalled:
			s.goOn(v, now) // the connection was there all the time
		case up && v.broken:
			s.kernel.Post(s.retryAfter(v, now), w.reflector, whyReconnect, uint64(v.ID))
		}
	}
	s.leases.linksChanged(now)
	s.disturbed()
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

// SetListening says whether the API server at a site takes connections. When it
// ends, those it had are reset, unless its machine is gone, too: then they are
// silent. What it was asked and had not answered fails at once. Only API servers
// call it.
func (s *Store) SetListening(at network.Site, ok bool) {
	w, now := s.wire, s.kernel.Now()
	w.trouble(&w.server(at).closed, !ok)
	w.judge(now)
	if ok {
		w.server(at).cache = s.history.n
		w.redialLost(now)
		s.settleWatches(now)
		s.disturbed()
		return
	}
	for i := range w.requests {
		if r := &w.requests[i]; r.Client != nil && r.arrived && r.server == at {
			s.Answer(uint64(i), Disconnected, nil)
		}
	}
	for _, v := range s.watches {
		if v.open && v.client.Server == at && w.connected(v.client.Site, at) {
			v.reset(now)
		}
	}
	for _, c := range s.clients {
		if c.Server == at && w.connected(c.Site, at) {
			w.redial(c)
		}
	}
	s.settleWatches(now)
	s.disturbed()
}

// reset breaks a watch with an answer: nothing has to be noticed.
func (w *Watch) reset(now sim.Time) {
	if !w.broken {
		w.breaks++
	}
	w.broken, w.brokenAt, w.refused, w.stalled = true, now, true, false
}

// trouble sets a flag of a server that keeps it from serving.
func (w *wire) trouble(flag *bool, on bool) {
	switch {
	case on && !*flag:
		w.troubled++
	case !on && *flag:
		w.troubled--
	}
	*flag = on
}

// judge notices which servers a check would now find in another state, and has
// the balancer conclude from it in time.
func (w *wire) judge(now sim.Time) {
	if len(w.servers) == 1 {
		return
	}
	for i := range w.servers {
		s := &w.servers[i]
		if ok := !s.closed && s.etcd == etcd.Serves && w.store.net.Connected(s.site, s.site); ok != s.healthy {
			s.healthy, s.since = ok, now
			w.store.kernel.Post(s.concludedAt(), w.actor, whyChecked, uint64(i))
		}
	}
}

// concludedAt is when the balancer has seen enough of a server's state.
func (s *server) concludedAt() sim.Time {
	checks := checkFall
	if s.healthy {
		checks = checkRise
	}
	return s.checks.AtOrAfter(s.since).Add(time.Duration(checks-1) * checkEvery)
}

// checked takes a server out, or back, unless its state has changed again.
func (w *wire) checked(now sim.Time, s *server) {
	if s.out != s.healthy || s.concludedAt() > now {
		return
	}
	if s.out = !s.healthy; !s.out {
		w.redialLost(now)
		w.store.settleWatches(now)
	}
}

// redialLost moves every client that knows that it has no connection.
func (w *wire) redialLost(now sim.Time) {
	for _, c := range w.store.clients {
		silent := c.notices != connected && c.notices <= now
		if silent || c.lost || c.notices == connected && w.server(c.Server).closed {
			w.redial(c)
		}
	}
}

// listen notices which clients' connections have fallen silent, and has them find
// out in time: a kubelet that renews a lease before its pings tell, and also that its
// server gets nothing good from etcd in time.
func (w *wire) listen(now sim.Time) {
	posted := false
	for _, c := range w.store.clients {
		good := w.connected(c.Site, c.Server) && (c.node == 0 || w.server(c.Server).etcd < etcd.TimesOut)
		switch {
		case good:
			c.notices = connected
		case c.notices == connected:
			c.notices = now.Add(silenceNoticed)
			if len(w.servers) == 1 {
				continue
			}
			if at, ok := w.store.leases.givesUp(c, now); ok {
				c.notices = at
				w.store.kernel.Post(at, w.actor, whyGivenUp, uint64(c.ID))
			}
			if !posted {
				posted = true
				w.store.kernel.Post(now.Add(silenceNoticed), w.actor, whyNoticed, 0)
			}
		}
	}
}

// givenUp has a kubelet close a connection that stays silent. What it asks the next
// server for first is what has just failed, the renewal of its lease; its watches try
// again as after a reset.
func (w *wire) givenUp(now sim.Time, c *Client) {
	if c.notices == connected || c.notices > now || !w.redial(c) {
		return
	}
	s := w.store
	for _, v := range [...]*Watch{watchOf(s.byNode, c.node), watchOf(s.ofNode, c.node)} {
		if v != nil && v.open && v.client == c {
			v.reset(now)
			s.kernel.Post(s.retryAfter(v, now), w.reflector, whyReconnect, uint64(v.ID))
		}
	}
	s.leases.movedTo(c, now)
	s.disturbed()
}

// watchOf is a node's watch of a list, nil if it has none.
func watchOf(list []*Watch, node uint32) *Watch {
	if int(node) >= len(list) {
		return nil
	}
	return list[node]
}
