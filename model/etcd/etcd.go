// Package etcd says what is agreed, and when. Its one idea: a write counts
// once a majority of the members has it on disk, so the group is members (a
// Raft state, a disk, a clock that ticks ten times a second) and what they
// tell each other. As long as nothing can go wrong in a round of messages its
// outcome is known, and it is computed instead of played: a quiet group makes
// no events, a healthy one few, and one in trouble plays every message. It
// refuses to know what is written; that is the store's.
package etcd

import (
	"time"

	"orrery/model/etcd/raft"
	"orrery/model/network"
	"orrery/sim"
)

// heartbeat and electionTicks are etcd's defaults: a tick every 100 ms, an
// election after 10 to 19 of them without a leader.
const (
	heartbeat     = 100 * time.Millisecond
	electionTicks = 10
)

// Timeout is what a request may take, 5 s and two elections
// (server/config/config.go ReqTimeout).
const Timeout = 5*time.Second + 2*electionTicks*heartbeat

// A snapshot is taken every 10,000 entries, and 5,000 before it stay for
// followers that lag (server/embed/config.go, server/etcdserver/server.go).
const (
	snapshotEvery = 10_000
	catchUp       = 5_000
)

// A message carries at most 1 MiB, and 512 are under way to a member
// (server/etcdserver/raft.go). Kubernetes' objects are about 2 KiB, which is
// what an entry is taken to be.
const (
	entryBytes   = 2 << 10
	mostEntries  = 1 << 20 / entryBytes
	mostInflight = 512
)

// Fsync is what a sync of the write-ahead log takes if nothing else is said:
// about a millisecond on SSD, with a p99 of 10 ms on disks that etcd's
// documentation calls sufficient (etcd.io/docs/v3.6/op-guide/hardware).
func Fsync() sim.Dist { return sim.Lognormal(1200*time.Microsecond, 10*time.Millisecond) }

// Config is what a group is made of. A member is known by the number of its
// site, also after another has taken its place.
type Config struct {
	Sites         []network.Site // of the members, the first to lead first: 1 to 7
	Fsync         sim.Dist       // of every member's disk; the zero value is Fsync()
	NoPreVote     bool           // a member that hears no leader stands for election without asking first
	NoCheckQuorum bool           // a leader that hears nobody goes on; nobody is kept from standing
	QuotaBytes    int64          // of the database; 0 is etcd's default, 2 GiB
	// Literal plays every message, which must not change anything.
	Literal bool
}

// Client is the API servers, as the group sees them. About is what they gave
// with a proposal.
type Client interface {
	// Agreed has a write done: it is now part of what is true. It happens once
	// for each write that is ever agreed on, in the order of the log.
	Agreed(about uint64)
	// Answer tells the proposing server of a write that was Agreed on.
	Answer(about uint64)
	// Failed tells it that there is no answer, or none but an error. Whether
	// it will be Agreed on all the same nobody knows.
	Failed(about uint64, why Failure)
	// Forget says that nothing more will be said about a write that failed.
	Forget(about uint64)
	// Leads tells that a member has been elected.
	Leads(member int, term uint64)
	// Serving tells how a member serves its server from now on.
	Serving(member int, how Service)
	// Paused tells that a member's database is locked, or no longer.
	Paused(member int, locked bool)
	// Operated tells that something is done that an operator began.
	Operated(member int, what Operation)
}

// Failure is why a write failed.
type Failure uint8

// The failures.
const (
	TimedOut Failure = iota // "etcdserver: request timed out"
	NoSpace                 // "etcdserver: mvcc: database space exceeded"
	TooMany                 // "etcdserver: too many requests"
)

// Group is an etcd cluster.
type Group struct {
	kernel *sim.Kernel
	net    *network.Network
	config Config
	client Client
	self   sim.ActorID
	luck   struct{ fsync, election sim.Lane }

	members  []*member // by ID, from 1; some may have been removed
	seats    []*member // by number of their machine, those that are not
	queue    eventQueue
	packets  packets
	postedAt sim.Time // of the earliest wake-up under way
	now      sim.Time // of the engine, which may catch up with the kernel's
	replay   bool     // it does, and nothing was wrong with the network then

	proposals   []proposal // by slot
	unused      []uint32
	serial      uint64
	open        int    // neither answered nor failed
	playedReads int    // questions of readers that travel
	tasks       []task // of an operator, by number
	busy        int    // of them are not done
	sweep       []int  // seats that are still to be defragmented
	sweeping    bool   // there are, or one is at it
	entries     map[entry]uint32
	done        uint64   // entries that are part of what is true
	failed      []uint32 // proposals that failed and may still be agreed on
	buried      uint64   // done, when those were last looked through

	rest    *rest // &resting while outcomes are computed, else nil
	resting rest
	space   space
}

// entry is an entry of the log, wherever it is.
//
//tidy:key the members' logs agree on it
type entry struct{ term, index uint64 }

// proposal is a write from when an API server asks for it until it is
// answered, and agreed on or lost.
type proposal struct {
	about    uint64
	serial   uint64
	member   int
	at       sim.Time // when its server has it ready
	arrives  sim.Time // at the leader, if all goes well
	entry    entry    // where a leader put it, if any did
	agreed   bool
	answered bool // or failed
}

// Wake-up reasons. About is a proposal's slot for whyArrive, else nothing.
const (
	whyEvent     sim.Why = iota // an event of the engine is due
	whyArrive                   // resting: a proposal reaches the leader
	whyCommit                   // resting: a majority has acknowledged
	whyApply                    // resting: the leader gets round to what was committed
	whyAnswer                   // resting: a member, about, hears of what was applied
	whyRefuse                   // there is no space for a proposal
	whyRead                     // a read is ready at its member
	whyConfirmed                // a member, about, is answered how far all is committed
)

// New is a group whose first member leads, and has long done so.
func New(k *sim.Kernel, net *network.Network, client Client, c Config) *Group {
	if c.Fsync.IsZero() {
		c.Fsync = Fsync()
	}
	g := &Group{kernel: k, net: net, config: c, client: client, postedAt: sim.Never, entries: map[entry]uint32{}}
	g.luck.fsync, g.luck.election = k.Luck().Lane("etcd/fsync"), k.Luck().Lane("etcd/election")
	g.self = k.Register("etcd", g)
	g.space = newSpace(c.QuotaBytes, len(c.Sites))
	all := raft.Conf{}
	for i := range c.Sites {
		all.Voters |= raft.SetOf(raft.ID(i + 1))
	}
	ticks := k.Luck().Lane("etcd/tick")
	for i, site := range c.Sites {
		m := &member{
			group: g, seat: i, id: raft.ID(i + 1), site: site, hash: sim.HashName("etcd/" + net.Name(site)),
			fsync: c.Fsync, up: true, lostAt: sim.Never, health: check{since: sim.Never},
		}
		luck := ticks.Draw(m.hash, 0)
		m.phase = sim.Time(luck.Duration(0, heartbeat))
		m.disk = raft.NewDisk(raft.Snapshot{Index: 1, Term: 1, Conf: all})
		g.members, g.seats = append(g.members, m), append(g.seats, m)
		m.boot()
	}
	g.elect()
	net.Listen(g)
	if c.Literal {
		g.arm()
	} else {
		g.settle()
	}
	return g
}

// elect has the first member win an election that takes no time.
func (g *Group) elect() {
	g.members[0].core.Campaign()
	for busy := true; busy; {
		busy = false
		for _, m := range g.members {
			for m.core.HasReady() {
				busy = true
				rd := m.core.TakeReady()
				out := append([]raft.Message(nil), rd.Messages...)
				m.core.Advance()
				for _, msg := range out {
					g.members[msg.To-1].core.Step(msg)
				}
			}
		}
	}
	g.done = g.members[0].core.Applied()
	g.members[0].led = g.members[0].core.Term()
}

// Leader is who leads, as far as the members that are up know: the one of the
// latest term; -1 if nobody does.
func (g *Group) Leader() int {
	best, term := -1, uint64(0)
	for i, m := range g.seats {
		if m.up && m.core.Role() == raft.Leader && m.core.Term() > term {
			best, term = i, m.core.Term()
		}
	}
	return best
}

// Term is the latest term of any member that is up.
func (g *Group) Term() (term uint64) {
	for _, m := range g.seats {
		if m.up {
			term = max(term, m.core.Term())
		}
	}
	return term
}

// Propose asks, at a member, to have a write agreed on; the member's server
// has it ready at a time from now on. Without space only what does not grow
// is taken.
func (g *Group) Propose(member int, at sim.Time, about uint64, grows Growth) {
	slot := g.slot(proposal{about: about, member: member, at: at})
	g.open++
	switch {
	case g.space.refuses(grows):
		g.kernel.Post(at, g.self, whyRefuse, uint64(slot))
	case g.rest != nil:
		g.rest.propose(g, slot)
	default:
		g.queue.push(event{at: at, kind: atMember, about: slot})
		g.arm()
	}
	g.space.wrote(at, grows)
}

func (g *Group) slot(p proposal) uint32 {
	g.serial++
	p.serial = g.serial
	if n := len(g.unused); n > 0 {
		slot := g.unused[n-1]
		g.unused = g.unused[:n-1]
		g.proposals[slot] = p
		return slot
	}
	g.proposals = append(g.proposals, p)
	return uint32(len(g.proposals) - 1)
}

// free forgets a proposal that is answered, or failed, and either agreed on or
// lost for good.
func (g *Group) free(slot uint32) {
	g.proposals[slot] = proposal{}
	g.unused = append(g.unused, slot)
}

// Wake implements sim.Actor.
func (g *Group) Wake(now sim.Time, why sim.Why, about uint64) {
	switch why {
	case whyEvent:
		if g.postedAt <= now {
			g.postedAt = sim.Never
		}
		if g.rest == nil {
			g.run(now)
			g.arm()
		}
	case whyRead:
		g.seats[g.proposals[about].member].read(now, uint32(about))
	case whyConfirmed:
		g.members[about-1].confirmed(now)
	case whyRefuse:
		p := &g.proposals[about]
		g.client.Failed(p.about, NoSpace)
		g.client.Forget(p.about)
		g.open--
		g.free(uint32(about))
	default:
		if g.rest != nil {
			g.rest.wake(g, now, why, uint32(about))
		}
	}
}

// DescribeWake implements sim.Describer.
func (g *Group) DescribeWake(why sim.Why, _ uint64) string {
	return [...]string{
		whyEvent:     "a message, a disk or a tick",
		whyArrive:    "a write reaches the leader",
		whyCommit:    "a write is committed",
		whyApply:     "the leader applies",
		whyAnswer:    "a member hears of a commit",
		whyRefuse:    "a write is refused",
		whyRead:      "a read is ready",
		whyConfirmed: "a read is confirmed",
	}[why]
}

// arm has the group woken when its next event is due.
func (g *Group) arm() {
	if at := g.queue.next(); at < g.postedAt {
		g.postedAt = at
		g.kernel.Post(at, g.self, whyEvent, 0)
	}
}

// LinksChanged implements network.Listener. What was under way stays so.
func (g *Group) LinksChanged(now sim.Time) {
	if !g.clean() {
		g.rouse(now)
		g.disturbed(now)
	}
	for _, m := range g.seats {
		m.judge(now)
	}
}

// clean tells whether nothing is wrong between any two members.
func (g *Group) clean() bool {
	for _, a := range g.seats {
		for _, b := range g.seats {
			if a != b && !g.net.Unimpaired(a.site, b.site) {
				return false
			}
		}
	}
	return true
}

// SetDown ends a member's process, or starts it with what is on its disk. What
// it had not written is gone.
func (g *Group) SetDown(member int, down bool) {
	m := g.seats[member]
	if m.stopping = false; m.up != down {
		return
	}
	now := g.kernel.Now()
	g.rouse(now)
	m.up = !down
	if down {
		m.boots++
		m.waiting = nil
		if m.resume(); g.sweeping {
			g.sweepOn(now)
		}
	} else {
		g.now = now
		m.boot()
	}
	g.disturbed(now)
	m.judge(now)
	g.arm()
}

// SetFsync makes a member's disk take so long from its next sync on; the zero
// value is what the group was made with.
func (g *Group) SetFsync(member int, d sim.Dist) {
	if d.IsZero() {
		d = g.config.Fsync
	}
	now := g.kernel.Now()
	g.rouse(now)
	g.seats[member].fsync = d
	g.disturbed(now)
}
