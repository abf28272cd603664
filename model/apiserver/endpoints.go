package apiserver

import (
	"math"
	"time"

	"orrery/model/etcd"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// endpoint is a member of an etcd on machines of its own, as one API server has
// it. A server knows all members, has a connection to each, and asks by turns
// those that it has one with (--etcd-servers; etcd's client, whose balancer is
// gRPC's round_robin). A real client tries to connect again with growing pauses,
// up to two minutes; here it is connected as soon as the member can be reached.
type endpoint struct {
	broken  bool     // there is no connection
	lostAt  sim.Time // since when nothing comes through, or Never
	breakAt sim.Time // when the connection is given up, or Never
}

// A connection on which nothing comes through is given up when what was sent has
// not been acknowledged for 10 s, which gRPC asks the kernel for
// (TCP_USER_TIMEOUT, internal/transport/http2_client.go), or when a ping after
// 30 s of silence has not been answered for 10 s
// (k8s.io/apiserver/pkg/storage/storagebackend/factory/etcd3.go keepaliveTime,
// keepaliveTimeout).
const (
	unacknowledged = 10 * time.Second
	unanswered     = 40 * time.Second
)

// What a server reads in its log when a connection is gone, of a process that has
// ended and of one that is silent.
const (
	connectionReset    = "rpc error: code = Unavailable desc = error reading from server: EOF"
	connectionTimedOut = "rpc error: code = Unavailable desc = error reading from server: connection timed out"
	noEndpoint         = "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial tcp: connect: connection refused\""
)

// Reasons for which the Backend wakes.
const (
	whyBack  sim.Why = iota // an answer of etcd, about a write, is back at its server
	whyBreak                // a connection may have to be given up: about a server and a member
)

// NewExternalBackend is an etcd group on machines of its own, at c.Sites; servers
// are to be made at other sites, and each reaches every member over the network.
func NewExternalBackend(k *sim.Kernel, s *store.Store, net *network.Network, c etcd.Config, servers []network.Site) *Backend {
	b := newBackend(k, s, net, c, servers)
	b.external = true
	net.Listen(b)
	return b
}

// connect gives a server an endpoint for each member.
func (b *Backend) connect() {
	ends := make([]endpoint, len(b.sites))
	for i := range ends {
		ends[i] = endpoint{lostAt: sim.Never, breakAt: sim.Never}
	}
	b.ends = append(b.ends, ends)
}

// turn is the member that a server asks next; false if it has no connection.
func (b *Backend) turn(a *Server) (member int, ok bool) {
	for range b.sites {
		a.member = (a.member + 1) % len(b.sites)
		if !b.ends[a.number][a.member].broken {
			return a.member, true
		}
	}
	return 0, false
}

// submit asks etcd for a write or a read, through the member on the server's
// machine or the one whose turn it is.
func (b *Backend) submit(w write) {
	ok := true
	if w.member = w.server.member; b.external {
		w.member, ok = b.turn(w.server)
	}
	if !ok {
		b.store.Request(w.slot).Explain(noEndpoint)
		w.server.finish(w.slot, store.InternalError, nil)
		return
	}
	b.send(uint64(b.remember(w)))
}

// send lets a write or a read be on its way to its member.
func (b *Backend) send(id uint64) {
	w := &b.writes[id]
	at := w.at
	if b.external {
		d, ok := b.way(w.server.site, b.sites[w.member])
		if !ok {
			b.inVain(w)
			return
		}
		at = at.Add(d)
	}
	if w.reads {
		b.Read(w.member, at, id)
		return
	}
	b.Propose(w.member, at, id, w.grows)
}

// way is how long a message of a server or a member takes.
func (b *Backend) way(from, to network.Site) (time.Duration, bool) {
	b.sent++
	return b.net.Delay(from, to, sim.HashName(b.net.Name(from)+" to "+b.net.Name(to)), b.sent)
}

// inVain has a connection given up over something that did not come through.
func (b *Backend) inVain(w *write) {
	w.lost = true
	e := &b.ends[w.server.number][w.member]
	now := b.kernel.Now()
	e.lostAt = min(e.lostAt, now)
	b.giveUp(w.server.number, w.member, now.Add(unacknowledged))
}

// giveUp has a connection looked at when it may have to be given up.
func (b *Backend) giveUp(server, member int, at sim.Time) {
	if e := &b.ends[server][member]; at < e.breakAt {
		e.breakAt = at
		b.kernel.Post(at, b.self, whyBreak, uint64(server)<<32|uint64(member))
	}
}

// Wake implements sim.Actor.
func (b *Backend) Wake(now sim.Time, why sim.Why, about uint64) {
	if why == whyBack {
		b.answer(about)
		return
	}
	server, member := int(about>>32), int(about&math.MaxUint32)
	if e := &b.ends[server][member]; !e.broken && e.breakAt <= now {
		b.breakUp(server, member, connectionTimedOut)
	}
}

// DescribeWake implements sim.Describer.
func (b *Backend) DescribeWake(why sim.Why, _ uint64) string {
	if why == whyBack {
		return "an answer of etcd reaches its server"
	}
	return "a connection to etcd may have to be given up"
}

// breakUp ends a connection, and with it what was asked over it: reads are asked
// elsewhere, and of writes nobody knows what became of them
// (go.etcd.io/etcd/client/v3/retry.go: only what is safe is tried again).
func (b *Backend) breakUp(server, member int, why string) {
	e := &b.ends[server][member]
	e.broken, e.breakAt = true, sim.Never
	a := b.servers[server]
	b.serveAll()
	for i := range b.writes {
		w := &b.writes[i]
		if w.server != a || w.member != member || w.late != nil || w.back {
			continue
		}
		was := *w
		if w.lost {
			b.Forget(uint64(i))
		} else {
			r := *b.store.Request(w.slot)
			w.late, w.never = &r, w.reads
		}
		if was.reads {
			b.submit(write{slot: was.slot, server: a, at: b.kernel.Now(), reads: true})
			continue
		}
		b.store.Request(was.slot).Explain(why)
		a.finish(was.slot, store.InternalError, nil)
	}
}

// LinksChanged implements network.Listener.
func (b *Backend) LinksChanged(sim.Time) { b.lookAtLinks() }

// lookAtLinks finds connections on which nothing comes through any more, or
// something does again, and those whose other end has no process.
func (b *Backend) lookAtLinks() {
	if !b.external || len(b.ends) < len(b.serverSites) {
		return
	}
	now, sound := b.kernel.Now(), true
	for server := range b.ends {
		for member := range b.sites {
			e := &b.ends[server][member]
			switch connected, down := b.net.Connected(b.serverSites[server], b.sites[member]), b.wrong[member]; {
			case connected && down && !e.broken:
				b.breakUp(server, member, connectionReset)
			case connected && !down:
				b.mend(server, member)
			case !connected && e.lostAt == sim.Never:
				e.lostAt = now
				b.giveUp(server, member, now.Add(unanswered))
			}
			sound = sound && e.lostAt == sim.Never
		}
	}
	b.is(2*len(b.sites)+1, !sound)
}

// mend is a member that can be reached again. What was lost on the way to it
// arrives now; the answers that were lost arrive, too.
func (b *Backend) mend(server, member int) {
	e := &b.ends[server][member]
	if !e.broken && e.lostAt == sim.Never {
		return
	}
	*e = endpoint{lostAt: sim.Never, breakAt: sim.Never}
	b.serveAll()
	for i := range b.writes {
		w := &b.writes[i]
		if w.server != b.servers[server] || w.member != member || !w.lost || w.late != nil {
			continue
		}
		if w.lost, w.at = false, b.kernel.Now(); w.answered {
			b.Answer(uint64(i))
		} else {
			b.send(uint64(i))
		}
	}
}

// serveAll tells every server's watchers how its etcd serves it: as the best member
// that it has a connection with, if etcd is on machines of its own.
func (b *Backend) serveAll() {
	for i, a := range b.servers {
		how := etcd.Lost
		for member := range b.sites {
			if !b.ends[i][member].broken {
				how = min(how, b.how(member))
			}
		}
		b.store.SetServing(a.site, how)
		a.etcdServes(how != etcd.Lost)
	}
}
