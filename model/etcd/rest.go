package etcd

import (
	"cmp"
	"slices"
	"time"

	"orrery/model/etcd/raft"
	"orrery/sim"
)

// rest is the group while nothing can go wrong: every member is up and heard,
// every link clean, every disk as it should be. Then heartbeats change
// nothing, and what a write meets is arithmetic: its batch at the leader's
// disk, the ways to the followers, their disks, the ways back. The members
// themselves stand still meanwhile. When the group is roused, they are moved
// to a moment not long before at which everybody had everything, and what was
// proposed since is played again, message by message.
type rest struct {
	lead     *member
	leadAt   int                      // its index
	last     uint64                   // entries in the leader's log
	applied  uint64                   // and how many of them it has applied
	order    []uint32                 // proposals in the log, not yet applied
	batches  []batch                  // not yet applied
	disks    [raft.MaxID + 1]disk     // by member
	to, from [raft.MaxID + 1]sim.Time // by follower: nothing sent later arrives before
	busyTill sim.Time                 // the last of what writes set in motion
	applyAt  sim.Time                 // a wake-up is under way for
	answers  [raft.MaxID][]asked      // by member: agreed on, and not yet known to it
	base     mark
	next     mark
	window   []asked // proposals since base
	coming   []asked // and those that have not arrived, by when they do and by when they were made
}

// batch is the entries that the leader writes at once.
type batch struct {
	commitAt sim.Time
	upTo     uint64
}

// disk is a member's last sync, which may be to come.
type disk struct {
	start, end sim.Time
	ack        sim.Time // of a follower: when the leader hears of its end
}

// mark is a moment at which everybody had all entries up to last.
type mark struct {
	at       sim.Time
	last     uint64
	position int // in the window
}

// asked is a proposal as it was made.
type asked struct {
	at     sim.Time
	member int
	slot   uint32
	serial uint64
}

const (
	// margin is more than any answer to what is under way takes, settled how
	// long the heartbeats before a disturbance must be played, and played how
	// much else: a look at the quorum and more.
	margin  = 5 * time.Millisecond
	settled = 300 * time.Millisecond
	played  = 1500 * time.Millisecond
	// mostWindow is how many proposals are played again at most.
	mostWindow = 4096
)

// calm tells whether the group, whose leader m is about to tick, can be put to
// rest.
func (g *Group) calm(m *member) bool {
	under := g.open + g.playedReads + g.busy + g.packets.underWay()
	if g.config.Literal || under > 0 || len(g.failed) > 0 || !m.up || !m.core.Settled() || !g.clean() {
		return false
	}
	for _, o := range g.seats {
		if !o.undisturbed() || o.core.HasReady() || !o.follows(m) {
			return false
		}
	}
	return true
}

// undisturbed tells whether a member runs as it does when nothing is wrong, and waits for nothing.
func (m *member) undisturbed() bool {
	broken := !m.up || m.stopping || m.locked || m.lostAt != sim.Never || m.service != Serves || m.health.since != sim.Never
	return !broken && !m.syncing && m.fsync == m.group.config.Fsync && len(m.waiting) == 0
}

// follows tells whether a member, the leader itself perhaps, has applied all that the leader has.
func (m *member) follows(leader *member) bool {
	c, of := m.core, leader.core
	return c.Lead() == leader.id && c.Term() == of.Term() && c.Applied() == of.Last() && of.Conf().Voters.Has(m.id)
}

// settle puts the group to rest.
func (g *Group) settle() {
	at := g.Leader()
	last := g.seats[at].core.Last()
	old := g.resting
	g.resting = rest{lead: g.seats[at], leadAt: at, last: last, applied: last, applyAt: -1, base: mark{g.now, last, 0},
		order: old.order[:0], batches: old.batches[:0], window: old.window[:0], coming: old.coming[:0]}
	for i := range old.answers {
		g.resting.answers[i] = old.answers[i][:0]
	}
	g.rest = &g.resting
}

// propose has a proposal on its way to the leader.
func (r *rest) propose(g *Group, slot uint32) {
	now := g.kernel.Now()
	if len(r.window) == mostWindow {
		g.rouse(now)
		g.queue.push(event{at: g.proposals[slot].at, kind: atMember, about: slot})
		g.arm()
		return
	}
	r.mark(g, now)
	p := &g.proposals[slot]
	p.arrives = p.at
	if p.member != r.leadAt {
		d, _ := g.delay(g.seats[p.member], r.lead.id, p.at)
		p.arrives = p.at.Add(d)
	}
	r.window = append(r.window, asked{p.at, p.member, slot, p.serial})
	i, _ := slices.BinarySearchFunc(r.coming, p.arrives+1, func(a asked, at sim.Time) int { return cmp.Compare(a.at, at) })
	r.coming = slices.Insert(r.coming, i, asked{p.arrives, p.member, slot, p.serial})
	g.kernel.Post(p.arrives, g.self, whyArrive, uint64(slot))
}

// mark remembers a moment at which everything is done, and forgets what was
// before the last such moment but one.
func (r *rest) mark(g *Group, now sim.Time) {
	if g.open > 1 || now < r.busyTill.Add(margin) {
		return
	}
	if r.next.at > 0 && r.next.at <= now.Add(-settled) {
		r.window = append(r.window[:0], r.window[r.next.position:]...)
		r.base, r.next = mark{r.next.at, r.next.last, 0}, mark{}
	}
	if r.next.at == 0 {
		r.next = mark{now, r.last, len(r.window)}
	}
}

func (r *rest) wake(g *Group, now sim.Time, why sim.Why, slot uint32) {
	switch why {
	case whyArrive: // all that do now, in the order in which they were made
		for g.rest == r && len(r.coming) > 0 && r.coming[0].at <= now {
			a := r.coming[0]
			r.coming = slices.Delete(r.coming, 0, 1)
			if p := &g.proposals[a.slot]; p.serial == a.serial && p.arrives == now && !p.agreed {
				r.arrive(g, now, a.slot)
			}
		}
	case whyCommit, whyApply:
		r.commit(g, now)
	case whyAnswer:
		r.hear(g, now, int(slot))
	}
}

// arrive adds a proposal to the leader's log: to the batch that waits for the
// disk, or to a new one.
func (r *rest) arrive(g *Group, now sim.Time, slot uint32) {
	r.last++
	r.order = append(r.order, slot)
	d := &r.disks[r.lead.id]
	if now < d.start {
		r.batches[len(r.batches)-1].upTo = r.last
		return
	}
	start := max(now, d.end)
	*d = disk{start: start, end: start.Add(r.lead.syncTime(start))}
	var done [raft.MaxID]sim.Time
	done[0] = d.end
	n := 1
	for _, m := range g.seats {
		if m != r.lead {
			done[n] = r.acknowledged(g, m, start)
			n++
		}
	}
	slices.Sort(done[:n])
	r.batches = append(r.batches, batch{done[n/2], r.last})
	r.busyTill = max(r.busyTill, done[n-1])
	g.kernel.Post(done[n/2], g.self, whyCommit, 0)
	if len(r.order) > mostInflight/2 {
		g.rouse(now)
	}
}

// acknowledged is when the leader hears that a follower has on its disk what
// it sent it at a time.
func (r *rest) acknowledged(g *Group, m *member, sent sim.Time) sim.Time {
	there := r.reach(g, m, sent)
	d := &r.disks[m.id]
	if there < d.start {
		return d.ack
	}
	d.start = max(there, d.end)
	d.end = d.start.Add(m.syncTime(d.start))
	back, _ := g.delay(m, r.lead.id, d.end)
	r.from[m.id] = max(r.from[m.id], d.end.Add(back))
	d.ack = r.from[m.id]
	return d.ack
}

// reach is when what the leader sends a follower at a time is there.
func (r *rest) reach(g *Group, m *member, sent sim.Time) sim.Time {
	d, _ := g.delay(r.lead, m.id, sent)
	r.to[m.id] = max(r.to[m.id], sent.Add(d))
	return r.to[m.id]
}

// commit applies what a majority has, unless the leader is at its disk: then
// when it is back.
func (r *rest) commit(g *Group, now sim.Time) {
	d := &r.disks[r.lead.id]
	back := now
	switch {
	case now < d.start:
		back = d.start
	case now > d.start && now < d.end:
		back = d.end
	}
	if back > now {
		if r.applyAt != back {
			r.applyAt = back
			g.kernel.Post(back, g.self, whyApply, 0)
		}
		return
	}
	n, upTo := 0, r.applied
	for n < len(r.batches) && r.batches[n].commitAt <= now {
		upTo = r.batches[n].upTo
		n++
	}
	if n == 0 {
		return
	}
	r.batches = append(r.batches[:0], r.batches[n:]...)
	r.apply(g, now, upTo)
}

// apply makes entries part of what is true, and answers each proposer as soon
// as its own member has heard of it.
func (r *rest) apply(g *Group, now sim.Time, upTo uint64) {
	var hears [raft.MaxID + 1]sim.Time
	with := r.disks[r.lead.id].start == now && now > 0 // the commit travels with new entries
	for i, m := range g.seats {
		if m == r.lead {
			continue
		}
		there := r.to[m.id]
		if !with {
			there = r.reach(g, m, now)
			r.busyTill = max(r.busyTill, there)
		}
		hears[i] = r.idle(m, there, with)
	}
	n := int(upTo - r.applied)
	slots := r.order[:n]
	r.applied, g.done = upTo, upTo
	for _, slot := range slots {
		p := &g.proposals[slot]
		p.agreed = true
		g.client.Agreed(p.about)
		if p.member == r.leadAt {
			r.answer(g, slot)
			continue
		}
		q := &r.answers[p.member]
		if at := hears[p.member]; len(*q) == 0 || (*q)[len(*q)-1].at != at {
			g.kernel.Post(at, g.self, whyAnswer, uint64(p.member))
		}
		*q = append(*q, asked{at: hears[p.member], slot: slot})
	}
	r.order = append(r.order[:0], r.order[n:]...)
}

func (r *rest) answer(g *Group, slot uint32) {
	g.client.Answer(g.proposals[slot].about)
	g.open--
	g.free(slot)
}

// hear answers what a member's server proposed and the member has heard of.
func (r *rest) hear(g *Group, now sim.Time, member int) {
	q := r.answers[member]
	n := 0
	for n < len(q) && q[n].at <= now {
		r.answer(g, q[n].slot)
		n++
	}
	r.answers[member] = append(q[:0], q[n:]...)
}

// idle is when a follower whom something reaches gets round to it: at once,
// if it is not at its disk, or goes there with entries that came with it.
func (r *rest) idle(m *member, there sim.Time, with bool) sim.Time {
	switch d := &r.disks[m.id]; {
	case there < d.start || there == d.start && with:
		return d.start
	case there < d.end:
		return d.end
	}
	return there
}

// rouse has the members play from now on.
func (g *Group) rouse(now sim.Time) {
	r := g.rest
	if r == nil {
		return
	}
	g.rest = nil
	if len(r.order) == 0 && g.open == 0 && now >= r.busyTill.Add(margin+settled) {
		r.base = mark{now, r.last, len(r.window)}
	}
	g.skip(r, now)
	for _, a := range r.window[r.base.position:] {
		slot := a.slot
		if g.proposals[slot].serial != a.serial {
			slot = g.slot(proposal{member: a.member, at: a.at, agreed: true, answered: true})
		}
		g.queue.push(event{at: a.at, kind: atMember, about: slot})
	}
	g.replay = true
	g.run(now)
	g.replay = false
	for _, m := range g.seats {
		m.judge(now)
	}
	g.arm()
}

// skip moves the members, as they were put to rest, by as many looks at the
// quorum as there are until not long before now.
func (g *Group) skip(r *rest, now sim.Time) {
	const look = electionTicks * heartbeat
	n := max(0, min(r.base.at, now.Add(-played)).Sub(g.now)/look)
	for _, m := range g.seats {
		m.core.Settle(r.base.last)
		m.core.Skip(raft.Tick(n) * electionTicks)
		m.snapshot()
		m.ticked += raft.Tick(n) * electionTicks
		for i := range m.told {
			m.told[i] = max(m.told[i], r.base.last)
			m.acked[i] = max(m.acked[i], r.base.last)
		}
	}
	for i := range g.queue.heap {
		g.queue.heap[i].at = g.queue.heap[i].at.Add(n * look)
	}
	g.now = g.now.Add(n * look)
}
