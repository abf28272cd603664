package etcd

import (
	"slices"
	"time"

	"orrery/model/etcd/raft"
	"orrery/sim"
)

// reading is the linearizable reads at a member. It asks how far everything
// is committed, once for all reads that are there, and those that come
// meanwhile wait for the next question
// (server/etcdserver/v3_server.go linearizableReadLoop).
type reading struct {
	asked, waiting []uint32 // proposals: of the question under way, and of the next
	since          sim.Time // when the question was asked
	doneAt         sim.Time // while its outcome is known: when it is answered, else Never
	number         uint64   // of the question
	index          uint64   // played: what must be applied, 0 until it is known
}

// readRetry is how often a question that is not answered is asked again
// (server/etcdserver/v3_server.go readIndexRetryTime).
const readRetry = 500 * time.Millisecond

// Read asks, at a member from a time on, for what is true then: answered once
// the leader has made sure that it still leads, by a round of heartbeats, and
// failed after as long as a request may take.
func (g *Group) Read(member int, at sim.Time, about uint64) {
	slot := g.slot(proposal{about: about, member: member, at: at})
	g.kernel.Post(at, g.self, whyRead, uint64(slot))
}

// read has a read wait for a question: the next one, if one is under way.
func (m *member) read(now sim.Time, slot uint32) {
	m.reads.waiting = append(m.reads.waiting, slot)
	if len(m.reads.asked) == 0 {
		m.ask(now)
	}
}

// ask asks for all that wait. While the group is sound the outcome is known:
// the ways to the leader, to a majority, back, and back again. Such a question
// does not wait for disks, as heartbeats behind a write may.
func (m *member) ask(now sim.Time) {
	r := &m.reads
	r.asked, r.waiting = r.waiting, r.asked[:0]
	if len(r.asked) == 0 {
		return
	}
	r.number++
	r.since, r.index = now, 0
	if lead, ok := m.group.sound(); ok {
		r.doneAt = m.group.round(m, lead, now)
		m.group.kernel.Post(r.doneAt, m.group.self, whyConfirmed, uint64(m.id))
		return
	}
	m.playRead(now)
}

// confirmed is when a question whose outcome was known is answered, unless
// something went wrong meanwhile.
func (m *member) confirmed(now sim.Time) {
	if r := &m.reads; len(r.asked) > 0 && r.doneAt == now {
		m.answerReads(now, func(about uint64) { m.group.client.Answer(about) })
	}
}

func (m *member) answerReads(now sim.Time, say func(about uint64)) {
	g := m.group
	if m.reads.doneAt == sim.Never {
		g.playedReads--
	}
	for _, slot := range m.reads.asked {
		about := g.proposals[slot].about
		g.free(slot)
		say(about)
	}
	m.reads.asked = m.reads.asked[:0]
	m.ask(now)
}

// playRead has the question travel, message by message.
func (m *member) playRead(now sim.Time) {
	g, r := m.group, &m.reads
	g.rouse(now)
	r.doneAt = sim.Never
	g.playedReads++
	g.queue.push(event{at: r.since.Add(Timeout), kind: readLost, member: m.id, about: uint32(r.number)})
	g.queue.push(event{at: now, kind: asks, member: m.id, about: uint32(r.number)})
	g.arm()
}

// askAgain sends the question, and again later.
func (m *member) askAgain(e *event) {
	if !m.plays(e) || m.reads.index > 0 {
		return
	}
	m.group.queue.push(event{at: e.at.Add(readRetry), kind: asks, member: m.id, about: e.about})
	if m.up {
		m.core.AskReadIndex(m.readContext())
		m.work(e.at)
	}
}

func (m *member) readContext() uint64 { return 1<<63 | uint64(m.id)<<56 | m.reads.number }

// plays tells whether an event is about the question under way.
func (m *member) plays(e *event) bool {
	return len(m.reads.asked) > 0 && m.reads.doneAt == sim.Never && uint32(m.reads.number) == e.about
}

// heard takes the answers to questions.
func (m *member) heard(reads []raft.Read) {
	for _, r := range reads {
		switch {
		case r.Context == m.readContext():
			m.reads.index = max(r.Index, 1)
		case r.Context == m.health.context: // not the answer to an older question
			m.health.index = max(r.Index, 1)
		}
	}
}

// readApplied answers reads whose question is answered, once all is applied.
func (m *member) readApplied(now sim.Time) {
	if r := &m.reads; len(r.asked) > 0 && r.doneAt == sim.Never && r.index > 0 && !m.locked && m.applied() >= r.index {
		m.answerReads(now, func(about uint64) { m.group.client.Answer(about) })
	}
}

// loseRead fails the reads of a question that nobody answered in time.
func (m *member) loseRead(e *event) {
	if m.plays(e) {
		m.answerReads(e.at, func(about uint64) {
			m.group.client.Failed(about, TimedOut)
			m.group.client.Forget(about)
		})
	}
}

// disturbed has questions travel whose outcome is no longer known.
func (g *Group) disturbed(now sim.Time) {
	for _, m := range g.seats {
		if len(m.reads.asked) > 0 && m.reads.doneAt != sim.Never {
			m.playRead(now)
		}
	}
}

// sound tells who leads, if nothing is wrong with any member or way, and all
// follow the same leader.
func (g *Group) sound() (*member, bool) {
	if g.rest != nil {
		return g.rest.lead, true
	}
	at := g.Leader()
	if at < 0 || !g.clean() {
		return nil, false
	}
	lead := g.seats[at]
	if term, _ := lead.core.EntryTerm(lead.core.Commit()); term != lead.core.Term() {
		return nil, false
	}
	for _, m := range g.seats {
		if !m.up || m.locked || !m.votes() || m.core.Lead() != lead.id || m.fsync != g.config.Fsync {
			return nil, false
		}
	}
	return lead, true
}

// round is when a question of a member is answered that is asked at a time.
func (g *Group) round(m, lead *member, at sim.Time) sim.Time {
	if m != lead {
		d, _ := g.delay(m, lead.id, at)
		at = at.Add(d)
	}
	var acks [raft.MaxID]sim.Time
	n := 0
	for _, o := range g.seats {
		if o != lead {
			there, _ := g.delay(lead, o.id, at)
			back, _ := g.delay(o, lead.id, at.Add(there))
			acks[n] = at.Add(there + back)
			n++
		}
	}
	if n > 0 {
		slices.Sort(acks[:n])
		at = acks[(n+1)/2-1]
	}
	if m != lead {
		d, _ := g.delay(lead, m.id, at)
		at = at.Add(d)
	}
	return at
}
