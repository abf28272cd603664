package etcd

import (
	"time"

	"orrery/sim"
)

// defragBytesPerSecond is how fast a member copies its database into a new
// file. It is an estimate.
const defragBytesPerSecond = 100 << 20

// Defragment gives back what was freed, a member after another, the leader
// last. Each is locked meanwhile: it applies nothing, reads nothing and tells its
// API server nothing, but it follows its leader, or leads
// (server/storage/backend/backend.go defrag). If the alarm NOSPACE is on, the
// operator compacts before and disarms it afterwards, which is the way out of it
// (etcd.io/docs/v3.6/op-guide/maintenance).
func (g *Group) Defragment() {
	if s := &g.space; s.full {
		s.compacted, s.seen = s.revisions, s.revisions
	}
	lead := g.Leader()
	for i := range g.seats {
		if i != lead {
			g.sweep = append(g.sweep, i)
		}
	}
	if lead >= 0 {
		g.sweep = append(g.sweep, lead)
	}
	g.sweeping = true
	g.sweepOn(g.kernel.Now())
	g.arm()
}

// DefragmentMember is Defragment of one member only, and disarms nothing.
func (g *Group) DefragmentMember(seat int) string {
	switch m := g.seats[seat]; {
	case !m.up:
		return "it does not answer"
	case m.locked:
		return "it is being defragmented"
	}
	g.lock(seat, g.kernel.Now())
	g.arm()
	return ""
}

// sweepOn begins with the next member, unless one is at it, and disarms the
// alarm when all are done.
func (g *Group) sweepOn(now sim.Time) {
	for _, m := range g.seats {
		if m.locked {
			return
		}
	}
	for len(g.sweep) > 0 {
		seat := g.sweep[0]
		g.sweep = g.sweep[1:]
		if g.seats[seat].up {
			g.lock(seat, now)
			return
		}
	}
	g.sweeping = false
	s := &g.space
	was := s.full
	s.full = false
	for _, file := range s.files {
		s.full = s.full || file > s.quota
	}
	if was && !s.full {
		g.client.Operated(max(g.Leader(), 0), Disarmed)
	}
}

// lock begins the defragmentation of a member.
func (g *Group) lock(seat int, now sim.Time) {
	m := g.seats[seat]
	g.rouse(now)
	g.disturbed(now)
	m.locked = true
	lasts := time.Duration(g.space.files[seat]) * time.Second / defragBytesPerSecond
	g.queue.push(event{at: now.Add(lasts), kind: goesOn, member: m.id, boots: m.boots})
	g.client.Paused(seat, true)
}

// goOn is when a member's database is in its new file.
func (m *member) goOn(now sim.Time) {
	g := m.group
	g.space.files[m.seat] = g.space.used()
	from, to := m.lagFrom, m.lagTo
	m.resume()
	if from > 0 {
		g.applyTo(m, from, to)
	}
	m.snapshot()
	m.readApplied(now)
	if g.sweeping {
		g.sweepOn(now)
	}
}

// resume ends the lock, also when the process ends.
func (m *member) resume() {
	if m.locked {
		m.locked, m.lagFrom, m.lagTo = false, 0, 0
		m.group.client.Paused(m.seat, false)
	}
}
