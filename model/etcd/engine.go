package etcd

import (
	"slices"
	"time"

	"orrery/model/etcd/raft"
	"orrery/sim"
)

// run plays every event up to a time.
func (g *Group) run(until sim.Time) {
	for g.queue.next() <= until {
		e := g.queue.pop()
		g.now = e.at
		if e.kind == ticks && !g.replay && g.calm(g.members[e.member-1]) {
			g.queue.push(e)
			g.settle()
			return
		}
		g.play(&e)
	}
	g.now = until
	if len(g.failed) > 0 && g.done > g.buried {
		g.buried = g.done
		g.bury()
	}
}

func (g *Group) play(e *event) {
	var m *member
	if e.member != raft.None {
		m = g.members[e.member-1]
	}
	switch stale := m != nil && e.boots != m.boots; {
	case e.kind == arrives:
		g.arrive(e.about, e.at)
	case e.kind == atMember:
		g.atMember(e)
	case e.kind == expires:
		g.expire(e)
	case e.kind == gaveUp:
		m.gaveUp(e.at)
	case e.kind == asks:
		m.askAgain(e)
	case e.kind == readLost:
		m.loseRead(e)
	case e.kind == operates:
		g.operate(int(e.about), e.at)
	case stale || !m.up:
	case e.kind == ticks:
		m.tick(e.at)
	case e.kind == synced:
		m.synced(e.at)
	case e.kind == stops:
		m.stop(e)
	case e.kind == goesOn:
		m.goOn(e.at)
	}
}

// mostBehind is by how many entries a member may lag behind what it knows to
// be committed before it takes no more
// (server/etcdserver/v3_server.go maxGapBetweenApplyAndCommitIndex).
const mostBehind = 5000

// atMember is a proposal at its member.
func (g *Group) atMember(e *event) {
	p := &g.proposals[e.about]
	m := g.seats[p.member]
	if m.up && !g.replay && m.core.Commit() > m.applied()+mostBehind {
		g.open--
		g.client.Failed(p.about, TooMany)
		g.client.Forget(p.about)
		g.free(e.about)
		return
	}
	g.queue.push(event{at: p.at.Add(Timeout), kind: expires, about: e.about, boots: uint32(p.serial)})
	m.pass(e.about, e.at)
	m.work(e.at)
}

// expire fails a proposal that nobody answered. It may be agreed on later, if
// it is in anybody's log.
func (g *Group) expire(e *event) {
	p := &g.proposals[e.about]
	if uint32(p.serial) != e.boots || p.answered {
		return
	}
	p.answered = true
	g.open--
	g.client.Failed(p.about, TimedOut)
	switch {
	case p.agreed || p.entry.index == 0:
		g.client.Forget(p.about)
		g.drop(e.about)
	default:
		g.failed = append(g.failed, e.about)
	}
}

// drop forgets a proposal and where it is in the log.
func (g *Group) drop(slot uint32) {
	delete(g.entries, g.proposals[slot].entry)
	g.free(slot)
}

// bury forgets the failed proposals whose place in the log was taken.
func (g *Group) bury() {
	keep := g.failed[:0]
	for _, slot := range g.failed {
		switch p := &g.proposals[slot]; {
		case p.entry.index > g.done:
			keep = append(keep, slot)
		default:
			g.client.Forget(p.about)
			g.drop(slot)
		}
	}
	g.failed = keep
}

// name is what a message calls a proposal, and slotOf finds it again, if it is
// still of interest.
func (g *Group) name(slot uint32) uint64 { return g.proposals[slot].serial<<24 | uint64(slot) }

func (g *Group) slotOf(name uint64) (uint32, bool) {
	slot := uint32(name & (1<<24 - 1))
	return slot, name > 0 && int(slot) < len(g.proposals) && g.proposals[slot].serial == name>>24
}

// arrive hands a packet to its member.
func (g *Group) arrive(slot uint32, now sim.Time) {
	p := &g.packets.all[slot]
	m := g.members[p.to-1]
	from := g.members[p.from-1]
	if !m.up {
		for i := range p.messages {
			g.lost(from, &p.messages[i])
		}
		g.packets.free(slot)
		return
	}
	for i := range p.messages {
		msg := &p.messages[i]
		if msg.Type == raft.Prop && m.core.Role() == raft.Leader {
			g.append(m, msg)
			continue
		}
		m.core.Step(*msg)
		if msg.Type == raft.Snap && from.up {
			from.core.SnapshotSent(m.id, true)
			from.work(now)
		}
	}
	g.packets.free(slot)
	m.work(now)
}

// append has the leader take a proposal into its log.
func (g *Group) append(m *member, msg *raft.Message) {
	slot, known := g.slotOf(msg.Context)
	switch {
	case !m.core.Step(*msg):
		if known {
			by := g.seats[g.proposals[slot].member]
			by.waiting = append(by.waiting, msg.Context)
		}
	case known:
		e := entry{m.core.Term(), m.core.Last()}
		g.entries[e], g.proposals[slot].entry = slot, e
	}
}

// lost tells the sender's process what it notices of a message that cannot
// arrive.
func (g *Group) lost(from *member, msg *raft.Message) {
	if !from.up {
		return
	}
	from.core.Unreachable(msg.To)
	if msg.Type == raft.Snap {
		from.core.SnapshotSent(msg.To, false)
	}
}

// send gives the network what a member sends at one moment: a packet for each
// receiver. Only the last acknowledgement counts, which is the furthest
// (server/etcdserver/raft.go processMessages).
func (g *Group) send(m *member, messages []raft.Message, now sim.Time) {
	last := -1
	for i := range messages {
		if msg := &messages[i]; msg.Type == raft.AppResp && (last < 0 || msg.Reject || msg.Index >= messages[last].Index) {
			last = i
		}
	}
	sent := raft.Set(0)
	for i := range messages {
		to := messages[i].To
		if sent.Has(to) {
			continue
		}
		sent |= raft.SetOf(to)
		slot := g.packets.take(m.id, to)
		p := &g.packets.all[slot]
		for j := i; j < len(messages); j++ {
			if msg := &messages[j]; msg.To == to && (msg.Type != raft.AppResp || j == last) {
				p.messages = append(p.messages, *msg)
			}
		}
		if len(p.messages) == 0 {
			g.packets.free(slot)
			continue
		}
		g.carry(m, slot, now)
	}
}

// carry sends a packet on its way. What brings entries, commits or
// acknowledgements keeps its order on a way, as on etcd's streams; the rest
// may be overtaken, but does not overtake.
func (g *Group) carry(m *member, slot uint32, now sim.Time) {
	p := &g.packets.all[slot]
	d, ok := g.delay(m, p.to, now)
	if !ok || int(p.to) > len(g.members) {
		for i := range p.messages {
			g.lost(m, &p.messages[i])
		}
		g.packets.free(slot)
		return
	}
	at := now.Add(d)
	if p.messages[0].Type != raft.Prop {
		at = max(at, m.sentAt[p.to])
	}
	for i := range p.messages {
		if m.ordered(&p.messages[i]) {
			m.sentAt[p.to] = at
		}
		if p.messages[i].Type == raft.Snap {
			p.messages[i].Snapshot = m.core.State() // and not what it last had on disk
			at = at.Add(g.space.transfer(m.seat))
		}
	}
	g.queue.push(event{at: at, kind: arrives, about: slot})
}

// ordered tells whether the message brings news that later ones build on, and
// remembers that it was sent.
func (m *member) ordered(msg *raft.Message) bool {
	switch {
	case msg.Type == raft.App && (msg.Entries.Count > 0 || msg.Commit > m.told[msg.To]):
		m.told[msg.To] = msg.Commit
		return true
	case msg.Type == raft.AppResp && !msg.Reject && msg.Index > m.acked[msg.To]:
		m.acked[msg.To] = msg.Index
		return true
	}
	return false
}

// delay is how long what a member sends at a time is under way. The time names
// its luck.
func (g *Group) delay(m *member, to raft.ID, at sim.Time) (time.Duration, bool) {
	hash := m.hash ^ uint64(to)
	if g.replay || g.rest != nil {
		return g.net.UnimpairedDelay(m.site, g.members[to-1].site, hash, uint64(at)), true
	}
	return g.net.Delay(m.site, g.members[to-1].site, hash, uint64(at))
}

// apply makes what a member has learnt to be committed part of what is true,
// unless another member was faster, and answers what was proposed to it.
func (g *Group) apply(m *member, rd *raft.Ready) {
	switch {
	case rd.ApplyFrom > rd.ApplyTo:
	case m.locked:
		if m.lagFrom == 0 {
			m.lagFrom = rd.ApplyFrom
		}
		m.lagTo = rd.ApplyTo
	default:
		g.applyTo(m, rd.ApplyFrom, rd.ApplyTo)
	}
}

func (g *Group) applyTo(m *member, from, to uint64) {
	for i := from; i <= to; i++ {
		if c := m.core.ChangeAt(i); c != nil {
			m.core.Apply(*c)
		}
		term, _ := m.core.EntryTerm(i)
		e := entry{term, i}
		slot, known := g.entries[e]
		if i > g.done {
			g.done = i
			if known && !g.proposals[slot].agreed {
				g.proposals[slot].agreed = true
				g.client.Agreed(g.proposals[slot].about)
			}
		}
		if !known {
			continue
		}
		if p := &g.proposals[slot]; p.member == m.seat && !p.answered {
			p.answered = true
			g.open--
			g.client.Answer(p.about)
		}
		if p := &g.proposals[slot]; p.answered && !slices.Contains(g.failed, slot) {
			g.drop(slot)
		}
	}
}
