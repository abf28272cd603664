package etcd

import (
	"time"

	"orrery/model/etcd/raft"
	"orrery/sim"
)

// Operation is something that an operator has done to a group, and that is
// done now.
type Operation uint8

// The operations.
const (
	Removed      Operation = iota // a member, for good
	LearnerAdded                  // another in its place, which gets everything and has no vote yet
	Promoted                      // and now it has
	Disarmed                      // the alarm NOSPACE
)

// lookAgain is how long an operator's script waits between two steps. It is an
// estimate.
const lookAgain = time.Second

// task is an operator's replacement of a member: the old one is removed, a
// learner takes its place with an empty disk, and it is promoted as soon as it
// has caught up (etcd.io/docs/v3.6/op-guide/runtime-configuration).
type task struct {
	old, new *member
	done     bool
}

// MoveLeader has another member lead (etcdctl move-leader). It says why not,
// if that cannot be.
func (g *Group) MoveLeader(seat int) string {
	now := g.kernel.Now()
	lead := g.Leader()
	switch m := g.seats[seat]; {
	case lead < 0:
		return "nobody leads"
	case lead == seat:
		return "it leads already"
	case !g.seats[lead].core.Conf().Voters.Has(m.id):
		return "it has no vote"
	}
	g.rouse(now)
	g.disturbed(now)
	g.transfer(g.seats[lead], g.seats[seat], now)
	g.arm()
	return ""
}

func (g *Group) transfer(from, to *member, now sim.Time) {
	from.core.TransferTo(to.id)
	from.work(now)
}

// Stop ends a member's process as its service manager does: one that leads
// first hands over to the member that has been connected longest, and waits
// for that as long as a request may take
// (server/etcdserver/server.go TryTransferLeadershipOnShutdown). Ways that were
// cut and healed do not count here, only when processes were started.
func (g *Group) Stop(seat int) {
	now, m := g.kernel.Now(), g.seats[seat]
	var to *member
	for _, o := range g.seats {
		if o != m && o.up && m.core.Conf().Voters.Has(o.id) && g.net.Connected(m.site, o.site) && (to == nil || o.bootedAt < to.bootedAt) {
			to = o
		}
	}
	if g.Leader() != seat || to == nil {
		g.SetDown(seat, true)
		return
	}
	g.rouse(now)
	g.disturbed(now)
	m.stopping = true
	g.transfer(m, to, now)
	g.queue.push(event{at: now.Add(heartbeat), kind: stops, member: m.id, boots: m.boots, about: 1})
	g.arm()
}

// stop ends a process that wanted to hand over, if it has or waited long enough.
func (m *member) stop(e *event) {
	switch g := m.group; {
	case !m.stopping:
	case m.core.Role() == raft.Leader && time.Duration(e.about)*heartbeat < Timeout:
		g.queue.push(event{at: e.at.Add(heartbeat), kind: stops, member: m.id, boots: m.boots, about: e.about + 1})
	default:
		g.SetDown(m.seat, true)
	}
}

// Replace has an operator replace a member, whatever state it is in. It says
// why not, if that cannot be.
func (g *Group) Replace(seat int) string {
	old := g.seats[seat]
	if len(g.members) == int(raft.MaxID) {
		return "there were too many replacements before"
	}
	for i := range g.tasks {
		if t := &g.tasks[i]; !t.done && t.new.seat == seat {
			return "it is being replaced already"
		}
	}
	now := g.kernel.Now()
	g.rouse(now)
	g.disturbed(now)
	m := &member{group: g, seat: seat, id: raft.ID(len(g.members) + 1), site: old.site, hash: old.hash, fsync: old.fsync, phase: old.phase,
		lostAt: now, service: old.service, health: check{since: sim.Never}, disk: raft.NewDisk(raft.Snapshot{})}
	m.core = m.newCore(now)
	g.members = append(g.members, m)
	g.tasks = append(g.tasks, task{old: old, new: m})
	g.busy++
	g.queue.push(event{at: now, kind: operates, about: uint32(len(g.tasks) - 1)})
	g.arm()
	return ""
}

// operate is the operator's next step, if the last one is done.
func (g *Group) operate(i int, now sim.Time) {
	t := &g.tasks[i]
	g.now = now
	if t.done {
		return // the group it was about is no more
	}
	if lead := g.Leader(); lead >= 0 {
		g.step(t, g.seats[lead], now)
	}
	if !t.done {
		g.queue.push(event{at: now.Add(lookAgain), kind: operates, about: uint32(i)})
	}
}

func (g *Group) step(t *task, lead *member, now sim.Time) {
	conf := lead.core.Conf()
	switch id := t.new.id; {
	case conf.Voters.Has(t.old.id):
		g.change(lead, raft.Change{Op: raft.Remove, Member: t.old.id}, now)
	case conf.Learners.Has(id) && !t.new.up:
		t.new.up, t.new.boots = true, t.old.boots
		t.new.boot()
		g.client.Operated(t.new.seat, LearnerAdded)
	case conf.Learners.Has(id):
		if lead.core.CaughtUp(id) {
			g.change(lead, raft.Change{Op: raft.AddVoter, Member: id}, now)
		}
	case conf.Voters.Has(id):
		t.done = true
		g.busy--
		g.client.Operated(t.new.seat, Promoted)
	default:
		if t.old.seat >= 0 && g.seats[t.old.seat] == t.old {
			g.retire(t, now)
		}
		g.change(lead, raft.Change{Op: raft.AddLearner, Member: id}, now)
	}
}

// retire ends the process of a removed member, and gives its place to the new one.
func (g *Group) retire(t *task, now sim.Time) {
	g.SetDown(t.old.seat, true)
	t.new.service = t.old.service
	t.new.lostAt = min(t.old.lostAt, now)
	t.new.waits(now)
	g.seats[t.old.seat] = t.new
	g.space.files[t.old.seat] = g.space.used()
	g.client.Operated(t.old.seat, Removed)
}

// change proposes a change of the membership.
func (g *Group) change(lead *member, c raft.Change, now sim.Time) {
	lead.core.Step(raft.Message{Type: raft.Prop, From: lead.id, To: lead.id, Change: &c})
	lead.work(now)
}

// Renew makes another group of the same machines, as restoring a backup does: each
// member begins with an empty log, and what was under way is lost. The members'
// processes are ended first, and stay so.
func (g *Group) Renew() {
	for i := range g.seats {
		g.SetDown(i, true)
	}
	last, term, voters := g.done, uint64(1), raft.Set(0)
	for _, m := range g.seats {
		last, term = max(last, m.core.Last()), max(term, m.core.Term())
		voters |= raft.SetOf(m.id)
	}
	for i, m := range g.seats {
		m.disk = raft.NewDisk(raft.Snapshot{Index: last, Term: term, Conf: raft.Conf{Voters: voters}})
		m.waiting = nil
		g.space.files[i] = g.space.used()
	}
	for i := range g.tasks {
		g.tasks[i].done = true
	}
	g.done, g.busy, g.space.full = last, 0, false
	g.bury()
}
