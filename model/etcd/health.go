package etcd

import (
	"slices"
	"time"

	"orrery/model/etcd/raft"
	"orrery/sim"
)

// Service is how a member serves who asks it.
type Service uint8

// The services, each worse than the one before.
const (
	Serves   Service = iota
	Slow             // reads take more than 2 s, which is for how long the check of an API server's health waits
	TimesOut         // they take longer than a request may, but what is written is agreed on
	Lost             // nothing is read or agreed on
)

// healthTimeout is for how long /readyz and /healthz of an API server wait for what
// they read from etcd (k8s.io/apiserver/pkg/storage/storagebackend/config.go
// DefaultHealthcheckTimeout, DefaultReadinessTimeout; factory/etcd3.go newETCD3Check).
const healthTimeout = 2 * time.Second

// check is the read of a health check at a member. As long as the group is sound its
// outcome is known, and none is made.
type check struct {
	since   sim.Time // when it was begun; Never if none is under way
	context uint64
	index   uint64   // what must be applied, 0 until it is known
	disksAt sim.Time // before, no disk has done what it is at
}

// readRetryTicks is how often a member asks again how far all is committed
// (server/etcdserver/v3_server.go readIndexRetryTime, 500 ms).
const readRetryTicks = 5

// judge finds out since when the member knows no leader that it can talk to.
func (m *member) judge(now sim.Time) {
	g := m.group
	if g.replay || g.rest != nil {
		return
	}
	ok := false
	if lead := m.core.Lead(); m.up && lead != raft.None && m.votes() {
		ok = g.net.Connected(m.site, g.members[lead-1].site)
	}
	switch {
	case ok && m.lostAt != sim.Never:
		m.lostAt, m.health.since = sim.Never, sim.Never
	case !ok && m.lostAt == sim.Never:
		m.lostAt, m.health.since = now, sim.Never
		m.waits(now)
	}
}

// waits has the member looked at when those who ask it have waited for long.
func (m *member) waits(now sim.Time) {
	for _, d := range [...]time.Duration{healthTimeout, Timeout} {
		m.group.queue.push(event{at: max(now, m.lostAt.Add(d)), kind: gaveUp, member: m.id})
	}
	m.group.arm()
}

// gaveUp is when those who ask the member may have waited too long for a leader.
func (m *member) gaveUp(now sim.Time) {
	if m.group.seats[m.seat] != m || m.lostAt == sim.Never {
		return
	}
	switch waited := now.Sub(m.lostAt); {
	case waited >= Timeout:
		m.serve(Lost)
	case waited >= healthTimeout:
		m.serve(max(m.service, Slow))
	}
}

func (m *member) serve(s Service) {
	if s != m.service {
		m.service = s
		m.group.client.Serving(m.seat, s)
	}
}

// check makes a health check's read if its outcome is not known, and sees how long
// the last one has waited.
func (m *member) check(now sim.Time) {
	g, c := m.group, &m.health
	switch {
	case g.replay || m.lostAt != sim.Never:
		return
	case m.locked: // its server does not serve at all
		c.since = sim.Never
		return
	}
	m.checked(now)
	m.late(now)
	if m.ticked%readRetryTicks != 0 {
		return
	}
	if c.since == sim.Never {
		if _, sound := g.sound(); sound && m.service == Serves {
			return
		}
		*c = check{since: now, context: uint64(m.id)<<56 | uint64(m.ticked), disksAt: m.disksAt(now)}
	}
	if c.index == 0 {
		m.core.AskReadIndex(c.context)
	}
}

// late says how the member serves while a check waits.
func (m *member) late(now sim.Time) {
	c := &m.health
	if c.since == sim.Never {
		return
	}
	switch waited := now.Sub(c.since); {
	case waited > Timeout && m.hasRead():
		m.serve(TimesOut)
	case waited > Timeout:
		m.serve(Lost)
	case waited > healthTimeout:
		m.serve(max(m.service, Slow))
	}
}

// hasRead tells whether the check has its answer, but for the disks.
func (m *member) hasRead() bool {
	return m.health.index > 0 && !m.locked && m.applied() >= m.health.index
}

// checked ends a check that has its answer.
func (m *member) checked(now sim.Time) {
	c := &m.health
	if c.since == sim.Never || now < c.disksAt || !m.hasRead() {
		return
	}
	took := now.Sub(c.since)
	c.since = sim.Never
	switch {
	case took <= healthTimeout:
		m.serve(Serves)
	case took <= Timeout:
		m.serve(Slow)
	default:
		m.serve(TimesOut)
	}
}

// disksAt is when the member and a majority have done with their disks what they
// are at, if a disk is not as it should be. They are always at something: every
// renewal of a lease is a write, though none is played. Until then they hear nothing
// (server/etcdserver/raft.go).
func (m *member) disksAt(now sim.Time) sim.Time {
	g := m.group
	var all [raft.MaxID]time.Duration
	own := time.Duration(0)
	for i, o := range g.seats {
		switch {
		case !o.up:
			all[i] = Timeout
		case o.fsync != g.config.Fsync:
			all[i] = o.syncTime(now)
		}
		if o == m {
			own = all[i]
		}
	}
	sorted := all[:len(g.seats)]
	slices.Sort(sorted)
	return now.Add(max(own, sorted[len(sorted)/2]))
}
