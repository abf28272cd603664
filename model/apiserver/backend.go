package apiserver

import (
	"slices"
	"strconv"

	"orrery/model"
	"orrery/model/etcd"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// Backend is etcd behind the API servers. Each server writes through the
// member on its own machine, as kubeadm sets them up (etcd.advertise URL
// 127.0.0.1 in cmd/kubeadm/app/phases/controlplane/manifests.go), or through any
// if etcd has machines of its own; what the group agrees on is applied once, in
// that order, to what is true.
type Backend struct {
	*etcd.Group
	Servers     Config // how those are set up that are made from now on
	kernel      *sim.Kernel
	store       *store.Store
	net         *network.Network
	self        sim.ActorID
	sites       []network.Site // of the members
	serverSites []network.Site
	servers     []*Server      // by member, if each has its own
	unanswered  bool           // clients are, by every server
	external    bool           // the members are on machines of their own
	ends        [][]endpoint   // by server and member, then
	sent        uint64         // counts messages between servers and members
	service     []etcd.Service // by member: how it serves
	locked      []bool         // by member: its database is
	writes      []write
	wrong       []bool // by member, that it is down; by member, that its disk is slow; that the database is full; last, that a server misses a member
	unused      []uint32

	webhooks *Webhooks
	gone     *goneNamespaces
	flows    *flowControl
}

// write is a request that etcd is asked to agree on, or that reads.
type write struct {
	slot   uint64
	server *Server
	member int            // that is asked
	grows  etcd.Growth    // what a write does to the number of objects
	reads  bool           // there is nothing to agree on
	more   bool           // the request needs another commit after this one
	at     sim.Time       // when its server has it ready
	late   *store.Request // once it failed: what it asked for, which may be agreed on all the same
	never  bool           // its server ended before it was ready, so it was not asked for

	// Of an etcd on machines of its own.
	lost     bool // it did not reach its member, or the answer not its server
	answered bool // by its member
	back     bool // the answer is under way
}

// NewBackend is an etcd group whose members run at c.Sites, where servers are
// to be made.
func NewBackend(k *sim.Kernel, s *store.Store, net *network.Network, c etcd.Config) *Backend {
	return newBackend(k, s, net, c, c.Sites)
}

func newBackend(k *sim.Kernel, s *store.Store, net *network.Network, c etcd.Config, servers []network.Site) *Backend {
	n := len(c.Sites)
	b := &Backend{
		kernel: k, store: s, net: net, sites: c.Sites, serverSites: servers, servers: make([]*Server, len(servers)),
		service: make([]etcd.Service, n), locked: make([]bool, n), wrong: make([]bool, 2*n+2),
	}
	b.self = k.Register("etcd-log", b)
	b.gone = newGoneNamespaces(s)
	b.flows = newFlowControl(s)
	s.Observe(b)
	b.webhooks = newWebhooks(k, s, net, servers)
	b.Group = etcd.New(k, net, b, c)
	return b
}

// Webhooks is whom all servers ask before they write.
func (b *Backend) Webhooks() *Webhooks { return b.webhooks }

// join makes a server the one at its site, and tells it its number there; without
// machines of etcd's own that is its member's.
func (b *Backend) join(a *Server, at network.Site) int {
	number := slices.Index(b.serverSites, at)
	b.servers[number] = a
	if b.external {
		b.connect()
	}
	return number
}

// propose has a request agreed on that its server has ready at a time.
func (b *Backend) propose(a *Server, at sim.Time, r *store.Request, slot uint64) {
	b.submit(write{slot: slot, server: a, at: at, grows: b.growth(r)})
}

// read has a request read what is true, once etcd has made sure of it: a GET
// without a resourceVersion is a quorum read
// (k8s.io/apiserver/pkg/storage/cacher/delegator.go Get).
func (b *Backend) read(a *Server, at sim.Time, slot uint64) {
	b.submit(write{slot: slot, server: a, at: at, reads: true})
}

func (b *Backend) remember(w write) uint64 {
	if n := len(b.unused); n > 0 {
		id := b.unused[n-1]
		b.unused = b.unused[:n-1]
		b.writes[id] = w
		return uint64(id)
	}
	b.writes = append(b.writes, w)
	return uint64(len(b.writes) - 1)
}

// growth is what a request will do to the number of objects. A pod that is
// given time to end is not removed but written.
func (b *Backend) growth(r *store.Request) etcd.Growth {
	switch r.Op {
	case store.OpNote:
		return etcd.CreatesEvent
	case store.OpCreate:
		if r.Step == 0 && b.counted(r.Object) {
			return etcd.Replaces
		}
		return etcd.Creates
	case store.OpDeleteCollection:
		if r.Target.Kind == model.KindPod {
			return etcd.Replaces
		}
		return etcd.Deletes
	case store.OpEvict, store.OpDelete:
		if r.Op == store.OpEvict && r.Step < evictDelete {
			return etcd.Replaces
		}
		if p, ok := b.store.Get(r.Target).(*model.Pod); ok && p.NodeID != 0 && r.Grace != 0 {
			return etcd.Replaces
		}
		return etcd.Deletes
	}
	return etcd.Replaces
}

// Agreed implements etcd.Client.
func (b *Backend) Agreed(about uint64) {
	w := &b.writes[about]
	if w.late != nil {
		if !w.never {
			w.server.commit(w.late)
		}
		return
	}
	r := b.store.Request(w.slot)
	refusal, stored, done := w.server.commit(r)
	if w.more = !done; done {
		r.Decide(refusal, stored)
	}
}

// Answer implements etcd.Client.
func (b *Backend) Answer(about uint64) {
	w := &b.writes[about]
	if !b.external || w.late != nil {
		b.answer(about)
		return
	}
	d, ok := b.way(b.sites[w.member], w.server.site)
	if w.answered = true; !ok {
		b.inVain(w)
		return
	}
	w.back = true
	b.kernel.Post(b.kernel.Now().Add(d), b.self, whyBack, about)
}

// answer is an answer at its server.
func (b *Backend) answer(about uint64) {
	w := b.writes[about]
	b.Forget(about)
	switch {
	case w.late != nil: // its server has ended
		return
	case w.reads:
		r := b.store.Request(w.slot)
		if r.Op == store.OpList {
			w.server.list(w.slot, r)
			return
		}
		refusal, found := w.server.apply(r)
		w.server.finish(w.slot, refusal, found)
		return
	case w.more:
		w.server.again(w.slot)
		return
	}
	w.server.reply(w.slot)
}

// Failed implements etcd.Client. The request is kept, since it may be agreed
// on later; if it was, and only the answer is missing, its time is over.
func (b *Backend) Failed(about uint64, why etcd.Failure) {
	w := &b.writes[about]
	if w.late != nil {
		return // its server has ended
	}
	r := *b.store.Request(w.slot)
	w.late = &r
	if b.external && w.reads && why == etcd.TimedOut && b.kernel.Now() < w.server.fair.ticket(w.slot).arrived.Add(requestTime-etcd.Timeout) {
		b.submit(write{slot: w.slot, server: w.server, at: b.kernel.Now(), reads: true}) // as client/v3/retry.go does with what changes nothing
		return
	}
	refusal, message := store.TimedOut, "etcdserver: request timed out"
	switch why {
	case etcd.NoSpace:
		refusal, message = store.NoSpace, "etcdserver: mvcc: database space exceeded"
	case etcd.TooMany:
		refusal, message = store.InternalError, "etcdserver: too many requests" // k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/status.go: no status of its own
	}
	b.store.Request(w.slot).Explain(message)
	w.server.finish(w.slot, refusal, nil)
}

// abandon leaves what a server was asked and has not answered: what it asked of
// etcd may be agreed on, but nobody waits for it.
func (b *Backend) abandon(a *Server, now sim.Time) {
	for i := range b.writes {
		if w := &b.writes[i]; w.server == a && w.late == nil {
			r := *b.store.Request(w.slot)
			w.late, w.never = &r, w.at > now
		}
	}
}

// Forget implements etcd.Client.
func (b *Backend) Forget(about uint64) {
	b.writes[about] = write{}
	b.unused = append(b.unused, uint32(about))
}

// Leads implements etcd.Client.
func (b *Backend) Leads(member int, term uint64) {
	b.note(member, model.Note{Reason: "EtcdLeaderElected", Message: "leads in term " + strconv.FormatUint(term, 10)})
}

// Serving implements etcd.Client. People are told when requests fail, and when they
// no longer do.
func (b *Backend) Serving(member int, how etcd.Service) {
	was := b.service[member]
	b.service[member] = how
	b.serve(member)
	switch failed, fails := was >= etcd.TimesOut, how >= etcd.TimesOut; {
	case failed == fails:
	case !fails:
		b.note(member, model.Note{Reason: "EtcdServing", Message: b.goesOn(), Clients: b.clients()})
	case b.external && b.wrong[member]: // and nobody asks it
	default:
		b.note(member, model.Note{Warning: true, Reason: "EtcdNotServing", Message: b.waited(), Clients: b.clients()})
	}
}

// waited and goesOn are what people are told of a member that answers nothing in
// time, or does again.
func (b *Backend) waited() string {
	if b.external {
		return "who asks it has waited 7s for an answer"
	}
	return "its API server has waited 7s for an answer"
}

func (b *Backend) goesOn() string {
	if b.external {
		return "who asks it reads and writes again"
	}
	return "its API server reads and writes again"
}

// serve tells the server's watchers whether it can reach its etcd.
func (b *Backend) serve(member int) {
	if b.external {
		b.serveAll()
		return
	}
	how := b.how(member)
	b.store.SetServing(b.sites[member], how)
	b.servers[member].etcdServes(how != etcd.Lost)
}

// how is how a member serves: not at all while its database is locked.
func (b *Backend) how(member int) etcd.Service {
	if b.locked[member] {
		return etcd.Lost
	}
	return b.service[member]
}

// clients is what there is to tell of how all who ask servers fare, whatever is between
// them: whether any server listens whose member, or any if they are on machines of their
// own, reads and writes.
func (b *Backend) clients() model.Clients {
	answered := false
	for i, a := range b.servers {
		answered = answered || a.state == ready && (b.external || b.how(i) < etcd.TimesOut)
	}
	if b.external {
		any := false
		for i := range b.service {
			any = any || b.how(i) < etcd.TimesOut
		}
		answered = answered && any
	}
	switch {
	case answered != b.unanswered:
		return model.AsBefore
	case answered:
		b.unanswered = false
		return model.Answered
	}
	b.unanswered = true
	return model.Unanswered
}

// Paused implements etcd.Client.
func (b *Backend) Paused(member int, locked bool) {
	b.locked[member] = locked
	b.serve(member)
	if locked {
		b.note(member, model.Note{Reason: "EtcdDefragmenting", Message: "its database is locked while it is defragmented", Clients: b.clients()})
		return
	}
	b.note(member, model.Note{Reason: "EtcdDefragmented", Message: "its database is open again", Clients: b.clients()})
}

// Operated implements etcd.Client.
func (b *Backend) Operated(member int, what etcd.Operation) {
	switch what {
	case etcd.Removed:
		b.note(member, model.Note{Reason: "EtcdMemberRemoved", Message: "it is no member any more"})
	case etcd.LearnerAdded:
		b.note(member, model.Note{Reason: "EtcdLearnerAdded", Message: "a new member takes its place and catches up without a vote"})
	case etcd.Promoted:
		b.note(member, model.Note{Reason: "EtcdMemberPromoted", Message: "the new member has caught up and has a vote"})
	case etcd.Disarmed:
		b.note(member, model.Note{Reason: "EtcdAlarmDisarmed", Message: "there is space again"})
	}
}

// Restore makes another group of all members with the state of a backup, which
// says what was true when it was taken. Members and servers are down.
func (b *Backend) Restore(taken sim.Time, bump bool) {
	by := int64(0)
	if bump {
		by = store.BumpedRevisions
	}
	b.Renew()
	b.store.Restore(b.self, taken, by)
}

// seat is the number of the member on a machine.
func (b *Backend) seat(machine string) int {
	return slices.IndexFunc(b.sites, func(s network.Site) bool { return b.net.Name(s) == machine })
}

// MoveLeaderTo implements workload.Etcd.
func (b *Backend) MoveLeaderTo(machine string) string { return b.MoveLeader(b.seat(machine)) }

// ReplaceMember implements workload.Etcd.
func (b *Backend) ReplaceMember(machine string) string { return b.Replace(b.seat(machine)) }

// DefragmentAt implements workload.Etcd.
func (b *Backend) DefragmentAt(machine string) string {
	if machine == "" {
		b.Defragment()
		return ""
	}
	return b.DefragmentMember(b.seat(machine))
}

// note tells people something about a member. No component of Kubernetes does;
// they read it in etcd's log.
func (b *Backend) note(member int, n model.Note) {
	n.Named = "etcd/" + b.net.Name(b.sites[member])
	b.store.Note(b.self, n)
}

// SetDown ends a member's process, or starts it.
func (b *Backend) SetDown(member int, down bool) {
	b.Group.SetDown(member, down)
	b.is(member, down)
	b.lookAtLinks()
}

// SetFsync says how long syncs of a member's disk take.
func (b *Backend) SetFsync(member int, d sim.Dist) {
	b.Group.SetFsync(member, d)
	b.is(len(b.sites)+member, !d.IsZero())
}

// Fill makes the database as large as its quota.
func (b *Backend) Fill() {
	b.Group.Fill()
	b.is(2*len(b.sites), true)
}

// Defragment is the operator's way out of that.
func (b *Backend) Defragment() {
	b.Group.Defragment()
	b.is(2*len(b.sites), false)
}

// is notes that something is wrong, or right again.
func (b *Backend) is(what int, wrong bool) {
	b.wrong[what] = wrong
	b.store.SetSteady(!slices.Contains(b.wrong, true))
}

// Stop is SetDown of a member that may hand over before.
func (b *Backend) Stop(member int) {
	b.Group.Stop(member)
	b.is(member, true)
	b.lookAtLinks()
}
