package etcd

import (
	"time"

	"orrery/model/etcd/raft"
	"orrery/model/network"
	"orrery/sim"
)

// member is one etcd process and its disk.
type member struct {
	group *Group
	seat  int // the number of its machine
	id    raft.ID
	site  network.Site
	hash  uint64 // of its name, for luck
	phase sim.Time
	fsync sim.Dist

	reads    reading
	core     *raft.Raft
	disk     *raft.Disk
	up       bool
	boots    uint32
	bootedAt sim.Time
	ticked   raft.Tick
	syncing  bool
	led      uint64   // the last term it led
	waiting  []uint64 // proposals, by name, until it knows a leader

	stopping       bool   // it hands over the leadership and ends
	locked         bool   // its database is, while it is defragmented: nothing is applied or read
	lagFrom, lagTo uint64 // entries that are applied when it no longer is, none if from is 0

	sentAt  [raft.MaxID + 1]sim.Time // by member: nothing sent to it arrives before
	told    [raft.MaxID + 1]uint64   // and the last commit it was told
	acked   [raft.MaxID + 1]uint64   // and the last entry acknowledged to it
	lostAt  sim.Time                 // since when it knows no leader that it can talk to; Never while it does
	service Service
	health  check
}

// boot starts the process with what is on its disk.
func (m *member) boot() {
	g := m.group
	m.boots++
	m.bootedAt = g.now
	m.core = m.newCore(g.now)
	m.ticked, m.syncing = m.tickAt(g.now), false
	g.queue.push(event{at: m.timeOf(m.ticked + 1), kind: ticks, member: m.id, boots: m.boots})
}

// newCore is what the process believes that starts with what is on its disk.
func (m *member) newCore(now sim.Time) *raft.Raft {
	g, boots := m.group, uint64(m.boots)
	return raft.New(raft.Config{
		ID: m.id, PreVote: !g.config.NoPreVote, CheckQuorum: !g.config.NoCheckQuorum, ElectionTicks: electionTicks,
		MostEntries: mostEntries, MostInflight: mostInflight,
		Timeout: func(nth uint64) raft.Tick {
			s := g.luck.election.Draw(m.hash, boots<<32|nth)
			return electionTicks + raft.Tick(s.Below(electionTicks))
		},
	}, m.disk, m.tickAt(now))
}

// votes tells whether the member has a vote, as far as it knows. One that has
// none serves nobody (server/etcdserver/api/v3rpc/interceptor.go).
func (m *member) votes() bool { return m.core.Conf().Voters.Has(m.id) }

// applied is how many entries are part of what the member can tell.
func (m *member) applied() uint64 {
	if m.lagFrom > 0 {
		return m.lagFrom - 1
	}
	return m.core.Applied()
}

// tickAt is the last tick at or before a time, and timeOf the time of a tick:
// members look at their clocks ten times a second, each in its own phase.
func (m *member) tickAt(at sim.Time) raft.Tick {
	return raft.Tick((at.Sub(m.phase) + heartbeat) / heartbeat)
}

func (m *member) timeOf(t raft.Tick) sim.Time {
	return m.phase.Add(time.Duration(t-1) * heartbeat)
}

// syncTime is how long a sync takes that starts at a time.
func (m *member) syncTime(at sim.Time) time.Duration {
	s := m.group.luck.fsync.Draw(m.hash, uint64(at))
	return m.fsync.Draw(&s)
}

// tick tells the process that time passes.
func (m *member) tick(now sim.Time) {
	m.ticked++
	m.group.queue.push(event{at: m.timeOf(m.ticked + 1), kind: ticks, member: m.id, boots: m.boots})
	m.core.Tick(m.ticked)
	m.check(now)
	m.work(now)
}

// work does what the process wants done, until it waits for its disk: writing,
// sending and applying happen one after the other
// (server/etcdserver/raft.go).
func (m *member) work(now sim.Time) {
	g := m.group
	for m.up && !m.syncing && m.core.HasReady() {
		rd := m.core.TakeReady()
		g.apply(m, rd)
		m.heard(rd.Reads)
		if rd.Lead {
			g.send(m, rd.Messages, now)
		}
		if rd.Sync || rd.Snapshot.Index > 0 {
			m.syncing = true
			g.queue.push(event{at: now.Add(m.syncTime(now)), kind: synced, member: m.id, boots: m.boots})
			break
		}
		m.finish(rd.Lead, rd.Messages, now)
	}
	if m.core.Role() == raft.Leader && m.core.Term() > m.led {
		m.led = m.core.Term()
		g.client.Leads(m.seat, m.led)
	}
	m.forward(now)
	m.readApplied(now)
	m.judge(now)
	m.checked(now)
}

// synced is when the disk is done.
func (m *member) synced(now sim.Time) {
	m.syncing = false
	rd := m.core.Doing()
	m.finish(rd.Lead, rd.Messages, now)
	m.work(now)
}

// finish sends what had to wait for the disk and takes a snapshot when it is
// time for one.
func (m *member) finish(led bool, messages []raft.Message, now sim.Time) {
	m.core.Advance()
	if !led {
		m.group.send(m, messages, now)
	}
	m.snapshot()
}

// snapshot takes the snapshots that are due.
func (m *member) snapshot() {
	if m.locked {
		return
	}
	for at := m.disk.Snapshot.Index + snapshotEvery; at <= m.core.Applied(); at += snapshotEvery {
		m.core.Snapshotted(at, at-catchUp)
	}
}

// forward passes on the proposals that wait for a leader, each at once: a
// proposal does not wait for the disk of the member that passes it on, though
// etcd's does.
func (m *member) forward(now sim.Time) {
	lead := m.core.Lead()
	if !m.up || lead == raft.None || len(m.waiting) == 0 {
		return
	}
	names := m.waiting
	m.waiting = nil
	for _, name := range names {
		if slot, ok := m.group.slotOf(name); ok && !m.group.proposals[slot].answered {
			m.pass(slot, now)
		}
	}
}

// pass gives a proposal to the leader, if there is one.
func (m *member) pass(slot uint32, now sim.Time) {
	g := m.group
	msg := raft.Message{Type: raft.Prop, From: m.id, To: m.core.Lead(), Context: g.name(slot)}
	switch {
	case !m.up || !m.votes():
	case msg.To == raft.None:
		m.waiting = append(m.waiting, msg.Context)
	case msg.To == m.id:
		g.append(m, &msg)
	default:
		g.send(m, []raft.Message{msg}, now)
	}
}
